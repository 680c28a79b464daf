"""WatchAvailability over several segments.

What is at a location comes from the one segment that it lies in. What a channel may sell is the sum of what it may
sell from each: when a segment tells that its part has changed, the parts of all are put together as they are then, out
of the numbers that the hubs hold for all who watch the same. So no segment waits for another, and the sum is right
once each of them has told its last change.

The version of a sum is the sum of the positions that its parts reflect. Each of these never goes back: neither on one
hub, nor from one server to another, since a watch begins only when its hub has taken in whatever is committed
(`come_to_head`), which is at least what any server has told. So the version never goes back either.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Iterable, Sequence

from holdfast.inventory.v1 import stock_pb2
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.front.availability import together
from holdfast_server.edge.front.merging import Feed, Merging
from holdfast_server.edge.packed_fields import packed
from holdfast_server.watch.changes import Key
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.watcher import Watcher

_Hub = tuple[AvailabilityHub, Watcher]


class MergedWatch:
    """One stream; `hubs` are those that tell the feeds of `merging`, each with its watcher, in the same order."""

    def __init__(self, merging: Merging, hubs: Sequence[_Hub], *, is_resumed: bool, reset: int) -> None:
        """`reset` is why it is not resumed although it was to be, as a number of WatchResetReason; else 0."""
        self._merging = merging
        self._hubs = list(hubs)
        self._is_resumed = is_resumed
        self._reset = reset

    def messages(self) -> AsyncGenerator[bytes]:
        """Yields what the stream tells. Raises the refusal that it is ended with."""
        return self._merging.ended_as_one(self._messages())

    async def _messages(self) -> AsyncGenerator[bytes]:
        if self._reset:
            reset = pb.WatchReset(reason=self._reset)  # type: ignore[arg-type]
            yield packed(pb.WatchAvailabilityResponse(reset=reset))
            self._merging.told("")
        if not self._is_resumed:
            for number, feed in enumerate(self._merging.feeds):
                async with contextlib.aclosing(self._snapshot(feed, self._hubs[:number])) as parts:
                    async for part in parts:
                        yield part
                        self._merging.told("")
            synced = pb.WatchSynced(revision=self._merging.revisions()[0])
            token = self._merging.say_place(synced)
            yield packed(pb.WatchAvailabilityResponse(synced=synced))
            self._merging.told(token)
        async with contextlib.aclosing(self._merging.live(pb.WatchAvailabilityResponse, self._complete)) as messages:
            async for message in messages:
                yield message

    async def _complete(self, response: pb.WatchAvailabilityResponse) -> None:
        await self._add_up(response.changes.changes)

    async def _snapshot(self, feed: Feed, told: Sequence[_Hub]) -> AsyncGenerator[bytes]:
        """Yields the snapshot of a feed, without the channels' numbers that the snapshots of other hubs had."""
        while True:
            response = pb.WatchAvailabilityResponse.FromString(await feed.take())
            if response.HasField("synced"):
                feed.stand(response.synced)
                return
            values = response.snapshot.values
            keys = [_key_of(value) for value in values]
            known: set[Key] = set()
            for hub, watcher in told:
                known.update(await hub.numbers(watcher, [key for key in keys if key.channel]))
            if known:
                left = [value for key, value in zip(keys, values, strict=True) if key not in known]
                response = pb.WatchAvailabilityResponse(snapshot=pb.AvailabilitySnapshot(values=left))
            await self._add_up(response.snapshot.values)
            if response.snapshot.values:
                yield packed(response)

    async def _add_up(self, changes: Iterable[pb.AvailabilityChange]) -> None:
        """Replaces the part that one segment told of channels' numbers by what all segments have."""
        told = {key: change for change in changes if (key := _key_of(change)).channel}
        if not told:
            return
        parts: dict[Key, list[tuple[int, bytes]]] = {key: [] for key in told}
        for hub, watcher in self._hubs:
            for key, number in (await hub.numbers(watcher, list(told))).items():
                parts[key].append(number)
        for key, change in told.items():
            change.version = sum(version for version, _ in parts[key])
            numbers = [stock_pb2.Availability.FromString(number) for _, number in parts[key]]
            change.availability.CopyFrom(functools.reduce(together, numbers))


def _key_of(change: pb.AvailabilityChange) -> Key:
    return Key(change.availability.sku, change.availability.channel, change.availability.location)
