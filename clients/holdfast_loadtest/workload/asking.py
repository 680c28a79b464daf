"""Asks one request until it is answered, and says what came of it.

It uses the generated messages directly, as the bench does, since a load test should cost as little as it can. Of the
SDK's habits it keeps that a request without an answer is asked again under its own request_id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from holdfast.inventory.v1 import fulfillment_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client import status_details
from holdfast_client.calls import MAX_DETAILS_BYTES, path_of
from holdfast_loadtest.demand import CALLER
from holdfast_loadtest.task import MAX_CHANNELS

CALL_SECONDS: Final = 30.0
"""The deadline of one try."""

PATIENCE_SECONDS: Final = 90.0
"""How long a request without an answer is asked again and again."""

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0

_OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_metadata_size", MAX_DETAILS_BYTES + 8 * 1024),
    ("grpc.absolute_max_metadata_size", MAX_DETAILS_BYTES + 16 * 1024),
)
_RESPONSES: Final[dict[type[Message], type[Message]]] = {
    pb.CreateReservationRequest: pb.CreateReservationResponse,
    pb.BatchCreateReservationsRequest: pb.BatchCreateReservationsResponse,
    pb.CommitReservationRequest: pb.CommitReservationResponse,
    pb.ReleaseReservationRequest: pb.ReleaseReservationResponse,
    fulfillment_pb2.PostFulfillmentRequest: fulfillment_pb2.PostFulfillmentResponse,
    pb.AdjustStockRequest: pb.AdjustStockResponse,
}
_OF_A_BAD_TIME: Final = frozenset({"OVERLOADED", "BACKLOG_FULL"})
_UNANSWERED: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)


@dataclass(slots=True)
class Answer:
    """What came of a request: a response, or a refusal; neither, if it was never answered."""

    response: Any = None
    status: status_pb2.Status | None = None
    """The refusal, or that of the last try that was not answered."""
    reason: str = ""
    answered: bool = True
    unanswered: int = 0
    again: int = 0

    @classmethod
    def of_status(cls, status: status_pb2.Status) -> Answer:
        reason = status_details.reason_of(status_details.info_of(status))
        code = status_details.code_of(status)
        return cls(
            status=status,
            reason=reason or code.name,
            answered=code not in _UNANSWERED and reason not in _OF_A_BAD_TIME,
            unanswered=code in _UNANSWERED,
        )

    @property
    def short_skus(self) -> tuple[str, ...]:
        """The SKUs that a refusal names as short."""
        if self.status is None:
            return ()
        return tuple(dict.fromkeys(line.sku for line in status_details.short_lines_of(self.status)))


class Asker:
    """The connections of a load process."""

    def __init__(self, target: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._channels = [grpc.aio.insecure_channel(target, options=_OPTIONS) for _ in range(MAX_CHANNELS)]
        self._calls: dict[type[Message], list[Any]] = {
            request: [
                channel.unary_unary(
                    path_of(request()),
                    request_serializer=request.SerializeToString,
                    response_deserializer=response.FromString,
                )
                for channel in self._channels
            ]
            for request, response in _RESPONSES.items()
        }
        self._metadata = (("holdfast-caller", CALLER), ("holdfast-max-details-bytes", str(MAX_DETAILS_BYTES)))
        self._turn = 0
        self._patience_seconds = patience_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels:
            await channel.close()

    async def once(self, request: Message) -> Answer:
        """Sends a request once."""
        self._turn += 1
        calls = self._calls[type(request)]
        try:
            response = await calls[self._turn % len(calls)](request, metadata=self._metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as failure:
            return Answer.of_status(status_details.status_of(failure))
        return Answer(response=response)

    async def until_answered(self, request: Message, send: Callable[[Any], Awaitable[Answer]] | None = None) -> Answer:
        """Sends a request, by `send` or by itself, until there is an answer or the patience is used up."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience_seconds
        unanswered = again = 0
        bound = _FIRST_PAUSE_SECONDS
        while True:
            answer = await (send or self.once)(request)
            unanswered += answer.unanswered
            answer.unanswered, answer.again = unanswered, again
            pause = bound / 2 + random.uniform(0, bound)
            if answer.answered or loop.time() + pause > end:
                return answer
            again += 1
            await asyncio.sleep(pause)
            bound = min(2 * bound, _LONGEST_PAUSE_SECONDS)
