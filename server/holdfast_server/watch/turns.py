"""Whose turn it is to be told: so many messages in a step that other work goes on, and changes gather for the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from holdfast_server.settings import Settings
from holdfast_server.watch.group import Group
from holdfast_server.watch.watcher import Watcher

# The share of those who are told something that nobody waits for.
_SLOW_SHARE: Final = 0.05
_POLL_SECONDS: Final = 0.01


class Turns:
    """The groups for which something waits, those first for which it has waited longest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: dict[Group, None] = {}

    def __bool__(self) -> bool:
        return bool(self._queue)

    def add(self, group: Group) -> None:
        """Adds a group, unless it has its place already."""
        self._queue.setdefault(group)

    def remove(self, group: Group) -> None:
        self._queue.pop(group, None)

    def next(self) -> list[Group]:
        """Returns the groups whose turn it is: as many as a step has time for, but so many that none waits long.

        Each keeps its place until it is removed.
        """
        settings = self._settings
        waiting = sum(len(group.watchers) for group in self._queue)
        most = settings.watch_step_seconds * max(
            1 / settings.watch_seconds_per_message, waiting / settings.watch_slowest_step_seconds
        )
        chosen: list[Group] = []
        count = 0
        for group in self._queue:
            if count >= most:
                break
            chosen.append(group)
            count += len(group.watchers)
        return chosen

    async def end_step(self, began: float, woken: Sequence[Watcher]) -> None:
        """Waits until a step is over, and until those who were told have taken it; not for the few that are slow."""
        await asyncio.sleep(max(0.0, began + self._settings.watch_step_seconds - time.monotonic()))
        most = self._settings.watch_slowest_step_seconds
        waited_for = [watcher for watcher in woken if watcher.last_delivery_seconds < most]
        few = len(waited_for) * _SLOW_SHARE
        while sum(not watcher.is_idle for watcher in waited_for) > few:
            # A look now and then costs less than an event for every message.
            await asyncio.sleep(_POLL_SECONDS)
            if time.monotonic() - began > most:
                return
