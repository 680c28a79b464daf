"""One run of the growth benchmark: a grown authority and an empty one, measured by turns in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from holdfast.inventory.v1 import audit_service_pb2

from holdfast_client.client import HoldfastClient, availability_key, reservation_request
from holdfast_client.errors import HoldfastError
from holdfast_client.ledger_verdict import is_verified
from holdfast_client.policy import RetryPolicy
from holdfast_loadtest.authority import Authority, remove_data, started, temporary_directory
from holdfast_loadtest.baselines.bare_valkey import bare_valkey
from holdfast_loadtest.bench import machine_of
from holdfast_loadtest.demand import CALLER, CHANNEL, LOCATION, catalogue_skus
from holdfast_loadtest.growth import filling, stores
from holdfast_loadtest.growth.filling import Filled, Say
from holdfast_loadtest.growth.report import (
    EMPTY_PHASES,
    GROWN_PHASES,
    Growth,
    Rebuild,
    Retirement,
    Start,
    Truth,
    make_report,
)
from holdfast_loadtest.growth.size import QUICK, SOLD_SKUS, Size
from holdfast_loadtest.load_process import LoadProcess, load_process
from holdfast_loadtest.phases import Measurements, Phase, Sample
from holdfast_loadtest.processes import ProcessFailedError
from holdfast_loadtest.task import Outcome
from holdfast_loadtest.watch.sale import Sale, sell

_PER_CALL: Final = 1_000
_PATIENCE_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.02
_ASK_SECONDS: Final = 2.0
_SALE_RATE: Final = 500
# Nobody returns goods here, so what has ended need not be waited for before it is retired.
_SOON: Final = {"HOLDFAST_RETIREMENT_GRACE_SECONDS": "0", "HOLDFAST_RETIREMENT_INTERVAL_SECONDS": "0.5"}


async def run_growth_bench(size: Size, *, say: Say) -> dict[str, Any]:
    """Runs the whole benchmark and returns its report."""
    began = time.monotonic()
    load_before = os.getloadavg()[0]
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(temporary_directory(size.free_bytes))
        valkey = await stack.enter_async_context(bare_valkey(directory))
        caller = await stack.enter_async_context(load_process())
        bench = _Bench(size=size, say=say, directory=directory, caller=caller)
        stack.callback(bench.remove_data)
        say(f"filling an authority with {size.levels:,} levels and {size.movements:,} movements")
        filled, memory_empty = await bench.fill()
        say(f"filled at {filled.movements / filled.seconds:,.0f} movements a second; now it starts anew")
        singly, in_bulk = await asyncio.to_thread(stores.bare_pipeline_rate, valkey.port, size.levels)
        starts = [await bench.start("empty"), await bench.start("grown")]
        async with bench.running("empty") as empty, bench.running("grown") as grown:
            on_disk = await asyncio.to_thread(stores.disk, grown.authority)
            rebuild = await bench.rebuild(grown)
            memory_grown = await asyncio.to_thread(stores.memory, grown.authority)
            per_open = await bench.open_reservations(grown)
            for number in range(size.pace.rounds):
                await bench.run_round(number, empty, grown)
            retirement = await bench.retire(grown)
            say("reading the whole ledger of both")
            truths = {name: await bench.check(side) for name, side in (("empty", empty), ("grown", grown))}
            machine = machine_of(grown.authority, load_before)
    return make_report(
        Growth(
            levels=size.levels,
            filled=filled,
            measurements=bench.measurements,
            rebuild=dataclasses.replace(rebuild, bare_per_second=singly, bare_bulk_per_second=in_bulk),
            bytes_per_level=(memory_grown.lasting - memory_empty.lasting) / size.levels,
            per_open_reservation=per_open,
            disk=on_disk,
            retirement=retirement,
            starts=Start(empty_seconds=starts[0], grown_seconds=starts[1]),
            truths=truths,
        ),
        machine=machine,
        quick=size is QUICK,
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two authorities."""

    authority: Authority
    client: HoldfastClient


@dataclass(slots=True, kw_only=True)
class _Bench:
    size: Size
    say: Say
    directory: Path
    caller: LoadProcess
    measurements: Measurements = field(default_factory=Measurements)
    _seed: int = 0

    def data_of(self, name: str) -> Path:
        return self.directory / name

    def remove_data(self) -> None:
        for name in ("empty", "grown"):
            remove_data(self.data_of(name))

    @asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[_Side]:
        async with (
            started(self.data_of(name), _SOON) as authority,
            HoldfastClient(authority.target, caller=CALLER, channel_count=2) as client,
        ):
            yield _Side(authority=authority, client=client)

    async def fill(self) -> tuple[Filled, stores.Memory]:
        """Gives one authority its history, the other its catalogue. Also returns what Valkey holds without levels."""
        size = self.size
        async with self.running("empty") as side:
            await filling.put_catalogue(side.client, size.skus, (LOCATION,))
            await _flush_and_wait(side, None)
            memory = await asyncio.to_thread(stores.memory, side.authority)
            await filling.receive(side.client, catalogue_skus(SOLD_SKUS, every=size.sold_every))
        async with self.running("grown") as side:
            await filling.put_catalogue(side.client, size.skus, filling.places())
            filled = await filling.fill(side.client, size, self.say)
            await asyncio.to_thread(stores.settle, side.authority)
        return filled, memory

    async def start(self, name: str) -> float:
        """Returns the seconds that an authority takes from its start until it sells."""
        began = time.monotonic()
        async with self.running(name) as side:
            await self._until_sold(side)
            seconds = time.monotonic() - began
        self.say(f"{name}: sells {seconds:.1f} seconds after its start")
        return seconds

    async def rebuild(self, side: _Side) -> Rebuild:
        """Has Valkey lose everything; returns how long the ledger takes to load, and until a unit is sold again."""
        await self._until_sold(side)
        began = time.monotonic()
        loaded = await _flush_and_wait(side, self.say)
        await self._until_sold(side)
        return Rebuild(levels=self.size.levels, load_seconds=loaded, seconds=time.monotonic() - began)

    async def _until_sold(self, side: _Side) -> None:
        request = reservation_request(channel=CHANNEL, lines=[(catalogue_skus(1)[0], 1)])
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(HoldfastError):
                    answer = await side.client.batch_create_reservations([request], deadline_seconds=_ASK_SECONDS)
                    if answer.results[0].HasField("created"):
                        break
                await asyncio.sleep(_POLL_SECONDS)

    async def open_reservations(self, side: _Side) -> dict[str, float]:
        """Makes reservations that stay open; returns the bytes of Valkey for each, and for what is kept beside it."""
        count = self.size.open_reservations
        skus = catalogue_skus(SOLD_SKUS, every=self.size.sold_every)
        before = await asyncio.to_thread(stores.memory, side.authority)
        for start in range(0, count, _PER_CALL):
            answer = await side.client.batch_create_reservations(
                [
                    reservation_request(channel=CHANNEL, lines=[(skus[(start + number) % len(skus)], 1)])
                    for number in range(_PER_CALL)
                ]
            )
            if not all(result.HasField("created") for result in answer.results):
                raise ProcessFailedError("a reservation was refused although there is plenty")
        after = await asyncio.to_thread(stores.memory, side.authority)
        outcomes, journal = after.outcomes - before.outcomes, after.journal - before.journal
        return {
            "bytes_per_open_reservation": (after.lasting - before.lasting) / count,
            "bytes_per_remembered_outcome": outcomes / count,
            "journal_bytes_per_operation": journal / count,
        }

    async def run_round(self, number: int, empty: _Side, grown: _Side) -> None:
        """Measures every phase once, what is compared side by side; every other round runs backwards."""
        sides = [
            (phase, side)
            for pair in zip(EMPTY_PHASES, GROWN_PHASES, strict=True)
            for phase, side in ((pair[0], empty), (pair[1], grown))
            if phase is not None
        ]
        for phase, side in sides if number % 2 == 0 else reversed(sides):
            outcome = await self._load(phase, side)
            self.say(
                f"round {number + 1}/{self.size.pace.rounds}  {phase.name:<20} {outcome.rate:>9,.0f}/s"
                f"  p50 {outcome.p50_ms or 0:>8,.1f} ms"
            )

    async def _load(self, phase: Phase, side: _Side) -> Outcome:
        self._seed += 1_000
        wide = phase.name.endswith("_wide")
        catalogue = (self.size.skus, 1) if wide else (SOLD_SKUS, self.size.sold_every)
        task = phase.task(self.size.pace, target=side.authority.target, port=0, seed=self._seed)
        position_before, before = await _position(side), side.authority.usage()
        outcome = await self.caller.run(dataclasses.replace(task, catalogue=catalogue))
        position_after, after = await _position(side), side.authority.usage()
        costs = {
            process: None if used is None or before.cpu.get(process) is None else used - (before.cpu[process] or 0.0)
            for process, used in after.cpu.items()
        }
        if outcome.refused or outcome.unknown:
            raise ProcessFailedError(f"{phase.name}: {outcome.refused} refused, {outcome.unknown} unknown")
        # Each has a position of its own, and the ledger holds them all up to the last one.
        if outcome.acknowledged > position_after - position_before:
            raise ProcessFailedError(
                f"{phase.name}: {outcome.acknowledged} were acknowledged, and the ledger holds "
                f"{position_after - position_before} more operations"
            )
        self.measurements.add(phase, Sample(outcome=outcome, cpu_seconds=costs))
        return outcome

    async def retire(self, side: _Side) -> Retirement:
        """Measures how fast old history is retired beside a sale, and what that does to the sale."""
        self.say("selling while old history is retired, and without that")
        alone = [await self._sell(side)]
        (segment,) = [one async for one in side.client.list_segments()]
        asked = await side.client.retire_history(
            segment.segment, until_position=self.size.retired_operations, reason="to see how fast it goes"
        )
        number = asked.retirement.number
        before = await _retirement(side, number, lambda one: one.movement_count > 0)
        began = time.monotonic()
        beside = await self._sell(side)
        after = await _retirement(side, number, lambda _: True)
        seconds = time.monotonic() - began
        ended = await _retirement(side, number, lambda one: one.HasField("end_time"))
        alone.append(await self._sell(side))
        lasted = ended.end_time.ToNanoseconds() - ended.create_time.ToNanoseconds()
        return Retirement(
            movements=ended.movement_count,
            operations=ended.operation_count,
            seconds=lasted / 1e9,
            movements_per_second=(after.movement_count - before.movement_count) / seconds,
            was_beside=not after.HasField("end_time"),
            sale_p99_ms=beside.percentile_ms(0.99),
            sale_alone_p99_ms=statistics.mean(sale.percentile_ms(0.99) for sale in alone),
        )

    async def _sell(self, side: _Side) -> Sale:
        self._seed += 1
        skus = catalogue_skus(SOLD_SKUS, every=self.size.sold_every)
        return await sell(side.client, self.size.sale_seconds, rate=_SALE_RATE, skus=skus, seed=self._seed)

    async def check(self, side: _Side) -> Truth:
        """Reads the whole ledger."""
        began = time.monotonic()
        async for progress in side.client.verify_ledger():
            verdict, operations, movements = (
                progress.verdict,
                progress.checked_operation_count,
                progress.checked_movement_count,
            )
        return Truth(
            operations=operations,
            movements=movements,
            seconds=time.monotonic() - began,
            is_clean=is_verified(verdict),
        )


async def _position(side: _Side) -> int:
    """Returns the position at which the ledger stands."""
    answer = await side.client.batch_get_availability([availability_key(catalogue_skus(1)[0], channel=CHANNEL)])
    return answer.revision.position


async def _retirement(
    side: _Side, number: int, has_come: Callable[[audit_service_pb2.Retirement], bool]
) -> audit_service_pb2.Retirement:
    """Returns a retirement once it has come so far."""
    (segment,) = [one async for one in side.client.list_segments()]
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            found = [one async for one in side.client.list_retirements(segment.segment)]
            one = next(one for one in found if one.number == number)
            if has_come(one):
                return one
            await asyncio.sleep(_POLL_SECONDS)


async def _flush_and_wait(side: _Side, say: Callable[[str], None] | None) -> float:
    """Empties the Valkey of an authority, and returns how long the segment was being loaded then, in seconds."""
    async with HoldfastClient(side.authority.target, caller=CALLER, retry=RetryPolicy(max_tries=1)) as client:
        (before,) = [segment async for segment in client.list_segments()]
        with side.authority.valkey() as valkey:
            valkey.call("FLUSHALL")
        fenced = None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                (now,) = [segment async for segment in client.list_segments()]
                if now.epoch > before.epoch:
                    fenced = fenced or time.monotonic()
                    if now.state == before.state:
                        break
                await asyncio.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - fenced
    if say:
        say(f"the sequencer was loaded in {seconds:.1f} seconds")
    return seconds
