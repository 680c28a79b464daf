"""One share of a run, at work in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast_loadtest.workload.history import Outcome
from holdfast_loadtest.workload.options import chosen
from holdfast_loadtest.workload.scenarios import SCENARIOS
from holdfast_loadtest.workload.share import END_SECONDS, Ending, Task, Work
from unit.loadtest.shop import Shop
from unit.loadtest.virtual_time import in_virtual_time


async def _worked(scenario: str, shop: Shop, number: int = 0, of: int = 1, **given: Any) -> tuple[Work, Ending]:
    options = chosen(scenario, SCENARIOS[scenario].defaults, {"run_id": "T1", "duplicates": 0.0, **given})
    work = Work(Task(options=options, target="", number=number, of=of, history=""), shop)
    work.course.clock = asyncio.get_running_loop().time
    return work, await work.run()


@pytest.mark.parametrize(("closed", "max_seconds"), [(0, 1.0), (2, 1.0), (0, 60.0), (2, 60.0)])
def test_every_buyer_was_begun_or_is_told_as_never_begun(closed: int, max_seconds: float) -> None:
    endings: list[Ending] = []

    @in_virtual_time
    async def run(number: int) -> None:
        bound = {"closed": closed} if closed else {"in_flight": 4}
        given = {"buyers": 601, "seconds": 20.0, "max_seconds": max_seconds, **bound}
        work, ending = await _worked("flash-sale", Shop(), number, 2, **given)
        assert ending.begun == len(work.lives.history) > 0
        endings.append(ending)

    run(0)
    run(1)
    whole = Ending.together(endings)
    assert whole.begun + whole.not_begun == 601
    assert (whole.not_begun > 0) == (max_seconds == 1.0)


@in_virtual_time
async def test_a_closed_loop_without_a_number_of_buyers_leaves_out_nobody() -> None:
    _, ending = await _worked("hot-set", Shop(), closed=2, seconds=1.0)
    assert (ending.begun, ending.not_begun) == (200, 0)


@pytest.mark.parametrize("closed", [0, 3])
def test_what_is_under_way_long_after_the_time_is_broken_off_and_unknown(closed: int) -> None:
    @in_virtual_time
    async def run() -> None:
        shop = Shop(takes_seconds=1_000.0)
        bound = {"closed": closed} if closed else {"in_flight": 3}
        given = {"buyers": 50, "seconds": 0.5, "max_seconds": 5.0, "duplicates": 0.5, **bound}
        work, ending = await _worked("flash-sale", shop, **given)
        assert asyncio.get_running_loop().time() == pytest.approx(5.0 + END_SECONDS)
        assert (ending.begun, ending.not_begun) == (3, 47)
        assert [record.outcome for record in work.lives.history] == [Outcome.UNKNOWN] * 3
        assert [record.unanswered > 0 for record in work.lives.history] == [True] * 3
        assert min(record.latency_seconds for record in work.lives.history) > END_SECONDS

    run()
