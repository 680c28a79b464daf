"""A file is counted row by row, and every row gets a result."""

import json
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1 import stock_pb2, supply_pb2
from typer.testing import CliRunner, Result

from holdfast_client import command
from unit.client.scripted import ScriptedAuthority, status_of


def holdfast(authority: ScriptedAuthority, *arguments: str) -> Result:
    return CliRunner().invoke(command.build(), arguments, env={"HOLDFAST_TARGET": authority.target})


def counted(delta: int, *, replayed: bool = False) -> supply_pb2.CountStockResponse:
    return supply_pb2.CountStockResponse(booked_deltas=[delta], replayed=replayed)


def answered(authority: ScriptedAuthority, *results: Any) -> None:
    """Answers a stream of counts; the ids are those of the requests, which the command makes."""
    for result in results:
        authority.will_answer("StreamCounts", Echoed(result))


class Echoed:
    """The answer to whatever count comes, under its id."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def to(self, request: Any) -> supply_pb2.StreamCountsResponse:
        answer = supply_pb2.StreamCountsResponse(request_id=request.count.request_id)
        field = answer.counted if isinstance(self.result, supply_pb2.CountStockResponse) else answer.refusal
        field.CopyFrom(self.result)
        return answer


SNAPSHOT = """StockCode,Units,Status,Expected
85123A,97,,
84029G,20,damaged,21
NO-SUCH,5,,
BAD,many,,
NEW-1,4,,
"""


def snapshot(tmp_path: Path) -> list[str]:
    file = tmp_path / "snapshot.csv"
    file.write_text(SNAPSHOT)
    mapped = "sku=StockCode,counted_quantity=Units,status=Status,expected_quantity=Expected"
    return ["count", "--file", str(file), "--map", mapped, "--location", "LONDON"]


def answer_snapshot(authority: ScriptedAuthority) -> None:
    answered(
        authority,
        counted(-3),
        counted(2, replayed=True),
        status_of(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SKU", "no item NO-SUCH"),
        supply_pb2.CountStockResponse(parked_id="main-parked-5"),
    )


def test_a_file_is_counted_row_by_row_with_a_result_for_each(authority: ScriptedAuthority, tmp_path: Path) -> None:
    answer_snapshot(authority)
    result = holdfast(authority, *snapshot(tmp_path), "--reference", "night", "--park")
    assert result.exit_code == 3
    lines = [call.request.count.lines[0] for call in authority.heard("StreamCounts")]
    assert [(line.sku, line.location, line.counted_quantity) for line in lines] == [
        ("85123A", "LONDON", 97),
        ("84029G", "LONDON", 20),
        ("NO-SUCH", "LONDON", 5),
        ("NEW-1", "LONDON", 4),
    ]
    assert (lines[1].status, lines[1].expected_quantity) == (stock_pb2.STOCK_STATUS_DAMAGED, 21)
    assert not lines[0].HasField("expected_quantity")
    first = authority.heard("StreamCounts")[0].request.count
    assert (first.reference, first.park_unknown) == ("night", True)
    for words in (
        r"85123A .* 97 .* -3 .* booked",
        r"84029G .* damaged .* 20 .* \+2 .* booked before",
        r"NO-SUCH .* UNKNOWN_SKU: no item NO-SUCH",
        r"5 │ +│ +│ +│ +│ +│ Units: must be a whole number",
        r"NEW-1 .* waits for its item as main-parked-5",
    ):
        assert re.search(words, result.stdout), words
    assert (
        "5 rows: 1 booked (1 differed: 0 units more, 3 fewer), 1 booked before, 1 wait for their items, "
        "0 passed over as duplicates, 2 refused." in result.stdout
    )
    assert "COUNTED_SINCE" not in result.stdout


def test_a_counted_file_is_machine_readable_row_by_row(authority: ScriptedAuthority, tmp_path: Path) -> None:
    answer_snapshot(authority)
    result = holdfast(authority, *snapshot(tmp_path), "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted((row["line_number"], row["booked"], row["booked_delta"]) for row in rows) == [
        (2, True, -3),
        (3, True, 2),
        (4, False, None),
        (5, False, None),
        (6, True, None),
    ]
    assert result.exit_code == 3


def test_a_file_with_a_moment_is_the_same_count_again_and_one_without_is_not(
    authority: ScriptedAuthority, tmp_path: Path
) -> None:
    def ids(*options: str) -> list[str]:
        before = len(authority.heard("StreamCounts"))
        answer_snapshot(authority)
        holdfast(authority, *snapshot(tmp_path), *options)
        return [call.request.count.request_id for call in authority.heard("StreamCounts")[before:]]

    moment = ("--as-of", "2026-03-01T18:00:00Z")
    first, again, other, bare, bare_again = ids(*moment), ids(*moment), ids("--as-of", "main/7"), ids(), ids()
    assert first == again
    assert len({*first, *other, *bare, *bare_again}) == 16


def count_rows(
    authority: ScriptedAuthority, tmp_path: Path, *rows: str, answers: int, options: tuple[str, ...]
) -> Result:
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["sku,location,counted_quantity", *rows, ""]))
    answered(authority, *[counted(0)] * answers)
    return holdfast(authority, "count", "--file", str(file), *options)


def ids_by_sku(authority: ScriptedAuthority) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for call in authority.heard("StreamCounts"):
        found.setdefault(call.request.count.lines[0].sku, []).append(call.request.count.request_id)
    return found


def test_in_a_corrected_file_the_rows_that_stayed_are_the_same_counts(
    authority: ScriptedAuthority, tmp_path: Path
) -> None:
    options = ("--as-of", "2026-03-01T18:00:00Z")
    wrong = count_rows(authority, tmp_path, "TEA-1,SHOP,90", "TEA-2,SHOP,4O", answers=1, options=options)
    # The same moment in another zone, another line, and one more row above.
    options = ("--as-of", "2026-03-01T19:00:00+01:00")
    rows = ("TEA-0,SHOP,7", "TEA-2,SHOP,40", "TEA-1,SHOP,90")
    right = count_rows(authority, tmp_path, *rows, answers=3, options=options)
    assert (wrong.exit_code, right.exit_code) == (3, 0)
    ids = ids_by_sku(authority)
    assert len(ids["TEA-1"]) == 2
    assert len({*ids["TEA-1"]}) == 1
    assert len({*ids["TEA-0"], *ids["TEA-1"], *ids["TEA-2"]}) == 3


@pytest.mark.parametrize(
    "options",
    [
        ("--as-of", "main/8"),
        ("--as-of", "main/7", "--reason", "night"),
        ("--as-of", "main/7", "--reference", "list-14"),
        ("--as-of", "main/7", "--status", "damaged"),
        ("--as-of", "main/7", "--park"),
    ],
    ids=" ".join,
)
def test_whoever_says_something_else_counts_something_else(
    authority: ScriptedAuthority, tmp_path: Path, options: tuple[str, ...]
) -> None:
    count_rows(authority, tmp_path, "TEA-1,SHOP,90", answers=1, options=("--as-of", "main/7"))
    count_rows(authority, tmp_path, "TEA-1,SHOP,90", answers=1, options=options)
    assert len({*ids_by_sku(authority)["TEA-1"]}) == 2


@pytest.mark.parametrize("options", [("--as-of", "main/7"), ()])
def test_a_row_that_stands_in_the_file_twice_is_told_and_counted_once(
    authority: ScriptedAuthority, tmp_path: Path, options: tuple[str, ...]
) -> None:
    rows = ("TEA-1,SHOP,90", "TEA-1,OTHER,90", "TEA-1,SHOP,90")
    result = count_rows(authority, tmp_path, *rows, answers=2, options=options)
    assert result.exit_code == 0
    assert len(authority.heard("StreamCounts")) == 2
    assert re.search(r"4 │ TEA-1 .* a duplicate of row 2, passed over", result.stdout)
    assert (
        "3 rows: 2 booked, 0 booked before, 0 wait for their items, 1 passed over as duplicates, 0 refused."
        in result.stdout
    )


def test_two_rows_that_count_the_same_units_otherwise_cannot_both_be_right(
    authority: ScriptedAuthority, tmp_path: Path
) -> None:
    result = count_rows(authority, tmp_path, "TEA-1,SHOP,90", "TEA-1,SHOP,91", answers=1, options=())
    assert result.exit_code == 3
    assert len(authority.heard("StreamCounts")) == 1
    assert re.search(r"3 │ TEA-1 .* 91 .* row 2 counts the same units otherwise", result.stdout)


def test_a_dry_run_of_a_file_names_what_would_be_refused_and_asks_nothing(
    authority: ScriptedAuthority, tmp_path: Path
) -> None:
    rows = ("TEA-1,SHOP,90", "TEA-2,SHOP,4O", "TEA-1,SHOP,90", "TEA-3,SHOP,0.5")
    result = count_rows(authority, tmp_path, *rows, answers=0, options=("--dry-run",))
    assert result.exit_code == 3
    assert authority.all_heard() == []
    for words in (
        r"3 │ .* must be a whole number \('4O'\)",
        r"4 │ .* a duplicate of row 2",
        r"12\.5 at scale 3 is 12500",
    ):
        assert re.search(words, result.stdout), words
    assert "4 rows: 1 would be counted, as far as their form tells, 1 passed over" in result.stdout
    as_json = count_rows(authority, tmp_path, *rows, answers=0, options=("--dry-run", "--json"))
    assert sorted(json.loads(line)["line_number"] for line in as_json.stdout.splitlines()) == [3, 4, 5]
    assert count_rows(authority, tmp_path, "TEA-1,SHOP,x", answers=0, options=("--dry-run",)).exit_code == 1


COUNTED_SINCE = status_of(
    grpc.StatusCode.ABORTED,
    "COUNTED_SINCE",
    "counted again",
    metadata={"sku": "TEA-1", "location": "SHOP", "as_of": "7", "counted": "9"},
)


def test_units_that_were_counted_again_since_are_told_in_words_that_help(
    authority: ScriptedAuthority, tmp_path: Path
) -> None:
    answered(authority, COUNTED_SINCE)
    rows = ("TEA-1,SHOP,90", "TEA-2,SHOP,40")
    result = count_rows(authority, tmp_path, *rows, answers=1, options=("--as-of", "main/7"))
    assert result.exit_code == 3
    assert "2 rows: 1 booked, 0 booked before" in result.stdout
    assert "1 of the refused were counted again since this count (COUNTED_SINCE)" in result.stdout
    assert "count anew with a new --as-of" in result.stdout


def test_a_count_at_the_shelf_that_is_too_old_says_what_to_do(authority: ScriptedAuthority) -> None:
    authority.will_answer("CountStock", COUNTED_SINCE, COUNTED_SINCE)
    arguments = ("count", "TEA-1@SHOP=90", "--as-of", "main/7")
    result = holdfast(authority, *arguments)
    assert result.exit_code == 1
    assert "COUNTED_SINCE" in result.stderr
    assert "count anew with a new --as-of" in result.stderr
    as_json = holdfast(authority, *arguments, "--json")
    assert json.loads(as_json.stderr)["error"]["reason"] == "COUNTED_SINCE"


def test_a_stream_that_breaks_tells_what_was_booked(authority: ScriptedAuthority, tmp_path: Path) -> None:
    answered(authority, counted(-3))
    authority.will_answer("StreamCounts", *[status_of(grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")] * 4)
    result = holdfast(authority, *snapshot(tmp_path))
    assert result.exit_code == 1
    assert re.search(r"85123A .* 97 .* -3 .* booked", result.stdout)
    assert "LEDGER_UNAVAILABLE" in result.stderr


@pytest.mark.parametrize(
    ("content", "complaint"), [("", "no readable header"), ("sku,units\n", "no column 'location'")]
)
def test_a_file_that_cannot_be_counted_ends_with_1_and_says_why(
    authority: ScriptedAuthority, tmp_path: Path, content: str, complaint: str
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(content)
    result = holdfast(authority, "count", "--file", str(file))
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert authority.all_heard() == []
