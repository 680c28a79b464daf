"""Turns journal entries into the rows of one ledger transaction. Pure: no connection, no clock.

Rows that several operations of the batch touch are folded into one: a hot level is updated once per batch, however many
reservations it was in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from holdfast_server import layouts
from holdfast_server.ledger import audit
from holdfast_server.ledger.errors import Disagreement
from holdfast_server.ledger.journal import JournalEntry
from holdfast_server.ledger.segments import Cursor
from holdfast_server.records import NOBODY, Request, SegmentState, unpack_request

_KIND = layouts.OPERATION_KINDS
CATALOG_TABLE_OF_KIND = {
    _KIND["PUT_ITEMS"]: "item",
    _KIND["PUT_LOCATIONS"]: "location",
    _KIND["PUT_POOLS"]: "pool",
    _KIND["PUT_CHANNELS"]: "channel",
}
_BALANCE_FIELDS = 5


@dataclass(slots=True)
class _LevelChange:
    """A level over the whole batch: what it must be before, and what it is after."""

    version_before: int
    deltas: list[int]
    version: int
    balance: list[int]

    @property
    def balance_before(self) -> list[int]:
        return [after - delta for after, delta in zip(self.balance, self.deltas, strict=True)]


@dataclass(slots=True)
class _ReservationChange:
    """A reservation over the whole batch, with the lines that changed."""

    version_before: int
    image: list[Any]
    """The fields of layouts.RESERVATION."""
    touched_lines: set[int] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Batch:
    """The rows of one transaction, as columns by table, and the cursor before and after it."""

    segment: str
    state: SegmentState
    epoch: int
    position_before: int
    chain_hash_before: str
    audit_hash: bytes
    position: int
    chain_hash: str
    clock_us: int
    entries: list[tuple[int, int, int, str]] = field(default_factory=list)
    operations: list[tuple[Any, ...]] = field(default_factory=list)
    movements: list[tuple[Any, ...]] = field(default_factory=list)
    outcomes: list[tuple[Any, ...]] = field(default_factory=list)
    catalog: list[tuple[str, int, list[Any]]] = field(default_factory=list)
    levels: dict[tuple[str, str], _LevelChange] = field(default_factory=dict)
    reservations: dict[str, _ReservationChange] = field(default_factory=dict)

    def cursor_after(self, before: Cursor) -> Cursor:
        """Returns where the ledger stands once this batch is committed."""
        segment = dataclasses.replace(
            before.segment, position=self.position, chain_hash=self.chain_hash, clock_us=self.clock_us
        )
        return dataclasses.replace(before, segment=segment, audit_hash=self.audit_hash)

    def new_levels(self) -> list[tuple[Any, ...]]:
        """Returns the levels that the batch creates: (sku, location, version, balance...)."""
        rows = []
        for (sku, location), change in self.levels.items():
            if change.version_before == 0:
                if any(change.balance_before):
                    raise Disagreement(f"level {sku} at {location} does not begin at zero")
                rows.append((sku, location, change.version, *change.balance))
        return rows

    def changed_levels(self) -> list[tuple[Any, ...]]:
        """Returns the levels that must exist: (sku, location, version and balance before, version and balance)."""
        return [
            (sku, location, change.version_before, *change.balance_before, change.version, *change.balance)
            for (sku, location), change in self.levels.items()
            if change.version_before > 0
        ]

    def new_reservations(self) -> list[list[Any]]:
        """Returns the images of the reservations that the batch creates."""
        return [change.image for change in self.reservations.values() if change.version_before == 0]

    def changed_reservations(self) -> list[tuple[int, list[Any], set[int]]]:
        """Returns the reservations that must exist: (version before, image, numbers of the changed lines)."""
        return [
            (change.version_before, change.image, change.touched_lines)
            for change in self.reservations.values()
            if change.version_before > 0
        ]


def build_batch(cursor: Cursor, entries: Sequence[JournalEntry]) -> Batch:
    """Returns the rows for entries that follow a cursor.

    Raises Disagreement if the entries do not continue that cursor exactly: another chain, another epoch, a gap.
    """
    segment = cursor.segment
    batch = Batch(
        segment=segment.segment,
        state=segment.state,
        epoch=segment.epoch,
        position_before=segment.position,
        chain_hash_before=segment.chain_hash,
        audit_hash=cursor.audit_hash,
        position=segment.position,
        chain_hash=segment.chain_hash,
        clock_us=segment.clock_us,
    )
    for entry in entries:
        _add_entry(batch, entry)
    return batch


def _add_entry(batch: Batch, entry: JournalEntry) -> None:
    if not entry.follows(batch.chain_hash):
        raise Disagreement(f"entry {entry.last_position} does not continue the chain after {batch.position}")
    # Packed parts are bytes and all else is text. surrogateescape decodes both in one pass in C; _raw turns the few
    # packed parts back, exactly.
    format_, epoch, first, last, clock_us, operations, _ = msgpack.unpackb(
        entry.packed, raw=False, unicode_errors="surrogateescape", strict_map_key=False
    )
    if format_ != layouts.SCRIPT_FORMAT or epoch != batch.epoch:
        raise Disagreement(f"entry {entry.last_position} is of format {format_} and epoch {epoch}")
    if first != batch.position + 1 or last != entry.last_position or len(operations) != last - first + 1:
        raise Disagreement(f"entry {entry.last_position} leaves a gap after {batch.position}")
    for operation in operations:
        _add_operation(batch, operation, clock_us)
    batch.entries.append((last, first, epoch, entry.chain_hash))
    batch.position = last
    batch.chain_hash = entry.chain_hash
    batch.clock_us = clock_us


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _add_operation(batch: Batch, operation: list[Any], clock_us: int) -> None:
    position, kind, packed_request, reservation_image, movements, catalog, extra = operation
    request = unpack_request(_raw(packed_request)) if packed_request else NOBODY
    reservation_id = order_id = channel = ""
    image = _raw(reservation_image)
    if image:
        fields = msgpack.unpackb(image, raw=False)
        reservation_id, version, _, channel, order_id = fields[:5]
        _fold_reservation(batch, reservation_id, version, fields, movements)
    rows = [(number, *movement) for number, movement in enumerate(movements)]
    operation_row = (
        position,
        kind,
        clock_us,
        request.request_id,
        reservation_id,
        order_id,
        channel,
        request.reason,
        request.reference,
        request.caller,
        request.on_behalf_of,
        request.trace_parent,
    )
    batch.audit_hash = audit.digest(batch.audit_hash, operation_row, rows)
    batch.operations.append((*operation_row, batch.audit_hash))
    for row in rows:
        batch.movements.append((position, *row))
        _fold_level(batch, row)
    if catalog:
        batch.catalog.append((CATALOG_TABLE_OF_KIND[kind], position, catalog))
    if packed_request:
        batch.outcomes.append(_outcome_row(request, position, clock_us, image, _raw(extra)))


def _outcome_row(request: Request, position: int, clock_us: int, image: bytes, extra: bytes) -> tuple[Any, ...]:
    return (
        request.request_id,
        position,
        max(clock_us, request.id_time_us),
        request.method,
        request.fingerprint,
        request.body,
        image,
        extra,
    )


def _fold_level(batch: Batch, row: tuple[Any, ...]) -> None:
    _, _, _, sku, location, *numbers = row
    deltas, version, balance = numbers[:_BALANCE_FIELDS], numbers[_BALANCE_FIELDS], numbers[_BALANCE_FIELDS + 1 :]
    change = batch.levels.get((sku, location))
    if change is None:
        batch.levels[sku, location] = _LevelChange(version - 1, deltas, version, balance)
        return
    if version != change.version + 1:
        raise Disagreement(f"level {sku} at {location} goes from version {change.version} to {version}")
    change.deltas = [sum_ + delta for sum_, delta in zip(change.deltas, deltas, strict=True)]
    change.version = version
    change.balance = balance


def _fold_reservation(
    batch: Batch, reservation_id: str, version: int, image: list[Any], movements: list[list[Any]]
) -> None:
    change = batch.reservations.get(reservation_id)
    if change is None:
        change = batch.reservations[reservation_id] = _ReservationChange(version - 1, image)
    change.image = image
    change.touched_lines.update(movement[1] for movement in movements)
