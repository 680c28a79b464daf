"""A run from end to end: stock up, have the load processes ask, read back, judge."""

from __future__ import annotations

import contextlib
import enum
import os
import platform
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from holdfast.inventory.v1 import audit_service_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.csv_import.together import together
from holdfast_loadtest.authority import Authority, authority, temporary_directory
from holdfast_loadtest.demand import CALLER
from holdfast_loadtest.workload import progress
from holdfast_loadtest.workload.account import account_of
from holdfast_loadtest.workload.auditor import judge
from holdfast_loadtest.workload.books import read_books, settled_levels, verify
from holdfast_loadtest.workload.figures import figures
from holdfast_loadtest.workload.options import MAX_PROCESSES, Options
from holdfast_loadtest.workload.progress import Counters
from holdfast_loadtest.workload.scenarios import SCENARIOS
from holdfast_loadtest.workload.share import Ending, Share, Task, history_of, share
from holdfast_loadtest.workload.trade import stock_up
from holdfast_loadtest.workload.verdict import Verdict

LEAD_SECONDS: Final = 0.2
"""From when the load processes are told until the first buyer may come."""


class Stage(enum.Enum):
    """What a run is doing."""

    WAITING = "waiting for the server"
    STOCKING = "stocking up"
    ASKING = "asking"
    READING_BACK = "reading levels and movements back"
    VERIFYING = "verifying the ledger"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to."""

    options: Options
    figures: dict[str, Any]
    verdict: Verdict
    stages: dict[str, float]
    """How many seconds each stage took."""
    authority_cpu_seconds: dict[str, float | None]
    """What the parts of the authority used while it was asked; empty if it is not the run's own."""
    interrupted: bool


@dataclass(slots=True, kw_only=True)
class Run:
    """One run. `stage` and `counters` can be looked at while it runs; `stop` ends the asking early, with a verdict."""

    options: Options
    verify: bool = False
    """Have the authority check its whole ledger at the end, whoever else wrote in it."""
    own: Authority | None = None
    """The authority, if it was started for this run."""
    stage: Stage = Stage.WAITING
    stock: int = 0
    interrupted: bool = False
    _shares: list[Share] = field(default_factory=list)
    _stages: dict[str, float] = field(default_factory=dict)

    @property
    def counters(self) -> Counters:
        """How far all load processes together are."""
        return progress.together(one.counters for one in self._shares)

    @property
    def expected_arrivals(self) -> int | None:
        """How many buyers will come, about; None if nobody knows."""
        options = self.options
        if options.buyers:
            return options.buyers
        if options.closed or not options.rate:
            return None
        return round(options.rate * options.seconds)

    async def stop(self) -> None:
        """Has the load processes begin nothing new."""
        self.interrupted = True
        for one in self._shares:
            await one.stop()

    async def run(self, target: str) -> Result:
        """Runs it against an authority that is there, to the verdict.

        Raises what the scenario raises for its options, RunIdInUseError, ProcessFailedError, and HoldfastError if the
        authority cannot be stocked up or read.
        """
        options = self.options
        scenario = SCENARIOS[options.scenario]
        trade = scenario.trade(options)
        self.stock = sum(trade.stock.values())
        async with HoldfastClient(target, caller=CALLER, on_behalf_of=options.run_id) as client:
            with self._timed(Stage.STOCKING):
                await stock_up(client, trade)
            with tempfile.TemporaryDirectory(prefix="holdfast-loadtest-") as directory:
                with self._timed(Stage.ASKING):
                    cpu_before = self._cpu()
                    tasks, ending = await self._ask(target, Path(directory))
                    cpu = _used(cpu_before, self._cpu())
                history = history_of(tasks)
            with self._timed(Stage.READING_BACK):
                held = account_of(history, opening=trade.stock).held
                levels = await settled_levels(
                    client, trade, held=held, may_run_out=any(record.runs_out for record in history)
                )
                books = await read_books(client, trade)
            ledger = await self._verify(client)
        account = account_of(history, opening=trade.stock, taken=books.taken)
        verdict = judge(
            history=history,
            account=account,
            books=books,
            levels=levels,
            ledger=ledger,
            units_return=scenario.units_return,
            not_begun=ending.not_begun,
        )
        self.stage = Stage.DONE
        return Result(
            options=options,
            figures=figures(history, account, books, ending, stock=self.stock),
            verdict=verdict,
            stages=self._stages,
            authority_cpu_seconds=cpu,
            interrupted=self.interrupted,
        )

    async def _ask(self, target: str, directory: Path) -> tuple[list[Task], Ending]:
        async with contextlib.AsyncExitStack() as stack:
            of = self.options.processes
            self._shares = [await stack.enter_async_context(share()) for _ in range(of)]
            tasks = [
                Task(
                    options=self.options,
                    target=target,
                    number=number,
                    of=of,
                    history=str(directory / f"history-{number}.jsonl"),
                )
                for number in range(of)
            ]
            await together(*(one.make_ready(task) for one, task in zip(self._shares, tasks, strict=True)))
            begin = time.monotonic() + LEAD_SECONDS
            endings: list[Ending] = []

            async def work(one: Share) -> None:
                endings.append(await one.run(begin))

            await together(*(work(one) for one in self._shares))
            return tasks, Ending.together(endings)

    async def _verify(self, client: HoldfastClient) -> audit_service_pb2.LedgerVerdict | None:
        if not self.verify:
            return None
        with self._timed(Stage.VERIFYING):
            return await verify(client)

    def _cpu(self) -> dict[str, float | None]:
        return self.own.usage().cpu if self.own is not None else {}

    @contextlib.contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        self.stage = stage
        began = time.monotonic()
        yield
        self._stages[stage.value] = round(time.monotonic() - began, 3)


def _used(before: dict[str, float | None], after: dict[str, float | None]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, seconds in after.items():
        earlier = before.get(name)
        found[name] = None if seconds is None or earlier is None else round(seconds - earlier, 3)
    return found


@asynccontextmanager
async def own_authority() -> AsyncIterator[Authority]:
    """Starts an authority in a temporary directory, out of reach of the terminal's Ctrl-C, and stops it."""
    with temporary_directory() as directory:
        async with authority(directory, apart=True) as running:
            yield running


def machine(running: Authority | None) -> dict[str, Any]:
    """Returns what the run was made on; of the authority only if it is the run's own."""
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "grpcio": metadata.version("grpcio"),
        "load_before": round(os.getloadavg()[0], 2),
        **({} if running is None else running.versions()),
    }


def load_processes(cores: int) -> int:
    """Returns how many load processes to have: the authority keeps two cores, and half of the others."""
    return max(1, min(MAX_PROCESSES, (cores - 2) // 2))
