"""Watchers with the same filter: they share the numbers as they are, and every message that is written of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping

from holdfast_server.watch.changes import Causes, Key
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.ports import Frames
from holdfast_server.watch.watcher import Owed, Watcher


class Group:
    """The numbers of one filter. Complete once it was loaded; from then on the hub keeps it so."""

    def __init__(self, of: WatchFilter, frames: Frames) -> None:
        self.of = of
        self.digest = of.digest()
        self._frames = frames
        self._values: dict[Key, tuple[int, bytes]] = {}
        self._unsaid: set[Key] = set()
        self.watchers: set[Watcher] = set()
        self.loaded: asyncio.Task[None] | None = None
        self.token, self.token_position = "", -1
        """The token of the last position that one was asked for."""
        self.left_at = time.monotonic()
        """When the last watcher left."""

    def take(self, key: Key, version: int, packed: bytes) -> bool:
        """Takes in a number, unless a newer one is known. Returns whether it is another number than before."""
        known = self._values.get(key)
        if known is not None and known[0] > version:
            return False
        self._values[key] = (version, packed)
        return known is None or known[1] != packed

    def take_aside(self, key: Key, version: int, packed: bytes, *, told: int) -> None:
        """Takes in a number that was read for one who joins, while the others were told of all up to a position.

        If it is newer than that, they are told of it in the step in which it changed.
        """
        if self.take(key, version, packed) and version > told and self.watchers:
            self._unsaid.add(key)

    def take_to_tell(self, key: Key, version: int, packed: bytes) -> bool:
        """Takes in a number in a step. Returns whether the watchers were told another one last."""
        is_other = self.take(key, version, packed)
        if key in self._unsaid:
            self._unsaid.discard(key)
            return True
        return is_other

    @property
    def number_count(self) -> int:
        """How many numbers are known."""
        return len(self._values)

    def snapshot(self) -> Iterator[bytes]:
        """Yields all numbers, as parts of a snapshot."""
        # Numbers may change, and new ones come, while this is read.
        for key in list(self._values):
            version, packed = self._values[key]
            yield self._frames.change(packed, version, None, 0)

    def changes(self, keys: Mapping[Key, Causes], parts: dict[Key, tuple[int, bytes]]) -> list[bytes]:
        """Returns numbers with what changed them, as parts of changes.

        `parts` holds those that other groups have written in this step, with their versions: each is written once.
        """
        written = []
        for key, causes in keys.items():
            version, packed = self._values[key]
            known = parts.get(key)
            if known is None or known[0] != version:
                known = parts[key] = (version, self._frames.change(packed, version, causes, 0))
            written.append(known[1])
        return written

    def owed(self, owed: Mapping[Key, Owed]) -> list[bytes]:
        """Returns what a slow watcher is owed, as parts of changes."""
        return [
            self._frames.change(packed, version, one.causes, one.values - 1)
            for key, one in owed.items()
            if (number := self._values.get(key)) is not None
            for version, packed in (number,)
        ]
