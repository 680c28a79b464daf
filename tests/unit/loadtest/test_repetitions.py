"""From the answers to the verdict: what a request that is sent twice may be told, and what is a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.rpc import code_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import reservation_pb2
from holdfast.inventory.v1.revision_pb2 import Revision

from holdfast_loadtest.workload.asking import Answer
from holdfast_loadtest.workload.demand import Copy, Step, Wish
from holdfast_loadtest.workload.history import Record
from unit.loadtest.audited import SKU, Audited
from unit.loadtest.shop import SHORT, Shop, live, lives_in, refusal
from unit.loadtest.virtual_time import in_virtual_time

BUYER = Wish(channel="C1", lines=((SKU, 1),), steps=(Step("commit", 1.0),))
ALREADY = refusal(code_pb2.FAILED_PRECONDITION, "ALREADY_COMMITTED")

REUSED = refusal(code_pb2.ALREADY_EXISTS, "REQUEST_ID_REUSED")

REFUSED_LATER = "took effect, and was refused when it was repeated"


async def _found(copy: Copy, *answers: Callable[[], Answer] | None, units_return: bool = True) -> list[str]:
    """Has a buyer reserve and commit, each twice, and returns what the auditor finds in the answers."""
    lives = await live(Shop(*answers), BUYER, copy)
    run = Audited(units=1, units_return=units_return)
    run.history = lives.history
    return [finding.what for finding in run.judge().findings if finding.subject.startswith("request")]


@pytest.mark.parametrize("copy", [Copy.AT_ONCE, Copy.AFTERWARDS])
@pytest.mark.parametrize("units_return", [False, True])
def test_an_authority_that_forgets_what_it_committed_is_found(copy: Copy, units_return: bool) -> None:
    @in_virtual_time
    async def run() -> None:
        assert REFUSED_LATER in await _found(copy, None, None, None, lambda: ALREADY, units_return=units_return)

    run()


@in_virtual_time
async def test_an_authority_that_forgets_what_it_reserved_is_found_also_where_units_return() -> None:
    assert REFUSED_LATER in await _found(Copy.AFTERWARDS, None, lambda: SHORT)


@in_virtual_time
async def test_who_is_refused_and_granted_a_moment_later_may_have_got_a_unit_that_came_back() -> None:
    for copy in (Copy.AT_ONCE, Copy.AFTERWARDS):
        assert REFUSED_LATER not in await _found(copy, lambda: SHORT, None)


@pytest.mark.parametrize("copy", [Copy.AT_ONCE, Copy.AFTERWARDS])
@pytest.mark.parametrize(
    "answers",
    [(lambda: SHORT, lambda: REUSED), (lambda: REUSED, lambda: SHORT), (None, lambda: REUSED), (lambda: REUSED, None)],
)
def test_each_refusal_must_have_a_right_reason_whatever_else_was_answered(
    copy: Copy, answers: tuple[Callable[[], Answer] | None, ...]
) -> None:
    """The body is the same: the second cannot differ from the first."""

    @in_virtual_time
    async def run() -> None:
        assert "to reserve was refused: REQUEST_ID_REUSED" in await _found(copy, *answers)

    run()


@in_virtual_time
async def test_only_what_was_rightly_refused_each_time_counts_as_refused_twice() -> None:
    for second, refused in ((SHORT, 1), (REUSED, 0)):
        lives = await live(Shop(lambda: SHORT, lambda second=second: second), BUYER, Copy.AFTERWARDS)
        run = Audited(units=1)
        run.history = lives.history
        assert run.judge().duplicates.refused == refused


@in_virtual_time
async def test_a_refusal_for_want_of_stock_is_checked_although_the_other_attempt_was_granted() -> None:
    lives = await live(Shop(lambda: SHORT, None), BUYER, Copy.AFTERWARDS)
    run = Audited(units=1, units_return=True)
    run.history = lives.history
    words = [finding.what for finding in run.judge().findings if finding.subject == SKU]
    assert "was refused as short, but 1 units were asked for in all, and 1 were there" in words


def _sold_elsewhere(answer: Any) -> None:
    answer.reservation.lines[0].location = "L2"


def _one_more(answer: Any) -> None:
    answer.reservation.lines[0].quantity += 1


def _another_sku(answer: Any) -> None:
    answer.reservation.lines[0].sku = "S2"


def _a_line_less(answer: Any) -> None:
    del answer.reservation.lines[:]


def _another_id(answer: Any) -> None:
    answer.reservation.reservation_id = "another"


def _as_it_is_now(answer: Any) -> None:
    answer.reservation.state = reservation_pb2.RESERVATION_STATE_RELEASED


def _a_later_revision(answer: Any) -> None:
    answer.revision.position += 1


@pytest.mark.parametrize("copy", [Copy.AT_ONCE, Copy.AFTERWARDS])
@pytest.mark.parametrize(
    "change",
    [_sold_elsewhere, _one_more, _another_sku, _a_line_less, _another_id, _as_it_is_now, _a_later_revision],
)
def test_a_replay_must_be_the_first_answer_in_every_part(copy: Copy, change: Callable[[Any], None]) -> None:
    class Forgetful(Shop):
        def grant(self, request: Any) -> pb.CreateReservationResponse:
            answer = super().grant(request)
            if answer.replayed and isinstance(request, pb.CreateReservationRequest):
                change(answer)
            return answer

    @in_virtual_time
    async def run() -> None:
        reserved, committed = (await live(Forgetful(), BUYER, copy)).history
        assert (reserved.replays, reserved.differing, committed.differing) == (1, 1, 0)

    run()


def test_a_replayed_adjustment_must_be_the_first_answer_too() -> None:
    @in_virtual_time
    async def run() -> None:
        first = pb.AdjustStockResponse(revision=Revision(segment="main", position=7))
        for position, differing in ((7, 0), (8, 1)):
            again = pb.AdjustStockResponse(revision=Revision(segment="main", position=position), replayed=True)
            shop = Shop(lambda: Answer(response=first), lambda again=again: Answer(response=again))
            record = Record("adjust", "", "r1", 0.0)
            await lives_in(shop).ask(pb.AdjustStockRequest(request_id="r1"), record, Copy.AFTERWARDS)
            assert (record.effects, record.replays, record.differing) == (1, 1, differing)

    run()
