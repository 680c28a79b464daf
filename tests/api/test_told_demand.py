"""Told demand: the channel has sold already, so the answer is never no. What is missing waits under an incident."""

from typing import Any

from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1.reservation_pb2 import Reservation, ReservationState, Sourcing, SourcingOrder, SourcingReason
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import together
from api.ids import some
from api.refusals import not_found, refusal_of, refused_as, short_of
from api.rules import allotment, backorder, channel_buffer, hold_limit_of_customer, safety_stock
from api.shop import assert_ledger_is_sound, from_now, open_shop, put_channel, put_item, put_pool

POOL_ORDER = SourcingReason.SOURCING_REASON_POOL_ORDER
NAMED = SourcingReason.SOURCING_REASON_NAMED_LOCATION
AWAITED = SourcingReason.SOURCING_REASON_AWAITED
RESERVE = MovementKind.MOVEMENT_KIND_RESERVE
BACKORDER = MovementKind.MOVEMENT_KIND_BACKORDER


def placed(reservation: Reservation) -> list[tuple[str, int, int, int]]:
    """Where the units of each line are, how many are open, how many of them are awaited, and why there."""
    return [(ln.location, ln.open_quantity, ln.backordered_quantity, ln.sourcing_reason) for ln in reservation.lines]


async def test_a_sale_that_is_covered_is_committed_at_once_and_no_incident(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    told = await shop.told((shop.sku, 3), order_id=some("order"), customer_id="somebody")
    reservation = told.reservation
    assert reservation.state == ReservationState.RESERVATION_STATE_COMMITTED
    assert reservation.told
    assert reservation.customer_id == "somebody"
    assert not reservation.HasField("expire_time")
    assert told.incident_id == ""
    assert placed(reservation) == [(shop.location, 3, 0, POOL_ORDER)]
    level = await shop.level()
    assert (level.held_quantity, level.committed_quantity, level.backordered_quantity) == (0, 3, 0)
    assert await shop.read(reservation.reservation_id) == reservation


async def test_a_sale_beyond_stock_is_accepted_and_its_incident_says_which_units(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    order = some("order")
    told = await shop.told((shop.sku, 5, shop.location), order_id=order)
    assert placed(told.reservation) == [(shop.location, 5, 3, NAMED)]
    assert told.incident_id == f"{told.revision.segment}-incident-{told.revision.position}"
    incident = await shop.incident(told.incident_id)
    assert incident.kind == reconciliation.INCIDENT_KIND_OVERSELL
    assert incident.state == reconciliation.INCIDENT_STATE_OPEN
    assert (incident.channel, incident.order_id) == (shop.channel, order)
    assert incident.reservation_id == told.reservation.reservation_id
    assert incident.revision == told.revision
    assert incident.create_time == told.reservation.create_time
    missing = [(line.line_number, line.sku, line.location, line.quantity) for line in incident.lines]
    assert missing == [(1, shop.sku, shop.location, 3)]
    level = await shop.level()
    assert (level.committed_quantity, level.backordered_quantity, level.net_quantity) == (2, 3, -3)
    assert await shop.available() == 0
    booked = [(m.kind, m.committed_delta, m.backordered_delta) for m in (await shop.movements())[1:]]
    assert booked == [(RESERVE, 2, 0), (BACKORDER, 0, 3)]


async def test_a_sourced_sale_empties_the_pool_and_awaits_the_rest_at_its_first_location(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=2)
    near, far = shop.locations
    told = await shop.told((shop.sku, 7))
    assert placed(told.reservation) == [(near, 2, 0, POOL_ORDER), (far, 2, 0, POOL_ORDER), (near, 3, 3, AWAITED)]


async def test_the_backorder_rule_says_where_missing_units_are_awaited(stubs: Any) -> None:
    """Its cap does not count: the units are sold."""
    shop = await open_shop(stubs, locations=2, units=1)
    near, far = shop.locations
    await shop.put_rules(backorder(shop.sku, far, 1))
    told = await shop.told((shop.sku, 5))
    assert placed(told.reservation) == [(near, 1, 0, POOL_ORDER), (far, 1, 0, POOL_ORDER), (far, 3, 3, AWAITED)]
    elsewhere = (await open_shop(stubs)).location
    await shop.put_rules(backorder(shop.sku, elsewhere, 9))
    told = await shop.told((shop.sku, 1))
    assert placed(told.reservation) == [(near, 1, 1, AWAITED)]


async def test_a_sale_of_what_never_was_in_stock_is_accepted(stubs: Any) -> None:
    shop = await open_shop(stubs)
    told = await shop.told((shop.sku, 2))
    assert placed(told.reservation) == [(shop.location, 2, 2, AWAITED)]
    assert (await shop.level()).net_quantity == -2


async def test_lines_of_one_sku_and_location_are_one(stubs: Any) -> None:
    shop = await open_shop(stubs, units=4)
    told = await shop.told((shop.sku, 2, shop.location), (shop.sku, 3, shop.location))
    assert [(line.quantity, line.backordered_quantity) for line in told.reservation.lines] == [(5, 1)]


async def test_a_sale_takes_safety_stock(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    await shop.put_rules(safety_stock(3, sku=shop.sku))
    assert await shop.available() == 2
    named = await shop.told((shop.sku, 1, shop.location))
    assert placed(named.reservation) == [(shop.location, 1, 0, NAMED)]
    sourced = await shop.told((shop.sku, 3))
    assert placed(sourced.reservation) == [(shop.location, 1, 0, POOL_ORDER), (shop.location, 2, 0, POOL_ORDER)]
    assert sourced.incident_id == ""
    assert (await shop.level()).net_quantity == -2
    beyond = await shop.told((shop.sku, 2))
    assert sum(line.backordered_quantity for line in beyond.reservation.lines) == 1


async def test_safety_stock_is_taken_only_when_the_rest_of_the_pool_is_empty(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=3)
    near, far = shop.locations
    await shop.put_rules(safety_stock(2, sku=shop.sku, location=near))
    told = await shop.told((shop.sku, 5))
    assert [(line.location, line.quantity) for line in told.reservation.lines] == [(near, 1), (far, 3), (near, 1)]


async def test_a_sale_is_not_held_up_by_buffers_guarantees_caps_or_limits(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    other, customer = some("channel"), some("customer")
    await put_channel(stubs, other, shop.pool)
    await shop.put_rules(
        channel_buffer(9, channel=shop.channel),
        allotment(shop.sku, other, guaranteed=9),
        allotment(shop.sku, shop.channel, cap=1),
        hold_limit_of_customer(customer, 0),
    )
    await put_item(stubs, shop.sku, inactive=True)
    assert await shop.available() == 0
    told = await shop.told((shop.sku, 4), customer_id=customer)
    assert (told.incident_id, [line.backordered_quantity for line in told.reservation.lines]) == ("", [0])


async def test_a_sale_goes_to_the_fullest_location_whatever_others_are_guaranteed_there(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(5, location=near)
    await shop.receive(10, location=far)
    store, store_pool = some("channel"), some("pool")
    await put_pool(stubs, store_pool, (far,))
    await put_channel(stubs, store, store_pool)
    await shop.put_rules(allotment(shop.sku, store, guaranteed=8))
    fullest = Sourcing(order=SourcingOrder.SOURCING_ORDER_MOST_STOCK)
    asked = await shop.reserve((shop.sku, 1), sourcing=fullest)
    assert [line.location for line in asked.lines] == [near], "two are left far for who asks"
    told = await shop.told((shop.sku, 12), sourcing=fullest)
    most_stock = SourcingReason.SOURCING_REASON_MOST_STOCK
    assert placed(told.reservation) == [(far, 10, 0, most_stock), (near, 2, 0, most_stock)]
    assert await shop.available(channel=store) == 0


async def test_what_was_told_uses_the_allotment(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=5))
    await shop.told((shop.sku, 4))
    assert await shop.available() == 1
    await shop.told((shop.sku, 3))
    assert await shop.available() == 0


async def test_a_kit_that_was_sold_takes_its_parts_and_awaits_those_that_are_missing(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=3)
    cup, saucer = shop.skus
    kit = await put_item(stubs, parts=((cup, 2), (saucer, 1)))
    told = await shop.told((kit, 2))
    lines = [(ln.sku, ln.ordered_sku, ln.quantity, ln.backordered_quantity) for ln in told.reservation.lines]
    assert lines == [(cup, kit, 3, 0), (cup, kit, 1, 1), (saucer, kit, 2, 0)]
    assert told.incident_id


async def test_many_sales_at_once_are_all_accepted_and_cover_exactly_what_there_is(stubs: Any) -> None:
    shop = await open_shop(stubs, units=20)
    answers = await together(shop.told((shop.sku, 1)) for _ in range(50))
    level = await shop.level()
    assert (level.committed_quantity, level.backordered_quantity) == (20, 30)
    opened = {answer.incident_id for answer in answers if answer.incident_id}
    assert len(opened) == 30
    assert {incident.incident_id for incident in await shop.incidents()} == opened
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_who_asks_comes_after_those_to_whom_units_are_owed(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    told = await shop.told((shop.sku, 4))
    await shop.receive(2)
    assert await short_of(shop.reserve((shop.sku, 1))) == (shop.sku, "", 1, 0)
    await shop.receive(2)
    assert await shop.available() == 1
    assert sum(line.backordered_quantity for line in (await shop.read(told.reservation.reservation_id)).lines) == 0


async def test_a_sale_of_what_nobody_knows_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    elsewhere = (await open_shop(stubs)).location
    cases = [
        (shop.sale(("nothing", 1)), not_found("UNKNOWN_SKU", sku="nothing")),
        (shop.sale((shop.sku, 1, "nowhere")), not_found("UNKNOWN_LOCATION", location="nowhere")),
        (shop.sale((shop.sku, 1), channel="nobody"), not_found("UNKNOWN_CHANNEL", channel="nobody")),
        (
            shop.sale((shop.sku, 1, elsewhere)),
            refused_as("LOCATION_NOT_IN_POOL", channel=shop.channel, location=elsewhere),
        ),
    ]
    for sale, expected in cases:
        assert await refusal_of(stubs.inventory.CreateReservation(sale)) == expected


async def test_a_channel_that_sells_from_nowhere_can_have_sold_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await put_pool(stubs, shop.pool, ())
    refusal = await refusal_of(shop.told((shop.sku, 1)))
    assert refusal == refused_as("LOCATION_NOT_IN_POOL", channel=shop.channel, location="")


async def test_an_awaited_line_of_a_sale_knows_no_date(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, 9, expected_time=from_now(days=5)))
    told = await shop.told((shop.sku, 1))
    assert not told.reservation.lines[0].HasField("expected_time")
