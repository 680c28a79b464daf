"""What the decider is asked, in the form in which the tick script takes it.

These are tuples: one of each is made for every reservation, and a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

NOT_LOOKED_UP: Final = -1
"""The look-up position of a request that nobody has looked up in the ledger."""


class Command(NamedTuple):
    """One command of a tick.

    A question has an empty request_id; it changes nothing and is never remembered. `arguments` are those of the
    operation's Lua file. `line_count` is what the command weighs against the limit of a tick.
    """

    name: str
    arguments: tuple[Any, ...]
    line_count: int
    request_id: str = ""
    id_time_us: int = 0
    method: str = ""
    fingerprint: bytes = b""
    request: bytes = b""
    reservation_id: str = ""
    lookup_position: int = NOT_LOOKED_UP
    must_look_up: bool = False
    """The sequencer asked for a look-up: the id lies below what its window reaches back to."""
    recalled: tuple[tuple[int, str, int, bytes], ...] = ()
    """What the ledger recalled of things that have ended: kind, id, position of the ledger, packed image or nothing."""

    def for_script(self) -> tuple[Any, ...]:
        """Returns the command as tick.lua takes it."""
        return (
            self.name,
            self.request_id,
            self.id_time_us,
            self.fingerprint,
            self.lookup_position,
            self.request,
            self.arguments,
            self.recalled,
        )

    def looked_up_at(self, position: int) -> Command:
        """Returns the command with the position of the ledger in which its request_id was looked up in vain."""
        return self._replace(lookup_position=position, must_look_up=False)

    def with_recalled(self, kind: int, name: str, position: int, image: bytes) -> Command:
        """Returns the command with what the ledger recalled, in place of what it recalled before."""
        others = tuple(one for one in self.recalled if one[:2] != (kind, name))
        return self._replace(recalled=(*others, (kind, name, position, image)))

    def to_look_up(self) -> Command:
        """Returns the command with the note that its request_id must be looked up, whatever was found before."""
        return self._replace(lookup_position=NOT_LOOKED_UP, must_look_up=True)


class Decision(NamedTuple):
    """What a command came to: it took effect at this position, now or, if replayed, before."""

    position: int
    reservation: bytes = b""
    extra: bytes = b""
    replayed: bool = False


class Reading(NamedTuple):
    """What a question was answered with, and the position that the answer reflects."""

    position: int
    answers: list[Any]
