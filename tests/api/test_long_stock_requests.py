"""The longest requests of every verb: taken whole, or refused as too long; never cut without a word."""

from typing import Any

import pytest
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.reservation_pb2 import ReservationState, Sourcing, SourcingOrder
from holdfast.inventory.v1.stock_pb2 import StockStatus

from api.calls import answer_or_refusal, together, until
from api.ids import some, uuid7
from api.refusals import Refusal, exhausted, invalid, refusal_of, refused_as
from api.requests import MAX_QUANTITY
from api.rules import allotment, backorder, distances, safety_stock
from api.shop import Shop, assert_ledger_is_sound, from_now, left, open_shop, put_channel, put_item

LINES = 1_000


async def test_an_order_of_a_thousand_lines_goes_through_its_whole_life(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=LINES, locations=2, units=2)
    near, far = shop.locations
    order = await shop.order(*((sku, 2, near) for sku in shop.skus))
    moves = [fulfillment.ReservationTransferLine(line_number=n + 1, quantity=1, location=far) for n in range(LINES)]
    request = fulfillment.TransferReservationRequest(
        request_id=uuid7(), reservation_id=order.reservation_id, lines=moves
    )
    moved = (await stubs.inventory.TransferReservation(request)).reservation
    assert [line.location for line in moved.lines] == [near] * LINES + [far] * LINES
    picked = [left(number + 1, missing=1) for number in range(LINES)]
    short = await shop.fulfill(order.reservation_id, *picked)
    assert len((await shop.incident(short.incident_id)).lines) == LINES

    async def covered() -> bool:
        return not any(line.backordered_quantity for line in (await shop.read(order.reservation_id)).lines)

    await until(covered, "the other unit on each shelf to be given to who is short")
    ended = (await shop.fulfill(order.reservation_id)).reservation
    assert ended.state == ReservationState.RESERVATION_STATE_FULFILLED
    returned = await shop.take_back(*((LINES + n + 1, 1) for n in range(LINES)), reservation_id=order.reservation_id)
    assert len(returned.lines) == LINES
    inspected = await shop.inspect(returned.return_id, *((n + 1, 1, 0, 0) for n in range(LINES)))
    assert inspected.state == fulfillment.RETURN_STATE_INSPECTED
    levels = [await shop.level(sku, near) for sku in (shop.skus[0], shop.skus[-1])]
    assert [(each.sellable_quantity, each.committed_quantity) for each in levels] == [(1, 0), (1, 0)]
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_thousand_lines_of_supply(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=LINES, locations=2, units=3)
    near, far = shop.locations
    plan = await shop.plan(*((sku, 5) for sku in shop.skus))
    receipts = [inventory.ReceiptLine(sku=sku, location=near, quantity=5) for sku in shop.skus]
    request = inventory.ReceiveStockRequest(request_id=uuid7(), lines=receipts, inbound_id=plan.inbound_id)
    assert len((await stubs.inventory.ReceiveStock(request)).stock_levels) == LINES
    transfer = await shop.ship(*((sku, 8) for sku in shop.skus), to=far)
    assert (await shop.arrive(transfer.transfer_id)).state == supply.TRANSFER_STATE_COMPLETED
    counts = [supply.CountLine(sku=sku, location=far, counted_quantity=10) for sku in shop.skus]
    answer = await stubs.inventory.CountStock(supply.CountStockRequest(request_id=uuid7(), lines=counts))
    assert list(answer.booked_deltas) == [-1] * LINES
    moves = [
        fulfillment.StatusMoveLine(sku=sku, location=far, from_status=1, to_status=3, quantity=4) for sku in shop.skus
    ]
    moved = await stubs.inventory.MoveStatus(
        fulfillment.MoveStatusRequest(request_id=uuid7(), lines=moves, reason="water")
    )
    assert {(each.sellable_quantity, each.damaged_quantity) for each in moved.stock_levels} == {(6, 4)}
    assert await shop.available(shop.skus[-1]) == 6


async def test_a_thousand_rules_at_once(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=LINES, units=5)
    await shop.put_rules(*(safety_stock(2, sku=sku, location=shop.location) for sku in shop.skus))
    assert [await shop.available(sku) for sku in (shop.skus[0], shop.skus[-1])] == [3, 3]
    await shop.put_rules(*(allotment(sku, shop.channel, cap=1) for sku in shop.skus))
    await shop.reserve(*((sku, 1) for sku in shop.skus))
    assert [await shop.available(sku) for sku in (shop.skus[0], shop.skus[-1])] == [0, 0]


async def test_a_thousand_allotments_end_at_the_same_time(stubs: Any) -> None:
    """No step ends them all; the steps after it end the rest."""
    shop = await open_shop(stubs, skus=LINES, units=5)
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    ends = from_now(seconds=2)
    await shop.put_rules(*(allotment(sku, other, guaranteed=4, ends=ends) for sku in shop.skus))
    keys = [inventory.AvailabilityKey(sku=sku, channel=shop.channel) for sku in shop.skus]

    async def over() -> bool:
        request = inventory.BatchGetAvailabilityRequest(keys=keys)
        told = (await stubs.inventory.BatchGetAvailability(request)).availabilities
        return {each.available_to_sell_quantity for each in told} == {5}

    await until(over, "all allotments to end")


async def test_five_thousand_distances(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=5_000)
    near, far = shop.locations[4_990], shop.locations[10]
    for location in (near, far):
        await shop.receive(5, location=location)
    region = some("region")
    ranked = [(location, 5_000 - number) for number, location in enumerate(shop.locations)]
    await shop.put_rules(distances(region, *ranked))
    nearest = Sourcing(order=SourcingOrder.SOURCING_ORDER_NEAREST, destination=region)
    reserved = await shop.reserve((shop.sku, 7), sourcing=nearest, allow_split=True)
    assert [(line.location, line.quantity) for line in reserved.lines] == [(near, 5), (far, 2)]
    one_more = distances(region, *ranked, (some("location"), 1))
    assert await refusal_of(shop.put_rules(one_more)) == invalid("rules[0].distances.locations")


async def test_the_fullest_is_looked_for_among_the_first_sixty_four(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=70)
    for number, location in enumerate(shop.locations):
        await shop.receive(number + 1, location=location)
    fullest = Sourcing(order=SourcingOrder.SOURCING_ORDER_MOST_STOCK)
    reserved = await shop.reserve((shop.sku, 3), sourcing=fullest)
    assert [line.location for line in reserved.lines] == [shop.locations[63]]


async def test_kits_of_twenty_parts_fill_a_reservation_to_its_limit(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=20, units=300)
    kits = [await put_item(stubs, parts=tuple((sku, 1) for sku in shop.skus)) for _ in range(251)]
    most = await shop.reserve(*((kit, 1) for kit in kits[:250]))
    assert len(most.lines) == 5_000
    await shop.release(most.reservation_id)
    refusal = await refusal_of(shop.reserve(*((kit, 1) for kit in kits)))
    assert (refusal.reason, refusal.metadata["limit"]) == ("LIMIT_EXCEEDED", "max_placements_per_reservation")
    assert await shop.available(kits[0]) == 300


async def test_a_reservation_gets_no_more_lines_than_it_can_have(stubs: Any) -> None:
    """By none of the ways by which units are reserved elsewhere."""
    shop = await open_shop(stubs, skus=3, locations=1_700, units=1)
    elsewhere = await open_shop(stubs)
    for sku in shop.skus:
        await shop.receive(1_700, sku=sku, location=elsewhere.location)
    order = await shop.order(*((sku, 1_700) for sku in shop.skus), channel=elsewhere.channel)
    full = exhausted("LIMIT_EXCEEDED", limit="max_placements_per_reservation", value="5000")

    def moves(last: int) -> Any:
        units = (1_700, 1_700, last)
        lines = [
            fulfillment.ReservationTransferLine(line_number=number, quantity=quantity, pool=shop.pool)
            for number, quantity in enumerate(units, start=1)
        ]
        request = fulfillment.TransferReservationRequest(
            request_id=uuid7(), reservation_id=order.reservation_id, lines=lines
        )
        return stubs.inventory.TransferReservation(request)

    assert await refusal_of(moves(1_700)) == full
    assert await refusal_of(moves(1_598)) == full
    assert len((await moves(1_597)).reservation.lines) == 5_000
    assert await refusal_of(shop.move(order.reservation_id, 3, 1, pool=shop.pool)) == full
    assert await refusal_of(shop.move(order.reservation_id, 3, 1, location=shop.locations[-1])) == full
    await put_channel(stubs, elsewhere.channel, shop.pool)
    await shop.adjust(-1_597, sku=shop.skus[2], location=elsewhere.location, reason="no free ones")
    missing = left(3, 2, missing=1)
    assert await refusal_of(shop.fulfill(order.reservation_id, missing, source_missing_anew=True)) == full
    short = await shop.fulfill(order.reservation_id, missing)
    assert (len(short.reservation.lines), short.reservation.lines[2].backordered_quantity) == (5_000, 1)
    transfer = {"to_location": shop.locations[-1]}
    assert await refusal_of(shop.resolve(short.incident_id, 4, **transfer)) == full
    assert (await shop.resolve(short.incident_id, 1)).incident.lines[0].open_quantity == 0


async def test_a_sale_of_more_parts_than_a_reservation_can_have_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=20)
    kits = [await put_item(stubs, parts=tuple((sku, 1) for sku in shop.skus)) for _ in range(251)]
    refusal = await refusal_of(shop.told(*((kit, 1) for kit in kits)))
    assert refusal == exhausted("LIMIT_EXCEEDED", limit="max_placements_per_reservation", value="5000")


@pytest.mark.parametrize("kept", [False, True], ids=["without", "with safety stock"])
async def test_a_sale_that_finds_nothing_in_five_thousand_locations_does_not_stop_the_others(
    stubs: Any, kept: bool
) -> None:
    """Four hundred lines, or more than may look everywhere for safety stock: meanwhile buyers are served as ever."""
    lines = 60 if kept else 400
    shop = await open_shop(stubs, skus=lines, locations=5_000)
    others = await open_shop(stubs, units=100)
    if kept:
        await shop.put_rules(safety_stock(1, location=shop.location))
        last = shop.locations[-1]
        stock = [inventory.ReceiptLine(sku=sku, location=last, quantity=1) for sku in shop.skus]
        await stubs.inventory.ReceiveStock(inventory.ReceiveStockRequest(request_id=uuid7(), lines=stock))
        await shop.reserve(*((sku, 1, last) for sku in shop.skus))
    buyers = (others.reserve((others.sku, 1)) for _ in range(40))
    told, reserved = await together([shop.told(*((sku, 1) for sku in shop.skus)), together(buyers)])
    assert [line.backordered_quantity for line in told.reservation.lines] == [1] * lines
    assert len(reserved) == 40
    assert await others.available() == 60


async def test_a_sale_of_a_thousand_lines_of_which_nothing_is_there(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=LINES)
    told = await shop.told(*((sku, 1) for sku in shop.skus))
    assert len((await shop.incident(told.incident_id)).lines) == LINES
    await shop.resolve(told.incident_id, 1)
    assert (await shop.read(told.reservation.reservation_id)).state == ReservationState.RESERVATION_STATE_RELEASED


# The greatest quantities.


async def test_no_level_passes_the_greatest_quantity_by_any_way(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(MAX_QUANTITY, location=near)
    overflow = refused_as("QUANTITY_OVERFLOW", sku=shop.sku, location=near)
    await shop.receive(1, location=far)
    transfer = await shop.ship((shop.sku, 1), from_location=far, to=near)
    assert await refusal_of(shop.arrive(transfer.transfer_id)) == overflow
    returned = await shop.take_back((shop.sku, MAX_QUANTITY), accept_blind=True)
    again = shop.take_back((shop.sku, 1), accept_blind=True)
    assert await refusal_of(again) == overflow
    assert await refusal_of(shop.inspect(returned.return_id, (1, 1, 0, 0))) == overflow
    hold, sellable = StockStatus.STOCK_STATUS_QUALITY_HOLD, StockStatus.STOCK_STATUS_SELLABLE
    assert await refusal_of(shop.move_status(1, hold, sellable)) == overflow
    moment = await shop.revision()
    await shop.adjust(-MAX_QUANTITY)
    await shop.receive(5)
    late = shop.count(MAX_QUANTITY, as_of_revision=moment)
    assert list((await late).booked_deltas) == [0]
    await shop.count(MAX_QUANTITY)


async def test_no_more_is_on_its_way_than_can_be_counted(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(MAX_QUANTITY)
    away = await shop.ship((shop.sku, MAX_QUANTITY), to=far)
    await shop.receive(5)
    overflow = refused_as("QUANTITY_OVERFLOW", sku=shop.sku, location=far)
    assert await refusal_of(shop.ship((shop.sku, 1), to=far)) == overflow
    await shop.arrive(away.transfer_id)
    await shop.ship((shop.sku, 5), to=far)
    level = await shop.level(location=far)
    assert (level.sellable_quantity, level.in_transit_quantity) == (MAX_QUANTITY, 5)
    assert (await shop.level(location=near)).sellable_quantity == 0


async def test_the_greatest_backorder_is_kept_exactly(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, MAX_QUANTITY))
    waiting = await shop.reserve((shop.sku, MAX_QUANTITY - 1), allow_backorder=True)
    told = await shop.availability()
    assert (told.backorder_quantity, (await shop.level()).net_quantity) == (1, -(MAX_QUANTITY - 1))
    await shop.receive(MAX_QUANTITY)
    assert (await shop.read(waiting.reservation_id)).lines[0].backordered_quantity == 0
    assert await shop.available() == 1


async def test_the_greatest_kit(stubs: Any) -> None:
    shop: Shop = await open_shop(stubs, units=MAX_QUANTITY)
    kit = await put_item(stubs, parts=((shop.sku, 1_000_000),))
    assert await shop.available(kit) == 1_000_000
    reserved = await shop.reserve((kit, 1_000_000))
    assert reserved.lines[0].quantity == MAX_QUANTITY
    too_many = await refusal_of(shop.reserve((kit, MAX_QUANTITY)))
    assert (too_many.reason, too_many.metadata["available"]) == ("INSUFFICIENT_STOCK", "0")


async def test_a_sale_of_more_parts_than_can_be_counted_is_refused(stubs: Any) -> None:
    """The only reason to refuse what is sold: numbers that the books cannot hold exactly."""
    shop = await open_shop(stubs, units=7)
    kit = await put_item(stubs, parts=((shop.sku, 999_999),))
    refusal = await refusal_of(shop.told((kit, MAX_QUANTITY)))
    assert refusal == refused_as("QUANTITY_OVERFLOW", sku=shop.sku, location=shop.location)
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_what_is_sold_again_and_again_beyond_all_measure_does_not_break_the_books(stubs: Any) -> None:
    """Sales of the greatest quantity: each is accepted or refused as too much, and the ledger stays sound."""
    shop = await open_shop(stubs)
    sales = [answer_or_refusal(shop.told((shop.sku, MAX_QUANTITY))) for _ in range(4)]
    outcomes = [await sale for sale in sales]
    assert {o.reason for o in outcomes if isinstance(o, Refusal)} <= {"QUANTITY_OVERFLOW"}
    await shop.receive(1)
    assert (await shop.level()).committed_quantity == 1
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_long_question_about_promises_does_not_stop_the_others(stubs: Any) -> None:
    """A hundred promises over two thousand locations, the most of one call: meanwhile buyers are served as ever."""
    shop = await open_shop(stubs, locations=2_000, units=1)
    for first in range(0, 600, 200):
        await together(shop.plan((shop.sku, 1), location=place) for place in shop.locations[first : first + 200])
    keys = [
        inventory.AvailabilityKey(sku=shop.sku, channel=shop.channel, promise_time=from_now(days=number))
        for number in range(101)
    ]
    too_long = inventory.BatchGetAvailabilityRequest(keys=keys)
    assert await refusal_of(stubs.inventory.BatchGetAvailability(too_long)) == invalid("keys")
    question = inventory.BatchGetAvailabilityRequest(keys=keys[:100])
    buyers = (shop.reserve((shop.sku, 1)) for _ in range(20))
    answer, reserved = await together([stubs.inventory.BatchGetAvailability(question), together(buyers)])
    assert len(reserved) == 20
    told = [each.available_to_promise_quantity for each in answer.availabilities[3:]]
    assert set(told) <= set(range(2_580, 2_601)), "with none to twenty units reserved"
    assert len(set(told)) == 1, "all of one moment"


async def test_a_level_has_no_more_dated_plans_than_the_limit(stubs: Any) -> None:
    """Plans and dated transfers count together; a plan that changes or ends makes no new one."""
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    await shop.ship((shop.sku, 1), to=far, expected_time=from_now(days=2))
    plans = await together(shop.plan((shop.sku, 1), location=far) for _ in range(199))
    full = exhausted("LIMIT_EXCEEDED", limit="max_plans_per_level", value="200")
    assert await refusal_of(shop.plan((shop.sku, 1), location=far)) == full
    assert await refusal_of(shop.ship((shop.sku, 1), to=far, expected_time=from_now(days=2))) == full
    await shop.ship((shop.sku, 1), to=far)
    await shop.plan((shop.sku, 2), location=far, inbound_id=plans[0].inbound_id)
    await shop.plan(location=far, inbound_id=plans[1].inbound_id)
    await shop.plan((shop.sku, 1), location=far)
    await shop.plan((shop.sku, 1), location=near)
    assert await shop.promised(4) == 8 + 1 + 200 + 1, "on hand, on the way by a date, and planned"


async def test_guarantees_of_many_stores_do_not_stop_the_buyers(stubs: Any) -> None:
    """A web shop that sells from a thousand stores, of which a hundred keep two units for their own tills."""
    shop = await open_shop(stubs, locations=1_000, units=5)
    pools = [catalog.Pool(pool=some("pool"), locations=[location]) for location in shop.locations]
    await stubs.catalog.PutPools(catalog_service.PutPoolsRequest(request_id=uuid7(), pools=pools))
    tills = [catalog.Channel(channel=some("tills"), pool=pool.pool) for pool in pools]
    await stubs.catalog.PutChannels(catalog_service.PutChannelsRequest(request_id=uuid7(), channels=tills))
    await shop.put_rules(*(allotment(shop.sku, each.channel, guaranteed=2) for each in tills[:100]))
    refusal = await refusal_of(shop.put_rules(allotment(shop.sku, tills[100].channel, guaranteed=2)))
    assert refusal == exhausted("LIMIT_EXCEEDED", limit="max_channel_rules_per_item", value="100")
    assert await shop.available() == 4_800
    bought = await together(shop.reserve((shop.sku, 1)) for _ in range(400))
    assert {line.location for each in bought for line in each.lines} == set(shop.locations[:120])
    assert await shop.available() == 4_400
    keys = [inventory.AvailabilityKey(sku=shop.sku, channel=each.channel) for each in tills]
    told = await stubs.inventory.BatchGetAvailability(inventory.BatchGetAvailabilityRequest(keys=keys))
    assert [each.available_to_sell_quantity for each in told.availabilities] == [2] * 100 + [0] * 20 + [5] * 880
