"""Point 14: the segment's clock is the sequencer's, never goes back, and is carried through a rebuild."""

from __future__ import annotations

import random

from holdfast_server.records import unpack_reservation
from integration.engine import demands
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig

SECOND = demands.MICROSECONDS
HOUR = 3600 * SECOND


def times(rig: Rig) -> list[int]:
    return [row[0] for row in rig.query("SELECT decide_us FROM operation ORDER BY position")]


async def test_point_14_a_clock_that_jumps_never_goes_back(rig: Rig) -> None:
    """Taken out by: `return time_us` instead of the later of the two in read_clock of frame.lua."""
    numbers = random.Random(14)
    start = demands.now_us() + HOUR
    for _ in range(30):
        told = start + numbers.randint(-HOUR, HOUR)
        rig.decider.clock_us = told
        await rig.decide(demands.receive(SKU, LOCATION, 1, request_id=f"any-{numbers.random()}"))
        assert int(rig.head()["clock_us"]) >= told
    found = times(rig)
    assert found == sorted(found)
    assert found[-1] == int(rig.head()["clock_us"]) == rig.segment().clock_us


async def test_point_14_a_hold_lasts_its_time_though_the_clock_jumps_back(rig: Rig) -> None:
    """It neither lives longer nor ends early because another server tells the time.

    Taken out by: the same; or `due` compared with the time that was told instead of the segment's.
    """
    now = rig.decider.clock_us = demands.now_us() + HOUR
    held = await rig.hold_units(1, ttl_seconds=60)
    assert held.expire_us == now + 60 * SECOND
    rig.decider.clock_us = now - HOUR
    later = unpack_reservation(
        (await rig.decide(demands.reserve(CHANNEL, [(SKU, 1)], ttl_seconds=60, request_id="any-1"))).reservation
    )
    assert (later.create_us, later.expire_us) == (now, now + 60 * SECOND)
    assert await rig.available() == 8
    rig.decider.clock_us = now + 60 * SECOND
    assert await rig.available() == 10


async def test_point_14_a_rebuild_carries_the_clock(rig: Rig) -> None:
    """The new sequencer's own clock is an hour behind what the segment has already told.

    Taken out by: `"clock_us": 0` in the head that Loader._load returns.
    """
    ahead = rig.decider.clock_us = demands.now_us() + HOUR
    await rig.decide(demands.receive(SKU, LOCATION, 1))
    epoch = rig.segment().epoch
    rig.put_back({})
    rig.decider.clock_us = None
    await rig.wait_until_open(above_epoch=epoch)
    await rig.decide(demands.receive(SKU, LOCATION, 1, request_id="any-1"))
    assert times(rig)[-1] == ahead
    assert rig.segment().clock_us == ahead


async def test_point_14_without_a_told_time_the_sequencers_own_clock_runs(rig: Rig) -> None:
    """Taken out by: the clock of the server process given to the script in Decider._evaluate."""
    seconds, microseconds = rig.redis.time()
    await rig.decide(demands.receive(SKU, LOCATION, 1))
    later_seconds, later_microseconds = rig.redis.time()
    assert seconds * SECOND + microseconds <= times(rig)[-1] <= later_seconds * SECOND + later_microseconds


async def test_point_14_a_question_moves_the_clock_too(rig: Rig) -> None:
    """What was told by a tick that wrote nothing in the journal is not taken back by the next tick.

    Taken out by: `write_head()` only for a tick that changed something in tick.lua.
    """
    now = rig.decider.clock_us = demands.now_us() + HOUR
    await rig.available()
    rig.decider.clock_us = now - HOUR
    held = await rig.hold_units(1, ttl_seconds=60)
    assert held.create_us == now
