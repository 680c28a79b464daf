"""One run of the benchmark: starts everything, measures phase after phase in turns, and checks truth."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import platform
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Final

from holdfast_client.client import HoldfastClient
from holdfast_client.policy import DEFAULT_BATCHING
from holdfast_loadtest import phases
from holdfast_loadtest.authority import Authority, more_processes, temporary_directory
from holdfast_loadtest.baselines import floor
from holdfast_loadtest.baselines.row_lock_bench import FORMS
from holdfast_loadtest.demand import CALLER
from holdfast_loadtest.event_loop import event_loop_name
from holdfast_loadtest.pace import QUICK, Pace
from holdfast_loadtest.phases import Measurements, Phase, order_of_round
from holdfast_loadtest.report import Circumstances, make_report
from holdfast_loadtest.sides import Sides, all_sides
from holdfast_loadtest.truth import check_truth, sold_units, stock_up
from holdfast_loadtest.workload.flash_sale import run_flash_sale

BATCHES_UNDER_WAY: Final = (3, 2, 4)
PIPELINE_DEPTHS: Final = (512, 128, 2048, 32)
CONNECTIONS_OF_THE_ROW_LOCK_SERVER: Final = (2, 4, 8)
FEW_CLIENTS: Final = (2, 1, 4)
"""The settings that are tried, of which the fastest is measured. So are the forms of the row lock.

The first of each was the fastest most often; it is what a run takes that has no time to try."""

FLASH_SALE_UNITS: Final = 1_000
_WARMING_UP_SECONDS: Final = 0.2
_ROUND_TRIP_AND_COMMIT: Final = "floor"

Say = Callable[[str], None]


async def run_bench(pace: Pace, *, say: Say) -> dict[str, Any]:
    """Runs the whole benchmark and returns its report."""
    started = time.monotonic()
    load_before = os.getloadavg()[0]
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(temporary_directory())
        say("starting an authority, and what it is compared with")
        sides = await stack.enter_async_context(all_sides(directory))
        client = await stack.enter_async_context(HoldfastClient(sides.authority.target, caller=CALLER, channel_count=2))
        await stock_up(client)
        bench = _Bench(pace=pace, say=say, client=client, sides=sides)
        tuned = await bench.tune()
        for round_number in range(pace.rounds):
            await bench.run_round([tuned[phase] for phase in phases.COMPARED_PHASES], round_number)
            await bench.measure_floor(round_number)
        async with bench.more_processes():
            for round_number in range(pace.rounds):
                await bench.run_round(phases.PROCESS_PHASES, round_number)
        for round_number in range(pace.rounds):
            await bench.run_round([tuned[phase] for phase in phases.POOL_PHASES], round_number)
        sale = await bench.sell_in_a_flash()
        say("selling a scarce SKU out, and reading the whole ledger")
        truth = await check_truth(
            client,
            sides.account,
            phases_checked=bench.phases_checked,
            phases_that_differed=tuple(bench.phases_that_differed),
        )
        machine = machine_of(sides.authority, load_before)
    circumstances = Circumstances(
        machine=machine,
        tuning=bench.tuning | {"load_processes": len(sides.callers), "event_loop": event_loop_name()},
        seconds=time.monotonic() - started,
        quick=pace is QUICK,
    )
    return make_report(bench.measurements, truth, sale, circumstances)


@dataclass(slots=True, kw_only=True)
class _Bench:
    """What runs, and what was measured so far."""

    pace: Pace
    say: Say
    client: HoldfastClient
    sides: Sides
    measurements: Measurements = field(default_factory=Measurements)
    tuning: dict[str, Any] = field(default_factory=dict)
    phases_checked: int = 0
    phases_that_differed: list[str] = field(default_factory=list)

    async def tune(self) -> dict[Phase, Phase]:
        """Warms everything up, and returns for each phase the one with the settings under which it is fastest."""
        for phase in (phases.ECHO_256, phases.UNARY_256, phases.BATCH_500, phases.SCRIPT, phases.ROW_LOCK_SERVER):
            if self.sides.can_load(phase):
                await self.sides.load(dataclasses.replace(self.pace, seconds=_WARMING_UP_SECONDS), phase)
        batches = await self._fastest([phases.BATCH_500.with_in_flight(count) for count in BATCHES_UNDER_WAY])
        script = await self._fastest([phases.SCRIPT.with_batch_size(depth) for depth in PIPELINE_DEPTHS])
        server = await self._fastest(
            [phases.ROW_LOCK_SERVER.with_pool_size(size) for size in CONNECTIONS_OF_THE_ROW_LOCK_SERVER]
        )
        row_lock = await self._fastest([phases.ROW_LOCK_HOT.with_form(form) for form in FORMS])
        few = await self._fastest([phases.ROW_LOCK_FEW.with_in_flight(count) for count in FEW_CLIENTS])
        self.tuning |= {
            "batches_under_way": batches.in_flight,
            "pipeline_depth": script.batch_size,
            "row_lock_server_connections": server.pool_size,
            "row_lock_form": row_lock.form,
            "row_lock_few_clients": few.in_flight,
        }
        self.say(
            f"batches under way: {batches.in_flight}; pipeline of the bare script: {script.batch_size} calls; "
            f"connections of the row-lock server: {server.pool_size}; row lock: one {row_lock.form}, "
            f"and {few.in_flight} clients where they are few"
        )
        tuned = {
            phase: phase.with_in_flight(batches.in_flight) if phase.kind == "batch" else phase
            for phase in phases.PHASES
        }
        return tuned | {
            phases.SCRIPT: script,
            phases.ROW_LOCK_SERVER: server,
            phases.ROW_LOCK_HOT: row_lock,
            phases.ROW_LOCK_FEW: few.with_form(row_lock.form),
            phases.ROW_LOCK_1000: phases.ROW_LOCK_1000.with_form(row_lock.form),
        }

    async def _fastest(self, candidates: Sequence[Phase]) -> Phase:
        """Tries all candidates forwards, then backwards, and so on; the best try of each counts."""
        trial = dataclasses.replace(self.pace, seconds=self.pace.tuning_seconds)
        best = dict.fromkeys(candidates, 0.0)
        for turn in range(self.pace.tuning_turns):
            for phase in order_of_round(candidates, turn):
                if self.sides.can_load(phase):
                    best[phase] = max(best[phase], (await self.sides.load(trial, phase)).outcome.rate)
        return max(candidates, key=best.__getitem__)

    @contextlib.asynccontextmanager
    async def more_processes(self) -> AsyncIterator[None]:
        """Runs as many more server processes as a phase asks for."""
        async with more_processes(self.sides.authority, phases.PROCESSES_2.server_processes) as host:
            self.sides.more_processes = host
            yield
            self.sides.more_processes = None

    async def run_round(self, tuned: Sequence[Phase], round_number: int) -> None:
        """Measures every phase once, and checks after each that what was acknowledged was sold."""
        for phase in order_of_round(tuned, round_number):
            if not self.sides.can_load(phase):
                continue
            sample = await self.sides.load(self.pace, phase)
            self.measurements.add(phase, sample)
            outcome = sample.outcome
            self.say(
                f"round {round_number + 1}/{self.pace.rounds}  {phase.name:<15} {outcome.rate:>9,.0f}/s"
                f"  p50 {outcome.p50_ms or 0:>8,.1f} ms"
            )
            if phase.side == "authority":
                await self._check_sold(phase, round_number)

    async def _check_sold(self, phase: Phase, round_number: int) -> None:
        self.phases_checked += 1
        sold = await sold_units(self.client)
        account = self.sides.account
        if not account.acknowledged <= sold <= account.acknowledged + account.unknown:
            self.phases_that_differed.append(
                f"{phase.name} of round {round_number + 1}: sold {sold}, acknowledged {account.acknowledged}"
            )

    async def sell_in_a_flash(self) -> dict[str, Any]:
        """Has far more buyers come than there are units, whose requests travel together as the SDK has them travel."""
        buyers, units = self.pace.buyers, FLASH_SALE_UNITS
        self.say(f"a flash sale: {buyers:,} buyers, {units:,} units")
        try:
            sale = await run_flash_sale(
                self.sides.authority.target,
                buyers=buyers,
                units=units,
                seconds=self.pace.buyers_seconds,
                batch=DEFAULT_BATCHING.max_requests,
                in_flight=DEFAULT_BATCHING.max_requests * DEFAULT_BATCHING.max_under_way,
            )
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        self.say(f"sold {sale.sold:,}; p99 {sale.p99_ms or 0:,.0f} ms; {'sound' if sale.sound else 'NOT SOUND'}")
        return {"buyers": buyers, "units": units, **dataclasses.asdict(sale)}

    async def measure_floor(self, round_number: int) -> None:
        """Measures a bare round trip and a bare commit."""
        if not floor.can_measure():
            return
        found = await asyncio.to_thread(
            floor.measure_floor,
            valkey_port=self.sides.valkey.port,
            postgres_url=self.sides.authority.postgres_url,
            seconds=self.pace.seconds,
        )
        self.measurements.floors.append(found)
        self.say(
            f"round {round_number + 1}/{self.pace.rounds}  {_ROUND_TRIP_AND_COMMIT:<15} {found.redis_ms or 0:.3f} ms"
            f" + {found.postgres_ms or 0:.3f} ms"
        )


def machine_of(running: Authority, load_before: float) -> dict[str, Any]:
    """Returns on what a run took place."""
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "grpcio": metadata.version("grpcio"),
        "protobuf": metadata.version("protobuf"),
        **running.versions(),
        "load_average_before": round(load_before, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
    }
