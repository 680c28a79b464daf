"""Questions to the ledger about the past: movements, the life of an order, the books at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgpack
import sqlalchemy as sa

from holdfast_server import layouts
from holdfast_server.ledger import tables
from holdfast_server.ledger.retirement import check_kept, read_retired
from holdfast_server.ledger.rows import DOCUMENT_COLUMNS, document_of
from holdfast_server.ledger.statements import load_statements
from holdfast_server.records import Document, DocumentKind, Movement, StockLevel, TraceStep
from holdfast_server.refusals import HistoryRetired

MAX_MOVEMENTS_PER_STEP: Final = 1_000

_OPERATION_NAMES: Final = {number: name for name, number in layouts.OPERATION_KINDS.items()}
# What a movement takes over from its operation.
_OF_THE_OPERATION: Final = (
    "decide_us",
    "reservation_id",
    "document_id",
    "order_id",
    "channel",
    "reason",
    "reference",
    "caller",
    "on_behalf_of",
    "request_id",
    "trace_parent",
)
_DELTAS: Final = tuple(name for name in layouts.MOVEMENT if name.endswith("_delta"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Restricts a list of movements; what is empty or None does not. Times are [start, end) of the decision."""

    sku: str = ""
    location: str = ""
    reservation_id: str = ""
    order_id: str = ""
    channel: str = ""
    caller: str = ""
    start_us: int | None = None
    end_us: int | None = None


def list_movements(
    connection: sa.Connection, segment: str, only: MovementFilter, *, after: tuple[int, int], limit: int
) -> list[Movement]:
    """Returns movements, the oldest first, beginning after (position, line number)."""
    m, o = tables.movement.c, tables.operation.c
    # The bound on the operation's position follows from that on the movement's; only the index needs to be told.
    query = (
        movement_rows()
        .where(m.segment == segment, sa.tuple_(m.position, m.line_number) > sa.tuple_(*after), o.position >= after[0])
        .order_by(m.position, m.line_number)
        .limit(limit)
    )
    for column, value in (
        (m.sku, only.sku),
        (m.location, only.location),
        (o.reservation_id, only.reservation_id),
        (o.order_id, only.order_id),
        (o.channel, only.channel),
        (o.caller, only.caller),
    ):
        if value:
            query = query.where(column == value)
    if only.start_us is not None:
        start = first_position_at(connection, segment, only.start_us)
        query = query.where(m.position >= start, o.position >= start)
    if only.end_us is not None:
        end = first_position_at(connection, segment, only.end_us)
        query = query.where(m.position < end, o.position < end)
    return [movement_of(row) for row in connection.execute(query).mappings()]


def movements_of(
    connection: sa.Connection, segment: str, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Movement]:
    """Returns movements by their (position, line number)."""
    m = tables.movement.c
    query = movement_rows().where(m.segment == segment, sa.tuple_(m.position, m.line_number).in_(keys))
    found = [movement_of(row) for row in connection.execute(query).mappings()] if keys else []
    return {(one.position, one.line_number): one for one in found}


def movement_rows() -> sa.Select[Any]:
    """Returns the query of all movements with what they take over from their operation, for `movement_of`."""
    m, o = tables.movement.c, tables.operation.c
    return sa.select(tables.movement, *(o[name] for name in _OF_THE_OPERATION)).join(
        tables.operation, sa.and_(m.segment == o.segment, m.position == o.position)
    )


def movement_of(row: sa.RowMapping) -> Movement:
    """Returns the movement of a row of `movement_rows`."""
    return Movement(
        position=row["position"],
        line_number=row["line_number"],
        kind=row["kind"],
        balance=StockLevel(sku=row["sku"], location=row["location"], **{name: row[name] for name in layouts.LEVEL}),
        **{name: row[name] for name in _DELTAS},
        **{name: row[name] for name in _OF_THE_OPERATION},
    )


def trace_order(connection: sa.Connection, segment: str, order_id: str, *, after: int, limit: int) -> list[TraceStep]:
    """Returns the operations of an order with their movements, the oldest first, beginning after a position.

    A step has at most MAX_MOVEMENTS_PER_STEP movements, the first ones.
    """
    o = tables.operation.c
    query = (
        sa.select(tables.operation)
        .where(o.segment == segment, o.order_id == order_id, o.position > after)
        .order_by(o.position)
        .limit(limit)
    )
    operations = connection.execute(query).mappings().all()
    if not operations:
        return []
    movements = _movements_at(connection, segment, [row["position"] for row in operations])
    postings = _postings(connection, segment, operations)
    times = [_decided_at(connection, segment, after), *(row["decide_us"] for row in operations)]
    return [
        TraceStep(
            position=row["position"],
            operation=_OPERATION_NAMES[row["kind"]],
            previous_us=previous_us,
            movements=tuple(movements.get(row["position"], ())),
            posting=postings.get(row["position"]),
            **{name: row[name] for name in _OF_THE_OPERATION},
        )
        for row, previous_us in zip(operations, times, strict=False)
    ]


def _postings(connection: sa.Connection, segment: str, operations: Sequence[sa.RowMapping]) -> dict[int, Document]:
    """Returns what those of the operations noted that note a posting, by position."""
    d = tables.document.c
    noted = [row["document_id"] for row in operations if row["kind"] == layouts.OPERATION_KINDS["NOTE_POSTING"]]
    if not noted:
        return {}
    query = sa.select(*(d[name] for name in DOCUMENT_COLUMNS)).where(
        d.segment == segment, d.kind == int(DocumentKind.POSTING), d.document_id.in_(noted)
    )
    return {one.position: one for one in map(document_of, connection.execute(query))}


def _movements_at(connection: sa.Connection, segment: str, positions: Sequence[int]) -> dict[int, list[Movement]]:
    m = tables.movement.c
    query = (
        movement_rows()
        .where(
            m.segment == segment,
            m.position == sa.any_(sa.cast(list(positions), sa.ARRAY(sa.BigInteger))),
            m.line_number < MAX_MOVEMENTS_PER_STEP,
        )
        .order_by(m.position, m.line_number)
    )
    found: dict[int, list[Movement]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["position"], []).append(movement_of(row))
    return found


def _decided_at(connection: sa.Connection, segment: str, position: int) -> int | None:
    o = tables.operation.c
    decided: int | None = connection.execute(
        sa.select(o.decide_us).where(o.segment == segment, o.position == position)
    ).scalar_one_or_none()
    return decided


def first_position_at(connection: sa.Connection, segment: str, time_us: int) -> int:
    """Returns the position of the first operation decided at this time or later, or one beyond the last of all."""
    position: int = connection.exec_driver_sql(
        load_statements("history.sql")["first_position_at"], {"segment": segment, "time_us": time_us}
    ).scalar_one()
    return position


def position_at(connection: sa.Connection, segment: str, time_us: int) -> int:
    """Returns the position of the last operation that was decided at a time or before; 0 if there is none.

    Raises HistoryRetired if that lies in the part of the history that was retired.
    """
    position = first_position_at(connection, segment, time_us + 1) - 1
    retired = read_retired(connection, segment)
    if retired is not None and time_us < retired.decide_us:
        raise HistoryRetired(segment, max(0, min(position, retired.position - 1)), retired.position)
    return position


def book_quantities(
    connection: sa.Connection, segment: str, rows: Sequence[tuple[str, str, int]], position: int
) -> list[int]:
    """Returns what was on hand of each (sku, location, status) right after the operation at a position.

    What had never moved by then is 0. Raises HistoryRetired if operations after the position were retired.
    """
    skus, locations, statuses = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    parameters = {
        "segment": segment,
        "position": position,
        "skus": skus,
        "locations": locations,
        "statuses": statuses,
    }
    found = connection.exec_driver_sql(load_statements("history.sql")["book_quantities"], parameters).all()
    check_kept(connection, segment, position)
    return [quantity for (quantity,) in found]


def last_counts(
    connection: sa.Connection, segment: str, rows: Sequence[tuple[str, str, int]]
) -> tuple[int, list[bytes]]:
    """Returns the position of the ledger and, in that very state, the position of the last count of each row, packed.

    A row is (sku, location, status). One that was never counted has b"".
    """
    skus, locations, statuses = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    parameters = {"segment": segment, "skus": skus, "locations": locations, "statuses": statuses}
    found = connection.exec_driver_sql(load_statements("history.sql")["last_counts"], parameters).all()
    packed = [b"" if counted is None else msgpack.packb(counted) for _, counted in found]
    return found[0][0] if found else 0, packed
