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
