"""Demand of a channel that sells from two segments: whole from one if it can be, else from both, all or nothing."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from holdfast.inventory.v1.catalog_pb2 import Location
from holdfast.inventory.v1.catalog_service_pb2 import PutLocationsRequest
from holdfast.inventory.v1.inventory_service_pb2 import (
    FILL_POLICY_PARTIAL,
    BatchCreateReservationsRequest,
    CommitReservationRequest,
    ExtendReservationRequest,
    GetReservationRequest,
)
from holdfast.inventory.v1.reservation_pb2 import (
    RESERVATION_STATE_COMMITTED,
    RESERVATION_STATE_EXPIRED,
    RESERVATION_STATE_FULFILLED,
    RESERVATION_STATE_HELD,
    RESERVATION_STATE_RELEASED,
    Reservation,
)
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, stubs_of, together, until
from api.ids import some, uuid7
from api.refusals import Refusal, read_status, refusal_of
from api.regions import NORTH, SOUTH, Regions, open_regions
from api.shop import assert_ledger_is_sound, left
from support.authority import TestAuthority

BOTH = f"{NORTH},{SOUTH}"
PLAN_SECONDS = 0.3
UNITS = 20


async def shown(shop: Regions, reservation_id: str) -> Reservation:
    request = GetReservationRequest(reservation_id=reservation_id)
    return (await shop.stubs.inventory.GetReservation(request)).reservation


def taken(reservation: Reservation) -> list[tuple[str, str, int]]:
    return [(line.sku, line.location, line.quantity) for line in reservation.lines]


def is_of(segment: str, reservation: Reservation) -> bool:
    return reservation.reservation_id.startswith(f"{segment}-") and not reservation.part_reservation_ids


async def held_in_both(stubs: Any, **options: Any) -> tuple[Regions, Reservation]:
    """A hold of three units, of which the north has two and the south has one to spare."""
    shop = await open_regions(stubs, north=2, south=2)
    return shop, await shop.reserve((shop.sku, 3), allow_split=True, **options)


# Where it comes from.


async def test_a_basket_is_placed_in_the_home_if_it_can_be(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=3, south=3)
    held = await shop.reserve((shop.skus[0], 3), (shop.skus[1], 1))
    assert is_of(NORTH, held)
    assert [await shop.units_left(sku) for sku in shop.skus] == [(0, 3), (2, 3)]


async def test_a_basket_that_the_home_has_not_is_placed_whole_elsewhere(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=1, south=3)
    held = await shop.reserve((shop.skus[0], 1), (shop.skus[1], 2))
    assert is_of(SOUTH, held)
    assert [await shop.units_left(sku) for sku in shop.skus] == [(1, 2), (1, 1)]
    committed = await shop.commit(held.reservation_id)
    await shop.fulfill(committed.reservation_id)
    assert (await shown(shop, held.reservation_id)).state == RESERVATION_STATE_FULFILLED


async def test_a_basket_that_no_segment_has_is_taken_from_both(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2)
    await shop.stock(shop.skus[0], north=5)
    await shop.stock(shop.skus[1], south=5)
    held = await shop.reserve((shop.skus[0], 2), (shop.skus[1], 3), order_id=some("order"), customer_id="c-1")
    north, south = shop.locations
    assert taken(held) == [(shop.skus[0], north, 2), (shop.skus[1], south, 3)]
    assert [line.line_number for line in held.lines] == [1, 2]
    assert held.state == RESERVATION_STATE_HELD
    assert [one.partition("-")[0] for one in held.part_reservation_ids] == [NORTH, SOUTH]
    assert held == await shown(shop, held.reservation_id)
    assert held.customer_id == "c-1"
    parts = await shop.reservations(order_id=held.order_id)
    assert {part.reservation_id for part in parts} == set(held.part_reservation_ids)


async def test_a_line_is_drawn_from_both_only_if_it_may_be_split(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    refusal = await refusal_of(shop.reserve((shop.sku, 3)))
    assert (refusal.reason, refusal.short_lines) == (
        "INSUFFICIENT_STOCK",
        ((shop.sku, "requested 3, available 2"),),
    )
    held = await shop.reserve((shop.sku, 3), allow_split=True)
    assert taken(held) == [(shop.sku, shop.locations[0], 2), (shop.sku, shop.locations[1], 1)]


async def test_named_locations_of_two_segments_are_decided_together(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    north, south = shop.locations
    held = await shop.reserve((shop.sku, 2, south), (shop.sku, 1, north))
    assert held.reservation_id.startswith(SOUTH), "the home is the segment of the first location"
    assert sorted(taken(held)) == sorted([(shop.sku, south, 2), (shop.sku, north, 1)])
    refusal = await refusal_of(shop.reserve((shop.sku, 1, south), (shop.sku, 1, north)))
    assert (refusal.reason, refusal.short_lines) == (
        "INSUFFICIENT_STOCK",
        ((f"{shop.sku}@{south}", "requested 1, available 0"),),
    )
    assert await shop.units_left(shop.sku) == (1, 0)


async def test_a_refusal_counts_what_all_segments_have_and_changes_nothing(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=2, south=2)
    refusal = await refusal_of(shop.reserve((shop.skus[0], 5), (shop.skus[1], 4), allow_split=True))
    assert refusal.short_lines == ((shop.skus[0], "requested 5, available 4"),)
    assert [await shop.units_left(sku) for sku in shop.skus] == [(2, 2), (2, 2)]
    assert await shop.reservations() == []


async def test_a_partial_demand_takes_what_both_have(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    answer = await shop.create((shop.sku, 5), allow_split=True, fill_policy=FILL_POLICY_PARTIAL)
    assert taken(answer.reservation) == [(shop.sku, shop.locations[0], 2), (shop.sku, shop.locations[1], 2)]
    (short,) = answer.shortfalls
    assert (short.sku, short.requested_quantity, short.reserved_quantity) == (shop.sku, 5, 4)


async def test_a_partial_demand_takes_what_named_locations_of_both_have(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=3, south=1)
    north, south = shop.locations
    request = shop.demand((shop.sku, 2, south), (shop.sku, 2, north), fill_policy=FILL_POLICY_PARTIAL)
    answer = await segmented_stubs.inventory.CreateReservation(request)
    assert sorted(taken(answer.reservation)) == sorted([(shop.sku, north, 2), (shop.sku, south, 1)])
    assert [(one.location, one.requested_quantity, one.reserved_quantity) for one in answer.shortfalls] == [
        (south, 2, 1)
    ]
    rest = shop.demand((shop.sku, 1, south), (shop.sku, 2, north), fill_policy=FILL_POLICY_PARTIAL)
    answer = await segmented_stubs.inventory.CreateReservation(rest)
    assert taken(answer.reservation) == [(shop.sku, north, 1)]
    assert (await segmented_stubs.inventory.CreateReservation(rest)).reservation == answer.reservation
    nothing = shop.demand((shop.sku, 1, south), (shop.sku, 2, north), fill_policy=FILL_POLICY_PARTIAL)
    refusal = await refusal_of(segmented_stubs.inventory.CreateReservation(nothing))
    assert refusal.reason == "INSUFFICIENT_STOCK"
    assert {line for line, _ in refusal.short_lines} == {f"{shop.sku}@{north}", f"{shop.sku}@{south}"}
    await shop.stock(shop.sku, south=1)
    assert taken((await segmented_stubs.inventory.CreateReservation(nothing)).reservation) == [(shop.sku, south, 1)]


async def test_a_refusal_lists_lines_of_named_places_and_of_anywhere(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=1)
    north, south = shop.locations
    lines = [(shop.skus[0], 1, north), (shop.skus[0], 1, south), (shop.skus[1], 5)]
    request = shop.demand(*lines)
    refusal = await refusal_of(segmented_stubs.inventory.CreateReservation(request))
    assert refusal.reason == "INSUFFICIENT_STOCK"
    assert refusal.short_lines == (
        (f"{shop.skus[0]}@{south}", "requested 1, available 0"),
        (shop.skus[1], "requested 5, available 1"),
    )
    await shop.stock(shop.skus[0], south=1)
    await shop.stock(shop.skus[1], south=5)
    assert len((await segmented_stubs.inventory.CreateReservation(request)).reservation.lines) == 3


async def test_told_demand_goes_whole_where_the_units_are(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, south=3)
    request = shop.sale((shop.sku, 2))
    answer = await segmented_stubs.inventory.CreateReservation(request)
    assert is_of(SOUTH, answer.reservation)
    assert (answer.reservation.state, answer.incident_id) == (RESERVATION_STATE_COMMITTED, "")
    again = await segmented_stubs.inventory.CreateReservation(request)
    assert (again.replayed, again.reservation) == (True, answer.reservation)
    # Nobody has it whole: it is booked where the channel is at home, and an incident says so.
    short = await shop.told((shop.sku, 5))
    assert short.incident_id.startswith(NORTH)
    assert (await shop.units_left(shop.sku))[1] == 1


async def test_told_demand_that_no_segment_can_book_whole_is_refused_and_books_nothing(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    north, south = shop.locations
    refusal = await refusal_of(shop.told((shop.sku, 1, north), (shop.sku, 1, south)))
    assert (refusal.reason, refusal.metadata["field"]) == ("SPANS_SEGMENTS", "lines[1].location")
    assert await shop.units_left(shop.sku) == (2, 2)


async def test_another_segment_is_asked_although_the_home_has_as_many_in_two_places(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=2)
    elsewhere = some("loc-n2")
    places = [Location(location=elsewhere, segment=NORTH)]
    await segmented_stubs.catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=places))
    await shop.sell_from(*shop.locations, elsewhere)
    await shop.receive(1, location=elsewhere)
    held = await shop.reserve((shop.sku, 2))
    assert is_of(SOUTH, held)


# Its life.


async def test_both_parts_are_committed_and_ship_each_by_itself(segmented_stubs: Any) -> None:
    shop, held = await held_in_both(segmented_stubs)
    committed = await shop.commit(held.reservation_id)
    assert committed.state == RESERVATION_STATE_COMMITTED
    assert committed.lines == (await shown(shop, held.reservation_id)).lines
    north, south = held.part_reservation_ids
    await shop.fulfill(north, left(1, 2))
    assert (await shown(shop, held.reservation_id)).state == RESERVATION_STATE_COMMITTED
    await shop.release(south)
    assert (await shown(shop, held.reservation_id)).state == RESERVATION_STATE_FULFILLED
    assert await shop.units_left(shop.sku) == (0, 2)
    await assert_ledger_is_sound(segmented_stubs, uncovered=None)


async def test_both_parts_are_released(segmented_stubs: Any) -> None:
    shop, held = await held_in_both(segmented_stubs)
    released = await shop.release(held.reservation_id)
    assert released.state == RESERVATION_STATE_RELEASED
    assert [line.open_quantity for line in released.lines] == [0, 0]
    assert await shop.units_left(shop.sku) == (2, 2)
    again = await refusal_of(shop.release(held.reservation_id))
    assert again.reason == "ALREADY_RELEASED"
    assert (await refusal_of(shop.commit(held.reservation_id))).reason == "ALREADY_RELEASED"


async def test_both_parts_expire_together_and_not_before(segmented_stubs: Any) -> None:
    shop, held = await held_in_both(segmented_stubs, ttl_seconds=1)
    assert await shop.units_left(shop.sku) == (0, 1)

    async def is_over() -> bool:
        return await shop.units_left(shop.sku) == (2, 2)

    await until(is_over, "the hold is over in both segments")
    assert (await shown(shop, held.reservation_id)).state == RESERVATION_STATE_EXPIRED
    assert (await refusal_of(shop.commit(held.reservation_id))).reason == "RESERVATION_EXPIRED"


async def test_a_hold_that_is_extended_lives_on(segmented_stubs: Any) -> None:
    shop, held = await held_in_both(segmented_stubs, ttl_seconds=2)
    request = ExtendReservationRequest(request_id=uuid7(), reservation_id=held.reservation_id)
    request.ttl.FromSeconds(600)
    extended = (await segmented_stubs.inventory.ExtendReservation(request)).reservation
    assert extended.expire_time.seconds - held.expire_time.seconds > 590
    await asyncio.sleep(2.5)
    assert (await shop.commit(held.reservation_id)).state == RESERVATION_STATE_COMMITTED


async def test_what_concerns_the_whole_is_refused_of_a_part_and_the_other_way_round(segmented_stubs: Any) -> None:
    shop, held = await held_in_both(segmented_stubs)
    for part in held.part_reservation_ids:
        for call in (shop.commit(part), shop.release(part)):
            refusal = await refusal_of(call)
            assert (refusal.reason, refusal.metadata["segments"]) == ("SPANS_SEGMENTS", BOTH)
    refusal = await refusal_of(shop.release(held.reservation_id, (1, 1)))
    assert (refusal.reason, refusal.metadata["field"]) == ("SPANS_SEGMENTS", "lines")
    await shop.commit(held.reservation_id)
    north, there = held.part_reservation_ids[0], shop.locations[1]
    for call in (shop.fulfill(north, left(1, 1, location=there)), shop.move(north, 1, location=there)):
        refusal = await refusal_of(call)
        assert (refusal.reason, refusal.metadata["field"]) == ("SPANS_SEGMENTS", "lines[0].location")
        assert refusal.metadata["segments"] == BOTH
    steps = (shop.release, shop.fulfill, shop.note_posting, lambda whole: shop.move(whole, 1, location=shop.location))
    for step in steps:
        call = step(held.reservation_id)
        refusal = await refusal_of(call)
        assert (refusal.reason, refusal.metadata["segments"]) == ("SPANS_SEGMENTS", BOTH)
    assert (await refusal_of(shop.commit(held.reservation_id))).reason == "ALREADY_COMMITTED"


async def test_a_split_that_never_was_is_unknown(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs)
    for call in (shown(shop, "north-split-1"), shop.commit("north-split-1"), shop.commit("west-1")):
        assert (await refusal_of(call)).reason == "UNKNOWN_RESERVATION"


# Once.


@pytest.mark.parametrize("quantity", [2, 3, 5], ids=["elsewhere", "both", "refused"])
async def test_the_same_request_comes_to_the_same_answer(segmented_stubs: Any, quantity: int) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=2)
    request = shop.demand((shop.sku, quantity), allow_split=True)
    first = await answer_or_refusal(segmented_stubs.inventory.CreateReservation(request))
    again = await answer_or_refusal(segmented_stubs.inventory.CreateReservation(request))
    if isinstance(first, Refusal):
        assert again == first
        # A refusal is not remembered: there are enough now.
        await shop.stock(shop.sku, south=2)
        first = await segmented_stubs.inventory.CreateReservation(request)
        again = await segmented_stubs.inventory.CreateReservation(request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.reservation == first.reservation
    request.lines[0].quantity += 1
    assert (await refusal_of(segmented_stubs.inventory.CreateReservation(request))).reason == "REQUEST_ID_REUSED"
    held = {m.reservation_id for m in await shop.movements() if m.kind == MovementKind.MOVEMENT_KIND_RESERVE}
    assert len(held) == (len(first.reservation.part_reservation_ids) or 1)


async def test_what_was_refused_by_the_home_is_not_placed_there_when_asked_again(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=1, south=2)
    request = shop.demand((shop.sku, 2))
    first = await segmented_stubs.inventory.CreateReservation(request)
    assert is_of(SOUTH, first.reservation)
    await shop.stock(shop.sku, north=5)
    again = await segmented_stubs.inventory.CreateReservation(request)
    assert again.reservation == first.reservation
    assert await shop.units_left(shop.sku) == (6, 0)


async def test_a_plan_is_found_again_when_the_channel_sells_from_one_segment_only(segmented_stubs: Any) -> None:
    shop, held = await held_in_both(segmented_stubs)
    request = shop.demand((shop.sku, 1))
    first = await segmented_stubs.inventory.CreateReservation(request)
    assert is_of(SOUTH, first.reservation)
    await shop.narrow_to_the_north()
    again = await segmented_stubs.inventory.CreateReservation(request)
    assert (again.replayed, again.reservation) == (True, first.reservation)
    batch = BatchCreateReservationsRequest(requests=[request, shop.one_unit()])
    results = (await segmented_stubs.inventory.BatchCreateReservations(batch)).results
    assert results[0].created.reservation == first.reservation
    assert read_status(results[1].refusal).reason == "INSUFFICIENT_STOCK"
    assert (await shop.commit(held.reservation_id)).state == RESERVATION_STATE_COMMITTED


async def test_a_commit_that_is_asked_again_is_answered_again(segmented_stubs: Any) -> None:
    _, held = await held_in_both(segmented_stubs)
    request = CommitReservationRequest(request_id=uuid7(), reservation_id=held.reservation_id)
    first = await segmented_stubs.inventory.CommitReservation(request)
    again = await segmented_stubs.inventory.CommitReservation(request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.reservation == first.reservation


async def test_an_id_stays_free_however_often_it_was_refused(segmented: TestAuthority) -> None:
    """Each time a plan is made, and given up: the south has the units, but not in one place."""
    hasty = segmented.start_server(HOLDFAST_SPLIT_PLAN_SECONDS=str(PLAN_SECONDS))
    try:
        async with stubs_of(hasty.target) as stubs:
            shop = await open_regions(stubs, south=1)
            elsewhere = await shop.open_another_place_in_the_south()
            await shop.receive(1, location=elsewhere)
            request = shop.demand((shop.sku, 2))
            for _ in range(6):
                refusal = await refusal_of(stubs.inventory.CreateReservation(request))
                assert refusal.reason == "INSUFFICIENT_STOCK"
                # Asked again in time, the same plan is tried again; later it is made anew.
                await asyncio.sleep(PLAN_SECONDS * 1.2)
            await shop.receive(1, location=elsewhere)
            first = await stubs.inventory.CreateReservation(request)
            await asyncio.sleep(PLAN_SECONDS * 1.2)
            again = await stubs.inventory.CreateReservation(request)
            assert is_of(SOUTH, first.reservation)
            assert (first.replayed, again.replayed, again.reservation) == (False, True, first.reservation)
    finally:
        hasty.stop()


# Many at once.


@pytest.mark.parametrize("named", [False, True], ids=["anywhere", "named"])
async def test_as_many_win_as_there_are_units_though_plans_take_from_each_other(
    segmented: TestAuthority, named: bool
) -> None:
    """Buyers at two servers, all of the same basket, of which each segment has one SKU; the lines in either order."""
    there = segmented.start_server()
    try:
        async with stubs_of(segmented.targets[0]) as here_stubs, stubs_of(there.target) as there_stubs:
            shop = await open_regions(here_stubs, skus=2)
            basket: list[Any] = [(sku, 1) for sku in shop.skus]
            if named:
                basket = [(*line, location) for line, location in zip(basket, shop.locations, strict=True)]
            for _ in range(4):
                await shop.stock(shop.skus[0], north=UNITS)
                await shop.stock(shop.skus[1], south=UNITS)
                outcomes = await together(
                    answer_or_refusal(stubs.inventory.CreateReservation(shop.demand(*lines)))
                    for _ in range(UNITS * 2)
                    for stubs, lines in ((here_stubs, basket), (there_stubs, basket[::-1]))
                )
                refused = Counter(one.reason for one in outcomes if isinstance(one, Refusal))
                assert refused == {"INSUFFICIENT_STOCK": UNITS * 3}
                assert await shop.units_left(shop.skus[0]) == await shop.units_left(shop.skus[1]) == (0, 0)
    finally:
        there.stop()


async def test_nobody_goes_without_for_units_that_another_gives_back(segmented: TestAuthority) -> None:
    """A buyer's plan is overtaken: another has taken the unit of the south, and holds it for a moment."""
    slow = segmented.start_server(HOLDFAST_FAILPOINT="split_planned:pause", HOLDFAST_SPLIT_PAUSE_SECONDS="2")
    try:
        async with stubs_of(segmented.targets[0]) as stubs, stubs_of(slow.target) as slow_stubs:
            shop = await open_regions(stubs, skus=2)
            await shop.stock(shop.skus[0], north=1)
            await shop.stock(shop.skus[1], south=1)
            basket = shop.demand(*((sku, 1) for sku in shop.skus))
            before = await shop.heads()

            async def is_planned() -> bool:
                return (await shop.heads())[0].position > before[0].position

            buyer = asyncio.create_task(answer_or_refusal(slow_stubs.inventory.CreateReservation(basket)))
            await until(is_planned, "the plan is there, and its server stands still")
            other = await shop.reserve((shop.skus[1], 1))
            await asyncio.sleep(1.5)
            assert not buyer.done()
            await shop.release(other.reservation_id)
            bought = await buyer
            assert len(bought.reservation.part_reservation_ids) == 2
    finally:
        slow.stop()


async def test_many_buyers_get_exactly_the_units_of_both_segments(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=20, south=20)
    outcomes = await together(
        answer_or_refusal(segmented_stubs.inventory.CreateReservation(shop.one_unit())) for _ in range(80)
    )
    refused = Counter(one.reason for one in outcomes if isinstance(one, Refusal))
    assert refused == {"INSUFFICIENT_STOCK": 40}
    assert await shop.units_left(shop.sku) == (0, 0)


async def test_baskets_over_both_segments_are_sold_whole_or_not_at_all(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2)
    await shop.stock(shop.skus[0], north=10)
    await shop.stock(shop.skus[1], south=7)
    basket = [(sku, 1) for sku in shop.skus]
    outcomes = await together(
        answer_or_refusal(segmented_stubs.inventory.CreateReservation(shop.demand(*basket))) for _ in range(20)
    )
    sold = [one for one in outcomes if not isinstance(one, Refusal)]
    assert len(sold) == 7
    assert all(len(one.reservation.lines) == 2 for one in sold)
    assert {one.reason for one in outcomes if isinstance(one, Refusal)} == {"INSUFFICIENT_STOCK"}
    assert await shop.units_left(shop.skus[0]) == (3, 0)
    assert (await shop.units_left(shop.skus[1]))[1] == 0
    await assert_ledger_is_sound(segmented_stubs, uncovered=None)


async def test_a_batch_mixes_demand_of_one_segment_and_of_both(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=2, south=2)
    north, south = shop.locations
    requests = [
        shop.demand((shop.sku, 1, south)),
        shop.demand((shop.sku, 3), allow_split=True),
        shop.demand((shop.sku, 1), channel="nowhere"),
        shop.demand((shop.sku, 9, north)),
        shop.demand(),
    ]
    batch = BatchCreateReservationsRequest(requests=requests)
    results = (await segmented_stubs.inventory.BatchCreateReservations(batch)).results
    assert is_of(SOUTH, results[0].created.reservation)
    assert len(results[1].created.reservation.part_reservation_ids) == 2
    reasons = [read_status(one.refusal).reason for one in results[2:]]
    assert reasons == ["UNKNOWN_CHANNEL", "INSUFFICIENT_STOCK", "INVALID_FIELD"]
    assert await shop.units_left(shop.sku) == (0, 0)


async def test_a_batch_of_a_channel_that_sells_from_both_sells_all_there_is(segmented_stubs: Any) -> None:
    """What the home has it gives in order; the others, of the south and of both, are planned."""
    shop = await open_regions(segmented_stubs, north=30, south=30)
    requests = [shop.demand((shop.sku, 2), allow_split=True) for _ in range(40)]
    batch = BatchCreateReservationsRequest(requests=requests)
    results = (await segmented_stubs.inventory.BatchCreateReservations(batch)).results
    assert all(is_of(NORTH, one.created.reservation) for one in results[:15])
    sold = [one for one in results if one.HasField("created")]
    assert len(sold) == 30
    assert {read_status(one.refusal).reason for one in results if one.HasField("refusal")} == {"INSUFFICIENT_STOCK"}
    assert await shop.units_left(shop.sku) == (0, 0)
    again = (await segmented_stubs.inventory.BatchCreateReservations(batch)).results
    assert [one.created.reservation for one in again] == [one.created.reservation for one in results]


async def test_each_request_of_a_batch_that_is_divided_keeps_its_trace(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=2, south=2)
    north, south = shop.locations
    traces = {some("order"): f"00-{number:032x}-{number:016x}-01" for number in (1, 2, 3)}
    in_south, in_both, in_north = traces
    requests = [
        shop.demand((shop.skus[1], 1, south), order_id=in_south),
        shop.demand((shop.skus[0], 3), allow_split=True, order_id=in_both),
        shop.demand((shop.skus[1], 1, north), order_id=in_north),
    ]
    batch = BatchCreateReservationsRequest(requests=requests, trace_parents=traces.values())
    results = (await segmented_stubs.inventory.BatchCreateReservations(batch)).results
    assert [len(one.created.reservation.part_reservation_ids) for one in results] == [0, 2, 0]
    for order_id, trace_parent in traces.items():
        assert {movement.trace_parent for movement in await shop.movements(order_id=order_id)} == {trace_parent}
