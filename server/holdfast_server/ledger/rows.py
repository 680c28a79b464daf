"""Rows of the ledger as values of the trade."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from holdfast_server import layouts
from holdfast_server.records import (
    Document,
    DocumentKind,
    Item,
    Reservation,
    ReservationLine,
    ReservationState,
    Rule,
    RuleKind,
)

RESERVATION_COLUMNS: Final = layouts.RESERVATION[:-1]
LINE_COLUMNS: Final = layouts.LINE
DOCUMENT_COLUMNS: Final = layouts.DOCUMENT
RULE_COLUMNS: Final = ("kind", "sku", "location", "channel", "name", "used", "start_position", "values")

ITEM_COLUMNS: Final = ("sku", "display_name", "base_unit", "scale", "inactive", "parts")


def reservation_of(head: Sequence[Any], lines: Iterable[Sequence[Any]]) -> Reservation:
    """Returns the reservation of its columns, in the order of RESERVATION_COLUMNS, and of those of its lines."""
    named: dict[str, Any] = dict(zip(RESERVATION_COLUMNS, head, strict=True))
    named["state"] = ReservationState(named["state"])
    named["told"] = bool(named["told"])
    return Reservation(
        **named, lines=tuple(ReservationLine(**dict(zip(LINE_COLUMNS, line, strict=True))) for line in lines)
    )


def document_of(row: Sequence[Any]) -> Document:
    """Returns the document of its columns, in the order of DOCUMENT_COLUMNS."""
    named: dict[str, Any] = dict(zip(DOCUMENT_COLUMNS, row, strict=True))
    kind = named["kind"] = DocumentKind(named["kind"])
    fields = layouts.DOCUMENT_LINES[kind.name]
    named["lines"] = tuple(tuple(line[field] for field in fields) for line in named["lines"])
    return Document(**named)


def rule_of(row: Sequence[Any]) -> Rule:
    """Returns the rule of its columns, in the order of RULE_COLUMNS."""
    named: dict[str, Any] = dict(zip(RULE_COLUMNS, row, strict=True))
    kind = named["kind"] = RuleKind(named["kind"])
    values = named["values"]
    named["values"] = tuple(_frozen(values[field]) for field in layouts.RULE_VALUES[kind.name])
    return Rule(**named)


def item_of(row: Sequence[Any]) -> Item:
    """Returns the item of its columns, in the order of ITEM_COLUMNS."""
    *fields, parts = row
    named: dict[str, Any] = dict(zip(ITEM_COLUMNS[:-1], fields, strict=True))
    return Item(**named, parts=tuple((part["sku"], part["quantity"]) for part in parts))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
