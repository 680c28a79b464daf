"""WatchAvailability: a snapshot, then every change; and a watch that goes on from where it ended."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from typing import Any

import pytest
from holdfast.inventory.v1.catalog_pb2 import Channel
from holdfast.inventory.v1.catalog_service_pb2 import PutChannelsRequest
from holdfast.inventory.v1.watch_pb2 import AvailabilityChange, AvailabilityFilter, WatchResetReason

from api.calls import stubs_of
from api.ids import some, uuid7
from api.refusals import invalid, read_error
from api.rules import allotment, backorder, channel_buffer, safety_stock
from api.shop import Shop, from_now, left, open_shop, put_channel, put_item, put_locations, put_pool
from api.watch_promises import (
    assert_begins_well,
    assert_bookmarkable,
    assert_complete,
    assert_convergent,
    assert_ordered,
)
from api.watching import Recorder, Watch, watching
from support.authority import TestAuthority


def of(shop: Shop, **more: Any) -> AvailabilityFilter:
    return AvailabilityFilter(**({"channels": [shop.channel], "skus": shop.skus} | more))


def causes(change: AvailabilityChange) -> dict[str, int]:
    return {cause.operation: cause.operation_count for cause in change.causes}


async def test_a_watch_begins_with_what_there_is_and_tells_what_changes(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, second = shop.skus
    near, _ = shop.locations
    recorder = Recorder(of(shop, locations=[near]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.events == ["snapshot", "synced"]
        assert recorder.available(first, channel=shop.channel) == 10
        assert recorder.available(first, location=near) == 5
        assert len(recorder.numbers) == 4
        held = await shop.reserve((first, 2, near))
        await stream.until(lambda told: told.position >= held.revision.position)
        assert recorder.available(first, channel=shop.channel) == 8
        assert recorder.available(first, location=near) == 3
        (change,) = [c for c in recorder.changes if c.availability.channel]
        assert [(c.operation, c.operation_count, c.revision) for c in change.causes] == [("RESERVE", 1, held.revision)]
        assert recorder.available(second, channel=shop.channel) == 10
    assert_ordered(recorder)


async def test_a_watch_goes_on_from_its_token_with_what_changed_since(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    first, second = shop.skus
    recorder = Recorder(of(shop))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    for _ in range(3):
        taken = await shop.reserve((second, 1))
    async with watching(stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.position >= taken.revision.position)
        assert not {"snapshot", "synced", "reset"} & set(recorder.events)
        assert {c.availability.sku for c in recorder.changes} == {second}
        assert sum(causes(change).get("RESERVE", 0) for change in recorder.changes) == 3
    await assert_convergent(recorder, stubs)
    assert recorder.available(first, channel=shop.channel) == 5


async def test_12_every_cause_reaches_the_stream_and_two_quick_changes_count_as_two(stubs: Any) -> None:
    """Complaint: some ways of changing stock never reach the event stream, and two quick changes look like one."""
    shop = await open_shop(stubs, locations=2, units=9)
    near, far = shop.locations
    recorder = Recorder(of(shop, locations=shop.locations))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        start = recorder.position
        held, again = await asyncio.gather(shop.reserve((shop.sku, 3, near)), shop.reserve((shop.sku, 1, near)))
        await shop.commit(held.reservation_id)
        await shop.move(held.reservation_id, 1, 1, location=far)
        await shop.fulfill(held.reservation_id, left(1, 1))
        await shop.take_back((1, 1), reservation_id=held.reservation_id)
        await shop.release(again.reservation_id)
        await shop.adjust(-1, location=near)
        await shop.count(4, location=near)
        await shop.receive(2, location=near)
        await shop.told((shop.sku, 100))
        last = await shop.revision()
        await stream.until(lambda told: told.position >= last.position)
        counted: Counter[str] = Counter()
        for change in recorder.changes:
            if change.availability.location == near:
                counted.update(causes(change))
        assert counted == {
            "RESERVE": 3,
            "COMMIT": 1,
            "TRANSFER_RESERVATION": 1,
            "FULFILL": 1,
            "RETURN": 1,
            "RELEASE": 1,
            "ADJUST": 1,
            "COUNT": 1,
            "RECEIVE": 1,
        }
        movements = await shop.movements(sku=shop.sku)
        assert_complete(recorder, movements, location=near, start=start, end=recorder.position)


async def test_whatever_one_operation_changed_comes_in_one_message(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=5, locations=2, units=9)
    recorder = Recorder(of(shop, locations=shop.locations))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        held = await shop.reserve(*((sku, 1, location) for sku in shop.skus for location in shop.locations))
        await stream.until(lambda told: told.position >= held.revision.position)
        told = [response.changes for response in recorder.streams[-1] if response.changes.changes]
        assert len(told) == 1
        assert len(told[0].changes) == 15


async def test_a_commit_changes_what_lies_at_a_location_but_not_what_may_be_sold(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    held = await shop.reserve((shop.sku, 2))
    recorder = Recorder(of(shop, locations=[shop.location]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        committed = await shop.commit(held.reservation_id)
        await stream.until(lambda told: told.position >= committed.revision.position)
        (change,) = recorder.changes
        assert change.availability.location == shop.location
        assert change.availability.stock_level.committed_quantity == 2
        assert causes(change) == {"COMMIT": 1}


async def test_rules_of_every_kind_are_told_where_they_change_a_number(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=9)
    first, second = shop.skus
    near, _ = shop.locations
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    recorder = Recorder(of(shop, channels=[shop.channel, other], locations=[near]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        for rule, key, expected in (
            (safety_stock(2, sku=first, location=near), {"location": near}, 7),
            (channel_buffer(3, channel=other, sku=first), {"channel": other}, 13),
            (allotment(first, other, guaranteed=10), {"channel": shop.channel}, 6),
            (safety_stock(4, location=near), {"location": near}, 7),
        ):
            done = await shop.put_rules(rule)
            await stream.until(lambda told, done=done: told.position >= done.position)  # type: ignore[misc]
            assert recorder.available(first, **key) == expected
        assert recorder.available(second, location=near) == 5, "the rule of the location alone touches it too"
        last = [c for c in recorder.changes if c.availability.sku == second][-1]
        assert causes(last) == {"PUT_RULES": 1}
        done = await shop.put_rules(backorder(second, near, 6))
        await stream.until(lambda told: told.position >= done.position)
        assert recorder.numbers[second, other, ""].availability.backorder_quantity == 6
    await assert_convergent(recorder, stubs)


async def test_a_kit_is_told_when_one_of_its_parts_moves(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    kit = await put_item(stubs, parts=((shop.sku, 2),))
    recorder = Recorder(AvailabilityFilter(channels=[shop.channel], locations=[shop.location], skus=[kit]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.available(kit, channel=shop.channel) == 4
        held = await shop.reserve((shop.sku, 3))
        await stream.until(lambda told: told.position >= held.revision.position)
        assert recorder.available(kit, channel=shop.channel) == 3
        assert recorder.available(kit, location=shop.location) == 3


async def test_a_guarantee_used_by_one_channel_is_told_to_the_others(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=9)
    near, _ = shop.locations
    other, pool = some("channel"), some("pool")
    await put_pool(stubs, pool, (near,))
    await put_channel(stubs, other, pool)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=6))
    recorder = Recorder(of(shop, channels=[shop.channel, other]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.available(shop.sku, channel=shop.channel) == 12
        held = await shop.reserve((shop.sku, 4), channel=other)
        await stream.until(lambda told: told.position >= held.revision.position)
        await shop.adjust(-5, location=near)
    async with watching(stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.available(shop.sku, channel=other) == 0)
    await assert_convergent(recorder, stubs)


async def test_units_that_come_where_only_another_channel_sells_may_be_guaranteed_to_it(stubs: Any) -> None:
    """More of its guarantee can be met then, so less is left for those who share another location with it."""
    shop = await open_shop(stubs, locations=2, units=5)
    near, _ = shop.locations
    elsewhere, other, pool = some("place"), some("channel"), some("pool")
    await put_locations(stubs, elsewhere)
    await put_pool(stubs, pool, (near, elsewhere))
    await put_channel(stubs, other, pool)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=8))
    recorder = Recorder(of(shop))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.available(shop.sku, channel=shop.channel) == 5
        await shop.receive(3, location=elsewhere)
        last = await shop.revision()
        await stream.until(lambda told: told.position >= last.position)
        assert recorder.available(shop.sku, channel=shop.channel) == 2
    await assert_convergent(recorder, stubs)


async def test_what_comes_to_be_is_told_from_then_on(stubs: Any) -> None:
    shop = await open_shop(stubs, units=4)
    sku, channel = some("sku"), some("channel")
    recorder = Recorder(AvailabilityFilter(channels=[shop.channel, channel], skus=[sku, shop.sku]))
    everything = Recorder(AvailabilityFilter(channels=[shop.channel], locations=[shop.location]))
    async with watching(stubs, recorder) as stream, watching(stubs, everything) as whole:
        await stream.until(lambda told: told.synced)
        await whole.until(lambda told: told.synced)
        assert set(recorder.numbers) == {(shop.sku, shop.channel, "")}
        assert everything.available(shop.sku, location=shop.location) == 4
        await put_item(stubs, sku)
        await stream.until(lambda told: told.available(sku, channel=shop.channel) == 0)
        await put_channel(stubs, channel, shop.pool)
        await stream.until(lambda told: told.available(shop.sku, channel=channel) == 4)
        await shop.receive(3, sku=sku)
        await stream.until(lambda told: told.available(sku, channel=channel) == 3)
        await whole.until(lambda told: told.available(sku, location=shop.location) == 3)
    await assert_convergent(recorder, stubs)


async def test_a_channel_that_comes_to_be_is_told_of_all_skus_too(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=4)
    channel = some("channel")
    recorder = Recorder(AvailabilityFilter(channels=[channel]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert not recorder.numbers
        await put_channel(stubs, channel, shop.pool)
        await stream.until(lambda told: all(told.available(sku, channel=channel) == 4 for sku in shop.skus))
        assert {operation for change in recorder.changes for operation in causes(change)} == {"PUT_CHANNELS"}


async def test_a_location_tells_its_kits_and_no_sku_that_it_never_had(stubs: Any) -> None:
    shop = await open_shop(stubs, units=4)
    kit = await put_item(stubs, parts=((shop.sku, 2),))
    recorder = Recorder(AvailabilityFilter(locations=[shop.location]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert {sku: recorder.available(sku, location=shop.location) for sku, _, _ in recorder.numbers} == {
            shop.sku: 4,
            kit: 2,
        }
        await put_item(stubs)
        await shop.adjust(-1)
        await stream.until(lambda told: told.available(kit, location=shop.location) == 1)
        assert {sku for sku, _, _ in recorder.numbers} == {shop.sku, kit}


async def test_a_preorder_that_is_released_by_time_is_told(stubs: Any) -> None:
    shop = await open_shop(stubs, units=0)
    rule = backorder(shop.sku, shop.location, 9, preorder_cap=2, release_time=from_now(seconds=2))
    await shop.put_rules(rule)
    recorder, away = Recorder(of(shop)), Recorder(of(shop))
    async with watching(stubs, away) as stream:
        await stream.until(lambda told: told.synced)
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        number = recorder.numbers[shop.sku, shop.channel, ""]
        assert number.availability.backorder_quantity == 2
        await stream.until(lambda told: told.numbers[shop.sku, shop.channel, ""].availability.backorder_quantity == 9)
    async with watching(stubs, away, resume=True) as stream:
        await stream.until(lambda told: told.numbers[shop.sku, shop.channel, ""].availability.backorder_quantity == 9)


async def test_a_channel_that_sells_from_another_pool_is_told(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=4)
    recorder = Recorder(of(shop))
    pool = some("pool")
    await put_pool(stubs, pool, shop.locations[:1])
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        channel = Channel(channel=shop.channel, pool=pool)
        await stubs.catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=[channel]))
        await stream.until(lambda told: told.available(shop.sku, channel=shop.channel) == 4)


async def test_two_servers_tell_the_same_and_a_token_of_one_is_good_for_the_other(pair: TestAuthority) -> None:
    async with stubs_of(pair.targets[0]) as here, stubs_of(pair.targets[1]) as there:
        shop = await open_shop(here, skus=2, units=50)
        ours, theirs = Recorder(of(shop)), Recorder(of(shop))
        async with watching(here, ours) as one, watching(there, theirs) as other:
            await one.until(lambda told: told.synced)
            await other.until(lambda told: told.synced)
            for number in range(10):
                last = await shop.reserve((shop.skus[number % 2], 1))
            for stream in (one, other):
                await stream.until(lambda told: told.position >= last.revision.position)
        assert ours.numbers.keys() == theirs.numbers.keys()
        last = await shop.reserve((shop.sku, 1))
        async with watching(there, ours, resume=True) as stream:
            await stream.until(lambda told: told.position >= last.revision.position)
            assert "reset" not in ours.events
        await assert_convergent(ours, here)
        for recorder in (ours, theirs):
            assert_ordered(recorder)
            assert_begins_well(recorder)
            assert_bookmarkable(recorder)


# Bad tokens.


async def test_a_token_that_is_none_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    for token in ("made-up", "AAAA", "=", base64.urlsafe_b64encode(b"\x93\1\2\3" + bytes(16)).decode()):
        stream = Watch(stubs, Recorder(of(shop)), resume_token=token)
        assert read_error(await stream.ended()) == invalid("resume_token"), token


async def test_a_token_that_this_ledger_did_not_sign_begins_the_watch_anew(stubs: Any) -> None:
    """Nobody can make one up, nor move one ahead; and one of another authority is no reason to stop for good."""
    shop = await open_shop(stubs, units=1)
    recorder = Recorder(of(shop))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    good = base64.urlsafe_b64decode(recorder.token)
    forged = good[:-1] + bytes([good[-1] ^ 1])
    recorder.token = base64.urlsafe_b64encode(forged).decode()
    async with watching(stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.streams[-1][0].reset.reason == WatchResetReason.WATCH_RESET_REASON_OTHER_LINEAGE


async def test_a_token_of_another_filter_begins_the_watch_anew(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=1)
    recorder = Recorder(of(shop))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    recorder.of = of(shop, skus=[shop.sku])
    async with watching(stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.events == ["reset", "snapshot", "synced"]
        assert recorder.streams[-1][0].reset.reason == WatchResetReason.WATCH_RESET_REASON_OTHER_FILTER
        assert len(recorder.numbers) == 1


async def test_the_order_of_a_filter_is_no_other_filter(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=1)
    recorder = Recorder(of(shop))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    recorder.of = of(shop, skus=list(reversed(shop.skus)))
    taken = await shop.reserve((shop.sku, 1))
    async with watching(stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.position >= taken.revision.position)
        assert "reset" not in recorder.events


# Filters.


async def test_a_filter_that_matches_nothing_is_in_step_all_the_same(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    recorder = Recorder(AvailabilityFilter(channels=["no-such-channel"], locations=["no-such-place"]))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.events == ["synced"]
        taken = await shop.reserve((shop.sku, 1))
        await stream.until(lambda told: told.position >= taken.revision.position)
        assert set(recorder.events) == {"synced", "bookmark"}
        assert not recorder.numbers


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (AvailabilityFilter(), ("filter.channels",)),
        (AvailabilityFilter(skus=["A"]), ("filter.channels",)),
        (AvailabilityFilter(channels=["A", "A"]), ("filter.channels[1]",)),
        (AvailabilityFilter(channels=["no good"]), ("filter.channels[0]",)),
        (AvailabilityFilter(locations=["A"], skus=["A", "B", "A"]), ("filter.skus[2]",)),
        (AvailabilityFilter(channels=[f"C{n}" for n in range(101)]), ("filter.channels",)),
        (
            AvailabilityFilter(locations=[f"L{n}" for n in range(11)], skus=[f"S{n}" for n in range(10_000)]),
            ("filter.skus",),
        ),
    ],
    ids=["nothing", "no scope", "twice", "odd", "a SKU twice", "too many", "too many numbers"],
)
async def test_a_filter_that_cannot_be_is_refused(
    stubs: Any, asked: AvailabilityFilter, fields: tuple[str, ...]
) -> None:
    stream = Watch(stubs, Recorder(asked), resume_token="")
    assert read_error(await stream.ended()) == invalid(*fields)


async def test_many_who_watch_the_same_are_told_the_same(stubs: Any) -> None:
    shop = await open_shop(stubs, units=50)
    recorders = [Recorder(of(shop)) for _ in range(20)]
    streams = [Watch(stubs, recorder, resume_token="") for recorder in recorders]
    await asyncio.gather(*(stream.until(lambda told: told.synced) for stream in streams))
    for _ in range(10):
        last = await shop.reserve((shop.sku, 1))
    await asyncio.gather(*(stream.until(lambda told: told.position >= last.revision.position) for stream in streams))
    for recorder in recorders:
        assert recorder.available(shop.sku, channel=shop.channel) == 40
        assert sum(causes(change)["RESERVE"] for change in recorder.changes) == 10
    await asyncio.gather(*(stream.cancel() for stream in streams))
