"""An authority that answers by a script: failures that the real one cannot be made to give on demand."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf import message as protobuf_message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    error_reason_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    subscription_service_pb2,
)

PATIENCE_SECONDS = 30.0
"""How long a test waits for what must come; never an expectation."""

HEALTH_PATH = "/grpc.health.v1.Health/Check"


def status_of(
    code: grpc.StatusCode,
    reason: str,
    message: str = "refused",
    *,
    metadata: dict[str, str] | None = None,
    retry_delay_seconds: float | None = None,
    details: tuple[protobuf_message.Message, ...] = (),
    domain: str = "holdfast.inventory.v1",
) -> status_pb2.Status:
    """A refusal as the authority words it."""
    parts: list[protobuf_message.Message] = [
        error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)
    ]
    if retry_delay_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(retry_delay_seconds * 1e9))
        parts.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code.value[0], message=message)
    for part in (*parts, *details):
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    return status


def loading(retry_delay_seconds: float | None = None) -> status_pb2.Status:
    return status_of(
        grpc.StatusCode.UNAVAILABLE,
        "SEGMENT_LOADING",
        metadata={"segment": "main"},
        retry_delay_seconds=retry_delay_seconds,
    )


def short_of(*lines: tuple[str, int, int], offers: tuple[tuple[str, str, int], ...] = ()) -> status_pb2.Status:
    """INSUFFICIENT_STOCK for lines of (subject, requested, available), with offers of (SKU, substitute, available)."""
    failure = error_details_pb2.PreconditionFailure(
        violations=[
            error_details_pb2.PreconditionFailure.Violation(
                type="INSUFFICIENT_STOCK",
                subject=subject,
                description=f"requested {requested}, available {available}",
            )
            for subject, requested, available in lines
        ]
    )
    details: list[protobuf_message.Message] = [failure]
    if offers:
        details.append(
            error_reason_pb2.SubstituteOffers(
                offers=[
                    error_reason_pb2.SubstituteOffer(sku=sku, substitute_sku=substitute, available_quantity=available)
                    for sku, substitute, available in offers
                ]
            )
        )
    return status_of(
        grpc.StatusCode.FAILED_PRECONDITION,
        "INSUFFICIENT_STOCK",
        "there is too little stock",
        metadata={"short_lines": str(len(lines))},
        details=tuple(details),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A call as it reached the authority."""

    request: Any
    metadata: dict[str, str]
    peer: str
    remaining_seconds: float


class Silence:
    """An answer that never comes; the events tell when the call arrived and when its caller left."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.left = threading.Event()

    def __call__(self, context: grpc.ServicerContext) -> None:
        context.add_callback(self.left.set)
        self.arrived.set()
        self.left.wait(2 * PATIENCE_SECONDS)


class Pause(Silence):
    """A stream that says nothing until the test lets it go on, or its caller leaves."""

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()

    def __call__(self, context: grpc.ServicerContext) -> None:
        # A caller that has left already is heard no more.
        if not context.add_callback(self.left.set) or not context.add_callback(self._over.set):
            self.left.set()
            self._over.set()
        self.arrived.set()
        self._over.wait(2 * PATIENCE_SECONDS)

    def end(self) -> None:
        self._over.set()


class AnswerTo(Protocol):
    """An answer that is made of its request."""

    def to(self, request: Any) -> protobuf_message.Message: ...


class Held(Pause):
    """An answer that is given once the test lets it go."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


Answer: TypeAlias = protobuf_message.Message | status_pb2.Status | Silence | AnswerTo | bytes | list[Any]


class ScriptedAuthority:
    """Serves every RPC of the contract on a port of its own; gives the answers in their order."""

    def __init__(self) -> None:
        self._answers: dict[str, deque[Answer]] = defaultdict(deque)
        self._heard: dict[str, list[Heard]] = defaultdict(list)
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.target = f"127.0.0.1:{port}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()

    def will_answer(self, method: str, *answers: Answer) -> None:
        """Put answers behind those that wait. A message answers, a Status refuses, a list streams."""
        self._answers[method].extend(answers)

    def heard(self, method: str) -> list[Heard]:
        """The calls of the method so far, in the order of their arrival."""
        return self._heard[method]

    def all_heard(self) -> list[Heard]:
        return [call for calls in self._heard.values() for call in calls]

    def unary(self, method: str, request: Any, context: grpc.ServicerContext) -> bytes:
        answer = self._take(method, request, context)
        if isinstance(answer, Silence):
            answer(context)
            answer = answer.answer if isinstance(answer, Held) else b""
        if hasattr(answer, "to"):
            answer = answer.to(request)
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, status_pb2.Status):
            context.abort_with_status(rpc_status.to_status(answer))
        body: bytes = answer.SerializeToString()
        return body

    def stream(self, method: str, request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
        answer = self._take(method, request, context)
        for part in answer if isinstance(answer, list) else [answer]:
            if isinstance(part, status_pb2.Status):
                context.abort_with_status(rpc_status.to_status(part))
            if isinstance(part, Silence):
                part(context)
            elif hasattr(part, "to"):
                yield part.to(request).SerializeToString()
            else:
                yield part.SerializeToString()

    def exchange(self, method: str, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[bytes]:
        """One answer to each request; the stream is heard as one call for each of them."""
        for request in requests:
            yield from self.stream(method, request, context)

    def _take(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        self._heard[method].append(
            Heard(
                request=request,
                metadata=dict(context.invocation_metadata()),
                peer=context.peer(),
                remaining_seconds=context.time_remaining() or 0.0,
            )
        )
        return self._answers[method].popleft()


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, authority: ScriptedAuthority) -> None:
        self._authority = authority

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        path = handler_call_details.method
        if path == HEALTH_PATH:
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: self._authority.unary("Check", request, context)
            )
        rpc = RPCS.get(path)
        if rpc is None:
            return None
        parse: Callable[[bytes], Any] = rpc.input_type._concrete_class.FromString
        if rpc.client_streaming:
            return grpc.stream_stream_rpc_method_handler(
                lambda requests, context: self._authority.exchange(rpc.name, requests, context),
                request_deserializer=parse,
            )
        if rpc.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                lambda request, context: self._authority.stream(rpc.name, request, context),
                request_deserializer=parse,
            )
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._authority.unary(rpc.name, request, context),
            request_deserializer=parse,
        )


RPCS = {
    f"/{service.full_name}/{method.name}": method
    for module in (
        inventory_service_pb2,
        catalog_service_pb2,
        reconciliation_service_pb2,
        audit_service_pb2,
        subscription_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""Every RPC of the contract, by its path."""
