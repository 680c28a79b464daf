"""A replay keeps the order that matters, survives silence, and judges what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import grpc
import pytest
from holdfast.inventory.v1 import stock_pb2

from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.orders import courses
from holdfast_client.orders.driver import Pace
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.replay import Replay, ReplaySettings, Stage
from holdfast_client.orders.report import ReplayReport
from holdfast_client.orders.stocking import RunIdInUseError
from unit.orders.scripted_authority import Before, ScriptedAuthority, refusal, unavailable
from unit.orders.test_plan import plan_of


class _Clock:
    """Time that passes only by waiting, and lets others run meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def _sale(order: int, sku: str, quantity: int, *, customer: str = "C1") -> str:
    return f"{order},{sku},Lamp,{quantity},01/12/2010 08:{order % 60:02},1,{customer},France"


def _cancellation(order: int, sku: str, quantity: int, *, customer: str = "C1") -> str:
    return f"C{order},{sku},Lamp,-{quantity},01/12/2010 08:{order % 60:02},1,{customer},France"


def _write_off(order: int, sku: str, quantity: int) -> str:
    return f"{order},{sku},,-{quantity},01/12/2010 08:{order % 60:02},0,,France"


def _replay(
    folder: Path, *rows: str, share: str = "1", partial: bool = False, locations: int = 1, concurrency: int = 8
) -> Replay:
    clock = _Clock()
    names = RunNames(run_id="R1", location_count=locations)
    return Replay(
        plan=plan_of(folder, *rows, names=names),
        settings=ReplaySettings(
            names=names,
            stock_share=Fraction(share),
            seed=1,
            concurrency=concurrency,
            pace=Pace(speed=None),
            partial=partial,
        ),
        patience=Patience(seconds=60, clock=clock, sleep=clock.sleep),
    )


async def _run(replay: Replay, authority: ScriptedAuthority) -> ReplayReport:
    report = await replay.run(authority)
    assert replay.stage is Stage.DONE
    outcomes = replay.outcomes
    assert outcomes.orders == outcomes.reserved + sum(outcomes.refused.values()) + outcomes.unsettled
    assert outcomes.cancellation_lines == outcomes.released + sum(outcomes.cancellations_unmatched.values())
    return report


async def test_orders_are_reserved_and_committed_until_the_stock_is_gone(tmp_path: Path) -> None:
    authority = ScriptedAuthority()
    rows = [_sale(500 + number, "A", 1, customer=f"C{number}") for number in range(10)]
    report = await _run(_replay(tmp_path, *rows, share="0.8", locations=3), authority)
    assert (report.outcomes.reserved, report.outcomes.committed) == (8, 8)
    assert report.outcomes.refused == {"INSUFFICIENT_STOCK": 2}
    assert report.verdict.clean
    assert "clean" in report.sentence.lower()
    assert sum(level.committed_quantity for level in authority.levels.values()) == 8


async def test_the_lines_of_an_order_reach_the_service_as_the_file_has_them(tmp_path: Path) -> None:
    seen: list[int] = []
    authority = ScriptedAuthority()
    create = authority.create_reservation

    async def counting(**arguments: object) -> object:
        lines = list(cast(Iterable[object], arguments["lines"]))
        seen.append(len(lines))
        return await create(**{**arguments, "lines": lines})  # type: ignore[arg-type]

    authority.create_reservation = counting  # type: ignore[method-assign, assignment]
    report = await _run(_replay(tmp_path, _sale(500, "A", 2), _sale(500, "A", 3)), authority)
    assert seen == [2]
    assert (report.outcomes.lines, report.outcomes.units_reserved) == (2, 5)
    assert report.verdict.clean


async def test_an_order_may_get_a_part_where_that_is_allowed(tmp_path: Path) -> None:
    rows = (_sale(500, "A", 6), _sale(501, "A", 4))
    report = await _run(_replay(tmp_path, *rows, share="0.8", partial=True, concurrency=1), ScriptedAuthority())
    assert (report.outcomes.reserved, report.outcomes.reserved_in_part) == (2, 1)
    assert report.outcomes.units_reserved == 8
    assert report.verdict.clean


async def test_a_cancellation_waits_for_the_orders_of_its_customer_and_for_no_other(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow_order(method: str, subject: str) -> None:
        # The first customer's order is held up until everything that does not wait for it is over.
        if method == "create_reservation" and subject == "R1-500":
            await gate.wait()

    async def open_gate(method: str, subject: str) -> None:
        if method == "release_reservation" and "R1-C505" in subject:
            gate.set()

    authority = ScriptedAuthority(before=slow_order, after=open_gate)
    rows = (
        _sale(500, "A", 5),
        _cancellation(501, "A", 5),
        _sale(503, "A", 5, customer="C2"),
        _cancellation(505, "A", 5, customer="C2"),
        _sale(506, "A", 1),
    )
    report = await _run(_replay(tmp_path, *rows), authority)
    assert report.outcomes.released == 2
    order = [subject.split()[0] for method, subject in authority.calls if method == "create_reservation"]
    assert order[-1] == "R1-500"
    assert report.verdict.clean


async def test_cancellations_take_the_newest_earlier_order_first_and_parts_of_lines(tmp_path: Path) -> None:
    authority = ScriptedAuthority()
    rows = (
        _sale(500, "A", 3),
        _sale(501, "A", 4),
        _cancellation(502, "A", 5),
        _sale(503, "A", 2),
    )
    report = await _run(_replay(tmp_path, *rows), authority)
    open_units = {
        reservation.order_id: sum(line.open_quantity for line in reservation.lines)
        for reservation in authority.reservations.values()
    }
    assert open_units == {"R1-500": 2, "R1-501": 0, "R1-503": 2}
    assert (report.outcomes.released, report.outcomes.units_released) == (1, 5)
    assert report.verdict.clean


async def test_a_cancellation_that_names_a_sku_twice_releases_each_line_once(tmp_path: Path) -> None:
    authority = ScriptedAuthority()
    rows = (_sale(500, "A", 5), _sale(500, "K", 5), _cancellation(501, "A", 2), _cancellation(501, "A", 2))
    report = await _run(_replay(tmp_path, *rows, _cancellation(501, "K", 1)), authority)
    assert [method for method, _ in authority.calls].count("release_reservation") == 1
    assert (report.outcomes.released, report.outcomes.units_released) == (3, 5)
    assert report.verdict.clean


async def test_more_lines_than_a_release_may_have_go_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courses, "MAX_RELEASE_LINES", 2)
    authority = ScriptedAuthority()
    skus = [f"S{number}" for number in range(5)]
    rows = [_sale(500, sku, 1) for sku in skus] + [_cancellation(501, sku, 1) for sku in skus]
    report = await _run(_replay(tmp_path, *rows), authority)
    assert [method for method, _ in authority.calls].count("release_reservation") == 3
    assert report.outcomes.released == 5
    assert report.verdict.clean


async def test_cancellations_that_match_nothing_are_counted_by_cause(tmp_path: Path) -> None:
    rows = (
        _cancellation(500, "A", 1),  # Before the order.
        _sale(501, "A", 2),
        _cancellation(502, "A", 1, customer=""),
        _cancellation(503, "A", 1, customer="C2"),
        _cancellation(504, "A", 5),  # More than is open: two units of it match.
        _cancellation(505, "A", 1),  # Nothing is left.
    )
    report = await _run(_replay(tmp_path, *rows), ScriptedAuthority())
    outcomes = report.outcomes
    assert outcomes.cancellations_unmatched == {"never ordered": 2, "no customer": 1, "nothing open": 1}
    assert (outcomes.released, outcomes.released_in_part, outcomes.units_released) == (1, 1, 2)
    assert outcomes.units_cancelled_unmatched == 1 + 1 + 1 + 3 + 1
    assert report.as_json()["cancellations_unmatched"] == 4
    assert report.verdict.clean


async def test_an_order_that_was_refused_leaves_nothing_to_cancel(tmp_path: Path) -> None:
    rows = (_sale(500, "A", 4), _cancellation(501, "A", 4))
    report = await _run(_replay(tmp_path, *rows, share="0.5"), ScriptedAuthority())
    assert report.outcomes.cancellations_unmatched == {"nothing open": 1}
    assert report.verdict.clean


async def test_write_offs_take_what_is_free_and_more_than_there_is_is_refused(tmp_path: Path) -> None:
    authority = ScriptedAuthority()
    rows = (_sale(500, "A", 4), _write_off(501, "A", 3), _write_off(502, "A", 100))
    report = await _run(_replay(tmp_path, *rows, share="2", locations=2, concurrency=1), authority)
    assert (report.outcomes.adjusted, report.outcomes.units_adjusted) == (1, -3)
    assert report.outcomes.adjustments_refused == {"ADJUSTMENT_BELOW_ZERO": 1}
    assert sum(level.sellable_quantity for level in authority.levels.values()) == 5
    assert report.verdict.uncovered == 0
    assert report.verdict.clean


async def test_a_write_off_of_reserved_units_is_told_apart_from_overselling(tmp_path: Path) -> None:
    authority = ScriptedAuthority()
    authority.verdict.uncovered_quantity = 3
    rows = (_sale(500, "A", 4), _write_off(501, "A", 3))
    report = await _run(_replay(tmp_path, *rows, concurrency=1), authority)
    assert (report.verdict.oversold, report.verdict.uncovered) == (0, 3)
    assert report.as_json()["ledger_uncovered"] == 3
    assert report.verdict.clean


async def test_a_hold_that_ran_out_before_its_commit_is_counted_and_clean(tmp_path: Path) -> None:
    authority = ScriptedAuthority()

    async def too_late(method: str, subject: str) -> None:
        if method == "commit_reservation" and subject == "R1-500":
            authority.expire("reservation-1")

    authority.before = too_late
    rows = (_sale(500, "A", 4), _cancellation(501, "A", 4))
    report = await _run(_replay(tmp_path, *rows, concurrency=1), authority)
    assert (report.outcomes.expired, report.outcomes.committed) == (1, 0)
    assert report.outcomes.cancellations_unmatched == {"nothing open": 1}
    assert report.verdict.clean


def _lose_every_answer_once() -> Before:
    lost: set[tuple[str, str]] = set()

    async def lose(method: str, subject: str) -> None:
        if (method, subject) not in lost:
            lost.add((method, subject))
            raise unavailable()

    return lose


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_calls_without_an_answer_are_asked_again_and_take_effect_once(tmp_path: Path, moment: str) -> None:
    authority = ScriptedAuthority(**{moment: _lose_every_answer_once()})
    rows = (_sale(500, "A", 5), _sale(501, "K", 5), _cancellation(502, "A", 2), _write_off(503, "K", 1))
    report = await _run(_replay(tmp_path, *rows), authority)
    assert len(authority.calls) == len(set(authority.calls)) == 1 + 2 + 2 + 1 + 1
    assert report.unavailable_retries == len(authority.calls)
    assert report.verdict.clean


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("method", ["create_reservation", "commit_reservation", "release_reservation"])
async def test_what_patience_gave_up_on_is_settled_at_the_end(tmp_path: Path, moment: str, method: str) -> None:
    # A fault inside the service leaves the outcome of the call unknown, and is not asked again at once.
    faults = 1

    async def fault(asked: str, subject: str) -> None:
        nonlocal faults
        if asked == method and faults:
            faults -= 1
            raise refusal("INTERNAL", grpc.StatusCode.INTERNAL)

    authority = ScriptedAuthority(**{moment: fault})
    rows = (_sale(500, "A", 5), _sale(501, "A", 5), _cancellation(502, "A", 2))
    report = await _run(_replay(tmp_path, *rows), authority)
    assert faults == 0
    assert report.outcomes.unsettled == 0
    assert report.outcomes.reserved == report.outcomes.committed == 2
    assert report.outcomes.units_released == 2
    assert report.verdict.clean


async def test_an_outcome_that_stays_unknown_is_not_clean(tmp_path: Path) -> None:
    async def silent(method: str, subject: str) -> None:
        if subject == "R1-501":
            raise unavailable()

    authority = ScriptedAuthority(before=silent)
    report = await _run(_replay(tmp_path, _sale(500, "A", 5), _sale(501, "A", 5)), authority)
    assert (report.outcomes.reserved, report.outcomes.unsettled) == (1, 1)
    assert not report.verdict.clean
    assert "NOT CLEAN" in report.sentence


async def test_a_service_that_never_answers_ends_the_replay(tmp_path: Path) -> None:
    async def silent(method: str, subject: str) -> None:
        raise unavailable()

    with pytest.raises(NoAnswerError):
        await _replay(tmp_path, _sale(500, "A", 5)).run(ScriptedAuthority(before=silent))


async def test_a_service_that_falls_silent_before_the_verdict_ends_the_replay(tmp_path: Path) -> None:
    authority = ScriptedAuthority()

    async def silent(**arguments: object) -> object:
        raise unavailable()

    authority.list_movements_page = silent  # type: ignore[method-assign, assignment]
    with pytest.raises(NoAnswerError):
        await _replay(tmp_path, _sale(500, "A", 5)).run(authority)


async def test_a_run_id_that_was_used_before_is_refused(tmp_path: Path) -> None:
    authority = ScriptedAuthority()
    await _run(_replay(tmp_path, _sale(500, "A", 5)), authority)
    with pytest.raises(RunIdInUseError):
        await _replay(tmp_path, _sale(500, "A", 5)).run(authority)


async def _judged_after(tmp_path: Path, harm: Callable[[ScriptedAuthority], None]) -> ReplayReport:
    """A replay of two orders whose service is harmed once they are over."""
    authority = ScriptedAuthority()

    async def harm_at_the_end(method: str, subject: str) -> None:
        if len(authority.calls) == 5:
            harm(authority)

    authority.after = harm_at_the_end
    return await _run(_replay(tmp_path, _sale(500, "A", 5), _sale(501, "K", 5), concurrency=1), authority)


_KEY = ("R1-A", "REPLAY-1:L1")


def _leak(authority: ScriptedAuthority) -> None:
    authority.levels[_KEY].committed_quantity += 2


def _lose(authority: ScriptedAuthority) -> None:
    authority.levels[_KEY].committed_quantity -= 2


def _sell_twice(authority: ScriptedAuthority) -> None:
    authority._move(stock_pb2.MOVEMENT_KIND_RESERVE, *_KEY, held=3)


def _lose_a_movement(authority: ScriptedAuthority) -> None:
    authority.movements[_KEY[0]].pop()


def _receive_twice(authority: ScriptedAuthority) -> None:
    authority._move(stock_pb2.MOVEMENT_KIND_RECEIVE, *_KEY, sellable=5)


def _break_chain(authority: ScriptedAuthority) -> None:
    authority.verdict.chain_verified = False


def _leak_in_ledger(authority: ScriptedAuthority) -> None:
    authority.verdict.leaked_quantity = 4


def _oversell_in_ledger(authority: ScriptedAuthority) -> None:
    authority.verdict.oversold_quantity = 6


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (_leak, {"leaked": 2, "missing": 0, "oversold": 0}),
        (_lose, {"leaked": 0, "missing": 2, "oversold": 0}),
        (_sell_twice, {"leaked": 3, "oversold": 3}),
        (_lose_a_movement, {"leaked": 0}),
        (_receive_twice, {"oversold": 0}),
        (_break_chain, {"chain_verified": False}),
        (_leak_in_ledger, {"leaked": 4, "ledger_leaked": 4}),
        (_oversell_in_ledger, {"oversold": 6, "ledger_oversold": 6}),
    ],
)
async def test_whatever_is_wrong_afterwards_is_found(
    tmp_path: Path, harm: Callable[[ScriptedAuthority], None], found: dict[str, object]
) -> None:
    report = await _judged_after(tmp_path, harm)
    written = report.as_json()
    assert {key: written[key] for key in found} == found
    assert written["clean"] is False
    assert written["findings"]


async def test_nothing_is_wrong_where_nothing_was_harmed(tmp_path: Path) -> None:
    report = await _judged_after(tmp_path, lambda authority: None)
    assert report.verdict.clean
    report.write(tmp_path / "build" / "replay.json")
    assert '"chain_verified": true' in (tmp_path / "build" / "replay.json").read_text()


async def test_refusals_of_commits_and_releases_are_findings(tmp_path: Path) -> None:
    async def refuse(method: str, subject: str) -> None:
        if method == "commit_reservation" and subject == "R1-500":
            raise refusal("UNKNOWN_RESERVATION")
        if method == "release_reservation":
            raise refusal("RELEASE_EXCEEDS_OPEN")

    rows = (_sale(500, "A", 5), _sale(501, "K", 5), _cancellation(502, "K", 5))
    report = await _replay(tmp_path, *rows).run(ScriptedAuthority(before=refuse))
    assert report.outcomes.commits_refused == {"UNKNOWN_RESERVATION": 1}
    assert report.outcomes.releases_refused == {"RELEASE_EXCEEDS_OPEN": 1}
    assert report.verdict.findings_count == 2


def test_pace_is_a_multiple_of_the_time_in_the_file(tmp_path: Path) -> None:
    first, second = plan_of(tmp_path, _sale(500, "A", 1), _sale(530, "A", 1)).events
    assert Pace(speed=60).due_seconds(second.time, first.time) == 30
    assert Pace(speed=None).due_seconds(second.time, first.time) == 0
