"""The replay's own account of what the service acknowledged.

Owns the tally that the ledger is judged against, and the open lines that cancellations can draw on. It is
told facts and never asks the service; it is used from one event loop and needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LevelKey = tuple[str, str]
"""SKU and location."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedLine:
    """A line of a reservation as the service acknowledged it."""

    line_number: int
    sku: str
    location: str
    quantity: int


@dataclass(slots=True)
class LevelTally:
    """The acknowledged units of one SKU at one location."""

    received: int = 0
    adjusted: int = 0
    reserved: int = 0
    released: int = 0
    expired: int = 0

    @property
    def sellable(self) -> int:
        """The units that must lie there to be sold, reserved ones included."""
        return self.received + self.adjusted

    @property
    def open(self) -> int:
        """The units that must be reserved there."""
        return self.reserved - self.released - self.expired


@dataclass(slots=True)
class _OpenLine:
    """A line of a live reservation; `open` is what no cancellation has claimed yet."""

    sequence: int
    reservation_id: str
    line_number: int
    sku: str
    location: str
    open: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Units of an open line that a cancellation has taken for itself, to be released or handed back."""

    line: _OpenLine
    quantity: int

    @property
    def reservation_id(self) -> str:
        """The reservation to release from."""
        return self.line.reservation_id

    @property
    def line_number(self) -> int:
        """The line of the reservation."""
        return self.line.line_number


class Account:
    """What was acknowledged, by level, and what each customer could still cancel."""

    def __init__(self) -> None:
        self.levels: dict[LevelKey, LevelTally] = {}
        self._lines: dict[str, dict[str, list[_OpenLine]]] = {}
        self._asked: dict[tuple[str, str], int] = {}

    def level(self, sku: str, location: str) -> LevelTally:
        """The tally of one level, begun if there is none."""
        return self.levels.setdefault((sku, location), LevelTally())

    def received(self, sku: str, location: str, quantity: int) -> None:
        """Units came in."""
        self.level(sku, location).received += quantity

    def adjusted(self, sku: str, location: str, delta: int) -> None:
        """Units were corrected."""
        self.level(sku, location).adjusted += delta

    def asked(self, *, sequence: int, customer: str, skus: Iterable[str]) -> None:
        """A customer asked for SKUs, whatever becomes of it."""
        for sku in skus:
            self._asked.setdefault((customer, sku), sequence)

    def has_asked(self, *, customer: str, sku: str, before: int) -> bool:
        """Whether the customer asked for the SKU by an event before sequence `before`."""
        return self._asked.get((customer, sku), before) < before

    def reserved(self, lines: Iterable[ReservedLine]) -> None:
        """Units were set aside."""
        for line in lines:
            self.level(line.sku, line.location).reserved += line.quantity

    def expired(self, lines: Iterable[ReservedLine]) -> None:
        """Units that were set aside went back because the hold was not committed in time."""
        for line in lines:
            self.level(line.sku, line.location).expired += line.quantity

    def stands(self, *, sequence: int, customer: str, reservation_id: str, lines: Iterable[ReservedLine]) -> None:
        """An order stands: from now on its customer can cancel it. Without a customer nobody can."""
        if not customer:
            return
        by_sku = self._lines.setdefault(customer, {})
        for line in lines:
            by_sku.setdefault(line.sku, []).append(
                _OpenLine(sequence, reservation_id, line.line_number, line.sku, line.location, line.quantity)
            )

    def claim(self, *, customer: str, sku: str, quantity: int, before: int) -> list[Claim]:
        """Takes up to `quantity` units of the customer's open lines of the SKU, of orders before sequence
        `before`.

        The newest order first: a customer who cancels most often takes back what was ordered last.
        """
        claims = []
        lines = self._lines.get(customer, {}).get(sku, [])
        for line in sorted(lines, key=lambda line: (-line.sequence, line.line_number)):
            units = min(quantity, line.open) if line.sequence < before else 0
            if units:
                line.open -= units
                quantity -= units
                claims.append(Claim(line, units))
        return claims

    def released(self, claims: Iterable[Claim]) -> None:
        """Claimed units were given back."""
        for claim in claims:
            self.level(claim.line.sku, claim.line.location).released += claim.quantity

    def handed_back(self, claims: Iterable[Claim]) -> None:
        """Claimed units were not given back after all, and may be claimed again."""
        for claim in claims:
            claim.line.open += claim.quantity

    def spread(self, sku: str, delta: int, *, locations: Sequence[str]) -> list[tuple[str, int]]:
        """Where a correction of the SKU is booked, which nobody said: units by location, together `delta`.

        Found units go to the first location. A write-off is taken whole from the first location that has it
        free; else what is free is taken everywhere, then what is reserved. What is more than there is stays
        with the first location, for the service to refuse.
        """
        if delta > 0:
            return [(locations[0], delta)]
        missing = -delta
        levels = {location: self.levels.get((sku, location), LevelTally()) for location in locations}
        free = {location: max(0, level.sellable - level.open) for location, level in levels.items()}
        for location in locations:
            if free[location] >= missing:
                return [(location, delta)]
        taken = dict.fromkeys(locations, 0)
        for most in (free, {location: level.sellable for location, level in levels.items()}):
            for location in locations:
                units = max(0, min(missing, most[location] - taken[location]))
                taken[location] += units
                missing -= units
        taken[locations[0]] += missing
        return [(location, -units) for location, units in taken.items() if units]
