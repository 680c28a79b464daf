"""Watchers beside the trade: they are cut off when something breaks, come back with their tokens, and are judged."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from typing import Final

import grpc
from holdfast.inventory.v1 import watch_pb2 as watch

from api import watch_promises
from api.watching import Recorder
from robustness.books import Books
from robustness.world import CHANNEL, LOCATION, World

_PAUSE_SECONDS: Final = 0.05
_LONGEST_STREAM_SECONDS: Final = 3.0
_CATCH_UP_SECONDS: Final = 30.0
_COUNT: Final = 2


class Watchers:
    """Some watchers of everything, each with its record."""

    def __init__(self, world: World, *, seed: int) -> None:
        self._world = world
        self._chance = random.Random(seed)
        of = watch.AvailabilityFilter(channels=[CHANNEL], locations=[LOCATION])
        self.recorders = [Recorder(of) for _ in range(_COUNT)]
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Starts to watch, and returns when all are in step."""
        self._tasks = [asyncio.create_task(self._follow(recorder)) for recorder in self.recorders]
        async with asyncio.timeout(_CATCH_UP_SECONDS):
            while not all(recorder.synced for recorder in self.recorders):
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self, recorder: Recorder) -> None:
        while True:
            request = watch.WatchAvailabilityRequest(filter=recorder.of, resume_token=recorder.token)
            recorder.streams.append([])
            recorder.began_with.append(recorder.token)
            with contextlib.suppress(grpc.aio.AioRpcError, grpc.aio.UsageError):
                call = self._world.stubs.inventory.WatchAvailability(
                    request, timeout=self._chance.uniform(0.3, _LONGEST_STREAM_SECONDS)
                )
                async for response in call:
                    recorder.take(response)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def end(self, position: int) -> None:
        """Ends once all were told of a position."""
        try:
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                while not all(recorder.position >= position for recorder in self.recorders):
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def violations(self, books: Books, start: int) -> list[str]:
        """Returns what the validators of the watch found; `start` is where all of them were in step first."""
        found: list[str] = []
        for recorder in self.recorders:
            with _noting(found):
                watch_promises.assert_ordered(recorder)
            with _noting(found):
                watch_promises.assert_bookmarkable(recorder)
            with _noting(found):
                watch_promises.assert_begins_well(recorder)
            with _noting(found):
                await watch_promises.assert_convergent(recorder, self._world.stubs)
            with _noting(found):
                watch_promises.assert_durable(recorder, books.head)
            if not any({"reset", "snapshot"} & _events(stream) for stream in recorder.streams[1:]):
                found += _missed(recorder, books, start)
        return found


def _missed(recorder: Recorder, books: Books, start: int) -> Iterator[str]:
    """Complete: every operation that moved a level was told once, unless a watch had to begin anew."""
    booked = Counter(
        sku
        for sku, _ in {(movement.sku, movement.position) for movement in books.movements if movement.position > start}
    )
    told: Counter[str] = Counter()
    for stream in recorder.streams:
        for response in stream:
            for change in response.changes.changes:
                if change.availability.location:
                    told[change.availability.sku] += sum(cause.operation_count for cause in change.causes)
    for sku in booked.keys() | told.keys():
        if booked[sku] != told[sku]:
            yield f"of {sku} {booked[sku]} operations were booked and {told[sku]} told"


@contextlib.contextmanager
def _noting(found: list[str]) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        found.append(str(error).splitlines()[0][:300] if str(error) else "an assertion without words")


def _events(stream: list[watch.WatchAvailabilityResponse]) -> set[str]:
    return {str(response.WhichOneof("event")) for response in stream}
