"""One run: an authority of one segment and one of two, measured by turns, way after way."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.calls import path_of
from holdfast_client.client import HoldfastClient
from holdfast_client.ledger_verdict import is_verified
from holdfast_loadtest.authority import Authority, remove_data, started, temporary_directory
from holdfast_loadtest.bench import machine_of
from holdfast_loadtest.demand import CALLER
from holdfast_loadtest.figures import median, median_of_ratios, microseconds_each, percentile
from holdfast_loadtest.scaling.ways import SEGMENTS, WAYS, Way, reserved_units, stock_up
from holdfast_loadtest.truth import ledger_verdict

Say = Callable[[str], None]

IN_FLIGHT: Final = 64
BATCHES_UNDER_WAY: Final = 3
_CONNECTIONS: Final = 4
_CALL_SECONDS: Final = 60.0
_METADATA: Final = (("holdfast-caller", CALLER),)
_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement of one way."""

    reservations: int
    seconds: float
    p50_ms: float | None
    p99_ms: float | None
    cpu_us: dict[str, float | None]

    @property
    def rate(self) -> float:
        """Reservations per second."""
        return self.reservations / self.seconds


async def run_scaling_bench(*, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """Runs the whole benchmark and returns its report. Raises OSError if something breaks off."""
    began, load_before = time.monotonic(), os.getloadavg()[0]
    samples: dict[str, list[Measured]] = {way.name: [] for way in WAYS}
    acknowledged = dict.fromkeys((1, len(SEGMENTS)), 0)
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(temporary_directory())
        sides = {count: await stack.enter_async_context(_side(directory, count)) for count in (1, len(SEGMENTS))}
        for number in range(rounds):
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                measured = await _load(way, sides[way.segments], seconds)
                samples[way.name].append(measured)
                acknowledged[way.segments] += measured.reservations * len(way.skus)
                say(f"round {number + 1}/{rounds}  {way.name:<18} {measured.rate:>8,.0f}/s")
        sound = {str(count): await _is_sound(side, acknowledged[count]) for count, side in sides.items()}
        machine = machine_of(sides[1], load_before)
    return _report(samples) | {
        "truth": {"sound": all(sound.values()), "of_authorities": sound},
        "machine": machine,
        "seconds": round(time.monotonic() - began, 1),
    }


@contextlib.asynccontextmanager
async def _side(directory: Path, count: int) -> Any:
    """Starts an authority of so many segments, with its units, and stops it."""
    data_directory = directory / f"segments-{count}"
    segments = SEGMENTS[:count]
    environment = {"HOLDFAST_SEGMENTS": ",".join(segments)} if count > 1 else {}
    try:
        async with started(data_directory, environment) as running:
            async with HoldfastClient(running.target, caller=CALLER) as client:
                await stock_up(client, segments)
            yield running
    finally:
        remove_data(data_directory)


async def _load(way: Way, side: Authority, seconds: float) -> Measured:
    """Has closed-loop callers reserve for a time, each again as soon as it was answered."""
    numbers = itertools.count()
    latencies: list[float] = []
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    channels = [grpc.aio.insecure_channel(side.target, options=options) for _ in range(_CONNECTIONS)]
    before, start = side.usage().cpu, time.perf_counter()
    end = start + seconds

    async def caller(number: int) -> int:
        ask, made = _asking(way, channels[number % _CONNECTIONS], numbers), 0
        while (asked_at := time.perf_counter()) < end:
            made += await ask()
            latencies.append((time.perf_counter() - asked_at) * _MILLISECONDS)
        return made

    callers = IN_FLIGHT if way.batch_size == 1 else BATCHES_UNDER_WAY
    try:
        made = sum(await asyncio.gather(*(caller(number) for number in range(callers))))
    finally:
        for channel in channels:
            await channel.close()
    took = time.perf_counter() - start
    after = side.usage().cpu
    return Measured(
        reservations=made,
        seconds=took,
        p50_ms=percentile(latencies, 0.5),
        p99_ms=percentile(latencies, 0.99),
        cpu_us={name: microseconds_each(_difference(before.get(name), used), made) for name, used in after.items()},
    )


def _asking(way: Way, channel: grpc.aio.Channel, numbers: Any) -> Callable[[], Awaitable[int]]:
    """Returns what makes one call and says how many reservations it made. A refusal breaks the run: there is plenty."""
    if way.batch_size == 1:
        single = _call(channel, pb.CreateReservationRequest, pb.CreateReservationResponse)

        async def one() -> int:
            await single(way.request(next(numbers)), metadata=_METADATA, timeout=_CALL_SECONDS)
            return 1

        return one
    batch = _call(channel, pb.BatchCreateReservationsRequest, pb.BatchCreateReservationsResponse)

    async def many() -> int:
        requests = [way.request(next(numbers)) for _ in range(way.batch_size)]
        answer = await batch(
            pb.BatchCreateReservationsRequest(requests=requests), metadata=_METADATA, timeout=_CALL_SECONDS
        )
        refused = [result.refusal for result in answer.results if not result.HasField("created")]
        if refused:
            raise OSError(f"a reservation was refused although there is plenty: {refused[0].message}")
        return len(answer.results)

    return many


def _call(channel: grpc.aio.Channel, request: Any, response: Any) -> Callable[..., Awaitable[Any]]:
    call: Callable[..., Awaitable[Any]] = channel.unary_unary(
        path_of(request()), request_serializer=request.SerializeToString, response_deserializer=response.FromString
    )
    return call


async def _is_sound(side: Authority, acknowledged: int) -> bool:
    """Says whether the ledger agrees with itself, and holds every unit that somebody was given and no other."""
    async with HoldfastClient(side.target, caller=CALLER) as client:
        verdict, _ = await ledger_verdict(client)
        return is_verified(verdict) and await reserved_units(client) == acknowledged


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _report(samples: dict[str, list[Measured]]) -> dict[str, Any]:
    rates = {name: [one.rate for one in found] for name, found in samples.items()}
    base = {way.name: "one" if way.batch_size == 1 else "one_batch_100" for way in WAYS}
    return {
        "ways": {
            way.name: {
                "what": way.what,
                "rate": _rounded(median(list(rates[way.name]))),
                "share_of_one_segment": _rounded(
                    median_of_ratios(list(rates[way.name]), list(rates[base[way.name]])), 3
                ),
                "p50_ms": _rounded(median([one.p50_ms for one in samples[way.name]]), 2),
                "p99_ms": _rounded(median([one.p99_ms for one in samples[way.name]]), 2),
                "cpu_us": _costs(samples[way.name]),
            }
            for way in WAYS
        }
    }


def _costs(found: list[Measured]) -> dict[str, float | None]:
    names = dict.fromkeys(name for one in found for name in one.cpu_us)
    return {name: _rounded(median([one.cpu_us.get(name) for one in found])) for name in names}


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
