"""Whose turn it is to be told: so few at a time that other work goes on, while changes gather for the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from holdfast_server.settings import Settings
from holdfast_server.watch.group import Group
from holdfast_server.watch.watcher import Watcher

# Nobody waits for so many of those who are told something, nor for that share of them.
_SLOW_COUNT: Final = 2
_SLOW_SHARE: Final = 0.05
_POLL_SECONDS: Final = 0.003


class Turns:
    """The groups for which something waits, those first for which it has waited longest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Of each group, how many watchers it had when it took its place; the sum is kept, since a turn comes often.
        self._queue: dict[Group, int] = {}
        self._waiting = 0
        self._some = asyncio.Event()
        self._message_count = 0

    def add(self, group: Group) -> None:
        """Adds a group, unless it has its place already."""
        if group not in self._queue:
            self._queue[group] = len(group.watchers)
            self._waiting += len(group.watchers)
            self._some.set()

    def remove(self, group: Group) -> None:
        """Takes a group out, if it is there."""
        self._waiting -= self._queue.pop(group, 0)
        if not self._queue:
            self._some.clear()

    async def wait(self) -> None:
        """Waits until there is a group."""
        await self._some.wait()

    def next(self) -> list[Group]:
        """Returns the groups whose turn it is: as many as there is time for, but so many that none waits long.

        Each keeps its place until it is removed.
        """
        settings = self._settings
        most = settings.watch_portion_seconds * max(
            1 / settings.watch_seconds_per_message, self._waiting / settings.watch_slowest_step_seconds
        )
        chosen: list[Group] = []
        self._message_count = 0
        for group in self._queue:
            if self._message_count >= most:
                break
            chosen.append(group)
            self._message_count += len(group.watchers)
        return chosen

    async def end_portion(self, began: float, told: Sequence[Watcher]) -> None:
        """Waits until the next portion may begin: longer if a group was larger than a portion has time for.

        It also waits until those who were told something have taken it, but not for the few that are slow.
        """
        settings = self._settings
        longest = settings.watch_slowest_step_seconds
        length = max(settings.watch_portion_seconds, self._message_count * settings.watch_seconds_per_message)
        await asyncio.sleep(max(0.0, began + min(length, longest) - time.monotonic()))
        waited_for = [watcher for watcher in told if watcher.last_delivery_seconds < longest]
        few = max(_SLOW_COUNT, len(waited_for) * _SLOW_SHARE)
        while sum(not watcher.is_idle for watcher in waited_for) > few:
            # A look now and then costs less than an event for every message.
            await asyncio.sleep(_POLL_SECONDS)
            if time.monotonic() - began > longest:
                return
