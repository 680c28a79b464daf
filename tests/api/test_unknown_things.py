"""Requests that could be right, but of things that are not there, or not so."""

from typing import Any

import pytest
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.revision_pb2 import Revision

from api.ids import uuid7
from api.refusals import invalid, not_found, read_status, refusal_of, refused_as
from api.requests import correction, demand, receipt
from api.shop import Shop, open_shop


async def test_an_unknown_channel_is_told_before_an_unknown_sku(shop: Shop) -> None:
    request = demand(channel="nobody", sku="nothing")(shop)
    refusal = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    assert refusal == not_found("UNKNOWN_CHANNEL", channel="nobody")


async def test_an_unknown_sku_is_told(shop: Shop) -> None:
    request = demand(sku="nothing", location="nowhere")(shop)
    refusal = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    assert refusal == not_found("UNKNOWN_SKU", sku="nothing")


async def test_an_unknown_location_is_told(shop: Shop) -> None:
    request = demand(location="nowhere")(shop)
    refusal = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    assert refusal == not_found("UNKNOWN_LOCATION", location="nowhere")


async def test_a_location_that_the_channel_does_not_sell_from_is_told(shop: Shop) -> None:
    elsewhere = (await open_shop(shop.stubs, units=5)).location
    request = demand(location=elsewhere)(shop)
    refusal = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    assert refusal == refused_as("LOCATION_NOT_IN_POOL", channel=shop.channel, location=elsewhere)


@pytest.mark.parametrize(("rpc", "make"), [("ReceiveStock", receipt), ("AdjustStock", correction)])
async def test_stock_of_unknown_things_cannot_be_booked(shop: Shop, rpc: str, make: Any) -> None:
    method = getattr(shop.stubs.inventory, rpc)
    assert await refusal_of(method(make(sku="nothing")(shop))) == not_found("UNKNOWN_SKU", sku="nothing")
    refusal = await refusal_of(method(make(location="nowhere")(shop)))
    assert refusal == not_found("UNKNOWN_LOCATION", location="nowhere")


@pytest.mark.parametrize("rpc", ["CommitReservation", "ExtendReservation", "ReleaseReservation"])
async def test_an_unknown_reservation_is_told(shop: Shop, rpc: str) -> None:
    request = getattr(inventory, f"{rpc}Request")(request_id=uuid7(), reservation_id="main-unknown")
    if rpc == "ExtendReservation":
        request.ttl.seconds = 60
    refusal = await refusal_of(getattr(shop.stubs.inventory, rpc)(request))
    assert refusal == not_found("UNKNOWN_RESERVATION", reservation_id="main-unknown")


async def test_a_pool_of_an_unknown_location_is_refused(shop: Shop) -> None:
    pool = catalog.Pool(pool=shop.pool, locations=[shop.location, "nowhere"])
    request = catalog_service.PutPoolsRequest(request_id=uuid7(), pools=[pool])
    refusal = await refusal_of(shop.stubs.catalog.PutPools(request))
    assert refusal == not_found("UNKNOWN_LOCATION", location="nowhere")


async def test_a_channel_of_an_unknown_pool_is_refused(shop: Shop) -> None:
    channel = catalog.Channel(channel=shop.channel, pool="no-pool")
    request = catalog_service.PutChannelsRequest(request_id=uuid7(), channels=[channel])
    refusal = await refusal_of(shop.stubs.catalog.PutChannels(request))
    assert refusal == not_found("UNKNOWN_POOL", pool="no-pool")


async def test_only_a_stopped_segment_of_that_name_can_be_resumed(stubs: Any) -> None:
    mode = audit.RESUME_MODE_REPLAY_JOURNAL
    unknown = audit.ResumeSegmentRequest(segment="north", mode=mode, reason="test")
    refusal = await refusal_of(stubs.audit.ResumeSegment(unknown))
    assert refusal == not_found("UNKNOWN_SEGMENT", segment="north")
    (segment,) = (await stubs.audit.ListSegments(audit.ListSegmentsRequest())).segments
    running = audit.ResumeSegmentRequest(segment=segment.segment, mode=mode, reason="test")
    refusal = await refusal_of(stubs.audit.ResumeSegment(running))
    assert refusal == refused_as("SEGMENT_NOT_STOPPED", segment=segment.segment, state="OPEN")
    unsaid = audit.ResumeSegmentRequest(segment=segment.segment, reason="test")
    assert await refusal_of(stubs.audit.ResumeSegment(unsaid)) == invalid("mode")


async def test_a_revision_of_an_unknown_segment_is_refused(shop: Shop) -> None:
    key = inventory.AvailabilityKey(sku=shop.sku, channel=shop.channel)
    request = inventory.BatchGetAvailabilityRequest(keys=[key], min_revision=Revision(segment="north", position=1))
    refusal = await refusal_of(shop.stubs.inventory.BatchGetAvailability(request))
    assert refusal == not_found("UNKNOWN_SEGMENT", segment="north")


async def test_a_refusal_in_a_batch_has_the_details_of_a_single_one(shop: Shop) -> None:
    request = demand(quantity=6)(shop)
    alone = await refusal_of(shop.stubs.inventory.CreateReservation(request))
    batch = inventory.BatchCreateReservationsRequest(requests=[request])
    result = (await shop.stubs.inventory.BatchCreateReservations(batch)).results[0]
    assert read_status(result.refusal) == alone
    assert alone.metadata["available"] == "5"


async def test_a_scale_cannot_change_once_there_is_a_level(shop: Shop) -> None:
    item = catalog.Item(sku=shop.sku, scale=2)
    request = catalog_service.PutItemsRequest(request_id=uuid7(), items=[item])
    refusal = await refusal_of(shop.stubs.catalog.PutItems(request))
    assert refusal == refused_as("SCALE_IN_USE", sku=shop.sku, scale="0")
