"""How long commands gather before they make a tick."""

from __future__ import annotations

import asyncio
import time

from holdfast_server.decide.gathering import Gathering
from holdfast_server.settings import Settings

SETTINGS = Settings(tick_gather_seconds=0.1, enough_commands_per_tick=50)


async def begun(waiting: Gathering) -> asyncio.Task[None]:
    task = asyncio.create_task(waiting.until_due())
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_with_no_tick_under_way_a_command_does_not_wait() -> None:
    task = await begun(Gathering(SETTINGS, [1]))

    assert task.done()


async def test_commands_wait_until_the_tick_under_way_has_ended() -> None:
    waiting = Gathering(SETTINGS, [1] * 7)
    waiting.tick_waits()
    task = await begun(waiting)
    assert not task.done()

    waiting.tick_ended()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert task.done()


async def test_enough_commands_wait_for_nothing() -> None:
    waiting = Gathering(SETTINGS, [1] * 50)
    waiting.tick_waits()

    assert (await begun(waiting)).done()


async def test_those_that_gather_go_as_soon_as_they_are_enough() -> None:
    queue = [1] * 7
    waiting = Gathering(SETTINGS, queue)
    waiting.tick_waits()
    task = await begun(waiting)
    for more, goes in ((42, False), (1, True)):
        queue.extend([1] * more)
        waiting.more_came()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert task.done() == goes


async def test_a_tick_that_does_not_end_is_not_waited_for_any_longer_than_the_limit() -> None:
    waiting = Gathering(SETTINGS.model_copy(update={"tick_gather_seconds": 0.001}), [1])
    waiting.tick_waits()

    await waiting.until_due()


def proven(waiting: Gathering, callers: int) -> None:
    """A tick with questions and refusals of so many callers ends at once."""
    waiting.tick_waits()
    waiting.tick_wrote_nothing(callers=callers)
    waiting.tick_ended()


async def test_after_many_refusals_others_gather_for_a_while() -> None:
    waiting = Gathering(SETTINGS, [1] * 7)
    proven(waiting, callers=21)
    began = time.monotonic()

    task = await begun(waiting)
    assert not task.done()
    await task

    assert time.monotonic() - began >= 0.009, "half a millisecond for each"


async def test_after_a_refusal_the_next_one_does_not_wait() -> None:
    waiting = Gathering(SETTINGS, [1])
    proven(waiting, callers=1)

    assert (await begun(waiting)).done()


async def test_who_comes_long_after_many_refusals_does_not_wait() -> None:
    waiting = Gathering(SETTINGS, [1])
    proven(waiting, callers=21)
    await asyncio.sleep(SETTINGS.tick_gather_seconds)

    assert (await begun(waiting)).done()


async def test_after_many_refusals_nobody_waits_for_longer_than_the_limit() -> None:
    waiting = Gathering(SETTINGS.model_copy(update={"tick_gather_seconds": 0.001}), [1])
    proven(waiting, callers=1_000_000)

    async with asyncio.timeout(1):
        await waiting.until_due()


async def test_after_many_refusals_enough_commands_wait_for_nothing() -> None:
    waiting = Gathering(SETTINGS, [1] * 50)
    proven(waiting, callers=21)

    assert (await begun(waiting)).done()
