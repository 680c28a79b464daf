"""Open and closed loops: whose waiting is counted."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from holdfast_loadtest.workload.loops import Course, closed_loop, open_loop
from unit.loadtest.virtual_time import VirtualLoop, in_virtual_time

STALL_FROM, STALL_TO = 0.1, 0.5
EVERY_SECONDS = 0.01
LONG_SECONDS = 0.105


class _Shop:
    """Answers at once, but for a while in which it stands still. Keeps what each buyer felt."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self.latencies: list[float] = []
        self.under_way = 0
        self.most_under_way = 0

    async def visit(self, _item: object, due: float) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        if STALL_FROM <= self._course.now() < STALL_TO:
            await asyncio.sleep(STALL_TO - self._course.now())
        await asyncio.sleep(0.001)
        self.latencies.append(self._course.now() - due)
        self.under_way -= 1
        self._course.slots.release()

    @property
    def waited_long(self) -> int:
        return sum(latency > LONG_SECONDS for latency in self.latencies)


def _course(last: float, slots: int = 1_000) -> Course:
    return Course(last, asyncio.Semaphore(slots), clock=asyncio.get_running_loop().time)


def _arrivals(count: int, every: float = EVERY_SECONDS) -> list[tuple[float, object]]:
    return [(number * every, None) for number in range(count)]


@in_virtual_time
async def test_an_open_loop_counts_everybody_who_came_during_a_stall_and_a_closed_one_hides_them() -> None:
    """Coordinated omission: 30 buyers would have waited long; a caller in a closed loop sees one of them."""
    course = _course(10.0)
    open_shop = _Shop(course)
    await open_loop(_arrivals(80), open_shop.visit, course)
    assert len(open_shop.latencies) == 80
    assert open_shop.waited_long == 30

    course = _course(0.8)
    course.begin = course.clock()
    closed_shop = _Shop(course)
    await closed_loop(itertools.repeat(None), closed_shop.visit, course, callers=1)
    assert len(closed_shop.latencies) >= 300
    assert closed_shop.waited_long == 1


@in_virtual_time
async def test_who_waits_for_a_slot_is_counted_from_when_it_meant_to_ask() -> None:
    course = _course(10.0, slots=1)
    shop = _Shop(course)
    await open_loop(_arrivals(80), shop.visit, course)
    assert shop.most_under_way == 1
    assert shop.waited_long >= 30
    assert course.held_back >= 30
    # They stood behind others, which is not the fault of the generator.
    assert max(course.own_late) < 0.001


@in_virtual_time
async def test_a_generator_that_was_late_itself_says_so_and_the_latency_has_it() -> None:
    course = _course(10.0)
    latencies: list[float] = []

    async def visit(item: int, due: float) -> None:
        course.slots.release()
        if item == 10:
            # The process has no time for its own loop.
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.now += 0.3
        latencies.append(course.now() - due)

    arrivals = [(number * EVERY_SECONDS, number) for number in range(60)]
    await open_loop(arrivals, visit, course)
    assert max(course.own_late) > 0.28
    assert sum(latency > LONG_SECONDS for latency in latencies) == 20


@in_virtual_time
async def test_a_stopped_loop_begins_nothing_new_and_waits_for_what_is_under_way() -> None:
    course = _course(10.0)
    begun, ended = [], []

    async def visit(item: object, _due: float) -> None:
        begun.append(item)
        course.slots.release()
        await asyncio.sleep(0.1)
        ended.append(item)

    running = asyncio.create_task(open_loop(_arrivals(1_000), visit, course))
    await asyncio.sleep(0.1)
    course.stop.set()
    await running
    assert 1 <= len(begun) == len(ended) < 100


@in_virtual_time
async def test_what_is_due_when_the_time_is_over_is_told_as_never_begun() -> None:
    course = _course(0.2, slots=1)

    async def visit(_item: object, _due: float) -> None:
        await asyncio.sleep(0.05)
        course.slots.release()

    await open_loop(_arrivals(20), visit, course)
    assert course.begun <= 6
    assert course.not_begun == 20 - course.begun


@in_virtual_time
async def test_who_was_to_come_after_the_time_is_told_as_never_begun_too() -> None:
    course = _course(0.2)
    await open_loop(_arrivals(1_000), _Shop(course).visit, course)
    assert 19 <= course.begun <= 21
    assert course.not_begun == 1_000 - course.begun


@pytest.mark.parametrize("is_closed", [False, True])
def test_what_is_under_way_when_all_must_be_over_is_broken_off(is_closed: bool) -> None:
    @in_virtual_time
    async def run() -> None:
        course = _course(0.2, slots=2)
        course.end = 0.5
        ended: list[float] = []

        async def visit(number: int, _due: float) -> None:
            try:
                await asyncio.sleep(1_000.0 if number % 2 else 0.1)
            finally:
                ended.append(course.now())
                course.slots.release()

        if is_closed:
            await closed_loop(iter(range(20)), visit, course, callers=2)
        else:
            await open_loop([(number * EVERY_SECONDS, number) for number in range(20)], visit, course)
            assert course.not_begun == 20 - course.begun
        assert course.begun == len(ended) > 1
        assert max(ended) == course.now() == pytest.approx(0.5)

    run()


@in_virtual_time
async def test_a_run_that_is_over_does_not_wait_for_its_last_moment() -> None:
    course = _course(10.0)
    course.end = 40.0
    await open_loop(_arrivals(3), _Shop(course).visit, course)
    assert course.now() < 1.0
