"""The life of an order's units, step by step with its times; and movements found by whatever is known of them."""

import itertools
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1.fulfillment_pb2 import PostFulfillmentRequest
from holdfast.inventory.v1.reservation_pb2 import ReservationState
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import until
from api.ids import some, uuid7
from api.refusals import refusal_of
from api.shop import Shop, everything, left, open_shop

TRACE_PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def trace(shop: Shop, order_id: str) -> list[audit.TraceStep]:
    return await everything(shop.stubs.audit.TraceOrder, audit.TraceOrderRequest(order_id=order_id), "steps")


def operations(steps: list[audit.TraceStep]) -> list[str]:
    return [step.operation for step in steps]


def assert_times_fit(steps: list[audit.TraceStep]) -> None:
    """Each step says when it was decided, and how long that was after the one before."""
    assert not steps[0].HasField("since_previous")
    for before, after in itertools.pairwise(steps):
        assert before.revision.position < after.revision.position
        gap = after.decide_time.ToMicroseconds() - before.decide_time.ToMicroseconds()
        assert after.since_previous.ToMicroseconds() == gap
        assert gap >= 0


async def test_an_order_is_followed_from_its_reservation_to_its_return(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    order_id = some("order")
    hold = await shop.reserve((shop.sku, 4, near), order_id=order_id)
    await shop.commit(hold.reservation_id)
    await shop.move(hold.reservation_id, 1, 1, location=far)
    departure = PostFulfillmentRequest(
        request_id=uuid7(), reservation_id=hold.reservation_id, lines=[left(1, 2)], reason="van 4", reference="D-7"
    )
    metadata = (("holdfast-caller", "wms"), ("traceparent", TRACE_PARENT))
    fulfilled = await stubs.inventory.PostFulfillment(departure, metadata=metadata)
    returned = await shop.take_back((1, 1), reservation_id=hold.reservation_id)
    await shop.inspect(returned.return_id, (1, 1, 0, 0))
    await shop.release(hold.reservation_id, (1, 1))
    await shop.fulfill(hold.reservation_id)

    steps = await trace(shop, order_id)
    assert operations(steps) == [
        "RESERVE",
        "COMMIT",
        "TRANSFER_RESERVATION",
        "FULFILL",
        "RETURN",
        "INSPECT",
        "RELEASE",
        "FULFILL",
    ]
    assert_times_fit(steps)
    assert steps[0].revision == hold.revision
    assert steps[0].decide_time == hold.create_time
    assert {step.reservation_id for step in steps} == {hold.reservation_id}
    assert [step.document_id for step in steps[4:6]] == [returned.return_id] * 2
    out = steps[3]
    assert out.revision == fulfilled.revision
    assert (out.reason, out.reference, out.caller) == ("van 4", "D-7", "wms")
    assert out.trace_parent.split("-")[1] == TRACE_PARENT.split("-")[1]
    for step in steps:
        assert [m.line_number for m in step.movements] == list(range(len(step.movements)))
        assert {m.revision.position for m in step.movements} == {step.revision.position}
    assert [(m.balance.location, m.committed_delta) for m in steps[2].movements] == [(near, -1), (far, 1)]
    assert [m for step in steps for m in step.movements] == await shop.movements(order_id=order_id)


async def test_an_order_is_followed_into_the_books_of_the_erp(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order_id = some("order")
    order = await shop.order((shop.sku, 2), order_id=order_id)
    fulfilled = (await shop.fulfill(order.reservation_id)).reservation
    assert fulfilled.state == ReservationState.RESERVATION_STATE_FULFILLED
    booked_time = Timestamp(seconds=1_700_000_000)
    request = reconciliation.NotePostingRequest(
        request_id=uuid7(),
        reservation_id=order.reservation_id,
        system="netsuite",
        document="INV-1204",
        booked_revision=fulfilled.revision,
        booked_time=booked_time,
        reason="nightly run",
    )
    metadata = (("holdfast-caller", "erp-connector"),)
    noted = await stubs.reconciliation.NotePosting(request, metadata=metadata)
    posting = noted.posting
    told = (posting.reservation_id, posting.order_id, posting.system, posting.document)
    assert told == (order.reservation_id, order_id, "netsuite", "INV-1204")
    assert (posting.booked_revision, posting.booked_time) == (fulfilled.revision, booked_time)
    assert posting.revision == noted.revision
    await shop.note_posting(order.reservation_id, "CREDIT-1")

    steps = await trace(shop, order_id)
    assert operations(steps) == ["RESERVE", "COMMIT", "FULFILL", "NOTE_POSTING", "NOTE_POSTING"]
    assert_times_fit(steps)
    assert not any(step.HasField("posting") for step in steps[:3])
    assert steps[3].posting == posting
    assert (steps[3].caller, steps[3].reason) == ("erp-connector", "nightly run")
    assert (steps[3].reservation_id, steps[3].document_id) == (order.reservation_id, posting.posting_id)
    assert not steps[3].movements, "a posting moves nothing"
    assert steps[4].posting.document == "CREDIT-1"
    assert not steps[4].posting.HasField("booked_revision")
    assert not steps[4].posting.HasField("booked_time")
    assert await shop.movements(order_id=order_id) == [m for step in steps for m in step.movements]


async def test_a_posting_of_what_is_not_there_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    unknown = some("reservation")
    refusal = await refusal_of(shop.note_posting(unknown))
    assert (refusal.reason, refusal.metadata) == ("UNKNOWN_RESERVATION", {"reservation_id": unknown})
    order = await shop.order((shop.sku, 2))
    ahead = Revision(segment=order.revision.segment, position=order.revision.position + 1_000_000)
    refusal = await refusal_of(shop.note_posting(order.reservation_id, booked_revision=ahead))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert refusal.metadata["expected"] == str(ahead.position)
    elsewhere = Revision(segment="north", position=1)
    refusal = await refusal_of(shop.note_posting(order.reservation_id, booked_revision=elsewhere))
    assert refusal.reason == "UNKNOWN_SEGMENT"


async def test_an_oversold_order_is_followed_through_its_incident(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    order_id = some("order")
    told = await shop.told((shop.sku, 5), order_id=order_id)
    await shop.resolve(told.incident_id, reconciliation.RESOLUTION_BACKORDER)
    await shop.receive(3)
    await shop.fulfill(told.reservation.reservation_id)
    await shop.close_incident(told.incident_id)
    steps = await trace(shop, order_id)
    assert operations(steps) == ["RESERVE", "RESOLVE_INCIDENT", "COVER", "FULFILL", "CLOSE_INCIDENT"]
    assert_times_fit(steps)
    assert [steps[at].document_id for at in (1, 4)] == [told.incident_id] * 2
    assert {step.reservation_id for step in steps} == {told.reservation.reservation_id}
    kinds = [[m.kind for m in step.movements] for step in steps]
    assert kinds[0] == [MovementKind.MOVEMENT_KIND_RESERVE, MovementKind.MOVEMENT_KIND_BACKORDER]
    assert kinds[2] == [MovementKind.MOVEMENT_KIND_COVER]


async def test_all_reservations_of_an_order_are_in_its_trace_and_no_others(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    order_id = some("order")
    first = await shop.reserve((shop.sku, 1), order_id=order_id)
    await shop.reserve((shop.sku, 1), order_id=some("order"))
    second = await shop.reserve((shop.sku, 1), order_id=order_id)
    await shop.release(first.reservation_id)
    steps = await trace(shop, order_id)
    expected = [first.reservation_id, second.reservation_id, first.reservation_id]
    assert [step.reservation_id for step in steps] == expected
    assert operations(steps) == ["RESERVE", "RESERVE", "RELEASE"]


async def test_an_expiry_is_a_step_of_the_authoritys_own(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    order_id = some("order")
    hold = await shop.reserve((shop.sku, 1), order_id=order_id, ttl_seconds=1)

    async def expired() -> bool:
        return len(await trace(shop, order_id)) == 2

    await until(expired, "a hold that is due to expire")
    steps = await trace(shop, order_id)
    assert operations(steps) == ["RESERVE", "EXPIRE"]
    assert steps[1].caller == "holdfast"
    assert {m.request_id for m in steps[1].movements} == {""}
    assert steps[1].decide_time.ToMicroseconds() >= hold.expire_time.ToMicroseconds()


async def test_an_order_that_nobody_knows_has_no_steps(stubs: Any) -> None:
    shop = await open_shop(stubs)
    assert await trace(shop, some("order")) == []


async def test_a_trace_comes_in_pages(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    order_id = some("order")
    for _ in range(5):
        await shop.reserve((shop.sku, 1), order_id=order_id)
    whole = await trace(shop, order_id)
    found: list[audit.TraceStep] = []
    token = ""
    while True:
        request = audit.TraceOrderRequest(order_id=order_id, page_size=2, page_token=token)
        page = await stubs.audit.TraceOrder(request)
        assert len(page.steps) in (1, 2)
        found += page.steps
        token = page.next_page_token
        if not token:
            break
    assert found == whole, "and a page begins with the time since the last step of the page before"


# Movements.


async def test_movements_are_found_by_everything_that_is_known_of_them(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, _ = shop.skus
    near, far = shop.locations
    order_id, caller = some("order"), some("caller")
    start = (await shop.movements())[-1].decide_time
    start.FromMicroseconds(start.ToMicroseconds() + 1)
    metadata = (("holdfast-caller", caller),)
    demand = shop.demand(*((sku, 1, location) for sku in shop.skus for location in shop.locations), order_id=order_id)
    reserved = (await stubs.inventory.CreateReservation(demand, metadata=metadata)).reservation
    await shop.commit(reserved.reservation_id)
    end = (await shop.read(reserved.reservation_id)).update_time
    await shop.release(reserved.reservation_id)

    async def found(**filters: Any) -> list[tuple[int, int]]:
        return [(m.revision.position, m.line_number) for m in await shop.movements(**filters)]

    everything_of_it = await found(reservation_id=reserved.reservation_id)
    assert len(everything_of_it) == 12
    assert await found(order_id=order_id) == everything_of_it
    assert await found(channel=shop.channel) == everything_of_it
    assert await found(caller=caller) == everything_of_it[:4]
    assert await found(channel=shop.channel, sku=first) == [everything_of_it[at] for at in (0, 1, 4, 5, 8, 9)]
    assert await found(channel=shop.channel, location=far) == everything_of_it[1::2]
    assert await found(channel=shop.channel, sku=first, location=near) == everything_of_it[0::4]
    assert await found(channel=shop.channel, end_time=end) == everything_of_it[:4], "before the end, not at it"
    assert await found(channel=shop.channel, start_time=end) == everything_of_it[4:]
    assert await found(sku=first, start_time=start, end_time=end) == everything_of_it[:2]
    assert await found(sku=first, start_time=end, end_time=start) == []
    assert await found(caller=caller, order_id=some("order")) == []


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_movements_of_a_caller_come_in_pages(stubs: Any, size: int) -> None:
    shop = await open_shop(stubs, units=20)
    caller = some("caller")
    for _ in range(7):
        await stubs.inventory.CreateReservation(shop.one_unit(), metadata=(("holdfast-caller", caller),))
    positions: list[int] = []
    token = ""
    while True:
        request = audit.ListMovementsRequest(caller=caller, page_size=size, page_token=token)
        page = await stubs.audit.ListMovements(request)
        positions += [movement.revision.position for movement in page.movements]
        token = page.next_page_token
        if not token:
            break
    assert len(positions) == 7
    assert positions == sorted(set(positions))
