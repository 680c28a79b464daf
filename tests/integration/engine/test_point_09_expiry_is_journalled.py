"""Point 9: expiry is an operation in the journal, on the segment's clock, and of expiry and commit one wins."""

from __future__ import annotations

import asyncio

from holdfast_server import layouts
from holdfast_server.refusals import ReservationExpired
from holdfast_server.upkeep.expiry import expire_for_ever
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, SKU, Rig, open_rig, outcome_of

SECOND = demands.MICROSECONDS
EXPIRE = layouts.MOVEMENT_KINDS["EXPIRE"]


def expiries(rig: Rig) -> list[tuple[str, int]]:
    """The reservations that expired and the time of it, out of the ledger."""
    rows = rig.query("SELECT reservation_id, decide_us FROM operation WHERE kind = %s ORDER BY position", EXPIRE)
    return [(str(reservation_id), int(decide_us)) for reservation_id, decide_us in rows]


async def test_point_9_an_expiry_is_an_operation_with_movements_and_gives_the_units_back(rig: Rig) -> None:
    """Taken out by: `expire_what_is_due()` taken out of tick.lua; a Redis TTL would leave no movement either."""
    rig.decider.clock_us = demands.now_us()
    held = await rig.hold_units(4, ttl_seconds=30)
    assert rig.redis.ttl(rig.keys.reservations) == -1
    rig.decider.clock_us = held.expire_us - 1
    assert await rig.available() == 6
    assert expiries(rig) == []
    rig.decider.clock_us = held.expire_us
    assert await rig.available() == 10
    assert expiries(rig) == [(held.reservation_id, held.expire_us)]
    assert rig.query("SELECT held_delta, held FROM movement WHERE kind = %s", EXPIRE) == [(-4, 0)]
    assert rig.query("SELECT state FROM reservation") == [(layouts.STATES["EXPIRED"],)]
    rig.assert_ledger_is_sound()


async def test_point_9_a_due_hold_cannot_be_committed_and_the_attempt_journals_the_expiry(
    make_settings: MakeSettings,
) -> None:
    """More holds are due than one tick expires, and the one that is to be committed is the last of them.

    Taken out by: `is_due` not asked in live_reservation of expire.lua.
    """
    async with open_rig(make_settings(max_expiries_per_tick=2)) as rig:
        await rig.open_trade()
        rig.decider.clock_us = demands.now_us()
        holds = [await rig.hold_units(1, ttl_seconds=30 + number) for number in range(6)]
        last = holds[-1].reservation_id
        rig.decider.clock_us += 60 * SECOND
        refusal = await outcome_of(rig.decide(demands.commit(last)))
        assert isinstance(refusal, ReservationExpired)
        assert [reservation_id for reservation_id, _ in expiries(rig)] == [
            *(hold.reservation_id for hold in holds[:2]),
            last,
        ]
        again = await outcome_of(rig.decide(demands.commit(last)))
        assert again.facts() == refusal.facts()
        rig.assert_ledger_is_sound()


async def test_point_9_a_due_hold_can_neither_be_extended_nor_released(make_settings: MakeSettings) -> None:
    """Taken out by: `reservation_of` instead of live_reservation in extend.lua or release.lua."""
    async with open_rig(make_settings(max_expiries_per_tick=1)) as rig:
        await rig.open_trade()
        rig.decider.clock_us = demands.now_us()
        for _ in range(2):
            await rig.hold_units(1, ttl_seconds=1)
        held = [await rig.hold_units(1, ttl_seconds=2) for _ in range(2)]
        rig.decider.clock_us += 60 * SECOND
        for command in (demands.extend(held[1].reservation_id, 900), demands.release(held[0].reservation_id)):
            assert isinstance(await outcome_of(rig.decide(command)), ReservationExpired)
        rig.assert_ledger_is_sound()


async def test_point_9_a_tick_expires_no_more_than_its_limit(make_settings: MakeSettings) -> None:
    """Taken out by: `'LIMIT', 0, limits.max_expiries_per_tick` taken out of expire.lua."""
    async with open_rig(make_settings(max_expiries_per_tick=3)) as rig:
        await rig.open_trade(units=10)
        rig.decider.clock_us = demands.now_us()
        for _ in range(8):
            await rig.hold_units(1, ttl_seconds=1)
        rig.decider.clock_us += 60 * SECOND
        assert [await rig.available() for _ in range(4)] == [5, 8, 10, 10]
        rig.assert_ledger_is_sound()


async def test_point_9_an_extended_or_committed_hold_is_not_due(rig: Rig) -> None:
    """Taken out by: `set_due` not called in extend.lua or commit.lua."""
    rig.decider.clock_us = demands.now_us()
    extended = await rig.hold_units(1, ttl_seconds=30)
    committed = await rig.hold_units(1, ttl_seconds=30)
    await rig.decide(demands.extend(extended.reservation_id, 300))
    await rig.decide(demands.commit(committed.reservation_id))
    rig.decider.clock_us += 60 * SECOND
    assert await rig.available() == 8
    rig.decider.clock_us += 300 * SECOND
    assert await rig.available() == 9
    assert [reservation_id for reservation_id, _ in expiries(rig)] == [extended.reservation_id]


async def test_point_9_upkeep_expires_though_nobody_asks_anything(rig: Rig) -> None:
    """Taken out by: `expire_for_ever` asking nothing."""
    held = await rig.hold_units(3, ttl_seconds=0.2)
    assert expiries(rig) == []
    upkeep = asyncio.create_task(expire_for_ever(rig.decider, rig.settings))
    await rig.until(lambda: len(expiries(rig)) == 1, "the hold to expire")
    upkeep.cancel()
    assert expiries(rig)[0][1] >= held.expire_us
    assert rig.settings.expiry_interval_seconds <= 1
    rig.assert_ledger_is_sound()


async def test_point_9_a_hold_survives_a_rebuild_with_its_time(rig: Rig) -> None:
    """Taken out by: `due` not loaded in Loader._load_reservations."""
    rig.decider.clock_us = demands.now_us()
    held = await rig.hold_units(3, ttl_seconds=30)
    epoch = rig.segment().epoch
    rig.put_back({})
    await rig.wait_until_open(above_epoch=epoch)
    assert await rig.available() == 7
    rig.decider.clock_us = held.expire_us
    assert await rig.available() == 10
    assert isinstance(await outcome_of(rig.decide(demands.commit(held.reservation_id))), ReservationExpired)


async def test_point_9_of_many_commits_at_the_moment_of_expiry_each_has_one_end(rig: Rig) -> None:
    """Taken out by: `is_due` with `<` instead of `<=`, together with the same in the look for what is due."""
    rig.decider.clock_us = demands.now_us()
    holds = [await rig.hold_units(1, ttl_seconds=30) for _ in range(8)]
    early = [outcome_of(rig.decide(demands.commit(hold.reservation_id))) for hold in holds[:4]]
    await asyncio.gather(*early)
    rig.decider.clock_us = max(hold.expire_us for hold in holds)
    late = await asyncio.gather(*(outcome_of(rig.decide(demands.commit(hold.reservation_id))) for hold in holds[4:]))
    assert all(isinstance(answer, ReservationExpired) for answer in late)
    assert await rig.available() == 6
    assert rig.query("SELECT held, committed FROM stock_level WHERE sku = %s", SKU) == [(0, 4)]
    assert (await rig.read(demands.question(SKU, channel=CHANNEL))).answers[0][0] == 6
    rig.assert_ledger_is_sound()
