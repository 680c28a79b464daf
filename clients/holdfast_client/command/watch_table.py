"""The table of `holdfast watch` on a terminal, which keeps itself current."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from holdfast_client.command import asking
from holdfast_client.command.watch_views import cause_in_words, change_since
from holdfast_client.watching.events import (
    AvailabilityGone,
    AvailabilityUpdate,
    InStep,
    NumberKey,
    OutOfStep,
    WatchEvent,
    WatchReset,
)
from holdfast_client.watching.latest import LatestAvailability

REFRESHES_PER_SECOND: Final = 4
_LINES_AROUND_ROWS: Final = 7
_FEWEST_ROWS: Final = 5
_COLUMNS: Final = ("SKU", "channel or location", "available", "backorder", "change", "last cause")
_NUMBERS: Final = {"available", "backorder", "change"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """How a number changed last."""

    change: str = ""
    cause: str = ""


class LiveTable:
    """A row for each number: what it is, how it changed last, and why. Below it, how old that is.

    Where the screen has too few lines, those that changed last are shown.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console()
        self._clock = clock
        self._latest = LatestAvailability()
        self._last: dict[NumberKey, _Last] = {}
        """In the order in which they changed."""
        self._heard = clock()
        self._loss = ""
        self._reset = ""

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Draw the table some times a second, and leave it as it was last."""
        with Live(self.drawn(), console=self._console, auto_refresh=False) as live:
            drawing = asyncio.create_task(self._draw(live))
            try:
                yield
            finally:
                drawing.cancel()
                await asyncio.gather(drawing, return_exceptions=True)
                live.update(self.drawn(), refresh=True)

    def take(self, event: WatchEvent) -> None:
        """Take in an event; it is drawn in its turn."""
        match event:
            case AvailabilityUpdate():
                known = self._latest.get(event.sku, channel=event.channel, location=event.location)
                before = self._last.pop(event.key, _Last())
                self._last[event.key] = _Last(
                    change=change_since(event, known) or before.change,
                    cause=cause_in_words(event.causes) or before.cause,
                )
            case AvailabilityGone():
                self._last.pop(event.key, None)
            case WatchReset():
                self._reset = f"; began anew: {event.reason}"
            case InStep():
                self._heard, self._loss = self._clock(), ""
            case OutOfStep():
                self._loss = str(event.error)
        self._latest.take(event)

    def drawn(self) -> RenderableType:
        """The table and the line below it, as they are now."""
        most = max(_FEWEST_ROWS, self._console.height - _LINES_AROUND_ROWS)
        table = Table()
        for column in _COLUMNS:
            table.add_column(column, justify="right" if column in _NUMBERS else "left", overflow="fold")
        for key in sorted(list(self._last)[-most:]):
            table.add_row(*(Text(asking.printable(cell)) for cell in self._row(key)))
        return Group(table, Text(asking.printable(self._status(hidden=max(0, len(self._last) - most)))))

    async def _draw(self, live: Live) -> None:
        while True:
            await asyncio.sleep(1 / REFRESHES_PER_SECOND)
            live.update(self.drawn(), refresh=True)

    def _row(self, key: NumberKey) -> tuple[str, ...]:
        sku, channel, location = key
        number = self._latest.get(sku, channel=channel, location=location)
        units = ("", "") if number is None else (str(number.available), str(number.backorder or ""))
        last = self._last[key]
        return (sku, channel or location, *units, last.change, last.cause)

    def _status(self, *, hidden: int) -> str:
        age = f"{max(0.0, self._clock() - self._heard):.0f} s ago"
        more = f"; {hidden} more, which changed before these" if hidden else ""
        if self._latest.revision is None:
            return f"waiting for the numbers{': ' + self._loss if self._loss else ''}"
        place = f"in step with revision {asking.place_of(self._latest.revision)} {age}"
        loss = f"; out of step, trying again: {self._loss}" if self._loss else ""
        return f"{place}{loss}{self._reset}{more}"
