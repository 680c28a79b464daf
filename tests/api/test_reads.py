"""Reads: never older than what the reader has been told, never of what is not there."""

from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.audit_service_pb2 import ListSegmentsRequest, SegmentState
from holdfast.inventory.v1.catalog_pb2 import Item
from holdfast.inventory.v1.catalog_service_pb2 import GetItemRequest, PutItemsRequest
from holdfast.inventory.v1.inventory_service_pb2 import (
    AvailabilityKey,
    BatchGetAvailabilityRequest,
    GetAvailabilityRequest,
    GetReservationRequest,
)
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.stock_pb2 import MovementKind, StockStatus

from api.calls import stubs_of, together
from api.ids import some, uuid7
from api.refusals import invalid, not_found, refusal_of
from api.shop import Shop, ledger_verdict, open_shop, put_channel, put_pool


async def test_every_writer_reads_its_own_write(stubs: Any) -> None:
    """Sixty writers at once; each sees its own reservation in the availability, and in the reservation."""
    shop = await open_shop(stubs, units=60)

    async def write_then_read() -> None:
        response = await stubs.inventory.CreateReservation(shop.one_unit())
        key = AvailabilityKey(sku=shop.sku, channel=shop.channel)
        request = BatchGetAvailabilityRequest(keys=[key], min_revision=response.revision)
        read = await stubs.inventory.BatchGetAvailability(request)
        assert read.revision.position >= response.revision.position
        assert read.availabilities[0].available_to_sell_quantity < 60
        request = GetReservationRequest(reservation_id=response.reservation.reservation_id)
        assert (await stubs.inventory.GetReservation(request)).reservation == response.reservation

    await together(write_then_read() for _ in range(60))
    assert await shop.available() == 0


async def test_one_client_counts_down_without_ever_seeing_an_old_number(stubs: Any) -> None:
    shop = await open_shop(stubs, units=20)
    for left in range(19, -1, -1):
        await shop.reserve((shop.sku, 1))
        assert await shop.available() == left


async def test_what_one_server_answered_another_server_shows(pair: Any) -> None:
    first_target, second_target = pair.targets
    async with stubs_of(first_target) as first, stubs_of(second_target) as second:
        shop = await open_shop(first, units=20)
        there = shop.seen_through(second)
        for left in range(19, -1, -1):
            reserved = await shop.reserve((shop.sku, 1))
            assert await there.available() == left
            request = GetReservationRequest(reservation_id=reserved.reservation_id)
            assert (await second.inventory.GetReservation(request)).reservation == reserved
            assert (await there.movements())[-1].reservation_id == reserved.reservation_id


async def test_a_revision_that_was_not_reached_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    key = AvailabilityKey(sku=shop.sku, channel=shop.channel)
    reached = (await stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))).revision
    far_ahead = Revision(segment=reached.segment, position=reached.position + 1_000_000)
    request = BatchGetAvailabilityRequest(keys=[key], min_revision=far_ahead)
    refusal = await refusal_of(stubs.inventory.BatchGetAvailability(request))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert refusal.metadata["segment"] == reached.segment
    assert refusal.metadata["expected"] == str(far_ahead.position)
    assert int(refusal.metadata["actual"]) >= reached.position


async def test_all_answers_of_one_call_are_of_one_moment(stubs: Any) -> None:
    """Baskets always take one of each SKU, so no reader may see more of one than of the other."""
    shop = await open_shop(stubs, skus=2, units=100)
    keys = [AvailabilityKey(sku=sku, channel=shop.channel) for sku in shop.skus]

    async def buy() -> None:
        for _ in range(10):
            await shop.reserve(*((sku, 1) for sku in shop.skus))

    async def look() -> None:
        for _ in range(25):
            read = await stubs.inventory.BatchGetAvailability(BatchGetAvailabilityRequest(keys=keys))
            first, second = (told.available_to_sell_quantity for told in read.availabilities)
            assert first == second

    await together([*(buy() for _ in range(8)), *(look() for _ in range(4))])
    assert await shop.available() == 20


@pytest.mark.parametrize("batched", [False, True])
async def test_unknown_things_are_told_by_name(stubs: Any, batched: bool) -> None:
    shop = await open_shop(stubs, units=1)

    async def told(key: AvailabilityKey) -> Any:
        if batched:
            good = AvailabilityKey(sku=shop.sku, channel=shop.channel)
            request = BatchGetAvailabilityRequest(keys=[good, key])
            return await refusal_of(stubs.inventory.BatchGetAvailability(request))
        return await refusal_of(stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key)))

    path = "keys[1]" if batched else "key"
    nothing = AvailabilityKey(sku="nothing", channel=shop.channel)
    assert await told(nothing) == not_found("UNKNOWN_SKU", sku="nothing")
    nobody = AvailabilityKey(sku=shop.sku, channel="nobody")
    assert await told(nobody) == not_found("UNKNOWN_CHANNEL", channel="nobody")
    nowhere = AvailabilityKey(sku=shop.sku, location="nowhere")
    assert await told(nowhere) == not_found("UNKNOWN_LOCATION", location="nowhere")
    assert (await told(AvailabilityKey(channel=shop.channel))).invalid_fields == (f"{path}.sku",)
    assert (await told(AvailabilityKey(sku=shop.sku))).invalid_fields == (f"{path}.scope",)


async def test_a_request_for_nothing_is_refused(stubs: Any) -> None:
    assert await refusal_of(stubs.inventory.GetAvailability(GetAvailabilityRequest())) == invalid("key")
    empty = BatchGetAvailabilityRequest()
    assert await refusal_of(stubs.inventory.BatchGetAvailability(empty)) == invalid("keys")


async def test_unknown_reservations_and_items_are_told_by_name(stubs: Any) -> None:
    request = GetReservationRequest(reservation_id="main-unknown")
    assert await refusal_of(stubs.inventory.GetReservation(request)) == not_found(
        "UNKNOWN_RESERVATION", reservation_id="main-unknown"
    )
    assert await refusal_of(stubs.catalog.GetItem(GetItemRequest(sku="nothing"))) == not_found(
        "UNKNOWN_SKU", sku="nothing"
    )


async def test_a_sku_that_was_never_at_a_location_has_no_level_there(stubs: Any) -> None:
    shop = await open_shop(stubs)
    key = AvailabilityKey(sku=shop.sku, location=shop.location)
    response = await stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))
    assert response.availability.available_to_sell_quantity == 0
    assert not response.availability.HasField("stock_level")


async def test_units_that_may_not_be_sold_are_on_hand_but_not_available(stubs: Any) -> None:
    shop = await open_shop(stubs)
    for status in (StockStatus.STOCK_STATUS_QUALITY_HOLD, StockStatus.STOCK_STATUS_DAMAGED):
        request = shop.receipt(shop.sku, shop.location, 4)
        request.lines[0].status = status
        await stubs.inventory.ReceiveStock(request)
    level = await shop.level()
    assert (level.quality_hold_quantity, level.damaged_quantity, level.net_quantity) == (4, 4, 0)
    assert await shop.available() == 0
    refusal = await refusal_of(stubs.inventory.CreateReservation(shop.one_unit()))
    assert refusal.metadata["available"] == "0"


async def test_a_change_of_pool_or_channel_shows_at_once(stubs: Any) -> None:
    """Units do not move, but what a channel may sell follows the rule of the moment."""
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    other_pool, other_channel = some("pool"), some("channel")
    await put_pool(stubs, other_pool, (far,))
    await put_channel(stubs, other_channel, other_pool)
    assert await shop.available(channel=other_channel) == 5
    await put_pool(stubs, shop.pool, (near,))
    assert await shop.available() == 5
    await put_pool(stubs, shop.pool, (far, near))
    reserved = await shop.reserve((shop.sku, 1))
    assert reserved.lines[0].location == far, "the new order holds for the next decision"
    assert await shop.available() == 9
    assert await shop.available(channel=other_channel) == 4
    await put_channel(stubs, shop.channel, other_pool)
    assert await shop.available() == 4
    await put_pool(stubs, other_pool, ())
    assert await shop.available() == 0


async def test_a_negative_net_at_one_location_takes_nothing_from_the_others(stubs: Any) -> None:
    """And the check of the ledger tells it as uncovered, which is no fault, not as oversold."""
    shop = await open_shop(stubs, locations=2, units=5)
    reserved = await shop.reserve((shop.sku, 5, shop.location))
    before = await ledger_verdict(stubs)
    level = await shop.adjust(-3)
    assert level.net_quantity == -3
    assert await shop.available() == 5
    after = await ledger_verdict(stubs)
    assert after.uncovered_quantity == before.uncovered_quantity + 3
    assert after.oversold_quantity == before.oversold_quantity == 0
    await shop.release(reserved.reservation_id)
    assert await ledger_verdict(stubs) == before
    assert await shop.available() == 7


async def test_an_item_reads_as_it_was_put(stubs: Any) -> None:
    item = Item(sku=some("sku"), display_name="Größe M, blau", base_unit="metre", scale=3)
    await stubs.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=[item]))
    assert (await stubs.catalog.GetItem(GetItemRequest(sku=item.sku))).item == item


async def test_a_movement_says_who_why_and_on_whose_behalf(stubs: Any) -> None:
    """The promise Explained: every change carries its cause and the balance after it."""
    shop: Shop = await open_shop(stubs)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    request = shop.receipt(shop.sku, shop.location, 3, reason="spring delivery", reference="receipt 7")
    metadata = (
        ("holdfast-caller", "goods-in"),
        ("holdfast-on-behalf-of", "maria"),
        ("traceparent", trace),
    )
    response = await stubs.inventory.ReceiveStock(request, metadata=metadata)
    (movement,) = await shop.movements()
    assert movement.kind == MovementKind.MOVEMENT_KIND_RECEIVE
    assert (movement.caller, movement.on_behalf_of) == ("goods-in", "maria")
    assert movement.trace_parent.split("-")[1] == trace.split("-")[1]
    assert (movement.reason, movement.reference) == ("spring delivery", "receipt 7")
    assert (movement.request_id, movement.revision) == (request.request_id, response.revision)
    assert movement.balance == response.stock_levels[0]
    assert movement.sellable_delta == 3


async def test_the_segment_shows_that_it_decides_and_how_far_it_is(stubs: Any) -> None:
    await open_shop(stubs, units=1)
    (segment,) = (await stubs.audit.ListSegments(ListSegmentsRequest())).segments
    assert segment.state == SegmentState.SEGMENT_STATE_OPEN
    assert segment.state_reason == ""
    shop = await open_shop(stubs, units=1)
    (later,) = (await stubs.audit.ListSegments(ListSegmentsRequest())).segments
    assert later.position >= segment.position + 5, "each of the five mutations took a revision"
    assert (later.lineage, later.epoch) == (segment.lineage, segment.epoch)
    first = (await shop.movements())[0].revision
    assert (first.segment, first.position <= later.position) == (segment.segment, True)
