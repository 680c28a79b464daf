"""Reads all numbers of a filter, once for all who wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from holdfast_server.refusals import LimitExceeded, WatchEnded
from holdfast_server.settings import Settings
from holdfast_server.watch.group import Group
from holdfast_server.watch.numbers import NumberReader


class Loader:
    """Loads groups. `position` says up to where the watchers were told of everything."""

    def __init__(self, settings: Settings, numbers: NumberReader, position: Callable[[], int]) -> None:
        self._most = settings.max_numbers_per_filter
        self._numbers = numbers
        self._position = position

    async def loaded(self, group: Group) -> None:
        """Waits until all numbers of a group are known. Raises what the source raised, or that too many there are."""
        task = self.begin(group)
        try:
            # Whoever gives up waiting does not take it away from the others.
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                # It was taken away from all of them; a call must not end as if its caller had cancelled it.
                raise WatchEnded("FAULT", "") from None
            raise

    def begin(self, group: Group) -> asyncio.Task[None]:
        """Begins to load a group, unless it is loaded or being loaded."""
        if group.loaded is None:
            group.loaded = asyncio.create_task(self._load(group), name="watch-load")
            group.loaded.add_done_callback(lambda done: self._ended(group, done))
        return group.loaded

    @staticmethod
    def _ended(group: Group, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            group.loaded = None  # The next one to come tries again.

    async def _load(self, group: Group) -> None:
        async with self._numbers.long_reads:
            for scope in group.of.scopes:
                async for keys in self._numbers.every_key(group.of, scope):
                    for key, (version, packed) in (await self._numbers.read(keys)).items():
                        group.take_aside(key, version, packed, told=self._position())
                    if group.number_count > self._most:
                        raise LimitExceeded("max_numbers_per_filter", self._most)
