"""Whatever ends is told so in time, once, unless it was taken away; and nothing is kept of it."""

from __future__ import annotations

import asyncio

from holdfast_client.due_times import SLOT_SECONDS, DueTimes
from unit.client.test_calls import let_time_pass


class Told:
    def __init__(self) -> None:
        self.times = 0

    def miss_deadline(self) -> None:
        self.times += 1


async def test_what_ends_is_told_once_and_not_before_its_time() -> None:
    loop, due = asyncio.get_running_loop(), DueTimes()
    start = loop.time()
    soon, later = [Told() for _ in range(3)], Told()
    for one in soon:
        due.add(loop, one, start + 1000.0)
    due.add(loop, later, start + 2000.0)
    let_time_pass(999.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [one.times for one in soon] == [0, 0, 0]
    let_time_pass(1.0 + 2 * SLOT_SECONDS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ([one.times for one in soon], later.times) == ([1, 1, 1], 0)


async def test_what_was_taken_away_is_not_told() -> None:
    loop, due = asyncio.get_running_loop(), DueTimes()
    gone, there = Told(), Told()
    end_time = loop.time() + 1000.0
    slot = due.add(loop, gone, end_time)
    assert due.add(loop, there, end_time) is slot
    due.take_away(slot, gone)
    let_time_pass(1001.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (gone.times, there.times) == (0, 1)
    due.take_away(slot, there)


async def test_nothing_is_kept_of_what_has_ended() -> None:
    loop, due = asyncio.get_running_loop(), DueTimes()
    for number in range(300):
        one = Told()
        slot = due.add(loop, one, loop.time() + 3600.0 + number)
        due.take_away(slot, one)
        assert slot.timer.cancelled()
    assert not due._slots


async def test_a_slot_that_was_left_is_made_anew() -> None:
    loop, due = asyncio.get_running_loop(), DueTimes()
    first, second = Told(), Told()
    end_time = loop.time() + 1000.0
    left = due.add(loop, first, end_time)
    due.take_away(left, first)
    due.add(loop, second, end_time)
    due.take_away(left, first)
    let_time_pass(1001.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (first.times, second.times) == (0, 1)


async def test_what_ends_when_others_were_told_already_is_told_as_well() -> None:
    loop, due = asyncio.get_running_loop(), DueTimes()
    first, second = Told(), Told()
    end_time = loop.time() + 1000.0
    due.add(loop, first, end_time)
    let_time_pass(1001.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    due.add(loop, second, end_time)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (first.times, second.times) == (1, 1)
