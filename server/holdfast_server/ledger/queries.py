"""The questions that are asked of the ledger. Each takes a connection and returns values of the trade.

Pages are cut by key, not by offset: a page begins after the last key of the one before, so that nothing is skipped and
nothing comes twice while the ledger grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from holdfast_server.ledger import tables
from holdfast_server.records import (
    Channel,
    Item,
    Location,
    Movement,
    Pool,
    Reservation,
    ReservationLine,
    ReservationState,
    Segment,
    SegmentState,
    StockLevel,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutcome:
    """What a request came to, with the request itself."""

    request_id: str
    position: int
    method: str
    fingerprint: bytes
    body: bytes
    reservation: bytes
    extra: bytes


def find_outcomes(
    connection: sa.Connection, segment: str, request_ids: Sequence[str]
) -> tuple[int, dict[str, StoredOutcome]]:
    """Returns the position of the ledger and, in that very state, the outcomes of those ids that have one."""
    cursor = sa.select(tables.segment.c.position).where(tables.segment.c.segment == segment).scalar_subquery()
    o = tables.outcome.c
    found = (
        sa.select(o.request_id, o.position, o.method, o.fingerprint, o.body, o.reservation, o.extra)
        .where(o.segment == segment, o.request_id == sa.any_(sa.cast(list(request_ids), sa.ARRAY(sa.Text))))
        .subquery()
    )
    # One statement sees one state. The outer join keeps the position when nothing is found.
    rows = connection.execute(
        sa.select(cursor.label("ledger_position"), found).select_from(
            sa.select(sa.literal(1).label("one")).subquery().outerjoin(found, sa.true())
        )
    ).all()
    outcomes = {
        row.request_id: StoredOutcome(
            request_id=row.request_id,
            position=row.position,
            method=row.method,
            fingerprint=row.fingerprint,
            body=row.body,
            reservation=row.reservation,
            extra=row.extra,
        )
        for row in rows
        if row.request_id is not None
    }
    return rows[0].ledger_position, outcomes


def committed_entries(
    connection: sa.Connection, segment: str, entries: Sequence[tuple[int, str]]
) -> set[tuple[int, str]]:
    """Returns those of the journal entries (position, chain hash) that are in the ledger."""
    e = tables.journal_entry.c
    rows = connection.execute(
        sa.select(e.last_position, e.chain_hash).where(
            e.segment == segment,
            e.last_position == sa.any_(sa.cast([position for position, _ in entries], sa.ARRAY(sa.BigInteger))),
        )
    )
    return {(row.last_position, row.chain_hash) for row in rows} & set(entries)


def read_cursor(connection: sa.Connection, segment: str) -> tuple[int, int]:
    """Returns the epoch and the position at which the ledger of a segment stands now."""
    s = tables.segment.c
    row = connection.execute(sa.select(s.epoch, s.position).where(s.segment == segment)).one()
    return row.epoch, row.position


def read_segments(connection: sa.Connection) -> list[Segment]:
    """Returns all segments by id."""
    s = tables.segment.c
    return [
        Segment(
            segment=row.segment,
            state=SegmentState(row.state),
            state_reason=row.state_reason,
            lineage=str(row.lineage),
            epoch=row.epoch,
            position=row.position,
            chain_hash=row.chain_hash,
            clock_us=row.clock_us,
            heartbeat_us=int(row.heartbeat_time.timestamp() * 1_000_000),
        )
        for row in connection.execute(sa.select(tables.segment).order_by(s.segment))
    ]


def find_reservation(connection: sa.Connection, segment: str, reservation_id: str) -> Reservation | None:
    """Returns one reservation of the segment, live or ended."""
    found = _reservations(connection, segment, [reservation_id])
    return found[0] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFilter:
    """Restricts a list of reservations; what is empty or None does not."""

    state: int = 0
    channel: str = ""
    order_id: str = ""
    sku: str = ""
    location: str = ""


def list_reservations(
    connection: sa.Connection, segment: str, only: ReservationFilter, *, before: str, limit: int
) -> list[Reservation]:
    """Returns reservations, the newest first, beginning after the id `before` if it is given."""
    r = tables.reservation.c
    query = sa.select(r.reservation_id).where(r.segment == segment).order_by(r.reservation_id.desc()).limit(limit)
    if before:
        query = query.where(r.reservation_id < before)
    if only.state:
        query = query.where(r.state == only.state)
    if only.channel:
        query = query.where(r.channel == only.channel)
    if only.order_id:
        query = query.where(r.order_id == only.order_id)
    if only.sku or only.location:
        line = tables.reservation_line.c
        lines = sa.select(line.reservation_id).where(line.reservation_id == r.reservation_id)
        if only.sku:
            lines = lines.where(line.sku == only.sku)
        if only.location:
            lines = lines.where(line.location == only.location)
        query = query.where(lines.exists())
    return _reservations(connection, segment, [row.reservation_id for row in connection.execute(query)])


def _reservations(connection: sa.Connection, segment: str, reservation_ids: Sequence[str]) -> list[Reservation]:
    if not reservation_ids:
        return []
    ids = sa.cast(list(reservation_ids), sa.ARRAY(sa.Text))
    r, line = tables.reservation.c, tables.reservation_line.c
    rows = connection.execute(
        sa.select(tables.reservation, tables.reservation_line)
        .join(tables.reservation_line, r.reservation_id == line.reservation_id)
        .where(r.segment == segment, r.reservation_id == sa.any_(ids))
        .order_by(r.reservation_id.desc(), line.line_number)
    ).mappings()
    lines: dict[str, list[ReservationLine]] = {}
    heads: dict[str, Any] = {}
    for row in rows:
        reservation_id = row[r.reservation_id]
        heads.setdefault(reservation_id, row)
        lines.setdefault(reservation_id, []).append(
            ReservationLine(
                sku=row[line.sku],
                location=row[line.location],
                quantity=row[line.quantity],
                open=row[line.open],
                released=row[line.released],
                expired=row[line.expired],
                fulfilled=row[line.fulfilled],
            )
        )
    return [
        Reservation(
            reservation_id=reservation_id,
            version=head[r.version],
            state=ReservationState(head[r.state]),
            channel=head[r.channel],
            order_id=head[r.order_id],
            create_us=head[r.create_us],
            expire_us=head[r.expire_us],
            update_us=head[r.update_us],
            position=head[r.position],
            lines=tuple(lines[reservation_id]),
        )
        for reservation_id, head in heads.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Restricts a list of movements; what is empty does not."""

    sku: str = ""
    location: str = ""
    reservation_id: str = ""
    order_id: str = ""


def list_movements(
    connection: sa.Connection, segment: str, only: MovementFilter, *, after: tuple[int, int], limit: int
) -> list[Movement]:
    """Returns movements, the oldest first, beginning after (position, line number)."""
    m, o = tables.movement.c, tables.operation.c
    query = (
        sa.select(
            tables.movement,
            o.decide_us,
            o.reservation_id,
            o.order_id,
            o.channel,
            o.reason,
            o.reference,
            o.caller,
            o.on_behalf_of,
            o.request_id,
            o.trace_parent,
        )
        .join(tables.operation, sa.and_(m.segment == o.segment, m.position == o.position))
        .where(m.segment == segment, sa.tuple_(m.position, m.line_number) > sa.tuple_(*after))
        .order_by(m.position, m.line_number)
        .limit(limit)
    )
    if only.sku:
        query = query.where(m.sku == only.sku)
    if only.location:
        query = query.where(m.location == only.location)
    if only.reservation_id:
        query = query.where(o.reservation_id == only.reservation_id)
    if only.order_id:
        query = query.where(o.order_id == only.order_id)
    return [
        Movement(
            position=row.position,
            line_number=row.line_number,
            kind=row.kind,
            decide_us=row.decide_us,
            sellable_delta=row.sellable_delta,
            quality_hold_delta=row.quality_hold_delta,
            damaged_delta=row.damaged_delta,
            held_delta=row.held_delta,
            committed_delta=row.committed_delta,
            balance=StockLevel(
                sku=row.sku,
                location=row.location,
                version=row.version,
                sellable=row.sellable,
                quality_hold=row.quality_hold,
                damaged=row.damaged,
                held=row.held,
                committed=row.committed,
            ),
            reservation_id=row.reservation_id,
            order_id=row.order_id,
            channel=row.channel,
            reason=row.reason,
            reference=row.reference,
            caller=row.caller,
            on_behalf_of=row.on_behalf_of,
            request_id=row.request_id,
            trace_parent=row.trace_parent,
        )
        for row in connection.execute(query)
    ]


def find_item(connection: sa.Connection, segment: str, sku: str) -> Item | None:
    """Returns one item."""
    i = tables.item.c
    row = connection.execute(sa.select(tables.item).where(i.segment == segment, i.sku == sku)).one_or_none()
    if row is None:
        return None
    return Item(sku=row.sku, display_name=row.display_name, base_unit=row.base_unit, scale=row.scale)


def list_items(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[Item]:
    """Returns items by SKU, beginning after one."""
    return [
        Item(sku=row.sku, display_name=row.display_name, base_unit=row.base_unit, scale=row.scale)
        for row in _page(connection, tables.item, "sku", segment, after, limit)
    ]


def list_locations(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[Location]:
    """Returns locations by id, beginning after one."""
    return [
        Location(location=row.location, display_name=row.display_name, kind=row.kind)
        for row in _page(connection, tables.location, "location", segment, after, limit)
    ]


def list_pools(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[Pool]:
    """Returns pools by id, beginning after one."""
    return [
        Pool(pool=row.pool, display_name=row.display_name, locations=tuple(row.locations))
        for row in _page(connection, tables.pool, "pool", segment, after, limit)
    ]


def list_channels(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[Channel]:
    """Returns channels by id, beginning after one."""
    return [
        Channel(channel=row.channel, display_name=row.display_name, pool=row.pool)
        for row in _page(connection, tables.channel, "channel", segment, after, limit)
    ]


def _page(
    connection: sa.Connection, table: sa.Table, key: str, segment: str, after: str, limit: int
) -> Sequence[sa.Row[Any]]:
    column = table.c[key]
    query = (
        sa.select(table)
        .where(table.c.segment == segment, sa.collate(column, "C") > after)
        .order_by(sa.collate(column, "C"))
        .limit(limit)
    )
    return connection.execute(query).all()


def remove_outcomes_before(connection: sa.Connection, segment: str, effective_us: int, limit: int) -> int:
    """Removes outcomes that are older than the retention, at most `limit`; returns how many."""
    o = tables.outcome.c
    old = (
        sa.select(o.request_id)
        .where(o.segment == segment, o.effective_us < effective_us)
        .limit(limit)
        .scalar_subquery()
    )
    return connection.execute(sa.delete(tables.outcome).where(o.segment == segment, o.request_id.in_(old))).rowcount
