"""Closed-loop callers over grpc.aio: each asks again as soon as it was answered, for a fixed time.

The echo baseline and the authority are called by this very code. It uses the generated messages directly, since a load
test should cost as little as it can; what it keeps of the SDK's habits is that a request without an answer is asked
again under its own request_id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
from google.rpc import code_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.calls import path_of
from holdfast_loadtest.demand import CALLER, Demand
from holdfast_loadtest.tally import Tally
from holdfast_loadtest.task import Outcome, Task

MAX_TRIES: Final = 50
"""How often a request without an answer is asked again, about five seconds long."""

CALL_SECONDS: Final = 60.0
"""The deadline of one call."""

_PAUSE_SECONDS = 0.1
_METADATA = (("holdfast-caller", CALLER),)
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
)
_AGAIN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
_AGAIN_IN_BATCH = frozenset({code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED})
_UNKNOWN = frozenset({grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, *_AGAIN})
_UNKNOWN_IN_BATCH = frozenset({code_pb2.INTERNAL, *_AGAIN_IN_BATCH})

_Call = Callable[..., Awaitable[Any]]


async def run_calls(task: Task) -> Outcome:
    """Runs a task of kind unary or batch."""
    tally = Tally.of(task)
    cpu_before = time.process_time()
    channels = [
        grpc.aio.insecure_channel(task.target, options=_OPTIONS) for _ in range(min(task.channels, task.in_flight))
    ]
    try:
        await asyncio.gather(
            *(
                _caller(
                    task,
                    channels[number % len(channels)],
                    tally,
                    Demand(hot=task.hot, pool_size=task.pool_size, catalogue=task.catalogue, seed=task.seed + number),
                )
                for number in range(task.in_flight)
            )
        )
    finally:
        for channel in channels:
            await channel.close()
    return tally.outcome(client_cpu_seconds=time.process_time() - cpu_before)


async def _caller(task: Task, channel: grpc.aio.Channel, tally: Tally, demand: Demand) -> None:
    if task.kind == "unary":
        await _one_by_one(_call_of(channel, pb.CreateReservationRequest, pb.CreateReservationResponse), tally, demand)
    else:
        call = _call_of(channel, pb.BatchCreateReservationsRequest, pb.BatchCreateReservationsResponse)
        await _in_batches(call, tally, demand, task.batch_size)


def _call_of(channel: grpc.aio.Channel, request: Any, response: Any) -> _Call:
    call: _Call = channel.unary_unary(
        path_of(request()), request_serializer=request.SerializeToString, response_deserializer=response.FromString
    )
    return call


async def _one_by_one(call: _Call, tally: Tally, demand: Demand) -> None:
    while (asked_at := time.perf_counter()) < tally.to_time:
        request = demand.next()
        try:
            await call(request, metadata=_METADATA, timeout=CALL_SECONDS)
            tally.acknowledged += 1
        except grpc.aio.AioRpcError as error:
            await _ask_again(call, request, error, tally)
        tally.answered(1, asked_at)


async def _ask_again(call: _Call, request: pb.CreateReservationRequest, error: Any, tally: Tally) -> None:
    """Asks again, under the same request_id, until there is an answer or no try is left."""
    for _ in range(MAX_TRIES):
        if error.code() not in _AGAIN:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
        try:
            await call(request, metadata=_METADATA, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as another:
            error = another
        else:
            tally.acknowledged += 1
            return
    if error.code() in _UNKNOWN:
        tally.unknown += 1
    else:
        tally.refused += 1


async def _in_batches(call: _Call, tally: Tally, demand: Demand, size: int) -> None:
    while time.perf_counter() < tally.to_time:
        requests = [demand.next() for _ in range(size)]
        asked_at = time.perf_counter()
        for _ in range(MAX_TRIES):
            requests = await _ask_batch(call, requests, tally)
            if not requests:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        tally.unknown += len(requests)
        tally.answered(size - len(requests), asked_at)


async def _ask_batch(
    call: _Call, requests: Sequence[pb.CreateReservationRequest], tally: Tally
) -> list[pb.CreateReservationRequest]:
    """Asks once, and returns the requests that must be asked again."""
    batch = pb.BatchCreateReservationsRequest(requests=requests)
    try:
        response = await call(batch, metadata=_METADATA, timeout=CALL_SECONDS)
    except grpc.aio.AioRpcError as error:
        if error.code() in _AGAIN:
            return list(requests)
        tally.unknown += len(requests)
        return []
    again = []
    for request, result in zip(requests, response.results, strict=True):
        if result.WhichOneof("result") == "created":
            tally.acknowledged += 1
        elif result.refusal.code in _AGAIN_IN_BATCH:
            again.append(request)
        elif result.refusal.code in _UNKNOWN_IN_BATCH:
            tally.unknown += 1
        else:
            tally.refused += 1
    return again
