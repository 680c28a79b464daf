"""How a watch ends: with its token, by itself, for whoever takes nothing, and when the server goes; and what stays."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.catalog_pb2 import Item
from holdfast.inventory.v1.catalog_service_pb2 import PutItemsRequest
from holdfast.inventory.v1.inventory_service_pb2 import ReceiptLine, ReceiveStockRequest
from holdfast.inventory.v1.watch_pb2 import AvailabilityFilter, WatchAvailabilityRequest

from api.calls import patiently, stubs_of, until
from api.ids import some, uuid7
from api.refusals import read_error
from api.shop import Shop, open_shop
from api.watch_promises import (
    assert_begins_well,
    assert_bookmarkable,
    assert_complete,
    assert_convergent,
    assert_durable,
    assert_ordered,
    assert_resumable,
)
from api.watching import Recorder, Watch, watching
from support.authority import TestAuthority
from support.servers import Servers

STALL_SECONDS = 1
# How long one watch is cut off again and again.
CUT_SECONDS = int(os.environ.get("HOLDFAST_CUT_SECONDS", "6"))
# A connection that takes 64 KiB ahead of its reader, where gRPC would let it grow to megabytes.
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 * 1024))


@pytest.fixture(scope="module")
def impatient(servers: Servers) -> Iterator[TestAuthority]:
    """An authority whose streams live for a few seconds, and wait for nobody."""
    own = TestAuthority(
        servers,
        database="impatient",
        segment="impatient",
        environment={
            "HOLDFAST_WATCH_STALL_SECONDS": str(STALL_SECONDS),
            "HOLDFAST_WATCH_BOOKMARK_SECONDS": "0.5",
            "HOLDFAST_WATCH_LINGER_SECONDS": "1",
            "HOLDFAST_MAX_WATCHERS": "50",
        },
    )
    own.start_server(HOLDFAST_WATCH_MAX_AGE_SECONDS="2")
    own.start_server()
    yield own
    own.close()


def of(shop: Shop) -> AvailabilityFilter:
    return AvailabilityFilter(channels=[shop.channel], locations=shop.locations, skus=shop.skus)


async def test_an_old_stream_ends_with_its_token_and_the_watch_goes_on(impatient: TestAuthority) -> None:
    async with stubs_of(impatient.targets[0]) as stubs:
        shop = await open_shop(stubs, units=9)
        recorder = Recorder(of(shop))
        stream = Watch(stubs, recorder, resume_token="")
        await stream.until(lambda told: told.synced)
        refusal = read_error(await stream.ended())
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "WATCH_ENDED")
        assert refusal.metadata == {"cause": "MAX_AGE", "resume_token": recorder.token}
        assert refusal.retry_seconds is not None
        assert "bookmark" in recorder.events, "it told where it stands while nothing changed"
        taken = await shop.reserve((shop.sku, 2))
        async with watching(stubs, recorder, resume=True) as stream:
            await stream.until(lambda told: told.position >= taken.revision.position)
            assert "reset" not in recorder.events
        await assert_convergent(recorder, stubs)


async def many_items(stubs: Any, count: int) -> list[str]:
    skus = [some("sku") for _ in range(count)]
    for begin in range(0, count, 1000):
        items = [Item(sku=sku) for sku in skus[begin : begin + 1000]]
        await stubs.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=items))
    return skus


async def test_who_takes_nothing_is_ended_and_holds_up_nobody(impatient: TestAuthority) -> None:
    """More is told than the connection takes without being read."""
    async with stubs_of(impatient.target, *NARROW) as stubs, stubs_of(impatient.target) as others:
        shop = await open_shop(stubs, units=9)
        skus = await many_items(stubs, 9_000)
        everything = AvailabilityFilter(channels=[shop.channel], skus=skus)
        call = stubs.inventory.WatchAvailability(WatchAvailabilityRequest(filter=everything))
        first = await call.read()
        assert first.snapshot.values
        # Nothing more is taken, and what is told does not fit on the way.
        for _ in range(3):
            for begin in range(0, len(skus), 1000):
                lines = [ReceiptLine(sku=sku, location=shop.location, quantity=1) for sku in skus[begin : begin + 1000]]
                await stubs.inventory.ReceiveStock(ReceiveStockRequest(request_id=uuid7(), lines=lines))
        recorder = Recorder(of(shop))
        async with watching(others, recorder) as stream:
            await stream.until(lambda told: told.synced)
            taken = await shop.reserve((shop.sku, 2))
            await stream.until(lambda told: told.position >= taken.revision.position)
        await asyncio.sleep(STALL_SECONDS * 1.5)
        refusal = read_error(await end_of(call))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW")
        assert refusal.metadata["limit"] == "watch_stall_seconds"


async def end_of(call: Any) -> grpc.aio.AioRpcError:
    """Takes all that is left, and returns what the stream ended with."""
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("it ended well")


async def test_no_more_watch_than_may(impatient: TestAuthority) -> None:
    async with stubs_of(impatient.target) as stubs:
        shop = await open_shop(stubs, units=9)
        streams = [Watch(stubs, Recorder(of(shop)), resume_token="") for _ in range(60)]
        await asyncio.gather(*(self_or_end(stream) for stream in streams), return_exceptions=True)
        synced = [stream for stream in streams if stream.recorder.synced]
        refused = [stream for stream in streams if not stream.recorder.synced]
        assert len(synced) <= 50
        for stream in refused:
            refusal = read_error(await stream.ended())
            assert (refusal.reason, refusal.metadata["limit"]) == ("OVERLOADED", "max_watchers")
        await asyncio.gather(*(stream.cancel() for stream in synced))
        recorder = Recorder(of(shop))

        async def one_more() -> bool:
            stream = Watch(stubs, recorder, resume_token="")
            try:
                await stream.until(lambda told: told.synced)
            except grpc.aio.AioRpcError:
                return False
            await stream.cancel()
            return True

        await until(one_more, "the places of those who left")


async def self_or_end(stream: Watch) -> None:
    await stream.until(lambda told: told.synced)


async def test_who_goes_in_the_middle_of_a_message_leaves_nothing_behind(impatient: TestAuthority) -> None:
    async with stubs_of(impatient.target) as stubs:
        shop = await open_shop(stubs, units=9)
        skus = await many_items(stubs, 3_000)
        everything = AvailabilityFilter(channels=[shop.channel], skus=skus)
        for number in range(120):
            call = stubs.inventory.WatchAvailability(WatchAvailabilityRequest(filter=everything))
            if number % 2:
                await call.read()
            call.cancel()
        recorder = Recorder(of(shop))

        async def served() -> bool:
            try:
                async with watching(stubs, recorder) as stream:
                    await stream.until(lambda told: told.synced)
            except grpc.aio.AioRpcError:
                return False
            return True

        await until(served, "the places of those who went: more than there are places for")


async def test_a_server_that_stops_ends_its_watches_with_their_tokens(servers: Servers) -> None:
    own = TestAuthority(servers, database="stopping", segment="stopping")
    first = own.start_server()
    second = own.start_server()
    async with stubs_of(first.target) as here, stubs_of(second.target) as there:
        shop = await open_shop(there, units=60)
        recorders = [Recorder(of(shop)) for _ in range(10)]
        streams = [Watch(here, recorder, resume_token="") for recorder in recorders]
        await asyncio.gather(*(stream.until(lambda told: told.synced) for stream in streams))
        buying = asyncio.create_task(buy(shop, 30))
        assert await asyncio.to_thread(first.stop) == 0
        for stream in streams:
            refusal = read_error(await stream.ended())
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "WATCH_ENDED")
            assert refusal.metadata == {"cause": "SHUTDOWN", "resume_token": stream.recorder.token}
        last = await buying
        for recorder in recorders:
            async with watching(there, recorder, resume=True) as stream:
                await stream.until(lambda told: told.position >= last)
            await assert_convergent(recorder, there)
            assert_begins_well(recorder)
    own.close()


async def buy(shop: Shop, count: int) -> int:
    """Returns the position of the last of so many reservations."""
    position = 0
    for _ in range(count):
        response = await patiently(shop.stubs.inventory.CreateReservation, shop.one_unit())
        position = response.revision.position
    return position


@pytest.mark.parametrize("lost", ["kill_valkey", "kill_writer", "kill_postgres"])
async def test_11_what_is_lost_under_load_loses_no_change(killable: TestAuthority, lost: str) -> None:
    """Complaint: a stream skips what happened while something was down, or tells what was taken back."""
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=200)
        recorder = Recorder(of(shop))
        stream = Watch(stubs, recorder, resume_token="")
        await stream.until(lambda told: told.synced)
        start = recorder.position
        buyers = [asyncio.create_task(buy(shop, 25)) for _ in range(4)]
        await asyncio.sleep(0.2)
        await asyncio.to_thread(getattr(killable, lost))
        end = max(await asyncio.gather(*buyers))
        await follow_to(stubs, recorder, stream, end)
        await assert_convergent(recorder, stubs)
        movements = await shop.movements(location=shop.location)
        assert_ordered(recorder)
        assert_bookmarkable(recorder)
        assert_complete(recorder, movements, location=shop.location, start=start, end=recorder.position)
        assert_durable(recorder, (await shop.revision()).position)


async def follow_to(stubs: Any, recorder: Recorder, stream: Watch, end: int) -> None:
    """Reads on, and again from the token as often as the stream breaks, until it has told of a position."""
    async with asyncio.timeout(60):
        while recorder.position < end:
            try:
                await stream.until(lambda told: told.position >= end)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
                stream = Watch(stubs, recorder, resume_token=recorder.token)
    await stream.cancel()


@pytest.mark.timeout(300 + 2 * CUT_SECONDS)
async def test_11_a_watch_that_is_cut_at_random_tells_every_change_once(pair: TestAuthority) -> None:
    """Complaint: a consumer that reconnects misses what happened meanwhile, or applies it twice."""
    chance = random.Random(11)
    async with stubs_of(pair.targets[0]) as here, stubs_of(pair.targets[1]) as there:
        shop = await open_shop(here, skus=3, units=1_000_000)
        whole, cut = Recorder(of(shop)), Recorder(of(shop))
        steady = Watch(here, whole, resume_token="")
        await steady.until(lambda told: told.synced)
        async with watching(there, cut) as stream:
            await stream.until(lambda told: told.synced)
        start = cut.position
        ends = asyncio.get_running_loop().time() + CUT_SECONDS
        buyers = [asyncio.create_task(buy_until(shop, ends, chance)) for _ in range(4)]
        while not all(buyer.done() for buyer in buyers):
            async with watching(chance.choice((here, there)), cut, resume=True):
                await asyncio.sleep(chance.random() * 0.1)
        end = max([await buyer for buyer in buyers])
        async with watching(here, cut, resume=True) as stream:
            await stream.until(lambda told: told.position >= end)
        await steady.until(lambda told: told.position >= end)
        await steady.cancel()
        movements = [m for sku in shop.skus for m in await shop.movements(sku=sku)]
        for recorder in (whole, cut):
            await assert_convergent(recorder, here)
            assert_ordered(recorder)
            assert_begins_well(recorder)
            assert_bookmarkable(recorder)
        assert_resumable(cut, whole.numbers)
        assert len(cut.streams) > CUT_SECONDS
        assert_complete(cut, movements, location=shop.location, start=start, end=cut.position)


async def buy_until(shop: Shop, ends: float, chance: random.Random) -> int:
    """Returns the position of the last reservation before a moment of the loop's clock."""
    position = 0
    while asyncio.get_running_loop().time() < ends:
        request = shop.demand((chance.choice(shop.skus), 1))
        position = (await patiently(shop.stubs.inventory.CreateReservation, request)).revision.position
        await asyncio.sleep(chance.random() * 0.02)
    return position


async def test_many_who_come_back_at_once_are_all_served(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=20, units=50)
    recorder = Recorder(of(shop))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    last = await buy(shop, 5)
    recorders = [Recorder(of(shop), token=recorder.token) for _ in range(2_000)]
    streams = [Watch(stubs, each, resume_token=each.token) for each in recorders]
    await asyncio.gather(*(stream.until(lambda told: told.position >= last, seconds=90) for stream in streams))
    for each in recorders:
        assert each.available(shop.sku, channel=shop.channel) == 45
        assert "reset" not in each.events
    await asyncio.gather(*(stream.cancel() for stream in streams))
