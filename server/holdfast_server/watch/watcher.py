"""One watcher: its place in the stream, and what waits for it.

A watcher that keeps up is handed the messages that its group shares. One that does not is owed, per number, the latest
value and what changed it meanwhile: memory is bounded by the numbers in its filter, however fast they change.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from holdfast_server.watch.changes import Causes, Key
from holdfast_server.watch.life import Life


@dataclass(slots=True)
class Owed:
    """A number that has not been told: what changed it since, how many values there were, and when it began."""

    causes: Causes
    values: int
    since: int
    """The step of the hub from which on this is what changed it."""


def owe(owed: dict[Key, Owed], key: Key, causes: Causes, *, values: int, since: int) -> None:
    """Adds to what is owed of a number."""
    known = owed.get(key)
    if known is None:
        owed[key] = Owed(causes.copy(), values, since)
    else:
        known.causes.merge(causes)
        known.values += values


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Messages that belong together, and the token that is true once all of them are taken."""

    messages: Iterable[bytes]
    token: str
    keys: Mapping[Key, Owed] = field(default_factory=dict)
    """The numbers that they tell, if they can be told anew in other words."""


class Watcher(Life):
    """Belongs to one stream. Whoever serves the stream iterates over `messages`; the hub fills it."""

    def __init__(self, *, tell_owed: Callable[[Mapping[Key, Owed]], Delivery], max_age_seconds: float) -> None:
        """`tell_owed` writes the messages about what is owed, as it is at that moment."""
        super().__init__(max_age_seconds=max_age_seconds)
        self._tell_owed = tell_owed
        self._ready: Delivery | None = None
        self._owed: dict[Key, Owed] = {}
        self._offered = self.begin
        self.has_begun = False
        """How its watch begins is known: a snapshot, or what changed since its token. Before, nothing else is told."""
        self.reset = 0
        """Why it could not go on from its token, as a number of WatchResetReason; 0 if it could, or had none."""
        self.last_delivery_seconds = 0.0
        """How long it took the last time from being offered something to having taken it."""

    @property
    def is_idle(self) -> bool:
        """Nothing waits for this watcher, and nothing is on its way to it."""
        return self._ready is None and not self._owed and self.writing_since is None

    def offer(self, delivery: Delivery) -> None:
        """Has the watcher told of changes of its group. It does not wake: see `wake`."""
        if self._ready is None and not self._owed:
            self._ready = delivery
            self._offered = time.monotonic()
        else:
            self.owe(delivery.keys)

    def owe(self, keys: Mapping[Key, Owed]) -> None:
        """Has the watcher told of numbers in a message of its own, as they are then. It does not wake."""
        if self._ready is not None and self._ready.keys:
            # It did not come to this one in time: all of it is told at once.
            overtaken, self._ready = self._ready, None
            self.owe(overtaken.keys)
        for key, one in keys.items():
            owe(self._owed, key, one.causes, values=one.values, since=one.since)

    def greet(self, delivery: Delivery) -> None:
        """Has the watcher told how its watch begins, before all else."""
        self._ready = delivery

    def mark(self, bookmark: Delivery) -> None:
        """Has the watcher told where it stands, unless something waits for it. It does not wake."""
        if self.is_idle:
            self._ready = bookmark

    def leave(self) -> None:
        """Drops what waits: nobody takes it any more."""
        self._ready, self._owed, self.writing_since = None, {}, None

    async def messages(self) -> AsyncGenerator[bytes]:
        """Yields what the watcher is told. Raises the refusal that it is ended with: what waits then is not told."""
        while True:
            self._raise_if_ended()
            delivery = self._take()
            if delivery is None:
                await self._news.wait()
                self._news.clear()
                continue
            for message in delivery.messages:
                self.writing_since = time.monotonic()
                yield message
                self._raise_if_ended()
            self.token = delivery.token
            self.writing_since, self.idle_since = None, time.monotonic()
            self.last_delivery_seconds = self.idle_since - self._offered

    def _raise_if_ended(self) -> None:
        if self._end is not None:
            raise self._end(self.token)

    def _take(self) -> Delivery | None:
        ready, self._ready = self._ready, None
        if ready is not None:
            return ready
        if self._owed:
            owed, self._owed = self._owed, {}
            return self._tell_owed(owed)
        return None
