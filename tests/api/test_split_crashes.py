"""A server dies while it carries on demand over two segments, at every step: all or nothing, and nothing leaks."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import (
    CommitReservationRequest,
    GetReservationRequest,
    ReleaseReservationRequest,
)
from holdfast.inventory.v1.reservation_pb2 import (
    RESERVATION_STATE_COMMITTED,
    RESERVATION_STATE_HELD,
    RESERVATION_STATE_RELEASED,
)
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import patiently, stubs_of, until
from api.ids import some, uuid7
from api.refusals import refusal_of
from api.regions import SEGMENTS, Regions, open_regions
from api.shop import assert_ledger_is_sound
from support.authority import TestAuthority, wait_until
from support.servers import Servers

PLAN_SECONDS = 1.0
BEFORE_IT_IS_HELD = ("split_planned", "split_parts_held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two servers of one authority, of which the first dies at a point."""

    dying: Any
    other: Any
    authority: TestAuthority

    @property
    def is_dead(self) -> bool:
        return not self.authority.processes[0].is_alive


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestAuthority]:
    # The shared Valkey has segments of these names already.
    own_servers = Servers(tmp_path_factory.mktemp("splitcrashes"))
    own = TestAuthority(
        own_servers,
        database="splitcrashes",
        segment="north",
        environment={
            "HOLDFAST_SEGMENTS": ",".join(SEGMENTS),
            "HOLDFAST_SPLIT_PLAN_SECONDS": str(PLAN_SECONDS),
            "HOLDFAST_SPLIT_IDLE_SECONDS": "0.2",
            # Every round goes on where the last one ended, so what cannot go on keeps nobody from its turn.
            "HOLDFAST_MAX_SPLITS_PER_ROUND": "1",
        },
    )
    yield own
    own.close()
    own_servers.close()


@pytest.fixture
async def pair(breakable: TestAuthority, request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """The first server dies where the test's parameter says; the second was there before."""
    breakable.processes[:] = [one for one in breakable.processes if one.is_alive]
    if not breakable.processes:
        breakable.start_server()
    breakable.processes.insert(0, breakable.processes.pop())
    other = breakable.processes[-1]
    dying = breakable.start_server(HOLDFAST_FAILPOINT=f"{request.param}:kill")
    breakable.processes.remove(dying)
    breakable.processes.insert(0, dying)
    async with stubs_of(dying.target) as first, stubs_of(other.target) as second:
        yield Pair(dying=first, other=second, authority=breakable)
    if dying.is_alive:
        dying.kill()


async def breaks_off(pair: Pair, call: Any) -> None:
    """Makes a call in whose course the server dies."""
    with pytest.raises(grpc.aio.AioRpcError) as broken:
        await call
    assert broken.value.code() == grpc.StatusCode.UNAVAILABLE
    wait_until(lambda: pair.is_dead, "the server is dead")


async def units_come_back(shop: Regions, north: int, south: int) -> None:
    async def are_back() -> bool:
        return await shop.units_left(shop.sku) == (north, south)

    await until(are_back, f"{north} and {south} units are free")


async def broken_off_in_the_south(pair: Pair) -> tuple[Regions, Any, Any]:
    """A demand for two units whose only part is held in the south, and nobody carries on: its request, and the hold.

    Meanwhile the home has enough.
    """
    shop = await open_regions(pair.other, north=1, south=2)
    request = shop.demand((shop.sku, 2), order_id=some("order"))
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    (found,) = await shop.reservations(order_id=request.order_id)
    await shop.stock(shop.sku, north=2)
    return shop, request, found


@pytest.mark.parametrize("pair", BEFORE_IT_IS_HELD, indirect=True)
async def test_a_plan_that_nobody_carries_on_holds_nothing(pair: Pair) -> None:
    shop = await open_regions(pair.other, north=2, south=2)
    request = shop.demand((shop.sku, 3), allow_split=True)
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    await units_come_back(shop, 2, 2)
    # Its id is as good as before.
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert answer.reservation.state == RESERVATION_STATE_HELD
    assert await shop.units_left(shop.sku) == (0, 1)
    await assert_ledger_is_sound(pair.other, uncovered=None)


@pytest.mark.parametrize("pair", [*BEFORE_IT_IS_HELD, "split_settled"], indirect=True)
@pytest.mark.parametrize("quantity", [2, 3], ids=["one-part", "two-parts"])
async def test_who_asks_again_elsewhere_gets_it_once(pair: Pair, quantity: int) -> None:
    shop = await open_regions(pair.other, north=1, south=2)
    request = shop.demand((shop.sku, quantity), allow_split=True)
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert sum(line.quantity for line in answer.reservation.lines) == quantity
    again = await patiently(pair.other.inventory.CreateReservation, request)
    assert (again.replayed, again.reservation) == (True, answer.reservation)
    await asyncio.sleep(PLAN_SECONDS * 2.5)
    assert sum(await shop.units_left(shop.sku)) == 3 - quantity
    await assert_ledger_is_sound(pair.other, uncovered=None)


@pytest.mark.parametrize("pair", ["split_parts_held"], indirect=True)
@pytest.mark.parametrize("asks_again", ["before", "before-for-one", "after", "never"])
async def test_a_hold_that_is_found_though_its_plan_broke_off(pair: Pair, asks_again: str) -> None:
    """The order is booked once, whether by who asks again, with enough at its home by now, or by who found the hold."""
    shop, request, found = await broken_off_in_the_south(pair)
    if asks_again.startswith("before"):
        request.lines[0].quantity = 1 if asks_again == "before-for-one" else 2
        answer = await patiently(pair.other.inventory.CreateReservation, request)
        assert (await refusal_of(shop.commit(found.reservation_id))).reason == "ALREADY_RELEASED"
        await shop.commit(answer.reservation.reservation_id)
    else:
        assert (await shop.commit(found.reservation_id)).state == RESERVATION_STATE_COMMITTED
    if asks_again == "after":
        answer = await patiently(pair.other.inventory.CreateReservation, request)
        assert (answer.replayed, answer.reservation.reservation_id) == (True, found.reservation_id)
    await asyncio.sleep(PLAN_SECONDS * 2.5)
    (booked,) = await shop.reservations(order_id=request.order_id, state=RESERVATION_STATE_COMMITTED)
    assert booked.lines[0].quantity == request.lines[0].quantity
    assert sum(await shop.units_left(shop.sku)) == 5 - request.lines[0].quantity
    await assert_ledger_is_sound(pair.other, uncovered=None)


@pytest.mark.parametrize("pair", ["split_parts_held"], indirect=True)
async def test_who_gives_back_what_is_found_leaves_the_request_its_id(pair: Pair) -> None:
    shop, request, found = await broken_off_in_the_south(pair)
    await shop.release(found.reservation_id)
    await asyncio.sleep(PLAN_SECONDS * 2.5)
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert (answer.replayed, answer.reservation.state) == (False, RESERVATION_STATE_HELD)


@pytest.mark.parametrize("pair", ["split_parts_held"], indirect=True)
async def test_a_hold_that_was_given_back_is_not_handed_out(pair: Pair) -> None:
    """Who asks again at once finds the plan that broke off, while there is too little for another one."""
    shop = await open_regions(pair.other, north=1, south=2)
    request = shop.demand((shop.sku, 2))
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    (found,) = await shop.reservations()
    await shop.release(found.reservation_id)
    assert (await refusal_of(shop.commit(found.reservation_id))).reason == "ALREADY_RELEASED"
    await shop.reserve((shop.sku, 1, shop.locations[1]))
    assert (await refusal_of(pair.other.inventory.CreateReservation(request))).reason == "INSUFFICIENT_STOCK"
    await shop.stock(shop.sku, south=1)
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert (answer.replayed, answer.reservation.state) == (False, RESERVATION_STATE_HELD)
    assert answer.reservation.reservation_id != found.reservation_id
    assert await shop.units_left(shop.sku) == (1, 0)


@pytest.mark.parametrize("pair", ["split_parts_held"], indirect=True)
async def test_an_id_that_is_made_up_settles_no_plan(pair: Pair) -> None:
    shop = await open_regions(pair.other, north=2, south=2)
    request = shop.demand((shop.sku, 3), allow_split=True)
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    for found in await shop.reservations():
        made_up = found.reservation_id.replace("-part", "-only")
        assert made_up != found.reservation_id
        assert (await refusal_of(shop.commit(made_up))).reason == "UNKNOWN_RESERVATION"
    await units_come_back(shop, 2, 2)


@pytest.mark.parametrize("pair", BEFORE_IT_IS_HELD, indirect=True)
@pytest.mark.parametrize("change", [{"quantity": 2}, {"order_id": "another"}], ids=["units", "order"])
async def test_another_request_with_the_id_of_one_that_broke_off(pair: Pair, change: dict[str, Any]) -> None:
    """The first has not taken effect, so its id is free; and it gets what it asked for, not what was planned before."""
    shop = await open_regions(pair.other, north=1, south=5)
    request = shop.demand((shop.sku, 4), allow_split=True)
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    for field, value in change.items():
        setattr(request.lines[0] if field == "quantity" else request, field, value)
    request.lines[0].quantity = min(request.lines[0].quantity, 2)
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert sum(line.quantity for line in answer.reservation.lines) == 2
    assert answer.reservation.order_id == request.order_id

    async def nothing_else_is_held() -> bool:
        return sum(await shop.units_left(shop.sku)) == 4

    await until(nothing_else_is_held, "what the first one held is given back")
    again = await patiently(pair.other.inventory.CreateReservation, request)
    assert (again.replayed, again.reservation) == (True, answer.reservation)


@pytest.mark.parametrize("pair", BEFORE_IT_IS_HELD, indirect=True)
@pytest.mark.parametrize("asks_again", [True, False])
async def test_what_has_been_sold_is_booked_once_however_late(pair: Pair, asks_again: bool) -> None:
    shop = await open_regions(pair.other, south=3)
    request = shop.sale((shop.sku, 2))
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    if asks_again:
        await patiently(pair.other.inventory.CreateReservation, request)

    async def is_booked() -> bool:
        return (await shop.level(location=shop.locations[1])).committed_quantity == 2

    await until(is_booked, "the upkeep has booked it, if nobody else has")
    booked = [one for one in await shop.movements() if one.kind == MovementKind.MOVEMENT_KIND_RESERVE]
    assert {one.caller for one in booked} == {"unnamed"}, "whoever books it does so for the caller"
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert (answer.replayed, answer.reservation.state) == (True, RESERVATION_STATE_COMMITTED)
    await asyncio.sleep(PLAN_SECONDS * 2.5)
    assert await shop.units_left(shop.sku) == (0, 1)
    await assert_ledger_is_sound(pair.other, uncovered=None)


@pytest.mark.parametrize("pair", ["split_parts_held"], indirect=True)
async def test_what_has_been_sold_and_was_given_back_is_not_booked_again(pair: Pair) -> None:
    """The buyer has cancelled before the channel asks again."""
    shop = await open_regions(pair.other, south=3)
    request = shop.sale((shop.sku, 2))
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    (found,) = await shop.reservations()
    await shop.release(found.reservation_id)
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert answer.reservation.lines[0].quantity == 2
    await asyncio.sleep(PLAN_SECONDS * 2.5)
    assert await shop.units_left(shop.sku) == (0, 3)
    booked = [one for one in await shop.movements() if one.kind == MovementKind.MOVEMENT_KIND_RESERVE]
    assert len(booked) == 1


@pytest.mark.parametrize("pair", ["split_settled"], indirect=True)
async def test_a_hold_that_was_never_answered_expires_in_both(pair: Pair) -> None:
    shop = await open_regions(pair.other, north=2, south=2)
    request = shop.demand((shop.sku, 3), allow_split=True, ttl_seconds=3)
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))
    assert await shop.units_left(shop.sku) == (0, 1)
    await units_come_back(shop, 2, 2)


@pytest.mark.parametrize("pair", ["split_aborting"], indirect=True)
async def test_a_plan_that_was_given_up_gives_back_what_it_held(pair: Pair) -> None:
    shop = await open_regions(pair.other, skus=2)
    first, second = shop.skus
    await shop.stock(first, north=2)
    # The south has two units, but not in one place: so it refuses a line that must be whole, and the plan is given up.
    elsewhere = await shop.open_another_place_in_the_south()
    await shop.receive(1, sku=second, location=shop.locations[1])
    await shop.receive(1, sku=second, location=elsewhere)
    request = shop.demand((first, 2), (second, 2))
    await breaks_off(pair, pair.dying.inventory.CreateReservation(request))

    async def is_given_back() -> bool:
        return await shop.units_left(first) == (2, 0)

    await until(is_given_back, "what the plan held is given back")
    refusal = await refusal_of(pair.other.inventory.CreateReservation(request))
    assert (refusal.reason, refusal.short_lines) == ("INSUFFICIENT_STOCK", ((second, "requested 2, available 1"),))
    await shop.receive(1, sku=second, location=elsewhere)
    answer = await patiently(pair.other.inventory.CreateReservation, request)
    assert len(answer.reservation.lines) == 2
    await assert_ledger_is_sound(pair.other, uncovered=None)


@pytest.mark.parametrize("pair", ["split_committing"], indirect=True)
@pytest.mark.parametrize("asks_again", [True, False])
async def test_a_commit_is_finished_by_whoever_comes(pair: Pair, asks_again: bool) -> None:
    shop = await open_regions(pair.other, north=2, south=2)
    held = await shop.reserve((shop.sku, 3), allow_split=True, ttl_seconds=2)
    request = CommitReservationRequest(request_id=uuid7(), reservation_id=held.reservation_id)
    await breaks_off(pair, pair.dying.inventory.CommitReservation(request))
    if asks_again:
        answer = await patiently(pair.other.inventory.CommitReservation, request)
        assert answer.reservation.state == RESERVATION_STATE_COMMITTED

    async def are_committed() -> bool:
        levels = [await shop.level(location=location) for location in shop.locations]
        return [level.committed_quantity for level in levels] == [2, 1]

    await until(are_committed, "both parts are committed")
    await asyncio.sleep(2.0)
    found = await pair.other.inventory.GetReservation(GetReservationRequest(reservation_id=held.reservation_id))
    assert found.reservation.state == RESERVATION_STATE_COMMITTED
    assert await are_committed(), "what was committed does not expire"


@pytest.mark.parametrize("pair", ["split_releasing"], indirect=True)
async def test_a_release_is_finished_by_upkeep(pair: Pair) -> None:
    shop = await open_regions(pair.other, north=2, south=2)
    held = await shop.reserve((shop.sku, 3), allow_split=True)
    request = ReleaseReservationRequest(request_id=uuid7(), reservation_id=held.reservation_id)
    await breaks_off(pair, pair.dying.inventory.ReleaseReservation(request))
    assert (await refusal_of(shop.commit(held.reservation_id))).reason == "ALREADY_RELEASED"
    await units_come_back(shop, 2, 2)
    answer = await patiently(pair.other.inventory.ReleaseReservation, request)
    assert answer.reservation.state == RESERVATION_STATE_RELEASED


@pytest.mark.parametrize("pair", ["split_expiring"], indirect=True)
async def test_an_expiry_is_finished_by_another_server(pair: Pair) -> None:
    shop = await open_regions(pair.other, north=2, south=2)
    # Whichever of the two servers ends it first: if it is the dying one, it dies of it.
    await shop.reserve((shop.sku, 3), allow_split=True, ttl_seconds=1)
    await units_come_back(shop, 2, 2)
    await assert_ledger_is_sound(pair.other, uncovered=None)
