"""Another system's books are compared, and where each difference comes from is told in words."""

import json
from pathlib import Path

import pytest
from google.protobuf import timestamp_pb2
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import revision_pb2, stock_pb2
from typer.testing import CliRunner, Result

from holdfast_client import command
from unit.client.scripted import ScriptedAuthority

SELLABLE = stock_pb2.STOCK_STATUS_SELLABLE
FULFILLED = stock_pb2.Movement(
    revision=revision_pb2.Revision(segment="main", position=1204),
    decide_time=timestamp_pb2.Timestamp(seconds=1_772_366_400),
    kind=stock_pb2.MOVEMENT_KIND_FULFILL,
    sellable_delta=-4,
    committed_delta=-4,
    order_id="536365",
    caller="wms",
    reason="packed",
    reference="parcel 9",
)


def holdfast(authority: ScriptedAuthority, *arguments: str) -> Result:
    return CliRunner().invoke(command.build(), arguments, env={"HOLDFAST_TARGET": authority.target, "COLUMNS": "400"})


def found(ours: int, theirs: int, cause: int, *, sku: str = "85123A", told: bool = True) -> reconciliation.Divergence:
    return reconciliation.Divergence(
        sku=sku,
        location="LONDON",
        status=SELLABLE,
        our_quantity=ours,
        their_quantity=theirs,
        divergence_quantity=ours - theirs,
        cause=cause,  # type: ignore[arg-type]
        movement=FULFILLED if told else None,
    )


EQUAL = found(20, 20, reconciliation.DIVERGENCE_CAUSE_UNSPECIFIED, sku="84029G", told=False)


def will_find(authority: ScriptedAuthority, *divergences: reconciliation.Divergence) -> None:
    authority.will_answer("CompareStock", reconciliation.CompareStockResponse(divergences=divergences))


def compared(authority: ScriptedAuthority) -> list[tuple[str, str, int, int]]:
    return [
        (line.sku, line.location, line.status, line.their_quantity)
        for call in authority.heard("CompareStock")
        for line in call.request.lines
    ]


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (reconciliation.DIVERGENCE_CAUSE_LATE, "late since main/1204"),
        (reconciliation.DIVERGENCE_CAUSE_CHANGE_MISSED, "lack main/1204"),
        (reconciliation.DIVERGENCE_CAUSE_CHANGE_DOUBLED, "doubled main/1204"),
    ],
)
def test_a_difference_is_told_with_the_change_it_comes_from(
    authority: ScriptedAuthority, cause: int, words: str
) -> None:
    will_find(authority, found(93, 97, cause), EQUAL)
    result = holdfast(authority, "compare", "85123A@LONDON=97", "84029G@LONDON=20")
    assert result.exit_code == 1
    assert compared(authority) == [("85123A", "LONDON", SELLABLE, 97), ("84029G", "LONDON", SELLABLE, 20)]
    change = "FULFILL sellable -4, committed -4, order 536365, by wms, packed, [parcel 9]"
    assert f"{words}, 2026-03-01T12:00:00Z, {change}" in result.stdout
    assert " -4 " in result.stdout
    assert "84029G" not in result.stdout
    assert "2 levels compared: 1 equal, 1" in result.stdout


def test_what_no_change_explains_is_said_to_be_so(authority: ScriptedAuthority) -> None:
    will_find(authority, found(93, 1, reconciliation.DIVERGENCE_CAUSE_UNEXPLAINED, told=False))
    result = holdfast(authority, "compare", "85123A@LONDON=1", "--status", "damaged")
    assert "no one change explains it" in result.stdout
    assert compared(authority) == [("85123A", "LONDON", stock_pb2.STOCK_STATUS_DAMAGED, 1)]
    assert result.exit_code == 1


def test_equal_books_end_with_0_and_are_shown_if_asked_for(authority: ScriptedAuthority) -> None:
    will_find(authority, EQUAL)
    will_find(authority, EQUAL)
    quiet = holdfast(authority, "compare", "84029G@LONDON=20")
    assert (quiet.exit_code, "84029G" in quiet.stdout) == (0, False)
    assert "1 levels compared: 1 equal; 0 rows cannot be read." in quiet.stdout
    assert "84029G" in holdfast(authority, "compare", "84029G@LONDON=20", "--all").stdout


def test_a_file_is_compared_in_pages_and_its_broken_rows_are_told(authority: ScriptedAuthority, tmp_path: Path) -> None:
    file = tmp_path / "erp.csv"
    rows = [f"SKU-{number},LONDON,{number}" for number in range(1500)]
    file.write_text("\n".join(["StockCode,location,OnHand", *rows, "BAD,LONDON,many", "SKU-7,LONDON,7", ""]))
    will_find(authority, *[EQUAL] * 1000)
    will_find(authority, *[EQUAL] * 500)
    result = holdfast(authority, "compare", "--file", str(file), "--map", "sku=StockCode,counted_quantity=OnHand")
    assert [len(call.request.lines) for call in authority.heard("CompareStock")] == [1000, 500]
    assert compared(authority)[1499] == ("SKU-1499", "LONDON", SELLABLE, 1499)
    assert "OnHand: must be a whole number" in result.stdout
    assert "a duplicate of row 9" in result.stdout
    assert "1500 levels compared: 1500 equal; 1 rows cannot be read." in result.stdout
    assert result.exit_code == 1


def test_differences_are_machine_readable(authority: ScriptedAuthority) -> None:
    will_find(authority, found(93, 97, reconciliation.DIVERGENCE_CAUSE_LATE), EQUAL)
    result = holdfast(authority, "compare", "85123A@LONDON=97", "84029G@LONDON=20", "--json")
    (line,) = result.stdout.splitlines()
    said = json.loads(line)
    assert (said["divergence_quantity"], said["cause"]) == ("-4", "DIVERGENCE_CAUSE_LATE")
    assert said["movement"]["order_id"] == "536365"


@pytest.mark.parametrize("arguments", [(), ("85123A@LONDON=7/8",), ("85123A=7",), ("A@B=1", "--file", "erp.csv")])
def test_what_cannot_be_understood_ends_with_2(authority: ScriptedAuthority, arguments: tuple[str, ...]) -> None:
    assert holdfast(authority, "compare", *arguments).exit_code == 2
    assert authority.all_heard() == []
