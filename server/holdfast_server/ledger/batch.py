"""Turns journal entries into the rows of one ledger transaction. Pure: no connection, no clock.

Rows that several operations of the batch touch are folded into one: a hot level is updated once per batch, however many
reservations it was in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import add, sub
from typing import Any

from msgpack import unpackb as _unpack

from holdfast_server import layouts
from holdfast_server.ledger import audit
from holdfast_server.ledger.errors import Disagreement
from holdfast_server.ledger.journal import JournalEntry
from holdfast_server.ledger.segments import Cursor
from holdfast_server.records import NOBODY, SegmentState

_KIND = layouts.OPERATION_KINDS
CATALOG_TABLE_OF_KIND = {
    _KIND["PUT_ITEMS"]: "item",
    _KIND["PUT_LOCATIONS"]: "location",
    _KIND["PUT_POOLS"]: "pool",
    _KIND["PUT_CHANNELS"]: "channel",
    _KIND["PUT_RULES"]: "rule",
    _KIND["MOVE_ALLOTMENT"]: "rule",
    _KIND["END_ALLOTMENT"]: "rule",
}
# Movements of these kinds may belong to a line that the reservation did not have before.
_PLACING = frozenset({_KIND["RESERVE"], _KIND["BACKORDER"], _KIND["TRANSFER_RESERVATION"]})

# Most movements are narrow: neither before nor after them are there units that are backordered or in transit. Then the
# last four fields are left out, and the level's row is narrow as well.
_MOVEMENT_NUMBERS = len(layouts.MOVEMENT) - layouts.MOVEMENT.index("sellable_delta")
_NARROW_MOVEMENT_NUMBERS = _MOVEMENT_NUMBERS - audit.LATER_MOVEMENT_COLUMNS
_NO_LATER_BALANCE = (0, 0)

_RULE_KEY_FIELDS = layouts.RULE.index("removed")
_DOCUMENT_POSITION = layouts.DOCUMENT.index("position")
_DOCUMENT_CHANNEL = layouts.DOCUMENT.index("channel")
_DOCUMENT_ORDER = layouts.DOCUMENT.index("order_id")
_DOCUMENT_RESERVATION = layouts.DOCUMENT.index("reservation_id")

RuleKey = tuple[int, str, str, str, str]


@dataclass(slots=True)
class _LevelChange:
    """A level over the whole batch: what it must be before, and what it is after."""

    version_before: int
    deltas: tuple[int, ...]
    version: int
    balance: tuple[int, ...]

    @property
    def balance_before(self) -> tuple[int, ...]:
        return tuple(map(sub, self.balance, self.deltas))


@dataclass(slots=True)
class ReservationChange:
    """A reservation over the whole batch, with the lines that changed."""

    version_before: int
    image: list[Any]
    """The fields of layouts.RESERVATION."""
    touched_lines: set[int] = field(default_factory=set)
    placed_lines: set[int] = field(default_factory=set)
    """Those of the touched lines that may be new."""


@dataclass(slots=True)
class DocumentChange:
    """A document over the whole batch."""

    version_before: int
    create_position: int
    body: bytes
    """The request itself, of one that was parked."""
    image: list[Any]
    """The fields of layouts.DOCUMENT."""


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
    reservations: dict[str, ReservationChange] = field(default_factory=dict)
    documents: dict[tuple[int, str], DocumentChange] = field(default_factory=dict)
    rules: dict[RuleKey, list[Any]] = field(default_factory=dict)
    """The rules that were put or removed, as they are in the end, in the fields of layouts.RULE."""
    rule_changes: list[tuple[int, int, list[Any]]] = field(default_factory=list)
    """Every put and removal of a rule: its operation, its number in it, the fields of layouts.RULE."""
    allotments: dict[tuple[str, str], int] = field(default_factory=dict)
    """What is used in the end, by SKU and channel."""

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
        """Returns the levels that must exist: (sku, segment, location, version and balance before, then after)."""
        return [
            (
                sku,
                self.segment,
                location,
                change.version_before,
                *change.balance_before,
                change.version,
                *change.balance,
            )
            for (sku, location), change in self.levels.items()
            if change.version_before > 0
        ]

    def new_reservations(self) -> list[list[Any]]:
        """Returns the images of the reservations that the batch creates."""
        return [change.image for change in self.reservations.values() if change.version_before == 0]

    def changed_reservations(self) -> list[ReservationChange]:
        """Returns the reservations that must exist."""
        return [change for change in self.reservations.values() if change.version_before > 0]

    def new_documents(self) -> list[DocumentChange]:
        """Returns the documents that the batch creates."""
        return [change for change in self.documents.values() if change.version_before == 0]

    def changed_documents(self) -> list[DocumentChange]:
        """Returns the documents that must exist."""
        return [change for change in self.documents.values() if change.version_before > 0]


def build_batch(cursor: Cursor, entries: Sequence[JournalEntry]) -> Batch:
    """Returns the rows for entries that follow a cursor.

    Raises Disagreement if the entries do not continue that cursor exactly (another chain, another epoch, a gap), or if
    one cannot be read.
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
        try:
            _add_entry(batch, entry)
        except Disagreement:
            raise
        except Exception as error:
            # Whatever it is that cannot be read, the ledger must not stand still before it.
            raise Disagreement(f"entry {entry.last_position} cannot be read: {error!r}") from error
    return batch


def _add_entry(batch: Batch, entry: JournalEntry) -> None:
    if not entry.follows(batch.chain_hash):
        raise Disagreement(f"entry {entry.last_position} does not continue the chain after {batch.position}")
    # Packed parts stay bytes. What is text is decoded where it is taken: of a reservation, two short words.
    fields = _unpack(entry.packed, raw=True, strict_map_key=False)
    format_, epoch = fields[:2]
    if format_ != layouts.SCRIPT_FORMAT or epoch != batch.epoch:
        raise Disagreement(f"entry {entry.last_position} is of format {format_} and epoch {epoch}")
    _, _, first, last, clock_us, operations, allotments = fields
    if first != batch.position + 1 or last != entry.last_position or len(operations) != last - first + 1:
        raise Disagreement(f"entry {entry.last_position} leaves a gap after {batch.position}")
    for operation in operations:
        _add_operation(batch, operation, clock_us)
    for sku, channel, used in allotments:
        batch.allotments[sku.decode(), channel.decode()] = used
    batch.entries.append((last, first, epoch, entry.chain_hash))
    batch.position = last
    batch.chain_hash = entry.chain_hash
    batch.clock_us = clock_us


def _decoded(value: Any) -> Any:
    """Returns a value of the journal with text where it has bytes, however deep."""
    if isinstance(value, bytes):
        return value.decode()
    return [_decoded(part) for part in value] if isinstance(value, list) else value


def _add_operation(batch: Batch, operation: list[Any], clock_us: int) -> None:
    position, kind, packed_request, image, movements, catalog, extra, documents = operation
    request = _unpack(packed_request, raw=False) if packed_request else NOBODY
    request_id, id_time_us, fingerprint, method, body, caller, on_behalf_of, trace_parent, reason, reference = request
    reservation_id = order_id = channel = document_id = ""
    if documents:
        papers = [_unpack(document, raw=False) for document in documents]
        paper = papers[0]
        document_id, channel, order_id = paper[1], paper[_DOCUMENT_CHANNEL], paper[_DOCUMENT_ORDER]
        reservation_id = paper[_DOCUMENT_RESERVATION]
        for paper in papers:
            _fold_document(batch, paper, body if kind == _KIND["PARK"] else b"")
    if image:
        fields = _unpack(image, raw=False)
        reservation_id, version, _, channel, order_id = fields[:5]
        _fold_reservation(batch, reservation_id, version, fields, movements)
    rows = [
        (number, moved, line, sku.decode(), location.decode(), *_trimmed(numbers))
        for number, (moved, line, sku, location, *numbers) in enumerate(movements)
    ]
    operation_row: tuple[Any, ...] = (
        position,
        kind,
        clock_us,
        request_id,
        reservation_id,
        order_id,
        channel,
        reason,
        reference,
        caller,
        on_behalf_of,
        trace_parent,
    )
    audited = (*operation_row, document_id) if document_id else operation_row
    batch.audit_hash = audit.digest(batch.audit_hash, audited, rows)
    batch.operations.append((*operation_row, batch.audit_hash, document_id))
    for row in rows:
        batch.movements.append((position, *row))
        _fold_level(batch, row)
    if catalog:
        _add_catalog(batch, CATALOG_TABLE_OF_KIND[kind], position, _decoded(catalog))
    if packed_request:
        effective_us = max(clock_us, id_time_us)
        batch.outcomes.append((request_id, position, effective_us, method, fingerprint, body, image, extra))


def _trimmed(numbers: list[int]) -> list[int]:
    """Returns the numbers of a movement without the last four if all of them are zero."""
    if len(numbers) == _MOVEMENT_NUMBERS and not any(numbers[_NARROW_MOVEMENT_NUMBERS:]):
        return numbers[:_NARROW_MOVEMENT_NUMBERS]
    return numbers


def _add_catalog(batch: Batch, table: str, position: int, rows: list[Any]) -> None:
    if table != "rule":
        batch.catalog.append((table, position, rows))
        return
    for number, rule in enumerate(rows):
        batch.rule_changes.append((position, number, rule))
        kind, sku, location, channel, name = rule[:_RULE_KEY_FIELDS]
        batch.rules[kind, sku, location, channel, name] = rule
        if kind == layouts.RULE_KINDS["ALLOTMENT"]:
            # The rule says itself what is used at this point, and may be gone.
            batch.allotments.pop((sku, channel), None)


def _fold_level(batch: Batch, row: tuple[Any, ...]) -> None:
    sku, location, version = row[3], row[4], row[10]
    deltas, balance = row[5:10], row[11:16]
    if later := row[16:]:
        deltas, balance = deltas + later[:2], balance + later[2:]
    change = batch.levels.get((sku, location))
    if change is None:
        batch.levels[sku, location] = _LevelChange(version - 1, deltas, version, balance)
        return
    if version != change.version + 1:
        raise Disagreement(f"level {sku} at {location} goes from version {change.version} to {version}")
    if len(change.deltas) > len(deltas):
        deltas, balance = deltas + _NO_LATER_BALANCE, balance + _NO_LATER_BALANCE
    elif len(change.deltas) < len(deltas):
        change.deltas += _NO_LATER_BALANCE
    change.deltas = tuple(map(add, change.deltas, deltas))
    change.version = version
    change.balance = balance


def _fold_reservation(
    batch: Batch, reservation_id: str, version: int, image: list[Any], movements: list[list[Any]]
) -> None:
    change = batch.reservations.get(reservation_id)
    if change is None:
        change = batch.reservations[reservation_id] = ReservationChange(version - 1, image)
    elif version != change.image[1] + 1:
        raise Disagreement(f"reservation {reservation_id} goes from version {change.image[1]} to {version}")
    change.image = image
    for kind, line, *_ in movements:
        if line > 0:
            change.touched_lines.add(line)
            if kind in _PLACING:
                change.placed_lines.add(line)


def _fold_document(batch: Batch, image: list[Any], body: bytes) -> None:
    kind, document_id, version = image[:3]
    change = batch.documents.get((kind, document_id))
    if change is None:
        change = DocumentChange(version - 1, image[_DOCUMENT_POSITION], body, image)
        batch.documents[kind, document_id] = change
    elif version != change.image[2] + 1:
        raise Disagreement(f"document {document_id} goes from version {change.image[2]} to {version}")
    change.image = image
