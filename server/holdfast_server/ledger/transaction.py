"""The statements of one ledger transaction, out of a batch: names of writer.sql with their values and rows. Pure.

Most rows are narrow: what came into the ledger with backorders, transfers and documents is at its default in them, and
they go through statements that do not know of it. So the hot path pays nothing for what it does not use.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from holdfast_server import layouts
from holdfast_server.ledger.batch import Batch, DocumentChange
from holdfast_server.ledger.notices import Notice, commit_notices, notice_channel


class Statement(NamedTuple):
    """A statement of writer.sql by name, with its named values and its rows."""

    name: str
    values: dict[str, Any]
    rows: Sequence[Sequence[Any]] = ()


# The positions of the fields of a line. From `open` on they are those that change.
_LINE: Final = {name: index for index, name in enumerate(layouts.LINE)}
_LINE_OPEN: Final = _LINE["open"]
_LINE_ORDERED_SKU: Final = _LINE["ordered_sku"]
_LINE_SOURCING: Final = _LINE["sourcing"]
_LINE_EXPECTED_US: Final = _LINE["expected_us"]
_LINE_TRANSFERRED: Final = _LINE["transferred"]

_DOCUMENT_KIND_NAMES: Final = {number: name for name, number in layouts.DOCUMENT_KINDS.items()}
_ALLOTMENT: Final = layouts.RULE_KINDS["ALLOTMENT"]
_RULE_KIND_NAMES: Final = {number: name for name, number in layouts.RULE_KINDS.items()}


def statements_of(batch: Batch) -> list[Statement]:
    """Returns the statements that write a batch, in the order in which they must run."""
    return _Transaction(batch).statements


class _Transaction:
    def __init__(self, batch: Batch) -> None:
        self._name = batch.segment
        self._segment = {"segment": batch.segment}
        self.statements: list[Statement] = []
        notice, *further_notices = commit_notices(
            batch.epoch, batch.state, [(entry[0], entry[3]) for entry in batch.entries]
        )
        self._move_cursor(batch, notice)
        self._add("add_operations", batch.operations)
        self._add_by_width("add_movements", batch.movements)
        self._add_by_width("add_levels", batch.new_levels())
        self._add_by_width("change_levels", batch.changed_levels(), expected=True)
        self._add_reservations(batch)
        self._add_documents(batch)
        self._add("add_outcomes", batch.outcomes)
        for table, position, rows in batch.catalog:
            self._put_catalog(table, position, rows)
        self._put_rules(batch)
        for further in further_notices:
            self.statements.append(Statement("notify", self._told(further)))

    def _told(self, notice: Notice) -> dict[str, Any]:
        return {"channel": notice_channel(self._name), "notice": notice.payload()}

    def _add(self, name: str, rows: Sequence[Sequence[Any]], *, expected: bool = False) -> None:
        if rows:
            count = {"expected": len(rows)} if expected else {}
            self.statements.append(Statement(name, self._segment | count, rows))

    def _add_by_width(self, name: str, rows: Sequence[Sequence[Any]], *, expected: bool = False) -> None:
        """Adds rows of two widths: the narrow ones, then the wide ones."""
        widths = sorted({len(row) for row in rows})
        narrow = _NARROW_WIDTHS[name]
        for width in widths:
            statement = name if width == narrow else f"{name}_wide"
            self._add(
                statement, rows if len(widths) == 1 else [row for row in rows if len(row) == width], expected=expected
            )

    def _move_cursor(self, batch: Batch, notice: Notice) -> None:
        parameters = {
            "epoch": batch.epoch,
            "state": int(batch.state),
            "position_before": batch.position_before,
            "chain_hash_before": batch.chain_hash_before,
            "position": batch.position,
            "chain_hash": batch.chain_hash,
            "audit_hash": batch.audit_hash,
            "clock_us": batch.clock_us,
        }
        values = self._segment | parameters | self._told(notice)
        self.statements.append(Statement("move_cursor", values, batch.entries))

    def _add_reservations(self, batch: Batch) -> None:
        """Adds the rows of reservations and their lines, out of images in the order of layouts.RESERVATION and LINE."""
        new = batch.new_reservations()
        self._add("add_reservations", [(*image[:-2], int(image[-2])) for image in new])
        lines = [(image[0], number, line) for image in new for number, line in enumerate(image[-1], start=1)]
        narrow = [_narrow_line(*line) for line in lines if _is_narrow(line[-1])]
        self._add("add_reservation_lines", narrow)
        if len(narrow) < len(lines):
            self._add("put_reservation_lines", [(*key, *line) for *key, line in lines if not _is_narrow(line)])
        changed = batch.changed_reservations()
        self._add(
            "change_reservations",
            [_changed_reservation(change.version_before, change.image) for change in changed],
            expected=True,
        )
        self._add(
            "change_reservation_lines",
            [
                (change.image[0], number, *change.image[-1][number - 1][_LINE_OPEN:])
                for change in changed
                for number in sorted(change.touched_lines - change.placed_lines)
            ],
            expected=True,
        )
        self._add(
            "put_reservation_lines",
            [
                (change.image[0], number, *change.image[-1][number - 1])
                for change in changed
                for number in sorted(change.placed_lines)
            ],
        )

    def _add_documents(self, batch: Batch) -> None:
        self._add("add_documents", [_new_document(change) for change in batch.new_documents()])
        self._add(
            "change_documents",
            [_changed_document(self._name, change) for change in batch.changed_documents()],
            expected=True,
        )

    def _put_catalog(self, table: str, position: int, rows: list[Any]) -> None:
        if table == "pool":
            for pool, name, locations in rows:
                parameters = {"pool": pool, "display_name": name, "version": position, "locations": locations}
                self.statements.append(Statement("put_pool", self._segment | parameters))
        elif table == "item":
            self._add("put_item", [(*_item(*row), position) for row in rows])
        else:
            self._add(f"put_{table}", rows)

    def _put_rules(self, batch: Batch) -> None:
        """Removes and puts the rules as they are in the end of the batch, then notes what is used of allotments."""
        removed, put = [], []
        for key, (*_, is_removed, used, start_position, values) in batch.rules.items():
            if is_removed:
                removed.append(self._rule_key(*key))
            else:
                put.append((*key, used, start_position, _rule_values(key[0], values)))
        self._add("remove_rules", removed)
        self._add("put_rules", put)
        self._add("add_rule_changes", [_rule_change(*change) for change in batch.rule_changes])
        self._add(
            "use_allotments",
            [
                (*self._rule_key(_ALLOTMENT, sku, "", channel, ""), used)
                for (sku, channel), used in batch.allotments.items()
            ],
            expected=True,
        )

    def _rule_key(self, kind: int, sku: str, location: str, channel: str, name: str) -> tuple[Any, ...]:
        """Returns the key of a rule in the order of the statements that look rules up."""
        return sku, self._name, kind, location, channel, name


# How many columns the narrow rows of a statement have.
_NARROW_WIDTHS: Final = {"add_movements": 17, "add_levels": 8, "change_levels": 15}


def _is_narrow(line: Sequence[Any]) -> bool:
    """Says whether nothing but the sourcing is known of a new line beyond its units."""
    return not (line[_LINE_ORDERED_SKU] or line[_LINE_EXPECTED_US] or any(line[_LINE_TRANSFERRED:]))


def _narrow_line(reservation_id: str, number: int, line: Sequence[Any]) -> tuple[Any, ...]:
    sku, location, quantity = line[:_LINE_ORDERED_SKU]
    changing = line[_LINE_OPEN:_LINE_TRANSFERRED]
    return reservation_id, number, sku, location, quantity, line[_LINE_SOURCING], *changing


def _changed_reservation(version_before: int, image: Sequence[Any]) -> tuple[Any, ...]:
    reservation_id, version, state, _, _, _, expire_us, update_us, position, *_ = image
    return reservation_id, version_before, version, state, expire_us, update_us, position


def _new_document(change: DocumentChange) -> tuple[Any, ...]:
    *fields, lines = change.image
    return (*fields, _document_lines(fields[0], lines), change.create_position, change.body)


def _changed_document(segment: str, change: DocumentChange) -> tuple[Any, ...]:
    named = dict(zip(layouts.DOCUMENT, change.image, strict=True))
    return (
        named["document_id"],
        segment,
        named["kind"],
        change.version_before,
        named["version"],
        named["state"],
        named["expected_us"],
        named["update_us"],
        named["position"],
        named["flag"],
        named["resolution"],
        named["note"],
        _document_lines(named["kind"], named["lines"]),
    )


def _document_lines(kind: int, lines: Sequence[Sequence[Any]]) -> str:
    names = layouts.DOCUMENT_LINES[_DOCUMENT_KIND_NAMES[kind]]
    return _json([dict(zip(names, line, strict=True)) for line in lines])


def _item(
    sku: str, display_name: str, base_unit: str, scale: int, inactive: object, parts: Sequence[Sequence[Any]]
) -> tuple[Any, ...]:
    named = [{"sku": part, "quantity": quantity} for part, quantity in parts]
    return sku, display_name, base_unit, scale, bool(inactive), _json(named)


def _rule_values(kind: int, values: Sequence[Any]) -> str:
    return _json(dict(zip(layouts.RULE_VALUES[_RULE_KIND_NAMES[kind]], values, strict=True)))


def _rule_change(position: int, number: int, rule: Sequence[Any]) -> tuple[Any, ...]:
    kind, sku, location, channel, name, removed, _, _, values = rule
    named = "{}" if removed else _rule_values(kind, values)
    return position, number, kind, sku, location, channel, name, bool(removed), named


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
