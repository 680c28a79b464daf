"""One server of two segments: what a request names decides where it goes, and lists show what all of them have."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from holdfast.inventory.v1.audit_service_pb2 import ListSegmentsRequest, SegmentState, TraceOrderRequest
from holdfast.inventory.v1.catalog_pb2 import Channel, Item, KitPart, Location, Pool
from holdfast.inventory.v1.catalog_service_pb2 import (
    GetItemRequest,
    ListChannelsRequest,
    ListItemsRequest,
    ListLocationsRequest,
    ListPoolsRequest,
    ListRulesRequest,
    MoveAllotmentRequest,
    PutChannelsRequest,
    PutItemsRequest,
    PutLocationsRequest,
    PutPoolsRequest,
)
from holdfast.inventory.v1.inventory_service_pb2 import (
    AvailabilityKey,
    BatchGetAvailabilityRequest,
    GetAvailabilityRequest,
    ListReservationsRequest,
    ReceiptLine,
    ReceiveStockRequest,
)
from holdfast.inventory.v1.reconciliation_service_pb2 import ComparedLine, CompareStockRequest
from holdfast.inventory.v1.rules_pb2 import (
    Allotment,
    BackorderRule,
    ChannelBuffer,
    Distances,
    HoldLimit,
    LocationDistance,
    Rule,
    SafetyStock,
)
from holdfast.inventory.v1.supply_pb2 import CountLine, CountStockRequest, StreamCountsRequest, TransferReceiptLine

from api.calls import patiently, stubs_of, together, until
from api.ids import some, uuid7
from api.refusals import read_status, refusal_of
from api.regions import NORTH, SEGMENTS, SOUTH, Regions, open_regions
from api.shop import assert_ledger_is_sound, everything, ledger_verdict, left, open_shop
from support.authority import TestAuthority
from support.servers import Servers

BOTH = f"{NORTH},{SOUTH}"


async def put_locations(stubs: Any, *places: Location) -> None:
    await stubs.catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=places))


def spans(refusal: Any) -> tuple[str, str, str]:
    return refusal.reason, refusal.metadata.get("field", ""), refusal.metadata.get("segments", "")


# The catalog.


async def test_a_location_stays_in_its_segment(segmented_stubs: Any) -> None:
    there, here = some("loc"), some("loc")
    await put_locations(segmented_stubs, Location(location=there, segment=SOUTH), Location(location=here))
    # Put again without a segment it stays where it is.
    await put_locations(segmented_stubs, Location(location=there, display_name="The other shop"))
    listed = await everything(segmented_stubs.catalog.ListLocations, ListLocationsRequest(page_size=1), "locations")
    found = {one.location: one for one in listed}
    assert (found[there].segment, found[there].display_name) == (SOUTH, "The other shop")
    assert found[here].segment == NORTH
    assert len(listed) == len(found)
    refusal = await refusal_of(put_locations(segmented_stubs, Location(location=there, segment=NORTH)))
    assert spans(refusal) == ("SPANS_SEGMENTS", "locations[0].segment", f"{SOUTH},{NORTH}")
    new = some("loc")
    both = (Location(location=new, segment=SOUTH), Location(location=there, segment=NORTH))
    refusal = await refusal_of(put_locations(segmented_stubs, *both))
    assert spans(refusal) == ("SPANS_SEGMENTS", "locations[1].segment", f"{SOUTH},{NORTH}")
    # What was refused has placed nothing.
    await put_locations(segmented_stubs, Location(location=new, segment=NORTH))
    refusal = await refusal_of(put_locations(segmented_stubs, Location(location=some("loc"), segment="west")))
    assert (refusal.reason, refusal.metadata["segment"]) == ("UNKNOWN_SEGMENT", "west")


async def test_items_pools_and_channels_are_shown_once_and_whole(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2)
    catalog = segmented_stubs.catalog
    assert (await catalog.GetItem(GetItemRequest(sku=shop.sku))).item.sku == shop.sku
    items = [one.sku for one in await everything(catalog.ListItems, ListItemsRequest(page_size=7), "items")]
    assert len(items) == len(set(items))
    assert set(shop.skus) <= set(items)
    pools = {one.pool: one for one in await everything(catalog.ListPools, ListPoolsRequest(page_size=7), "pools")}
    assert list(pools[shop.pool].locations) == list(shop.locations)
    channels = await everything(catalog.ListChannels, ListChannelsRequest(page_size=7), "channels")
    (channel,) = [one for one in channels if one.channel == shop.channel]
    assert (channel.pool, channel.segment) == (shop.pool, NORTH)


async def test_a_channel_is_at_home_where_its_pool_begins_and_stays_there(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs)
    south_pool, south_channel = some("pool"), some("channel")
    pools = [Pool(pool=south_pool, locations=shop.locations[1:])]
    await segmented_stubs.catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=pools))

    async def put(**fields: str) -> None:
        channels = [Channel(channel=south_channel, **fields)]
        await segmented_stubs.catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=channels))

    await put(pool=south_pool)
    await put(pool=shop.pool)
    listed = await everything(segmented_stubs.catalog.ListChannels, ListChannelsRequest(), "channels")
    assert {one.channel: one.segment for one in listed}[south_channel] == SOUTH
    refusal = await refusal_of(put(pool=shop.pool, segment=NORTH))
    assert spans(refusal) == ("SPANS_SEGMENTS", "channels[0].segment", f"{SOUTH},{NORTH}")


async def test_an_unknown_location_in_a_pool_changes_no_segment(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs)
    pools = [Pool(pool=shop.pool, locations=[*shop.locations, "nowhere"])]
    refusal = await refusal_of(segmented_stubs.catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=pools)))
    assert refusal.reason == "UNKNOWN_LOCATION"
    listed = await everything(segmented_stubs.catalog.ListPools, ListPoolsRequest(), "pools")
    assert list({one.pool: one for one in listed}[shop.pool].locations) == list(shop.locations)


async def test_the_same_request_puts_the_catalog_once(segmented_stubs: Any) -> None:
    request = PutItemsRequest(request_id=uuid7(), items=[Item(sku=some("sku"))])
    first = await segmented_stubs.catalog.PutItems(request)
    again = await segmented_stubs.catalog.PutItems(request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.revision == first.revision


# Rules.


async def test_rules_go_to_the_segments_that_they_are_about(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=10, south=10)
    north, south = shop.locations
    await shop.put_rules(
        Rule(safety_stock=SafetyStock(sku=shop.sku, location=south, quantity=3)),
        Rule(safety_stock=SafetyStock(sku=shop.sku, quantity=1)),
        Rule(hold_limit=HoldLimit(scope=1, name=some("customer"), max_open_holds=2)),
        Rule(
            distances=Distances(
                destination=some("town"),
                locations=[LocationDistance(location=south, distance=1), LocationDistance(location=north, distance=9)],
            )
        ),
        Rule(backorder=BackorderRule(sku=shop.sku, location=south, backorder_cap=4)),
    )
    assert await shop.units_left(shop.sku) == (9, 7)
    assert await shop.available() == 16
    key = AvailabilityKey(sku=shop.sku, channel=shop.channel)
    told = (await segmented_stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))).availability
    assert told.backorder_quantity == 4
    # An item waits in one place: in the north from now on, and no longer in the south.
    await shop.put_rules(Rule(backorder=BackorderRule(sku=shop.sku, location=north, backorder_cap=5)))
    told = (await segmented_stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))).availability
    assert told.backorder_quantity == 5
    rules = await everything(segmented_stubs.catalog.ListRules, ListRulesRequest(sku=shop.sku, page_size=1), "rules")
    assert [one.WhichOneof("kind") for one in rules].count("backorder") == 1


async def test_shares_of_a_channel_need_all_its_units_in_one_segment(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    for rule in (
        Rule(channel_buffer=ChannelBuffer(channel=shop.channel, quantity=1)),
        Rule(allotment=Allotment(sku=shop.sku, channel=shop.channel, cap_quantity=1)),
    ):
        kind = rule.WhichOneof("kind")
        refusal = await refusal_of(shop.put_rules(rule))
        assert spans(refusal) == ("SPANS_SEGMENTS", f"rules[0].{kind}.channel", BOTH)
    # Of a channel of one segment they hold, and then its pool may not be widened.
    pool, channel = some("pool"), some("channel")

    async def sell_from(*locations: str) -> None:
        pools = [Pool(pool=pool, locations=locations)]
        await segmented_stubs.catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=pools))

    await sell_from(shop.locations[1])
    channels = [Channel(channel=channel, pool=pool)]
    await segmented_stubs.catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=channels))
    await shop.put_rules(Rule(channel_buffer=ChannelBuffer(channel=channel, quantity=2)))
    assert await shop.available(channel=channel) == 3
    for wider in (shop.locations, shop.locations[:1]):
        assert spans(await refusal_of(sell_from(*wider))) == ("SPANS_SEGMENTS", "pools[0].locations", BOTH)
    channels = [Channel(channel=channel, pool=shop.pool)]
    call = segmented_stubs.catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=channels))
    assert spans(await refusal_of(call)) == ("SPANS_SEGMENTS", "channels[0].pool", BOTH)
    move = MoveAllotmentRequest(
        request_id=uuid7(), sku=shop.sku, from_channel=shop.channel, to_channel=channel, quantity=1
    )
    refusal = await refusal_of(segmented_stubs.catalog.MoveAllotment(move))
    assert spans(refusal) == ("SPANS_SEGMENTS", "from_channel", BOTH)


# Stock.


async def test_lines_that_are_booked_together_lie_in_one_segment(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=1)
    lines = [ReceiptLine(sku=shop.sku, location=location, quantity=1) for location in shop.locations]
    call = segmented_stubs.inventory.ReceiveStock(ReceiveStockRequest(request_id=uuid7(), lines=lines))
    assert spans(await refusal_of(call)) == ("SPANS_SEGMENTS", "lines[1].location", BOTH)
    call = shop.ship((shop.sku, 1), to=shop.locations[1])
    assert spans(await refusal_of(call)) == ("SPANS_SEGMENTS", "to_location", BOTH)
    refusal = await refusal_of(shop.receive(1, location="nowhere"))
    assert refusal.reason == "UNKNOWN_LOCATION"
    assert await shop.units_left(shop.sku) == (1, 1)


async def test_every_kind_of_booking_reaches_its_segment(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=9, south=9)
    south = shop.locations[1]
    elsewhere = await shop.open_another_place_in_the_south()
    await shop.adjust(-1, location=south)
    await shop.count(7, location=south)
    inbound = await shop.plan((shop.sku, 5), location=south)
    await shop.receive(5, location=south, inbound_id=inbound.inbound_id)
    transfer = await shop.ship((shop.sku, 2), from_location=south, to=elsewhere)
    await shop.arrive(transfer.transfer_id, TransferReceiptLine(sku=shop.sku, received_quantity=2))
    sold = await shop.order((shop.sku, 4, south))
    await shop.fulfill(sold.reservation_id, left(1, 4))
    returned = await shop.take_back((1, 1), reservation_id=sold.reservation_id, location=elsewhere)
    await shop.inspect(returned.return_id, (1, 1, 0, 0))
    assert (await shop.level(location=south)).net_quantity == 7 + 5 - 2 - 4
    assert (await shop.level(location=elsewhere)).net_quantity == 2 + 1
    call = shop.take_back((1, 1), reservation_id=sold.reservation_id, location=shop.location)
    assert spans(await refusal_of(call)) == ("SPANS_SEGMENTS", "receipt.location", f"{SOUTH},{NORTH}")
    await assert_ledger_is_sound(segmented_stubs, uncovered=None)


async def test_a_stream_of_counts_goes_to_all_segments(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=1)
    north, south = shop.locations
    counts = [
        [CountLine(sku=shop.sku, location=south, counted_quantity=5)],
        [CountLine(sku=shop.sku, location=north, counted_quantity=6)],
        [CountLine(sku=shop.sku, location=place, counted_quantity=7) for place in shop.locations],
        [CountLine(sku=shop.sku, location="nowhere", counted_quantity=8)],
        [],
    ]

    async def messages() -> Any:
        for lines in counts:
            yield StreamCountsRequest(count=CountStockRequest(request_id=uuid7(), lines=lines))

    answers = [one async for one in segmented_stubs.inventory.StreamCounts(messages())]
    reasons = [read_status(one.refusal).reason for one in answers if one.HasField("refusal")]
    assert reasons == ["SPANS_SEGMENTS", "UNKNOWN_LOCATION", "INVALID_FIELD"]
    assert [one.HasField("counted") for one in answers] == [True, True, False, False, False]
    assert await shop.units_left(shop.sku) == (6, 5)


async def test_books_are_compared_in_the_order_of_the_lines(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=4)
    places = (shop.locations[1], "nowhere", shop.locations[0])
    lines = [ComparedLine(sku=shop.sku, location=place, their_quantity=1) for place in places]
    answer = await segmented_stubs.reconciliation.CompareStock(CompareStockRequest(lines=lines))
    assert [one.location for one in answer.divergences] == list(places)
    assert [one.our_quantity for one in answer.divergences] == [4, 0, 3]


# What may be sold.


async def test_what_a_channel_may_sell_is_the_sum_and_names_every_revision(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=4)
    keys = [
        AvailabilityKey(sku=shop.sku, channel=shop.channel),
        *(AvailabilityKey(sku=shop.sku, location=location) for location in shop.locations),
    ]
    answer = await segmented_stubs.inventory.BatchGetAvailability(BatchGetAvailabilityRequest(keys=keys))
    assert [one.available_to_sell_quantity for one in answer.availabilities] == [7, 3, 4]
    assert [one.segment for one in answer.revisions] == list(SEGMENTS)
    assert answer.revision == answer.revisions[0]
    ahead = BatchGetAvailabilityRequest(keys=keys, min_revision=answer.revisions[1])
    await segmented_stubs.inventory.BatchGetAvailability(ahead)
    ahead.min_revision.position += 1_000_000
    refusal = await refusal_of(segmented_stubs.inventory.BatchGetAvailability(ahead))
    assert (refusal.reason, refusal.metadata["segment"]) == ("STALE_REVISION", SOUTH)
    for key, reason in (
        (AvailabilityKey(sku=shop.sku, channel="none"), "UNKNOWN_CHANNEL"),
        (AvailabilityKey(sku=shop.sku, location="none"), "UNKNOWN_LOCATION"),
        (AvailabilityKey(sku="none", channel=shop.channel), "UNKNOWN_SKU"),
    ):
        refusal = await refusal_of(segmented_stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key)))
        assert refusal.reason == reason


async def test_a_kit_is_sold_from_the_segment_that_has_its_parts(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, south=2)
    kit = some("kit")
    parts = [KitPart(sku=sku, quantity=1) for sku in shop.skus]
    items = [Item(sku=kit, parts=parts)]
    await segmented_stubs.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=items))
    assert await shop.available(kit) == 2
    held = await shop.reserve((kit, 2))
    assert held.reservation_id.startswith(SOUTH)
    assert await shop.available(kit) == 0


# What was.


async def test_lists_go_on_from_one_segment_to_the_next(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=3)
    north, south = shop.locations
    order = some("order")
    made = [(await shop.reserve((shop.sku, 1, place), order_id=order)).reservation_id for place in (north, south) * 2]
    request = ListReservationsRequest(order_id=order, page_size=1)
    pages, token = [], ""
    while True:
        request.page_token = token
        page = await segmented_stubs.inventory.ListReservations(request)
        assert len(page.reservations) == 1
        pages += [one.reservation_id for one in page.reservations]
        if not (token := page.next_page_token):
            break
    assert sorted(pages) == sorted(made)
    steps = await everything(segmented_stubs.audit.TraceOrder, TraceOrderRequest(order_id=order, page_size=3), "steps")
    assert [one.revision.segment for one in steps] == [NORTH, NORTH, SOUTH, SOUTH]
    assert len(await shop.movements()) == 2 + 4
    request.page_token = "bm9ydGg="
    assert (await refusal_of(segmented_stubs.inventory.ListReservations(request))).invalid_fields == ("page_token",)


async def test_the_check_of_the_ledger_looks_at_every_segment(segmented: TestAuthority, segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=3)
    alter = "UPDATE stock_level SET sellable = sellable + %s WHERE segment = %s AND sku = %s"
    with psycopg.connect(segmented.postgres_url, autocommit=True) as connection:
        connection.execute(alter, (1, SOUTH, shop.sku))
        try:
            verdict = await ledger_verdict(segmented_stubs)
        finally:
            connection.execute(alter, (-1, SOUTH, shop.sku))
    assert verdict.chain_verified
    assert not verdict.levels_equal_movements
    assert any(shop.sku in finding.row for finding in verdict.findings)
    await assert_ledger_is_sound(segmented_stubs, uncovered=None)


async def test_an_incident_is_resolved_where_it_was_opened(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs)
    told = await shop.told((shop.sku, 1, shop.locations[1]))
    assert told.incident_id.startswith(SOUTH)
    (incident,) = await shop.incidents()
    assert incident.incident_id == told.incident_id
    closed = await shop.close_incident(told.incident_id)
    assert closed.incident_id == told.incident_id
    assert (await refusal_of(shop.close_incident("elsewhere-incident-1"))).reason == "UNKNOWN_DOCUMENT"


# Processes.


@pytest.fixture
def growing(servers: Servers) -> Iterator[TestAuthority]:
    own = TestAuthority(servers, database=some("growing").replace("-", "_"), segment="grown")
    yield own
    own.close()


async def test_an_authority_grows_from_one_segment_to_two(growing: TestAuthority) -> None:
    first = growing.start_server()
    async with stubs_of(first.target) as stubs:
        shop = await open_shop(stubs, units=2)
        held = await shop.reserve((shop.sku, 1))
    assert first.stop() == 0
    growing.start_server(HOLDFAST_SEGMENTS="grown,east", HOLDFAST_PROCESSES="2")
    async with stubs_of(growing.target) as stubs:
        grown = Regions(
            stubs=stubs,
            skus=shop.skus,
            locations=(shop.location, some("loc")),
            pool=shop.pool,
            channel=shop.channel,
        )
        # What there was stays where it was, and is sold as before.
        await grown.commit(held.reservation_id)
        # A segment that is new knows no items yet: they are put again.
        items = [Item(sku=sku) for sku in shop.skus]
        await stubs.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=items))
        await put_locations(stubs, Location(location=grown.locations[1], segment="east"))
        pools = [Pool(pool=shop.pool, locations=grown.locations)]
        await stubs.catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=pools))
        channels = [Channel(channel=shop.channel, pool=shop.pool)]
        await stubs.catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=channels))
        await grown.receive(3, location=grown.locations[1])
        assert await grown.available() == 4
        sold = await grown.reserve((shop.sku, 2))
        assert sold.reservation_id.startswith("east-")
        await assert_ledger_is_sound(stubs)


async def test_both_segments_are_rebuilt_when_valkey_is_lost(fresh_servers: Servers) -> None:
    own = TestAuthority(
        fresh_servers, database="lost", segment=NORTH, environment={"HOLDFAST_SEGMENTS": ",".join(SEGMENTS)}
    )
    own.start_server()
    try:
        async with stubs_of(own.target) as stubs:
            shop = await open_regions(stubs, north=2, south=2)
            held = await shop.reserve((shop.sku, 3), allow_split=True)
            own.kill_valkey()

            async def is_open() -> bool:
                segments = (await stubs.audit.ListSegments(ListSegmentsRequest())).segments
                return [one.state for one in segments] == [SegmentState.SEGMENT_STATE_OPEN] * 2 and all(
                    one.epoch > 1 for one in segments
                )

            await until(is_open, "both segments are rebuilt")
            request = shop.one_unit()
            await together([patiently(stubs.inventory.CreateReservation, request) for _ in range(3)])
            assert await shop.units_left(shop.sku) == (0, 0)
            await shop.commit(held.reservation_id)
            await assert_ledger_is_sound(stubs)
    finally:
        own.close()
