"""Incidents: units that were sold and are not there, with the cause, and what is done about them."""

from typing import Any

import pytest
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1.reservation_pb2 import ReservationState, SourcingReason
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, together
from api.ids import some
from api.refusals import Refusal, kit_conflict, not_found, refusal_of, refused_as, short_of
from api.shop import Shop, assert_ledger_is_sound, left, open_shop, put_item

CANCEL = reconciliation.RESOLUTION_CANCEL
BACKORDER = reconciliation.RESOLUTION_BACKORDER
SUBSTITUTE = reconciliation.RESOLUTION_SUBSTITUTE
TRANSFER = reconciliation.RESOLUTION_TRANSFER
OPEN = reconciliation.INCIDENT_STATE_OPEN
RESOLVED = reconciliation.INCIDENT_STATE_RESOLVED
CLOSED = reconciliation.INCIDENT_STATE_CLOSED
COMMITTED = ReservationState.RESERVATION_STATE_COMMITTED
RELEASED = ReservationState.RESERVATION_STATE_RELEASED


async def oversold(shop: Shop, units: int = 5) -> tuple[str, str]:
    """A sale of so many units, told by the channel; the incident and the reservation."""
    told = await shop.told((shop.sku, units), order_id=some("order"))
    assert told.incident_id
    return told.incident_id, told.reservation.reservation_id


# The cause.


async def test_a_channel_that_sold_before_it_saw_the_last_unit_go_was_stale(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    seen = await shop.revision()
    last = await shop.reserve((shop.sku, 2))
    told = await shop.told((shop.sku, 1), seen_revision=seen)
    incident = await shop.incident(told.incident_id)
    assert incident.seen_revision == seen
    assert incident.cause == reconciliation.INCIDENT_CAUSE_STALE_CHANNEL
    assert incident.cause_revision == last.revision
    assert incident.cause_time == last.create_time


async def test_a_channel_that_had_seen_the_last_unit_go_sold_knowingly(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    last = await shop.reserve((shop.sku, 2))
    seen = await shop.revision()
    told = await shop.told((shop.sku, 1), seen_revision=seen)
    incident = await shop.incident(told.incident_id)
    assert incident.cause == reconciliation.INCIDENT_CAUSE_SOLD_KNOWINGLY
    assert incident.cause_revision == last.revision


@pytest.mark.parametrize("how", ["a correction", "a count"])
async def test_units_that_a_correction_took_were_never_there(stubs: Any, how: str) -> None:
    shop = await open_shop(stubs, units=2)
    seen = await shop.revision()
    if how == "a correction":
        await shop.adjust(-2)
    else:
        await shop.count(0)
    taken = (await shop.movements())[-1]
    told = await shop.told((shop.sku, 1), seen_revision=seen)
    incident = await shop.incident(told.incident_id)
    assert incident.cause == reconciliation.INCIDENT_CAUSE_STOCK_CORRECTED
    assert (incident.cause_revision, incident.cause_time) == (taken.revision, taken.decide_time)


async def test_a_channel_that_does_not_say_what_it_saw_leaves_the_cause_open(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    last = await shop.reserve((shop.sku, 2))
    told = await shop.told((shop.sku, 1))
    incident = await shop.incident(told.incident_id)
    assert not incident.HasField("seen_revision")
    assert incident.cause == reconciliation.INCIDENT_CAUSE_UNKNOWN_REVISION
    assert incident.cause_revision == last.revision


async def test_units_that_never_were_have_no_change_that_took_them(stubs: Any) -> None:
    shop = await open_shop(stubs)
    told = await shop.told((shop.sku, 1), seen_revision=await shop.revision())
    incident = await shop.incident(told.incident_id)
    assert not incident.HasField("cause_revision")
    assert not incident.HasField("cause_time")


async def test_a_unit_that_came_and_went_between_is_told_by_its_last_change(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    first = await shop.reserve((shop.sku, 1))
    await shop.release(first.reservation_id)
    seen = await shop.revision()
    second = await shop.reserve((shop.sku, 1))
    told = await shop.told((shop.sku, 1), seen_revision=seen)
    incident = await shop.incident(told.incident_id)
    assert incident.cause == reconciliation.INCIDENT_CAUSE_STALE_CHANNEL
    assert incident.cause_revision == second.revision


async def test_a_channel_that_had_seen_more_than_was_left_was_stale_too(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    seen = await shop.revision()
    other = await shop.reserve((shop.sku, 3))
    told = await shop.told((shop.sku, 4), seen_revision=seen)
    incident = await shop.incident(told.incident_id)
    assert [line.quantity for line in incident.lines] == [2]
    assert incident.cause == reconciliation.INCIDENT_CAUSE_STALE_CHANNEL
    assert incident.cause_revision == other.revision


async def test_the_cause_does_not_change_by_what_happens_later(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    seen = await shop.revision()
    await shop.adjust(-2)
    told = await shop.told((shop.sku, 1), seen_revision=seen)
    before = await shop.incident(told.incident_id)
    await shop.receive(9)
    await shop.reserve((shop.sku, 8))
    await shop.resolve(told.incident_id, BACKORDER)
    after = await shop.incident(told.incident_id)
    for field in ("cause", "cause_revision", "cause_time", "seen_revision", "create_time", "lines"):
        assert getattr(after, field) == getattr(before, field)


# The resolutions.


async def test_cancelled_units_are_released_and_those_that_are_there_stay(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    incident_id, reservation_id = await oversold(shop)
    answer = await shop.resolve(incident_id, CANCEL, reason="told the customer")
    assert (answer.incident.state, answer.incident.resolution) == (RESOLVED, CANCEL)
    assert answer.incident.note == "told the customer"
    assert answer.incident.revision == answer.revision
    assert answer.reservation == await shop.read(reservation_id)
    assert answer.reservation.state == COMMITTED
    counts = [(ln.open_quantity, ln.released_quantity, ln.backordered_quantity) for ln in answer.reservation.lines]
    assert counts == [(2, 0, 0), (0, 3, 0)]
    level = await shop.level()
    assert (level.committed_quantity, level.backordered_quantity, level.net_quantity) == (2, 0, 0)
    last = (await shop.movements())[-1]
    assert last.kind == MovementKind.MOVEMENT_KIND_RELEASE
    assert (last.committed_delta, last.backordered_delta) == (0, -3)
    assert (last.reason, last.document_id) == ("told the customer", incident_id)


async def test_a_sale_of_which_nothing_was_there_is_released_whole(stubs: Any) -> None:
    shop = await open_shop(stubs)
    incident_id, reservation_id = await oversold(shop)
    await shop.resolve(incident_id, CANCEL)
    assert (await shop.read(reservation_id)).state == RELEASED
    assert (await shop.level()).net_quantity == 0


async def test_a_customer_who_waits_gets_the_next_units(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    incident_id, reservation_id = await oversold(shop)
    before = await shop.read(reservation_id)
    answer = await shop.resolve(incident_id, BACKORDER)
    assert (answer.incident.state, answer.incident.resolution) == (RESOLVED, BACKORDER)
    assert answer.reservation.lines == before.lines
    await shop.receive(3)
    assert [line.backordered_quantity for line in (await shop.read(reservation_id)).lines] == [0, 0]


async def test_a_substitute_is_reserved_instead(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=4)
    wanted, instead = shop.skus
    incident_id, _ = await oversold(shop, units=6)
    answer = await shop.resolve(incident_id, SUBSTITUTE, substitute_sku=instead)
    there, missing, new = answer.reservation.lines
    assert (there.open_quantity, missing.open_quantity, missing.released_quantity) == (4, 0, 2)
    assert (new.line_number, new.sku, new.ordered_sku, new.open_quantity) == (3, instead, wanted, 2)
    assert new.sourcing_reason == SourcingReason.SOURCING_REASON_POOL_ORDER
    assert (await shop.level(instead)).committed_quantity == 2
    assert (await shop.level(wanted)).backordered_quantity == 0


async def test_a_substitute_of_which_there_is_too_little_is_refused_and_the_incident_stays(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=1)
    _, instead = shop.skus
    incident_id, reservation_id = await oversold(shop)
    before = await shop.read(reservation_id)
    refused = shop.resolve(incident_id, SUBSTITUTE, substitute_sku=instead)
    assert await short_of(refused) == (instead, "", 4, 1)
    assert (await shop.incident(incident_id)).state == OPEN
    assert await shop.read(reservation_id) == before


async def test_the_units_are_reserved_at_another_location(stubs: Any) -> None:
    """Whether the channel sells from there or not."""
    shop = await open_shop(stubs, units=2)
    elsewhere = (await open_shop(stubs)).location
    await shop.receive(3, location=elsewhere)
    incident_id, _ = await oversold(shop)
    answer = await shop.resolve(incident_id, TRANSFER, to_location=elsewhere)
    _, missing, new = answer.reservation.lines
    assert (missing.open_quantity, missing.transferred_quantity, missing.backordered_quantity) == (0, 3, 0)
    assert (new.location, new.open_quantity, new.backordered_quantity) == (elsewhere, 3, 0)
    assert new.sourcing_reason == SourcingReason.SOURCING_REASON_TRANSFERRED
    assert (await shop.level(location=elsewhere)).committed_quantity == 3
    await shop.fulfill(answer.reservation.reservation_id)
    assert (await shop.read(answer.reservation.reservation_id)).state == ReservationState.RESERVATION_STATE_FULFILLED


async def test_a_location_with_too_few_units_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    elsewhere = (await open_shop(stubs)).location
    await shop.receive(2, location=elsewhere)
    incident_id, _ = await oversold(shop)
    refused = shop.resolve(incident_id, TRANSFER, to_location=elsewhere)
    assert await short_of(refused) == (shop.sku, elsewhere, 3, 2)
    assert (await shop.incident(incident_id)).state == OPEN


async def test_a_resolution_can_be_replaced_by_another(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    incident_id, _ = await oversold(shop)
    await shop.resolve(incident_id, BACKORDER)
    answer = await shop.resolve(incident_id, CANCEL)
    assert answer.incident.resolution == CANCEL
    assert (await shop.level()).backordered_quantity == 0


async def test_units_that_came_meanwhile_are_no_longer_cancelled(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    incident_id, _ = await oversold(shop)
    await shop.receive(2)
    answer = await shop.resolve(incident_id, CANCEL)
    assert sum(line.open_quantity for line in answer.reservation.lines) == 4
    assert sum(line.released_quantity for line in answer.reservation.lines) == 1


def settled(incident: reconciliation.Incident) -> list[tuple[int, int]]:
    """Of each line the units, and those that are not settled yet."""
    return [(line.quantity, line.open_quantity) for line in incident.lines]


OPEN_AFTER = [(CANCEL, 0), (BACKORDER, 3), (SUBSTITUTE, 0), (TRANSFER, 0)]


@pytest.mark.parametrize(
    ("resolution", "still_open"), OPEN_AFTER, ids=["cancel", "backorder", "substitute", "transfer"]
)
async def test_an_incident_keeps_count_of_what_is_settled(stubs: Any, resolution: int, still_open: int) -> None:
    shop = await open_shop(stubs, skus=2)
    elsewhere = (await open_shop(stubs)).location
    wanted, instead = shop.skus
    await shop.receive(3, sku=instead)
    await shop.receive(3, sku=wanted, location=elsewhere)
    incident_id, _ = await oversold(shop, units=3)
    assert settled(await shop.incident(incident_id)) == [(3, 3)]
    options = {SUBSTITUTE: {"substitute_sku": instead}, TRANSFER: {"to_location": elsewhere}}.get(resolution, {})
    answer = await shop.resolve(incident_id, resolution, **options)
    assert settled(answer.incident) == [(3, still_open)]
    assert settled(await shop.incident(incident_id)) == [(3, still_open)]
    closed = await shop.close_incident(incident_id)
    assert settled(closed) == [(3, still_open)]


async def test_what_came_by_itself_is_not_settled_by_the_resolution(stubs: Any) -> None:
    shop = await open_shop(stubs)
    incident_id, _ = await oversold(shop)
    await shop.resolve(incident_id, BACKORDER)
    await shop.receive(3)
    answer = await shop.resolve(incident_id, CANCEL)
    assert settled(answer.incident) == [(5, 3)]
    assert [(ln.open_quantity, ln.released_quantity) for ln in answer.reservation.lines] == [(3, 2)]


async def test_resolving_twice_cancels_nothing_of_another_incident(stubs: Any) -> None:
    shop = await open_shop(stubs, units=4)
    order = await shop.order((shop.sku, 4))
    first = (await shop.fulfill(order.reservation_id, left(1, missing=2))).incident_id
    second = (await shop.fulfill(order.reservation_id, left(1, missing=2))).incident_id
    for _ in range(2):
        answer = await shop.resolve(first, CANCEL)
        assert answer.incident.state == RESOLVED
        (line,) = answer.reservation.lines
        assert (line.open_quantity, line.backordered_quantity, line.released_quantity) == (2, 2, 2)
    assert [settled(await shop.incident(each)) for each in (first, second)] == [[(2, 0)], [(2, 2)]]
    assert (await shop.incident(second)).state == OPEN
    assert (await shop.resolve(second, CANCEL)).reservation.state == RELEASED
    assert (await shop.level()).net_quantity == 0


async def test_of_many_clerks_none_cancels_the_units_of_another_incident(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    order = await shop.order((shop.sku, 9))
    incidents = [(await shop.fulfill(order.reservation_id, left(1, missing=3))).incident_id for _ in range(3)]
    await together(shop.resolve(incident, CANCEL) for incident in incidents[:2] * 4)
    (line,) = (await shop.read(order.reservation_id)).lines
    assert (line.open_quantity, line.backordered_quantity, line.released_quantity) == (3, 3, 6)
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_units_that_came_and_were_short_again_are_of_the_later_incident_alone(stubs: Any) -> None:
    shop = await open_shop(stubs)
    oversell, reservation_id = await oversold(shop)
    await shop.receive(5)
    picked = await shop.fulfill(reservation_id, left(1, missing=5))
    answer = await shop.resolve(oversell, CANCEL)
    assert answer.incident.state == RESOLVED
    (line,) = answer.reservation.lines
    assert (line.open_quantity, line.backordered_quantity, line.released_quantity) == (5, 5, 0)
    assert settled(answer.incident) == [(5, 5)]
    ended = await shop.resolve(picked.incident_id, CANCEL)
    assert settled(ended.incident) == [(5, 0)]
    assert ended.reservation.state == RELEASED


async def test_an_incident_outlives_its_reservation(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    incident_id, reservation_id = await oversold(shop)
    await shop.release(reservation_id)
    answer = await shop.resolve(incident_id, CANCEL)
    assert answer.incident.state == RESOLVED
    assert not answer.HasField("reservation")


async def test_a_short_pick_is_resolved_like_any_other(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    order = await shop.order((shop.sku, 3))
    picked = await shop.fulfill(order.reservation_id, left(1, 1, missing=2))
    incident = await shop.incident(picked.incident_id)
    assert incident.kind == reconciliation.INCIDENT_KIND_SHORT_PICK
    await shop.resolve(picked.incident_id, CANCEL)
    assert (await shop.read(order.reservation_id)).state == ReservationState.RESERVATION_STATE_FULFILLED


async def test_of_two_resolutions_at_once_the_units_are_given_up_once(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    incident_id, reservation_id = await oversold(shop)
    await together(shop.resolve(incident_id, CANCEL) for _ in range(8))
    assert [line.released_quantity for line in (await shop.read(reservation_id)).lines] == [0, 3]
    await assert_ledger_is_sound(stubs, uncovered=None)


# The end.


async def test_a_closed_incident_is_over(stubs: Any) -> None:
    shop = await open_shop(stubs)
    incident_id, reservation_id = await oversold(shop)
    before = await shop.read(reservation_id)
    closed = await shop.close_incident(incident_id, "nothing to be done")
    assert (closed.state, closed.note) == (CLOSED, "nothing to be done")
    assert await shop.read(reservation_id) == before, "closing changes nothing of the reservation"
    over = refused_as("DOCUMENT_CLOSED", kind="INCIDENT", document_id=incident_id)
    assert await refusal_of(shop.close_incident(incident_id)) == over
    assert await refusal_of(shop.resolve(incident_id, CANCEL)) == over
    found = await shop.incident(incident_id)
    assert (found.state, found.lines) == (CLOSED, closed.lines)


async def test_closing_keeps_what_was_decided(stubs: Any) -> None:
    shop = await open_shop(stubs)
    incident_id, _ = await oversold(shop)
    await shop.resolve(incident_id, CANCEL, reason="told the customer")
    closed = await shop.close_incident(incident_id)
    assert (closed.state, closed.resolution, closed.note) == (CLOSED, CANCEL, "told the customer")


async def test_many_close_one_incident_and_one_of_them_does(stubs: Any) -> None:
    shop = await open_shop(stubs)
    incident_id, _ = await oversold(shop)
    outcomes = await together(answer_or_refusal(shop.close_incident(incident_id)) for _ in range(8))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert {refusal.reason for refusal in refused} == {"DOCUMENT_CLOSED"}
    assert len(refused) == 7


async def test_incidents_and_what_is_to_be_done_must_exist(stubs: Any) -> None:
    shop = await open_shop(stubs)
    incident_id, _ = await oversold(shop)
    kit = await put_item(stubs, parts=((shop.sku, 1),))
    unknown = not_found("UNKNOWN_DOCUMENT", kind="INCIDENT", document_id="no-incident")
    assert await refusal_of(shop.resolve("no-incident", CANCEL)) == unknown
    assert await refusal_of(shop.close_incident("no-incident")) == unknown
    for options, expected in (
        ({"resolution": SUBSTITUTE, "substitute_sku": "nothing"}, not_found("UNKNOWN_SKU", sku="nothing")),
        ({"resolution": SUBSTITUTE, "substitute_sku": kit}, kit_conflict(kit, "NO_STOCK_OF_ITS_OWN")),
        ({"resolution": TRANSFER, "to_location": "nowhere"}, not_found("UNKNOWN_LOCATION", location="nowhere")),
    ):
        assert await refusal_of(shop.resolve(incident_id, **options)) == expected
    assert (await shop.incident(incident_id)).state == OPEN


async def test_incidents_are_found_by_every_filter(stubs: Any) -> None:
    shop = await open_shop(stubs)
    orders = [some("order") for _ in range(3)]
    still_open, resolved, closed = [(await shop.told((shop.sku, 1), order_id=each)).incident_id for each in orders]
    await shop.resolve(resolved, BACKORDER)
    await shop.close_incident(closed)

    async def found(**filters: Any) -> list[str]:
        return [incident.incident_id for incident in await shop.incidents(**filters)]

    assert await found(channel=shop.channel) == sorted([still_open, resolved, closed])
    for state, expected in ((OPEN, still_open), (RESOLVED, resolved), (CLOSED, closed)):
        assert await found(channel=shop.channel, state=state) == [expected]
    assert await found(order_id=orders[1]) == [resolved]
    assert await found(order_id=orders[1], state=OPEN) == []
