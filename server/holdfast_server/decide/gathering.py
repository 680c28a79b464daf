"""How long commands gather before they make a tick.

A tick has a price of its own, in the script, in the journal and in the ledger. One that is put before a commit under
way would wait for it all the same; so waiting for its end costs commands little, and saves the price of a tick.

A caller that is alone does not wait; nor do as many commands as a batch has. Nobody waits for longer than twice
tick_gather_seconds: that keeps decisions, and with them the refusals of a full backlog, going when the ledger stands
still.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sized
from typing import Final

from holdfast_server.settings import Settings

# About what a tick costs all processes besides its commands.
_PRICE_SECONDS: Final = 0.0005
# Who comes so long after a tick that wrote nothing is not of the same crowd. (To give answers out takes a while.)
_RECENT_SECONDS: Final = 0.02


class Gathering:
    """Knows the ticks that wait for their commit, and says when the next one may begin."""

    def __init__(self, settings: Settings, queue: Sized) -> None:
        self._settings = settings
        self._queue = queue
        self._under_way = 0
        self._go = asyncio.Event()
        # For how long commands gather after the last tick, if it wrote nothing; and when it ended.
        self._pace = 0.0
        self._ended = 0.0

    def tick_waits(self) -> None:
        """Notes a tick that waits for its commit, or for the proof that it is as new as can be."""
        self._under_way += 1

    def tick_ended(self) -> None:
        """Notes that it is known what became of a tick."""
        self._under_way -= 1
        self._ended = time.monotonic()
        self._go.set()

    def more_came(self) -> None:
        """Notes that commands were queued."""
        if self._has_enough():
            self._go.set()

    def tick_wrote_nothing(self, *, callers: int) -> None:
        """Notes that the tick that waits now is proven soon, so that little gathers meanwhile.

        So the next one is held back for a while after it: the more callers it had, the more will come. One may well be
        alone, and does not wait.
        """
        self._pace = min(self._settings.tick_gather_seconds, _PRICE_SECONDS * (callers - 1))

    async def until_due(self) -> None:
        """Returns when what is queued should be decided."""
        if self._under_way >= self._settings.max_ticks_under_way:
            await self._wait(self._settings.tick_gather_seconds)
        pace, self._pace = self._pace, 0.0
        if pace and time.monotonic() - self._ended < _RECENT_SECONDS:
            await self._wait(pace)

    async def _wait(self, seconds: float) -> None:
        """Waits for so long at most: until there is enough, or a tick under way has ended."""
        if self._has_enough():
            return
        self._go.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._go.wait()

    def _has_enough(self) -> bool:
        """Says whether the price of a tick is spread over many commands: more would make little of a difference."""
        return len(self._queue) >= self._settings.enough_commands_per_tick
