"""Whatever happens on the way, a call that travels with others ends as it would have ended alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import status_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as some

from holdfast_client import Batching, Deadlines, HoldfastClient, HoldfastError, RetryPolicy, errors
from holdfast_client.calls import path_of
from holdfast_client.reservation_batches import _joined
from unit.client.batching_cases import created
from unit.client.scripted import loading, short_of, status_of

TRIES = 4
RETRY = RetryPolicy(max_tries=TRIES, initial_backoff_seconds=0.0, max_backoff_seconds=0.0)
# What a try may come to, by the name that a script gives it; the last one of a script is repeated.
REFUSALS = {
    "loading": loading(),
    "short": short_of(("85123A", 1, 0)),
    "invalid": status_of(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"),
    "full": status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "BACKLOG_FULL"),
}
# What is at fault with a request that makes every batch fail that it is in, and itself when it is alone.
POISONS = {
    "too large": status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "", "Received message larger than max"),
    "a fault": status_of(grpc.StatusCode.INTERNAL, "INTERNAL"),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A call: when it is made, in turns of the loop, and what its tries come to."""

    turn: int
    lines: int
    script: Sequence[str]


ORDERS = some.builds(
    Order,
    turn=some.integers(0, 6),
    lines=some.integers(1, 3),
    script=some.one_of(
        some.lists(some.sampled_from(["loading", "created"]), min_size=1, max_size=TRIES),
        some.sampled_from([[name] for name in (*REFUSALS, *POISONS)]),
    ),
)
LIMITS = some.builds(
    Batching,
    max_requests=some.integers(1, 6),
    max_lines=some.integers(1, 8),
    max_bytes=some.integers(1, 400),
    max_under_way=some.integers(1, 3),
)


class Authority:
    """Answers tries by the scripts of their orders, after some turns of the loop."""

    def __init__(self, orders: Sequence[Order], delays: Sequence[int]) -> None:
        self._orders = orders
        self._delays = delays
        self._calls = 0
        self.tried: Counter[int] = Counter()
        self.ids: dict[int, set[str]] = {}
        self.under_way = 0
        self.most_under_way = 0

    async def try_once(self, path: str, body: bytes, *, request_id: str = "", **_: Any) -> bytes:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            for _turn in range(self._delays[self._calls % len(self._delays)]):
                await asyncio.sleep(0)
            self._calls += 1
            if path == path_of(pb.CreateReservationRequest()):
                return self._alone(pb.CreateReservationRequest.FromString(body), request_id)
            return self._together(pb.BatchCreateReservationsRequest.FromString(body))
        finally:
            self.under_way -= 1

    def _alone(self, request: pb.CreateReservationRequest, request_id: str) -> bytes:
        came_to = self._next(request)
        if came_to is not None:
            raise errors.error_from_status(came_to, request_id=request_id)
        answer: bytes = created(request).SerializeToString()
        return answer

    def _together(self, batch: pb.BatchCreateReservationsRequest) -> bytes:
        scripts = [self._orders[int(request.order_id)].script[0] for request in batch.requests]
        poisons = [name for name in scripts if name in POISONS]
        if poisons:
            raise errors.error_from_status(POISONS[poisons[0]])
        answer = pb.BatchCreateReservationsResponse()
        for request in batch.requests:
            came_to, result = self._next(request), answer.results.add()
            if came_to is None:
                result.created.CopyFrom(created(request))
            else:
                result.refusal.CopyFrom(came_to)
        body: bytes = answer.SerializeToString()
        return body

    def _next(self, request: pb.CreateReservationRequest) -> status_pb2.Status | None:
        number = int(request.order_id)
        script = self._orders[number].script
        name = script[min(self.tried[number], len(script) - 1)]
        self.tried[number] += 1
        self.ids.setdefault(number, set()).add(request.request_id)
        return (REFUSALS | POISONS).get(name)


async def ends_of(orders: Sequence[Order], delays: Sequence[int], batching: Batching | None) -> tuple[list[Any], Any]:
    """How each call ended, and how often each was tried."""
    authority = Authority(orders, delays)
    client = HoldfastClient("127.0.0.1:1", caller="tests", retry=RETRY, batching=batching, deadlines=Deadlines())
    client._calls.try_once = authority.try_once  # type: ignore[method-assign]

    async def end_of(number: int, order: Order) -> Any:
        for _ in range(order.turn):
            await asyncio.sleep(0)
        lines = [(f"SKU-{line}", 1) for line in range(order.lines)]
        request_id = f"request-{number}"
        try:
            answer = await client.create_reservation(
                channel="WEB", order_id=str(number), lines=lines, request_id=request_id
            )
        except HoldfastError as error:
            return type(error), error.status, error.request_id == request_id
        return answer.reservation.order_id == str(number), answer.incident_id == request_id

    ends = await asyncio.gather(*(end_of(number, order) for number, order in enumerate(orders)))
    if batching is not None:
        assert authority.most_under_way <= batching.max_under_way
    assert all(len(ids) == 1 for ids in authority.ids.values())
    await client.close()
    return ends, dict(authority.tried)


@given(
    orders=some.lists(ORDERS, min_size=1, max_size=14),
    delays=some.lists(some.integers(0, 5), min_size=1),
    limits=LIMITS,
)
@settings(max_examples=150, deadline=None)
def test_a_call_ends_as_it_would_have_ended_alone(orders: list[Order], delays: list[int], limits: Batching) -> None:
    async def compare() -> None:
        together, alone = await ends_of(orders, delays, limits), await ends_of(orders, delays, None)
        assert together == alone

    asyncio.run(compare())


@given(
    lengths=some.lists(some.integers(0, 40_000), min_size=1, max_size=8),
    traces=some.lists(some.text(max_size=5), max_size=4),
)
def test_requests_that_are_joined_are_the_message_that_has_them(lengths: list[int], traces: list[str]) -> None:
    requests = [pb.CreateReservationRequest(order_id="A" * length) for length in lengths]
    joined = _joined([request.SerializeToString() for request in requests], traces)
    assert pb.BatchCreateReservationsRequest.FromString(joined) == pb.BatchCreateReservationsRequest(
        requests=requests, trace_parents=traces
    )
