"""Returns: units come back into inspection, are sellable again only when it says so, and come back only once."""

from typing import Any

import pytest
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1.reservation_pb2 import Reservation, ReservationState
from holdfast.inventory.v1.stock_pb2 import MovementKind, StockStatus

from api.calls import answer_or_refusal, together
from api.ids import some
from api.refusals import Refusal, already_exists, kit_conflict, not_found, refusal_of, refused_as
from api.shop import Shop, assert_ledger_is_sound, left, open_shop, put_item

IN_INSPECTION = fulfillment.RETURN_STATE_IN_INSPECTION
INSPECTED = fulfillment.RETURN_STATE_INSPECTED
RETURN = MovementKind.MOVEMENT_KIND_RETURN
INSPECT = MovementKind.MOVEMENT_KIND_INSPECT


async def sold(shop: Shop, units: int = 3, **options: Any) -> Reservation:
    """An order of so many units of the first SKU that left."""
    order = await shop.order((shop.sku, units), **options)
    return (await shop.fulfill(order.reservation_id)).reservation


def exceeds(sku: str, line_number: int, requested: int, returnable: int) -> Refusal:
    return refused_as(
        "RETURN_EXCEEDS_FULFILLED",
        sku=sku,
        line_number=str(line_number),
        requested=str(requested),
        returnable=str(returnable),
    )


async def test_what_comes_back_waits_for_inspection_and_is_not_sellable(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await sold(shop, order_id=some("order"))
    name = some("return")
    returned = await shop.take_back((1, 2), reservation_id=order.reservation_id, return_id=name, reason="does not fit")
    assert (returned.return_id, returned.state, returned.location) == (name, IN_INSPECTION, shop.location)
    assert (returned.reservation_id, returned.order_id) == (order.reservation_id, order.order_id)
    assert not returned.blind
    lines = [(line.line_number, line.sku, line.quantity, line.open_quantity) for line in returned.lines]
    assert lines == [(1, shop.sku, 2, 2)]
    level = await shop.level()
    assert (level.sellable_quantity, level.quality_hold_quantity) == (2, 2)
    assert await shop.available() == 2
    now = await shop.read(order.reservation_id)
    assert now.lines[0].returned_quantity == 2
    assert now.lines[0].fulfilled_quantity == 3
    assert now.state == ReservationState.RESERVATION_STATE_FULFILLED
    booked = (await shop.movements())[-1]
    assert (booked.kind, booked.quality_hold_delta, booked.document_id) == (RETURN, 2, name)
    assert (booked.reservation_id, booked.reason) == (order.reservation_id, "does not fit")


FOUND: list[tuple[str, tuple[int, int, int], tuple[int, int, int]]] = [
    ("all may be sold again", (3, 0, 0), (5, 0, 0)),
    ("all are damaged", (0, 3, 0), (2, 0, 3)),
    ("all go back to the vendor", (0, 0, 3), (2, 0, 0)),
    ("one of each", (1, 1, 1), (3, 0, 1)),
    ("one is still looked at", (1, 1, 0), (3, 1, 1)),
]


@pytest.mark.parametrize(("what", "found", "on_hand"), FOUND, ids=[row[0] for row in FOUND])
async def test_the_inspection_says_what_becomes_of_them(
    stubs: Any, what: str, found: tuple[int, int, int], on_hand: tuple[int, int, int]
) -> None:
    shop = await open_shop(stubs, units=5)
    order = await sold(shop)
    returned = await shop.take_back((1, 3), reservation_id=order.reservation_id)
    inspected = await shop.inspect(returned.return_id, (1, *found))
    line = inspected.lines[0]
    assert (line.sellable_quantity, line.damaged_quantity, line.vendor_quantity) == found, what
    assert line.open_quantity == 3 - sum(found)
    assert inspected.state == (IN_INSPECTION if line.open_quantity else INSPECTED)
    level = await shop.level()
    assert (level.sellable_quantity, level.quality_hold_quantity, level.damaged_quantity) == on_hand
    assert await shop.available() == on_hand[0]
    booked = (await shop.movements())[-1]
    assert (booked.kind, booked.quality_hold_delta) == (INSPECT, -sum(found))
    assert (booked.sellable_delta, booked.damaged_delta) == found[:2]
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_an_inspection_may_take_several_steps(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await sold(shop)
    returned = await shop.take_back((1, 3), reservation_id=order.reservation_id)
    await shop.inspect(returned.return_id, (1, 1, 0, 0))
    ended = await shop.inspect(returned.return_id, (1, 1, 0, 1))
    line = ended.lines[0]
    assert (line.sellable_quantity, line.vendor_quantity, line.open_quantity) == (2, 1, 0)
    assert ended.state == INSPECTED


async def test_units_come_back_to_another_location_and_by_several_lines(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, second = shop.skus
    near, far = shop.locations
    order = await shop.order((first, 2, near), (second, 1, near))
    await shop.fulfill(order.reservation_id)
    returned = await shop.take_back((2, 1), (1, 1), reservation_id=order.reservation_id, location=far)
    assert [(line.line_number, line.sku) for line in returned.lines] == [(1, second), (2, first)]
    assert [(await shop.level(sku, far)).quality_hold_quantity for sku in shop.skus] == [1, 1]
    assert [line.returned_quantity for line in (await shop.read(order.reservation_id)).lines] == [1, 1]


async def test_no_more_comes_back_than_left(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 4))
    which = order.reservation_id
    assert await refusal_of(shop.take_back((1, 1), reservation_id=which)) == exceeds(shop.sku, 1, 1, 0)
    await shop.fulfill(which, left(1, 3))
    assert await refusal_of(shop.take_back((1, 4), reservation_id=which)) == exceeds(shop.sku, 1, 4, 3)
    await shop.take_back((1, 2), reservation_id=which)
    assert await refusal_of(shop.take_back((1, 2), reservation_id=which)) == exceeds(shop.sku, 1, 2, 1)
    await shop.release(which)
    assert await refusal_of(shop.take_back((1, 2), reservation_id=which)) == exceeds(shop.sku, 1, 2, 1)
    await shop.take_back((1, 1), reservation_id=which)
    assert (await shop.read(which)).lines[0].returned_quantity == 3


async def test_more_than_left_is_accepted_by_who_says_so_and_marked(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await sold(shop)
    returned = await shop.take_back((1, 5), reservation_id=order.reservation_id, accept_blind=True)
    assert returned.blind
    assert returned.lines[0].quantity == 5
    assert (await shop.read(order.reservation_id)).lines[0].returned_quantity == 3
    assert (await shop.level()).quality_hold_quantity == 5


async def test_accepting_more_marks_nothing_that_was_sold(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await sold(shop)
    returned = await shop.take_back((1, 3), reservation_id=order.reservation_id, accept_blind=True)
    assert not returned.blind


async def test_units_of_no_known_reservation_come_back_blind(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    assert await refusal_of(shop.take_back((shop.sku, 2))) == exceeds(shop.sku, 0, 2, 0)
    returned = await shop.take_back((shop.sku, 2), accept_blind=True)
    assert (returned.blind, returned.reservation_id, returned.order_id) == (True, "", "")
    assert (await shop.level()).quality_hold_quantity == 2
    await shop.inspect(returned.return_id, (1, 2, 0, 0))
    assert await shop.available() == 3


async def test_units_come_back_long_after_the_reservation_ended(stubs: Any) -> None:
    """What has ended is no longer in the sequencer: it is looked up in the ledger."""
    shop = await open_shop(stubs, units=20)
    orders = [await sold(shop, units=2) for _ in range(5)]
    for _ in range(2):
        for order in orders:
            await shop.take_back((1, 1), reservation_id=order.reservation_id)
    for order in orders:
        refused = shop.take_back((1, 1), reservation_id=order.reservation_id)
        assert await refusal_of(refused) == exceeds(shop.sku, 1, 1, 0)
    assert (await shop.level()).quality_hold_quantity == 10


async def test_a_hold_that_was_given_back_returns_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    hold = await shop.reserve((shop.sku, 2))
    await shop.release(hold.reservation_id)
    refused = shop.take_back((1, 1), reservation_id=hold.reservation_id)
    assert await refusal_of(refused) == exceeds(shop.sku, 1, 1, 0)


# Exactly once, by quantity and by name.


async def test_many_clerks_take_back_the_same_unit_and_one_of_them_does(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    order = await sold(shop, units=2)
    outcomes = await together(
        answer_or_refusal(shop.take_back((1, 1), reservation_id=order.reservation_id)) for _ in range(20)
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert refused == [exceeds(shop.sku, 1, 1, 0)] * 18
    assert (await shop.level()).quality_hold_quantity == 2


async def test_one_return_is_received_once_under_its_name(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    order = await sold(shop, units=9)
    name = some("return")
    outcomes = await together(
        answer_or_refusal(shop.take_back((1, 1), reservation_id=order.reservation_id, return_id=name)) for _ in range(9)
    )
    exists = already_exists("DOCUMENT_EXISTS", kind="RETURN", document_id=name)
    assert [outcome for outcome in outcomes if isinstance(outcome, Refusal)] == [exists] * 8
    await shop.inspect(name, (1, 1, 0, 0))
    again = shop.take_back((1, 1), reservation_id=order.reservation_id, return_id=name)
    assert await refusal_of(again) == exists, "and not after its end either"


async def test_many_inspectors_of_one_unit_and_one_verdict(stubs: Any) -> None:
    shop = await open_shop(stubs)
    returned = await shop.take_back((shop.sku, 1), accept_blind=True)
    verdicts = [(1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1)] * 4
    outcomes = await together(answer_or_refusal(shop.inspect(returned.return_id, verdict)) for verdict in verdicts)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 11
    assert {refusal.reason for refusal in refused} == {"DOCUMENT_CLOSED"}
    assert (await shop.level()).quality_hold_quantity == 0


# What is refused.


async def test_an_inspection_finds_no_more_than_came_back(stubs: Any) -> None:
    shop = await open_shop(stubs)
    returned = await shop.take_back((shop.sku, 3), accept_blind=True)
    name = returned.return_id

    def beyond(line: int, requested: int, still_open: int) -> Refusal:
        return refused_as(
            "EXCEEDS_DOCUMENT",
            kind="RETURN",
            document_id=name,
            line=str(line),
            requested=str(requested),
            open=str(still_open),
        )

    assert await refusal_of(shop.inspect(name, (1, 2, 1, 1))) == beyond(1, 4, 3)
    assert await refusal_of(shop.inspect(name, (1, 0, 0, 0))) == beyond(1, 0, 3)
    assert await refusal_of(shop.inspect(name, (2, 1, 0, 0))) == beyond(2, 1, 0)
    await shop.inspect(name, (1, 2, 0, 0))
    assert await refusal_of(shop.inspect(name, (1, 1, 1, 0))) == beyond(1, 2, 1)
    await shop.inspect(name, (1, 1, 0, 0))
    closed = refused_as("DOCUMENT_CLOSED", kind="RETURN", document_id=name)
    assert await refusal_of(shop.inspect(name, (1, 1, 0, 0))) == closed


async def test_units_that_were_taken_out_of_inspection_cannot_be_inspected(stubs: Any) -> None:
    shop = await open_shop(stubs)
    returned = await shop.take_back((shop.sku, 3), accept_blind=True)
    hold = StockStatus.STOCK_STATUS_QUALITY_HOLD
    await shop.move_status(2, hold, StockStatus.STOCK_STATUS_DAMAGED)
    refusal = await refusal_of(shop.inspect(returned.return_id, (1, 2, 0, 0)))
    assert refusal == refused_as(
        "ADJUSTMENT_BELOW_ZERO",
        sku=shop.sku,
        location=shop.location,
        status="QUALITY_HOLD",
        delta="-2",
        on_hand="1",
    )


async def test_unknown_things_are_told(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await sold(shop)
    which = order.reservation_id
    kit = await put_item(stubs, parts=((shop.sku, 1),))
    for call, expected in (
        (shop.inspect("no-return", (1, 1, 0, 0)), ("UNKNOWN_DOCUMENT", {"kind": "RETURN", "document_id": "no-return"})),
        (shop.take_back((1, 1), reservation_id="main-no"), ("UNKNOWN_RESERVATION", {"reservation_id": "main-no"})),
        (
            shop.take_back((1, 1), reservation_id=which, location="nowhere"),
            ("UNKNOWN_LOCATION", {"location": "nowhere"}),
        ),
        (shop.take_back(("nothing", 1), accept_blind=True), ("UNKNOWN_SKU", {"sku": "nothing"})),
    ):
        reason, metadata = expected
        assert await refusal_of(call) == not_found(reason, **metadata)
    line = await refusal_of(shop.take_back((9, 1), reservation_id=which))
    assert line == refused_as("UNKNOWN_LINE", reservation_id=which, line_number="9")
    blind = await refusal_of(shop.take_back((kit, 1), accept_blind=True))
    assert blind == kit_conflict(kit, "NO_STOCK_OF_ITS_OWN")
