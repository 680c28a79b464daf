"""Watchers with the same filter: they share the numbers as they are, and every message that is written of them.

What has changed waits here until it is the group's turn. The more messages there are to write, the longer it waits, and
the more changes one message tells.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping

from holdfast_server.watch.changes import Causes, Key, LedgerHead
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.ports import Frames
from holdfast_server.watch.watcher import Owed, Watcher, owe

Parts = dict[tuple[Key, int, int], tuple[int, bytes, bytes]]
"""Numbers that were written since the last step, each with its version and what was written; by what they are of."""


class Group:
    """The numbers of one filter. Complete once it was loaded; from then on the hub keeps it so."""

    def __init__(self, of: WatchFilter, frames: Frames) -> None:
        self.of = of
        self.digest = of.digest()
        self._frames = frames
        self._values: dict[Key, tuple[int, bytes]] = {}
        self._unsaid: set[Key] = set()
        self.watchers: set[Watcher] = set()
        self.waiting: dict[Key, Owed] = {}
        """What has changed and no watcher was told."""
        self._told = LedgerHead("", 0, 0)
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

        If it is newer than that, all are told of it in the step in which it changed, also those who come back until
        then. It can be newer at that position too: time alone changes a number when a preorder is released.
        """
        if self.take(key, version, packed) and (version > told or (version == told and self.watchers)):
            self._unsaid.add(key)

    def take_to_tell(self, key: Key, version: int, packed: bytes, *, reached: int) -> bool:
        """Takes in a number in a step that reaches a position. Returns whether a watcher was told another one last.

        If it is newer than that, it is told again in the step that comes as far, also if it is what it was: whoever
        comes back in between, from exactly this position, knows it as it was here, and that may have been another one.
        """
        is_news = self.take(key, version, packed) or key in self._unsaid
        if self._values[key][0] > reached:
            self._unsaid.add(key)
        else:
            self._unsaid.discard(key)
        return is_news

    def leave(self, watcher: Watcher) -> None:
        """Takes a watcher out, if it is there.

        A step tells nothing to a group that nobody watches, so nothing may wait there for it to follow: whoever comes
        back is told of both out of the ledger.
        """
        self.watchers.discard(watcher)
        self.left_at = time.monotonic()
        if not self.watchers:
            self.waiting = {}

    def wait(self, keys: Mapping[Key, Causes], *, told: LedgerHead, step: int) -> None:
        """Keeps what changed in a step; the watchers are told of all up to a place, unless something waited before."""
        if not self.waiting:
            self._told = told
        for key, causes in keys.items():
            owe(self.waiting, key, causes, values=1, since=step)

    def place(self, head: LedgerHead) -> LedgerHead:
        """Returns where the watchers are to whom nothing is owed, given how far everything was taken in."""
        return self._told if self.waiting else head

    def unknown(self, keys: Iterable[Key]) -> list[Key]:
        """Returns the keys whose numbers were not read yet."""
        task = self.loaded
        if task is not None and task.done() and not task.cancelled() and task.exception() is None:
            return []
        return [key for key in keys if key not in self._values]

    def known(self, keys: Iterable[Key], *, at_least: int) -> dict[Key, tuple[int, bytes]]:
        """Returns numbers that are known, each with its version, but at least a position up to which all was taken in.

        A number that did not change since it was read is as well the number at that position.
        """
        found = {key: self._values[key] for key in keys if key in self._values}
        return {key: (max(version, at_least), packed) for key, (version, packed) in found.items()}

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

    def changes(self, keys: Mapping[Key, Owed], parts: Parts) -> list[bytes]:
        """Returns numbers with what changed them, as parts of changes.

        `parts` holds those that other groups have written since the last step. What began to wait in the same step and
        changed as often was changed by the same, so it is written once.
        """
        written = []
        for key, owed in keys.items():
            version, packed = self._values[key]
            what = (key, owed.since, owed.values)
            known = parts.get(what)
            if known is None or known[:2] != (version, packed):
                part = self._frames.change(packed, version, owed.causes, owed.values - 1)
                known = parts[what] = (version, packed, part)
            written.append(known[2])
        return written

    def owed(self, owed: Mapping[Key, Owed]) -> list[bytes]:
        """Returns what a slow watcher is owed, as parts of changes."""
        return self.changes({key: one for key, one in owed.items() if key in self._values}, {})
