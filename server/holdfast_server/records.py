"""Values of the trade, as the engine speaks of them: levels, reservations, documents, movements, rules, master data.

They know nothing of gRPC, Redis or Postgres. Quantities are integers in the item's base unit at its scale; times are
integers in microseconds since 1970 on the segment's clock.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgpack

from holdfast_server import layouts


class ReservationState(enum.IntEnum):
    """The life of a reservation; the numbers are those of the protos and of layouts.STATES."""

    HELD = 1
    COMMITTED = 2
    FULFILLED = 3
    RELEASED = 4
    EXPIRED = 5


LIVE_STATES: Final = frozenset({ReservationState.HELD, ReservationState.COMMITTED})


class DocumentKind(enum.IntEnum):
    """What a document is about; the numbers are those of layouts.DOCUMENT_KINDS."""

    INBOUND = 1
    TRANSFER = 2
    RETURN = 3
    INCIDENT = 4
    PARKED = 5
    POSTING = 6
    SPLIT = 7


class RuleKind(enum.IntEnum):
    """What a rule is about; the numbers are those of layouts.RULE_KINDS."""

    SAFETY_STOCK = 1
    CHANNEL_BUFFER = 2
    ALLOTMENT = 3
    BACKORDER = 4
    SUBSTITUTION = 5
    HOLD_LIMIT = 6
    DISTANCES = 7


class SegmentState(enum.IntEnum):
    """Whether a segment decides; the numbers are those of the protos."""

    OPEN = 1
    LOADING = 2
    QUARANTINED = 3
    STOPPED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    """One SKU at one location."""

    sku: str
    location: str
    version: int
    sellable: int
    quality_hold: int
    damaged: int
    held: int
    committed: int
    backordered: int = 0
    in_transit: int = 0
    safety: int = 0
    """The safety stock that the rules keep here. Known in answers about availability only; otherwise 0."""

    @property
    def net(self) -> int:
        """What can still be reserved; negative if a correction took reserved units or told demand waits."""
        return self.sellable - self.held - self.committed - self.backordered - self.safety


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationLine:
    """Units of one SKU at one location within a reservation; the fields of layouts.LINE."""

    sku: str
    location: str
    quantity: int
    ordered_sku: str = ""
    sourcing: int = 0
    expected_us: int = 0
    open: int
    released: int
    expired: int
    fulfilled: int
    transferred: int = 0
    returned: int = 0
    backordered: int = 0
    wait_position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Units set aside for one demand; the fields of layouts.RESERVATION."""

    reservation_id: str
    version: int
    state: ReservationState
    channel: str
    order_id: str
    create_us: int
    expire_us: int
    update_us: int
    position: int
    create_position: int = 0
    customer_id: str = ""
    holder: str = ""
    told: bool = False
    lines: tuple[ReservationLine, ...]


DocumentLine = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A paper of the trade: an inbound plan, a transfer, a return, an incident, a parked request, a posting.

    What a kind does not have is empty or 0. Each line holds the fields of layouts.DOCUMENT_LINES of its kind.
    """

    kind: DocumentKind
    document_id: str
    version: int
    state: int
    location: str
    origin: str
    channel: str
    order_id: str
    reservation_id: str
    expected_us: int
    create_us: int
    update_us: int
    position: int
    flag: int
    seen_position: int
    resolution: int
    note: str
    lines: tuple[DocumentLine, ...]

    def named_lines(self) -> list[dict[str, Any]]:
        """Returns the lines with the names of their fields."""
        names = layouts.DOCUMENT_LINES[self.kind.name]
        return [dict(zip(names, line, strict=True)) for line in self.lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRequest:
    """A request that waited for its items, which exist now, with what is needed to ask it again."""

    parked_id: str
    method: str
    body: bytes
    caller: str
    on_behalf_of: str
    trace_parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: its key, then its values in the order of layouts.RULE_VALUES of its kind."""

    kind: RuleKind
    sku: str
    location: str
    channel: str
    name: str
    used: int
    start_position: int
    values: tuple[Any, ...]

    @property
    def key(self) -> tuple[int, str, str, str, str]:
        """What the rule is about; rules are listed in this order."""
        return self.kind, self.sku, self.location, self.channel, self.name


class AllotmentStanding(NamedTuple):
    """Where an allotment stands. A cap of -1 is none; an end of 0 is none."""

    guaranteed: int
    cap: int
    expire_us: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A line of demand of which less was reserved than was asked for."""

    sku: str
    location: str
    requested: int
    reserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One entry of the ledger, with the operation that it belongs to."""

    position: int
    line_number: int
    kind: int
    decide_us: int
    sellable_delta: int
    quality_hold_delta: int
    damaged_delta: int
    held_delta: int
    committed_delta: int
    backordered_delta: int = 0
    in_transit_delta: int = 0
    balance: StockLevel
    reservation_id: str
    order_id: str
    channel: str
    reason: str
    reference: str
    caller: str
    on_behalf_of: str
    request_id: str
    trace_parent: str
    document_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One operation in the life of an order's units, with its first movements."""

    position: int
    operation: str
    decide_us: int
    previous_us: int | None
    """When the step before it was decided; None in the first."""
    reservation_id: str
    document_id: str
    order_id: str
    channel: str
    request_id: str
    reason: str
    reference: str
    caller: str
    on_behalf_of: str
    trace_parent: str
    movements: tuple[Movement, ...]
    posting: Document | None = None
    """What another system has booked, in a step that notes it."""


class Change(NamedTuple):
    """An operation that changed a level."""

    position: int
    decide_us: int
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Master data of a SKU. One with parts is a kit and has no stock of its own."""

    sku: str
    display_name: str
    base_unit: str
    scale: int
    inactive: bool = False
    parts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    location: str
    display_name: str
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The locations that channels sell from, in sourcing order."""

    pool: str
    display_name: str
    locations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    channel: str
    display_name: str
    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment with its place in history: the cursor of the ledger."""

    segment: str
    state: SegmentState
    state_reason: str
    lineage: str
    epoch: int
    position: int
    chain_hash: str
    clock_us: int
    heartbeat_us: int


class Request(NamedTuple):
    """The request that an operation rests on: its identity, itself, and who asked, why, for whom and in which trace.

    It is packed by the edge, carried through the sequencer unread, and unpacked by the ledger writer.
    """

    request_id: str
    id_time_us: int
    fingerprint: bytes
    method: str
    body: bytes
    caller: str
    on_behalf_of: str
    trace_parent: str
    reason: str
    reference: str

    def packed(self) -> bytes:
        """Returns the request as it travels in the journal."""
        packed: bytes = msgpack.packb(self)
        return packed


NOBODY: Final = Request(
    request_id="",
    id_time_us=0,
    fingerprint=b"",
    method="",
    body=b"",
    caller="holdfast",
    on_behalf_of="",
    trace_parent="",
    reason="",
    reference="",
)
"""The request behind what nobody requested: expiries, the covering of backordered units, the end of allotments."""


def unpack_request(packed: bytes) -> Request:
    """Returns the request of a packed one."""
    return Request._make(msgpack.unpackb(packed, raw=False))


_reservation_fields = attrgetter(*layouts.RESERVATION[:-2])
_line_fields = attrgetter(*layouts.LINE)
_document_fields = attrgetter(*layouts.DOCUMENT)

# Outcomes that were stored before these records grew keep their shape for the whole retention.
_FIRST_RESERVATION_FIELDS: Final = 10


def unpack_reservation(packed: bytes) -> Reservation:
    """Returns the reservation of a packed one; the fields stand in the order of layouts.RESERVATION."""
    *fields, lines = msgpack.unpackb(packed, raw=False)
    if len(fields) + 1 == _FIRST_RESERVATION_FIELDS:
        fields += [fields[-1], "", "", False]
        lines = [(*line[:3], "", 0, 0, *line[3:], 0, 0, 0, 0) for line in lines]
    named: dict[str, Any] = dict(zip(layouts.RESERVATION[:-1], fields, strict=True))
    named["state"] = ReservationState(named["state"])
    named["told"] = bool(named["told"])
    return Reservation(
        **named, lines=tuple(ReservationLine(**dict(zip(layouts.LINE, line, strict=True))) for line in lines)
    )


def pack_reservation(reservation: Reservation) -> bytes:
    """Returns the reservation packed as the scripts pack it. It holds no bytes, so any reader understands it."""
    packed: bytes = msgpack.packb(
        [
            *_reservation_fields(reservation),
            int(reservation.told),
            [_line_fields(line) for line in reservation.lines],
        ],
        use_bin_type=False,
    )
    return packed


def unpack_document(packed: bytes) -> Document:
    """Returns the document of a packed one; the fields stand in the order of layouts.DOCUMENT."""
    fields = dict(zip(layouts.DOCUMENT, msgpack.unpackb(packed, raw=False), strict=True))
    fields["kind"] = DocumentKind(fields["kind"])
    fields["lines"] = tuple(tuple(line) for line in fields["lines"])
    return Document(**fields)


def pack_document(document: Document) -> bytes:
    """Returns the document packed as the scripts pack it. It holds no bytes, so any reader understands it."""
    packed: bytes = msgpack.packb(_document_fields(document), use_bin_type=False)
    return packed


def unpack_shortfalls(packed: bytes) -> tuple[Shortfall, ...]:
    """Returns the shortfalls that a partial reservation carries in its extra; none for an empty one."""
    extra = _unpack_extra(packed)
    rows = extra.get("shortfalls", []) if isinstance(extra, dict) else extra or []
    return tuple(
        Shortfall(sku=sku, location=location, requested=requested, reserved=reserved)
        for sku, location, requested, reserved in rows
    )


def unpack_incident_id(packed: bytes) -> str:
    """Returns the id of the incident that a reservation or a fulfillment opened; empty if it opened none."""
    extra = _unpack_extra(packed)
    if isinstance(extra, dict):
        extra = extra.get("incident")
    return extra if isinstance(extra, str) else ""


def unpack_parked_id(packed: bytes) -> str:
    """Returns the id under which a request was parked; empty if it took effect."""
    extra = _unpack_extra(packed)
    return str(extra.get("parked", "")) if isinstance(extra, dict) else ""


def unpack_levels(packed: bytes) -> tuple[StockLevel, ...]:
    """Returns the levels that a receipt, a correction or a status move carries as its extra; none if it was parked."""
    extra = _unpack_extra(packed)
    return () if isinstance(extra, dict) else _levels_of(extra or [])


def unpack_count(packed: bytes) -> tuple[tuple[StockLevel, ...], tuple[int, ...]]:
    """Returns the levels after a count, and what it booked per line; nothing if it was parked."""
    extra = _unpack_extra(packed)
    if not extra or isinstance(extra, dict):
        return (), ()
    levels, deltas = extra
    return _levels_of(levels), tuple(deltas)


def unpack_allotments(packed: bytes) -> tuple[AllotmentStanding, ...]:
    """Returns where the allotments of the giver and of the taker stand after units were moved between them."""
    return tuple(AllotmentStanding._make(fields) for fields in _unpack_extra(packed) or [])


def _unpack_extra(packed: bytes) -> Any:
    return msgpack.unpackb(packed, raw=False) if packed else None


def _levels_of(rows: list[Any]) -> tuple[StockLevel, ...]:
    return tuple(level_of(sku, location, fields) for sku, location, fields in rows)


# How many numbers a packed level has that has neither backordered units nor any in transit.
_NARROW_LEVEL_FIELDS: Final = 6


def level_of(sku: str, location: str, fields: list[int], safety: int = 0) -> StockLevel:
    """Returns the level of its packed fields, in the order of layouts.LEVEL; the last two may be left out."""
    backordered, in_transit = fields[_NARROW_LEVEL_FIELDS:] or (0, 0)
    version, sellable, quality_hold, damaged, held, committed = fields[:_NARROW_LEVEL_FIELDS]
    return StockLevel(
        sku=sku,
        location=location,
        version=version,
        sellable=sellable,
        quality_hold=quality_hold,
        damaged=damaged,
        held=held,
        committed=committed,
        backordered=backordered,
        in_transit=in_transit,
        safety=safety,
    )
