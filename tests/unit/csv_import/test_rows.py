"""A row is checked by the rules that the service publishes, and the first fault names column and value."""

from __future__ import annotations

from pathlib import Path

import pytest
from holdfast.inventory.v1 import inventory_service_pb2, stock_pb2

from holdfast_client.csv_import import field_rules
from holdfast_client.csv_import.columns import (
    MappingError,
    load_columns,
    parse_map_option,
    resolve_columns,
)
from holdfast_client.csv_import.reading import BrokenRecord, Record, UnreadableFileError
from holdfast_client.csv_import.rows import ImportRow, RepeatedSkus, read_item, read_receipt

_ITEM = {"sku": "Code", "display_name": "Text", "scale": "Scale"}
_RECEIPT = {"sku": "Code", "quantity": "Units", "location": "Place", "status": "Status"}
_MOST = field_rules.field_rule(inventory_service_pb2.ReceiptLine, "quantity").maximum


def _record(**values: str) -> Record:
    return Record(line_number=7, values=values)


def _fault(row: object) -> tuple[str, str]:
    assert isinstance(row, BrokenRecord)
    assert row.line_number == 7
    return row.column, row.value


def test_an_item_is_read_with_its_fields_stripped() -> None:
    row = read_item(_record(Code=" 85123A ", Text=" T-light ", Scale="3"), _ITEM)
    assert isinstance(row, ImportRow)
    assert (row.message.sku, row.message.display_name, row.message.scale) == ("85123A", "T-light", 3)


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"Code": ""}, "Code"),
        ({"Code": "-A"}, "Code"),
        ({"Code": "A B"}, "Code"),
        ({"Code": "A" * 65}, "Code"),
        ({"Code": "Ä"}, "Code"),
        ({"Text": "x" * 257}, "Text"),
        ({"Text": "a\tb"}, "Text"),
        ({"Scale": "7"}, "Scale"),
        ({"Scale": "1.5"}, "Scale"),
    ],
)
def test_a_broken_item_is_named_by_column_and_value(values: dict[str, str], column: str) -> None:
    record = _record(**{"Code": "A", "Text": "", "Scale": "", **values})
    assert _fault(read_item(record, _ITEM)) == (column, values[column])


def test_a_receipt_takes_the_default_location_where_its_own_is_empty() -> None:
    here = read_receipt(_record(Code="A", Units="5", Place="", Status="damaged"), _RECEIPT, default_location="L")
    there = read_receipt(_record(Code="A", Units="5", Place="M", Status=""), _RECEIPT, default_location="L")
    assert isinstance(here, ImportRow)
    assert isinstance(there, ImportRow)
    assert (here.message.location, here.message.status) == ("L", stock_pb2.STOCK_STATUS_DAMAGED)
    assert (there.message.location, there.message.status) == ("M", stock_pb2.STOCK_STATUS_UNSPECIFIED)


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"Units": "0"}, "Units"),
        ({"Units": "-1"}, "Units"),
        ({"Units": ""}, "Units"),
        ({"Units": "1e3"}, "Units"),
        ({"Units": "²"}, "Units"),
        ({"Units": str(_MOST + 1)}, "Units"),
        ({"Units": "9" * 40}, "Units"),
        ({"Place": ""}, "Place"),
        ({"Status": "sold"}, "Status"),
    ],
)
def test_a_broken_receipt_is_named_by_column_and_value(values: dict[str, str], column: str) -> None:
    record = _record(**{"Code": "A", "Units": str(_MOST), "Place": "L", "Status": "", **values})
    assert _fault(read_receipt(record, _RECEIPT)) == (column, values[column])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("12.5", "12.5 at scale 3 is 12500"),
        ("12,5", "12.5 at scale 3 is 12500"),
        ("9" * 40, f"must be 1 to {_MOST}"),
        ("9" * 5_000, "must be a whole number"),
        ("many", "must be a whole number"),
    ],
)
def test_a_quantity_that_will_not_do_says_what_would(value: str, words: str) -> None:
    row = read_receipt(_record(Code="A", Units=value, Place="L", Status=""), _RECEIPT)
    assert isinstance(row, BrokenRecord)
    assert words in row.reason


def test_the_greatest_quantity_that_the_service_takes_is_taken() -> None:
    record = _record(Code="A", Units=str(_MOST), Place="L", Status="")
    assert isinstance(read_receipt(record, _RECEIPT), ImportRow)


def test_the_same_item_again_is_a_repetition_and_another_under_its_sku_is_a_fault() -> None:
    repeated = RepeatedSkus()

    def check(line_number: int, text: str) -> BrokenRecord | bool:
        record = Record(line_number=line_number, values={"Code": "A", "Text": text, "Scale": ""})
        row = read_item(record, _ITEM)
        assert isinstance(row, ImportRow)
        return repeated.check(row, column="Code")

    assert check(2, "lamp") is False
    assert check(3, "lamp") is True
    fault = check(4, "chair")
    assert isinstance(fault, BrokenRecord)
    assert (fault.line_number, fault.column, fault.value) == (4, "Code", "A")


def test_columns_come_from_the_option_and_else_from_their_own_names() -> None:
    mapped = parse_map_option("sku=StockCode, display_name=Description")
    columns = resolve_columns(
        mapped,
        header=("StockCode", "Description", "scale"),
        fields=("sku", "display_name", "base_unit", "scale"),
        required=("sku",),
    )
    assert columns == {"sku": "StockCode", "display_name": "Description", "scale": "scale"}


def test_columns_that_do_not_do_are_refused(tmp_path: Path) -> None:
    for option in ("sku", "sku=", "=A", "sku=A,sku=B"):
        with pytest.raises(MappingError):
            parse_map_option(option)
    with pytest.raises(MappingError, match="colour"):
        resolve_columns({"colour": "A"}, header=("sku", "A"), fields=("sku",), required=("sku",))
    with pytest.raises(UnreadableFileError, match="Code"):
        resolve_columns({"sku": "Code"}, header=("sku",), fields=("sku",), required=("sku",))
    with pytest.raises(UnreadableFileError, match="Text"):
        resolve_columns({"name": "Text"}, header=("sku",), fields=("sku", "name"), required=("sku",))
    with pytest.raises(UnreadableFileError, match="sku"):
        resolve_columns({}, header=("name",), fields=("sku",), required=("sku",))
    path = tmp_path / "mapping.toml"
    path.write_text('[columns]\nsku = "Code"\n')
    assert load_columns(path) == {"sku": "Code"}
    for content in ("sku = 1", "[columns]\nsku = 1", "[columns]\n[other]", "["):
        path.write_text(content)
        with pytest.raises(MappingError):
            load_columns(path)
