"""Turns records into items, receipt lines and counts, or says what is wrong with them.

Owns the meaning of the fields that can be imported. The limits are those that the service publishes with
its fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message
from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2, stock_pb2, supply_pb2

from holdfast_client.csv_import import field_rules
from holdfast_client.csv_import.reading import BrokenRecord, Record

ITEM_FIELDS = ("sku", "display_name", "base_unit", "scale")
RECEIPT_FIELDS = ("sku", "quantity", "location", "status")

STATUSES = {
    "sellable": stock_pb2.STOCK_STATUS_SELLABLE,
    "quality_hold": stock_pb2.STOCK_STATUS_QUALITY_HOLD,
    "damaged": stock_pb2.STOCK_STATUS_DAMAGED,
}

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow(Generic[M]):
    """A row that passed every check, as the message that will carry it."""

    line_number: int
    message: M


class RowReader:
    """Reads the fields of one record and keeps the first fault it meets."""

    def __init__(self, record: Record, columns: Mapping[str, str]) -> None:
        self.record = record
        self.columns = columns
        self.fault: BrokenRecord | None = None

    def reject(self, field: str, reason: str) -> None:
        """Keeps the fault unless there was one before."""
        if self.fault is None:
            column = self.columns.get(field, "")
            value = self.record.values.get(column, "")
            self.fault = BrokenRecord(
                line_number=self.record.line_number, column=column or field, value=value, reason=reason
            )

    def text(self, field: str, message: type[Message], *, default: str = "", required: bool = False) -> str:
        """The stripped value of the field, checked against the rule of the message's field of the same
        name.
        """
        value = self._value(field) or default
        if value and (fault := field_rules.text_fault(value, field_rules.field_rule(message, field))):
            self.reject(field, fault)
        if required and not value:
            self.reject(field, "is missing")
        return value

    def integer(self, field: str, message: type[Message], *, default: str = "") -> int:
        """The value of the field as a whole number, checked like a text. 0 where it is broken."""
        value = self._value(field) or default
        fault = field_rules.integer_fault(value, field_rules.field_rule(message, field)) if value else "is missing"
        if fault:
            self.reject(field, fault)
            return 0
        return int(value)

    def status(self) -> stock_pb2.StockStatus | None:
        """The status of stock that the field `status` names; None if it names none."""
        word = self._value("status").lower()
        if word and word not in STATUSES:
            self.reject("status", f"must be one of {', '.join(STATUSES)}")
        return STATUSES.get(word)

    def has(self, field: str) -> bool:
        """Whether the record says anything in the field."""
        return bool(self._value(field))

    def _value(self, field: str) -> str:
        column = self.columns.get(field)
        return self.record.values[column].strip() if column is not None else ""


def read_item(record: Record, columns: Mapping[str, str]) -> ImportRow[catalog_pb2.Item] | BrokenRecord:
    """The item that the record describes, or its first fault."""
    reader = RowReader(record, columns)
    item = catalog_pb2.Item(
        sku=reader.text("sku", catalog_pb2.Item, required=True),
        display_name=reader.text("display_name", catalog_pb2.Item),
        base_unit=reader.text("base_unit", catalog_pb2.Item),
        scale=reader.integer("scale", catalog_pb2.Item, default="0"),
    )
    return reader.fault or ImportRow(line_number=record.line_number, message=item)


def read_receipt(
    record: Record, columns: Mapping[str, str], *, default_location: str = ""
) -> ImportRow[inventory_service_pb2.ReceiptLine] | BrokenRecord:
    """The receipt that the record describes, or its first fault.

    The default location is that of rows that name none.
    """
    reader = RowReader(record, columns)
    line = inventory_service_pb2.ReceiptLine(
        sku=reader.text("sku", inventory_service_pb2.ReceiptLine, required=True),
        location=reader.text("location", inventory_service_pb2.ReceiptLine, default=default_location, required=True),
        quantity=reader.integer("quantity", inventory_service_pb2.ReceiptLine),
    )
    if (status := reader.status()) is not None:
        line.status = status
    return reader.fault or ImportRow(line_number=record.line_number, message=line)


def read_count(
    record: Record,
    columns: Mapping[str, str],
    *,
    default_location: str = "",
    default_status: stock_pb2.StockStatus = stock_pb2.STOCK_STATUS_SELLABLE,
) -> ImportRow[supply_pb2.CountLine] | BrokenRecord:
    """The count that the record describes, or its first fault.

    The default location and status are those of rows that name none.
    """
    reader = RowReader(record, columns)
    line = supply_pb2.CountLine(
        sku=reader.text("sku", supply_pb2.CountLine, required=True),
        location=reader.text("location", supply_pb2.CountLine, default=default_location, required=True),
        counted_quantity=reader.integer("counted_quantity", supply_pb2.CountLine),
        status=reader.status() or default_status,
    )
    if reader.has("expected_quantity"):
        line.expected_quantity = reader.integer("expected_quantity", supply_pb2.CountLine)
    return reader.fault or ImportRow(line_number=record.line_number, message=line)


class RepeatedLevels:
    """Finds levels that a file counts more than once.

    The same count again is harmless; another one of the same level is a fault, because which of the two is meant
    cannot be known. Memory: about 250 bytes a level.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[int, int]] = {}

    def check(self, row: ImportRow[supply_pb2.CountLine]) -> BrokenRecord | int:
        """The fault of the row, or the number of the earlier line that says the same, or 0."""
        line = row.message
        level = hashlib.blake2b(repr((line.sku, line.location, line.status)).encode(), digest_size=16).digest()
        expected = line.expected_quantity if line.HasField("expected_quantity") else None
        content = hash((line.counted_quantity, expected))
        first_line, first_content = self._seen.setdefault(level, (row.line_number, content))
        if first_line == row.line_number:
            return 0
        if first_content == content:
            return first_line
        return BrokenRecord(
            line_number=row.line_number,
            reason=f"row {first_line} counts the same units otherwise; one of them is wrong",
        )


class RepeatedSkus:
    """Finds items that stand in the file more than once: one request may name each at most once.

    The same item again is harmless; another one under the same SKU is a fault, because which of the two is
    meant cannot be known. Memory: about 150 bytes an item.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def check(self, row: ImportRow[catalog_pb2.Item], *, column: str) -> BrokenRecord | bool:
        """The fault of the row, or whether it says what an earlier row said."""
        item = row.message
        content = hash((item.display_name, item.base_unit, item.scale))
        first_line, first_content = self._seen.setdefault(item.sku, (row.line_number, content))
        if first_line == row.line_number:
            return False
        if first_content == content:
            return True
        return BrokenRecord(
            line_number=row.line_number,
            column=column,
            value=item.sku,
            reason=f"line {first_line} describes the same SKU otherwise",
        )
