"""From the answers to the verdict: what a request that is sent twice may be told, and what is a fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.rpc import code_pb2

from holdfast_loadtest.workload.asking import Answer
from holdfast_loadtest.workload.demand import Copy, Step, Wish
from unit.loadtest.audited import SKU, Audited
from unit.loadtest.shop import SHORT, Shop, live, refusal
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
