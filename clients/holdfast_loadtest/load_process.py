"""The load process: takes tasks as lines of JSON on standard input and answers each with one line.

It lives through a whole run, so that every phase is driven by the same warm process. `LoadProcess` is its other end.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast_loadtest.baselines.lean_script import drive
from holdfast_loadtest.closed_loop import CALL_SECONDS, run_calls
from holdfast_loadtest.event_loop import run_on_fastest_loop
from holdfast_loadtest.processes import line_from, running
from holdfast_loadtest.sdk_calls import run_sdk
from holdfast_loadtest.task import Outcome, Task

START_SECONDS = 30.0
_READY = "ready"


def main() -> None:
    """Works until standard input ends."""
    # What was imported stays; the collector need not look at it again.
    gc.freeze()
    _say(_READY)
    for line in sys.stdin:
        task = Task.from_line(line)
        # Both sides of every ratio are spared the collector's pauses; a task lasts a few seconds.
        gc.collect()
        gc.disable()
        outcome = _run(task)
        gc.enable()
        _say(outcome.to_line())


def _run(task: Task) -> Outcome:
    if task.kind == "script":
        return drive(task)
    return run_on_fastest_loop(run_sdk(task) if task.kind == "sdk" else run_calls(task))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class LoadProcess:
    """A load process as the bench sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, task: Task) -> Outcome:
        """Has a task run. Raises ProcessFailedError if the process breaks."""
        assert self._process.stdin is not None
        self._process.stdin.write(task.to_line().encode() + b"\n")
        await self._process.stdin.drain()
        patience_seconds = task.warm_seconds + task.seconds + 2 * CALL_SECONDS
        return Outcome.from_line(await line_from(self._process, within_seconds=patience_seconds))


@asynccontextmanager
async def load_process() -> AsyncIterator[LoadProcess]:
    """Starts a load process and ends it."""
    async with running([sys.executable, "-m", "holdfast_loadtest.load_process"]) as process:
        await line_from(process, within_seconds=START_SECONDS)
        yield LoadProcess(process)


if __name__ == "__main__":
    main()
