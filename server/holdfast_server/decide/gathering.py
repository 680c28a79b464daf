"""How long commands gather before they make a tick.

A tick has a price of its own, in the script, in the journal and in the ledger. One that is put before a commit under
way would wait for it all the same; so waiting for its end costs commands little, and saves the price of a tick.

Alone, a command does not wait; nor do as many as a batch has. Nobody waits for longer than tick_gather_seconds: that
keeps decisions, and with them the refusals of a full backlog, going when the ledger stands still.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sized

from holdfast_server.settings import Settings


class Gathering:
    """Knows the ticks that wait for their commit, and says when the next one may begin."""

    def __init__(self, settings: Settings, queue: Sized) -> None:
        self._settings = settings
        self._queue = queue
        self._under_way = 0
        self._go = asyncio.Event()

    def tick_waits(self) -> None:
        """Notes a tick that waits for its commit, or for the proof that it is as new as can be."""
        self._under_way += 1

    def tick_ended(self) -> None:
        """Notes that it is known what became of a tick."""
        self._under_way -= 1
        self._go.set()

    def more_came(self) -> None:
        """Notes that commands were queued."""
        if self._has_enough():
            self._go.set()

    async def until_due(self) -> None:
        """Returns when what is queued should be decided."""
        if self._has_enough() or self._under_way < self._settings.max_ticks_under_way:
            return
        self._go.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.tick_gather_seconds):
                await self._go.wait()

    def _has_enough(self) -> bool:
        """Says whether the price of a tick is spread over many commands: more would make little of a difference."""
        return len(self._queue) >= self._settings.enough_commands_per_tick
