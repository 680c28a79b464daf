"""A watcher of the tests: reads one stream after another, and records what it is told, for the validators."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from holdfast.inventory.v1 import watch_pb2 as watch

Key = tuple[str, str, str]


def key_of(change: watch.AvailabilityChange) -> Key:
    told = change.availability
    return told.sku, told.channel, told.location


def positions_of(place: Any) -> dict[str, int]:
    """The position in each segment that a place speaks of."""
    return {one.segment: one.position for one in place.revisions or [place.revision]}


@dataclass(slots=True)
class Recorder:
    """What one watcher was told, stream after stream; each stream is the list of its responses."""

    of: watch.AvailabilityFilter
    streams: list[list[watch.WatchAvailabilityResponse]] = field(default_factory=list)
    began_with: list[str] = field(default_factory=list)
    """The token that each stream was resumed from; empty for none."""
    numbers: dict[Key, watch.AvailabilityChange] = field(default_factory=dict)
    """What it holds to be true now: the newest version of each number."""
    token: str = ""
    position: int = 0
    places: dict[str, int] = field(default_factory=dict)
    """How far it was told of each segment."""
    synced: bool = False

    def take(self, response: watch.WatchAvailabilityResponse) -> None:
        self.streams[-1].append(response)
        event = response.WhichOneof("event")
        if event == "reset":
            self.numbers.clear()
            self.synced = False
        elif event == "snapshot":
            self._apply(response.snapshot.values)
        elif event == "changes":
            self._apply(response.changes.changes)
            self._stand(response.changes)
        elif event == "synced":
            self.synced = True
            self._stand(response.synced)
        else:
            self._stand(response.bookmark)

    def _apply(self, changes: Any) -> None:
        for change in changes:
            known = self.numbers.get(key_of(change))
            if known is None or known.version <= change.version:
                self.numbers[key_of(change)] = change

    def _stand(self, place: Any) -> None:
        if place.resume_token:
            self.token, self.position = place.resume_token, place.revision.position
            self.places.update(positions_of(place))

    def knows(self, revisions: Any) -> bool:
        """Whether it was told of whatever was committed up to these revisions."""
        return all(self.places.get(one.segment, 0) >= one.position for one in revisions)

    def available(self, sku: str, *, channel: str = "", location: str = "") -> int:
        """What may be sold, as it was last told; -1 if nothing was told of it."""
        change = self.numbers.get((sku, channel, location))
        return -1 if change is None else change.availability.available_to_sell_quantity

    @property
    def events(self) -> list[str]:
        """The events of the last stream, in order."""
        return [str(response.WhichOneof("event")) for response in self.streams[-1]]

    @property
    def changes(self) -> list[watch.AvailabilityChange]:
        """Every change that was told in the last stream."""
        return [change for response in self.streams[-1] for change in response.changes.changes]


class Watch:
    """One stream under way, read by a task of its own into the recorder."""

    def __init__(self, stubs: Any, recorder: Recorder, *, resume_token: str, subscription: str = "") -> None:
        """Of a subscription, the filter is the subscription's."""
        of = None if subscription else recorder.of
        request = watch.WatchAvailabilityRequest(filter=of, resume_token=resume_token, subscription=subscription)
        recorder.streams.append([])
        recorder.began_with.append(resume_token)
        recorder.synced = False
        self.recorder = recorder
        self._news = asyncio.Event()
        self._call = stubs.inventory.WatchAvailability(request)
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for response in self._call:
            self.recorder.take(response)
            self._news.set()

    async def until(self, is_so: Callable[[Recorder], bool], seconds: float = 20) -> None:
        """Reads on until something is so."""
        async with asyncio.timeout(seconds):
            while not is_so(self.recorder):
                news = asyncio.create_task(self._news.wait())
                await asyncio.wait([news, self._task], return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self._news.clear()
                if self._task.done() and not is_so(self.recorder):
                    await self._task
                    raise AssertionError("the stream ended by itself")

    async def ended(self, seconds: float = 20) -> grpc.aio.AioRpcError:
        """Reads on until the stream ends, and returns what it ended with."""
        try:
            async with asyncio.timeout(seconds):
                await self._task
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError("the stream ended without a status of its own")

    async def cancel(self) -> None:
        self._call.cancel()
        with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
            await self._task


@contextlib.asynccontextmanager
async def watching(stubs: Any, recorder: Recorder, *, resume: bool = False) -> AsyncIterator[Watch]:
    """Watches into a recorder, from its last token if it is to resume."""
    stream = Watch(stubs, recorder, resume_token=recorder.token if resume else "")
    try:
        yield stream
    finally:
        await stream.cancel()
