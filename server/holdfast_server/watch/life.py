"""The life of one stream, whatever it tells: how old it may get, whether it is taken, and what it ends with."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from holdfast_server.refusals import Refusal, WatchEnded, WatcherTooSlow
from holdfast_server.settings import Settings

_AGE_JITTER: Final = 0.2


def max_age_seconds_of(settings: Settings) -> float:
    """Returns an age for one stream: streams that began together must not all come back together."""
    return settings.watch_max_age_seconds * random.uniform(1 - _AGE_JITTER, 1 + _AGE_JITTER)


class Life:
    """What every stream has. Whoever fills the stream ends it and looks after it; whoever serves it sets `give_up`."""

    def __init__(self, *, max_age_seconds: float) -> None:
        self._end: Callable[[str], Refusal] | None = None
        self._news = asyncio.Event()
        self.token = ""
        """The last token that the stream gave out."""
        self.max_age_seconds = max_age_seconds
        self.begin = self.idle_since = time.monotonic()
        self.give_up: Callable[[Refusal], None] = lambda _: None
        """Ends a stream that is stuck in writing a message; set by whoever serves it."""
        self.writing_since: float | None = None
        """When the stream was handed the message that it is writing; None while it waits for one."""

    def end(self, refusal: Callable[[str], Refusal]) -> None:
        """Has the stream end with the refusal of its last token."""
        self._end = refusal
        self.wake()

    def wake(self) -> None:
        """Lets the stream look for what waits."""
        self._news.set()

    def wait_for_turn(self) -> None:
        """Says that its message waits behind others that are taken: the stream is not stuck."""
        if self.writing_since is not None:
            self.writing_since = time.monotonic()

    def look_after(self, now: float, settings: Settings) -> bool:
        """Ends the stream if it takes nothing or is too old. Returns whether it lives on and nothing is on its way."""
        writing_since = self.writing_since
        if writing_since is not None and now - writing_since > settings.watch_stall_seconds:
            self.give_up(WatcherTooSlow("watch_stall_seconds", int(settings.watch_stall_seconds), self.token))
            return False
        if now - self.begin > self.max_age_seconds:
            # One that is always writing gets old too.
            self.end(lambda token: WatchEnded("MAX_AGE", token))
            return False
        return writing_since is None
