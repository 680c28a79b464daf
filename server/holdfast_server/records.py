"""Values of the trade, as the engine speaks of them: stock levels, reservations, movements, master data.

They know nothing of gRPC, Redis or Postgres. Quantities are integers in the item's base unit at its scale; times are
integers in microseconds since 1970 on the segment's clock.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgpack


class ReservationState(enum.IntEnum):
    """The life of a reservation; the numbers are those of the protos and of layouts.STATES."""

    HELD = 1
    COMMITTED = 2
    FULFILLED = 3
    RELEASED = 4
    EXPIRED = 5


LIVE_STATES: Final = frozenset({ReservationState.HELD, ReservationState.COMMITTED})


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

    @property
    def net(self) -> int:
        """What can still be reserved; negative if a correction took reserved units."""
        return self.sellable - self.held - self.committed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationLine:
    """Units of one SKU at one location within a reservation."""

    sku: str
    location: str
    quantity: int
    open: int
    released: int
    expired: int
    fulfilled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Units set aside for one demand."""

    reservation_id: str
    version: int
    state: ReservationState
    channel: str
    order_id: str
    create_us: int
    expire_us: int
    update_us: int
    position: int
    lines: tuple[ReservationLine, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    sku: str
    display_name: str
    base_unit: str
    scale: int


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
"""The request behind what nobody requested: expiries."""


def unpack_request(packed: bytes) -> Request:
    """Returns the request of a packed one."""
    return Request._make(msgpack.unpackb(packed, raw=False))


def unpack_reservation(packed: bytes) -> Reservation:
    """Returns the reservation of a packed one; the fields stand in the order of layouts.RESERVATION."""
    reservation_id, version, state, channel, order_id, create_us, expire_us, update_us, position, lines = (
        msgpack.unpackb(packed, raw=False)
    )
    return Reservation(
        reservation_id=reservation_id,
        version=version,
        state=ReservationState(state),
        channel=channel,
        order_id=order_id,
        create_us=create_us,
        expire_us=expire_us,
        update_us=update_us,
        position=position,
        lines=tuple(
            ReservationLine(
                sku=sku,
                location=location,
                quantity=quantity,
                open=still_open,
                released=released,
                expired=expired,
                fulfilled=fulfilled,
            )
            for sku, location, quantity, still_open, released, expired, fulfilled in lines
        ),
    )


def pack_reservation(reservation: Reservation) -> bytes:
    """Returns the reservation packed as the scripts pack it. It holds no bytes, so any reader understands it."""
    packed: bytes = msgpack.packb(
        (
            reservation.reservation_id,
            reservation.version,
            int(reservation.state),
            reservation.channel,
            reservation.order_id,
            reservation.create_us,
            reservation.expire_us,
            reservation.update_us,
            reservation.position,
            [
                (
                    line.sku,
                    line.location,
                    line.quantity,
                    line.open,
                    line.released,
                    line.expired,
                    line.fulfilled,
                )
                for line in reservation.lines
            ],
        )
    )
    return packed


def unpack_shortfalls(packed: bytes) -> tuple[Shortfall, ...]:
    """Returns the shortfalls that a partial reservation carries as its extra; none for an empty one."""
    if not packed:
        return ()
    rows: list[Any] = msgpack.unpackb(packed, raw=False)
    return tuple(
        Shortfall(sku=sku, location=location, requested=requested, reserved=reserved)
        for sku, location, requested, reserved in rows
    )


def unpack_levels(packed: bytes) -> tuple[StockLevel, ...]:
    """Returns the levels that a receipt or a correction carries as its extra."""
    rows: list[Any] = msgpack.unpackb(packed, raw=False)
    return tuple(level_of(sku, location, fields) for sku, location, fields in rows)


def level_of(sku: str, location: str, fields: list[int]) -> StockLevel:
    """Returns the level of its packed fields, in the order of layouts.LEVEL."""
    version, sellable, quality_hold, damaged, held, committed = fields
    return StockLevel(
        sku=sku,
        location=location,
        version=version,
        sellable=sellable,
        quality_hold=quality_hold,
        damaged=damaged,
        held=held,
        committed=committed,
    )
