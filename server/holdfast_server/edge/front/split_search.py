"""What one call learns of the supply while it looks for the units of its demand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast_server.edge.front.split_plan import Source
from holdfast_server.refusals import InsufficientStock, Refusal, ShortLine


@dataclass(frozen=True, slots=True)
class _Learned:
    """A segment refused a line although it says that it has the units: it has no more than `at_most` for one line.

    That is so because no location has them all, and for as long as it says the same. If it says something else by now,
    others took the units or gave them back, and nothing was learned.
    """

    said: int
    at_most: int


class SupplySearch:
    """Puts together what segments say that they have, and what they refused all the same."""

    def __init__(self, home_refusal: InsufficientStock | None) -> None:
        """`home_refusal` is what the home said already when it was asked for all of the demand, if it was."""
        self._home_refusal = home_refusal
        self._units: Mapping[Source, int] = {}
        self._refused: dict[Source, int] = {}
        self._learned: dict[Source, _Learned] = {}
        self.has_planned = False
        """The home was asked for a plan under the request's own id: it has not been answered before."""

        self.has_moved = False
        """Others took units that a plan of this call was to take: they may give them back in a moment."""

    def take_home_refusal(self) -> InsufficientStock | None:
        """Returns what the home said already; it says so once."""
        refusal, self._home_refusal = self._home_refusal, None
        return refusal

    def refused_now(self, segment: str, refusal: Refusal | None) -> bool:
        """Notes that a segment has too little, whatever it will say next that it has.

        Returns whether another plan may come to more.
        """
        if not isinstance(refusal, InsufficientStock):
            return refusal is None
        for line in refusal.short_lines:
            self._refused[Source(segment, line.sku, line.location)] = _at_most(line)
        return True

    def refused_as_planned(self, segment: str, refusal: Refusal | None) -> bool:
        """Notes the same of a plan that was made of what the segments said last."""
        if not isinstance(refusal, InsufficientStock):
            return refusal is None
        for line in refusal.short_lines:
            source = Source(segment, line.sku, line.location)
            said = self._units.get(source, 0)
            if not line.location:
                self._learned[source] = _Learned(said, _at_most(line))
            elif said >= line.requested:
                # A location has what it says that it has, until others take it.
                self.has_moved = True
        return True

    def at_most(self) -> dict[Source, int]:
        """Returns what sources have for one line, of those that have less than they say."""
        return {source: one.at_most for source, one in self._learned.items()}

    def heard(self, units: Mapping[Source, int]) -> None:
        """Takes in what the segments say now."""
        self._units = units
        moved = [source for source, one in self._learned.items() if units.get(source, 0) != one.said]
        for source in moved:
            del self._learned[source]
        self.has_moved = self.has_moved or bool(moved)
        self._learned |= {source: _Learned(units.get(source, 0), at_most) for source, at_most in self._refused.items()}
        self._refused = {}


def _at_most(line: ShortLine) -> int:
    return min(line.available, line.requested - 1)
