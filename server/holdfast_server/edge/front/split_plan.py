"""How a demand is filled from several segments: whole from one of them if it can be, else line by line. Pure.

It works on what the segments said a moment ago. Each segment decides about its part anew, so a plan that is overtaken
is given up and made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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


class Source(NamedTuple):
    """Where units may come from: a location of a segment, or wherever the channel sells there."""

    segment: str
    sku: str
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What each source can give, and where named locations lie.

    `sellers` are the segments that the channel sells from, in sourcing order.
    """

    sellers: Sequence[str]
    units: Mapping[Source, int]
    place_of: Mapping[str, str]
    at_most: Mapping[Source, int] = field(default_factory=dict)
    """What a line may be given of a source, where that has refused more although it says that it has them."""

    def of(self, source: Source) -> int:
        """The units that a source can give to a line."""
        said = self.units.get(source, 0)
        return min(said, self.at_most.get(source, said))

    def source_of(self, line: DemandedLine) -> Source:
        """Where a line that names a location comes from."""
        return Source(self.place_of[line.location], line.sku, line.location)


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
    named = _taken_where_named(demanded, supply)
    for line in demanded:
        if line.location:
            source = supply.source_of(line)
            there = supply.of(source)
            taken = [(source.segment, min(there, line.quantity))] if there >= line.quantity or partial else []
        else:
            available = [
                (segment, max(0, supply.of(Source(segment, line.sku)) - named[segment, line.sku]))
                for segment in supply.sellers
            ]
            there = (sum if allow_split else max)([units for _, units in available] or [0])
            taken = _taken(line.quantity, available, allow_split=allow_split, partial=partial)
        for segment, units in taken:
            if units:
                parts[segment].append(DemandedLine(line.sku, line.location, units))
        if sum(units for _, units in taken) < line.quantity:
            short.append(ShortLine(sku=line.sku, location=line.location, requested=line.quantity, available=there))
    return SplitPlan(parts=_in_order(parts, supply), short=short)


def _taken_where_named(lines: Sequence[DemandedLine], supply: Supply) -> Mapping[tuple[str, str], int]:
    """Returns the units of each segment and SKU that lines take from locations that they name."""
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        if line.location:
            source = supply.source_of(line)
            taken[source.segment, line.sku] += min(supply.of(source), line.quantity)
    return taken


def _in_order(parts: Mapping[str, list[DemandedLine]], supply: Supply) -> dict[str, Sequence[DemandedLine]]:
    order = [*supply.sellers, *sorted(set(parts) - set(supply.sellers))]
    return {segment: parts[segment] for segment in order if segment in parts}


def _whole_from_one(lines: Sequence[DemandedLine], supply: Supply) -> str:
    """Returns the first segment that has everything; empty if none has."""
    named = _taken_where_named(lines, supply)
    places = {supply.place_of[line.location] for line in lines if line.location}
    for segment in supply.sellers:
        if places <= {segment} and all(_has_all(line, segment, supply, named) for line in lines):
            return segment
    return ""


def _has_all(line: DemandedLine, segment: str, supply: Supply, named: Mapping[tuple[str, str], int]) -> bool:
    if line.location:
        return supply.of(supply.source_of(line)) >= line.quantity
    return supply.of(Source(segment, line.sku)) - named.get((segment, line.sku), 0) >= line.quantity


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
