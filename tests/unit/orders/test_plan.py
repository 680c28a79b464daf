"""A file of order lines becomes orders, cancellations and adjustments, in the order of their time."""

from __future__ import annotations

import gzip
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest

from holdfast_client.csv_import.reading import UnreadableFileError
from holdfast_client.orders import plan as plan_module
from holdfast_client.orders.mapping import MappingError, OrderMapping, load_mapping, mapping_from
from holdfast_client.orders.names import RunNames, run_id_from
from holdfast_client.orders.opening import opening_stock
from holdfast_client.orders.plan import (
    Adjustment,
    Cancellation,
    Event,
    Order,
    Plan,
    TooManyRowsError,
)
from holdfast_client.orders.reading import RowKind
from holdfast_client.orders.replay import plan_file

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
_NAMES = RunNames(run_id="R1", location_count=2)


def plan_of(
    folder: Path,
    *rows: str,
    mapping: OrderMapping | None = None,
    names: RunNames = _NAMES,
    limit: int | None = None,
) -> Plan:
    """The plan of a file of these rows."""
    path = folder / "orders.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return plan_file(path, mapping=mapping or load_mapping(), names=names, limit=limit)


def _lines(event: Event) -> list[tuple[str, int]]:
    return [(line.sku, line.quantity) for line in event.lines]


def test_lines_of_one_number_are_one_order_and_the_same_sku_is_not_summed(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "500,A1,Lamp,6,01/12/2010 08:26,2.5,C7,United Kingdom",
        "500,B2,Chair,1,01/12/2010 08:26,9.0,C7,United Kingdom",
        "500,A1,Lamp,2,01/12/2010 08:27,2.5,C7,United Kingdom",
    )
    (order,) = plan.events
    assert isinstance(order, Order)
    assert (order.order_id, order.customer, order.channel) == ("R1-500", "C7", "REPLAY-2:UNITED-KINGDOM")
    assert order.time == datetime(2010, 12, 1, 8, 26)
    assert _lines(order) == [("R1-A1", 6), ("R1-B2", 1), ("R1-A1", 2)]
    assert plan.demand == {"R1-A1": 8, "R1-B2": 1}
    assert plan.display_names == {"R1-A1": "Lamp", "R1-B2": "Chair"}


def test_events_come_in_the_order_of_their_time_and_then_of_the_file(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "502,A1,Lamp,1,02/12/2010 09:00,1,C1,France",
        "C9,A1,Lamp,-1,02/12/2010 08:00,1,C1,France",
        "501,A1,Lamp,1,01/12/2010 23:59,1,C1,France",
        "500,A1,Lamp,1,02/12/2010 09:00,1,C1,France",
    )
    assert [event.order_id for event in plan.events] == ["R1-501", "R1-C9", "R1-502", "R1-500"]
    assert [event.sequence for event in plan.events] == [0, 1, 2, 3]


def test_the_kinds_of_line_are_told_apart(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "500,A1,Lamp,1,01/12/2010 08:00,1,C1,France",
        "C501,A1,Lamp,-1,01/12/2010 08:01,1,C1,France",
        "502,A1,damages,-3,01/12/2010 08:02,0,,France",
        "503,A1,,4,01/12/2010 08:03,0,,France",
        "504,POST,Postage,1,01/12/2010 08:04,9,C1,France",
        "C505,m,Manual,-1,01/12/2010 08:05,9,C1,France",
        "506,gift_0001_20,Voucher,1,01/12/2010 08:06,9,,France",
        "507,BANK CHARGES,Bank Charges,1,01/12/2010 08:07,9,,France",
    )
    order, cancellation, write_off, found = plan.events
    assert isinstance(order, Order)
    assert isinstance(cancellation, Cancellation)
    assert _lines(cancellation) == [("R1-A1", 1)]
    assert isinstance(write_off, Adjustment)
    assert (_lines(write_off), write_off.reason) == ([("R1-A1", -3)], "write-off: damages")
    assert isinstance(found, Adjustment)
    assert (_lines(found), found.reason) == ([("R1-A1", 4)], "stock found")
    assert plan.counts.skipped_no_stock == 4
    assert plan.counts.lines_by_kind == {
        RowKind.SALE: 1,
        RowKind.CANCELLATION: 1,
        RowKind.WRITE_OFF: 1,
        RowKind.STOCK_FOUND: 1,
    }
    assert plan.demand == {"R1-A1": 1}


def test_the_case_of_skus_is_kept_where_the_mapping_says_so(tmp_path: Path) -> None:
    row = "500,a1,Lamp,1,01/12/2010 08:00,1,C1,France"
    assert set(plan_of(tmp_path, row).demand) == {"R1-A1"}
    kept = mapping_from(
        {
            "columns": {"order": "InvoiceNo", "sku": "StockCode", "quantity": "Quantity", "time": "InvoiceDate"},
            "format": {"time": "%d/%m/%Y %H:%M"},
        }
    )
    plan = plan_of(tmp_path, row, mapping=kept)
    assert set(plan.demand) == {"R1-a1"}
    assert set(plan.channels) == {"REPLAY-2:UNSPECIFIED"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("500,,Lamp,1,01/12/2010 08:00,1,C1,France", "StockCode"),
        ("500,A 1,Lamp,1,01/12/2010 08:00,1,C1,France", "StockCode"),
        ("500," + "A" * 62 + ",Lamp,1,01/12/2010 08:00,1,C1,France", "StockCode"),
        ("500,A1,Lamp,0,01/12/2010 08:00,1,C1,France", "Quantity"),
        ("500,A1,Lamp,1.5,01/12/2010 08:00,1,C1,France", "Quantity"),
        ("500,A1,Lamp,99999999999999999999,01/12/2010 08:00,1,C1,France", "Quantity"),
        ("500,A1,Lamp,9999999999999999999,01/12/2010 08:00,1,C1,France", "Quantity"),
        ("C500,A1,Lamp,1,01/12/2010 08:00,1,C1,France", "Quantity"),
        ("500,A1,Lamp,1,2010-12-01,1,C1,France", "InvoiceDate"),
        (",A1,Lamp,1,01/12/2010 08:00,1,C1,France", "InvoiceNo"),
        ("500,A1,Lamp", ""),
    ],
)
def test_a_broken_line_is_named_and_the_others_are_planned(tmp_path: Path, row: str, column: str) -> None:
    good = "501,A1,Lamp,1,01/12/2010 08:00,1,C1,France"
    plan = plan_of(tmp_path, good, row, good)
    assert [(one.line_number, one.column) for one in plan.rejections] == [(3, column)]
    assert (plan.counts.rows_read, plan.counts.rows_rejected) == (3, 1)
    assert plan.demand == {"R1-A1": 2}


def test_a_missing_sku_and_a_quantity_of_nothing_are_called_so(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "500,,Lamp,1,01/12/2010 08:00,1,C1,France",
        "500,A1,Lamp,0,01/12/2010 08:00,1,C1,France",
    )
    assert [one.reason for one in plan.rejections] == ["the SKU is missing", "the quantity is 0"]


def test_a_packed_file_with_a_byte_order_mark_makes_the_same_plan(tmp_path: Path) -> None:
    row = "500,A1,Lamp,1,01/12/2010 08:00,1,C1,France"
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + (HEADER + row).encode()))
    packed = plan_file(path, mapping=load_mapping(), names=_NAMES, limit=None)
    assert packed == plan_of(tmp_path, row)


def test_a_limit_cuts_the_file_and_too_long_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{number},A1,Lamp,1,01/12/2010 08:00,1,C1,France" for number in range(500, 505)]
    assert plan_of(tmp_path, *rows, limit=2).demand == {"R1-A1": 2}
    monkeypatch.setattr(plan_module, "MAX_ROWS", 4)
    with pytest.raises(TooManyRowsError):
        plan_of(tmp_path, *rows)
    assert plan_of(tmp_path, *rows[:4]).demand == {"R1-A1": 4}


def test_a_file_without_the_columns_of_the_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("sku,quantity\nA,1\n")
    with pytest.raises(UnreadableFileError, match="'InvoiceNo'"):
        plan_file(path, mapping=load_mapping(), names=_NAMES, limit=None)


@pytest.mark.parametrize(
    "change",
    [
        {"format": {}},
        {"format": {"time": "%H", "sku_case": "lower"}},
        {"columns": {"sku": "A"}},
        {"columns": "A"},
        {"rows": {"no_stock": {"codes": "POST"}}},
        {"rows": {"no_stock": {"patterns": ["("]}}},
        {"rows": {"returns": {}}},
        {"colour": "red"},
    ],
)
def test_a_mapping_with_a_wrong_key_is_refused(change: dict[str, object]) -> None:
    declared: dict[str, object] = {
        "columns": {"order": "A", "sku": "B", "quantity": "C", "time": "D"},
        "format": {"time": "%H"},
    }
    mapping_from(declared)
    with pytest.raises(MappingError):
        mapping_from({**declared, **change})


def test_a_mapping_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError):
        load_mapping(tmp_path / "nowhere.toml")
    (tmp_path / "mapping.toml").write_text("[")
    with pytest.raises(MappingError):
        load_mapping(tmp_path / "mapping.toml")


def test_names_fit_the_service_and_carry_the_run() -> None:
    assert _NAMES.locations == ("REPLAY-2:L1", "REPLAY-2:L2")
    assert _NAMES.channel("Côte d'Ivoire") == "REPLAY-2:COTE-D-IVOIRE"
    assert _NAMES.channel("???") == "REPLAY-2:UNNAMED"
    assert len(_NAMES.channel("x" * 300)) == 64
    assert run_id_from(datetime(2026, 3, 1, 12, 5, 9, 7_000)) == "R20260301-120509-007"
    for run_id, locations in (("", 1), ("-", 1), ("x" * 25, 1), ("R", 0), ("R", 65)):
        with pytest.raises(ValueError):
            RunNames(run_id=run_id, location_count=locations)


def test_the_opening_stock_is_the_share_of_the_demand_cut_between_the_locations() -> None:
    demand = {"A": 100, "B": 1, "C": 3, "D": 0}
    lines = opening_stock(demand, share=Fraction("0.8"), locations=("L1", "L2", "L3"), seed=7)
    totals = {sku: sum(line.quantity for line in lines if line.sku == sku) for sku in demand}
    assert totals == {"A": 80, "B": 1, "C": 2, "D": 0}
    assert all(line.quantity > 0 for line in lines)
    assert len({(line.sku, line.location) for line in lines}) == len(lines)
    assert lines == opening_stock(demand, share=Fraction("0.8"), locations=("L1", "L2", "L3"), seed=7)
    assert lines != opening_stock(demand, share=Fraction("0.8"), locations=("L1", "L2", "L3"), seed=8)
