"""Backorders and preorders: units that are promised before they are there, up to a cap, and given out in turn."""

from typing import Any

import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.reservation_pb2 import Reservation, ReservationState, SourcingReason
from holdfast.inventory.v1.stock_pb2 import MovementKind, StockStatus

from api.calls import answer_or_refusal, together, until
from api.ids import some
from api.refusals import Refusal, short_of
from api.rules import allotment, backorder, channel_buffer, removed, safety_stock
from api.shop import Shop, assert_ledger_is_sound, from_now, open_shop, put_channel

AWAITED = SourcingReason.SOURCING_REASON_AWAITED
COVER = MovementKind.MOVEMENT_KIND_COVER
BACKORDER = MovementKind.MOVEMENT_KIND_BACKORDER
SELLABLE = StockStatus.STOCK_STATUS_SELLABLE
DAMAGED = StockStatus.STOCK_STATUS_DAMAGED


def waiting(reservation: Reservation) -> list[tuple[int, int]]:
    """Of each line the open units, and those of them that wait."""
    return [(line.open_quantity, line.backordered_quantity) for line in reservation.lines]


async def waiting_of(shop: Shop, *reservations: Reservation) -> list[int]:
    """The units that each of the reservations still waits for."""
    now = [await shop.read(reservation.reservation_id) for reservation in reservations]
    return [sum(line.backordered_quantity for line in each.lines) for each in now]


async def test_what_is_not_there_is_promised_as_far_as_the_rule_allows(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    when = from_now(days=7)
    await shop.put_rules(backorder(shop.sku, shop.location, 5, expected_time=when))
    told = await shop.availability()
    assert (told.available_to_sell_quantity, told.backorder_quantity) == (2, 5)
    reserved = await shop.reserve((shop.sku, 4), allow_backorder=True)
    there, awaited = reserved.lines
    assert waiting(reserved) == [(2, 0), (2, 2)]
    assert (awaited.location, awaited.sourcing_reason) == (shop.location, AWAITED)
    assert awaited.expected_time.ToMicroseconds() == when.ToMicroseconds()
    assert not there.HasField("expected_time")
    level = await shop.level()
    assert (level.held_quantity, level.backordered_quantity, level.net_quantity) == (2, 2, -2)
    told = await shop.availability()
    assert (told.available_to_sell_quantity, told.backorder_quantity) == (0, 3)
    booked = (await shop.movements())[-1]
    assert (booked.kind, booked.held_delta, booked.backordered_delta) == (BACKORDER, 0, 2)


async def test_who_does_not_allow_it_is_promised_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=2)
    with_rule, without = shop.skus
    await shop.put_rules(backorder(with_rule, shop.location, 5))
    assert await short_of(shop.reserve((with_rule, 3))) == (with_rule, "", 3, 2)
    assert await short_of(shop.reserve((without, 3), allow_backorder=True)) == (without, "", 3, 2)


async def test_a_cap_is_reached_exactly_and_what_is_given_back_frees_it(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    await shop.put_rules(backorder(shop.sku, shop.location, 3))
    assert await short_of(shop.reserve((shop.sku, 5), allow_backorder=True)) == (shop.sku, "", 5, 1)
    first = await shop.reserve((shop.sku, 4), allow_backorder=True)
    assert await short_of(shop.reserve((shop.sku, 1), allow_backorder=True)) == (shop.sku, "", 1, 0)
    assert waiting(await shop.release(first.reservation_id, (2, 2))) == [(1, 0), (1, 1)]
    await shop.reserve((shop.sku, 2), allow_backorder=True)
    assert (await shop.availability()).backorder_quantity == 0


async def test_two_lines_share_the_room_that_is_left(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, _ = shop.locations
    await shop.put_rules(backorder(shop.sku, near, 3))
    lines = [(shop.sku, 2, near), (shop.sku, 2)]
    assert await short_of(shop.reserve(*lines, allow_backorder=True)) == (shop.sku, "", 2, 0)
    policy = inventory.FILL_POLICY_PARTIAL
    partial = await shop.create(*lines, allow_backorder=True, fill_policy=policy)
    assert waiting(partial.reservation) == [(2, 2), (1, 1)]
    assert [(s.requested_quantity, s.reserved_quantity) for s in partial.shortfalls] == [(2, 1)]


async def test_whoever_names_a_location_waits_there_or_not_at_all(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=1)
    near, far = shop.locations
    await shop.put_rules(backorder(shop.sku, far, 5))
    reserved = await shop.reserve((shop.sku, 3, far), allow_backorder=True)
    assert [line.location for line in reserved.lines] == [far, far]
    assert await short_of(shop.reserve((shop.sku, 3, near), allow_backorder=True)) == (shop.sku, near, 3, 1)
    assert (await shop.availability(location=far)).backorder_quantity == 0, "asked for a location, nothing is said"


async def test_a_rule_for_a_location_of_others_promises_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    elsewhere = (await open_shop(stubs)).location
    await shop.put_rules(backorder(shop.sku, elsewhere, 5))
    assert (await shop.availability()).backorder_quantity == 0
    assert await short_of(shop.reserve((shop.sku, 2), allow_backorder=True)) == (shop.sku, "", 2, 1)


# What is kept from the channel, and its own cap.

PARTIAL = inventory.FILL_POLICY_PARTIAL


async def numbers(shop: Shop) -> tuple[int, int]:
    """What the channel may sell, and what it may promise beyond that."""
    told = await shop.availability()
    return told.available_to_sell_quantity, told.backorder_quantity


@pytest.mark.parametrize("kept", ["by a guarantee", "by a buffer"])
async def test_nobody_waits_for_units_that_are_there_and_kept_from_him(stubs: Any, kept: str) -> None:
    shop = await open_shop(stubs, units=10)
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    guarantee = allotment(shop.sku, other, guaranteed=10)
    buffer = channel_buffer(10, channel=shop.channel)
    await shop.put_rules(guarantee if "guarantee" in kept else buffer, backorder(shop.sku, shop.location, 100))
    assert await numbers(shop) == (0, 0)
    for options in ({}, {"allow_split": True}, {"fill_policy": PARTIAL}):
        refused = shop.reserve((shop.sku, 7), allow_backorder=True, **options)
        assert await short_of(refused) == (shop.sku, "", 7, 0)
    assert await short_of(shop.reserve((shop.sku, 7, shop.location), allow_backorder=True)) == (
        shop.sku, shop.location, 7, 0,
    )  # fmt: skip
    assert await shop.available(channel=other) == 10
    await shop.reserve((shop.sku, 10), channel=other)
    assert await numbers(shop) == (0, 100), "nothing is left that could be kept from it"
    assert waiting(await shop.reserve((shop.sku, 7), allow_backorder=True)) == [(7, 7)]
    level = await shop.level()
    assert (level.held_quantity, level.backordered_quantity) == (10, 7)


async def test_what_is_free_is_taken_and_the_rest_does_not_wait_beside_what_is_kept(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=4), backorder(shop.sku, shop.location, 100))
    assert await numbers(shop) == (6, 0)
    assert await short_of(shop.reserve((shop.sku, 8), allow_backorder=True)) == (shop.sku, "", 8, 6)
    assert (await shop.level()).held_quantity == 0, "what was placed of a line that must be whole is put back"
    partial = await shop.create((shop.sku, 8), allow_backorder=True, fill_policy=PARTIAL)
    assert waiting(partial.reservation) == [(6, 0)]
    assert [(s.requested_quantity, s.reserved_quantity) for s in partial.shortfalls] == [(8, 6)]
    assert await shop.available(channel=other) == 4


async def test_units_that_lie_where_a_line_would_wait_come_before_the_wait(stubs: Any) -> None:
    """A line that may not be split does not wait beside units that are there."""
    shop = await open_shop(stubs, locations=2, units=2)
    near, far = shop.locations
    await shop.put_rules(backorder(shop.sku, far, 9))
    assert await numbers(shop) == (4, 9)
    assert await short_of(shop.reserve((shop.sku, 3), allow_backorder=True)) == (shop.sku, "", 3, 2)
    reserved = await shop.reserve((shop.sku, 5), allow_backorder=True, allow_split=True)
    assert [(line.location, line.open_quantity, line.backordered_quantity) for line in reserved.lines] == [
        (near, 2, 0),
        (far, 2, 0),
        (far, 1, 1),
    ]


async def test_what_waits_counts_against_the_cap_of_the_channel(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=5), backorder(shop.sku, shop.location, 100))
    assert await numbers(shop) == (2, 3)
    assert await short_of(shop.reserve((shop.sku, 6), allow_backorder=True)) == (shop.sku, "", 6, 2)
    reserved = await shop.reserve((shop.sku, 5), allow_backorder=True)
    assert waiting(reserved) == [(2, 0), (3, 3)]
    assert await numbers(shop) == (0, 0)
    assert await short_of(shop.reserve((shop.sku, 1), allow_backorder=True)) == (shop.sku, "", 1, 0)
    await shop.receive(9)
    assert await numbers(shop) == (0, 0), "six are there beside those that waited, and the cap is used up"
    await shop.release(reserved.reservation_id, (2, 1))
    assert await numbers(shop) == (1, 0)


async def test_units_that_a_cap_keeps_from_the_channel_are_not_promised_to_it(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3), backorder(shop.sku, shop.location, 100))
    assert await numbers(shop) == (3, 0)
    assert await short_of(shop.reserve((shop.sku, 10), allow_backorder=True)) == (shop.sku, "", 10, 3)
    partial = await shop.create((shop.sku, 10), allow_backorder=True, fill_policy=PARTIAL)
    assert waiting(partial.reservation) == [(3, 0)]
    assert (await shop.level()).held_quantity == 3


async def test_a_line_that_waits_leaves_the_next_one_less_of_the_cap(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(5, location=far)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3), backorder(shop.sku, near, 100))
    lines = [(shop.sku, 2, near), (shop.sku, 2)]
    assert await short_of(shop.reserve(*lines, allow_backorder=True)) == (shop.sku, "", 2, 1)
    partial = await shop.create(*lines, allow_backorder=True, fill_policy=PARTIAL)
    assert waiting(partial.reservation) == [(2, 2), (1, 0)]
    assert await numbers(shop) == (0, 0)


async def test_many_buyers_who_would_wait_leave_a_guarantee_and_a_cap_whole(stubs: Any) -> None:
    """Ten units, six of them guaranteed to one channel; the other may have eight, and takes the four that are free."""
    shop = await open_shop(stubs, units=10)
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    await shop.put_rules(
        allotment(shop.sku, other, guaranteed=6),
        allotment(shop.sku, shop.channel, cap=8),
        backorder(shop.sku, shop.location, 100),
    )
    demands = [shop.one_unit(allow_backorder=True, allow_split=number % 2 == 0) for number in range(40)]
    outcomes = await together(answer_or_refusal(stubs.inventory.CreateReservation(demand)) for demand in demands)
    assert sum(not isinstance(outcome, Refusal) for outcome in outcomes) == 4
    assert await shop.available(channel=other) == 6
    await shop.reserve((shop.sku, 6), channel=other)
    outcomes = await together(answer_or_refusal(stubs.inventory.CreateReservation(demand)) for demand in demands)
    assert sum(not isinstance(outcome, Refusal) for outcome in outcomes) == 8, "four of them were answered before"
    level = await shop.level()
    assert (level.held_quantity, level.backordered_quantity) == (10, 4)


async def test_many_buyers_never_pass_stock_and_cap_together(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    await shop.put_rules(backorder(shop.sku, shop.location, 20))
    demands = [shop.one_unit(allow_backorder=True) for _ in range(50)]
    outcomes = await together(answer_or_refusal(stubs.inventory.CreateReservation(demand)) for demand in demands)
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 25
    level = await shop.level()
    assert (level.held_quantity, level.backordered_quantity) == (5, 20)
    await assert_ledger_is_sound(stubs, uncovered=None)


# Preorders.


async def test_before_its_release_an_item_has_a_cap_of_its_own(stubs: Any) -> None:
    shop = await open_shop(stubs)
    release, later = from_now(days=30), from_now(days=60)
    rule = backorder(shop.sku, shop.location, 1, preorder_cap=4, release_time=release, expected_time=later)
    await shop.put_rules(rule)
    assert (await shop.availability()).backorder_quantity == 4
    reserved = await shop.reserve((shop.sku, 4), allow_backorder=True)
    assert reserved.lines[0].expected_time.ToMicroseconds() == release.ToMicroseconds()
    assert await short_of(shop.reserve((shop.sku, 1), allow_backorder=True)) == (shop.sku, "", 1, 0)


async def test_from_its_release_on_the_other_cap_counts(stubs: Any) -> None:
    shop = await open_shop(stubs)
    later = from_now(days=60)
    times = {"release_time": from_now(seconds=1.5), "expected_time": later}
    await shop.put_rules(backorder(shop.sku, shop.location, 9, preorder_cap=2, **times))
    assert (await shop.availability()).backorder_quantity == 2
    early = await shop.reserve((shop.sku, 2), allow_backorder=True)

    async def released() -> bool:
        return (await shop.availability()).backorder_quantity == 7

    await until(released, "the release of an item")
    late = await shop.reserve((shop.sku, 7), allow_backorder=True)
    assert late.lines[0].expected_time.ToMicroseconds() == later.ToMicroseconds()
    await shop.receive(8)
    assert await waiting_of(shop, early, late) == [0, 1]


async def test_a_preorder_turns_into_stock_in_the_order_in_which_it_was_made(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, 0, preorder_cap=9, release_time=from_now(days=9)))
    first = await shop.order((shop.sku, 2), allow_backorder=True, order_id=some("order"))
    second = await shop.reserve((shop.sku, 2), allow_backorder=True)
    third = await shop.order((shop.sku, 2), allow_backorder=True)
    await shop.receive(3)
    assert await waiting_of(shop, first, second, third) == [0, 1, 2]
    level = await shop.level()
    assert (level.committed_quantity, level.held_quantity, level.backordered_quantity) == (2, 1, 3)
    assert level.net_quantity == -3
    covers = [m for m in await shop.movements() if m.kind == COVER]
    assert [(m.reservation_id, m.committed_delta, m.held_delta, m.backordered_delta) for m in covers] == [
        (first.reservation_id, 2, 0, -2),
        (second.reservation_id, 0, 1, -1),
    ]
    assert {m.request_id for m in covers} == {""}, "nobody asks for it"
    assert (covers[0].order_id, covers[0].channel) == (first.order_id, shop.channel)
    assert len({m.revision.position for m in covers}) == 2, "each is an operation of its own"
    await shop.receive(5)
    assert await waiting_of(shop, second, third) == [0, 0]
    assert await shop.available() == 2


async def test_who_is_covered_keeps_the_time_of_the_hold(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    hold = await shop.reserve((shop.sku, 2), allow_backorder=True)
    await shop.receive(1)
    covered = await shop.read(hold.reservation_id)
    assert covered.expire_time == hold.expire_time
    assert covered.revision.position > hold.revision.position
    committed = await shop.commit(hold.reservation_id)
    assert waiting(committed) == [(2, 1)]
    level = await shop.level()
    assert (level.held_quantity, level.committed_quantity, level.backordered_quantity) == (0, 1, 1)


# What lets units come to those who wait.


async def by_a_receipt(shop: Shop) -> None:
    await shop.receive(2)


async def by_a_correction(shop: Shop) -> None:
    await shop.adjust(2)


async def by_a_count(shop: Shop) -> None:
    await shop.count(5)


async def by_another_who_gives_up(shop: Shop) -> None:
    held = [r for r in await shop.reservations() if r.customer_id == "holder"]
    await shop.release(held[0].reservation_id, (1, 2))


async def by_an_inspected_return(shop: Shop) -> None:
    returned = await shop.take_back((shop.sku, 2), accept_blind=True)
    await shop.inspect(returned.return_id, (1, 2, 0, 0))


async def by_a_repair(shop: Shop) -> None:
    await shop.count(2, status=DAMAGED)
    await shop.move_status(2, DAMAGED, SELLABLE)


async def by_a_transfer_away(shop: Shop) -> None:
    """The holder's units are reserved elsewhere, so those here are free."""
    held = [r for r in await shop.reservations() if r.customer_id == "holder"]
    elsewhere = (await open_shop(shop.stubs)).location
    await shop.receive(2, location=elsewhere)
    await shop.move(held[0].reservation_id, 1, 2, location=elsewhere)


WAYS = [
    by_a_receipt,
    by_a_correction,
    by_a_count,
    by_another_who_gives_up,
    by_an_inspected_return,
    by_a_repair,
    by_a_transfer_away,
]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
async def test_units_come_to_those_who_wait(stubs: Any, way: Any) -> None:
    shop = await open_shop(stubs, units=3)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    await shop.reserve((shop.sku, 3), customer_id="holder")
    first = await shop.reserve((shop.sku, 1), allow_backorder=True)
    second = await shop.reserve((shop.sku, 3), allow_backorder=True)
    await way(shop)
    assert await waiting_of(shop, first, second) == [0, 2]
    assert await shop.available() == 0
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_hold_that_expires_lets_units_come_to_those_who_wait(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    await shop.reserve((shop.sku, 3), ttl_seconds=1)
    patient = await shop.reserve((shop.sku, 2), allow_backorder=True)

    async def covered() -> bool:
        return await waiting_of(shop, patient) == [0]

    await until(covered, "units of a hold that is due")
    assert await shop.available() == 1


async def test_safety_stock_is_not_for_those_who_wait(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, 9), safety_stock(2, sku=shop.sku))
    patient = await shop.reserve((shop.sku, 3), allow_backorder=True)
    await shop.receive(2)
    assert await waiting_of(shop, patient) == [3]
    await shop.receive(1)
    assert await waiting_of(shop, patient) == [2]
    await shop.put_rules(safety_stock(0, sku=shop.sku))
    assert await waiting_of(shop, patient) == [0]


async def test_units_that_wait_are_given_up_first(stubs: Any) -> None:
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    order = await shop.order((shop.sku, 5), allow_backorder=True)
    await shop.receive(2)
    assert waiting(await shop.read(order.reservation_id)) == [(5, 3)]
    assert waiting(await shop.release(order.reservation_id, (1, 2))) == [(3, 1)]
    assert waiting(await shop.release(order.reservation_id, (1, 2))) == [(1, 0)]
    released = [m for m in await shop.movements() if m.kind == MovementKind.MOVEMENT_KIND_RELEASE]
    assert [(m.committed_delta, m.backordered_delta) for m in released] == [(0, -2), (-1, -1)]
    assert await shop.available() == 1


async def test_a_hold_that_waits_expires_like_any_other(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    hold = await shop.reserve((shop.sku, 3), allow_backorder=True, ttl_seconds=1)

    async def expired() -> bool:
        return (await shop.read(hold.reservation_id)).state == ReservationState.RESERVATION_STATE_EXPIRED

    await until(expired, "a hold that is due to expire")
    ended = await shop.read(hold.reservation_id)
    assert [(line.expired_quantity, line.backordered_quantity) for line in ended.lines] == [(1, 0), (2, 0)]
    assert (await shop.availability()).backorder_quantity == 9
    assert await shop.available() == 1


async def test_a_queue_longer_than_one_step_is_served_to_its_end(stubs: Any) -> None:
    """Three hundred wait, of which one step covers a part; the steps after it cover the rest, in order."""
    shop = await open_shop(stubs)
    await shop.put_rules(backorder(shop.sku, shop.location, 1_000))
    for _ in range(3):
        batch = inventory.BatchCreateReservationsRequest(
            requests=[shop.one_unit(allow_backorder=True) for _ in range(100)]
        )
        await stubs.inventory.BatchCreateReservations(batch)
    await shop.receive(290)

    async def served() -> bool:
        return (await shop.level()).backordered_quantity == 10

    await until(served, "the queue to be served")
    covered = [m.reservation_id for m in await shop.movements() if m.kind == COVER]
    begun = [m.reservation_id for m in await shop.movements() if m.kind == BACKORDER]
    assert covered == begun[:290]
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_rule_that_is_removed_promises_nothing_more_and_takes_nothing_back(stubs: Any) -> None:
    shop = await open_shop(stubs)
    rule = backorder(shop.sku, shop.location, 9)
    await shop.put_rules(rule)
    patient = await shop.reserve((shop.sku, 3), allow_backorder=True)
    await shop.put_rules(removed(rule))
    assert (await shop.availability()).backorder_quantity == 0
    assert await short_of(shop.reserve((shop.sku, 1), allow_backorder=True)) == (shop.sku, "", 1, 0)
    await shop.receive(3)
    assert await waiting_of(shop, patient) == [0]
