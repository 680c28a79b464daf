"""WatchAvailability in front of two segments: one stream, in which a channel that sells from both has the sum."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.catalog_pb2 import Channel, Item, Location, Pool
from holdfast.inventory.v1.catalog_service_pb2 import (
    PutChannelsRequest,
    PutItemsRequest,
    PutLocationsRequest,
    PutPoolsRequest,
)
from holdfast.inventory.v1.inventory_service_pb2 import ReceiptLine, ReceiveStockRequest
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.watch_pb2 import AvailabilityFilter, WatchAvailabilityRequest, WatchResetReason

from api.calls import stubs_of
from api.following import booked
from api.ids import some, uuid7
from api.refusals import Refusal, invalid, read_error
from api.regions import NORTH, SEGMENTS, SOUTH, Regions, open_regions, trade_in_both
from api.shop import put_channel, put_item, put_pool
from api.watch_promises import (
    assert_begins_well,
    assert_bookmarkable,
    assert_complete,
    assert_convergent,
    assert_ordered,
    assert_resumable,
)
from api.watching import Recorder, Watch, key_of, watching
from holdfast_server.watch.token import joined_token, parts_of_token
from support.authority import TestAuthority

TRADERS = 4


def of(shop: Regions, **more: Any) -> AvailabilityFilter:
    return AvailabilityFilter(**({"channels": [shop.channel], "skus": shop.skus} | more))


def everywhere(shop: Regions) -> AvailabilityFilter:
    return of(shop, locations=shop.locations)


async def in_step(stream: Watch, shop: Regions) -> None:
    now = await shop.heads()
    await stream.until(lambda told: told.knows(now))


def assert_versions_never_go_back(recorder: Recorder) -> None:
    """Of no number, from the first stream to the last, unless the watch was reset in between."""
    versions: dict[Any, int] = {}
    for response in itertools.chain.from_iterable(recorder.streams):
        if response.HasField("reset"):
            versions.clear()
        for change in [*response.snapshot.values, *response.changes.changes]:
            assert change.version >= versions.get(key_of(change), 0), change
            versions[key_of(change)] = change.version


def assert_kept_every_promise(recorder: Recorder) -> None:
    assert_ordered(recorder)
    assert_begins_well(recorder)
    assert_bookmarkable(recorder)
    assert_versions_never_go_back(recorder)


def resets(recorder: Recorder) -> list[str]:
    """Why the last stream began anew."""
    prefix = "WATCH_RESET_REASON_"
    told = [one.reset.reason for one in recorder.streams[-1] if one.HasField("reset")]
    return [WatchResetReason.Name(reason).removeprefix(prefix) for reason in told]


async def synced(stubs: Any, recorder: Recorder) -> None:
    """Has a recorder take in a snapshot, and go."""
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)


# What is told.


async def test_what_a_channel_sells_from_both_is_told_as_the_sum(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=4)
    north, south = shop.locations
    recorder = Recorder(everywhere(shop))
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.events[-1] == "synced"
        told = [key_of(value) for response in recorder.streams[-1] for value in response.snapshot.values]
        assert sorted(told) == sorted(recorder.numbers), "no number is told twice"
        assert recorder.available(shop.sku, channel=shop.channel) == 7
        assert recorder.available(shop.sku, location=north) == 3
        assert recorder.available(shop.sku, location=south) == 4
        assert set(recorder.places) == set(SEGMENTS)
        held = await shop.reserve((shop.sku, 2, south))
        await stream.until(lambda told: told.knows([held.revision]))
        (change,) = [change for change in recorder.changes if change.availability.channel]
        assert change.availability.available_to_sell_quantity == 5
        assert [(cause.operation, cause.revision) for cause in change.causes] == [("RESERVE", held.revision)]
        assert recorder.available(shop.sku, location=south) == 2
    await assert_convergent(recorder, segmented_stubs)
    assert_kept_every_promise(recorder)


async def test_it_is_the_sum_in_the_end_however_they_trade(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=3, north=40, south=40)
    recorder, whole = Recorder(everywhere(shop)), Recorder(AvailabilityFilter(channels=[shop.channel]))
    async with watching(segmented_stubs, recorder) as stream, watching(segmented_stubs, whole) as all_of_it:
        await stream.until(lambda told: told.synced)
        await all_of_it.until(lambda told: told.synced)
        start = dict(recorder.places)
        await asyncio.gather(*(trade_in_both(shop, random.Random(number)) for number in range(TRADERS)))
        await in_step(stream, shop)
        await in_step(all_of_it, shop)
    movements = await booked(shop)
    for segment, location in zip(SEGMENTS, shop.locations, strict=True):
        assert_complete(recorder, movements, location=location, start=start[segment], end=recorder.places[segment])
    for one in (recorder, whole):
        await assert_convergent(one, segmented_stubs)
        assert_kept_every_promise(one)
    assert {sku for sku, _, _ in whole.numbers} >= set(shop.skus)


async def test_the_causes_of_both_segments_are_told_each_once(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    recorder = Recorder(of(shop))
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        for location in (*shop.locations, *shop.locations):
            await shop.reserve((shop.sku, 1, location))
        both = await shop.reserve((shop.sku, 6), allow_split=True)
        assert len(both.part_reservation_ids) == 2
        await in_step(stream, shop)
    counted = dict.fromkeys(SEGMENTS, 0)
    for change in recorder.changes:
        for cause in change.causes:
            assert cause.operation == "RESERVE"
            counted[cause.revision.segment] += cause.operation_count
    assert counted == dict.fromkeys(SEGMENTS, 3)
    assert recorder.available(shop.sku, channel=shop.channel) == 0
    assert_kept_every_promise(recorder)


async def test_a_filter_of_one_segment_is_that_segments_own(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    recorder = Recorder(AvailabilityFilter(locations=[shop.locations[1]], skus=shop.skus))
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert set(recorder.places) == {SOUTH}
        assert parts_of_token(recorder.token) is None
        held = await shop.reserve((shop.sku, 1, shop.locations[1]))
        await stream.until(lambda told: told.knows([held.revision]))
    await assert_convergent(recorder, segmented_stubs)


async def test_what_comes_to_be_is_told_from_then_on(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=3)
    channel, location, sku = some("channel"), some("loc"), some("sku")
    recorder = Recorder(AvailabilityFilter(channels=[channel], locations=[location], skus=[shop.sku, sku]))
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.events == ["synced"]
        await put_channel(segmented_stubs, channel, shop.pool)
        await stream.until(lambda told: told.available(shop.sku, channel=channel) == 5)
        place = Location(location=location, segment=SOUTH)
        await segmented_stubs.catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=[place]))
        await put_item(segmented_stubs, sku)
        await shop.receive(6, sku=sku, location=location)
        await stream.until(lambda told: told.available(sku, location=location) == 6)
    await shop.receive(1, sku=sku, location=location)
    async with watching(segmented_stubs, recorder, resume=True) as stream:
        await in_step(stream, shop)
        assert resets(recorder) == [], "the token has more segments than are needed"
    await assert_convergent(recorder, segmented_stubs)
    assert_kept_every_promise(recorder)


async def test_a_channel_that_comes_to_be_may_sell_from_any_segment(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=3)
    channel, pool = some("channel"), some("pool")
    recorder = Recorder(of(shop, channels=[channel]))
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        await put_pool(segmented_stubs, pool, shop.locations[1:])
        await put_channel(segmented_stubs, channel, pool)
        await stream.until(lambda told: told.available(shop.sku, channel=channel) == 3)
    assert_kept_every_promise(recorder)


# Going on from a token.


@pytest.mark.parametrize("changed", [(NORTH,), (SOUTH,), SEGMENTS, ()], ids=["north", "south", "both", "none"])
async def test_a_watch_goes_on_with_what_changed_meanwhile(segmented_stubs: Any, changed: tuple[str, ...]) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=9, south=9)
    recorder = Recorder(everywhere(shop))
    await synced(segmented_stubs, recorder)
    for segment, location in zip(SEGMENTS, shop.locations, strict=True):
        if segment in changed:
            await shop.reserve((shop.sku, 2, location))
            await shop.reserve((shop.sku, 1, location))
    async with watching(segmented_stubs, recorder, resume=True) as stream:
        await in_step(stream, shop)
        assert {change.availability.sku for change in recorder.changes} == ({shop.sku} if changed else set())
        assert recorder.available(shop.sku, channel=shop.channel) == 18 - 3 * len(changed)
    await assert_convergent(recorder, segmented_stubs)
    assert_kept_every_promise(recorder)


async def test_a_watch_that_is_cut_again_and_again_knows_what_another_knows(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=3, north=40, south=40)
    recorder, whole = Recorder(everywhere(shop)), Recorder(everywhere(shop))
    await synced(segmented_stubs, recorder)
    async with watching(segmented_stubs, whole) as other:
        await other.until(lambda told: told.synced)
        trading = asyncio.gather(*(trade_in_both(shop, random.Random(number), 25) for number in range(TRADERS)))
        while not trading.done():
            async with watching(segmented_stubs, recorder, resume=True) as stream:
                await stream.until(lambda told: told.streams[-1] != [])
                await asyncio.sleep(0.02)
        await trading
        async with watching(segmented_stubs, recorder, resume=True) as stream:
            await in_step(stream, shop)
            await in_step(other, shop)
    assert len(recorder.streams) > 3
    assert all("reset" not in {one.WhichOneof("event") for one in told} for told in recorder.streams)
    assert_resumable(recorder, whole.numbers)
    await assert_convergent(recorder, segmented_stubs)
    for one in (recorder, whole):
        assert_kept_every_promise(one)


async def test_two_servers_tell_the_same_and_a_token_of_one_is_good_for_the_other(segmented: TestAuthority) -> None:
    there = segmented.start_server()
    try:
        async with stubs_of(segmented.targets[0]) as stubs, stubs_of(there.target) as other_stubs:
            shop = await open_regions(stubs, skus=2, north=30, south=30)
            recorder = Recorder(everywhere(shop))
            await synced(stubs, recorder)
            for number, servers in zip(range(12), itertools.cycle((other_stubs, stubs)), strict=False):
                await trade_in_both(shop, random.Random(number), 3)
                async with watching(servers, recorder, resume=True) as stream:
                    await in_step(stream, shop)
                    assert resets(recorder) == []
                await assert_convergent(recorder, stubs)
            assert_kept_every_promise(recorder)
    finally:
        there.stop()


async def test_if_one_segment_begins_anew_all_of_them_do(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=4)
    recorder = Recorder(everywhere(shop))
    await synced(segmented_stubs, recorder)
    parts = parts_of_token(recorder.token)
    assert parts is not None
    for token, reason in (
        # The south knows nothing of the north's history.
        (joined_token(parts | {SOUTH: parts[NORTH]}), "OTHER_LINEAGE"),
        (joined_token({NORTH: parts[NORTH]}), "OTHER_SEGMENTS"),
        (joined_token(parts | {"west": parts[NORTH]}), "OTHER_SEGMENTS"),
        (parts[SOUTH], "OTHER_SEGMENTS"),
        (joined_token({}), "OTHER_SEGMENTS"),
    ):
        recorder.token = token
        async with watching(segmented_stubs, recorder, resume=True) as stream:
            await stream.until(lambda told: told.synced)
            assert (resets(recorder), recorder.events[-1]) == ([reason], "synced"), reason
            assert recorder.events.count("reset") == 1
            assert recorder.available(shop.sku, channel=shop.channel) == 7
            assert len(recorder.numbers) == 3
            held = await shop.reserve((shop.sku, 1))
            await stream.until(lambda told: told.available(shop.sku, channel=shop.channel) == 6)
            await shop.release(held.reservation_id)
    recorder.of = of(shop)
    async with watching(segmented_stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.synced)
        assert resets(recorder) == ["OTHER_FILTER"]
    assert_kept_every_promise(recorder)


async def test_a_token_that_is_none_is_refused(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs)
    for token in ("made-up", "AAAA", joined_token({NORTH: "AAAA", SOUTH: "AAAA"})):
        stream = Watch(segmented_stubs, Recorder(of(shop)), resume_token=token)
        assert read_error(await stream.ended()) == invalid("resume_token"), token


# A channel that comes to sell from another segment.


@pytest.mark.parametrize("by", ["pool", "channel"])
async def test_a_watch_ends_and_begins_anew_when_its_channel_spans(segmented_stubs: Any, by: str) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=4)
    channel, pool = some("channel"), some("pool")
    await put_pool(segmented_stubs, pool, shop.locations[:1])
    await put_channel(segmented_stubs, channel, pool)
    recorder = Recorder(of(shop, channels=[channel]))
    stream = Watch(segmented_stubs, recorder, resume_token="")
    await stream.until(lambda told: told.synced)
    assert recorder.available(shop.sku, channel=channel) == 3
    assert set(recorder.places) == {NORTH}
    catalog = segmented_stubs.catalog
    if by == "channel":
        told = PutChannelsRequest(request_id=uuid7(), channels=[Channel(channel=channel, pool=shop.pool)])
        await catalog.PutChannels(told)
    else:
        wider = Pool(pool=pool, locations=shop.locations)
        await catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=[wider]))
    refusal = read_error(await stream.ended())
    assert (refusal.reason, refusal.metadata["cause"]) == ("WATCH_ENDED", "OTHER_SEGMENTS")
    recorder.token = refusal.metadata["resume_token"]
    async with watching(segmented_stubs, recorder, resume=True) as again:
        await again.until(lambda told: told.synced)
        assert resets(recorder) == ["OTHER_SEGMENTS"]
        assert recorder.available(shop.sku, channel=channel) == 7
    await assert_convergent(recorder, segmented_stubs)
    assert_kept_every_promise(recorder)


async def test_a_watch_goes_on_when_its_channel_spans_no_more(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=4)
    recorder = Recorder(of(shop))
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
        pool = Pool(pool=shop.pool, locations=shop.locations[:1])
        await segmented_stubs.catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=[pool]))
        await stream.until(lambda told: told.available(shop.sku, channel=shop.channel) == 3)
    await shop.reserve((shop.sku, 1))
    async with watching(segmented_stubs, recorder, resume=True) as stream:
        await in_step(stream, shop)
        assert resets(recorder) == []
        assert recorder.available(shop.sku, channel=shop.channel) == 2
    await assert_convergent(recorder, segmented_stubs)
    assert_kept_every_promise(recorder)


# A reader that is slow.

# A connection that takes 64 KiB ahead of its reader, where gRPC would let it grow to megabytes.
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 * 1024))
MANY = 2_000


async def receive_everywhere(stubs: Any, shop: Regions, skus: list[str]) -> None:
    for location in shop.locations:
        for begin in range(0, len(skus), 1000):
            lines = [ReceiptLine(sku=sku, location=location, quantity=1) for sku in skus[begin : begin + 1000]]
            await stubs.inventory.ReceiveStock(ReceiveStockRequest(request_id=uuid7(), lines=lines))


@pytest.mark.parametrize("ends", [False, True], ids=["comes back", "stays away"])
async def test_who_takes_nothing_for_a_while_is_told_the_latest_or_is_ended(
    segmented: TestAuthority, ends: bool
) -> None:
    """More is told than the connection takes without being read."""
    process = segmented.start_server(HOLDFAST_WATCH_STALL_SECONDS="1" if ends else "30")
    try:
        async with stubs_of(process.target, *NARROW) as stubs, stubs_of(process.target) as others:
            shop = await open_regions(others)
            skus = [some("sku") for _ in range(MANY)]
            for begin in range(0, MANY, 1000):
                items = [Item(sku=sku) for sku in skus[begin : begin + 1000]]
                await others.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=items))
            recorder = Recorder(of(shop, skus=skus))
            recorder.streams.append([])
            recorder.began_with.append("")
            call = stubs.inventory.WatchAvailability(WatchAvailabilityRequest(filter=recorder.of))
            recorder.take(await call.read())
            for _ in range(4):
                await receive_everywhere(others, shop, skus)
            now = await shop.heads()
            if ends:
                await asyncio.sleep(3)
            refusal = await taken_until(call, recorder, now)
            if ends:
                assert refusal is not None
                assert (refusal.reason, refusal.metadata["limit"]) == ("WATCHER_TOO_SLOW", "watch_stall_seconds")
                assert set(parts_of_token(refusal.metadata["resume_token"]) or ()) == set(SEGMENTS)
                async with watching(others, recorder, resume=recorder.synced) as stream:
                    await stream.until(lambda told: told.knows(now))
            else:
                assert refusal is None
                call.cancel()
                assert sum(change.skipped_count for change in recorder.changes) > 0
                received = dict.fromkeys(recorder.numbers, 0)
                for change in recorder.changes:
                    received[key_of(change)] += sum(cause.operation_count for cause in change.causes)
                assert set(received.values()) == {8}, "four in each segment"
            await assert_convergent(recorder, others)
            assert_ordered(recorder)
            assert_bookmarkable(recorder)
    finally:
        process.stop()


async def taken_until(call: Any, recorder: Recorder, now: list[Revision]) -> Refusal | None:
    """Takes what comes until the stream stands somewhere; returns what it ended with, if it did before."""
    try:
        async with asyncio.timeout(30):
            while not (recorder.synced and recorder.knows(now)):
                recorder.take(await call.read())
    except grpc.aio.AioRpcError as error:
        return read_error(error)
    return None
