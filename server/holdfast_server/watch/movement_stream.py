"""One stream of movements: its own place in the ledger, and what it is told next.

It asks for its next page only when all of the last one was taken, so a reader that is slow costs one page of memory and
holds up nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

from holdfast_server.refusals import HistoryRetired, Refusal
from holdfast_server.watch.life import Life
from holdfast_server.watch.movements import MovementPage, MovementSelection, Told

_RETRY_SECONDS: Final = 0.2


class MovementStream(Life):
    """Belongs to one stream. Whoever serves it iterates over `messages`."""

    def __init__(
        self,
        *,
        of: MovementSelection,
        place: int,
        page_after: Callable[[MovementStream], Awaitable[MovementPage | None]],
        tell: Callable[[MovementPage, MovementStream], Sequence[Told]],
        bookmark: Callable[[MovementStream], Told],
        max_age_seconds: float,
    ) -> None:
        """`page_after` returns what follows the place, None for nothing yet; `tell` and `bookmark` write messages."""
        super().__init__(max_age_seconds=max_age_seconds)
        self.of = of
        self.digest = of.digest()
        self.place = place
        """Whatever was committed up to here has been told, or is about to be; or it did not pass."""
        self.greeting: list[Told] = []
        """What is told first."""
        self._page_after = page_after
        self._tell = tell
        self._bookmark = bookmark
        self._owes_bookmark = False

    def mark(self) -> None:
        """Has the stream say where it stands, unless it tells something else before."""
        self._owes_bookmark = True
        self.wake()

    async def messages(self) -> AsyncGenerator[bytes]:
        """Yields what the stream tells. Raises the refusal that it is ended with, at the end of a message."""
        told: Sequence[Told] = self.greeting
        while True:
            for message, token in told:
                self.writing_since = time.monotonic()
                yield message
                self.token = token or self.token
                self.writing_since, self.idle_since = None, time.monotonic()
                self._owes_bookmark = False
                self._raise_end()
            told = await self._next()

    async def _next(self) -> Sequence[Told]:
        """Waits until there is something to tell, and returns it."""
        while True:
            self._news.clear()
            self._raise_end()
            if self._owes_bookmark:
                return [self._bookmark(self)]
            try:
                page = await self._page_after(self)
            except HistoryRetired:
                raise
            except Refusal:
                # The ledger cannot be read now: the stream waits for it, as long as it may live.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if page is None:
                await self._news.wait()
                continue
            # The history may have ended while the page was read.
            self._raise_end()
            told = self._tell(page, self)
            self.place = page.reached
            if told:
                return told

    def _raise_end(self) -> None:
        if self._end is not None:
            raise self._end(self.token)
