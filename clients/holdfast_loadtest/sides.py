"""Both sides of every ratio: the authority and the baselines, running, and how a phase is put on each."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from holdfast_loadtest.authority import Authority, authority
from holdfast_loadtest.baselines import lean_script, row_lock_server
from holdfast_loadtest.baselines.bare_valkey import BareValkey, bare_valkey
from holdfast_loadtest.baselines.echo_server import Echo, echo_server
from holdfast_loadtest.baselines.row_lock_bench import PLENTY, RowLockBench, row_lock_bench
from holdfast_loadtest.baselines.row_lock_server import RowLockServer
from holdfast_loadtest.load_process import LoadProcess, load_process
from holdfast_loadtest.pace import Pace
from holdfast_loadtest.phases import Phase, Sample
from holdfast_loadtest.processes import ProcessFailedError, cpu_seconds
from holdfast_loadtest.task import Outcome, Task, together
from holdfast_loadtest.truth import Account
from holdfast_loadtest.valkey_wire import ValkeyConnection, script_cost

_CORES_FOR_TWO_CALLERS: Final = 4
_SEEDS_OF_A_PHASE: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Sides:
    """What runs. Loads one thing at a time, and keeps the account of what the authority acknowledged."""

    authority: Authority
    echo: Echo
    valkey: BareValkey
    callers: Sequence[LoadProcess]
    row_lock_server: RowLockServer | None
    row_lock_bench: RowLockBench | None
    account: Account = field(default_factory=Account)
    more_processes: Authority | None = None
    """The same authority by way of several server processes, while they run."""
    _seed: int = 0
    _pool_size: int = 0

    def can_load(self, phase: Phase) -> bool:
        """Says whether what the phase loads is there."""
        if phase.side == "row_lock":
            return self.row_lock_bench is not None
        return phase.side != "row_lock_server" or self.row_lock_server is not None

    async def load(self, pace: Pace, phase: Phase) -> Sample:
        """Puts a phase on its side and returns what came of it. Raises ProcessFailedError if a process breaks, or a
        baseline does not do what it is asked for.
        """
        if phase.side == "row_lock":
            return await self._load_row_lock(pace, phase)
        self._seed += _SEEDS_OF_A_PHASE
        if phase.side == "script":
            return await self._load_script(phase.task(pace, port=self.valkey.port, seed=self._seed))
        if phase.side == "authority":
            through = self.more_processes if phase.server_processes > 1 else self.authority
            assert through is not None
            return await self._load_authority(phase.task(pace, target=through.target, seed=self._seed), through)
        if phase.side == "echo":
            target, pid = self.echo.target, self.echo.pid
        else:
            assert self.row_lock_server is not None
            target, pid = self.row_lock_server.target, self.row_lock_server.process.pid
            await self._resize_pool(phase.pool_size)
        before, stores_before = cpu_seconds([pid]), self.authority.usage().cpu
        outcome = await self._have_called(phase.task(pace, target=target, seed=self._seed))
        if outcome.refused or outcome.unknown:
            raise ProcessFailedError(
                f"{phase.name}: {outcome.refused} calls were refused and {outcome.unknown} came to nothing"
            )
        used = {"server": _difference(before, cpu_seconds([pid]))}
        if phase.side == "row_lock_server":
            used["postgres"] = _difference(stores_before.get("postgres"), self.authority.usage().cpu.get("postgres"))
        return Sample(outcome=outcome, cpu_seconds=used)

    async def _resize_pool(self, size: int) -> None:
        assert self.row_lock_server is not None
        if size != self._pool_size:
            await self.row_lock_server.resize_pool(size)
            self._pool_size = size

    async def _load_row_lock(self, pace: Pace, phase: Phase) -> Sample:
        assert self.row_lock_bench is not None
        before = self.authority.usage().cpu
        outcome = await self.row_lock_bench.run(
            form=phase.form,
            rows=phase.rows,
            clients=phase.in_flight,
            warm_seconds=pace.warm_seconds,
            seconds=pace.seconds,
        )
        used = _difference(before.get("postgres"), self.authority.usage().cpu.get("postgres"))
        return Sample(outcome=outcome, cpu_seconds={"postgres": used})

    async def _load_authority(self, task: Task, through: Authority) -> Sample:
        before = through.usage()
        outcome = await self._have_called(task)
        after = through.usage()
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
        """Spreads many single callers over all load processes; few callers, batches, or one SDK client need but one."""
        crew = self.callers if task.kind == "unary" and task.in_flight > len(self.callers) else self.callers[:1]
        shares = [task.share(number, len(crew)) for number in range(len(crew))]
        return together(await asyncio.gather(*(caller.run(share) for caller, share in zip(crew, shares, strict=True))))


@asynccontextmanager
async def all_sides(directory: Path) -> AsyncIterator[Sides]:
    """Starts everything, as much as can be at the same time, and ends it."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        starting_authority = asyncio.create_task(enter(authority(directory)))
        starting_valkey = asyncio.create_task(enter(bare_valkey(directory)))
        starting_echo = asyncio.create_task(enter(echo_server()))
        starting_callers = [
            asyncio.create_task(enter(load_process()))
            for _ in range(2 if (os.cpu_count() or 1) >= _CORES_FOR_TWO_CALLERS else 1)
        ]
        await _all_or_none([starting_authority, starting_valkey, starting_echo, *starting_callers])
        running = starting_authority.result()
        server = None
        if row_lock_server.can_run():
            server = await enter(row_lock_server.row_lock_server(running.postgres_url, units=PLENTY))
        yield Sides(
            authority=running,
            echo=starting_echo.result(),
            valkey=starting_valkey.result(),
            callers=[starting.result() for starting in starting_callers],
            row_lock_server=server,
            row_lock_bench=await enter(row_lock_bench(running.postgres_url, directory)),
        )


async def _all_or_none(starting: Sequence[asyncio.Task[Any]]) -> None:
    """Waits for all; if one fails, or we are cancelled, none goes on starting behind our back."""
    try:
        await asyncio.gather(*starting)
    except BaseException:
        for one in starting:
            one.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        raise


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
