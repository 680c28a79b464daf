"""The promise Once: a request_id takes effect at most once, and its first answer can always be had again."""

import copy
import uuid
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import BatchCreateReservationsRequest

from api.calls import answer_or_refusal, patiently, stubs_of, together
from api.ids import MILLISECONDS_PER_DAY, some, uuid7
from api.mutations import MUTATIONS, Change, Mutation
from api.refusals import Refusal, invalid, read_status, refusal_of, refused_as
from api.shop import Shop, open_shop

MINUTE = 60 * 1000
HOUR = 60 * MINUTE

every_mutation = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rpc)
every_change = pytest.mark.parametrize(
    ("mutation", "change"),
    [
        pytest.param(mutation, change, id=f"{mutation.rpc}-{change[0]}")
        for mutation in MUTATIONS
        for change in mutation.changes
    ],
)


def reused(request_id: str, field: str) -> Refusal:
    return Refusal(
        code=grpc.StatusCode.ALREADY_EXISTS,
        reason="REQUEST_ID_REUSED",
        metadata={"request_id": request_id, "field": field},
    )


def as_replay(response: Any) -> Any:
    """The answer as it must look when it is given again."""
    again = copy.deepcopy(response)
    again.replayed = True
    return again


async def prepared(mutation: Mutation, shop: Shop, request_id: str = "") -> Any:
    request = await mutation.make(shop)
    request.request_id = request_id or uuid7()
    return request


async def state_of(shop: Shop) -> tuple[Any, ...]:
    """What a second effect would change."""
    return (
        await shop.level(),
        len(await shop.movements()),
        await shop.reservations(),
        await shop.available(),
    )


@every_mutation
async def test_sent_ten_times_at_once_it_takes_effect_once(stubs: Any, mutation: Mutation) -> None:
    shop = await open_shop(stubs, units=50)
    request = await prepared(mutation, shop)
    answers = await together(mutation.method(stubs)(request) for _ in range(10))
    first = [answer for answer in answers if not answer.replayed]
    assert len(first) == 1
    assert [answer for answer in answers if answer.replayed] == [as_replay(first[0])] * 9


@every_mutation
async def test_sent_again_later_it_gets_its_first_answer(stubs: Any, mutation: Mutation) -> None:
    shop = await open_shop(stubs, units=50)
    request = await prepared(mutation, shop)
    first = await mutation.method(stubs)(request)
    assert not first.replayed
    await shop.reserve((shop.sku, 1))
    before = await state_of(shop)
    assert await mutation.method(stubs)(request) == as_replay(first)
    assert await state_of(shop) == before


@every_change
async def test_with_another_body_it_is_refused_and_the_field_named(
    stubs: Any, mutation: Mutation, change: Change
) -> None:
    shop = await open_shop(stubs, units=50)
    request = await prepared(mutation, shop)
    first = await mutation.method(stubs)(request)
    before = await state_of(shop)
    other = copy.deepcopy(request)
    field, make_it_differ = change
    make_it_differ(other)
    assert await refusal_of(mutation.method(stubs)(other)) == reused(request.request_id, field)
    assert await state_of(shop) == before
    assert await mutation.method(stubs)(request) == as_replay(first), "the first body still has its answer"


async def test_of_several_fields_that_differ_the_first_is_named(stubs: Any) -> None:
    shop = await open_shop(stubs, units=50)
    request = shop.demand((shop.sku, 1), (shop.sku, 1, shop.location))
    await stubs.inventory.CreateReservation(request)
    request.fill_policy = 2
    request.lines[1].quantity = 7
    refusal = await refusal_of(stubs.inventory.CreateReservation(request))
    assert refusal == reused(request.request_id, "lines[1].quantity")


@every_mutation
async def test_an_id_of_another_method_is_refused(stubs: Any, mutation: Mutation) -> None:
    shop = await open_shop(stubs, units=50)
    index = MUTATIONS.index(mutation)
    earlier = MUTATIONS[index - 1]
    used = await prepared(earlier, shop)
    await earlier.method(stubs)(used)
    request = await prepared(mutation, shop, used.request_id)
    assert await refusal_of(mutation.method(stubs)(request)) == reused(used.request_id, "method")


async def test_a_refused_request_leaves_its_id_free(stubs: Any) -> None:
    """A refusal has no effect: the same request wins once there is stock, and so may another body."""
    shop = await open_shop(stubs)
    request, other = shop.one_unit(), shop.demand((shop.sku, 2))
    other.request_id = request.request_id
    for _ in range(2):
        refusal = await refusal_of(stubs.inventory.CreateReservation(request))
        assert refusal.reason == "INSUFFICIENT_STOCK"
    await shop.receive(2)
    answer = await stubs.inventory.CreateReservation(other)
    assert not answer.replayed
    assert await refusal_of(stubs.inventory.CreateReservation(request)) == reused(
        request.request_id, "lines[0].quantity"
    )


async def test_the_first_answer_is_given_again_even_after_the_hold_has_ended(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    request = shop.one_unit()
    first = await stubs.inventory.CreateReservation(request)
    await shop.release(first.reservation.reservation_id)
    assert await stubs.inventory.CreateReservation(request) == as_replay(first)
    assert await shop.available() == 1


async def test_a_batch_sent_again_in_other_parts_gets_every_first_answer(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    requests = [shop.one_unit() for _ in range(5)]
    batch = BatchCreateReservationsRequest(requests=requests)
    first = (await stubs.inventory.BatchCreateReservations(batch)).results
    assert [result.HasField("created") for result in first] == [True] * 3 + [False] * 2
    backwards = BatchCreateReservationsRequest(requests=requests[3::-1])
    again = (await stubs.inventory.BatchCreateReservations(backwards)).results
    assert read_status(again[0].refusal).reason == "INSUFFICIENT_STOCK"
    assert [result.created for result in again[1:]] == [as_replay(r.created) for r in first[2::-1]]
    assert await stubs.inventory.CreateReservation(requests[0]) == as_replay(first[0].created)


async def test_twice_in_one_batch_takes_effect_once(stubs: Any) -> None:
    shop = await open_shop(stubs, units=3)
    request = shop.one_unit()
    other = shop.demand((shop.sku, 2))
    other.request_id = request.request_id
    batch = BatchCreateReservationsRequest(requests=[request, request, other])
    first, second, third = (await stubs.inventory.BatchCreateReservations(batch)).results
    assert second.created == as_replay(first.created)
    assert read_status(third.refusal) == reused(request.request_id, "lines[0].quantity")
    assert await shop.available() == 2


@pytest.mark.parametrize(
    "make_id",
    [
        pytest.param(lambda: str(uuid.uuid4()), id="UUIDv4"),
        pytest.param(lambda: uuid.uuid4().hex, id="UUIDv4 without hyphens"),
        pytest.param(lambda: f"{some('order')}:reserve:1", id="derived from the caller's event"),
        pytest.param(uuid7, id="UUIDv7"),
        pytest.param(lambda: uuid7().upper(), id="UUIDv7 in capitals"),
        pytest.param(lambda: uuid7(age_milliseconds=10 * MINUTE), id="UUIDv7 of ten minutes ago"),
        pytest.param(lambda: uuid7(age_milliseconds=29 * MILLISECONDS_PER_DAY), id="UUIDv7 near the retention"),
        pytest.param(lambda: uuid7(age_milliseconds=-9 * MINUTE), id="UUIDv7 of a clock that is ahead"),
    ],
)
async def test_ids_of_every_kind_take_effect_once(stubs: Any, make_id: Any) -> None:
    shop = await open_shop(stubs, units=5)
    request = shop.one_unit(request_id=make_id())
    answers = await together(stubs.inventory.CreateReservation(request) for _ in range(4))
    first = next(answer for answer in answers if not answer.replayed)
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await stubs.inventory.CreateReservation(request) == as_replay(first)
    assert await shop.available() == 4


@pytest.mark.parametrize(
    "make_id",
    [
        pytest.param(uuid7, id="UUIDv7"),
        pytest.param(lambda: str(uuid.uuid4()), id="UUIDv4"),
        pytest.param(lambda: uuid7(age_milliseconds=HOUR), id="UUIDv7 of an hour ago"),
    ],
)
async def test_at_two_servers_at_once_one_of_two_bodies_takes_effect(pair: Any, make_id: Any) -> None:
    """Ten ids, each sent five times with either body to either server; per id only one body ever wins."""
    first_target, second_target = pair.targets
    async with stubs_of(first_target) as first, stubs_of(second_target) as second:
        shop = await open_shop(first, units=100)
        ids = [make_id() for _ in range(10)]
        calls = [
            (
                request_id,
                units,
                stubs.inventory.CreateReservation(shop.demand((shop.sku, units), request_id=request_id)),
            )
            for _ in range(5)
            for request_id in ids
            for stubs in (first, second)
            for units in (1, 2)
        ]
        outcomes = await together(answer_or_refusal(call) for _, _, call in calls)
        winners: dict[str, set[tuple[int, str]]] = {request_id: set() for request_id in ids}
        firsts = 0
        for (request_id, units, _), outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, Refusal):
                assert outcome == reused(request_id, "lines[0].quantity")
            else:
                winners[request_id].add((units, outcome.reservation.reservation_id))
                firsts += not outcome.replayed
        assert firsts == len(ids)
        assert [len(won) for won in winners.values()] == [1] * len(ids)
        assert await shop.available() == 100 - sum(units for won in winners.values() for units, _ in won)


@every_mutation
async def test_a_uuid7_older_than_the_retention_is_refused(stubs: Any, mutation: Mutation) -> None:
    shop = await open_shop(stubs, units=50)
    old = uuid7(age_milliseconds=31 * MILLISECONDS_PER_DAY)
    request = await prepared(mutation, shop, old)
    before = await state_of(shop)
    assert await refusal_of(mutation.method(stubs)(request)) == refused_as(
        "REQUEST_ID_TOO_OLD", request_id=old, retention_seconds=str(30 * 24 * 60 * 60)
    )
    assert await state_of(shop) == before


@every_mutation
async def test_a_uuid7_from_the_future_is_refused(stubs: Any, mutation: Mutation) -> None:
    """A time that no clock of the caller's can honestly have: such an id would outlive the retention."""
    shop = await open_shop(stubs, units=50)
    request = await prepared(mutation, shop, uuid7(age_milliseconds=-11 * MINUTE))
    before = await state_of(shop)
    assert await refusal_of(mutation.method(stubs)(request)) == invalid("request_id")
    assert await state_of(shop) == before


async def test_first_answers_outlive_the_server_the_writer_and_the_sequencer(killable: Any) -> None:
    """After each kill every mutation is sent again, by ids of both kinds, and changes nothing."""
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=50)
        asked: list[tuple[Mutation, Any, Any]] = []
        for mutation in MUTATIONS:
            for request_id in (uuid7(), str(uuid.uuid4())):
                request = await prepared(mutation, shop, request_id)
                asked.append((mutation, request, await mutation.method(stubs)(request)))
        before = await state_of(shop)

    for kill in ("kill_valkey", "kill_writer", "kill_postgres", "kill_server"):
        getattr(killable, kill)()
        if kill == "kill_server":
            killable.start_server()
        async with stubs_of(killable.target) as stubs:
            for mutation, request, first in asked:
                assert await patiently(mutation.method(stubs), request) == as_replay(first), kill
            assert await state_of(shop.seen_through(stubs)) == before
            mutation, request, _ = asked[0]
            other = copy.deepcopy(request)
            other.items[0].scale = 3
            assert await refusal_of(mutation.method(stubs)(other)) == reused(request.request_id, "items[0].scale")
