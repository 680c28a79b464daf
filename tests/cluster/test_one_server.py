"""One server of two segments whose slots lie on two masters: an order that takes from both, while one is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import grpc
import pytest

from api.calls import patiently, stubs_of, together
from api.refusals import read_error
from api.regions import NORTH, SEGMENTS, SOUTH, open_regions
from api.shop import assert_ledger_is_sound
from support.authority import TestAuthority
from support.cluster import ValkeyCluster
from support.servers import Servers

ORDERS = 60
UNITS = 45


@pytest.fixture
def spread(servers: Servers, cluster: ValkeyCluster) -> Iterator[TestAuthority]:
    cluster.flush()
    segments = {"HOLDFAST_SEGMENTS": ",".join(SEGMENTS)}
    found = TestAuthority(servers, database="spread", segment=NORTH, redis_url=cluster.url, environment=segments)
    found.start_server()
    yield found
    found.close()


async def test_an_order_of_both_is_whole_or_not_there_when_a_master_is_lost(
    cluster: ValkeyCluster, spread: TestAuthority
) -> None:
    """More orders than there are units, each of a unit from either segment; nobody gives up."""
    assert cluster.owner(NORTH) is not cluster.owner(SOUTH)
    async with stubs_of(spread.target) as stubs:
        shop = await open_regions(stubs, skus=2)
        first, second = shop.skus
        await shop.stock(first, north=UNITS)
        await shop.stock(second, south=UNITS)

        async def order(number: int) -> str:
            await asyncio.sleep(number * 0.05)
            try:
                answer = await patiently(stubs.inventory.CreateReservation, shop.demand((first, 1), (second, 1)))
            except grpc.aio.AioRpcError as error:
                return read_error(error).reason
            assert {line.sku: line.quantity for line in answer.reservation.lines} == {first: 1, second: 1}
            return str(answer.reservation.reservation_id)

        orders = [asyncio.create_task(order(number)) for number in range(ORDERS)]
        await asyncio.sleep(0.5)
        old = cluster.owner(SOUTH)
        await asyncio.to_thread(old.kill)
        await asyncio.to_thread(cluster.until_owner_is_not, SOUTH, old)
        outcomes = await together(orders)
        won = {one for one in outcomes if one != "INSUFFICIENT_STOCK"}
        assert len(won) == UNITS
        assert await shop.units_left(first) == (0, 0)
        assert await shop.units_left(second) == (0, 0)
        for reservation_id in list(won)[:5]:
            await shop.commit(reservation_id)
        await assert_ledger_is_sound(stubs)
