"""Runs a load test as a command: shows how far it is, ends it when it is interrupted, and writes what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from holdfast_client.client import DEFAULT_TARGET
from holdfast_client.csv_import.progress import HowFar, progress_shown
from holdfast_client.csv_import.reading import UnreadableFileError
from holdfast_client.errors import HoldfastError
from holdfast_client.orders.mapping import MappingError
from holdfast_client.orders.plan import TooManyRowsError
from holdfast_client.orders.server_process import ServerNotStartedError
from holdfast_loadtest.authority import Authority
from holdfast_loadtest.processes import ProcessFailedError
from holdfast_loadtest.workload.options import OptionError, Options, chosen
from holdfast_loadtest.workload.report import make_report, write_report
from holdfast_loadtest.workload.run import Result, Run, Stage, load_processes, machine, own_authority
from holdfast_loadtest.workload.scenarios import SCENARIOS
from holdfast_loadtest.workload.scenarios.real_orders import REAL_ORDERS, plan_of
from holdfast_loadtest.workload.table import number, show
from holdfast_loadtest.workload.trade import RunIdInUseError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WIDTH_WITHOUT_TERMINAL: Final = 120

BROKE_OFF: Final = (
    HoldfastError,
    ServerNotStartedError,
    ProcessFailedError,
    RunIdInUseError,
    UnreadableFileError,
    MappingError,
    TooManyRowsError,
    OSError,
)
"""What a run may break off with, besides an option that cannot be."""


class InterruptedRunError(Exception):
    """The run was interrupted when there was nothing to judge yet, or a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks for."""

    options: Options
    target: str | None
    embedded: bool
    verify: bool
    report: Path | None
    html: Path | None
    as_json: bool
    words: Sequence[str]
    """The command line itself."""


def options_of(scenario: str, given: Mapping[str, Any]) -> Options:
    """Returns the options of a run. Raises OptionError, or what the scenario raises for its file."""
    values = dict(given)
    if values.get("processes") is None:
        # What one customer did is known to one process only.
        values["processes"] = 1 if scenario == REAL_ORDERS.name else load_processes(os.cpu_count() or 1)
    elif scenario == REAL_ORDERS.name and values["processes"] != 1:
        raise OptionError("--processes", "real-orders has one: what a customer did must be known to who cancels it")
    options = chosen(scenario, SCENARIOS[scenario].defaults, values)
    if scenario == REAL_ORDERS.name:
        plan_of(options)
    return options


def check_files(order: Order) -> None:
    """Makes the folders of what will be written. Raises OptionError, before anything runs, if it could not be."""
    if order.html is not None and importlib.util.find_spec("matplotlib") is None:
        raise OptionError("--html", "needs matplotlib; pip install 'holdfast[loadtest]' brings it")
    for option, path in (("--report", order.report), ("--html", order.html)):
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(option, f"cannot be written: {error}") from error
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise OptionError(option, f"cannot be written: {path}")


def perform(order: Order) -> bool:
    """Runs it, shows and writes what came of it, and returns whether the verdict is sound.

    Raises OptionError, one of BROKE_OFF, or InterruptedRunError.
    """
    check_files(order)
    try:
        result, made_on = asyncio.run(_run(order))
    except asyncio.CancelledError:
        raise InterruptedRunError("interrupted before there was anything to judge; there is no verdict") from None
    report = make_report(result, words=order.words, machine=made_on, time=datetime.now(UTC))
    if order.report is not None:
        write_report(report, order.report)
    if order.html is not None:
        from holdfast_loadtest.workload.page import write_page

        write_page(report, order.html)
    if order.as_json:
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        console = Console(highlight=False)
        show(report, console if console.is_terminal else Console(highlight=False, width=_WIDTH_WITHOUT_TERMINAL))
        for path in (order.report, order.html):
            if path is not None:
                console.print(f"written: {path}", markup=False, soft_wrap=True)
    return result.verdict.sound


async def _run(order: Order) -> tuple[Result, dict[str, Any]]:
    run = Run(options=order.options, verify=order.verify or order.embedded)
    with _interrupted(run):
        async with progress_shown(lambda: _how_far(run), quiet=order.as_json), _authority(order) as own:
            run.own = own
            made_on = machine(own)
            target = own.target if own is not None else order.target or DEFAULT_TARGET
            return await run.run(target), made_on


@asynccontextmanager
async def _authority(order: Order) -> AsyncIterator[Authority | None]:
    if not order.embedded:
        yield None
        return
    async with own_authority() as own:
        yield own


@contextlib.contextmanager
def _interrupted(run: Run) -> Iterator[None]:
    """Has Ctrl-C end the asking, and go on to the verdict; at another time, or again, end everything."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    stopping: set[asyncio.Task[None]] = set()

    def interrupt() -> None:
        if run.stage is Stage.ASKING and not run.interrupted:
            stopping.add(loop.create_task(run.stop()))
        elif main is not None:
            main.cancel()

    for number_of_signal in _SIGNALS:
        loop.add_signal_handler(number_of_signal, interrupt)
    try:
        yield
    finally:
        for number_of_signal in _SIGNALS:
            loop.remove_signal_handler(number_of_signal)


def _how_far(run: Run) -> HowFar:
    if run.stage is not Stage.ASKING:
        return HowFar(stage=run.stage.value)
    counters = run.counters
    remark = (
        f"{number(counters.answered)} answered, {number(counters.granted)} granted, "
        f"{number(counters.refused)} refused, {number(run.stock - counters.units)} units left, "
        f"p99 {number(counters.percentile_ms(0.99))} ms"
    )
    return HowFar(
        stage="stopping" if run.interrupted else run.stage.value,
        done=counters.arrived,
        total=run.expected_arrivals,
        remark=remark,
    )
