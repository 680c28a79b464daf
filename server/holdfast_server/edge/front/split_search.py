"""What one call learns of the supply while it looks for the units of its demand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from holdfast_server.edge.front.split_plan import Source
from holdfast_server.refusals import InsufficientStock

# So often is it worth looking again after units were taken by others, who may give them back in a moment.
_LOOKS: Final = 3


class _Refused(NamedTuple):
    """What a source said that it has, and how few it had when it was to give them."""

    said: int | None
    available: int


class SupplySearch:
    """Compares what sources say that they have with what they refuse all the same.

    A source that refuses units that it said it has was overtaken by others, or it cannot give them to one line: no
    location has them all, or they are kept for another channel. If it says and refuses the same once more, it is the
    second; then no more is asked of it for as long as it says the same.
    """

    def __init__(self) -> None:
        self._units: Mapping[Source, int] = {}
        self._refused: dict[Source, _Refused] = {}
        self._learned: dict[Source, tuple[int, int]] = {}
        self._has_learned = False
        self._looks = 0
        self._late: set[str] = set()

    def heard(self, units: Mapping[Source, int]) -> None:
        """Takes in what the sources say now."""
        self._units = units
        self._learned = {source: one for source, one in self._learned.items() if units.get(source, 0) == one[0]}
        for source, refused in self._refused.items():
            if refused.said is None:
                self._refused[source] = refused._replace(said=units.get(source, 0))

    def refused(self, segment: str, refusal: InsufficientStock) -> None:
        """Takes in what a segment refused; the home perhaps before anybody said what there is."""
        for line in refusal.short_lines:
            source = Source(segment, line.sku, line.location)
            now = _Refused(self._units.get(source) if self._units else None, line.available)
            if now.said is not None and now.said < line.requested:
                # It never said that it has them.
                continue
            if now.said is not None and self._refused.get(source) == now:
                self._learned[source] = now.said, min(line.available, line.requested - 1)
                self._has_learned, self._looks = True, 0
            elif now.said is not None:
                self._looks = _LOOKS
            self._refused[source] = now

    def was_late(self, segment: str) -> bool:
        """Takes in that a segment had a plan too late; returns whether it was so before."""
        is_known = segment in self._late
        self._late.add(segment)
        return is_known

    def at_most(self) -> dict[Source, int]:
        """Returns what sources can give to one line, of those that say that they have more."""
        return {source: units for source, (_, units) in self._learned.items()}

    def has_learned(self) -> bool:
        """Says whether something was learned since this was last asked: another plan may be made of it at once."""
        has_learned, self._has_learned = self._has_learned, False
        return has_learned

    def may_look_again(self) -> bool:
        """Says whether it is worth looking again though there is too little now; a few times after being overtaken."""
        self._looks -= 1
        return self._looks >= 0
