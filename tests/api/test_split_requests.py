"""A request over two segments takes effect once, however often it was refused before; and a refusal leaves nothing."""

import asyncio
from typing import Any

import pytest
from holdfast.inventory.v1.catalog_pb2 import Channel, Pool
from holdfast.inventory.v1.catalog_service_pb2 import PutChannelsRequest, PutPoolsRequest
from holdfast.inventory.v1.inventory_service_pb2 import (
    FILL_POLICY_PARTIAL,
    BatchCreateReservationsRequest,
)
from holdfast.inventory.v1.reservation_pb2 import RESERVATION_STATE_COMMITTED, SOURCING_ORDER_NEAREST, Sourcing
from holdfast.inventory.v1.rules_pb2 import Allotment, Rule

from api.calls import answer_or_refusal, stubs_of, together
from api.ids import some, uuid7
from api.refusals import Refusal, read_status, refusal_of
from api.regions import NORTH, SOUTH, Regions, open_regions
from api.shop import assert_ledger_is_sound
from support.authority import TestAuthority


async def create(shop: Regions, request: Any) -> Any:
    return await shop.stubs.inventory.CreateReservation(request)


async def bought_twice(shop: Regions, request: Any) -> Any:
    """Makes a request, and makes it again: it is answered the same."""
    first = await create(shop, request)
    again = await create(shop, request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.reservation == first.reservation
    assert list(again.shortfalls) == list(first.shortfalls)
    return first


async def assert_changes_nothing(shop: Regions, request: Any, reason: str) -> Refusal:
    before = [one.position for one in await shop.heads()]
    refusal = await refusal_of(create(shop, request))
    assert refusal.reason == reason
    assert [one.position for one in await shop.heads()] == before, "not even for a moment"
    return refusal


def is_of_the_south(answer: Any) -> bool:
    return bool(answer.reservation.reservation_id.startswith(f"{SOUTH}-"))


# Once.


async def test_named_locations_that_had_too_little_at_first(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1)
    north, south = shop.locations
    request = shop.demand((shop.sku, 1, north), (shop.sku, 1, south))
    for _ in range(3):
        await assert_changes_nothing(shop, request, "INSUFFICIENT_STOCK")
    await shop.stock(shop.sku, south=1)
    await bought_twice(shop, request)
    assert await shop.units_left(shop.sku) == (0, 0)


async def test_named_and_unnamed_lines_of_one_sku(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    north, south = shop.locations
    lines = [(shop.sku, 1, north), (shop.sku, 1, south), (shop.sku, 4)]
    request = shop.demand(*lines, fill_policy=FILL_POLICY_PARTIAL, allow_split=True)
    answer = await bought_twice(shop, request)
    assert [(one.location, one.requested_quantity, one.reserved_quantity) for one in answer.shortfalls] == [("", 4, 2)]
    assert await shop.units_left(shop.sku) == (0, 0)


@pytest.mark.parametrize("ending", ["0" * 32, "f" * 32])
async def test_an_id_that_looks_like_one_of_the_servers_own(segmented_stubs: Any, ending: str) -> None:
    shop = await open_regions(segmented_stubs, north=2)
    request = shop.demand((shop.sku, 3), allow_split=True, request_id=f"{some('order')}-{ending}")
    assert (await refusal_of(create(shop, request))).reason == "INSUFFICIENT_STOCK"
    await shop.stock(shop.sku, south=2)
    answer = await bought_twice(shop, request)
    assert len(answer.reservation.part_reservation_ids) == 2


async def test_an_id_that_was_used_for_something_else(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    north, south = shop.locations
    request = shop.demand((shop.sku, 1, north), (shop.sku, 1, south))
    await bought_twice(shop, request)
    request.lines[1].quantity = 2
    refusal = await refusal_of(create(shop, request))
    assert (refusal.reason, refusal.metadata["field"]) == ("REQUEST_ID_REUSED", "lines[1].quantity")
    # And one that is refused anyway.
    request.lines[1].quantity = 200
    assert (await refusal_of(create(shop, request))).reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("told", [False, True], ids=["asked", "told"])
async def test_the_same_request_at_two_servers_at_once(segmented: TestAuthority, told: bool) -> None:
    there = segmented.start_server()
    try:
        async with stubs_of(segmented.targets[0]) as here_stubs, stubs_of(there.target) as there_stubs:
            for quantity in (2, 3):
                shop = await open_regions(here_stubs, north=1, south=4 if told else 2)
                lines = (shop.sku, quantity)
                request = shop.sale(lines) if told else shop.demand(lines, allow_split=True)
                outcomes = await together(
                    answer_or_refusal(stubs.inventory.CreateReservation(request))
                    for _ in range(4)
                    for stubs in (here_stubs, there_stubs)
                )
                given = [one.reservation for one in outcomes if not isinstance(one, Refusal)]
                assert given
                assert all(one == given[0] for one in given)
                assert {one.reason for one in outcomes if isinstance(one, Refusal)} <= {"INSUFFICIENT_STOCK"}
                assert (await create(shop, request)).reservation == given[0]
                assert sum(await shop.units_left(shop.sku)) == (5 if told else 3) - quantity
            await assert_ledger_is_sound(here_stubs, uncovered=None)
    finally:
        there.stop()


async def test_a_request_is_answered_again_when_its_channel_sells_from_one_place_less(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=1)
    request = shop.demand(*((shop.sku, 1, location) for location in shop.locations))
    first = await create(shop, request)
    await shop.narrow_to_the_north()
    again = await create(shop, request)
    assert (again.replayed, again.reservation) == (True, first.reservation)


async def test_of_two_requests_with_one_id_one_takes_effect_and_the_other_holds_nothing(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, south=9)
    request_id = uuid7()
    requests = [shop.demand((shop.sku, units), request_id=request_id) for units in (1, 2)]
    batch = BatchCreateReservationsRequest(requests=requests)
    results = (await segmented_stubs.inventory.BatchCreateReservations(batch)).results
    (won,) = [one.created.reservation for one in results if one.HasField("created")]
    (refusal,) = [read_status(one.refusal) for one in results if one.HasField("refusal")]
    assert (refusal.reason, refusal.metadata["request_id"]) == ("REQUEST_ID_REUSED", request_id)
    assert await shop.units_left(shop.sku) == (0, 9 - won.lines[0].quantity)


# What is refused.


async def test_reservations_are_listed_by_their_age_however_they_were_planned(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=9)
    south = shop.locations[1]
    parts = (await create(shop, shop.demand((shop.sku, 10), allow_split=True))).reservation.part_reservation_ids
    await shop.stock(shop.sku, south=9)
    made = [parts[1]]
    for lines in ([(shop.sku, 2)], [(shop.sku, 1, south)], [(shop.sku, 3)]):
        await asyncio.sleep(0.002)
        made.append((await create(shop, shop.demand(*lines))).reservation.reservation_id)
    assert all(one.startswith(f"{SOUTH}-") for one in made)
    assert [one.reservation_id for one in await shop.reservations(location=south)] == made[::-1]


async def test_all_short_lines_are_listed(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, south=1)
    north, _ = shop.locations
    request = shop.demand((shop.skus[0], 1, north), (shop.skus[1], 5))
    refusal = await assert_changes_nothing(shop, request, "INSUFFICIENT_STOCK")
    assert refusal.short_lines == (
        (f"{shop.skus[0]}@{north}", "requested 1, available 0"),
        (shop.skus[1], "requested 5, available 1"),
    )


@pytest.mark.parametrize("south", [0, 2])
async def test_a_location_that_the_channel_does_not_sell_from(segmented_stubs: Any, south: int) -> None:
    """It is refused whether it has units or not, also of a demand that takes what there is."""
    shop = await open_regions(segmented_stubs, north=2, south=south)
    await shop.sell_from(shop.locations[0])
    lines = [(shop.sku, 1, location) for location in shop.locations]
    for options in ({}, {"fill_policy": FILL_POLICY_PARTIAL}):
        request = shop.demand(*lines, **options)
        refusal = await assert_changes_nothing(shop, request, "LOCATION_NOT_IN_POOL")
        assert refusal.metadata["location"] == shop.locations[1]


async def test_units_at_a_location_that_are_kept_for_another_channel(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=3)
    north, south = shop.locations
    pool, other = some("pool"), some("channel")
    await segmented_stubs.catalog.PutPools(
        PutPoolsRequest(request_id=uuid7(), pools=[Pool(pool=pool, locations=[north])])
    )
    channels = [Channel(channel=other, pool=pool)]
    await segmented_stubs.catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=channels))
    await shop.put_rules(Rule(allotment=Allotment(sku=shop.sku, channel=other, guaranteed_quantity=3)))
    lines = [(shop.sku, 1, north), (shop.sku, 1, south)]
    assert (await refusal_of(create(shop, shop.demand(*lines)))).reason == "INSUFFICIENT_STOCK"
    answer = await bought_twice(shop, shop.demand(*lines, fill_policy=FILL_POLICY_PARTIAL))
    assert [(line.location, line.quantity) for line in answer.reservation.lines] == [(south, 1)]
    assert [one.location for one in answer.shortfalls] == [north]


# What has been sold.


async def test_a_sale_of_a_channel_that_sells_from_another_segment_than_its_home(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, south=1)
    await shop.sell_from(shop.locations[1])
    await asyncio.sleep(1.1)
    answer = await bought_twice(shop, shop.sale((shop.sku, 3)))
    assert is_of_the_south(answer)
    assert answer.reservation.state == RESERVATION_STATE_COMMITTED
    assert answer.incident_id, "two of the units are not there"
    assert (await shop.incident(answer.incident_id)).reservation_id == answer.reservation.reservation_id


async def test_a_sale_that_its_segment_refuses_leaves_nothing(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, south=3)
    request = shop.sale((shop.sku, 2), sourcing=Sourcing(order=SOURCING_ORDER_NEAREST, destination=some("place")))
    await assert_changes_nothing(shop, request, "UNKNOWN_DESTINATION")
    # So its id is free for what was meant.
    request.ClearField("sourcing")
    assert is_of_the_south(await bought_twice(shop, request))


async def test_a_sale_beyond_what_there_is_is_booked_at_the_home(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=1)
    answer = await bought_twice(shop, shop.sale((shop.sku, 3)))
    assert answer.reservation.reservation_id.startswith(f"{NORTH}-")
    assert answer.incident_id
