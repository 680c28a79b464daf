"""Where a difference between another system's books and ours comes from. Reads movements; books nothing."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from holdfast_server.ledger.history import movements_of
from holdfast_server.ledger.statements import load_statements
from holdfast_server.records import Movement

MAX_CHANGES: Final = 200
"""The changes of a level that are looked at, the newest first."""
_MAX_MOVEMENTS: Final = 20_000


class Cause(enum.IntEnum):
    """The numbers of DivergenceCause in the protos."""

    NONE = 0
    LATE = 1
    CHANGE_MISSED = 2
    CHANGE_DOUBLED = 3
    UNEXPLAINED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedLevel:
    """What another system has on hand of one status (layouts.STATUSES) of a level."""

    sku: str
    location: str
    status: int
    their_quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """What we have of it, and what explains the difference."""

    our_quantity: int
    cause: Cause
    movement: Movement | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """A movement that changed the units, and how many there were before it."""

    position: int
    line_number: int
    delta: int
    before: int


def compare(connection: sa.Connection, segment: str, levels: Sequence[ComparedLevel]) -> list[Divergence]:
    """Returns the divergence of each level, all of one state of the ledger."""
    explained = [
        (ours, *_explain(level.their_quantity, ours, changes))
        for level, (ours, changes) in zip(levels, _changes(connection, segment, levels), strict=True)
    ]
    keys = [(change.position, change.line_number) for _, _, change in explained if change is not None]
    movements = movements_of(connection, segment, keys)
    return [
        _divergence(ours, cause, None if change is None else movements.get((change.position, change.line_number)))
        for ours, cause, change in explained
    ]


def _divergence(ours: int, cause: Cause, movement: Movement | None) -> Divergence:
    """Returns a divergence; a movement that was retired between the two questions explains nothing any more."""
    if movement is None and cause is not Cause.NONE:
        cause = Cause.UNEXPLAINED
    return Divergence(our_quantity=ours, cause=cause, movement=movement)


def _explain(theirs: int, ours: int, changes: Sequence[_Change]) -> tuple[Cause, _Change | None]:
    """Returns what explains the difference. `changes` come the newest first."""
    if ours == theirs:
        return Cause.NONE, None
    for change in changes:
        if change.before == theirs:
            return Cause.LATE, change
        if ours - change.delta == theirs:
            return Cause.CHANGE_MISSED, change
        if ours + change.delta == theirs:
            return Cause.CHANGE_DOUBLED, change
    return Cause.UNEXPLAINED, None


def _changes(
    connection: sa.Connection, segment: str, levels: Sequence[ComparedLevel]
) -> list[tuple[int, list[_Change]]]:
    """Returns per level the units that we have, and their last changes."""
    parameters = {
        "segment": segment,
        "skus": [level.sku for level in levels],
        "locations": [level.location for level in levels],
        "statuses": [level.status for level in levels],
        "limit": MAX_CHANGES,
        "reach": _MAX_MOVEMENTS,
    }
    found: list[tuple[int, list[_Change]]] = [(0, []) for _ in levels]
    rows = connection.exec_driver_sql(load_statements("history.sql")["changes_of_levels"], parameters)
    for number, ours, position, line_number, delta, before in rows:
        _, changes = found[number - 1]
        found[number - 1] = (ours, changes)
        if position is not None:
            changes.append(_Change(position, line_number, delta, before))
    return found
