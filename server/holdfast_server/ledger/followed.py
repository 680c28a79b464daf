"""Questions of those who follow movements: what was booked after a position, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from holdfast_server.ledger import tables
from holdfast_server.ledger.changes import ledger_head
from holdfast_server.ledger.history import movement_of, movement_rows
from holdfast_server.ledger.retirement import check_kept
from holdfast_server.records import Movement
from holdfast_server.watch.movements import MovementPage, MovementSelection, PackedMovement


def movements_after(
    connection: sa.Connection,
    segment: str,
    of: MovementSelection,
    *,
    after: int,
    operations: int,
    limit: int,
    pack: Callable[[Movement], PackedMovement],
) -> MovementPage:
    """Returns the movements that pass of the operations after a position: of at most so many operations, all whole.

    There are at most `limit` movements, unless one operation alone has more. `pack` writes a movement, on the thread
    that asks. Raises HistoryRetired if operations after the position were retired.
    """
    # Whatever lies at or below the head never changes until it is retired, so two statements see what one would.
    head = ledger_head(connection, segment)
    found, reached = _whole_operations(connection, segment, of, after, min(head.position, after + operations), limit)
    check_kept(connection, segment, after)
    return MovementPage(
        lineage=head.lineage,
        epoch=head.epoch,
        head=head.position,
        after=after,
        reached=reached,
        movements=[pack(movement) for movement in found],
    )


def _whole_operations(
    connection: sa.Connection, segment: str, of: MovementSelection, after: int, until: int, limit: int
) -> tuple[list[Movement], int]:
    """Returns movements, and the position up to which these are all."""
    if until <= after:
        return [], after
    found = _between(connection, segment, of, after, until, limit + 1)
    if len(found) <= limit:
        return found, until
    # The last operation may not be whole.
    last = found[-1].position
    whole = [movement for movement in found if movement.position < last]
    return (whole, last - 1) if whole else (_between(connection, segment, of, last - 1, last, None), last)


def _between(
    connection: sa.Connection, segment: str, of: MovementSelection, after: int, until: int, limit: int | None
) -> list[Movement]:
    m, o = tables.movement.c, tables.operation.c
    # The bounds on the operation's position follow from those on the movement's; only the index needs to be told.
    query = (
        movement_rows()
        .where(m.segment == segment, m.position > after, m.position <= until, o.position > after, o.position <= until)
        .order_by(m.position, m.line_number)
        .limit(limit)
    )
    # A plan that went by the index of SKUs would read the whole history of a SKU for every page. As an expression the
    # SKU has no index, and the stretch of positions bounds what is read.
    for column, values in ((m.sku + "", of.skus), (m.location, of.locations), (o.channel, of.channels)):
        if values:
            query = query.where(column == sa.any_(_texts(sorted(values))))
    return [movement_of(row) for row in connection.execute(query).mappings()]


def _texts(values: Sequence[str]) -> sa.Cast[Any]:
    return sa.cast(list(values), sa.ARRAY(sa.Text))
