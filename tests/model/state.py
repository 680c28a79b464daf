"""All that the model knows, and the few ways in which it changes.

Values are never changed in place, so a copy of the dictionaries is a copy of everything.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

from model import requests, words
from model.words import Document, LevelKey, Refused, Reservation, ReservationLine, Share, StockLevel

DocumentKey = tuple[str, str]
Value = TypeVar("Value")


def numbered_ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"reservation-{next(numbers)}"


@dataclass(slots=True)
class State:
    """One segment. `brought` are the levels with waiting units that the operation in hand has moved."""

    segment: str = "main"
    new_reservation_id: Callable[[], str] = field(default_factory=numbered_ids)
    now: int = 0
    position: int = 0
    items: dict[str, requests.Item] = field(default_factory=dict)
    locations: set[str] = field(default_factory=set)
    pools: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pool_of_channel: dict[str, str] = field(default_factory=dict)
    levels: dict[LevelKey, StockLevel] = field(default_factory=dict)
    # Every level after each of its movements, with the position of that.
    past_levels: dict[LevelKey, tuple[tuple[int, StockLevel], ...]] = field(default_factory=dict)
    # The position of the last count of each status of a level.
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    live: dict[str, Reservation] = field(default_factory=dict)
    documents: dict[DocumentKey, Document] = field(default_factory=dict)
    # Rules by their keys.
    safety: dict[tuple[str, str], int] = field(default_factory=dict)
    buffers: dict[tuple[str, str], int] = field(default_factory=dict)
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)
    backorders: dict[str, requests.BackorderRule] = field(default_factory=dict)
    substitutes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hold_limits: dict[tuple[str, str], int] = field(default_factory=dict)
    distances: dict[str, dict[str, int]] = field(default_factory=dict)
    brought: list[LevelKey] = field(default_factory=list)

    # Levels.

    def level(self, sku: str, location: str) -> StockLevel:
        return self.levels.get((sku, location), StockLevel(sku=sku, location=location))

    def move(self, sku: str, location: str, **deltas: int) -> None:
        """Books one movement."""
        level = self.level(sku, location)
        changed = {name: getattr(level, name) + delta for name, delta in deltas.items()}
        level = replace(level, **changed, version=level.version + 1)
        self.levels[sku, location] = level
        self.past_levels[sku, location] = (*self.past_levels.get((sku, location), ()), (self.position, level))
        if level.backordered and (sku, location) not in self.brought:
            self.brought.append((sku, location))

    def level_at(self, sku: str, location: str, position: int) -> StockLevel:
        """The level as it was after the operation at that position."""
        past = [level for at, level in self.past_levels.get((sku, location), ()) if at <= position]
        return past[-1] if past else StockLevel(sku=sku, location=location)

    # Reservations.

    def keep(self, reservation: Reservation, lines: Iterable[ReservationLine] | None = None) -> Reservation:
        """Keeps what a reservation is after the operation in hand."""
        changed = reservation.lines if lines is None else tuple(lines)
        kept = replace(reservation, lines=changed, update_time=self.now, position=self.position)
        self.reservations[kept.reservation_id] = kept
        self.live.pop(kept.reservation_id, None)
        if kept.state in words.LIVE:
            self.live[kept.reservation_id] = kept
        return kept

    def keep_document(self, document: Document) -> Document:
        kept = replace(document, position=self.position)
        self.documents[kept.kind, kept.document_id] = kept
        return kept

    def use_share(self, reservation: Reservation, sku: str, units: int) -> None:
        """Counts units that the channel reserves, or gives back if they are less than nothing.

        What was reserved before the allotment began never counted.
        """
        key = (sku, reservation.channel)
        share = self.shares.get(key)
        if share and reservation.create_position > share.start_position:
            self.shares[key] = replace(share, used=share.used + units)

    def give_back(self, reservation: Reservation, units: dict[int, int], counter: str) -> Reservation:
        """Gives open units back, backordered ones first, and ends a reservation that has none left."""
        lines = []
        for line in reservation.lines:
            quantity = units.get(line.line_number, 0)
            if not quantity:
                lines.append(line)
                continue
            waiting = min(quantity, line.backordered)
            ready = {reservation.bucket: waiting - quantity}
            self.move(line.sku, line.location, **ready, backordered=-waiting)
            self.use_share(reservation, line.sku, -quantity)
            counts: dict[str, Any] = {counter: getattr(line, counter) + quantity}
            left = replace(line, open=line.open - quantity, backordered=line.backordered - waiting, **counts)
            lines.append(left)
        return self.keep_or_end(reservation, lines, words.EXPIRED if counter == "expired" else words.RELEASED)

    def keep_or_end(
        self, reservation: Reservation, lines: list[ReservationLine], end: str = words.RELEASED
    ) -> Reservation:
        """Keeps a reservation, which has ended if no units are open any more."""
        state = reservation.state
        if not any(line.open for line in lines):
            state = words.FULFILLED if any(line.fulfilled for line in lines) else end
        return self.keep(replace(reservation, state=state), lines)

    # What must exist.

    def know_sku(self, sku: str) -> None:
        if sku not in self.items:
            raise Refused("UNKNOWN_SKU", {"sku": sku})

    def know_stocked_sku(self, sku: str) -> None:
        self.know_sku(sku)
        self.refuse_kit(sku)

    def refuse_kit(self, sku: str) -> None:
        if self.items[sku].parts:
            raise kit_conflict(sku, "NO_STOCK_OF_ITS_OWN")

    def know_location(self, location: str) -> None:
        if location not in self.locations:
            raise Refused("UNKNOWN_LOCATION", {"location": location})

    def know_channel(self, channel: str) -> None:
        if channel not in self.pool_of_channel:
            raise Refused("UNKNOWN_CHANNEL", {"channel": channel})

    def pool(self, channel: str) -> tuple[str, ...]:
        self.know_channel(channel)
        return self.pools[self.pool_of_channel[channel]]

    def reservation(self, reservation_id: str) -> Reservation:
        """The reservation, live or ended."""
        if reservation_id not in self.reservations:
            raise Refused("UNKNOWN_RESERVATION", {"reservation_id": reservation_id})
        return self.reservations[reservation_id]

    def live_reservation(self, reservation_id: str) -> Reservation:
        reservation = self.reservation(reservation_id)
        if reservation.state not in words.LIVE:
            reason = "RESERVATION_EXPIRED" if reservation.state == words.EXPIRED else "ALREADY_RELEASED"
            raise Refused(reason, {"reservation_id": reservation_id, "state": reservation.state})
        return reservation

    def live_document(self, kind: str, document_id: str) -> Document:
        name: words.Metadata = {"kind": kind, "document_id": document_id}
        document = self.documents.get((kind, document_id))
        if document is None:
            raise Refused("UNKNOWN_DOCUMENT", name)
        if document.state in words.ENDS:
            raise Refused("DOCUMENT_CLOSED", name)
        return document

    def refuse_document(self, kind: str, document_id: str) -> None:
        if (kind, document_id) in self.documents:
            raise Refused("DOCUMENT_EXISTS", {"kind": kind, "document_id": document_id})


def kit_conflict(sku: str, rule: str) -> Refused:
    return Refused("KIT_CONFLICT", {"sku": sku, "rule": rule})


def exceeds_document(document: Document, line: str, requested: int, still_open: int = 0) -> Refused:
    metadata: words.Metadata = {
        "kind": document.kind,
        "document_id": document.document_id,
        "line": line,
        "requested": requested,
        "open": still_open,
    }
    return Refused("EXCEEDS_DOCUMENT", metadata)


def summed(parts: Iterable[tuple[Value, int]]) -> dict[Value, int]:
    """Units by what they are of, in the order of first appearance."""
    sums: dict[Value, int] = {}
    for key, units in parts:
        sums[key] = sums.get(key, 0) + units
    return sums
