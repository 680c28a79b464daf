"""Turns rows into orders, cancellations and adjustments, in the order of their time.

Owns the grouping of lines and the order of events. Lines of an order stay as the file has them: the service
sums lines of the same SKU itself, and a replay is there to see that it does.

The plan is held in memory, because the opening stock is a share of the whole demand and because events are
put in the order of their time: about 100 bytes a line, and at most MAX_ROWS lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from holdfast_client.csv_import import field_rules
from holdfast_client.csv_import.reading import BrokenRecord
from holdfast_client.orders.mapping import OrderMapping
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.reading import OrderRow, RowKind

MAX_ROWS = 5_000_000
"""The most rows that are read; a longer file is refused unless a limit is given."""

MAX_NAMED_REJECTIONS = 1_000
"""The most broken rows that are kept by name; all are counted."""


class TooManyRowsError(Exception):
    """The file has more rows than a plan may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """Units of one SKU, in the names of the run. In an adjustment the quantity has a sign."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A customer asks for units. `sequence` numbers the events of a plan from 0, in their order."""

    sequence: int
    order_id: str
    time: datetime
    channel: str
    customer: str
    lines: tuple[PlannedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A customer gives back units of earlier orders, without saying of which."""

    sequence: int
    order_id: str
    time: datetime
    customer: str
    lines: tuple[PlannedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Units are written off (negative quantities) or found (positive ones)."""

    sequence: int
    order_id: str
    time: datetime
    reason: str
    lines: tuple[PlannedLine, ...]


Event = Order | Cancellation | Adjustment


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """What the file was made of. `rows_read` is the sum of all the others but `lines_by_kind`, which splits
    them.
    """

    rows_read: int
    rows_rejected: int
    skipped_no_stock: int
    lines_by_kind: dict[RowKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a replay will do.

    `demand` is the units of each SKU that orders ask for; SKUs that are only cancelled or adjusted stand in
    it with 0. `display_names` has the first description of each SKU that has one.
    """

    events: tuple[Event, ...]
    demand: dict[str, int]
    display_names: dict[str, str]
    channels: dict[str, str]
    """The name in the file of each channel."""
    counts: RowCounts
    rejections: tuple[BrokenRecord, ...]

    def events_of(self, kind: type[Event]) -> int:
        """How many events there are of one kind."""
        return sum(isinstance(event, kind) for event in self.events)


def plan_replay(
    rows: Iterable[OrderRow | BrokenRecord],
    *,
    mapping: OrderMapping,
    names: RunNames,
    limit: int | None = None,
) -> Plan:
    """Groups the first `limit` rows into events.

    An order is made of all lines with the same number, customer and channel, wherever in the file they
    stand; its time is that of the first. Events of the same time keep the file's order. Raises
    TooManyRowsError beyond MAX_ROWS.
    """
    draft = _Draft()
    for row in rows:
        if limit is not None and draft.rows_read >= limit:
            break
        if draft.rows_read >= MAX_ROWS:
            raise TooManyRowsError(f"the file has more than {MAX_ROWS} rows; give a limit")
        draft.rows_read += 1
        if isinstance(row, BrokenRecord):
            draft.reject(row)
        elif row.kind is RowKind.NO_STOCK:
            draft.skipped_no_stock += 1
        elif fault := _too_long_for_run(row, mapping, names):
            draft.reject(fault)
        else:
            draft.add(row, names)
    return draft.plan(mapping, names)


def _too_long_for_run(row: OrderRow, mapping: OrderMapping, names: RunNames) -> BrokenRecord | None:
    for column, value, named in (
        (mapping.sku_column, row.sku, names.sku(row.sku)),
        (mapping.order_column, row.order, names.order_id(row.order)),
    ):
        if len(named) > field_rules.IDENTIFIER_MAX_LENGTH:
            reason = f"with the run id it is longer than {field_rules.IDENTIFIER_MAX_LENGTH} characters"
            return BrokenRecord(line_number=row.line_number, column=column, value=value, reason=reason)
    return None


_EventKey = tuple[RowKind, str, str, str]


@dataclass(slots=True)
class _Draft:
    """The plan while rows come in."""

    rows_read: int = 0
    rows_rejected: int = 0
    skipped_no_stock: int = 0
    lines_by_kind: Counter[RowKind] = field(default_factory=Counter)
    rejections: list[BrokenRecord] = field(default_factory=list)
    groups: dict[_EventKey, tuple[OrderRow, list[PlannedLine]]] = field(default_factory=dict)
    demand: dict[str, int] = field(default_factory=dict)
    display_names: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)

    def reject(self, broken: BrokenRecord) -> None:
        self.rows_rejected += 1
        if len(self.rejections) < MAX_NAMED_REJECTIONS:
            self.rejections.append(broken)

    def add(self, row: OrderRow, names: RunNames) -> None:
        self.lines_by_kind[row.kind] += 1
        sku = names.sku(row.sku)
        self.demand.setdefault(sku, 0)
        if row.description:
            self.display_names.setdefault(sku, row.description)
        if row.kind is RowKind.SALE:
            self.demand[sku] += row.quantity
            self.channels.setdefault(names.channel(row.channel), field_rules.prose(row.channel))
        sign = -1 if row.kind is RowKind.WRITE_OFF else 1
        _, lines = self.groups.setdefault((row.kind, row.order, row.customer, row.channel), (row, []))
        lines.append(PlannedLine(sku=sku, quantity=sign * row.quantity))

    def plan(self, mapping: OrderMapping, names: RunNames) -> Plan:
        groups = sorted(self.groups.values(), key=lambda group: (group[0].time, group[0].line_number))
        return Plan(
            events=tuple(
                _event(sequence, first, tuple(lines), mapping, names) for sequence, (first, lines) in enumerate(groups)
            ),
            demand=self.demand,
            display_names=self.display_names,
            channels=self.channels,
            counts=RowCounts(
                rows_read=self.rows_read,
                rows_rejected=self.rows_rejected,
                skipped_no_stock=self.skipped_no_stock,
                lines_by_kind={kind: self.lines_by_kind[kind] for kind in RowKind if kind is not RowKind.NO_STOCK},
            ),
            rejections=tuple(self.rejections),
        )


def _event(
    sequence: int, first: OrderRow, lines: tuple[PlannedLine, ...], mapping: OrderMapping, names: RunNames
) -> Event:
    order_id = names.order_id(first.order)
    if first.kind is RowKind.SALE:
        return Order(
            sequence=sequence,
            order_id=order_id,
            time=first.time,
            channel=names.channel(first.channel),
            customer=first.customer,
            lines=lines,
        )
    if first.kind is RowKind.CANCELLATION:
        return Cancellation(sequence=sequence, order_id=order_id, time=first.time, customer=first.customer, lines=lines)
    written_off = first.kind is RowKind.WRITE_OFF
    reason = mapping.write_off_reason if written_off else mapping.stock_found_reason
    return Adjustment(
        sequence=sequence,
        order_id=order_id,
        time=first.time,
        reason=field_rules.prose(f"{reason}: {first.description}" if first.description else reason),
        lines=lines,
    )
