"""Reads what is told: numbers as they are, all that a filter lets pass, and what a stretch of history touched.

Every question is cut into portions, so that none of them holds up the sequencer or the ledger for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from holdfast_server.refusals import HistoryRetired
from holdfast_server.settings import Settings
from holdfast_server.watch.changes import Catalogue, Causes, Key
from holdfast_server.watch.filter import Index, Scope, WatchFilter
from holdfast_server.watch.ports import Source
from holdfast_server.watch.touched import Touched, touched_by

Numbers = dict[Key, tuple[int, bytes]]
"""By key: the position that a number reflects, and the number, packed."""


class NumberReader:
    """Asks the source. Every method raises what the source raises, and may be called again then."""

    def __init__(self, settings: Settings, source: Source) -> None:
        self._settings = settings
        self._source = source
        self._stretches: dict[tuple[WatchFilter, int, int], asyncio.Task[Touched]] = {}
        self.long_reads = asyncio.Semaphore(settings.max_concurrent_snapshots)
        """Is held while all numbers of a filter or a stretch of history are read."""

    async def read(self, keys: Iterable[Key]) -> Numbers:
        """Returns the numbers that exist as they are now, with the position that each reflects."""
        every, size = list(keys), self._settings.watch_keys_per_read
        numbers: Numbers = {}
        for start in range(0, len(every), size):
            portion = every[start : start + size]
            position, packed = await self._source.read(portion)
            numbers.update((key, (position, one)) for key, one in zip(portion, packed, strict=True) if one is not None)
        return numbers

    async def every_key(self, of: WatchFilter, scope: Scope) -> AsyncIterator[list[Key]]:
        """Yields all numbers of a channel or location that a filter lets pass, in portions."""
        if of.skus is not None:
            yield list(of.named_keys(scope))
            return
        channel, location = scope
        async for skus in self._source.skus(channel, location):
            yield [Key(sku, channel, location) for sku in skus]

    async def keys_of(self, touched: Touched, filters: Iterable[WatchFilter]) -> list[Key]:
        """Returns the numbers that were touched, those of whole scopes as far as the filters let them pass."""
        keys = dict.fromkeys((*touched.certain, *touched.maybe))
        for of in filters:
            for scope in of.scopes:
                if scope in touched.scopes:
                    async for portion in self.every_key(of, scope):
                        keys.update(dict.fromkeys(portion))
        return list(keys)

    async def touched_since(self, of: WatchFilter, after: int, until: int, catalogue: Catalogue) -> Touched:
        """Returns what a stretch of history touched. Those who come back together from one place share the answer."""
        stretch = (of, after, until)
        task = self._stretches.get(stretch)
        if task is None:
            reading = self.touched_between(*stretch, catalogue)
            task = self._stretches[stretch] = asyncio.create_task(reading, name="watch-stretch")
            task.add_done_callback(lambda _: self._stretches.pop(stretch, None))
        return await asyncio.shield(task)

    def stop(self) -> None:
        """Ends what is being read for those who come back."""
        for task in self._stretches.values():
            task.cancel()

    async def touched_between(self, of: WatchFilter, after: int, until: int, catalogue: Catalogue) -> Touched:
        """Returns what a stretch of history touched of the numbers that a filter lets pass.

        If a part of it was retired, nobody can say what it touched: then it is all numbers.
        """
        touched = Touched()
        own: Index[None] = Index()
        own.add(None, of)
        async with self.long_reads:
            while after < until:
                limit = min(until - after, self._settings.watch_operations_per_step)
                try:
                    changes = await self._source.changes_after(after, limit)
                except HistoryRetired:
                    return Touched(scopes={scope: Causes() for scope in of.scopes})
                touched.merge(touched_by(changes, catalogue, own, before=None))
                after = changes.reached
        return touched
