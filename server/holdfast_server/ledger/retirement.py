"""Retirement of the oldest history, as it is asked for and shown. The steps are in retiring.py.

A retirement is a row that says how far, who, when and why. A process of its own works it off (retirement_process.py),
in steps that are one transaction each, so there is nothing to resume: whoever comes next goes on at the boundary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from holdfast_server.ledger.statements import load_statements
from holdfast_server.refusals import HistoryRetired

# The class of advisory locks of those who carry retirements out; the second number is a hash of the segment's name.
RETIREMENT_LOCK_CLASS: Final = 47_013


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """The boundary: the last operation that was retired, when it was decided, and when the boundary was moved there."""

    position: int
    decide_us: int
    retire_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The last position that may be retired now, and who needs what comes after it."""

    position: int
    needed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """One retirement. Times are in microseconds; end_us is 0 while it is under way; counts are of what is gone."""

    number: int
    until_position: int
    caller: str
    on_behalf_of: str
    reason: str
    create_us: int
    end_us: int
    stop_reason: str
    operations: int
    movements: int
    reservations: int
    documents: int
    archive: str


def _rows(connection: sa.Connection, name: str, **parameters: Any) -> Any:
    return connection.exec_driver_sql(load_statements("retirement.sql")[name], parameters).all()


def read_retired(connection: sa.Connection, segment: str) -> Retired | None:
    """Returns the boundary of a segment; None if nothing was retired."""
    rows = _rows(connection, "retired", segment=segment)
    if not rows or not rows[0].position:
        return None
    return Retired(position=rows[0].position, decide_us=rows[0].decide_us, retire_us=rows[0].retire_us)


def check_kept(connection: sa.Connection, segment: str, after: int) -> None:
    """Raises HistoryRetired if any operation after a position was retired.

    It must be asked after the history was read: a boundary that passed meanwhile is seen then, and what was read before
    a boundary that has not passed is whole.
    """
    ((boundary,),) = _rows(connection, "retired_position", segment=segment)
    if after < boundary:
        raise HistoryRetired(segment, after, boundary)


def gone_until(connection: sa.Connection, segment: str) -> int:
    """Returns up to where what has ended counts as gone: the boundary, or where a retirement under way will move it."""
    ((boundary,),) = _rows(connection, "retired_position", segment=segment)
    ((wanted,),) = _rows(connection, "open_until", segment=segment)
    return max(int(boundary), int(wanted))


def bound(connection: sa.Connection, segment: str, kept: int) -> Bound:
    """Returns how far a retirement may go now; `kept` are the newest operations that always stay."""
    ((position, needed_by),) = _rows(connection, "bound", segment=segment, kept=kept)
    return Bound(position=position, needed_by=needed_by)


def ask_retirement(
    connection: sa.Connection, segment: str, *, until: int, caller: str, on_behalf_of: str, reason: str, archive: str
) -> int:
    """Notes that everything up to a position shall be retired, and returns the number of the retirement."""
    ((number,),) = _rows(
        connection,
        "ask",
        segment=segment,
        until=until,
        caller=caller,
        on_behalf_of=on_behalf_of,
        reason=reason,
        archive=archive,
    )
    return int(number)


def list_retirements(connection: sa.Connection, segment: str, *, before: int | None, limit: int) -> list[Retirement]:
    """Returns retirements, the newest first, beginning after the number `before` if it is given."""
    return [
        Retirement(
            number=row.number,
            until_position=row.until_position,
            caller=row.caller,
            on_behalf_of=row.on_behalf_of,
            reason=row.reason,
            create_us=row.create_us,
            end_us=row.end_us,
            stop_reason=row.stop_reason,
            operations=row.operation_count,
            movements=row.movement_count,
            reservations=row.reservation_count,
            documents=row.document_count,
            archive=row.archive,
        )
        for row in _rows(connection, "list", segment=segment, before=before, limit=limit)
    ]


def is_due(connection: sa.Connection, segment: str, *, kept: int, grace_seconds: float) -> bool:
    """Says whether there is a step to take that nobody is taking."""
    due = _rows(connection, "due", segment=segment, grace_us=int(grace_seconds * 1_000_000))
    if not due:
        return False
    ((is_worked_at,),) = _rows(connection, "is_worked_at", segment=segment, lock_class=RETIREMENT_LOCK_CLASS)
    if is_worked_at:
        return False
    ((boundary,),) = _rows(connection, "retired_position", segment=segment)
    # One that was reached already only needs to be ended.
    return bool(due[0].until_position <= boundary or bound(connection, segment, kept).position > boundary)
