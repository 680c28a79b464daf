"""Transfers between locations, and units that change their status where they lie."""

from typing import Any

import pytest
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.stock_pb2 import MovementKind, StockStatus

from api.calls import answer_or_refusal, together
from api.ids import some, uuid7
from api.refusals import Refusal, already_exists, kit_conflict, not_found, refusal_of, refused_as, short_of
from api.rules import backorder, safety_stock
from api.shop import Shop, assert_ledger_is_sound, from_now, ledger_verdict, open_shop, put_item

IN_TRANSIT = supply.TRANSFER_STATE_IN_TRANSIT
COMPLETED = supply.TRANSFER_STATE_COMPLETED
SELLABLE = StockStatus.STOCK_STATUS_SELLABLE
HOLD = StockStatus.STOCK_STATUS_QUALITY_HOLD
DAMAGED = StockStatus.STOCK_STATUS_DAMAGED
SHIP = MovementKind.MOVEMENT_KIND_SHIP_TRANSFER
RECEIVE = MovementKind.MOVEMENT_KIND_RECEIVE_TRANSFER


def arrived(sku: str, units: int = 0, *, lost: int = 0, status: int = 0) -> supply.TransferReceiptLine:
    return supply.TransferReceiptLine(sku=sku, received_quantity=units, lost_quantity=lost, status=status)


async def two_places(stubs: Any, units: int = 10) -> tuple[Shop, str, str]:
    """A trade at two locations that has units at the first only."""
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(units, location=near)
    return shop, near, far


async def test_units_on_their_way_are_nowhere_on_hand_and_cannot_be_sold(stubs: Any) -> None:
    shop, near, far = await two_places(stubs)
    name, when = some("transfer"), from_now(days=1)
    transfer = await shop.ship((shop.sku, 4), to=far, transfer_id=name, expected_time=when, reason="for the sale")
    assert (transfer.transfer_id, transfer.state) == (name, IN_TRANSIT)
    assert (transfer.from_location, transfer.to_location) == (near, far)
    assert transfer.expected_time.ToMicroseconds() == when.ToMicroseconds()
    assert [(line.sku, line.quantity, line.open_quantity) for line in transfer.lines] == [(shop.sku, 4, 4)]
    here, there = await shop.level(location=near), await shop.level(location=far)
    assert (here.sellable_quantity, here.in_transit_quantity) == (6, 0)
    assert (there.sellable_quantity, there.in_transit_quantity, there.net_quantity) == (0, 4, 0)
    assert await shop.available() == 6
    booked = [m for m in await shop.movements() if m.kind == SHIP]
    assert [(m.balance.location, m.sellable_delta, m.in_transit_delta) for m in booked] == [(near, -4, 0), (far, 0, 4)]
    assert {(m.document_id, m.reason) for m in booked} == {(name, "for the sale")}

    ended = await shop.arrive(name)
    assert ended.state == COMPLETED
    assert [(line.open_quantity, line.received_quantity) for line in ended.lines] == [(0, 4)]
    there = await shop.level(location=far)
    assert (there.sellable_quantity, there.in_transit_quantity) == (4, 0)
    assert await shop.available() == 10
    last = (await shop.movements())[-1]
    assert (last.kind, last.sellable_delta, last.in_transit_delta, last.document_id) == (RECEIVE, 4, -4, name)
    await assert_ledger_is_sound(stubs, uncovered=None)


ARRIVALS: list[tuple[str, list[dict[str, int]], tuple[int, int, int, int]]] = [
    ("all in two parts", [{"units": 3}, {"units": 1}], (4, 0, 0, 4)),
    ("some were lost", [{"units": 1, "lost": 3}], (1, 0, 0, 1)),
    ("all were lost", [{"lost": 4}], (0, 0, 0, 0)),
    ("some were damaged", [{"units": 1, "status": DAMAGED}, {"units": 3}], (3, 0, 1, 4)),
    ("all go into inspection", [{"units": 4, "status": HOLD}], (0, 4, 0, 4)),
]


@pytest.mark.parametrize(("what", "parts", "after"), ARRIVALS, ids=[row[0] for row in ARRIVALS])
async def test_units_arrive_in_parts_damaged_or_not_at_all(
    stubs: Any, what: str, parts: list[dict[str, int]], after: tuple[int, int, int, int]
) -> None:
    shop, _, far = await two_places(stubs)
    transfer = await shop.ship((shop.sku, 4), to=far)
    for part in parts:
        assert transfer.state == IN_TRANSIT, what
        transfer = await shop.arrive(transfer.transfer_id, arrived(shop.sku, **part))
    assert transfer.state == COMPLETED
    there = await shop.level(location=far)
    *on_hand, received = after
    assert [there.sellable_quantity, there.quality_hold_quantity, there.damaged_quantity] == on_hand
    assert there.in_transit_quantity == 0
    line = transfer.lines[0]
    assert (line.received_quantity, line.lost_quantity, line.open_quantity) == (received, 4 - received, 0)


async def test_what_is_still_on_its_way_is_open(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, second = shop.skus
    _, far = shop.locations
    transfer = await shop.ship((first, 4), (second, 2), to=far)
    transfer = await shop.arrive(transfer.transfer_id, arrived(second, 2), arrived(first, 1))
    assert transfer.state == IN_TRANSIT
    assert [(line.sku, line.open_quantity) for line in transfer.lines] == [(first, 3), (second, 0)]
    assert (await shop.level(first, far)).in_transit_quantity == 3
    transfer = await shop.arrive(transfer.transfer_id)
    assert transfer.state == COMPLETED
    assert (await shop.level(first, far)).sellable_quantity == 9


async def test_reserved_units_do_not_leave_but_safety_stock_may(stubs: Any) -> None:
    shop, near, far = await two_places(stubs)
    await shop.reserve((shop.sku, 6))
    await shop.put_rules(safety_stock(4, sku=shop.sku, location=near))
    assert await shop.available() == 0
    assert await short_of(shop.ship((shop.sku, 5), to=far)) == (shop.sku, near, 5, 4)
    await shop.ship((shop.sku, 4), to=far)
    assert (await shop.level(location=near)).net_quantity == -4


async def test_every_line_that_is_short_is_told_and_nothing_leaves(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=3, locations=2, units=5)
    near, far = shop.locations
    wanted = [(sku, units) for sku, units in zip(shop.skus, (6, 5, 9), strict=True)]
    refusal = await refusal_of(shop.ship(*wanted, to=far))
    assert [subject for subject, _ in refusal.short_lines] == [f"{shop.skus[0]}@{near}", f"{shop.skus[2]}@{near}"]
    assert [(await shop.level(sku)).sellable_quantity for sku in shop.skus] == [5, 5, 5]


async def test_a_transfer_is_shipped_once_under_its_name(stubs: Any) -> None:
    shop, _, far = await two_places(stubs)
    name = some("transfer")
    outcomes = await together(answer_or_refusal(shop.ship((shop.sku, 1), to=far, transfer_id=name)) for _ in range(6))
    exists = already_exists("DOCUMENT_EXISTS", kind="TRANSFER", document_id=name)
    assert [outcome for outcome in outcomes if isinstance(outcome, Refusal)] == [exists] * 5
    await shop.arrive(name)
    assert await refusal_of(shop.ship((shop.sku, 1), to=far, transfer_id=name)) == exists


async def test_a_transfer_arrives_once(stubs: Any) -> None:
    shop, _, far = await two_places(stubs)
    transfer = await shop.ship((shop.sku, 3), to=far)
    outcomes = await together(answer_or_refusal(shop.arrive(transfer.transfer_id)) for _ in range(6))
    closed = refused_as("DOCUMENT_CLOSED", kind="TRANSFER", document_id=transfer.transfer_id)
    assert [outcome for outcome in outcomes if isinstance(outcome, Refusal)] == [closed] * 5
    assert (await shop.level(location=far)).sellable_quantity == 3


async def test_no_more_arrives_than_left(stubs: Any) -> None:
    shop, _, far = await two_places(stubs)
    transfer = await shop.ship((shop.sku, 3), to=far)

    def beyond(line: str, requested: int, still_open: int) -> Refusal:
        return refused_as(
            "EXCEEDS_DOCUMENT",
            kind="TRANSFER",
            document_id=transfer.transfer_id,
            line=line,
            requested=str(requested),
            open=str(still_open),
        )

    for line, expected in (
        (arrived(shop.sku, 4), beyond(shop.sku, 4, 3)),
        (arrived(shop.sku, 2, lost=2), beyond(shop.sku, 4, 3)),
        (arrived(shop.sku), beyond(shop.sku, 0, 3)),
        (arrived("nothing", 1), beyond("nothing", 1, 0)),
    ):
        assert await refusal_of(shop.arrive(transfer.transfer_id, line)) == expected
    assert (await shop.level(location=far)).in_transit_quantity == 3


async def test_unknown_places_items_and_transfers_are_told(stubs: Any) -> None:
    shop, _, far = await two_places(stubs)
    kit = await put_item(stubs, parts=((shop.sku, 1),))
    line = (shop.sku, 1)
    assert await refusal_of(shop.ship(line, to="nowhere")) == not_found("UNKNOWN_LOCATION", location="nowhere")
    from_nowhere = await refusal_of(shop.ship(line, to=far, from_location="nowhere"))
    assert from_nowhere == not_found("UNKNOWN_LOCATION", location="nowhere")
    assert await refusal_of(shop.ship(("nothing", 1), to=far)) == not_found("UNKNOWN_SKU", sku="nothing")
    assert await refusal_of(shop.ship((kit, 1), to=far)) == kit_conflict(kit, "NO_STOCK_OF_ITS_OWN")
    unknown = not_found("UNKNOWN_DOCUMENT", kind="TRANSFER", document_id="no-transfer")
    assert await refusal_of(shop.arrive("no-transfer")) == unknown


async def test_units_that_arrive_go_to_those_who_wait_there(stubs: Any) -> None:
    shop, _, far = await two_places(stubs)
    await shop.put_rules(backorder(shop.sku, far, 9))
    waiting = await shop.reserve((shop.sku, 3, far), allow_backorder=True)
    transfer = await shop.ship((shop.sku, 2), to=far)
    assert [line.backordered_quantity for line in (await shop.read(waiting.reservation_id)).lines] == [3]
    await shop.arrive(transfer.transfer_id)
    assert [line.backordered_quantity for line in (await shop.read(waiting.reservation_id)).lines] == [1]
    assert (await shop.level(location=far)).held_quantity == 2


# Status.

MOVES: list[tuple[str, int, int, tuple[int, int, int]]] = [
    ("into inspection", SELLABLE, HOLD, (3, 4, 2)),
    ("broken", SELLABLE, DAMAGED, (3, 2, 4)),
    ("found good", HOLD, SELLABLE, (7, 0, 2)),
    ("found broken", HOLD, DAMAGED, (5, 0, 4)),
    ("repaired", DAMAGED, SELLABLE, (7, 2, 0)),
    ("looked at again", DAMAGED, HOLD, (5, 4, 0)),
]


@pytest.mark.parametrize(("what", "from_status", "to_status", "after"), MOVES, ids=[row[0] for row in MOVES])
async def test_units_change_their_status_where_they_lie(
    stubs: Any, what: str, from_status: int, to_status: int, after: tuple[int, int, int]
) -> None:
    shop = await open_shop(stubs, units=5)
    await shop.count(2, status=HOLD)
    await shop.count(2, status=DAMAGED)
    level = await shop.move_status(2, from_status, to_status)
    assert (level.sellable_quantity, level.quality_hold_quantity, level.damaged_quantity) == after, what
    booked = (await shop.movements())[-1]
    assert booked.kind == MovementKind.MOVEMENT_KIND_MOVE_STATUS
    assert booked.sellable_delta + booked.quality_hold_delta + booked.damaged_delta == 0
    assert await shop.available() == after[0]


async def test_reserved_units_may_be_taken_and_are_uncovered_then(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    await shop.reserve((shop.sku, 4))
    before = await ledger_verdict(stubs)
    assert (await shop.move_status(3, SELLABLE, DAMAGED)).net_quantity == -2
    after = await ledger_verdict(stubs)
    assert after.uncovered_quantity == before.uncovered_quantity + 2
    assert after.oversold_quantity == 0


async def test_changes_are_taken_together_before_the_check(stubs: Any) -> None:
    """Through inspection into damage, of units that are not in inspection yet."""
    shop = await open_shop(stubs, units=2)

    def change(from_status: int, to_status: int, units: int) -> fulfillment.StatusMoveLine:
        return fulfillment.StatusMoveLine(
            sku=shop.sku, location=shop.location, from_status=from_status, to_status=to_status, quantity=units
        )

    lines = [change(HOLD, DAMAGED, 2), change(SELLABLE, HOLD, 2)]
    request = fulfillment.MoveStatusRequest(request_id=uuid7(), lines=lines, reason="broken")
    (level,) = (await stubs.inventory.MoveStatus(request)).stock_levels
    assert (level.sellable_quantity, level.quality_hold_quantity, level.damaged_quantity) == (0, 0, 2)
    assert level.version == 2, "one movement for the level"


async def test_no_status_falls_below_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    refusal = await refusal_of(shop.move_status(6, SELLABLE, HOLD))
    assert refusal == refused_as(
        "ADJUSTMENT_BELOW_ZERO", sku=shop.sku, location=shop.location, status="SELLABLE", delta="-6", on_hand="5"
    )


async def test_the_status_of_unknown_things_cannot_change(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    kit = await put_item(stubs, parts=((shop.sku, 1),))
    for options, expected in (
        ({"sku": "nothing"}, not_found("UNKNOWN_SKU", sku="nothing")),
        ({"location": "nowhere"}, not_found("UNKNOWN_LOCATION", location="nowhere")),
        ({"sku": kit}, kit_conflict(kit, "NO_STOCK_OF_ITS_OWN")),
    ):
        assert await refusal_of(shop.move_status(1, SELLABLE, HOLD, **options)) == expected
