"""Faults of those who call: they ask twice, all at once, or watch and do not read."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import watch_pb2 as watch

from api.calls import stubs_of
from api.ids import MILLISECONDS_PER_DAY, uuid7
from api.refusals import read_error
from robustness.faults import Strike, fault
from robustness.traffic import share_of
from robustness.world import CHANNEL

_STORM_SECONDS = 4.0
_MEMORY_MIB = 400


@fault(
    18,
    "requests come twice, long after, and with other content",
    must_hold="the first answer again; another body is refused and names the field; an id of long ago is refused",
)
async def duplicates(at: Strike) -> None:
    inventory = at.world.stubs.inventory
    for turn in range(5):
        request = pb.CreateReservationRequest(
            request_id=uuid7(), channel=CHANNEL, lines=[pb.DemandLine(sku=at.traffic.skus[0], quantity=1)]
        )
        with suppress(grpc.aio.AioRpcError):
            # Twenty at once: whichever is first, all get its answer.
            answers = await asyncio.gather(*(inventory.CreateReservation(request) for _ in range(20)))
            assert len({answer.reservation.reservation_id for answer in answers}) == 1
            assert sum(not answer.replayed for answer in answers) == 1
            other = pb.CreateReservationRequest()
            other.CopyFrom(request)
            other.lines[0].quantity = 2
            assert await _reason(inventory.CreateReservation, other) == "REQUEST_ID_REUSED"
        late = pb.CreateReservationRequest()
        late.CopyFrom(request)
        late.request_id = uuid7(age_milliseconds=40 * MILLISECONDS_PER_DAY)
        assert await _reason(inventory.CreateReservation, late) == "REQUEST_ID_TOO_OLD"
        await at.world.kill_valkey()
        await at.traffic.reached(share_of(turn + 1, 5))


async def _reason(method: Any, request: Any) -> str:
    """Returns why a request is refused, once the authority can say so."""
    async with asyncio.timeout(30):
        while True:
            try:
                await method(request, timeout=5)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    return read_error(error).reason
                await asyncio.sleep(0.05)
            else:
                return ""


@fault(
    19,
    "a storm of retries with short deadlines on one SKU",
    must_hold="the others go on, and when the storm is over all is as before",
)
async def retry_storm(at: Strike) -> None:
    async with stubs_of(at.world.server.target) as stubs:
        until = time.monotonic() + _STORM_SECONDS
        before = at.traffic.answered
        counts = {"answered": 0, "given up": 0}

        async def impatient() -> None:
            request = pb.CreateReservationRequest(
                request_id=uuid7(), channel=CHANNEL, lines=[pb.DemandLine(sku=at.traffic.skus[0], quantity=10**6)]
            )
            while time.monotonic() < until:
                try:
                    await stubs.inventory.CreateReservation(request, timeout=0.02)
                except grpc.aio.AioRpcError as error:
                    given_up = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                    counts["given up" if given_up else "answered"] += 1

        await asyncio.gather(*(impatient() for _ in range(100)))
    at.note(f"{counts}; the others had {at.traffic.answered - before} answers meanwhile")
    assert at.traffic.answered > before, "the others stood still"
    await at.traffic.reached(0.7)


@fault(
    20,
    "watchers that do not read, come back all at once, or show tokens that nobody gave out",
    must_hold="memory stays bounded, others are not slowed, each is told whole or told to come back",
)
async def hard_watchers(at: Strike) -> None:
    of = watch.AvailabilityFilter(channels=[CHANNEL])
    pid = at.world.server.pid
    before = _memory_mib(pid)
    async with stubs_of(at.world.server.target) as stubs:
        idle = [stubs.inventory.WatchAvailability(watch.WatchAvailabilityRequest(filter=of)) for _ in range(200)]
        for call in idle:
            await call.read()
        for turn in range(4):
            await asyncio.gather(*(_look_in(stubs, of, "") for _ in range(100)))
            garbage = random.Random(turn).randbytes(40).hex()
            assert {await _look_in(stubs, of, garbage) for _ in range(3)} == {"INVALID_FIELD"}
            await at.traffic.reached(share_of(turn + 1, 4))
        for call in idle:
            call.cancel()
    grown = _memory_mib(pid) - before
    at.note(f"the server grew by {grown:.0f} MiB")
    assert grown < _MEMORY_MIB


async def _look_in(stubs: Any, of: watch.AvailabilityFilter, token: str) -> str:
    """Watches until in step, and goes. Returns the reason of a refusal."""
    call = stubs.inventory.WatchAvailability(watch.WatchAvailabilityRequest(filter=of, resume_token=token), timeout=30)
    try:
        async for response in call:
            if response.HasField("synced"):
                break
    except grpc.aio.AioRpcError as error:
        return read_error(error).reason
    finally:
        call.cancel()
    return ""


def _memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
