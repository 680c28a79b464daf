"""What other systems were complained about, turned into tests of this one.

Each test names the class of complaint in our words. Times, where a test has to wait, are the server's own.
What is scaled down says by how much. Restarts and kills are in test_kills.py.
"""

import random
from collections import Counter
from typing import Any

import psycopg
import pytest
from google.protobuf import duration_pb2
from holdfast.inventory.v1.inventory_service_pb2 import (
    BatchCreateReservationsRequest,
    CommitReservationRequest,
    ExtendReservationRequest,
)
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, stubs_of, together
from api.ids import uuid7
from api.mutations import MUTATIONS
from api.refusals import Refusal, invalid, read_status, refusal_of
from api.shop import Shop, assert_ledger_is_sound, open_shop

TTL = duration_pb2.Duration(seconds=900)


async def buy_through_every_path(shop: Shop, buyers: int) -> list[Any]:
    """Alone and in batches, sourced, split and from a named location, all at once."""
    demands = [
        shop.demand(
            (shop.sku, 1, random.choice(shop.locations)) if number % 2 else (shop.sku, 1),
            allow_split=number % 4 == 0,
        )
        for number in range(buyers)
    ]
    alone, batched = demands[: buyers // 2], demands[buyers // 2 :]
    batches = [batched[start : start + 10] for start in range(0, len(batched), 10)]
    create, batch_create = (
        shop.stubs.inventory.CreateReservation,
        shop.stubs.inventory.BatchCreateReservations,
    )
    singles, responses = await together(
        [
            together(answer_or_refusal(create(request)) for request in alone),
            together(batch_create(BatchCreateReservationsRequest(requests=batch)) for batch in batches),
        ]
    )
    results = [result for response in responses for result in response.results]
    return singles + [r.created if r.HasField("created") else read_status(r.refusal) for r in results]


async def test_1_many_buyers_of_few_units_through_every_path_and_two_servers(pair: Any) -> None:
    """Complaint: the last units are sold twice when requests race, above all between two processes."""
    first_target, second_target = pair.targets
    async with stubs_of(first_target) as first, stubs_of(second_target) as second:
        shop = await open_shop(first, locations=3, units=10)
        parts = await together(buy_through_every_path(shop.seen_through(s), 200) for s in (first, second))
        outcomes = [outcome for part in parts for outcome in part]
        assert {o.reason for o in outcomes if isinstance(o, Refusal)} == {"INSUFFICIENT_STOCK"}
        won = [o for o in outcomes if not isinstance(o, Refusal)]
        assert len(won) == 30
        assert Counter(line.location for o in won for line in o.reservation.lines) == dict.fromkeys(shop.locations, 10)
        await assert_ledger_is_sound(first, uncovered=None)


async def test_2_many_buyers_where_units_are_held_and_committed_already(stubs: Any) -> None:
    """Complaint: what was set aside earlier is not subtracted when many ask at once."""
    shop = await open_shop(stubs, locations=3, units=10)
    held = await shop.reserve((shop.sku, 15), allow_split=True)
    committed = await shop.reserve((shop.sku, 10), allow_split=True)
    await shop.commit(committed.reservation_id)
    outcomes = await buy_through_every_path(shop, 200)
    assert sum(not isinstance(outcome, Refusal) for outcome in outcomes) == 5
    assert await shop.available() == 0
    await shop.release(held.reservation_id)
    assert await shop.available() == 15


async def test_3_the_same_sku_on_two_lines_of_one_request(stubs: Any) -> None:
    """Complaint: each line is checked by itself, so two lines together take more than there is."""
    shop = await open_shop(stubs, units=5)
    for lines in (
        [(shop.sku, 3), (shop.sku, 3)],
        [(shop.sku, 3, shop.location), (shop.sku, 3, shop.location)],
        [(shop.sku, 3), (shop.sku, 3, shop.location)],
    ):
        refusal = await refusal_of(stubs.inventory.CreateReservation(shop.demand(*lines)))
        assert refusal.reason == "INSUFFICIENT_STOCK"
    assert await shop.available() == 5
    exact = await shop.reserve((shop.sku, 3), (shop.sku, 2))
    assert [line.quantity for line in exact.lines] == [5]


async def test_4_baskets_of_the_same_skus_in_opposite_order_never_block_each_other(stubs: Any) -> None:
    """Complaint: two orders that lock the same items in opposite order deadlock. 2,000 pairs of 10,000."""
    shop = await open_shop(stubs, skus=2, units=4_000)
    forwards = [(sku, 1) for sku in shop.skus]
    demands = [shop.demand(*order) for _ in range(2_000) for order in (forwards, forwards[::-1])]
    batches = [demands[start : start + 100] for start in range(0, 3_600, 100)]

    async def alone(requests: list[Any]) -> None:
        for request in requests:
            await stubs.inventory.CreateReservation(request)

    async def batched(requests: list[Any]) -> None:
        batch = BatchCreateReservationsRequest(requests=requests)
        results = (await stubs.inventory.BatchCreateReservations(batch)).results
        assert all(result.HasField("created") for result in results)

    one_by_one = demands[3_600:]
    await together([*(batched(b) for b in batches), *(alone(one_by_one[i::20]) for i in range(20))])
    assert [await shop.available(sku) for sku in shop.skus] == [0, 0]


async def test_5_every_mutation_again_concurrently_later_and_after_a_failure(stubs: Any) -> None:
    """Complaint: a message that is delivered twice books twice. All at once here; see test_once.py."""
    shop = await open_shop(stubs, units=100)
    requests = []
    for mutation in MUTATIONS:
        request = await mutation.make(shop)
        request.request_id = uuid7()
        requests.append((mutation, request))
    answers = await together(mutation.method(stubs)(request) for _ in range(5) for mutation, request in requests)
    by_revision = Counter(answer.revision.position for answer in answers)
    assert sorted(by_revision.values()) == [5] * len(MUTATIONS)
    assert [answer.replayed for answer in answers].count(False) == len(MUTATIONS)


async def test_8_expiry_at_the_very_moment_of_commit(stubs: Any) -> None:
    """Complaint: a hold expires and is committed too, or neither. Exactly one of the two happens.

    Holds of one second are committed one after another, so the clock runs out somewhere among them; how
    many come before it is the machine's affair, so more are taken, by fewer callers, until both have been seen.
    """
    shop = await open_shop(stubs, units=100_000)
    committed: set[str] = set()
    expired: set[str] = set()
    for round_number in range(20):
        batch = BatchCreateReservationsRequest(requests=[shop.one_unit(ttl_seconds=1) for _ in range(500)])
        results = (await stubs.inventory.BatchCreateReservations(batch)).results
        ids = [result.created.reservation.reservation_id for result in results]

        async def commit_all(mine: list[str]) -> None:
            for reservation_id in mine:
                request = CommitReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
                outcome = await answer_or_refusal(stubs.inventory.CommitReservation(request))
                if isinstance(outcome, Refusal):
                    assert outcome.reason == "RESERVATION_EXPIRED"
                    expired.add(reservation_id)
                else:
                    committed.add(reservation_id)

        callers = 2 if round_number % 2 else 1
        await together(commit_all(ids[client::callers]) for client in range(callers))
        if committed and expired:
            break
    assert committed, "every commit came too late"
    assert expired, "every commit came in time"

    ends: dict[str, list[int]] = {}
    for movement in await shop.movements():
        if movement.kind in (MovementKind.MOVEMENT_KIND_COMMIT, MovementKind.MOVEMENT_KIND_EXPIRE):
            ends.setdefault(movement.reservation_id, []).append(movement.kind)
    assert {which for which, kinds in ends.items() if kinds == [MovementKind.MOVEMENT_KIND_COMMIT]} == committed
    assert {which for which, kinds in ends.items() if kinds == [MovementKind.MOVEMENT_KIND_EXPIRE]} == expired
    level = await shop.level()
    assert (level.held_quantity, level.committed_quantity) == (0, len(committed))
    assert await shop.available() == 100_000 - len(committed)


async def test_15_availability_is_answered_without_reading_history(pair: Any) -> None:
    """Complaint: the stock of an item with a long history takes ever longer to read. 4,000 of 1,500,000.

    The proof is not a time: while nobody can read the movements at all, availability is still answered,
    so it does not depend on how many there are.
    """
    async with stubs_of(pair.target) as stubs:
        shop = await open_shop(stubs, units=10_000)
        for _ in range(4):
            batch = BatchCreateReservationsRequest(requests=[shop.one_unit() for _ in range(1_000)])
            await stubs.inventory.BatchCreateReservations(batch)
        assert len(await shop.movements()) == 4_001
        with psycopg.connect(pair.postgres_url) as locker:
            locker.execute("LOCK TABLE movement, operation, journal_entry IN ACCESS EXCLUSIVE MODE")
            assert await shop.available() == 6_000
            assert (await shop.level()).held_quantity == 4_000
            locker.rollback()
        await shop.reserve((shop.sku, 1))
        assert await shop.available() == 5_999


@pytest.mark.parametrize("lines", [51, 101, 1_000])
async def test_16_a_long_order_is_reserved_whole(stubs: Any, lines: int) -> None:
    """Complaint: beyond a certain number of lines the rest is dropped without a word."""
    shop = await open_shop(stubs, skus=lines, units=2)
    reserved = await shop.reserve(*((sku, 2) for sku in shop.skus))
    assert [(line.sku, line.quantity) for line in reserved.lines] == [(sku, 2) for sku in shop.skus]
    assert [line.line_number for line in reserved.lines] == list(range(1, lines + 1))
    committed = await shop.commit(reserved.reservation_id)
    assert [line.open_quantity for line in committed.lines] == [2] * lines
    extend = ExtendReservationRequest(request_id=uuid7(), reservation_id=reserved.reservation_id, ttl=TTL)
    assert (await refusal_of(stubs.inventory.ExtendReservation(extend))).reason == "ALREADY_COMMITTED"


async def test_16_an_order_that_is_too_long_is_refused_as_such(stubs: Any) -> None:
    """Complaint: as above; the limit is told, and nothing of the order is taken."""
    shop = await open_shop(stubs, skus=1, units=2_000)
    request = shop.demand(*[(shop.sku, 1)] * 1_001)
    assert await refusal_of(stubs.inventory.CreateReservation(request)) == invalid("lines")
    assert await shop.available() == 2_000


async def test_16_every_short_line_of_a_long_order_is_told(stubs: Any) -> None:
    """Complaint: only the first item that is missing is named, so the customer fails once per item."""
    shop = await open_shop(stubs, skus=60, units=2)
    wanted = [(sku, 3 if number % 3 == 0 else 2) for number, sku in enumerate(shop.skus)]
    refusal = await refusal_of(stubs.inventory.CreateReservation(shop.demand(*wanted)))
    assert [sku for sku, _ in refusal.short_lines] == list(shop.skus[::3])
    assert refusal.metadata["short_lines"] == "20"
    assert await shop.available() == 2
