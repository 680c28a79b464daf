"""Point 1: one hash tag for all keys of a segment, and the epoch in every name but one."""

from __future__ import annotations

import re

from holdfast_server.decide.commands import Decision
from holdfast_server.decide.keys import SegmentKeys
from holdfast_server.refusals import InsufficientStock
from integration.engine import demands
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, outcome_of


def hash_slot(key: str) -> int:
    """The slot of a key on a cluster: CRC-16/XMODEM of the part between the first braces."""
    tagged = re.search(r"\{([^}]+)\}", key)
    crc = 0
    for byte in (tagged[1] if tagged else key).encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc % 16384


def test_point_1_all_keys_of_a_tick_lie_in_one_slot_and_name_their_epoch() -> None:
    """Taken out by: the braces taken out of SegmentKeys._of_epoch; or the epoch."""
    assert hash_slot("123456789") == 0x31C3 % 16384, "the example of the cluster specification"
    keys = SegmentKeys(segment="main", epoch=7)
    names = keys.for_tick()
    assert {hash_slot(name) for name in names} == {hash_slot("main")}
    assert len(set(names)) == len(names)
    assert [name for name in names if ":7:" not in name] == [keys.open_epoch]
    others = SegmentKeys(segment="main", epoch=8).for_tick()
    assert set(names) & set(others) == {keys.open_epoch}


async def test_point_1_the_engine_makes_no_other_keys(rig: Rig) -> None:
    """Taken out by: a key that a script puts together itself (`redis.call('SET', 'holdfast:last', now_us)`)."""
    held = await rig.hold_units(2)
    await rig.decide(demands.commit(held.reservation_id))
    found = {key.decode() for key in rig.redis.scan_iter(match=f"*{rig.settings.segment}*")}
    assert found <= set(rig.keys.for_tick())


async def test_point_1_a_basket_over_many_levels_is_decided_as_one(rig: Rig) -> None:
    """A line that is short in the middle leaves every other line where it was.

    Taken out by: booking each line as it is placed in reserve.lua.
    """
    await rig.decide(demands.put_items("sku-2", "sku-3"))
    await rig.decide(demands.receive("sku-2", LOCATION, 1))
    await rig.decide(demands.receive("sku-3", LOCATION, 10))
    levels = rig.redis.hgetall(rig.keys.levels)
    basket = [(SKU, 1), ("sku-2", 2), ("sku-3", 1)]
    assert isinstance(await outcome_of(rig.decide(demands.reserve(CHANNEL, basket))), InsufficientStock)
    assert rig.redis.hgetall(rig.keys.levels) == levels
    assert isinstance(await rig.decide(demands.reserve(CHANNEL, [(SKU, 1), ("sku-2", 1), ("sku-3", 1)])), Decision)
    rig.assert_ledger_is_sound()
