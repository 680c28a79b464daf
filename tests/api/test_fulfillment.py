"""Fulfillment: units leave for the customer, in parts, from elsewhere than reserved, and not always all of them."""

from typing import Any

import pytest
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1.reservation_pb2 import Reservation, ReservationState, SourcingReason
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, together
from api.refusals import Refusal, not_found, refusal_of, refused_as, short_of
from api.rules import backorder
from api.shop import Shop, assert_ledger_is_sound, left, open_shop

COMMITTED = ReservationState.RESERVATION_STATE_COMMITTED
FULFILLED = ReservationState.RESERVATION_STATE_FULFILLED
RELEASED = ReservationState.RESERVATION_STATE_RELEASED
TRANSFERRED = SourcingReason.SOURCING_REASON_TRANSFERRED
FULFILL = MovementKind.MOVEMENT_KIND_FULFILL
SHORT_PICK = MovementKind.MOVEMENT_KIND_SHORT_PICK


def counts(reservation: Reservation) -> list[tuple[int, int, int]]:
    """Of each line: fulfilled, still open, and those of the open ones that wait."""
    return [(ln.fulfilled_quantity, ln.open_quantity, ln.backordered_quantity) for ln in reservation.lines]


PARTS: list[tuple[str, list[Any], list[tuple[int, int, int]], ReservationState]] = [
    ("everything, without a word of lines", [], [(3, 0, 0), (2, 0, 0)], FULFILLED),
    ("everything, line by line", [left(1, 3), left(2, 2)], [(3, 0, 0), (2, 0, 0)], FULFILLED),
    ("a line without a number of units", [left(1)], [(3, 0, 0), (0, 2, 0)], COMMITTED),
    ("a part of a line", [left(2, 1)], [(0, 3, 0), (1, 1, 0)], COMMITTED),
    ("parts of two lines, the later first", [left(2, 2), left(1, 1)], [(1, 2, 0), (2, 0, 0)], COMMITTED),
]


@pytest.mark.parametrize(("what", "lines", "after", "state"), PARTS, ids=[row[0] for row in PARTS])
async def test_units_leave_in_parts_or_all(
    stubs: Any, what: str, lines: list[Any], after: list[tuple[int, int, int]], state: ReservationState
) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    first, second = shop.skus
    order = await shop.order((first, 3), (second, 2))
    answer = await shop.fulfill(order.reservation_id, *lines, reference="delivery 7")
    assert counts(answer.reservation) == after, what
    assert answer.reservation.state == state
    assert answer.reservation.revision == answer.revision
    assert answer.incident_id == ""
    assert await shop.read(order.reservation_id) == answer.reservation
    for sku, (fulfilled, still_open, _) in zip(shop.skus, after, strict=True):
        level = await shop.level(sku)
        assert (level.sellable_quantity, level.committed_quantity) == (5 - fulfilled, still_open)
        assert await shop.available(sku) == 5 - fulfilled - still_open
        booked = [m for m in await shop.movements(sku=sku) if m.kind == FULFILL]
        assert [(m.sellable_delta, m.committed_delta) for m in booked] == [(-fulfilled, -fulfilled)] * bool(fulfilled)
        assert {m.reference for m in booked} <= {"delivery 7"}


async def test_units_leave_from_another_location_and_are_freed_where_they_were_reserved(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    order = await shop.order((shop.sku, 4, near))
    answer = await shop.fulfill(order.reservation_id, left(1, 3, location=far))
    assert counts(answer.reservation) == [(3, 1, 0)]
    here, there = await shop.level(location=near), await shop.level(location=far)
    assert (here.sellable_quantity, here.committed_quantity, here.net_quantity) == (5, 1, 4)
    assert (there.sellable_quantity, there.committed_quantity, there.net_quantity) == (2, 0, 2)
    booked = [m for m in await shop.movements() if m.kind == FULFILL]
    assert [(m.balance.location, m.sellable_delta, m.committed_delta) for m in booked] == [(far, -3, 0), (near, 0, -3)]
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_location_that_the_channel_does_not_sell_from_can_ship(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    elsewhere = (await open_shop(stubs)).location
    await shop.receive(2, location=elsewhere)
    order = await shop.order((shop.sku, 2))
    answer = await shop.fulfill(order.reservation_id, left(1, location=elsewhere))
    assert answer.reservation.state == FULFILLED
    assert await shop.available() == 2


async def test_units_that_others_reserved_do_not_leave_unless_somebody_says_so(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    order = await shop.order((shop.sku, 4, near))
    other = await shop.order((shop.sku, 4, far))
    elsewhere = left(1, 3, location=far)
    assert await short_of(shop.fulfill(order.reservation_id, elsewhere)) == (shop.sku, far, 3, 1)
    await shop.fulfill(order.reservation_id, elsewhere, take_reserved=True, reason="the shelf was empty")
    there = await shop.level(location=far)
    assert (there.sellable_quantity, there.committed_quantity, there.net_quantity) == (2, 4, -2)
    assert (await shop.movements())[-1].reason == "the shelf was empty"
    assert await short_of(shop.fulfill(other.reservation_id, left(1, 3))) == (shop.sku, far, 3, 2)
    await shop.fulfill(other.reservation_id, left(1, 2))


async def test_not_even_then_can_more_leave_than_is_there(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    await shop.receive(1, location=near)
    order = await shop.order((shop.sku, 6, near))
    refused = shop.fulfill(order.reservation_id, left(1, 6, location=far), take_reserved=True)
    assert await short_of(refused) == (shop.sku, far, 6, 5)


async def test_two_lines_cannot_leave_with_the_same_units_of_another_location(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=3)
    one, two, three = shop.locations
    order = await shop.order((shop.sku, 2, one), (shop.sku, 2, two))
    refused = shop.fulfill(order.reservation_id, left(1, 2, location=three), left(2, 2, location=three))
    assert await short_of(refused) == (shop.sku, three, 2, 1)


# What could not be found.


async def test_missing_units_leave_the_books_and_the_customer_waits(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 5))
    answer = await shop.fulfill(order.reservation_id, left(1, 3, missing=2))
    assert counts(answer.reservation) == [(3, 2, 2)]
    assert answer.reservation.state == COMMITTED
    assert answer.incident_id == f"{answer.revision.segment}-incident-{answer.revision.position}"
    level = await shop.level()
    assert (level.sellable_quantity, level.committed_quantity, level.backordered_quantity) == (0, 0, 2)
    missed = [m for m in await shop.movements() if m.kind == SHORT_PICK]
    assert [(m.sellable_delta, m.committed_delta, m.backordered_delta) for m in missed] == [(-2, -2, 2)]
    incident = await shop.incident(answer.incident_id)
    assert incident.kind == reconciliation.INCIDENT_KIND_SHORT_PICK
    assert incident.reservation_id == order.reservation_id
    assert [(line.line_number, line.sku, line.location, line.quantity) for line in incident.lines] == [
        (1, shop.sku, shop.location, 2)
    ]


async def test_missing_units_are_sourced_anew_where_there_are_any(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=2)
    near, middle, far = shop.locations
    order = await shop.order((shop.sku, 2, near))
    await shop.reserve((shop.sku, 1, middle))
    answer = await shop.fulfill(order.reservation_id, left(1, missing=2), source_missing_anew=True)
    assert answer.incident_id == ""
    first, *anew = answer.reservation.lines
    assert (first.open_quantity, first.transferred_quantity, first.fulfilled_quantity) == (0, 2, 0)
    assert [(ln.line_number, ln.location, ln.open_quantity, ln.sourcing_reason) for ln in anew] == [
        (2, middle, 1, TRANSFERRED),
        (3, far, 1, TRANSFERRED),
    ]
    assert (await shop.level(location=near)).sellable_quantity == 0
    assert (await shop.level(location=far)).committed_quantity == 1
    assert (await shop.fulfill(order.reservation_id)).reservation.state == FULFILLED
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_what_cannot_be_sourced_anew_waits_under_an_incident(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=3)
    near, far = shop.locations
    order = await shop.order((shop.sku, 3, near))
    await shop.reserve((shop.sku, 2, far))
    answer = await shop.fulfill(order.reservation_id, left(1, missing=3), source_missing_anew=True)
    assert counts(answer.reservation) == [(0, 2, 2), (0, 1, 0)]
    assert [line.quantity for line in (await shop.incident(answer.incident_id)).lines] == [2]
    await shop.receive(2, location=near)
    assert counts(await shop.read(order.reservation_id)) == [(0, 2, 0), (0, 1, 0)]


async def test_free_units_on_the_same_shelf_are_given_at_once_to_who_is_short(stubs: Any) -> None:
    """A pick that is short although the books show free units there: those are reserved instead."""
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 2))
    await shop.fulfill(order.reservation_id, left(1, missing=2))
    assert counts(await shop.read(order.reservation_id)) == [(0, 2, 0)]
    level = await shop.level()
    assert (level.sellable_quantity, level.committed_quantity, level.backordered_quantity) == (3, 2, 0)


# Several lines at once.

ORDERS = [(0, 1), (1, 0)]
order_ids = ["as they stand", "the later first"]


def in_order(lines: tuple[Any, Any], which: tuple[int, int]) -> list[Any]:
    return [lines[index] for index in which]


@pytest.mark.parametrize("which", ORDERS, ids=order_ids)
@pytest.mark.parametrize(("there", "anew"), [(5, 0), (7, 2)])
async def test_units_that_leave_with_the_same_request_are_not_reserved_anew(
    stubs: Any, there: int, anew: int, which: tuple[int, int]
) -> None:
    """Five of one line are missing, and five of another leave from the only place where there are others."""
    shop = await open_shop(stubs, locations=3)
    one, between, two = shop.locations
    await shop.receive(5, location=one)
    await shop.receive(5, location=two)
    order = await shop.order((shop.sku, 5, one), (shop.sku, 5, two))
    await shop.receive(there, location=between)
    lines = in_order((left(1, missing=5), left(2, 5, location=between)), which)
    answer = await shop.fulfill(order.reservation_id, *lines, source_missing_anew=True)
    assert counts(answer.reservation) == [(0, 5 - anew, 5 - anew), (5, 0, 0), *([(0, anew, 0)] * bool(anew))]
    assert [line.quantity for line in (await shop.incident(answer.incident_id)).lines] == [5 - anew]
    level = await shop.level(location=between)
    assert (level.sellable_quantity, level.committed_quantity, level.net_quantity) == (anew, anew, 0)
    here = await shop.level(location=one)
    assert (here.sellable_quantity, here.committed_quantity, here.backordered_quantity) == (0, 0, 5 - anew)
    await assert_ledger_is_sound(stubs, uncovered=None)
    await shop.receive(5 - anew, location=one)
    assert (await shop.fulfill(order.reservation_id)).reservation.state == FULFILLED


async def test_missing_units_of_two_lines_are_not_reserved_at_the_same_place(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=3)
    one, two, three = shop.locations
    order = await shop.order((shop.sku, 3, one), (shop.sku, 3, two))
    answer = await shop.fulfill(order.reservation_id, left(2, missing=2), left(1, missing=2), source_missing_anew=True)
    assert counts(answer.reservation) == [(0, 2, 1), (0, 1, 0), (0, 2, 0), (0, 1, 0)]
    assert [(line.location, line.quantity) for line in answer.reservation.lines[2:]] == [(three, 2), (three, 1)]
    assert (await shop.level(location=three)).net_quantity == 0


@pytest.mark.parametrize(
    ("which", "after"),
    [((0, 1), [(0, 0, 0), (0, 2, 2), (0, 4, 0)]), ((1, 0), [(0, 2, 2), (0, 2, 0), (0, 2, 0)])],
    ids=order_ids,
)
async def test_what_one_line_waits_for_is_not_reserved_for_another(
    stubs: Any, which: tuple[int, int], after: list[tuple[int, int, int]]
) -> None:
    """Units of two lines are missing, and four units are free on the shelf of the second."""
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(4, location=near)
    await shop.receive(2, location=far)
    order = await shop.order((shop.sku, 4, near), (shop.sku, 2, far))
    await shop.receive(4, location=far)
    lines = in_order((left(1, missing=4), left(2, missing=2)), which)
    await shop.fulfill(order.reservation_id, *lines, source_missing_anew=True)
    assert counts(await shop.read(order.reservation_id)) == after
    level = await shop.level(location=far)
    assert (level.sellable_quantity, level.committed_quantity) == (4, 4)
    await assert_ledger_is_sound(stubs, uncovered=None)


@pytest.mark.parametrize("which", ORDERS, ids=order_ids)
async def test_a_line_leaves_from_its_shelf_and_another_from_what_is_free_there(
    stubs: Any, which: tuple[int, int]
) -> None:
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(10, location=near)
    await shop.receive(5, location=far)
    order = await shop.order((shop.sku, 5, near), (shop.sku, 5, far))
    lines = in_order((left(1, 5), left(2, 5, location=near)), which)
    assert (await shop.fulfill(order.reservation_id, *lines)).reservation.state == FULFILLED
    here, there = await shop.level(location=near), await shop.level(location=far)
    assert (here.sellable_quantity, here.committed_quantity) == (0, 0)
    assert (there.sellable_quantity, there.committed_quantity, there.net_quantity) == (5, 0, 5)


@pytest.mark.parametrize("which", ORDERS, ids=order_ids)
@pytest.mark.parametrize("take_reserved", [False, True])
async def test_no_more_leaves_from_a_shelf_than_is_on_it(
    stubs: Any, take_reserved: bool, which: tuple[int, int]
) -> None:
    """Ten lie there, five of them for the first line; six are asked for by the second."""
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(10, location=near)
    await shop.receive(6, location=far)
    order = await shop.order((shop.sku, 5, near), (shop.sku, 6, far))
    lines = in_order((left(1, 5), left(2, 6, location=near)), which)
    refused = shop.fulfill(order.reservation_id, *lines, take_reserved=take_reserved)
    # Who may take what is reserved is stopped only where nothing is left, which is at the line that comes last.
    last_is_own = take_reserved and which == (1, 0)
    assert await short_of(refused) == ((shop.sku, near, 5, 4) if last_is_own else (shop.sku, near, 6, 5))
    assert counts(await shop.read(order.reservation_id)) == [(0, 5, 0), (0, 6, 0)]


# The rest.


async def test_the_rest_of_an_order_is_given_back(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    first, second = shop.skus
    order = await shop.order((first, 3), (second, 2))
    answer = await shop.fulfill(order.reservation_id, left(1, 1), release_rest=True)
    assert answer.reservation.state == FULFILLED
    assert [(ln.fulfilled_quantity, ln.released_quantity) for ln in answer.reservation.lines] == [(1, 2), (0, 2)]
    assert [await shop.available(sku) for sku in shop.skus] == [4, 5]


async def test_the_rest_of_a_short_pick_is_given_back_and_still_reported(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    order = await shop.order((shop.sku, 3))
    answer = await shop.fulfill(order.reservation_id, left(1, 1, missing=2), release_rest=True)
    assert answer.reservation.state == FULFILLED
    assert (await shop.incident(answer.incident_id)).lines[0].quantity == 2
    level = await shop.level()
    assert (level.sellable_quantity, level.backordered_quantity, level.net_quantity) == (0, 0, 0)


async def test_an_order_of_which_nothing_left_is_released(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    order = await shop.order((shop.sku, 3))
    answer = await shop.fulfill(order.reservation_id, left(1, missing=3), release_rest=True)
    assert answer.reservation.state == RELEASED


# What is refused.


async def test_a_hold_must_be_committed_first(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    hold = await shop.reserve((shop.sku, 3))
    refusal = await refusal_of(shop.fulfill(hold.reservation_id))
    assert refusal == refused_as("NOT_COMMITTED", reservation_id=hold.reservation_id, state="HELD")
    assert (await shop.level()).sellable_quantity == 3


def exceeds(shop_order: Reservation, line_number: int, requested: int, still_open: int) -> Refusal:
    return refused_as(
        "FULFILLMENT_EXCEEDS_OPEN",
        reservation_id=shop_order.reservation_id,
        line_number=str(line_number),
        requested=str(requested),
        open=str(still_open),
    )


async def test_no_more_leaves_than_is_open(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    first, second = shop.skus
    order = await shop.order((first, 3), (second, 2))
    await shop.fulfill(order.reservation_id, left(2))
    for lines, expected in (
        ([left(1, 4)], exceeds(order, 1, 4, 3)),
        ([left(1, 2, missing=2)], exceeds(order, 1, 4, 3)),
        ([left(1, missing=4)], exceeds(order, 1, 4, 3)),
        ([left(1, 1), left(2, 1)], exceeds(order, 2, 1, 0)),
        ([left(2)], exceeds(order, 2, 0, 0)),
    ):
        assert await refusal_of(shop.fulfill(order.reservation_id, *lines)) == expected
    assert counts(await shop.read(order.reservation_id)) == [(0, 3, 0), (2, 0, 0)]


async def test_units_that_are_awaited_cannot_leave(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    order = await shop.order((shop.sku, 5), allow_backorder=True)
    assert await refusal_of(shop.fulfill(order.reservation_id, left(2, 1))) == exceeds(order, 2, 1, 0)
    answer = await shop.fulfill(order.reservation_id)
    assert counts(answer.reservation) == [(2, 0, 0), (0, 3, 3)]
    await shop.receive(1)
    answer = await shop.fulfill(order.reservation_id)
    assert counts(answer.reservation) == [(2, 0, 0), (1, 2, 2)]


async def test_units_that_a_correction_took_cannot_leave(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 5))
    await shop.adjust(-3)
    assert await short_of(shop.fulfill(order.reservation_id)) == (shop.sku, shop.location, 5, 2)
    await shop.fulfill(order.reservation_id, left(1, 2))


async def test_unknown_lines_locations_and_reservations_are_told(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 5))
    which = order.reservation_id
    assert await refusal_of(shop.fulfill(which, left(9, 1))) == refused_as(
        "UNKNOWN_LINE", reservation_id=which, line_number="9"
    )
    nowhere = await refusal_of(shop.fulfill(which, left(1, 1, location="nowhere")))
    assert nowhere == not_found("UNKNOWN_LOCATION", location="nowhere")
    nothing = await refusal_of(shop.fulfill("main-unknown"))
    assert nothing == not_found("UNKNOWN_RESERVATION", reservation_id="main-unknown")


@pytest.mark.parametrize("end", ["fulfilled", "released"])
async def test_a_reservation_that_has_ended_says_how(stubs: Any, end: str) -> None:
    shop: Shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 5))
    if end == "fulfilled":
        await shop.fulfill(order.reservation_id)
    else:
        await shop.release(order.reservation_id)
    ended = await shop.read(order.reservation_id)
    refusal = await refusal_of(shop.fulfill(order.reservation_id))
    assert refusal == refused_as(
        "ALREADY_RELEASED",
        reservation_id=order.reservation_id,
        state=end.upper(),
        resolve_time=ended.update_time.ToJsonString(),
    )


async def test_of_many_parcels_at_once_only_as_many_leave_as_were_ordered(stubs: Any) -> None:
    shop = await open_shop(stubs, units=20)
    order = await shop.order((shop.sku, 10))
    outcomes = await together(answer_or_refusal(shop.fulfill(order.reservation_id, left(1, 1))) for _ in range(25))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 15
    assert {refusal.reason for refusal in refused} <= {"ALREADY_RELEASED", "FULFILLMENT_EXCEEDS_OPEN"}
    assert (await shop.read(order.reservation_id)).state == FULFILLED
    level = await shop.level()
    assert (level.sellable_quantity, level.committed_quantity) == (10, 0)
