"""Counts: what was counted is true of the moment at which it was counted, and what moved since then is kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.stock_pb2 import MovementKind, StockStatus

from api.calls import answer_or_refusal, together
from api.ids import uuid7
from api.refusals import Refusal, invalid, kit_conflict, not_found, read_status, refusal_of, refused_as
from api.shop import Shop, assert_ledger_is_sound, from_now, open_shop, put_item

COUNT = MovementKind.MOVEMENT_KIND_COUNT
HOLD = StockStatus.STOCK_STATUS_QUALITY_HOLD
DAMAGED = StockStatus.STOCK_STATUS_DAMAGED


@pytest.mark.parametrize(("counted", "delta"), [(7, -3), (13, 3), (0, -10), (10, 0)])
async def test_units_on_hand_are_set_to_what_was_counted(stubs: Any, counted: int, delta: int) -> None:
    """A count that finds what the books say is a fact too: it stands in the ledger."""
    shop = await open_shop(stubs, units=10)
    answer = await shop.count(counted, reason="yearly", reference="list 7")
    assert list(answer.booked_deltas) == [delta]
    assert [level.sellable_quantity for level in answer.stock_levels] == [counted]
    booked = (await shop.movements())[-1]
    assert (booked.kind, booked.sellable_delta) == (COUNT, delta)
    assert (booked.reason, booked.reference, booked.balance) == ("yearly", "list 7", answer.stock_levels[0])
    assert await shop.available() == counted


async def test_every_status_is_counted_by_itself(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.count(2, status=HOLD)
    await shop.count(1, status=DAMAGED)
    level = await shop.level()
    assert (level.sellable_quantity, level.quality_hold_quantity, level.damaged_quantity) == (10, 2, 1)
    assert await shop.available() == 10


async def test_reserved_units_are_counted_too(stubs: Any) -> None:
    """They lie on the shelf until they leave; a count below what is reserved leaves them uncovered."""
    shop = await open_shop(stubs, units=10)
    await shop.reserve((shop.sku, 6))
    assert (await shop.count(9)).stock_levels[0].net_quantity == 3
    assert (await shop.count(4)).stock_levels[0].net_quantity == -2
    assert await shop.available() == 0


async def test_a_count_of_many_lines_is_taken_whole_or_not_at_all(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=10)
    lines = [
        supply.CountLine(sku=sku, location=location, counted_quantity=units)
        for units, (sku, location) in enumerate((sku, location) for sku in shop.skus for location in shop.locations)
    ]
    request = supply.CountStockRequest(request_id=uuid7(), lines=lines)
    answer = await stubs.inventory.CountStock(request)
    assert [(level.sku, level.location, level.sellable_quantity) for level in answer.stock_levels] == [
        (line.sku, line.location, line.counted_quantity) for line in lines
    ]
    assert list(answer.booked_deltas) == [-10, -9, -8, -7]
    lines[3].sku = "nothing"
    broken = supply.CountStockRequest(request_id=uuid7(), lines=lines[1:])
    assert await refusal_of(stubs.inventory.CountStock(broken)) == not_found("UNKNOWN_SKU", sku="nothing")
    assert (await shop.level(shop.sku, shop.locations[1])).version == 2


# As of a moment.


@pytest.mark.parametrize("as_of", ["revision", "time"])
async def test_9_a_count_taken_before_and_delivered_after_a_hundred_sales(stubs: Any, as_of: str) -> None:
    """Complaint: a count that arrives late puts units back that were sold after it was taken."""
    shop = await open_shop(stubs, units=300)
    moment = (await shop.movements())[-1]
    orders = await together(shop.order((shop.sku, 1)) for _ in range(100))
    await together(shop.fulfill(order.reservation_id) for order in orders[:60])
    await shop.receive(5)
    when = {"as_of_revision": moment.revision} if as_of == "revision" else {"as_of_time": moment.decide_time}
    answer = await shop.count(293, **when)
    assert list(answer.booked_deltas) == [-7]
    level = await shop.level()
    assert level.sellable_quantity == 300 - 60 + 5 - 7
    assert level.committed_quantity == 40
    assert await shop.available() == 300 - 100 + 5 - 7
    assert (await shop.movements())[-1].sellable_delta == -7
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_count_of_a_time_before_the_level_existed_counts_from_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs)
    before = await shop.revision()
    await shop.receive(10)
    answer = await shop.count(3, as_of_revision=before)
    assert list(answer.booked_deltas) == [3]
    assert answer.stock_levels[0].sellable_quantity == 13


def counted_since(shop: Shop, moment: Revision, other: Revision) -> Refusal:
    where = {"sku": shop.sku, "location": shop.location}
    positions = {"as_of": str(moment.position), "counted": str(other.position)}
    return Refusal(code=grpc.StatusCode.ABORTED, reason="COUNTED_SINCE", metadata=where | positions)


@pytest.mark.parametrize("later", ["of the same moment", "of now"])
async def test_a_shelf_that_was_counted_since_is_not_booked_again(stubs: Any, later: str) -> None:
    """Two units are missing, and both counts found that: they are written off once."""
    shop = await open_shop(stubs, units=10)
    moment = await shop.revision()
    first = await shop.count(8, **({"as_of_revision": moment} if later == "of the same moment" else {}))
    assert await refusal_of(shop.count(8, as_of_revision=moment)) == counted_since(shop, moment, first.revision)
    assert (await shop.level()).sellable_quantity == 8
    after = await shop.count(8, as_of_revision=first.revision)
    assert list(after.booked_deltas) == [0]
    assert await refusal_of(shop.count(9, as_of_revision=first.revision)) == counted_since(
        shop, first.revision, after.revision
    )
    assert list((await shop.count(9)).booked_deltas) == [1], "a count of now comes last"


async def test_every_status_of_every_level_has_a_last_count_of_its_own(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=10)
    moment = await shop.revision()
    other = await shop.count(8)
    for subject in ({"status": DAMAGED}, {"sku": shop.skus[1]}, {"location": shop.locations[1]}):
        await shop.count(9, as_of_revision=moment, **subject)
    lines = [
        supply.CountLine(sku=sku, location=shop.locations[0], counted_quantity=1, status=HOLD) for sku in shop.skus
    ]
    lines.append(supply.CountLine(sku=shop.sku, location=shop.location, counted_quantity=8))
    request = supply.CountStockRequest(request_id=uuid7(), lines=lines, as_of_revision=moment)
    assert await refusal_of(stubs.inventory.CountStock(request)) == counted_since(shop, moment, other.revision)
    assert (await shop.level(shop.skus[1])).quality_hold_quantity == 0, "all lines or none"


async def test_of_many_counts_of_one_moment_one_is_booked(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    moment = await shop.revision()
    outcomes = await together(answer_or_refusal(shop.count(7, as_of_revision=moment)) for _ in range(12))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 11
    assert {refusal.reason for refusal in refused} == {"COUNTED_SINCE"}
    assert (await shop.level()).sellable_quantity == 7


async def test_a_count_that_is_sent_again_is_answered_again(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    line = supply.CountLine(sku=shop.sku, location=shop.location, counted_quantity=8)
    moment = await shop.revision()
    request = supply.CountStockRequest(request_id=uuid7(), lines=[line], as_of_revision=moment)
    first = await stubs.inventory.CountStock(request)
    again = await stubs.inventory.CountStock(request)
    assert (again.replayed, again.revision, list(again.booked_deltas)) == (True, first.revision, [-2])


async def test_more_has_left_since_than_was_counted(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    moment = await shop.revision()
    order = await shop.order((shop.sku, 8))
    await shop.fulfill(order.reservation_id)
    refusal = await refusal_of(shop.count(5, as_of_revision=moment))
    assert refusal == refused_as(
        "ADJUSTMENT_BELOW_ZERO", sku=shop.sku, location=shop.location, status="SELLABLE", delta="-5", on_hand="2"
    )
    assert (await shop.level()).sellable_quantity == 2


async def test_a_moment_that_was_not_reached_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    now = await shop.revision()
    ahead = Revision(segment=now.segment, position=now.position + 1_000_000)
    refusal = await refusal_of(shop.count(5, as_of_revision=ahead))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert refusal.metadata["expected"] == str(ahead.position)
    elsewhere = Revision(segment="north", position=1)
    assert await refusal_of(shop.count(5, as_of_revision=elsewhere)) == not_found("UNKNOWN_SEGMENT", segment="north")
    assert await refusal_of(shop.count(5, as_of_time=from_now(hours=1))) == invalid("as_of_time")


# Compare and set.


async def test_a_count_against_other_books_than_expected_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.adjust(-1)
    refusal = await refusal_of(shop.count(8, expected=10))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "QUANTITY_CHANGED")
    assert refusal.metadata == {"sku": shop.sku, "location": shop.location, "expected": "10", "actual": "9"}
    assert (await shop.count(8, expected=9)).stock_levels[0].sellable_quantity == 8
    assert (await refusal_of(shop.count(5, expected=0))).reason == "QUANTITY_CHANGED", "zero is said, not left out"


async def test_of_many_counts_that_expect_the_same_one_is_taken(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    outcomes = await together(answer_or_refusal(shop.count(20 + units, expected=10)) for units in range(10))
    won = [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]
    assert len(won) == 1
    assert {o.reason for o in outcomes if isinstance(o, Refusal)} == {"QUANTITY_CHANGED"}
    assert await shop.level() == won[0].stock_levels[0]


async def test_what_cannot_be_counted_is_told(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    kit = await put_item(stubs, parts=((shop.sku, 1),))
    assert await refusal_of(shop.count(5, sku="nothing")) == not_found("UNKNOWN_SKU", sku="nothing")
    assert await refusal_of(shop.count(5, location="nowhere")) == not_found("UNKNOWN_LOCATION", location="nowhere")
    assert await refusal_of(shop.count(5, sku=kit)) == kit_conflict(kit, "NO_STOCK_OF_ITS_OWN")


# Many.

ROWS = 2_000


def snapshot(shop: Shop) -> list[supply.CountStockRequest]:
    """A snapshot of another system: most rows are right; every hundredth is not, in one of three ways."""
    requests = []
    for row in range(ROWS):
        line = supply.CountLine(sku=shop.skus[row % len(shop.skus)], location=shop.location, counted_quantity=row)
        if row % 300 == 100:
            line.sku = "nothing"
        elif row % 300 == 200:
            line.counted_quantity = -1
        elif row % 300 == 0:
            line.expected_quantity = 999_999
        requests.append(supply.CountStockRequest(request_id=uuid7(), lines=[line]))
    return requests


async def streamed(stubs: Any, requests: list[supply.CountStockRequest]) -> list[Any]:
    async def rows() -> AsyncIterator[Any]:
        for request in requests:
            yield supply.StreamCountsRequest(count=request)

    return [response async for response in stubs.inventory.StreamCounts(rows())]


async def test_a_stream_of_counts_gets_an_answer_for_every_row(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=100, units=1)
    requests = snapshot(shop)
    responses = await streamed(stubs, requests)
    assert [response.request_id for response in responses] == [request.request_id for request in requests]
    refused = {row: read_status(r.refusal) for row, r in enumerate(responses) if r.HasField("refusal")}
    assert sorted(refused) == list(range(0, ROWS, 100))
    for row, refusal in refused.items():
        expected = {0: "QUANTITY_CHANGED", 100: "UNKNOWN_SKU", 200: "INVALID_FIELD"}[row % 300]
        assert refusal.reason == expected
    assert refused[200] == invalid("lines[0].counted_quantity")
    last = {sku: (await shop.level(sku)).sellable_quantity for sku in shop.skus[1:3]}
    assert last == {shop.skus[1]: ROWS - 99, shop.skus[2]: ROWS - 98}


async def test_a_stream_that_is_sent_again_counts_nothing_twice(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=3, units=1)
    requests = [request for request in snapshot(shop)[:99] if not request.lines[0].HasField("expected_quantity")]
    first = await streamed(stubs, requests)
    before = [await shop.level(sku) for sku in shop.skus]
    again = await streamed(stubs, requests)
    assert all(response.counted.replayed for response in again)
    assert [r.counted.revision for r in again] == [r.counted.revision for r in first]
    assert [await shop.level(sku) for sku in shop.skus] == before


async def test_a_row_is_answered_before_the_next_one_is_sent(stubs: Any) -> None:
    """Whoever sends one row at a time is not kept waiting for the end of the stream."""
    shop = await open_shop(stubs, units=1)
    call = stubs.inventory.StreamCounts()
    for units in range(3):
        line = supply.CountLine(sku=shop.sku, location=shop.location, counted_quantity=units)
        request = supply.CountStockRequest(request_id=uuid7(), lines=[line])
        await call.write(supply.StreamCountsRequest(count=request))
        async with asyncio.timeout(30):
            response = await call.read()
        assert response.counted.stock_levels[0].sellable_quantity == units
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_a_row_without_a_count_is_refused_alone(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    line = supply.CountLine(sku=shop.sku, location=shop.location, counted_quantity=7)

    async def rows() -> AsyncIterator[Any]:
        yield supply.StreamCountsRequest()
        yield supply.StreamCountsRequest(count=supply.CountStockRequest(request_id=uuid7(), lines=[line]))

    first, second = [response async for response in stubs.inventory.StreamCounts(rows())]
    assert read_status(first.refusal).reason == "INVALID_FIELD"
    assert second.counted.stock_levels[0].sellable_quantity == 7
