"""The last line of defence: what the database itself refuses, each by the name of its constraint."""

from __future__ import annotations

import psycopg
import pytest

from holdfast_server.ledger.errors import Disagreement
from integration.ledger.entries import KIND, STATE, Ledger, line, movement, operation, receipt, reservation

LINE = "INSERT INTO reservation_line VALUES ('r-1', 1, 'sku-1', 'store-1', {})"
WIDE_LINE = "INSERT INTO reservation_line VALUES ('r-1', 1, 'sku-1', 'store-1', {}, '', 2, 0, {}, 0)"
LEVEL = "INSERT INTO stock_level VALUES ('paper', 'sku-1', 'store-1', 1, {})"
MOVEMENT = "INSERT INTO movement VALUES ('paper', {}, 1, 'sku-1', 'store-1', 0, 0, 0, 1, 0, {})"
DOCUMENT = (
    "INSERT INTO document VALUES ('paper', {}, 'd-1', 1, {}, '', '', '', '', '', 0, 0, 0, 1, 1, 0, 0, 0, '', '[]', '')"
)
RULE = "INSERT INTO rule VALUES ('paper', {}, 'sku-1', '', 'web', '', {}, 1, '{{}}')"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (MOVEMENT.format("1, 0, 1", "1, 5, 0, 0, 3, 3"), "movement_never_oversells"),
        (MOVEMENT.format("1, 0, 17", "1, 5, 0, 0, 3, 3"), "movement_never_oversells"),
        (MOVEMENT.format("1, 0, 8", "1, 5, 0, 0, 3, 3"), "movement_never_oversells"),
        (MOVEMENT.format("1, 0, 1", "1, 5, 0, 0, 3, 1, 0, 0, 2, 0"), "movement_never_oversells"),
        (LEVEL.format("-1, 0, 0, 0, 0"), "stock_level_on_hand_not_negative"),
        (LEVEL.format("0, -1, 0, 0, 0"), "stock_level_on_hand_not_negative"),
        (LEVEL.format("0, 0, -1, 0, 0"), "stock_level_on_hand_not_negative"),
        (LEVEL.format("5, 0, 0, -1, 0"), "stock_level_reserved_not_negative"),
        (LEVEL.format("5, 0, 0, 0, -1"), "stock_level_reserved_not_negative"),
        (LEVEL.format("5, 0, 0, 0, 0, -1, 0"), "stock_level_backordered_not_negative"),
        (LEVEL.format("5, 0, 0, 0, 0, 0, -1"), "stock_level_in_transit_not_negative"),
        (LINE.format("3, 2, 2, 0, 0"), "reservation_line_resolved_once"),
        (LINE.format("3, 2, 0, 0, 0"), "reservation_line_resolved_once"),
        (LINE.format("3, -1, 4, 0, 0"), "reservation_line_backordered_is_open"),
        (LINE.format("3, 4, 0, -1, 0"), "reservation_line_resolved_once"),
        (WIDE_LINE.format("3, 2, 0, 0, 0", "0, 0, 0"), "reservation_line_resolved_once"),
        (WIDE_LINE.format("3, 4, 0, 0, 0", "-1, 0, 0"), "reservation_line_resolved_once"),
        (WIDE_LINE.format("3, 3, 0, 0, 0", "0, 0, 4"), "reservation_line_backordered_is_open"),
        (WIDE_LINE.format("3, 3, 0, 0, 0", "0, 0, -1"), "reservation_line_backordered_is_open"),
        (WIDE_LINE.format("3, 1, 0, 0, 2", "0, 3, 0"), "reservation_line_returned_was_fulfilled"),
        ("UPDATE segment SET state = 5", "segment_state_known"),
        ("UPDATE segment SET resume_mode = 3", "segment_resume_mode_known"),
        ("UPDATE segment SET position = -1", "segment_never_negative"),
        ("INSERT INTO journal_entry VALUES ('paper', 4, 5, 1, '')", "journal_entry_in_order"),
        ("INSERT INTO item VALUES ('paper', 'sku-1', '', 'piece', 7)", "item_scale_known"),
        ("INSERT INTO channel VALUES ('paper', 'web', '', 'nowhere')", "channel_pool_known"),
        (
            "INSERT INTO reservation VALUES ('paper', 'r-1', 1, 6, 'web', '', 0, 0, 0, 1)",
            "reservation_state_known",
        ),
        (DOCUMENT.format(8, 1), "document_kind_known"),
        (DOCUMENT.format(1, 3), "document_state_known"),
        (DOCUMENT.format(4, 4), "document_state_known"),
        (RULE.format(8, 0), "rule_kind_known"),
        (RULE.format(3, -1), "rule_used_not_negative"),
    ],
)
def test_the_ledger_refuses_what_cannot_be(ledger: Ledger, statement: str, constraint: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refusal:
        ledger.query(statement)
    assert refusal.value.diag.constraint_name == constraint


def test_no_version_of_a_level_is_booked_twice(ledger: Ledger) -> None:
    ledger.query(MOVEMENT.format("1, 0, 5", "1, 5, 0, 0, 0, 0"))
    with pytest.raises(psycopg.errors.UniqueViolation) as refusal:
        ledger.query(MOVEMENT.format("2, 0, 5", "1, 5, 0, 0, 0, 0"))
    assert refusal.value.diag.constraint_name == "movement_level_version"


def test_a_recount_below_what_is_reserved_is_no_oversell(ledger: Ledger) -> None:
    """Corrections may take reserved units; only a reservation may not."""
    ledger.query(MOVEMENT.format("1, 0, 6", "1, 5, 0, 0, 3, 3"))


def test_units_that_are_freed_or_covered_are_no_oversell(ledger: Ledger) -> None:
    """Who waits for units stands in the way of new reservations, not of being covered."""
    ledger.query(MOVEMENT.replace("1, 0, {}", "-1, 0, {}").format("1, 0, 17", "1, 5, 0, 0, 3, 3"))
    ledger.query(MOVEMENT.format("2, 0, 8", "2, 5, 0, 0, 3, 1, -1, 0, 7, 0"))


def test_a_batch_that_breaks_a_constraint_is_a_disagreement_and_leaves_nothing(ledger: Ledger) -> None:
    ledger.write([operation(1, KIND["RECEIVE"], [receipt("sku-1", 2)])])
    image = reservation("r-1", version=1, state=STATE["HELD"], lines=[line("sku-1", 3)], position=2)
    oversell = movement(KIND["RESERVE"], "sku-1", (0, 0, 0, 3, 0), 2, (2, 0, 0, 3, 0), line=1)
    before = ledger.query("SELECT * FROM segment")
    with pytest.raises(Disagreement, match="movement_never_oversells"):
        ledger.write([operation(2, KIND["RESERVE"], [oversell], reservation=image)])
    assert ledger.query("SELECT * FROM segment") == before
    assert ledger.query("SELECT count(*) FROM operation") == [(1,)]
    assert ledger.query("SELECT count(*) FROM reservation") == [(0,)]


def test_one_request_has_one_outcome(ledger: Ledger) -> None:
    statement = "INSERT INTO outcome VALUES ('paper', 'order-1', {}, 0, '', '', '', '', '')"
    ledger.query(statement.format(1))
    with pytest.raises(psycopg.errors.UniqueViolation) as refusal:
        ledger.query(statement.format(2))
    assert refusal.value.diag.constraint_name == "outcome_pkey"
