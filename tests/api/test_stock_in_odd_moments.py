"""The life of stock in odd moments: rules and pools that change under what is under way, and names used twice."""

from typing import Any

from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1.reservation_pb2 import ReservationState, SourcingReason
from holdfast.inventory.v1.revision_pb2 import Revision

from api.calls import answer_or_refusal, stubs_of, together, until
from api.ids import some
from api.refusals import Refusal, not_found, read_status, refusal_of
from api.rules import allotment, backorder, distances, hold_limit_of_customer, substitution
from api.shop import (
    Shop,
    assert_ledger_is_sound,
    from_now,
    left,
    open_shop,
    put_channel,
    put_item,
    put_pool,
)
from api.test_sourcing import to

# Pools that change.


async def test_who_waits_at_a_location_that_left_the_pool_is_served_there(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.put_rules(backorder(shop.sku, far, 9))
    waiting = await shop.reserve((shop.sku, 3), allow_backorder=True)
    await put_pool(stubs, shop.pool, (near,))
    assert (await shop.availability()).backorder_quantity == 0
    await shop.receive(3, location=far)
    assert (await shop.read(waiting.reservation_id)).lines[0].backordered_quantity == 0


async def test_missing_units_are_sourced_from_the_pool_of_the_moment(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=2)
    near, far = shop.locations
    elsewhere = (await open_shop(stubs)).location
    await shop.receive(2, location=elsewhere)
    order = await shop.order((shop.sku, 2, near))
    await put_pool(stubs, shop.pool, (elsewhere, near))
    answer = await shop.fulfill(order.reservation_id, left(1, missing=2), source_missing_anew=True)
    assert [(line.location, line.open_quantity) for line in answer.reservation.lines] == [(near, 0), (elsewhere, 2)]
    assert (await shop.level(location=far)).committed_quantity == 0


async def test_a_guarantee_follows_its_channel_to_another_pool(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    _, far = shop.locations
    other, pool = some("channel"), some("pool")
    await put_pool(stubs, pool, ())
    await put_channel(stubs, other, pool)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=4))
    assert await shop.available() == 10, "a channel that sells from nowhere keeps nothing back"
    await put_pool(stubs, pool, (far,))
    assert await shop.available() == 6
    await put_channel(stubs, other, shop.pool)
    assert await shop.available() == 6
    assert await shop.available(channel=other) == 10
    await put_pool(stubs, shop.pool, (far,))
    assert await shop.available() == 1


# Reservations in odd moments.


async def test_a_hold_that_is_due_can_neither_move_nor_leave(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    hold = await shop.reserve((shop.sku, 1, near), ttl_seconds=1)

    async def over() -> bool:
        return (await shop.read(hold.reservation_id)).state == ReservationState.RESERVATION_STATE_EXPIRED

    await until(over, "a hold that is due to expire")
    for call in (shop.move(hold.reservation_id, 1, 1, location=far), shop.fulfill(hold.reservation_id)):
        assert (await refusal_of(call)).reason == "RESERVATION_EXPIRED"


async def test_units_can_be_settled_where_they_are_again_and_again(stubs: Any) -> None:
    """Nonsense, but it loses nothing, and takes nothing from anybody."""
    shop = await open_shop(stubs, units=5)
    hold = await shop.reserve((shop.sku, 2))
    moved = await shop.move(hold.reservation_id, 1, 2, location=shop.location)
    assert [line.open_quantity for line in moved.lines] == [0, 2]
    await shop.reserve((shop.sku, 3))
    moved = await shop.move(hold.reservation_id, 2, 1, location=shop.location)
    assert [line.open_quantity for line in moved.lines] == [0, 1, 1]
    assert await shop.available() == 0


async def test_nothing_leaves_of_an_order_that_waits_whole(stubs: Any) -> None:
    shop = await open_shop(stubs)
    order = (await shop.told((shop.sku, 2))).reservation
    assert (await refusal_of(shop.fulfill(order.reservation_id))).reason == "FULFILLMENT_EXCEEDS_OPEN"
    released = await shop.fulfill(order.reservation_id, release_rest=True)
    assert released.reservation.state == ReservationState.RESERVATION_STATE_RELEASED
    assert (await shop.level()).net_quantity == 0


async def test_a_blind_return_on_a_hold_changes_nothing_of_the_hold(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    hold = await shop.reserve((shop.sku, 2))
    returned = await shop.take_back((1, 1), reservation_id=hold.reservation_id, accept_blind=True)
    assert returned.blind
    assert (await shop.read(hold.reservation_id)).lines == hold.lines


async def test_a_reservation_is_found_where_its_units_went(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2)
    wanted, instead = shop.skus
    near, far = shop.locations
    await shop.receive(2, sku=instead, location=far)
    told = await shop.told((wanted, 2, near))
    which = told.reservation.reservation_id
    assert await shop.reservations(sku=instead) == []
    await shop.resolve(told.incident_id, reconciliation.RESOLUTION_SUBSTITUTE, substitute_sku=instead)
    assert [each.reservation_id for each in await shop.reservations(sku=instead)] == [which]
    assert [each.reservation_id for each in await shop.reservations(location=far)] == [which]
    assert [each.reservation_id for each in await shop.reservations(sku=wanted, channel=shop.channel)] == [which]


async def test_sales_and_questions_in_one_batch(stubs: Any) -> None:
    """Each is decided after the one before it: the sale takes the last unit, and the buyer behind it gets none."""
    shop = await open_shop(stubs, units=3)
    await shop.put_rules(backorder(shop.sku, shop.location, 4))
    requests = [
        shop.one_unit(),
        shop.sale((shop.sku, 3)),
        shop.one_unit(),
        shop.demand((shop.sku, 3), allow_backorder=True),
        shop.demand((shop.sku, 1), allow_backorder=True),
        shop.sale(("nothing", 1)),
    ]
    batch = inventory.BatchCreateReservationsRequest(requests=requests)
    asked, told, refused, waits, too_many, unknown = (await stubs.inventory.BatchCreateReservations(batch)).results
    assert asked.created.incident_id == ""
    assert (await shop.incident(told.created.incident_id)).lines[0].quantity == 1
    assert read_status(refused.refusal).reason == "INSUFFICIENT_STOCK"
    assert [line.backordered_quantity for line in waits.created.reservation.lines] == [3]
    assert read_status(too_many.refusal).reason == "INSUFFICIENT_STOCK"
    assert read_status(unknown.refusal) == not_found("UNKNOWN_SKU", sku="nothing")


async def test_a_limit_of_holds_within_one_batch(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    customer = some("customer")
    await shop.put_rules(hold_limit_of_customer(customer, 2))
    requests = [shop.one_unit(customer_id=customer) for _ in range(5)]
    batch = inventory.BatchCreateReservationsRequest(requests=requests)
    results = (await stubs.inventory.BatchCreateReservations(batch)).results
    assert [result.HasField("created") for result in results] == [True, True, False, False, False]


async def test_a_substitute_comes_from_where_the_caller_is_near(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2)
    wanted, instead = shop.skus
    near, far = shop.locations
    for location in (near, far):
        await shop.receive(3, sku=instead, location=location)
    region = some("region")
    await shop.put_rules(substitution(wanted, instead), distances(region, (far, 1), (near, 2)))
    reserved = await shop.reserve((wanted, 2), allow_substitution=True, sourcing=to(region))
    assert [(line.location, line.sourcing_reason) for line in reserved.lines] == [
        (far, SourcingReason.SOURCING_REASON_NEAREST)
    ]


# Names and moments.


async def test_documents_of_different_kinds_may_bear_the_same_name(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    _, far = shop.locations
    name = some("document")
    await shop.plan((shop.sku, 1), inbound_id=name)
    await shop.ship((shop.sku, 1), to=far, transfer_id=name)
    await shop.take_back((shop.sku, 1), accept_blind=True, return_id=name)
    await shop.arrive(name)
    await shop.inspect(name, (1, 1, 0, 0))
    await shop.receive(1, inbound_id=name)
    documents = [m.document_id for m in await shop.movements()]
    assert documents == ["", "", name, name, name, name, name, name]


async def test_nobody_can_use_up_the_id_under_which_a_parked_request_is_applied(stubs: Any) -> None:
    shop = await open_shop(stubs)
    new = some("new")
    parked = await stubs.inventory.ReceiveStock(shop.receipt(new, shop.location, 3, park_unknown=True))
    thief = shop.receipt(shop.sku, shop.location, 1, request_id=f"applied-{parked.parked_id}")
    await answer_or_refusal(stubs.inventory.ReceiveStock(thief))
    await put_item(stubs, new)

    async def applied() -> bool:
        return (await shop.level(new)).sellable_quantity == 3

    await until(applied, "a parked request to take effect")


async def test_what_a_channel_claims_to_have_seen_does_not_stop_a_sale(stubs: Any) -> None:
    """A revision that the segment has not reached is no reason to refuse what is sold; another segment's is."""
    shop = await open_shop(stubs, units=1)
    now = await shop.revision()
    ahead = Revision(segment=now.segment, position=now.position + 1_000_000)
    told = await shop.told((shop.sku, 2), seen_revision=ahead)
    assert (await shop.incident(told.incident_id)).seen_revision == ahead
    refusal = await refusal_of(shop.told((shop.sku, 2), seen_revision=Revision(segment="north", position=1)))
    assert refusal == not_found("UNKNOWN_SEGMENT", segment="north")


async def test_an_allotment_that_was_over_before_it_began_binds_nobody(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=0, ends=from_now(days=-1)))
    assert await shop.available() == 5


# Two servers.


async def every_step_twice(shop: Shop, there: Shop) -> None:
    """Each step of one unit is asked for through both servers at once, and happens once."""
    order = await shop.order((shop.sku, 1))
    which = order.reservation_id

    async def once(calls: list[Any]) -> Any:
        outcomes = await together(answer_or_refusal(call) for call in calls)
        won = [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]
        assert len(won) == 1
        return won[0]

    await once([each.fulfill(which, left(1, 1)) for each in (shop, there)])
    returned = await once([each.take_back((1, 1), reservation_id=which) for each in (shop, there)])
    await once([each.inspect(returned.return_id, (1, 1, 0, 0)) for each in (shop, there)])
    transfer = some("transfer")
    far = shop.locations[1]
    await once([each.ship((shop.sku, 1), to=far, transfer_id=transfer) for each in (shop, there)])
    await once([each.arrive(transfer) for each in (shop, there)])
    told = await shop.told((await put_item(shop.stubs), 1))
    await once([each.close_incident(told.incident_id) for each in (shop, there)])


async def test_through_two_servers_at_once_every_step_happens_once(pair: Any) -> None:
    first_target, second_target = pair.targets
    async with stubs_of(first_target) as first, stubs_of(second_target) as second:
        shop = await open_shop(first, locations=2, units=20)
        there = shop.seen_through(second)
        await together(every_step_twice(shop, there) for _ in range(10))
        near, far = [await there.level(location=location) for location in shop.locations]
        assert (near.sellable_quantity, near.quality_hold_quantity, near.in_transit_quantity) == (10, 0, 0)
        assert (far.sellable_quantity, far.committed_quantity, far.in_transit_quantity) == (30, 0, 0)
        await assert_ledger_is_sound(first, uncovered=None)


async def test_sales_told_through_two_servers_share_the_units_out_exactly(pair: Any) -> None:
    first_target, second_target = pair.targets
    async with stubs_of(first_target) as first, stubs_of(second_target) as second:
        shop = await open_shop(first, units=15)
        sales = [each.told((shop.sku, 1)) for each in (shop, shop.seen_through(second)) for _ in range(20)]
        asked = [answer_or_refusal(shop.reserve((shop.sku, 1))) for _ in range(20)]
        told, answers = await together([together(sales), together(asked)])
        won = sum(not isinstance(answer, Refusal) for answer in answers)
        missing = sum(bool(answer.incident_id) for answer in told)
        assert (await shop.level()).committed_quantity + won == 15
        assert missing == 40 + won - 15
        await assert_ledger_is_sound(second, uncovered=None)
