"""Holds that nobody commits: the server owns time, so these tests wait for what its clock does."""

from typing import Any

import grpc
from google.protobuf import duration_pb2
from holdfast.inventory.v1.inventory_service_pb2 import (
    CommitReservationRequest,
    ExtendReservationRequest,
    GetReservationRequest,
    ReleaseLine,
    ReleaseReservationRequest,
)
from holdfast.inventory.v1.reservation_pb2 import Reservation, ReservationState
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, together, until
from api.ids import uuid7
from api.refusals import Refusal, refusal_of
from api.shop import Shop, assert_ledger_is_sound, open_shop
from api.translation import instant
from model import words

EXPIRED = ReservationState.RESERVATION_STATE_EXPIRED
COMMITTED = ReservationState.RESERVATION_STATE_COMMITTED
SECOND = duration_pb2.Duration(seconds=1)


async def read(shop: Shop, reservation_id: str) -> Reservation:
    request = GetReservationRequest(reservation_id=reservation_id)
    return (await shop.stubs.inventory.GetReservation(request)).reservation


async def wait_until_expired(shop: Shop, reservation_id: str) -> Reservation:
    async def expired() -> bool:
        return (await read(shop, reservation_id)).state == EXPIRED

    await until(expired, "upkeep to expire a hold that is due")
    return await read(shop, reservation_id)


async def test_a_hold_that_is_due_expires_by_itself_and_its_units_return(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    hold = await shop.reserve((shop.sku, 7), ttl_seconds=1, allow_split=True)
    part = ReleaseLine(line_number=1, quantity=2)
    release = ReleaseReservationRequest(request_id=uuid7(), reservation_id=hold.reservation_id, lines=[part])
    await stubs.inventory.ReleaseReservation(release)
    expired = await wait_until_expired(shop, hold.reservation_id)
    counts = [(line.open_quantity, line.released_quantity, line.expired_quantity) for line in expired.lines]
    assert counts == [(0, 2, 3), (0, 0, 2)]
    assert instant(expired.update_time) >= instant(hold.expire_time), "never before its time"
    assert await shop.available() == 10
    ends = [m for m in await shop.movements() if m.kind == MovementKind.MOVEMENT_KIND_EXPIRE]
    assert [m.held_delta for m in ends] == [-3, -2]
    assert {(m.reservation_id, m.request_id) for m in ends} == {(hold.reservation_id, "")}


async def test_an_expired_hold_refuses_whatever_is_asked_of_it(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    hold = await shop.reserve((shop.sku, 1), ttl_seconds=1)
    which = hold.reservation_id
    expired = await wait_until_expired(shop, which)
    for call in (
        stubs.inventory.CommitReservation(CommitReservationRequest(request_id=uuid7(), reservation_id=which)),
        stubs.inventory.ReleaseReservation(ReleaseReservationRequest(request_id=uuid7(), reservation_id=which)),
        stubs.inventory.ExtendReservation(
            ExtendReservationRequest(request_id=uuid7(), reservation_id=which, ttl=SECOND)
        ),
    ):
        refusal = await refusal_of(call)
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "RESERVATION_EXPIRED",
        )
        assert refusal.metadata == {
            "reservation_id": which,
            "state": "EXPIRED",
            "resolve_time": expired.update_time.ToJsonString(),
        }
    assert await read(shop, which) == expired


async def test_a_hold_that_is_extended_in_time_outlives_its_first_end(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    short = await shop.reserve((shop.sku, 1), ttl_seconds=1)
    extended = await shop.reserve((shop.sku, 1), ttl_seconds=1)
    longer = ExtendReservationRequest(
        request_id=uuid7(),
        reservation_id=extended.reservation_id,
        ttl=duration_pb2.Duration(seconds=600),
    )
    after = (await stubs.inventory.ExtendReservation(longer)).reservation
    assert instant(after.expire_time) == instant(after.update_time) + 600 * words.SECOND
    shorter = ExtendReservationRequest(request_id=uuid7(), reservation_id=extended.reservation_id, ttl=SECOND)
    unchanged = await stubs.inventory.ExtendReservation(shorter)
    assert unchanged.reservation.expire_time == after.expire_time, "an extension never shortens"
    await wait_until_expired(shop, short.reservation_id)
    committed = await shop.commit(extended.reservation_id)
    assert committed.state == COMMITTED
    assert not committed.HasField("expire_time")


async def test_a_committed_reservation_has_no_end(stubs: Any) -> None:
    """A hold of the same age expires; the committed one stays."""
    shop = await open_shop(stubs, units=2)
    kept = await shop.reserve((shop.sku, 1), ttl_seconds=1)
    await shop.commit(kept.reservation_id)
    left = await shop.reserve((shop.sku, 1), ttl_seconds=1)
    await wait_until_expired(shop, left.reservation_id)
    assert (await read(shop, kept.reservation_id)).state == COMMITTED
    assert (await shop.level()).committed_quantity == 1


async def test_units_of_a_due_hold_can_be_won_by_the_next_buyer(stubs: Any) -> None:
    """A shop that is sold out by holds sells again as soon as their time is over."""
    shop = await open_shop(stubs, units=1)
    hold = await shop.reserve((shop.sku, 1), ttl_seconds=1)
    buyer = shop.one_unit()

    async def sold() -> bool:
        return not isinstance(await answer_or_refusal(stubs.inventory.CreateReservation(buyer)), Refusal)

    await until(sold, "the unit of a hold that is due")
    won = (await stubs.inventory.CreateReservation(buyer)).reservation
    assert instant(won.create_time) >= instant(hold.expire_time)
    assert (await read(shop, hold.reservation_id)).state == EXPIRED
    assert (await shop.level()).held_quantity == 1


async def test_many_holds_that_are_due_together_all_return_their_units(stubs: Any) -> None:
    """More than one upkeep round takes; none is forgotten, none is given back twice."""
    shop = await open_shop(stubs, units=300)
    holds = await together(shop.reserve((shop.sku, 1), ttl_seconds=1) for _ in range(300))

    async def all_returned() -> bool:
        return await shop.available() == 300

    await until(all_returned, "upkeep to expire 300 holds")
    kinds = [m.kind for m in await shop.movements()]
    assert kinds.count(MovementKind.MOVEMENT_KIND_EXPIRE) == len(holds)
    await assert_ledger_is_sound(stubs, uncovered=None)
