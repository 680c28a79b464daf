"""The greatest numbers, and the named limits: reached exactly, and told when passed."""

from typing import Any

import grpc
import pytest
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import inventory_service_pb2 as inventory

from api.ids import some, uuid7
from api.refusals import invalid, refusal_of, refused_as
from api.requests import MAX_QUANTITY, lines_of, receipt
from api.shop import Shop, open_shop


async def test_a_level_cannot_pass_the_greatest_quantity(shop: Shop) -> None:
    beyond = receipt(quantity=MAX_QUANTITY - 4)(shop)
    refusal = await refusal_of(shop.stubs.inventory.ReceiveStock(beyond))
    assert refusal == refused_as("QUANTITY_OVERFLOW", sku=shop.sku, location=shop.location)
    line = inventory.ReceiptLine(sku=shop.sku, location=shop.location, quantity=MAX_QUANTITY)
    twice = inventory.ReceiveStockRequest(request_id=uuid7(), lines=[line, line])
    refusal = await refusal_of(shop.stubs.inventory.ReceiveStock(twice))
    assert refusal == refused_as("QUANTITY_OVERFLOW", sku=shop.sku, location=shop.location)


async def test_the_greatest_level_is_kept_exactly(stubs: Any) -> None:
    """Every digit of the greatest quantity survives the scripts, the journal and the ledger."""
    shop = await open_shop(stubs, units=MAX_QUANTITY)
    reserved = await shop.reserve((shop.sku, MAX_QUANTITY - 1))
    assert await shop.available() == 1
    committed = await shop.commit(reserved.reservation_id)
    assert committed.lines[0].open_quantity == MAX_QUANTITY - 1
    level = await shop.level()
    assert (level.sellable_quantity, level.committed_quantity) == (MAX_QUANTITY, MAX_QUANTITY - 1)
    assert (await shop.adjust(-MAX_QUANTITY)).net_quantity == -(MAX_QUANTITY - 1)
    await shop.release(reserved.reservation_id)
    assert (await shop.level()).net_quantity == 0


async def test_a_demand_that_sums_beyond_the_greatest_quantity_is_refused(shop: Shop) -> None:
    request = shop.demand((shop.sku, MAX_QUANTITY), (shop.sku, MAX_QUANTITY))
    refusal = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    assert refusal.reason in ("INSUFFICIENT_STOCK", "INVALID_FIELD", "QUANTITY_OVERFLOW")


async def test_a_batch_of_more_than_ten_thousand_lines_is_refused(shop: Shop) -> None:
    requests = [lines_of(1000)(shop) for _ in range(11)]
    batch = inventory.BatchCreateReservationsRequest(requests=requests)
    assert await refusal_of(shop.stubs.inventory.BatchCreateReservations(batch)) == invalid("requests")


async def test_a_batch_of_more_than_a_thousand_requests_is_refused(shop: Shop) -> None:
    batch = inventory.BatchCreateReservationsRequest(requests=[shop.one_unit() for _ in range(1001)])
    assert await refusal_of(shop.stubs.inventory.BatchCreateReservations(batch)) == invalid("requests")


async def test_a_message_above_the_limit_is_refused_by_the_transport(shop: Shop) -> None:
    line = inventory.DemandLine(sku="A" * 64, quantity=1, location="B" * 64)
    huge = inventory.CreateReservationRequest(request_id=uuid7(), channel=shop.channel, lines=[line] * 40_000)
    assert huge.ByteSize() > 4 * 1024 * 1024
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shop.stubs.inventory.CreateReservation(huge)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_location_can_be_in_no_more_pools_than_the_limit(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    more = [catalog.Pool(pool=some("pool"), locations=shop.locations) for _ in range(64)]
    fits = catalog_service.PutPoolsRequest(request_id=uuid7(), pools=more[:63])
    await stubs.catalog.PutPools(fits)
    one_more = catalog_service.PutPoolsRequest(request_id=uuid7(), pools=more[63:])
    refusal = await refusal_of(stubs.catalog.PutPools(one_more))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
    assert refusal.metadata == {"limit": "max_pools_per_location", "value": "64"}
    assert refusal.retry_seconds is None, "waiting does not help"
    assert await shop.available() == 1


async def test_a_pool_can_serve_no_more_channels_than_the_limit(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    more = [catalog.Channel(channel=some("channel"), pool=shop.pool) for _ in range(100)]
    fits = catalog_service.PutChannelsRequest(request_id=uuid7(), channels=more[:99])
    await stubs.catalog.PutChannels(fits)
    one_more = catalog_service.PutChannelsRequest(request_id=uuid7(), channels=more[99:])
    refusal = await refusal_of(stubs.catalog.PutChannels(one_more))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
    assert refusal.metadata == {"limit": "max_channels_per_pool", "value": "100"}


async def test_a_reservation_cannot_be_split_over_more_places_than_the_limit(stubs: Any) -> None:
    """A thousand lines of six units, of which every location has one: 6,000 places are too many."""
    shop = await open_shop(stubs, skus=1_000, locations=6, units=1)
    too_many = shop.demand(*((sku, 6) for sku in shop.skus), allow_split=True)
    refusal = await refusal_of(stubs.inventory.CreateReservation(too_many))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
    assert refusal.metadata == {"limit": "max_placements_per_reservation", "value": "5000"}
    assert await shop.available() == 6
    exactly = await shop.reserve(*((sku, 5) for sku in shop.skus), allow_split=True)
    assert len(exactly.lines) == 5_000
    await shop.release(exactly.reservation_id)
    assert await shop.available(shop.skus[-1]) == 6
