"""The base of the tree of refusals, and the classes that stand for a whole family of reasons."""

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.rpc import status_pb2

from holdfast_client import status_details
from holdfast_client.status_details import FieldViolation


class HoldfastError(Exception):
    """The authority did not do what was asked. The classes below it say why.

    Attributes:
        code: The gRPC status code.
        reason: The ErrorReason without its prefix, such as "UNKNOWN_SKU"; empty if no authority answered.
        message: What happened, in words for people. Not a contract.
        metadata: The facts of the case, by the keys that error_reason.proto lists for the reason.
        violations: The fields that break their rules, all of them.
        retry_delay_seconds: The time after which the authority asks to try again; None if it named none.
        status: The google.rpc.Status as it was sent, serialised.
        request_id: The id of the request that failed, to ask again with; empty for reads and batches.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]
    violations: tuple[FieldViolation, ...]
    retry_delay_seconds: float | None
    status: bytes
    request_id: str

    def __init__(self, status: status_pb2.Status, *, request_id: str = "") -> None:
        info = status_details.info_of(status)
        self.code = status_details.code_of(status)
        self.reason = status_details.reason_of(info)
        self.message = status.message
        self.metadata = MappingProxyType(dict(info.metadata))
        self.violations = status_details.violations_of(status)
        self.retry_delay_seconds = status_details.retry_delay_seconds_of(status)
        self.status = status.SerializeToString()
        self.request_id = request_id
        super().__init__(f"{self.reason or self.code.name}: {self.message}")

    def __reduce__(self) -> tuple[object, ...]:
        # An error that crosses a process boundary arrives whole, with its class.
        return _restore, (type(self), self.status, self.request_id)

    def _number(self, key: str) -> int:
        return int(self.metadata.get(key, "0"))


class InvalidField(HoldfastError):
    """Fields of the request break their rules; `violations` lists every one of them."""


class NotFound(HoldfastError):
    """Something that the request names does not exist."""


class LimitReached(HoldfastError):
    """A named limit was reached. Less load is what helps, so the client does not retry it by itself.

    Only a watch does, and only after `Overloaded` and `WatcherTooSlow`: it comes back later, and asks for less then.
    """

    @property
    def limit(self) -> str:
        """The name of the limit."""
        return self.metadata.get("limit", "")

    @property
    def value(self) -> int:
        """The limit."""
        return self._number("value")


def _restore(error_class: type[HoldfastError], status: bytes, request_id: str) -> HoldfastError:
    return error_class(status_pb2.Status.FromString(status), request_id=request_id)
