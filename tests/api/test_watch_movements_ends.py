"""Streams of movements whose readers are slow, that get old, whose server or sequencer goes: nothing is missed."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import psycopg
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import ReceiptLine, ReceiveStockRequest
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.watch_pb2 import MovementFilter, WatchMovementsRequest, WatchResetReason

from api.calls import patiently, stubs_of
from api.following import Follower, Following, assert_followed_in_order, booked, following, of, trade
from api.ids import uuid7
from api.refusals import read_error
from api.shop import Shop, open_shop
from support.authority import TestAuthority
from support.servers import Servers

# A connection that takes 64 KiB ahead of its reader, where gRPC would let it grow to megabytes.
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 * 1024))


def thousand(shop: Shop) -> ReceiveStockRequest:
    """One operation of a thousand movements."""
    lines = [ReceiptLine(sku=sku, location=shop.location, quantity=1) for sku in shop.skus]
    return ReceiveStockRequest(request_id=uuid7(), lines=lines, reason="w" * 200)


async def test_a_reader_that_stops_reading_holds_up_nobody_and_misses_nothing(
    narrow: TestAuthority, narrow_stubs: Any
) -> None:
    shop = await open_shop(narrow_stubs, skus=1000)
    asked = MovementFilter(locations=shop.locations)
    slow, quick = Follower(of=asked), Follower(of=asked)
    async with (
        stubs_of(narrow.processes[0].target, *NARROW) as stuck,
        following(narrow_stubs, quick) as stream,
    ):
        call = stuck.inventory.WatchMovements(WatchMovementsRequest(filter=asked))
        slow.take(await call.read())
        await stream.until(lambda told: told.events)
        for _ in range(8):
            await narrow_stubs.inventory.ReceiveStock(thousand(shop))
        end = (await shop.revision()).position
        await stream.until(lambda told: told.position >= end)
        assert len(quick.movements) == 8_000
        async with asyncio.timeout(20):
            while slow.position < end:
                slow.take(await call.read())
        call.cancel()
    assert slow.movements == quick.movements
    assert_followed_in_order(slow)


async def test_a_stream_ends_at_its_greatest_age_and_goes_on_from_its_token(narrow: TestAuthority) -> None:
    process = narrow.start_server(HOLDFAST_WATCH_MAX_AGE_SECONDS="1")
    try:
        async with stubs_of(process.target) as stubs:
            shop = await open_shop(stubs, units=500)
            start = (await shop.revision()).position
            follower = Follower(of=of(shop))
            begin: dict[str, Any] = {"after_revision": Revision(segment="narrow", position=start)}
            ends = 0
            trading = asyncio.create_task(trade(shop, 60))
            while not trading.done() or ends < 2:
                refusal = read_error(await Following(stubs, follower, **begin).ended())
                assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "WATCH_ENDED")
                assert refusal.metadata["cause"] == "MAX_AGE"
                assert refusal.retry_seconds
                begin, ends = {"resume_token": refusal.metadata["resume_token"]}, ends + 1
                assert begin["resume_token"] == follower.token
            await trading
            end = (await shop.revision()).position
            async with following(stubs, follower, **begin) as stream:
                await stream.until(lambda told: told.position >= end)
            assert follower.movements == await booked(shop, after=start)
            assert not follower.resets
    finally:
        narrow.processes.remove(process)
        process.stop()


async def test_a_stream_ends_with_its_token_when_the_server_stops(narrow: TestAuthority) -> None:
    process = narrow.start_server()
    async with stubs_of(process.target) as stubs:
        shop = await open_shop(stubs, units=5)
        follower = Follower(of=of(shop))
        stream = Following(stubs, follower)
        await stream.until(lambda told: told.events)
        await shop.reserve((shop.sku, 1))
        narrow.processes.remove(process)
        stopping = asyncio.create_task(asyncio.to_thread(process.stop))
        refusal = read_error(await stream.ended())
        await stopping
    assert (refusal.reason, refusal.metadata["cause"]) == ("WATCH_ENDED", "SHUTDOWN")
    async with (
        stubs_of(narrow.processes[0].target) as stubs,
        following(stubs, follower, resume_token=refusal.metadata["resume_token"]) as stream,
    ):
        await stream.until(lambda told: told.movements)
    assert len(follower.movements) == 1


async def test_a_stream_that_nobody_reads_is_ended(narrow: TestAuthority) -> None:
    process = narrow.start_server(HOLDFAST_WATCH_STALL_SECONDS="2")
    try:
        async with stubs_of(process.target, *NARROW) as stubs:
            shop = await open_shop(stubs, skus=1000)
            asked = MovementFilter(locations=shop.locations)
            call = stubs.inventory.WatchMovements(WatchMovementsRequest(filter=asked))
            follower = Follower(of=asked)
            follower.take(await call.read())
            # The stream is stuck from the first one on. It is looked at once a second, so it is given up after two to
            # three seconds, and has two more in which it may take the status.
            stuck = asyncio.create_task(asyncio.sleep(3.5))
            for _ in range(8):
                await stubs.inventory.ReceiveStock(thousand(shop))
            await stuck
            refusal = await rest_of(call, follower)
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW")
            token = refusal.metadata["resume_token"]
            (count,) = [count for known, _, count in follower.places if known == token]
            del follower.movements[count:]
            end = (await shop.revision()).position
            async with following(stubs, follower, resume_token=token) as stream:
                await stream.until(lambda told: told.position >= end)
            assert len(follower.movements) == 8_000
    finally:
        narrow.processes.remove(process)
        process.stop()


async def rest_of(call: Any, follower: Follower) -> Any:
    """Reads on to the end, and returns the refusal that the stream ended with."""
    try:
        async with asyncio.timeout(20):
            while (response := await call.read()) is not grpc.aio.EOF:
                follower.take(response)
    except grpc.aio.AioRpcError as error:
        return read_error(error)
    raise AssertionError("the stream ended without a status of its own")


async def test_when_a_history_is_given_up_its_streams_end(servers: Servers) -> None:
    own = TestAuthority(servers, database="followed_lineage", segment="branch")
    own.start_server()
    try:
        async with stubs_of(own.target) as stubs:
            shop = await open_shop(stubs, units=5)
            follower = Follower(of=of(shop))
            stream = Following(stubs, follower)
            await stream.until(lambda told: told.places)
            with psycopg.connect(own.postgres_url, autocommit=True) as connection:
                connection.execute("UPDATE segment SET lineage = gen_random_uuid()")
            await shop.reserve((shop.sku, 1))
            refusal = read_error(await stream.ended())
            assert (refusal.reason, refusal.metadata["cause"]) == ("WATCH_ENDED", "OTHER_LINEAGE")
            assert not follower.movements, "nothing of the new history is told as if it were of the old one"
            async with following(stubs, follower, resume_token=refusal.metadata["resume_token"]) as stream:
                await stream.until(lambda told: told.movements)
            assert follower.resets[0].reason == WatchResetReason.WATCH_RESET_REASON_OTHER_LINEAGE
    finally:
        own.close()


@pytest.mark.parametrize("kill", ["kill_valkey", "kill_writer", "kill_postgres"])
async def test_nothing_is_missed_when_a_part_of_the_authority_dies_under_load(killable: Any, kill: str) -> None:
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=500)
        start = (await shop.revision()).position
        follower = Follower(of=of(shop))
        async with following(stubs, follower) as stream:
            await stream.until(lambda told: told.events)

            async def buy(count: int) -> None:
                for _ in range(count):
                    await patiently(stubs.inventory.CreateReservation, shop.one_unit())

            buyers = [asyncio.create_task(buy(20)) for _ in range(8)]
            for _ in range(2):
                known = len(follower.movements)
                await stream.until(lambda told, known=known: len(told.movements) > known + 20)  # type: ignore[misc]
                await asyncio.to_thread(getattr(killable, kill))
            await asyncio.gather(*buyers)
            end = (await shop.revision()).position
            await stream.until(lambda told: told.position >= end, seconds=40)
        assert follower.movements == await booked(shop, after=start)
        assert len(follower.movements) == 160
        assert_followed_in_order(follower)
