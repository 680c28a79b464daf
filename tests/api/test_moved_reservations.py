"""Reservations that move: open units are reserved elsewhere in the same atomic step, all lines or none."""

from typing import Any

import pytest
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1.inventory_service_pb2 import ListReservationsRequest
from holdfast.inventory.v1.reservation_pb2 import Reservation, ReservationState, SourcingReason
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, together
from api.ids import some, uuid7
from api.refusals import Refusal, not_found, refusal_of, refused_as, short_of
from api.rules import backorder, safety_stock
from api.shop import Shop, assert_ledger_is_sound, everything, left, open_shop, put_item, put_pool

HELD = ReservationState.RESERVATION_STATE_HELD
FULFILLED = ReservationState.RESERVATION_STATE_FULFILLED
TRANSFERRED = SourcingReason.SOURCING_REASON_TRANSFERRED
TRANSFER = MovementKind.MOVEMENT_KIND_TRANSFER_RESERVATION


def places(reservation: Reservation) -> list[tuple[str, int]]:
    """Where units are still open."""
    return [(line.location, line.open_quantity) for line in reservation.lines if line.open_quantity]


@pytest.mark.parametrize("state", ["held", "committed"])
async def test_units_are_reserved_at_another_location(stubs: Any, state: str) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    reservation = await (shop.order if state == "committed" else shop.reserve)((shop.sku, 4, near))
    moved = await shop.move(reservation.reservation_id, 1, 3, location=far)
    old, new = moved.lines
    assert (old.open_quantity, old.transferred_quantity, old.quantity) == (1, 3, 4)
    assert (new.line_number, new.location, new.quantity, new.open_quantity) == (2, far, 3, 3)
    assert new.sourcing_reason == TRANSFERRED
    assert (moved.state, moved.expire_time) == (reservation.state, reservation.expire_time)
    assert moved == await shop.read(reservation.reservation_id)
    here, there = await shop.level(location=near), await shop.level(location=far)
    assert [getattr(level, f"{state}_quantity") for level in (here, there)] == [1, 3]
    booked = [m for m in await shop.movements() if m.kind == TRANSFER]
    assert [(m.balance.location, getattr(m, f"{state}_delta")) for m in booked] == [(near, -3), (far, 3)]
    assert await shop.available() == 6
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_without_a_number_of_units_everything_that_is_open_moves(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    order = await shop.order((shop.sku, 5, near))
    await shop.fulfill(order.reservation_id, left(1, 2))
    moved = await shop.move(order.reservation_id, 1, location=far)
    assert places(moved) == [(far, 3)]
    assert (moved.lines[0].fulfilled_quantity, moved.lines[0].transferred_quantity) == (2, 3)
    ended = (await shop.fulfill(order.reservation_id)).reservation
    assert ended.state == ReservationState.RESERVATION_STATE_FULFILLED


async def test_a_location_that_the_channel_does_not_sell_from_will_do(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    elsewhere = (await open_shop(stubs)).location
    await shop.receive(2, location=elsewhere)
    hold = await shop.reserve((shop.sku, 2))
    assert places(await shop.move(hold.reservation_id, 1, location=elsewhere)) == [(elsewhere, 2)]
    assert await shop.available() == 5


async def test_units_move_to_the_locations_of_a_pool_in_its_order(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=2)
    near, middle, far = shop.locations
    pool = some("pool")
    await put_pool(stubs, pool, (far, near, middle))
    hold = await shop.reserve((shop.sku, 2, near))
    await shop.reserve((shop.sku, 1, far))
    moved = await shop.move(hold.reservation_id, 1, pool=pool)
    assert [(line.location, line.quantity) for line in moved.lines[1:]] == [(far, 1), (middle, 1)]
    assert (await shop.level(location=near)).held_quantity == 0


async def test_too_few_units_elsewhere_and_nothing_moves(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=5)
    near, middle, far = shop.locations
    hold = await shop.reserve((shop.sku, 5, near))
    await shop.reserve((shop.sku, 3, far))
    await shop.put_rules(safety_stock(4, sku=shop.sku, location=middle))
    which = hold.reservation_id
    assert await short_of(shop.move(which, 1, 3, location=far)) == (shop.sku, far, 3, 2)
    assert await short_of(shop.move(which, 1, 2, location=middle)) == (shop.sku, middle, 2, 1)
    pool = some("pool")
    await put_pool(stubs, pool, (far, middle, near))
    assert await short_of(shop.move(which, 1, 4, pool=pool)) == (shop.sku, "", 4, 3)
    assert await shop.read(which) == hold
    assert places(await shop.move(which, 1, 3, pool=pool)) == [(near, 2), (far, 2), (middle, 1)]


async def test_all_lines_move_or_none(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, second = shop.skus
    near, far = shop.locations
    hold = await shop.reserve((first, 2, near), (second, 2, near))
    await shop.reserve((second, 4, far))

    def lines(units: int) -> fulfillment.TransferReservationRequest:
        return fulfillment.TransferReservationRequest(
            request_id=uuid7(),
            reservation_id=hold.reservation_id,
            lines=[
                fulfillment.ReservationTransferLine(line_number=1, location=far),
                fulfillment.ReservationTransferLine(line_number=2, quantity=units, location=far),
            ],
        )

    assert await short_of(stubs.inventory.TransferReservation(lines(2))) == (second, far, 2, 1)
    assert await shop.read(hold.reservation_id) == hold
    moved = (await stubs.inventory.TransferReservation(lines(1))).reservation
    assert places(moved) == [(near, 1), (far, 2), (far, 1)]


async def test_units_that_wait_move_first(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.put_rules(backorder(shop.sku, near, 9))
    hold = await shop.reserve((shop.sku, 4, near), allow_backorder=True)
    await shop.receive(1, location=near)
    await shop.receive(3, location=far)
    moved = await shop.move(hold.reservation_id, 1, 3, location=far)
    old, new = moved.lines
    assert (old.open_quantity, old.backordered_quantity, new.open_quantity, new.backordered_quantity) == (1, 0, 3, 0)
    assert (await shop.level(location=near)).backordered_quantity == 0


async def test_a_part_of_a_kit_that_moves_still_knows_its_kit(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    kit = await put_item(stubs, parts=((shop.sku, 2),))
    hold = await shop.reserve((kit, 1, near))
    moved = await shop.move(hold.reservation_id, 1, location=far)
    assert [line.ordered_sku for line in moved.lines] == [kit, kit]


async def test_many_move_the_same_units_and_they_move_once(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    hold = await shop.reserve((shop.sku, 3, near))
    outcomes = await together(answer_or_refusal(shop.move(hold.reservation_id, 1, 1, location=far)) for _ in range(10))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 7
    assert {refusal.reason for refusal in refused} == {"RELEASE_EXCEEDS_OPEN"}
    assert [(await shop.level(location=place)).held_quantity for place in (near, far)] == [0, 3]


async def test_what_cannot_move_is_told(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    hold = await shop.reserve((shop.sku, 3, near))
    which = hold.reservation_id
    for call, expected in (
        (shop.move(which, 2, 1, location=far), refused_as("UNKNOWN_LINE", reservation_id=which, line_number="2")),
        (shop.move(which, 1, 1, location="nowhere"), not_found("UNKNOWN_LOCATION", location="nowhere")),
        (shop.move(which, 1, 1, pool="no-pool"), not_found("UNKNOWN_POOL", pool="no-pool")),
        (shop.move("main-no", 1, 1, location=far), not_found("UNKNOWN_RESERVATION", reservation_id="main-no")),
        (
            shop.move(which, 1, 4, location=far),
            refused_as("RELEASE_EXCEEDS_OPEN", reservation_id=which, line_number="1", requested="4", open="3"),
        ),
    ):
        assert await refusal_of(call) == expected
    assert await shop.read(which) == hold
    await shop.release(which)
    assert (await refusal_of(shop.move(which, 1, 1, location=far))).reason == "ALREADY_RELEASED"


async def test_units_that_moved_are_given_back_where_they_are(stubs: Any) -> None:
    shop: Shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    hold = await shop.reserve((shop.sku, 3, near))
    await shop.move(hold.reservation_id, 1, 2, location=far)
    released = await shop.release(hold.reservation_id)
    assert [line.released_quantity for line in released.lines] == [1, 2]
    assert await shop.available() == 10


# The location is chosen later.


async def unsettled(shop: Shop) -> list[str]:
    request = ListReservationsRequest(channel=shop.channel, location_unsettled=True)
    found: list[Reservation] = await everything(shop.stubs.inventory.ListReservations, request, "reservations")
    return [reservation.reservation_id for reservation in found]


def which_are_unsettled(reservation: Reservation) -> list[bool]:
    return [line.location_unsettled for line in reservation.lines]


async def test_units_of_a_pool_are_reserved_and_the_location_is_chosen_later(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, second = shop.skus
    near, far = shop.locations
    order = await shop.order((first, 4), (second, 3), (second, 1, far))
    assert [(line.sku, line.location_unsettled) for line in order.lines] == [
        (second, False),
        (first, True),
        (second, True),
    ], "what was named comes first, and is not to be chosen"
    held = await shop.reserve((first, 5))
    await shop.reserve((first, 1, near))
    assert await unsettled(shop) == [held.reservation_id, order.reservation_id]

    moved = await shop.move(order.reservation_id, 3, 2, location=far)
    assert which_are_unsettled(moved) == [False, True, True, False], "a unit of the third line is still open"
    await shop.move(order.reservation_id, 3, location=near)
    chosen = await shop.move(order.reservation_id, 2, location=near)
    assert not any(which_are_unsettled(chosen))
    assert places(chosen) == [(far, 1), (far, 2), (near, 1), (near, 4)]
    assert await unsettled(shop) == [held.reservation_id]
    await shop.release(held.reservation_id)
    assert await unsettled(shop) == [], "of what has ended nothing is to be chosen"
    assert (await shop.fulfill(order.reservation_id)).reservation.state == FULFILLED
    await assert_ledger_is_sound(stubs, uncovered=None)


@pytest.mark.parametrize("state", ["held", "committed"])
async def test_the_location_that_it_has_is_settled_though_nothing_else_is_left_there(stubs: Any, state: str) -> None:
    shop = await open_shop(stubs, units=5)
    reservation = await (shop.order if state == "committed" else shop.reserve)((shop.sku, 4))
    await shop.reserve((shop.sku, 1))
    await shop.put_rules(safety_stock(3, sku=shop.sku, location=shop.location))
    settled = await shop.move(reservation.reservation_id, 1, 3, location=shop.location)
    assert [(line.open_quantity, line.location_unsettled) for line in settled.lines] == [(1, True), (3, False)]
    level = await shop.level()
    assert (level.held_quantity + level.committed_quantity, level.sellable_quantity) == (5, 5)


async def test_a_location_is_settled_whatever_is_there(stubs: Any) -> None:
    """It is no question of units: none are taken. Others may wait for units there, or some may be missing."""
    shop = await open_shop(stubs, skus=2, units=5)
    awaited, missing = shop.skus
    order = await shop.order((awaited, 5), (missing, 4))
    await shop.told((awaited, 3))
    await shop.adjust(-3, sku=missing)
    settled = await shop.move(order.reservation_id, 1, location=shop.location)
    settled = await shop.move(order.reservation_id, 2, 3, location=shop.location)
    assert [(line.open_quantity, line.location_unsettled) for line in settled.lines] == [
        (0, False),
        (1, True),
        (5, False),
        (3, False),
    ]
    level = await shop.level(awaited)
    assert (level.committed_quantity, level.backordered_quantity, level.sellable_quantity) == (5, 3, 5)
    booked = [m for m in await shop.movements(sku=awaited) if m.kind == TRANSFER]
    assert [m.committed_delta for m in booked] == [0, 0], "they say which lines changed, and nothing else did"
    await shop.receive(3, sku=awaited)
    assert (await shop.fulfill(order.reservation_id, left(3, 5))).reservation.lines[2].fulfilled_quantity == 5
    await assert_ledger_is_sound(stubs, uncovered=None)
