"""What the parts of a watch hold: a hub in each server, a stream for each watcher, and the watcher itself.

There is one number to watch, what may be sold. The version of a number is the position that it reflects.
"""

from __future__ import annotations

from typing import NamedTuple


class Stream(NamedTuple):
    """A watch at a hub. It has begun once its watcher was told how; before that it waits for what changed since.

    `told` is what the judge of Ordered remembers: the version that this stream told last.
    """

    watcher: int
    begun: bool
    since: int  # the position of the token that it came with
    until: int  # where its group was when it joined: what changed between the two is to be told
    owed: bool  # something was handed out meanwhile
    told: int


class Hub(NamedTuple):
    """What one server knows of the ledger for its watchers, and how far they have been told."""

    lineage: int
    head: int  # up to here everything is taken in
    reading: int  # up to here the ledger was read, by a step that has yet to read the number; -1 if none is under way
    version: int
    value: int
    unsaid: bool  # the number was read ahead for one who joined, and the others were not told
    told: int  # while something waits to be handed out, the place up to which all were told; -1 if nothing waits
    streams: tuple[Stream, ...]

    @property
    def place(self) -> int:
        """Where the watchers are to whom nothing is owed."""
        return self.head if self.told < 0 else self.told


NO_HUB = Hub(0, 0, -1, 0, 0, unsaid=False, told=-1, streams=())


class Watcher(NamedTuple):
    """What a watcher keeps: the newest token, and the number as it was told, with its version."""

    lineage: int
    token: int
    version: int
    value: int


class Message(NamedTuple):
    """What a stream told in one step: for the judges, and no part of the identity of a state."""

    watcher: int
    value: int
    version: int
    told_before: int  # the version that the same stream had told
    held_before: int  # the version that the watcher held; -1 if a reset made it forget
    held_after: int
    lineage: int
