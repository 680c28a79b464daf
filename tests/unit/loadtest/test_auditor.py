"""The auditor finds nothing in a true run, and every kind of fault in a run that was falsified."""

from __future__ import annotations

from typing import Any

import pytest
from holdfast.inventory.v1 import stock_pb2

from holdfast_loadtest.workload.history import Line, Outcome, Record, State
from unit.loadtest.audited import LOCATION, SKU, Audited, clean_ledger


def _words(run: Audited) -> str:
    verdict = run.judge()
    assert not verdict.sound
    assert verdict.findings_count >= len(verdict.findings) > 0
    return "; ".join(f"{finding.subject}: {finding.what}" for finding in verdict.findings)


@pytest.mark.parametrize(("buyers", "units", "sold"), [(5, 3, 3), (3, 5, 3), (4, 4, 4), (4, 0, 0)])
def test_a_true_sale_is_sound_and_sold_exactly_what_was_predicted(buyers: int, units: int, sold: int) -> None:
    verdict = Audited.sold_out(buyers=buyers, units=units).judge()
    assert verdict.findings == ()
    assert verdict.sound
    assert (verdict.demand, verdict.stock, verdict.sold, verdict.exactly_predicted_skus) == (buyers, units, sold, 1)
    assert (verdict.oversold, verdict.leaked, verdict.missing, verdict.unknown) == (0, 0, 0, 0)
    assert (verdict.left.held, verdict.left.unsold) == (sold, units - sold)
    assert verdict.refusals_checked == buyers - sold


def test_a_unit_sold_twice_is_found_though_everybody_agrees_on_it() -> None:
    run = Audited.sold_out(buyers=5, units=3)
    run.grant("once too often")
    assert "sold 4 units; 6 were asked for and 3 were there, so it must have been 3" in _words(run)
    assert run.judge().oversold == 1


def test_more_reserved_at_a_level_than_lies_there_is_found_whatever_its_movements_say() -> None:
    run = Audited.sold_out(buyers=3, units=3)
    run.held += 2
    assert run.judge().oversold == 2


def test_a_unit_that_is_kept_from_a_buyer_is_found() -> None:
    run = Audited.sold_out(buyers=3, units=4)
    run.refuse("r9")
    assert "was refused as short, but 4 units were asked for in all, and 4 were there" in _words(run)


def test_a_unit_that_is_reserved_for_nobody_is_found() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.held += 1
    assert "held: 2 by the answers, 3 in the level" in _words(run)
    assert run.judge().leaked == 1


def test_a_reservation_that_nobody_asked_for_is_found() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.held += 1
    run.take("a stranger's")
    assert "request a stranger's: took 1 units, and nobody sent it" in _words(run)


def test_a_refusal_that_took_effect_all_the_same_is_found() -> None:
    run = Audited.sold_out(buyers=4, units=3)
    run.held += 1
    run.take("r3")
    assert "request r3: took 1 units, and was refused" in _words(run)


def test_a_reservation_that_the_ledger_lost_is_found() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.tell("lost")
    assert "request lost: was granted, and the ledger does not have it" in _words(run)
    assert run.judge().missing == 1


def test_a_request_that_took_effect_twice_is_found_in_the_ledger() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.take("r1")
    run.held += 1
    assert "request r1: took effect 2 times" in _words(run)
    assert run.judge().duplicates.applied == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"copies": 1, "effects": 2}, "took effect 2 times"),
        ({"copies": 1, "effects": 1, "replays": 1, "differing": 1}, "answered in another way than the first time"),
        ({"effects": 0, "replays": 1}, "answered as a repetition at the first time"),
        (
            {"copies": 1, "effects": 1, "refusals": ("INSUFFICIENT_STOCK",)},
            "took effect, and was refused when it was repeated",
        ),
    ],
)
def test_answers_to_the_same_request_that_contradict_each_other_are_found(changes: dict[str, Any], words: str) -> None:
    run = Audited.sold_out(buyers=2, units=4)
    for name, value in changes.items():
        setattr(run.history[1], name, value)
    assert words in _words(run)


@pytest.mark.parametrize("kind", ["reserve", "commit", "release", "fulfill", "adjust"])
def test_a_repetition_that_is_refused_after_the_effect_was_told_is_found_also_where_units_return(kind: Any) -> None:
    run = Audited(units=1, units_return=True)
    run.grant("r0")
    record = run.history[0] if kind == "reserve" else Record(kind, "C1", "again", 0.0, outcome=Outcome.DONE, effects=1)
    if kind != "reserve":
        run.history.append(record)
    record.copies = 1
    record.refusals = ("REFUSED",)
    record.denied = 1
    assert f"request {record.request_id}: took effect, and was refused when it was repeated" in _words(run)


@pytest.mark.parametrize(
    ("kind", "is_found"),
    [("reserve", False), ("adjust", False), ("commit", True), ("release", True), ("fulfill", True)],
)
def test_of_two_at_the_same_moment_one_may_be_refused_only_if_units_that_came_back_grant_the_other(
    kind: Any, is_found: bool
) -> None:
    run = Audited(units=1, units_return=True)
    run.grant("r0")
    run.refuse("r1")
    record = run.history[0] if kind == "reserve" else Record(kind, "C1", "again", 0.0, outcome=Outcome.DONE, effects=1)
    if kind != "reserve":
        run.history.append(record)
    record.copies = 1
    record.refusals = ({"reserve": "INSUFFICIENT_STOCK", "adjust": "ADJUSTMENT_BELOW_ZERO"}.get(kind, "REFUSED"),)
    record.short = (SKU,) if kind == "reserve" else ()
    found = [finding.what for finding in run.judge().findings]
    assert ("took effect, and was refused when it was repeated" in found) is is_found
    assert found == [] or is_found


def test_a_repetition_that_is_never_answered_is_found_as_such() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.history[1].copies = 1
    assert _words(run) == "request r1: took effect, and of 2 times that it was sent 1 was never answered"


def test_a_request_sent_twice_and_answered_the_same_is_sound() -> None:
    run = Audited.sold_out(buyers=3, units=2)
    run.history[0].copies = run.history[0].replays = 1
    run.history[2].copies = 1
    run.history[2].refusals *= 2
    verdict = run.judge()
    assert verdict.sound
    sent = verdict.duplicates
    assert (sent.sent, sent.replayed, sent.refused, sent.applied) == (2, 1, 1, 0)


def test_an_answer_that_is_unknown_to_the_end_is_no_verdict() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.refuse("r9", outcome=Outcome.UNKNOWN, reason="UNAVAILABLE", short=())
    assert "of 1 requests to reserve nobody knows" in _words(run)
    assert run.judge().unknown == 1


def test_a_refusal_after_a_try_without_an_answer_may_have_had_a_late_effect() -> None:
    run = Audited.sold_out(buyers=2, units=3)
    run.held += 1
    run.take("late")
    run.refuse("late", unanswered=1)
    run.refuse("r9")
    verdict = run.judge()
    assert verdict.sound
    assert (verdict.sold, verdict.late_effects) == (3, 1)


def test_units_that_a_channel_was_not_told_of_are_found() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.history[1].channel = "C2"
    assert "channel C2: was told of 1 units, and the ledger has 0" in _words(run)


@pytest.mark.parametrize("reason", ["UNKNOWN_SKU", "HOLD_LIMIT_REACHED", "INVALID_FIELD"])
def test_a_refusal_that_no_load_test_must_meet_is_found(reason: str) -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.refuse("r9", reason=reason, short=())
    assert f"to reserve was refused: {reason}" in _words(run)


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_verified": False},
        {"levels_equal_movements": False},
        {"reserved_equals_open_lines": False},
        {"oversold_quantity": 2},
        {"leaked_quantity": 2},
    ],
)
def test_what_the_authority_says_of_its_own_ledger_counts(changes: dict[str, Any]) -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.ledger = clean_ledger(**changes)
    verdict = run.judge()
    assert not verdict.sound
    assert verdict.ledger_verified is False
    assert (verdict.oversold, verdict.leaked) == (
        changes.get("oversold_quantity", 0),
        changes.get("leaked_quantity", 0),
    )


def test_a_ledger_that_was_not_checked_is_told_as_such() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.ledger = None
    assert run.judge().sound
    assert run.judge().ledger_verified is None


def test_a_basket_may_be_refused_for_another_sku_but_only_for_one_that_is_short() -> None:
    run = Audited.sold_out(buyers=2, units=3)
    run.refuse("basket", asked=((SKU, 2), ("OTHER", 1)), short=(SKU,))
    assert run.judge().sound
    assert run.judge().exactly_predicted_skus == 0
    run.history[-1].asked = ((SKU, 1), ("OTHER", 1))
    assert f"{SKU}: was refused as short" in _words(run)
    run.history[-1].short = ()
    assert "was refused for want of stock, without a short SKU" in _words(run)


def test_a_basket_that_would_have_fitted_into_what_is_left_is_found() -> None:
    """More was asked for in all than there was, and yet this one could have been served to the end."""
    run = Audited.sold_out(buyers=2, units=4)
    run.refuse("large", asked=((SKU, 3),))
    run.refuse("small", asked=((SKU, 2),))
    run.refuse("another small one", asked=((SKU, 2),))
    assert _words(run) == f"{SKU}: was refused as short where 2 were asked for, and 2 are left"
    assert run.judge().findings_count == 2


def test_a_hold_that_ran_out_is_back_in_stock_and_one_that_did_not_is_found() -> None:
    run = Audited(units=1, units_return=True)
    run.grant("first", runs_out=True)
    run.expire("first")
    run.grant("second")
    verdict = run.judge()
    assert verdict.sound
    assert (verdict.sold, verdict.left.expired, verdict.left.held) == (2, 1, 1)
    run.grant("third", runs_out=True)
    run.sellable += 1
    run.units += 1
    run.movements[0].sellable_delta += 1
    assert "held: 1 by the answers, 2 in the level" in _words(run)


@pytest.mark.parametrize(
    ("after_seconds", "is_found"), [(0.0, True), (0.5, True), (0.999, True), (1.0, False), (1.5, False)]
)
def test_a_hold_that_expired_before_its_time_is_found(after_seconds: float, is_found: bool) -> None:
    run = Audited(units=1, units_return=True)
    run.grant("first", runs_out=True)
    run.expire("first", after_seconds=after_seconds)
    found = [(finding.subject, finding.what) for finding in run.judge().findings]
    words = f"its hold expired after {after_seconds:.6f} seconds, and was to last 1.000000"
    assert found == ([("request first", words)] if is_found else [])


def test_a_hold_that_was_to_outlast_the_run_and_expired_is_found_as_such() -> None:
    run = Audited(units=1, units_return=True)
    run.grant("first")
    run.expire("first", after_seconds=60.0)
    assert "request first: its hold expired after 60.000000 seconds, and was to last 86,400.000000" in _words(run)


def test_where_units_come_back_at_least_the_stock_must_be_sold() -> None:
    run = Audited(units=2, units_return=True)
    run.grant("only")
    run.refuse("r1")
    run.refuse("r2")
    assert f"{SKU}: sold 1 of 2 units, although 3 were asked for" in _words(run)


def test_a_life_is_booked_as_it_was_told_last() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    run.held, run.committed = 0, 1
    run.sellable -= 1
    for request_id in ("r0", "r1"):
        run.move(stock_pb2.MOVEMENT_KIND_COMMIT, held_delta=-1, committed_delta=1, request_id=f"c-{request_id}")
        told = run.told(request_id, State.COMMITTED, Line(SKU, LOCATION, 1, 1, 0, 0, 0))
        run.history.append(Record("commit", "C1", f"c-{request_id}", 0.0, outcome=Outcome.DONE, effects=1, told=told))
    run.move(stock_pb2.MOVEMENT_KIND_FULFILL, committed_delta=-1, sellable_delta=-1, request_id="f-r0")
    told = run.told("r0", State.ENDED, Line(SKU, LOCATION, 1, 0, 0, 1, 0))
    run.history.append(Record("fulfill", "C1", "f-r0", 0.0, outcome=Outcome.DONE, effects=1, told=told))
    verdict = run.judge()
    assert verdict.findings == ()
    assert (verdict.left.committed, verdict.left.fulfilled, verdict.left.held, verdict.left.unsold) == (1, 1, 0, 2)
    late = Record("commit", "C1", "c-r9", 0.0, outcome=Outcome.REFUSED, reason="RESERVATION_EXPIRED")
    late.refusals = ("RESERVATION_EXPIRED",)
    run.history.append(late)
    assert "to commit was refused: RESERVATION_EXPIRED" in _words(run)


def test_who_was_to_come_and_never_asked_stands_in_the_sentence() -> None:
    run = Audited.sold_out(buyers=2, units=4)
    assert "never asked" not in run.judge().sentence
    run.not_begun = 1_234
    verdict = run.judge()
    assert verdict.sound
    assert "with 2 asked for; 1,234 who were to come never asked; oversold 0" in verdict.sentence
    run.held += 1
    assert "1,234 who were to come never asked" in run.judge().sentence


def test_a_run_in_which_nobody_asked_for_anything_is_not_sound() -> None:
    run = Audited(units=4, not_begun=3)
    assert _words(run) == "run: nobody asked for anything, so there is nothing to judge"
