"""The two ways in which load is put on: an open loop, in which buyers come when they come, and a closed one.

In an open loop a buyer's latency counts from the moment at which it meant to ask, also if nothing could be sent then,
be it that too many requests were under way or that this process was late: nobody's waiting is left out. A closed loop
asks again only once it was answered; while the authority stands still it asks nothing, so it never sees most of those
who would have waited.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

_Item = TypeVar("_Item")

Visit = Callable[[_Item, float], Awaitable[None]]
"""Lives through what one buyer does, from the moment at which it was meant to begin. Gives back the slot that it was
begun with, by `Course.slots.release`, when its first request was answered."""


@dataclass(slots=True)
class Course:
    """How a run goes: its clock, its bounds, and whether it is to end."""

    last: float
    """The seconds from the start after which nothing new is begun."""
    slots: asyncio.Semaphore
    """What bounds the requests without an answer."""
    begin: float = 0.0
    """The moment of the start, on the clock."""
    clock: Callable[[], float] = time.monotonic
    """By default the one that all processes of a machine share."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to begin nothing new."""
    begun: int = 0
    not_begun: int = 0
    """What was to come and was never begun, because the time was over or the run was stopped."""
    held_back: int = 0
    """The arrivals that found as many requests under way as may be."""
    own_late: list[float] = field(default_factory=list)
    """By how many seconds each arrival was begun late for want of this process's own time: not because it had to wait
    for a slot, or stood behind one that had to."""
    end: float = math.inf
    """The seconds from the start after which what is still under way is broken off."""

    def now(self) -> float:
        """Returns the seconds from the start."""
        return self.clock() - self.begin

    @property
    def is_over(self) -> bool:
        return self.stop.is_set() or self.now() >= self.last


async def open_loop(arrivals: Iterable[tuple[float, _Item]], visit: Visit[_Item], course: Course) -> None:
    """Begins every visit when it is due, or as soon after as a slot is free, and returns when all are over."""
    free_since = 0.0
    async with _until_the_end(course) as begin:
        for due, item in arrivals:
            if course.is_over or not await _wait_until(due, course):
                course.not_begun += 1
                continue
            if course.slots.locked():
                course.held_back += 1
                await course.slots.acquire()
                free_since = course.now()
            else:
                await course.slots.acquire()
            if course.is_over:
                course.slots.release()
                course.not_begun += 1
                continue
            course.begun += 1
            course.own_late.append(max(0.0, course.now() - max(due, free_since)))
            begin(_visited(visit, item, due))


async def closed_loop(items: Iterator[_Item], visit: Visit[_Item], course: Course, *, callers: int) -> None:
    """Has so many callers begin visit after visit, each as soon as its last was over."""

    async def call() -> None:
        for item in items:
            await course.slots.acquire()
            if course.is_over:
                course.slots.release()
                return
            course.begun += 1
            await visit(item, course.now())

    async with _until_the_end(course) as begin:
        for _ in range(callers):
            begin(call())


@contextlib.asynccontextmanager
async def _until_the_end(course: Course) -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], None]]:
    """Yields what begins something, and returns when all of it is over, be it that the end broke it off."""
    under_way: set[asyncio.Task[None]] = set()

    def break_off() -> None:
        for task in under_way:
            task.cancel()

    async with contextlib.AsyncExitStack() as stack:
        if course.end < math.inf:
            timer = asyncio.get_running_loop().call_later(max(0.0, course.end - course.now()), break_off)
            stack.callback(timer.cancel)
        group = await stack.enter_async_context(asyncio.TaskGroup())

        def begin(work: Coroutine[Any, Any, None]) -> None:
            task = group.create_task(work)
            under_way.add(task)
            task.add_done_callback(under_way.discard)

        yield begin


async def _visited(visit: Visit[_Item], item: _Item, due: float) -> None:
    await visit(item, due)


async def _wait_until(due: float, course: Course) -> bool:
    """Waits for a moment; returns whether the run goes on then."""
    while (pause := due - course.now()) > 0:
        try:
            await asyncio.wait_for(course.stop.wait(), min(pause, max(0.0, course.last - course.now()) + 0.001))
        except TimeoutError:
            if course.now() >= course.last:
                return False
        else:
            return False
    return True
