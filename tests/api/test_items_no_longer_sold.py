"""Items that are no longer sold: whoever asks is refused, and what is there can still be dealt with."""

from typing import Any

from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.stock_pb2 import StockStatus

from api.refusals import read_status, refusal_of, refused_as
from api.shop import left, open_shop, put_item


async def test_whoever_asks_for_it_is_refused_by_name(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    gone, kept = shop.skus
    await put_item(stubs, gone, inactive=True)
    inactive = refused_as("ITEM_INACTIVE", sku=gone)
    assert await refusal_of(shop.reserve((gone, 1))) == inactive
    assert await refusal_of(shop.reserve((kept, 1), (gone, 1, shop.location))) == inactive
    batch = inventory.BatchCreateReservationsRequest(requests=[shop.demand((gone, 1)), shop.demand((kept, 1))])
    first, second = (await stubs.inventory.BatchCreateReservations(batch)).results
    assert read_status(first.refusal) == inactive
    assert second.HasField("created")
    assert await shop.available(kept) == 4


async def test_it_can_be_sold_again(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    await put_item(stubs, shop.sku, inactive=True)
    assert (await stubs.catalog.GetItem(catalog_service.GetItemRequest(sku=shop.sku))).item.inactive
    await put_item(stubs, shop.sku)
    await shop.reserve((shop.sku, 5))


async def test_what_was_reserved_before_is_served_and_may_come_back(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 3))
    hold = await shop.reserve((shop.sku, 1))
    await put_item(stubs, shop.sku, inactive=True)
    await shop.commit(hold.reservation_id)
    await shop.release(hold.reservation_id)
    await shop.fulfill(order.reservation_id, left(1, 2))
    await shop.take_back((1, 1), reservation_id=order.reservation_id)
    assert (await shop.level()).quality_hold_quantity == 1


async def test_what_is_there_can_be_received_moved_and_counted(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    _, far = shop.locations
    await put_item(stubs, shop.sku, inactive=True)
    await shop.receive(1)
    await shop.adjust(-1)
    await shop.count(4)
    await shop.move_status(1, StockStatus.STOCK_STATUS_SELLABLE, StockStatus.STOCK_STATUS_DAMAGED)
    transfer = await shop.ship((shop.sku, 2), to=far)
    await shop.arrive(transfer.transfer_id)
    assert (await shop.level(location=far)).sellable_quantity == 7
    await shop.plan((shop.sku, 5))


async def test_a_part_that_is_not_sold_alone_is_sold_in_its_kit(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    kit = await put_item(stubs, parts=((shop.sku, 2),))
    await put_item(stubs, shop.sku, inactive=True)
    await shop.reserve((kit, 1))
    await put_item(stubs, kit, parts=((shop.sku, 2),), inactive=True)
    assert await refusal_of(shop.reserve((kit, 1))) == refused_as("ITEM_INACTIVE", sku=kit)
