"""Reads order lines as a mapping declares them: typed rows, and what is broken with line number and reason.

Owns what one line means by itself. It knows nothing of orders as wholes, nor of the service beyond the
spelling of its identifiers.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from holdfast.inventory.v1 import inventory_service_pb2

from holdfast_client.csv_import import field_rules
from holdfast_client.csv_import.reading import BrokenRecord, CsvFile, Record
from holdfast_client.orders.mapping import OrderMapping


class RowKind(enum.Enum):
    """What a line of the file does to the stock."""

    SALE = "sale"
    CANCELLATION = "cancellation"
    WRITE_OFF = "write_off"
    STOCK_FOUND = "stock_found"
    NO_STOCK = "no_stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One line of the file.

    `quantity` counts units and is never negative: the kind says in which direction they move. `customer`,
    `channel` and `description` are as the file has them and may be empty, but for `channel`.
    """

    line_number: int
    kind: RowKind
    order: str
    sku: str
    quantity: int
    time: datetime
    channel: str
    customer: str
    description: str


def read_order_rows(file: CsvFile, mapping: OrderMapping) -> Iterator[OrderRow | BrokenRecord]:
    """Yields every line of the file in its order. A line that is broken is yielded as such and stops nothing.

    Raises UnreadableFileError if the file lacks a column that the mapping names.
    """
    file.require_columns(mapping.columns)
    for record in file.records():
        yield order_row(record, mapping) if isinstance(record, Record) else record


def order_row(record: Record, mapping: OrderMapping) -> OrderRow | BrokenRecord:
    """What the line means, or the first reason for which it means nothing."""
    try:
        return _order_row(record, mapping)
    except _BrokenError as broken:
        return BrokenRecord(
            line_number=record.line_number,
            column=broken.column,
            value=record.values[broken.column],
            reason=broken.reason,
        )


class _BrokenError(Exception):
    """The value in a column breaks a rule."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def _order_row(record: Record, mapping: OrderMapping) -> OrderRow:
    values = {column: record.values[column].strip() for column in mapping.columns}
    order, sku = values[mapping.order_column], values[mapping.sku_column]
    if mapping.upper_case_skus:
        sku = sku.upper()
    if not sku:
        raise _BrokenError(mapping.sku_column, "the SKU is missing")
    if fault := field_rules.identifier_fault(order):
        raise _BrokenError(mapping.order_column, fault)
    quantity = _quantity(values[mapping.quantity_column], mapping)
    try:
        time = datetime.strptime(values[mapping.time_column], mapping.time_format)
    except ValueError as error:
        reason = f"is no time of the form {mapping.time_format!r}"
        raise _BrokenError(mapping.time_column, reason) from error
    kind = _kind(order, sku, quantity, values, mapping)
    if kind is not RowKind.NO_STOCK and (fault := field_rules.identifier_fault(sku)):
        raise _BrokenError(mapping.sku_column, fault)
    if kind is RowKind.CANCELLATION and quantity > 0:
        raise _BrokenError(mapping.quantity_column, "a cancellation must have a negative quantity")
    return OrderRow(
        line_number=record.line_number,
        kind=kind,
        order=order,
        sku=sku,
        quantity=abs(quantity),
        time=time,
        channel=values.get(mapping.channel_column, "") or mapping.default_channel,
        customer=values.get(mapping.customer_column, ""),
        description=field_rules.prose(values.get(mapping.description_column, "")),
    )


def _quantity(text: str, mapping: OrderMapping) -> int:
    if not field_rules.INTEGER_PATTERN.fullmatch(text):
        raise _BrokenError(mapping.quantity_column, "must be a whole number")
    quantity = int(text)
    if quantity == 0:
        raise _BrokenError(mapping.quantity_column, "the quantity is 0")
    most = field_rules.field_rule(inventory_service_pb2.DemandLine, "quantity").maximum
    if abs(quantity) > most:
        raise _BrokenError(mapping.quantity_column, f"must be at most {most} units")
    return quantity


def _kind(order: str, sku: str, quantity: int, values: dict[str, str], mapping: OrderMapping) -> RowKind:
    if mapping.moves_no_stock(sku):
        return RowKind.NO_STOCK
    if mapping.is_cancellation(order):
        return RowKind.CANCELLATION
    if quantity < 0:
        return RowKind.WRITE_OFF
    empty_columns = mapping.stock_found_empty_columns
    if empty_columns and not any(values[column] for column in empty_columns):
        return RowKind.STOCK_FOUND
    return RowKind.SALE
