"""One run of the benchmark: starts everything, measures phase after phase in turns, and checks truth."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Final

from holdfast_client.client import HoldfastClient
from holdfast_loadtest import phases
from holdfast_loadtest.authority import Authority, authority, temporary_directory
from holdfast_loadtest.baselines import floor, lean_script
from holdfast_loadtest.baselines.bare_valkey import BareValkey, bare_valkey
from holdfast_loadtest.baselines.echo_server import Echo, echo_server, event_loop_name
from holdfast_loadtest.demand import CALLER
from holdfast_loadtest.load_process import LoadProcess, load_process
from holdfast_loadtest.pace import QUICK, Pace
from holdfast_loadtest.phases import Measurements, Phase, Sample, order_of_round
from holdfast_loadtest.processes import cpu_seconds
from holdfast_loadtest.report import Circumstances, make_report
from holdfast_loadtest.task import Outcome, Task, together
from holdfast_loadtest.truth import Account, check_truth, sold_units, stock_up
from holdfast_loadtest.valkey_wire import ValkeyConnection, script_cost

BATCHES_UNDER_WAY: Final = (2, 3, 4)
PIPELINE_DEPTHS: Final = (32, 128, 512, 2048)
"""The settings that are tried, of which the fastest is measured."""

_TURNS_OF_TUNING: Final = 2
_CORES_FOR_TWO_CALLERS: Final = 4
_ROUND_TRIP_AND_COMMIT: Final = "floor"

Say = Callable[[str], None]


async def run_bench(pace: Pace, *, say: Say) -> dict[str, Any]:
    """Runs the whole benchmark and returns its report."""
    started = time.monotonic()
    load_before = os.getloadavg()[0]
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(temporary_directory())
        say("starting an authority, an echo server and a bare Valkey")
        valkey = await stack.enter_async_context(bare_valkey(directory))
        echo = await stack.enter_async_context(echo_server())
        running = await stack.enter_async_context(authority(directory))
        callers = [
            await stack.enter_async_context(load_process())
            for _ in range(2 if (os.cpu_count() or 1) >= _CORES_FOR_TWO_CALLERS else 1)
        ]
        client = await stack.enter_async_context(HoldfastClient(running.target, caller=CALLER, channel_count=2))
        await stock_up(client)
        bench = _Bench(
            pace=pace,
            say=say,
            client=client,
            authority=running,
            echo=echo,
            valkey=valkey,
            callers=callers,
        )
        tuned = await bench.tune()
        for round_number in range(pace.rounds):
            await bench.run_round([tuned[phase] for phase in phases.COMPARED_PHASES], round_number)
            await bench.measure_floor(round_number)
        for round_number in range(pace.rounds):
            await bench.run_round([tuned[phase] for phase in phases.POOL_PHASES], round_number)
        say("selling a scarce SKU out, and reading the whole ledger")
        truth = await check_truth(
            client,
            bench.account,
            phases_checked=bench.phases_checked,
            phases_that_differed=tuple(bench.phases_that_differed),
        )
        machine = machine_of(running, load_before)
    circumstances = Circumstances(
        machine=machine,
        tuning=bench.tuning | {"load_processes": len(callers), "echo_event_loop": event_loop_name()},
        seconds=time.monotonic() - started,
        quick=pace is QUICK,
    )
    return make_report(bench.measurements, truth, circumstances)


@dataclass(slots=True, kw_only=True)
class _Bench:
    """What runs, and what was measured so far."""

    pace: Pace
    say: Say
    client: HoldfastClient
    authority: Authority
    echo: Echo
    valkey: BareValkey
    callers: Sequence[LoadProcess]
    measurements: Measurements = field(default_factory=Measurements)
    account: Account = field(default_factory=Account)
    tuning: dict[str, Any] = field(default_factory=dict)
    phases_checked: int = 0
    phases_that_differed: list[str] = field(default_factory=list)
    _seed: int = 0

    async def tune(self) -> dict[Phase, Phase]:
        """Warms everything up, and returns for each phase the one with the settings under which it is fastest."""
        trial = Pace(rounds=1, warm_seconds=self.pace.warm_seconds, seconds=self.pace.tuning_seconds, tuning_seconds=0)
        batches = await self._fastest(trial, [phases.BATCH_500.with_in_flight(count) for count in BATCHES_UNDER_WAY])
        script = await self._fastest(trial, [phases.SCRIPT.with_batch_size(depth) for depth in PIPELINE_DEPTHS])
        await self._load(trial, phases.ECHO_256)
        await self._load(trial, phases.UNARY_256)
        self.tuning = {"batches_under_way": batches.in_flight, "pipeline_depth": script.batch_size}
        self.say(f"batches under way: {batches.in_flight}; pipeline of the bare script: {script.batch_size} calls")
        return {
            phase: phase.with_in_flight(batches.in_flight)
            if phase.kind == "batch"
            else (script if phase.kind == "script" else phase)
            for phase in phases.PHASES
        }

    async def _fastest(self, trial: Pace, candidates: Sequence[Phase]) -> Phase:
        """Tries all candidates forwards, then backwards; the best try of each counts."""
        best = dict.fromkeys(candidates, 0.0)
        for turn in range(_TURNS_OF_TUNING):
            for phase in order_of_round(candidates, turn):
                best[phase] = max(best[phase], (await self._load(trial, phase)).outcome.rate)
        return max(candidates, key=best.__getitem__)

    async def run_round(self, tuned: Sequence[Phase], round_number: int) -> None:
        """Measures every phase once, and checks after each that what was acknowledged was sold."""
        for phase in order_of_round(tuned, round_number):
            sample = await self._load(self.pace, phase)
            self.measurements.add(phase, sample)
            outcome = sample.outcome
            self.say(
                f"round {round_number + 1}/{self.pace.rounds}  {phase.name:<14} {outcome.rate:>9,.0f}/s"
                f"  p50 {outcome.p50_ms or 0:>8,.1f} ms"
            )
            if phase.side == "authority":
                await self._check_sold(phase, round_number)

    async def _check_sold(self, phase: Phase, round_number: int) -> None:
        self.phases_checked += 1
        sold = await sold_units(self.client)
        if not self.account.acknowledged <= sold <= self.account.acknowledged + self.account.unknown:
            self.phases_that_differed.append(
                f"{phase.name} of round {round_number + 1}: sold {sold}, acknowledged {self.account.acknowledged}"
            )

    async def measure_floor(self, round_number: int) -> None:
        """Measures a bare round trip and a bare commit."""
        if not floor.can_measure():
            return
        found = await asyncio.to_thread(
            floor.measure_floor,
            valkey_port=self.valkey.port,
            postgres_url=self.authority.postgres_url,
            seconds=self.pace.seconds,
        )
        self.measurements.floors.append(found)
        self.say(
            f"round {round_number + 1}/{self.pace.rounds}  {_ROUND_TRIP_AND_COMMIT:<14} {found.redis_ms or 0:.3f} ms"
            f" + {found.postgres_ms or 0:.3f} ms"
        )

    async def _load(self, pace: Pace, phase: Phase) -> Sample:
        self._seed += 1_000
        target = self.echo.target if phase.side == "echo" else self.authority.target
        task = phase.task(pace, target=target, port=self.valkey.port, seed=self._seed)
        if phase.side == "authority":
            return await self._load_authority(task)
        if phase.side == "echo":
            before = cpu_seconds([self.echo.pid])
            outcome = await self._have_called(task)
            return Sample(outcome=outcome, cpu_seconds={"server": _difference(before, cpu_seconds([self.echo.pid]))})
        return await self._load_script(task)

    async def _load_authority(self, task: Task) -> Sample:
        before = self.authority.usage()
        outcome = await self._have_called(task)
        after = self.authority.usage()
        self.account.add(outcome)
        return Sample(
            outcome=outcome,
            cpu_seconds={name: _difference(before.cpu.get(name), used) for name, used in after.cpu.items()},
            script_cost=script_cost(before.commands, after.commands),
        )

    async def _load_script(self, task: Task) -> Sample:
        lean_script.set_up(self.valkey.port)
        with ValkeyConnection(self.valkey.port) as connection:
            cpu_before, before = cpu_seconds([self.valkey.pid]), connection.command_stats()
            outcome = await self.callers[0].run(task)
            cpu_after, after = cpu_seconds([self.valkey.pid]), connection.command_stats()
        return Sample(
            outcome=outcome,
            cpu_seconds={"valkey": _difference(cpu_before, cpu_after)},
            script_cost=script_cost(before, after),
        )

    async def _have_called(self, task: Task) -> Outcome:
        """Spreads many single callers over all load processes; few callers, or batches, need but one."""
        crew = self.callers if task.kind == "unary" and task.in_flight > len(self.callers) else self.callers[:1]
        shares = [task.share(number, len(crew)) for number in range(len(crew))]
        return together(await asyncio.gather(*(caller.run(share) for caller, share in zip(crew, shares, strict=True))))


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


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
