"""The load process: one part of a run's buyers. `Share` is its other end.

It takes its task as one line on standard input and makes ready; a second line says when to begin. Then it tells how far
it is, and writes its history to a file. A line `stop`, or the end of standard input, has it begin nothing new; what is
under way is still answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from holdfast_loadtest.processes import line_from, running
from holdfast_loadtest.workload.asking import Asker
from holdfast_loadtest.workload.demand import Copy, Item, Wish, with_copies
from holdfast_loadtest.workload.history import Record, read_history, write_history
from holdfast_loadtest.workload.lives import Lives
from holdfast_loadtest.workload.loops import Course, closed_loop, open_loop
from holdfast_loadtest.workload.options import MAX_REQUESTS, Options
from holdfast_loadtest.workload.orders import Orders
from holdfast_loadtest.workload.percentiles import percentiles_ms
from holdfast_loadtest.workload.progress import Counters
from holdfast_loadtest.workload.scenarios import SCENARIOS

START_SECONDS: Final = 120.0
"""How long a process may take to make ready."""

END_SECONDS: Final = 30.0
"""How long after the time of a run what was begun may still be under way: as long as one try may take."""

TELLING_SECONDS: Final = 0.25

SILENCE_SECONDS: Final = 120.0
"""How long a process may say nothing: it does while it writes its history."""

_YOUNG_OBJECTS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One share of a run."""

    options: Options
    target: str
    number: int
    of: int
    history: str
    """The file to write."""

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        values = json.loads(line)
        return cls(**{**values, "options": Options(**values["options"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a share ended, its history apart."""

    begun: int
    not_begun: int
    held_back: int
    own_late_ms: dict[str, float | None]
    """Percentiles of how late arrivals were begun for want of the process's own time."""
    batches: int
    cpu_seconds: float

    @classmethod
    def together(cls, endings: list[Ending]) -> Ending:
        """Returns what several shares came to. Of the percentiles the worst one stands for all."""
        names = dict.fromkeys(name for one in endings for name in one.own_late_ms)
        return cls(
            begun=sum(one.begun for one in endings),
            not_begun=sum(one.not_begun for one in endings),
            held_back=sum(one.held_back for one in endings),
            own_late_ms={
                name: max((late for one in endings if (late := one.own_late_ms[name]) is not None), default=None)
                for name in names
            },
            batches=sum(one.batches for one in endings),
            cpu_seconds=sum(one.cpu_seconds for one in endings),
        )


class Work:
    """One share at work, in whatever process."""

    def __init__(self, task: Task, asker: Asker) -> None:
        options = task.options
        self._task = task
        scenario = SCENARIOS[options.scenario]
        self._trade = scenario.trade(options)
        # All that takes time is made before the first buyer is due.
        self._moments = [] if options.closed else list(scenario.all_moments(options))
        self.course = Course(options.max_seconds, asyncio.Semaphore(max(1, options.in_flight // task.of)))
        self.course.end = options.max_seconds + END_SECONDS
        self.lives = Lives(
            asker, self.course, run_id=f"{options.run_id}-{task.number}", batch=options.batch, paused=not options.closed
        )
        self._orders = Orders(self.lives, self._trade)

    async def run(self) -> Ending:
        """Lives through the whole share."""
        cpu_before = time.process_time()
        options = self._task.options
        await asyncio.sleep(max(0.0, -self.course.now()))
        if options.closed:
            # A closed loop has no arrivals: it lasts as long as they would have come.
            self.course.last = min(self.course.last, options.seconds if not options.buyers else self.course.last)
            callers = options.closed // self._task.of + (self._task.number < options.closed % self._task.of)
            await closed_loop(self._mine(self._wishes()), self._visit, self.course, callers=callers)
            if options.buyers:
                self.course.not_begun = len(range(self._task.number, options.buyers, self._task.of)) - self.course.begun
        else:
            arrivals = zip(self._moments, self._wishes(), strict=False)
            await open_loop(self._mine(arrivals), self._visit, self.course)
        return Ending(
            begun=self.course.begun,
            not_begun=self.course.not_begun,
            held_back=self.course.held_back,
            own_late_ms=percentiles_ms(self.course.own_late),
            batches=self.lives.batches,
            cpu_seconds=time.process_time() - cpu_before,
        )

    def _wishes(self) -> Iterator[tuple[Item, Copy]]:
        options = self._task.options
        wishes = SCENARIOS[options.scenario].all_wishes(options, self._trade)
        bounded = itertools.islice(wishes, options.buyers or MAX_REQUESTS)
        return with_copies(bounded, options.duplicates, options.seed)

    def _mine(self, all_of_them: Iterator[Any]) -> Iterator[Any]:
        return itertools.islice(all_of_them, self._task.number, None, self._task.of)

    async def _visit(self, item_and_copy: tuple[Item, Copy], due: float) -> None:
        item, copy = item_and_copy
        if isinstance(item, Wish):
            await self.lives.live(item, due, copy)
        else:
            await self._orders.live(item, due, copy)


async def _work(task: Task) -> Ending:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Asker(task.target) as asker:
        work = Work(task, asker)
        _say({"ready": True})
        work.course.begin = float(await lines.readline() or b"0")
        telling = asyncio.create_task(_tell(work.lives.counters))
        listening = asyncio.create_task(_listen(lines, work.course.stop))
        try:
            ending = await work.run()
        finally:
            for one in (telling, listening):
                one.cancel()
            await asyncio.gather(telling, listening, return_exceptions=True)
    write_history(work.lives.history, Path(task.history))
    return ending


async def _tell(counters: Counters) -> None:
    while True:
        _say({"counters": dataclasses.asdict(counters)})
        await asyncio.sleep(TELLING_SECONDS)


async def _listen(lines: asyncio.StreamReader, stop: asyncio.Event) -> None:
    await lines.readline()
    stop.set()


def main() -> None:
    """Works on one share."""
    # Unbuffered, so that nothing of what follows the task is read with it.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
        task = Task.from_line(lines.readline().decode())
    # What was imported stays, and a history only grows: the collector need not look at either again and again.
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    ending = asyncio.run(_work(task))
    _say({"ending": dataclasses.asdict(ending)})


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class Share:
    """A load process as the run sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._has_begun = False
        self._stop_is_wanted = False
        self.counters = Counters()

    async def make_ready(self, task: Task) -> None:
        """Gives it its task, and returns when it is ready to begin. Raises ProcessFailedError if it breaks."""
        await self._write(task.to_line())
        await line_from(self._process, within_seconds=START_SECONDS)

    async def run(self, begin: float) -> Ending:
        """Has it work from a moment on, keeping `counters` up to date. Raises ProcessFailedError if it breaks.

        The moment is on the clock that all processes of a machine share (`time.monotonic`).
        """
        await self._write(repr(begin))
        self._has_begun = True
        if self._stop_is_wanted:
            await self.stop()
        while True:
            words = json.loads(await line_from(self._process, within_seconds=SILENCE_SECONDS))
            if "ending" in words:
                return Ending(**words["ending"])
            self.counters = Counters(**words["counters"])

    async def stop(self) -> None:
        """Has it begin nothing new."""
        if not self._has_begun:
            self._stop_is_wanted = True
            return
        with contextlib.suppress(ConnectionError):
            await self._write("stop")

    async def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def share() -> AsyncIterator[Share]:
    """Starts a load process and ends it."""
    command = [sys.executable, "-m", "holdfast_loadtest.workload.share"]
    async with running(command, apart=True) as process:
        yield Share(process)


def history_of(tasks: list[Task]) -> list[Record]:
    """Returns the history of all shares, in the order in which things were due."""
    records = [record for task in tasks for record in read_history(Path(task.history))]
    records.sort(key=lambda record: record.due)
    return records


if __name__ == "__main__":
    main()
