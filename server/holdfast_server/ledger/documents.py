"""Questions to the ledger about documents: plans, transfers, returns, incidents and parked requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from holdfast_server import layouts
from holdfast_server.ledger import tables
from holdfast_server.ledger.history import last_counts
from holdfast_server.ledger.retirement import gone_until
from holdfast_server.ledger.rows import (
    DOCUMENT_COLUMNS,
    LINE_COLUMNS,
    RESERVATION_COLUMNS,
    document_of,
    reservation_of,
)
from holdfast_server.ledger.statements import load_statements
from holdfast_server.records import (
    LIVE_STATES,
    Change,
    Document,
    DocumentKind,
    ParkedRequest,
    pack_document,
    pack_reservation,
)

_IS_LIVE = sa.text("(document.state = 1 OR (document.kind = 4 AND document.state = 2))")
_COLUMNS = [tables.document.c[name] for name in DOCUMENT_COLUMNS]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Restricts a list of documents; what is empty or 0 does not. The location is where the units come to."""

    state: int = 0
    location: str = ""
    channel: str = ""
    order_id: str = ""


def find_document(connection: sa.Connection, segment: str, kind: DocumentKind, document_id: str) -> Document | None:
    """Returns one document, live or ended."""
    d = tables.document.c
    query = sa.select(*_COLUMNS).where(d.segment == segment, d.kind == int(kind), d.document_id == document_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else document_of(row)


def list_documents(
    connection: sa.Connection, segment: str, kind: DocumentKind, only: DocumentFilter, *, after: str, limit: int
) -> list[Document]:
    """Returns documents of a kind by id, beginning after one."""
    d = tables.document.c
    # Kind and state stand in the statement itself, so that the index of live documents can always be seen to fit.
    query = (
        sa.select(*_COLUMNS)
        .where(d.segment == segment, d.kind == sa.literal_column(str(int(kind))), d.document_id > after)
        .order_by(d.document_id)
        .limit(limit)
    )
    if only.state:
        query = query.where(d.state == sa.literal_column(str(int(only.state))))
    for column, value in ((d.location, only.location), (d.channel, only.channel), (d.order_id, only.order_id)):
        if value:
            query = query.where(column == value)
    return [document_of(row) for row in connection.execute(query)]


def overdue_splits(
    connection: sa.Connection, segment: str, *, plan_us: int, idle_us: int, after: tuple[int, str], limit: int
) -> list[Document]:
    """Returns demands over several segments that have this home, and that somebody must go on with.

    Those whose plan is older than `plan_us`, whose hold is over, or whose parts have not followed for `idle_us`; by the
    time and the id of their last change, beginning after one.
    """
    found = connection.exec_driver_sql(
        load_statements("placement.sql")["overdue_splits"],
        {
            "segment": segment,
            "plan_us": plan_us,
            "idle_us": idle_us,
            "after_us": after[0],
            "after_id": after[1],
            "limit": limit,
        },
    )
    ids = [document_id for (document_id,) in found]
    d = tables.document.c
    query = sa.select(*_COLUMNS).where(d.segment == segment, d.kind == int(DocumentKind.SPLIT), d.document_id.in_(ids))
    query = query.order_by(d.update_us, d.document_id)
    return [document_of(row) for row in connection.execute(query)] if ids else []


def plans_of_request(connection: sa.Connection, segment: str, request_id: str, *, limit: int) -> list[Document]:
    """Returns the plans over several segments that were made at this home for a request and have come to no end yet."""
    # Every demand over several segments asks, and nearly none has one: so the question is as it stands in the file.
    found = connection.exec_driver_sql(
        load_statements("placement.sql")["plans_of_request"],
        {"segment": segment, "request_id": request_id, "limit": limit},
    )
    plans = (find_document(connection, segment, DocumentKind.SPLIT, document_id) for (document_id,) in found.all())
    return [plan for plan in plans if plan is not None]


def find_split(connection: sa.Connection, segments: Sequence[str], ids: Sequence[str]) -> Document | None:
    """Returns a demand over several segments that has one of the ids; its home is one of the segments."""
    d = tables.document.c
    query = sa.select(*_COLUMNS).where(
        d.segment.in_(segments),
        d.kind == int(DocumentKind.SPLIT),
        d.document_id.in_(ids),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else document_of(row)


def find_recalled(connection: sa.Connection, segment: str, kind: int, id_: str) -> tuple[int, bytes]:
    """Returns the position of the ledger and, in that very state, a reservation (kind 0) or a document, packed.

    Nothing is packed as b"" if there is none. What has ended and is to be retired counts as gone from the moment at
    which that was asked for: so nothing is decided on it that the ledger would not take any more.
    """
    if kind == layouts.RECALLED_RESERVATION:
        return _recalled_reservation(connection, segment, id_, gone_until(connection, segment))
    if kind == layouts.RECALLED_COUNT:
        sku, location, status = id_.split("|")
        position, (counted,) = last_counts(connection, segment, [(sku, location, int(status))])
        return position, counted
    return _recalled_document(connection, segment, kind, id_, gone_until(connection, segment))


def _recalled_reservation(connection: sa.Connection, segment: str, reservation_id: str, gone: int) -> tuple[int, bytes]:
    s, r, line = tables.segment.c, tables.reservation.c, tables.reservation_line.c
    # One statement sees one state. The outer joins keep the position when nothing is found.
    rows = connection.execute(
        sa.select(
            s.position.label("ledger_position"),
            *(r[name] for name in RESERVATION_COLUMNS),
            *(line[name] for name in LINE_COLUMNS),
        )
        .outerjoin(
            tables.reservation,
            sa.and_(
                r.segment == s.segment,
                r.reservation_id == reservation_id,
                sa.or_(r.state.in_(list(LIVE_STATES)), r.position > gone),
            ),
        )
        .outerjoin(tables.reservation_line, line.reservation_id == r.reservation_id)
        .where(s.segment == segment)
        .order_by(line.line_number)
    ).all()
    position, *head = rows[0][: 1 + len(RESERVATION_COLUMNS)]
    if head[0] is None:
        return position, b""
    return position, pack_reservation(reservation_of(head, (row[1 + len(head) :] for row in rows)))


def _recalled_document(
    connection: sa.Connection, segment: str, kind: int, document_id: str, gone: int
) -> tuple[int, bytes]:
    s, d = tables.segment.c, tables.document.c
    position, *fields = connection.execute(
        sa.select(s.position.label("ledger_position"), *_COLUMNS)
        .outerjoin(
            tables.document,
            sa.and_(
                d.segment == s.segment,
                d.kind == int(kind),
                d.document_id == document_id,
                sa.or_(_IS_LIVE, d.position > gone),
            ),
        )
        .where(s.segment == segment)
    ).one()
    return position, b"" if fields[0] is None else pack_document(document_of(fields))


def incident_causes(connection: sa.Connection, segment: str, incident_ids: Sequence[str]) -> dict[str, Change]:
    """Returns, for each incident that has one, the change that took the last of its units before it.

    That is the last operation before the incident that lowered what could be sold of its first SKU at any location of
    the pool that its channel sells from.
    """
    found = connection.exec_driver_sql(
        load_statements("history.sql")["incident_causes"], {"segment": segment, "incident_ids": list(incident_ids)}
    )
    return {incident_id: Change(position, decide_us, kind) for incident_id, position, decide_us, kind in found}


def ready_parked_requests(connection: sa.Connection, segment: str, *, after: str, limit: int) -> list[ParkedRequest]:
    """Returns parked requests that wait although every SKU that they lacked exists now, by id, beginning after one."""
    parameters: dict[str, Any] = {"segment": segment, "after": after, "limit": limit}
    found = connection.exec_driver_sql(load_statements("history.sql")["ready_parked_requests"], parameters)
    return [
        ParkedRequest(
            parked_id=parked_id,
            method=method,
            body=body,
            caller=caller,
            on_behalf_of=on_behalf_of,
            trace_parent=trace_parent,
        )
        for parked_id, method, body, caller, on_behalf_of, trace_parent in found
    ]
