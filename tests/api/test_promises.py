"""Inbound plans, and what can be promised for a day (ATP): what is expected counts, what is late does not."""

from typing import Any

import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.stock_pb2 import StockStatus

from api.ids import some, uuid7
from api.refusals import Refusal, kit_conflict, not_found, refusal_of, refused_as
from api.rules import allotment, backorder, channel_buffer, safety_stock
from api.shop import Shop, from_now, open_shop, put_channel, put_item, put_pool

EXPECTED = supply.INBOUND_STATE_EXPECTED
CLOSED = supply.INBOUND_STATE_CLOSED


def units_of(plan: supply.Inbound) -> list[tuple[str, int, int, int]]:
    return [(line.sku, line.quantity, line.open_quantity, line.received_quantity) for line in plan.lines]


async def find(shop: Shop, inbound_id: str) -> supply.Inbound:
    request = supply.ListInboundsRequest(location=shop.location)
    plans = (await shop.stubs.inventory.ListInbounds(request)).inbounds
    (found,) = [plan for plan in plans if plan.inbound_id == inbound_id]
    return found


# What can be promised.


async def test_what_is_expected_can_be_promised_from_its_day_on(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.plan((shop.sku, 10), expected_time=from_now(days=3))
    await shop.plan((shop.sku, 5), expected_time=from_now(days=6))
    assert [await shop.promised(days) for days in (0, 1, 2, 3, 5, 6, 300)] == [2, 2, 2, 12, 12, 17, 17]
    assert [await shop.promised(days, location=shop.location) for days in (2, 3, 6)] == [2, 12, 17]
    assert await shop.available() == 2, "what is not there is not sold as if it were"


async def test_without_a_day_nothing_is_said_of_promises(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.plan((shop.sku, 10), expected_time=from_now(days=0))
    told = await shop.availability()
    assert (told.available_to_sell_quantity, told.available_to_promise_quantity) == (2, 0)


async def test_a_day_that_is_over_is_taken_as_today(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.plan((shop.sku, 10), expected_time=from_now(days=1))
    assert await shop.promised(-40) == 2


async def test_what_is_overdue_is_promised_to_nobody(stubs: Any) -> None:
    """Late supply drops out instead of being promised for every day to come."""
    shop = await open_shop(stubs, units=2)
    plan = await shop.plan((shop.sku, 10), expected_time=from_now(days=-2))
    assert [await shop.promised(days) for days in (0, 5)] == [2, 2]
    await shop.plan((shop.sku, 10), inbound_id=plan.inbound_id, expected_time=from_now(days=4))
    assert [await shop.promised(days) for days in (0, 5)] == [2, 12]


async def test_what_is_promised_for_a_later_day_is_not_promised_before(stubs: Any) -> None:
    """Two there, ten come in three days, four are owed in ten days: six remain for the days between."""
    shop = await open_shop(stubs, units=2)
    await shop.put_rules(backorder(shop.sku, shop.location, 9, expected_time=from_now(days=10)))
    await shop.reserve((shop.sku, 6), allow_backorder=True)
    await shop.plan((shop.sku, 10), expected_time=from_now(days=3))
    assert [await shop.promised(days) for days in (0, 2, 3, 9, 10, 20)] == [0, 0, 6, 6, 6, 6]


async def test_what_is_owed_without_a_date_is_owed_now(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.told((shop.sku, 5))
    await shop.plan((shop.sku, 10), expected_time=from_now(days=3))
    assert [await shop.promised(days) for days in (0, 3)] == [0, 7]


async def test_supply_that_comes_after_a_demand_cannot_serve_it(stubs: Any) -> None:
    """Five there now; four are owed on day four; supply comes on day eight."""
    shop = await open_shop(stubs, units=5)
    hold = await shop.reserve((shop.sku, 5))
    await shop.put_rules(backorder(shop.sku, shop.location, 9, expected_time=from_now(days=4)))
    await shop.reserve((shop.sku, 4), allow_backorder=True)
    await shop.plan((shop.sku, 10), expected_time=from_now(days=8))
    assert [await shop.promised(days) for days in (0, 4, 8)] == [0, 0, 6]
    await shop.release(hold.reservation_id)
    assert [await shop.promised(days) for days in (0, 4, 8)] == [1, 1, 11]


async def test_units_on_their_way_are_promised_for_the_day_on_which_they_arrive(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(10, location=near)
    dated = await shop.ship((shop.sku, 4), to=far, expected_time=from_now(days=2))
    await shop.ship((shop.sku, 3), to=far)
    assert [await shop.promised(days, location=far) for days in (1, 2, 9)] == [0, 4, 4]
    assert [await shop.promised(days) for days in (1, 2)] == [3, 7]
    await shop.arrive(dated.transfer_id)
    assert [await shop.promised(days, location=far) for days in (1, 2)] == [4, 4]


async def test_promises_to_a_channel_obey_its_pool_buffer_cap_and_the_guarantees_of_others(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    await shop.receive(5, location=near)
    await shop.plan((shop.sku, 10), location=far)
    assert await shop.promised(3) == 15
    await shop.put_rules(channel_buffer(2, channel=shop.channel))
    assert [await shop.promised(days) for days in (0, 3)] == [3, 13]
    await shop.put_rules(allotment(shop.sku, other, guaranteed=4))
    assert [await shop.promised(days) for days in (0, 3)] == [0, 9]
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=6))
    assert await shop.promised(3) == 6
    await put_pool(stubs, shop.pool, (near,))
    assert await shop.promised(3) == 0


async def test_safety_stock_is_not_promised_either(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.plan((shop.sku, 10), expected_time=from_now(days=3))
    await shop.put_rules(safety_stock(5, sku=shop.sku))
    assert [await shop.promised(days) for days in (0, 3)] == [0, 7]


async def test_of_a_kit_as_many_are_promised_as_its_scarcest_part_allows(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=3)
    cup, saucer = shop.skus
    kit = await put_item(stubs, parts=((cup, 2), (saucer, 1)))
    await shop.plan((cup, 7), expected_time=from_now(days=3))
    assert [await shop.promised(days, kit) for days in (0, 3)] == [1, 3]
    assert [await shop.promised(days, kit, location=shop.location) for days in (0, 3)] == [1, 3]


# The plan.


async def test_a_receipt_takes_units_off_the_plan(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2)
    first, second = shop.skus
    plan = await shop.plan((first, 10), (second, 3))
    assert (plan.state, units_of(plan)) == (EXPECTED, [(first, 10, 10, 0), (second, 3, 3, 0)])
    await shop.receive(4, inbound_id=plan.inbound_id)
    damaged = inventory.ReceiptLine(
        sku=first, location=shop.location, quantity=1, status=StockStatus.STOCK_STATUS_DAMAGED
    )
    request = inventory.ReceiveStockRequest(request_id=uuid7(), lines=[damaged], inbound_id=plan.inbound_id)
    await stubs.inventory.ReceiveStock(request)
    assert units_of(await find(shop, plan.inbound_id)) == [(first, 10, 5, 5), (second, 3, 3, 0)]
    assert [await shop.promised(days) for days in (0, 3)] == [4, 9]
    assert {m.document_id for m in await shop.movements()} == {plan.inbound_id}


async def test_more_than_was_announced_and_what_was_not_is_accepted(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2)
    first, second = shop.skus
    plan = await shop.plan((first, 10))
    await shop.receive(7, sku=second, inbound_id=plan.inbound_id)
    assert units_of(await find(shop, plan.inbound_id)) == [(first, 10, 10, 0)]
    await shop.receive(12, inbound_id=plan.inbound_id)
    ended = await find(shop, plan.inbound_id)
    assert (ended.state, units_of(ended)) == (CLOSED, [(first, 10, 0, 12)])
    assert [await shop.available(sku) for sku in shop.skus] == [12, 7]


async def test_a_plan_that_changes_keeps_what_came_in(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=3)
    first, second, third = shop.skus
    plan = await shop.plan((first, 10), (second, 5))
    name = plan.inbound_id
    await shop.receive(4, inbound_id=name)
    changed = await shop.plan((first, 7), (third, 2), inbound_id=name, expected_time=from_now(days=9))
    assert (changed.state, units_of(changed)) == (EXPECTED, [(first, 7, 3, 4), (third, 2, 2, 0)])
    assert changed.revision.position > plan.revision.position
    assert [await shop.promised(days) for days in (3, 9)] == [4, 7]
    changed = await shop.plan((third, 2), inbound_id=name)
    assert sorted(units_of(changed)) == sorted([(first, 4, 0, 4), (third, 2, 2, 0)])


async def test_a_plan_of_which_nothing_is_left_is_closed(stubs: Any) -> None:
    shop = await open_shop(stubs)
    plan = await shop.plan((shop.sku, 10))
    await shop.receive(4, inbound_id=plan.inbound_id)
    closed = await shop.plan((shop.sku, 3), inbound_id=plan.inbound_id)
    assert (closed.state, units_of(closed)) == (CLOSED, [(shop.sku, 3, 0, 4)])


async def test_a_plan_that_is_given_up_is_closed_and_promises_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs)
    plan = await shop.plan((shop.sku, 10))
    await shop.receive(4, inbound_id=plan.inbound_id)
    given_up = await shop.plan(inbound_id=plan.inbound_id, reason="the supplier cannot deliver")
    assert (given_up.state, units_of(given_up)) == (CLOSED, [(shop.sku, 4, 0, 4)])
    assert await shop.promised(30) == 4
    over = refused_as("DOCUMENT_CLOSED", kind="INBOUND", document_id=plan.inbound_id)
    assert await refusal_of(shop.plan((shop.sku, 10), inbound_id=plan.inbound_id)) == over
    assert await refusal_of(shop.receive(1, inbound_id=plan.inbound_id)) == over


def elsewhere_than(plan: supply.Inbound, location: str, requested: int) -> Refusal:
    return refused_as(
        "EXCEEDS_DOCUMENT",
        kind="INBOUND",
        document_id=plan.inbound_id,
        line=location,
        requested=str(requested),
        open="0",
    )


async def test_a_plan_stays_at_its_location(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    _, far = shop.locations
    plan = await shop.plan((shop.sku, 10))
    moved = await refusal_of(shop.plan((shop.sku, 10), inbound_id=plan.inbound_id, location=far))
    assert moved == elsewhere_than(plan, far, 0)
    received = await refusal_of(shop.receive(4, location=far, inbound_id=plan.inbound_id))
    assert received == elsewhere_than(plan, far, 4)
    assert await find(shop, plan.inbound_id) == plan


@pytest.mark.parametrize("what", ["a plan", "a receipt"])
async def test_there_must_be_a_plan(stubs: Any, what: str) -> None:
    shop = await open_shop(stubs)
    name = some("inbound")
    call = shop.plan(inbound_id=name) if what == "a plan" else shop.receive(1, inbound_id=name)
    assert await refusal_of(call) == not_found("UNKNOWN_DOCUMENT", kind="INBOUND", document_id=name)


async def test_unknown_things_and_kits_cannot_be_expected(stubs: Any) -> None:
    shop = await open_shop(stubs)
    kit = await put_item(stubs, parts=((shop.sku, 1),))
    nowhere = await refusal_of(shop.plan((shop.sku, 1), location="nowhere"))
    assert nowhere == not_found("UNKNOWN_LOCATION", location="nowhere")
    assert await refusal_of(shop.plan(("nothing", 1))) == not_found("UNKNOWN_SKU", sku="nothing")
    assert await refusal_of(shop.plan((kit, 1))) == kit_conflict(kit, "NO_STOCK_OF_ITS_OWN")
