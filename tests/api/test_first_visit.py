"""N buyers, k units: exactly min(N, k) win. The promise is NoOversell; the other half is NoUndersell."""

import asyncio
import random
from collections import Counter
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import (
    BatchCreateReservationsRequest,
    CreateReservationRequest,
)

from api.calls import answer_or_refusal, stubs_of, together
from api.refusals import Refusal, read_status
from api.shop import Shop, assert_ledger_is_sound, open_shop

BUYERS = 200
UNITS = 37


async def ask_one_by_one(stubs: Any, requests: list[CreateReservationRequest]) -> list[Any]:
    return await together(answer_or_refusal(stubs.inventory.CreateReservation(request)) for request in requests)


async def ask_in_batches(stubs: Any, requests: list[CreateReservationRequest]) -> list[Any]:
    """Batches of eight, all at once; each result is read as if it had been asked for alone."""
    batches = [requests[start : start + 8] for start in range(0, len(requests), 8)]
    responses = await together(
        stubs.inventory.BatchCreateReservations(BatchCreateReservationsRequest(requests=batch)) for batch in batches
    )
    results = [result for response in responses for result in response.results]
    return [r.created if r.HasField("created") else read_status(r.refusal) for r in results]


async def assert_exactly_these_win(shop: Shop, outcomes: list[Any], winners: int, reserved: int) -> None:
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(outcomes) - len(refusals) == winners
    assert {refusal.reason for refusal in refusals} <= {"INSUFFICIENT_STOCK"}
    assert {refusal.code for refusal in refusals} <= {grpc.StatusCode.FAILED_PRECONDITION}
    won = {o.reservation.reservation_id for o in outcomes if not isinstance(o, Refusal)}
    assert len(won) == winners, "every winner has a reservation of its own"
    levels = [await shop.level(shop.sku, location) for location in shop.locations]
    assert sum(level.held_quantity + level.committed_quantity for level in levels) == reserved
    assert min(level.net_quantity for level in levels) >= 0


@pytest.mark.parametrize("ask", [ask_one_by_one, ask_in_batches])
@pytest.mark.parametrize("where", ["at a named location", "sourced from the pool"])
async def test_of_many_buyers_exactly_as_many_win_as_there_are_units(stubs: Any, ask: Any, where: str) -> None:
    shop = await open_shop(stubs, units=UNITS)
    named = (shop.location,) if where == "at a named location" else ()
    requests = [shop.demand((shop.sku, 1, *named)) for _ in range(BUYERS)]
    outcomes = await ask(stubs, requests)
    await assert_exactly_these_win(shop, outcomes, winners=UNITS, reserved=UNITS)
    assert await shop.available() == 0


@pytest.mark.parametrize("ask", [ask_one_by_one, ask_in_batches])
async def test_every_buyer_wins_when_there_is_enough(stubs: Any, ask: Any) -> None:
    shop = await open_shop(stubs, units=BUYERS + 1)
    outcomes = await ask(stubs, [shop.one_unit() for _ in range(BUYERS)])
    await assert_exactly_these_win(shop, outcomes, winners=BUYERS, reserved=BUYERS)
    assert await shop.available() == 1


@pytest.mark.parametrize("ask", [ask_one_by_one, ask_in_batches])
async def test_buyers_of_three_leave_only_what_is_too_little_for_one_of_them(stubs: Any, ask: Any) -> None:
    shop = await open_shop(stubs, units=UNITS)
    outcomes = await ask(stubs, [shop.demand((shop.sku, 3)) for _ in range(BUYERS)])
    await assert_exactly_these_win(shop, outcomes, winners=UNITS // 3, reserved=UNITS - UNITS % 3)
    assert await shop.available() == UNITS % 3


async def test_buyers_who_may_be_split_empty_every_location(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=5)
    requests = [shop.demand((shop.sku, 2), allow_split=True) for _ in range(BUYERS)]
    outcomes = await ask_one_by_one(stubs, requests)
    await assert_exactly_these_win(shop, outcomes, winners=7, reserved=14)
    assert await shop.available() == 1


async def test_units_that_are_held_or_committed_already_are_not_won_again(stubs: Any) -> None:
    shop = await open_shop(stubs, units=UNITS)
    committed = await shop.reserve((shop.sku, 11))
    await shop.commit(committed.reservation_id)
    await shop.reserve((shop.sku, 5))
    given_back = await shop.reserve((shop.sku, 2))
    await shop.release(given_back.reservation_id)
    outcomes = await ask_one_by_one(stubs, [shop.one_unit() for _ in range(BUYERS)])
    await assert_exactly_these_win(shop, outcomes, winners=UNITS - 16, reserved=UNITS)


async def test_baskets_of_two_items_never_take_one_without_the_other(stubs: Any) -> None:
    """The scarcer item decides, and of the other nothing is left hanging on a refused basket."""
    shop = await open_shop(stubs, skus=2, units=UNITS)
    scarce, plenty = shop.skus
    await shop.receive(UNITS, sku=plenty)
    requests = [shop.demand((scarce, 1), (plenty, 1)) for _ in range(BUYERS)]
    outcomes = await ask_one_by_one(stubs, requests)
    await assert_exactly_these_win(shop, outcomes, winners=UNITS, reserved=UNITS)
    assert await shop.available(plenty) == UNITS


async def test_two_server_processes_share_the_units_out_exactly(pair: Any) -> None:
    first_target, second_target = pair.targets
    async with stubs_of(first_target) as first, stubs_of(second_target) as second:
        shop = await open_shop(first, units=UNITS)
        single = [shop.one_unit() for _ in range(BUYERS)]
        batched = [shop.one_unit() for _ in range(BUYERS)]
        random.shuffle(single)
        outcomes = await asyncio.gather(
            ask_one_by_one(first, single[::2]),
            ask_one_by_one(second, single[1::2]),
            ask_in_batches(first, batched[::2]),
            ask_in_batches(second, batched[1::2]),
        )
        flat = [outcome for part in outcomes for outcome in part]
        await assert_exactly_these_win(shop, flat, winners=UNITS, reserved=UNITS)
        assert await shop.seen_through(second).available() == 0
        kinds = Counter(type(outcome).__name__ for outcome in flat)
        assert kinds == {"CreateReservationResponse": UNITS, "Refusal": 2 * BUYERS - UNITS}
        await assert_ledger_is_sound(second, uncovered=None)
