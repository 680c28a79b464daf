"""The proof of the ledger names what was altered in it, row by row."""

from __future__ import annotations

import pytest

from holdfast_server.ledger.verify import Progress, Verdict, verify_ledger
from integration.ledger.entries import KIND, STATE, Ledger, line, movement, operation, receipt, request, reservation


@pytest.fixture
def written(ledger: Ledger) -> Ledger:
    """A ledger of three operations: ten units come in, four are reserved, and another SKU comes in."""
    take = movement(KIND["RESERVE"], "sku-1", (0, 0, 0, 4, 0), 2, (10, 0, 0, 4, 0), line=1)
    image = reservation("r-1", version=1, state=STATE["HELD"], lines=[line("sku-1", 4)], position=2)
    ledger.write(
        [operation(1, KIND["RECEIVE"], [receipt("sku-1", 10)], request=request("in-1", reason="delivery"))],
        [operation(2, KIND["RESERVE"], [take], request=request("order-1"), reservation=image)],
        [operation(3, KIND["RECEIVE"], [receipt("sku-2", 1)])],
    )
    assert ledger.verdict() == Verdict()
    return ledger


def rows_found(ledger: Ledger) -> set[str]:
    return {finding.row for finding in ledger.verdict().findings}


@pytest.mark.parametrize("column", ["reason", "caller", "request_id", "on_behalf_of", "order_id", "trace_parent"])
def test_an_operation_of_which_any_text_was_altered_is_named(written: Ledger, column: str) -> None:
    written.query(f"UPDATE operation SET {column} = 'somebody else' WHERE position = 1")
    assert rows_found(written) == {"operation paper/1"}
    assert not written.verdict().chain_verified


def test_an_operation_of_which_the_time_or_the_kind_was_altered_is_named(written: Ledger) -> None:
    written.query("UPDATE operation SET decide_us = decide_us + 1 WHERE position = 1")
    written.query("UPDATE operation SET kind = 6 WHERE position = 3")
    assert rows_found(written) == {"operation paper/1", "operation paper/3"}


def test_a_movement_that_was_altered_is_named_by_its_line(written: Ledger) -> None:
    written.query("UPDATE movement SET held_delta = 3 WHERE position = 2")
    found = written.verdict()
    assert not found.chain_verified
    assert "movement paper/2/0" in {finding.row for finding in found.findings}
    assert not found.levels_equal_movements


def test_a_movement_that_was_taken_away_is_named(written: Ledger) -> None:
    written.query("DELETE FROM movement WHERE position = 3")
    assert rows_found(written) == {"operation paper/3", "stock level sku-2 at store-1"}


def test_a_movement_that_was_put_in_is_named(written: Ledger) -> None:
    written.query(
        "INSERT INTO movement SELECT segment, position + 7, line_number, kind, reservation_line, 'sku-9', location, "
        "sellable_delta, quality_hold_delta, damaged_delta, held_delta, committed_delta, version, sellable, "
        "quality_hold, damaged, held, committed FROM movement WHERE position = 1"
    )
    found = written.verdict()
    assert not found.chain_verified
    assert {finding.row for finding in found.findings} == {"movement paper/8", "stock level sku-9 at store-1"}


def test_an_operation_that_was_taken_away_is_named(written: Ledger) -> None:
    written.query("DELETE FROM operation WHERE position = 2")
    found = rows_found(written)
    assert "operation paper/2" in found
    assert "movement paper/2" in found


def test_the_last_operation_taken_away_is_noticed_at_the_end(written: Ledger) -> None:
    written.query("DELETE FROM movement WHERE position = 3")
    written.query("DELETE FROM operation WHERE position = 3")
    written.query("DELETE FROM stock_level WHERE sku = 'sku-2'")
    assert rows_found(written) == {"segment paper"}


def test_an_operation_that_was_put_in_is_named(written: Ledger) -> None:
    written.query(
        "INSERT INTO operation SELECT segment, 4, kind, decide_us, request_id, reservation_id, order_id, channel, "
        "reason, reference, caller, on_behalf_of, trace_parent, audit_hash FROM operation WHERE position = 3"
    )
    assert "operation paper/4" in rows_found(written)
    assert not written.verdict().chain_verified


def test_a_level_that_was_altered_is_named_with_what_it_should_be(written: Ledger) -> None:
    written.query("UPDATE stock_level SET sellable = 99 WHERE sku = 'sku-2'")
    (finding,) = written.verdict().findings
    assert finding.row == "stock level sku-2 at store-1"
    assert finding.description == "sellable is 99, its movements give 1"
    assert written.verdict().chain_verified


def test_units_that_leaked_are_counted(written: Ledger) -> None:
    written.query("UPDATE reservation SET state = 4")
    written.query("UPDATE reservation_line SET open = 0, released = 4")
    found = written.verdict()
    assert (found.reserved_equals_open_lines, found.leaked, found.oversold) == (False, 4, 0)


def test_a_reservation_that_ended_with_open_units_is_named(written: Ledger) -> None:
    written.query("UPDATE reservation SET state = 5")
    assert "reservation r-1 line 1" in rows_found(written)


def test_units_that_were_oversold_are_counted(written: Ledger) -> None:
    written.query("ALTER TABLE movement DROP CONSTRAINT movement_never_oversells")
    written.query("UPDATE movement SET sellable = 1 WHERE position = 2")
    assert written.verdict().oversold == 3


def test_a_check_that_nobody_wants_any_more_ends(written: Ledger) -> None:
    assert verify_ledger(written.settings, Progress(abandoned=True)) is None
