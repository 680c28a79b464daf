"""How a demand is filled from several segments: whole from one of them if it can be, else line by line. Pure.

It works on what the segments said a moment ago. Each segment decides about its part anew, so a plan that is overtaken
is given up and made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast_server.refusals import ShortLine


@dataclass(frozen=True, slots=True)
class DemandedLine:
    """Units of a SKU, at a location or, if that is empty, from wherever the channel sells."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """What each segment is to be asked for, and of which lines there is too little anywhere."""

    parts: Mapping[str, Sequence[DemandedLine]]
    short: Sequence[ShortLine]


@dataclass(frozen=True, slots=True)
class Learned:
    """A segment refused a part of a plan: it has no more than `at_most` units for one line, though it had said more.

    That may be because no location has them all; then it will be so for as long as the segment says the same. If it
    says something else by now, others took the units or gave them back: then nothing was learned.
    """

    said: int
    at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What each segment can give: units of a SKU to the channel, by segment; and where named locations lie.

    `sellers` are the segments that the channel sells from, in sourcing order.
    """

    sellers: Sequence[str]
    units: Mapping[tuple[str, str], int]
    place_of: Mapping[str, str]
    learned: Mapping[tuple[str, str], Learned] = field(default_factory=dict)

    def of(self, segment: str, sku: str) -> int:
        """The units of a SKU that a segment can give to a line."""
        said = self.units.get((segment, sku), 0)
        learned = self.learned.get((segment, sku))
        return min(said, learned.at_most) if learned is not None and learned.said == said else said


def summed(lines: Sequence[DemandedLine]) -> list[DemandedLine]:
    """Returns the lines with those of the same SKU and location together, in the order of the first."""
    quantities: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        quantities[line.sku, line.location] += line.quantity
    return [DemandedLine(sku, location, quantity) for (sku, location), quantity in quantities.items()]


def plan_split(lines: Sequence[DemandedLine], supply: Supply, *, allow_split: bool, partial: bool) -> SplitPlan:
    """Returns the plan of a demand.

    A line that may not be split comes whole from one segment. A partial demand takes what there is.
    """
    demanded = summed(lines)
    whole = _whole_from_one(demanded, supply)
    if whole:
        return SplitPlan(parts={whole: demanded}, short=[])
    parts: dict[str, list[DemandedLine]] = defaultdict(list)
    short = []
    for line in demanded:
        if line.location:
            # Whether there is enough is for the segment to say.
            parts[supply.place_of[line.location]].append(line)
            continue
        available = [(segment, supply.of(segment, line.sku)) for segment in supply.sellers]
        taken = _taken(line.quantity, available, allow_split=allow_split, partial=partial)
        for segment, units in taken:
            parts[segment].append(DemandedLine(line.sku, "", units))
        if sum(units for _, units in taken) < line.quantity:
            there = sum(units for _, units in available) if allow_split else max((u for _, u in available), default=0)
            short.append(ShortLine(sku=line.sku, location="", requested=line.quantity, available=there))
    order = [*supply.sellers, *sorted(set(parts) - set(supply.sellers))]
    return SplitPlan(parts={segment: parts[segment] for segment in order if segment in parts}, short=short)


def _whole_from_one(lines: Sequence[DemandedLine], supply: Supply) -> str:
    """Returns the first segment that has everything; empty if none has."""
    places = {supply.place_of[line.location] for line in lines if line.location}
    for segment in supply.sellers:
        if places <= {segment} and all(
            line.location or supply.of(segment, line.sku) >= line.quantity for line in lines
        ):
            return segment
    return ""


def _taken(
    quantity: int, available: Sequence[tuple[str, int]], *, allow_split: bool, partial: bool
) -> list[tuple[str, int]]:
    """Returns what is taken of one line from which segments."""
    for segment, units in available:
        if units >= quantity:
            return [(segment, quantity)]
    taken: list[tuple[str, int]] = []
    if allow_split:
        missing = quantity
        for segment, units in available:
            if min(units, missing) > 0:
                taken.append((segment, min(units, missing)))
                missing -= min(units, missing)
        return taken if not missing or partial else []
    if partial and available:
        segment, units = max(available, key=lambda one: one[1])
        return [(segment, units)] if units > 0 else []
    return []
