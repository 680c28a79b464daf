"""The questions that are asked of the ledger. Each takes a connection and returns values of the trade.

Pages are cut by key, not by offset: a page begins after the last key of the one before, so that nothing is skipped and
nothing comes twice while the ledger grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from holdfast_server import layouts
from holdfast_server.ledger import tables
from holdfast_server.ledger.documents import (
    DocumentFilter,
    find_document,
    find_recalled,
    find_split,
    incident_causes,
    list_documents,
    overdue_splits,
    plans_of_request,
    ready_parked_requests,
)
from holdfast_server.ledger.history import (
    MovementFilter,
    book_quantities,
    last_counts,
    list_movements,
    position_at,
    trace_order,
)
from holdfast_server.ledger.rows import (
    ITEM_COLUMNS,
    LINE_COLUMNS,
    RESERVATION_COLUMNS,
    RULE_COLUMNS,
    item_of,
    reservation_of,
    rule_of,
)
from holdfast_server.records import (
    LIVE_STATES,
    Channel,
    Item,
    Location,
    Pool,
    Reservation,
    Rule,
    RuleKind,
    Segment,
    SegmentState,
)

__all__ = [
    "DocumentFilter",
    "MovementFilter",
    "NotedRequest",
    "ReservationFilter",
    "RuleFilter",
    "StoredOutcome",
    "book_quantities",
    "committed_entries",
    "find_document",
    "find_item",
    "find_outcomes",
    "find_recalled",
    "find_requests",
    "find_reservation",
    "find_split",
    "incident_causes",
    "last_counts",
    "list_channels",
    "list_documents",
    "list_items",
    "list_locations",
    "list_movements",
    "list_pools",
    "list_reservations",
    "list_rules",
    "overdue_splits",
    "plans_of_request",
    "position_at",
    "read_segments",
    "ready_parked_requests",
    "remove_outcomes_before",
    "trace_order",
]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedRequest:
    """A request that took effect, and who made it."""

    body: bytes
    caller: str
    on_behalf_of: str
    trace_parent: str


def find_requests(connection: sa.Connection, segment: str, request_ids: Sequence[str]) -> dict[str, NotedRequest]:
    """Returns those requests that took effect, by their ids."""
    o, p = tables.outcome.c, tables.operation.c
    query = (
        sa.select(o.request_id, o.body, p.caller, p.on_behalf_of, p.trace_parent)
        .join_from(tables.outcome, tables.operation, sa.and_(p.segment == o.segment, p.position == o.position))
        .where(o.segment == segment, o.request_id.in_(request_ids))
    )
    return {
        row.request_id: NotedRequest(
            body=row.body, caller=row.caller, on_behalf_of=row.on_behalf_of, trace_parent=row.trace_parent
        )
        for row in connection.execute(query)
    }


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
    location_unsettled: bool = False


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
    if only.location_unsettled:
        # What has ended has nothing open; the index of the live ones leads to the few that may.
        query = query.where(r.state.in_(list(LIVE_STATES)))
    if only.sku or only.location or only.location_unsettled:
        line = tables.reservation_line.c
        lines = sa.select(line.reservation_id).where(line.reservation_id == r.reservation_id)
        if only.sku:
            lines = lines.where(line.sku == only.sku)
        if only.location:
            lines = lines.where(line.location == only.location)
        if only.location_unsettled:
            lines = lines.where(line.open > 0, line.sourcing.in_(list(layouts.UNSETTLED_SOURCING)))
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
    lines: dict[str, list[list[Any]]] = {}
    heads: dict[str, list[Any]] = {}
    for row in rows:
        head = [row[r[name]] for name in RESERVATION_COLUMNS]
        heads.setdefault(head[0], head)
        lines.setdefault(head[0], []).append([row[line[name]] for name in LINE_COLUMNS])
    return [reservation_of(head, lines[reservation_id]) for reservation_id, head in heads.items()]


def find_item(connection: sa.Connection, segment: str, sku: str) -> Item | None:
    """Returns one item."""
    i = tables.item.c
    query = sa.select(*(i[name] for name in ITEM_COLUMNS)).where(i.segment == segment, i.sku == sku)
    row = connection.execute(query).one_or_none()
    return None if row is None else item_of(row)


def list_items(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[Item]:
    """Returns items by SKU, beginning after one."""
    rows = _page(connection, tables.item, "sku", segment, after, limit)
    return [item_of([row._mapping[name] for name in ITEM_COLUMNS]) for row in rows]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFilter:
    """Restricts a list of rules; what is empty does not."""

    sku: str = ""
    channel: str = ""
    location: str = ""


def list_rules(
    connection: sa.Connection,
    segment: str,
    only: RuleFilter,
    *,
    after: tuple[int, str, str, str, str] | None,
    limit: int,
) -> list[Rule]:
    """Returns rules in the order of Rule.key, beginning after one of them."""
    r = tables.rule.c
    key = [r[name] for name in RULE_COLUMNS[:5]]
    query = sa.select(*(r[name] for name in RULE_COLUMNS)).where(r.segment == segment).order_by(*key).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(*key) > sa.tuple_(*after))
    if only.sku:
        # With every kind named, the primary key leads to the rules of the SKU.
        query = query.where(r.kind.in_(list(RuleKind)), r.sku == only.sku)
    if only.channel:
        query = query.where(r.channel == only.channel)
    if only.location:
        query = query.where(r.location == only.location)
    return [rule_of(row) for row in connection.execute(query)]


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
