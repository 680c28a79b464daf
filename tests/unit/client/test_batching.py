"""Reservations that are asked for at the same time travel together, and each is answered as if it went alone."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client import (
    Batching,
    DeadlineExceeded,
    HoldfastClient,
    HoldfastError,
    InsufficientStock,
    InternalFault,
    Overloaded,
    SegmentLoading,
    SyncHoldfastClient,
    reservation_batches,
)
from unit.client.batching_cases import (
    ALONE,
    CREATED,
    TOGETHER,
    Created,
    ask,
    ask_all,
    batches,
    client_of,
    happened,
    lone_calls,
    orders_in,
)
from unit.client.conftest import AT_ONCE, PATIENT
from unit.client.scripted import PATIENCE_SECONDS, Held, ScriptedAuthority, Silence, loading, short_of, status_of

TOO_LARGE = status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "", "Received message larger than max")
INVALID = status_of(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_calls_at_the_same_time_travel_together_and_each_gets_its_own_answer(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, CREATED)
    orders = [f"A-{number}" for number in range(20)]
    answers = await ask_all(client, *orders)
    assert [answer.reservation.order_id for answer in answers] == orders
    assert batches(authority) == [orders]
    assert not lone_calls(authority)


async def test_a_call_that_is_alone_goes_alone(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer(ALONE, CREATED, CREATED)
    for order_id in ("A-1", "A-2"):
        assert (await ask(client, order_id)).reservation.order_id == order_id
    assert lone_calls(authority) == ["A-1", "A-2"]
    assert not batches(authority)


async def test_what_gathers_while_calls_are_under_way_goes_out_when_one_is_answered(
    authority: ScriptedAuthority,
) -> None:
    held = Held(CREATED)
    authority.will_answer(ALONE, held)
    authority.will_answer(TOGETHER, CREATED)
    async with client_of(authority, max_under_way=1) as client:
        first = ask(client, "first")
        await happened(held.arrived)
        later = []
        for number in range(5):
            later.append(ask(client, f"later-{number}"))
            await asyncio.sleep(0)
        assert not batches(authority)
        held.end()
        await asyncio.gather(first, *later)
    assert batches(authority) == [[f"later-{number}" for number in range(5)]]


async def test_a_caller_that_is_answered_and_asks_again_travels_with_those_who_waited(
    authority: ScriptedAuthority,
) -> None:
    held = Held(CREATED)
    authority.will_answer(TOGETHER, held, CREATED)
    async with client_of(authority, max_under_way=1) as client:

        async def buy(name: str) -> None:
            await ask(client, f"{name}-1")
            await client.create_reservation(channel="WEB", order_id=f"{name}-2", lines=[("85123A", 1)])

        first = [asyncio.create_task(buy(name)) for name in ("a", "b")]
        await happened(held.arrived)
        waiting = ask(client, "c")
        held.end()
        await asyncio.gather(*first, waiting)
    assert batches(authority) == [["a-1", "b-1"], ["c", "a-2", "b-2"]]


async def test_what_waits_is_shared_among_the_batches_that_may_go(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "LEAST_SHARE", 4)
    authority.will_answer(TOGETHER, CREATED, CREATED)
    async with client_of(authority, max_under_way=2) as client:
        answers = await ask_all(client, *map(str, range(20)))
    assert [answer.reservation.order_id for answer in answers] == [str(number) for number in range(20)]
    assert sorted(map(len, batches(authority))) == [10, 10]


async def test_no_more_batches_are_under_way_than_may_be(authority: ScriptedAuthority) -> None:
    held = [Held(CREATED) for _ in range(2)]
    authority.will_answer(ALONE, *held, CREATED)
    async with client_of(authority, max_under_way=2) as client:
        calls = []
        for number in range(2):
            calls.append(ask(client, str(number)))
            await happened(held[number].arrived)
        calls.append(ask(client, "2"))
        await asyncio.sleep(0.1)
        assert len(lone_calls(authority)) == 2
        held[0].end()
        await calls[2]
        assert not calls[1].done()
        held[1].end()
        await asyncio.gather(*calls)


async def test_a_refusal_in_the_middle_is_that_of_its_call_alone(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    refusal = short_of(("85123A", 3, 2), offers=(("85123A", "85123B", 7),))
    authority.will_answer(TOGETHER, Created({"A-1": refusal}))
    authority.will_answer(ALONE, refusal)
    before, together, after = await ask_all(client, "A-0", "A-1", "A-2")
    (alone,) = await ask_all(client, "A-1")
    assert (before.reservation.order_id, after.reservation.order_id) == ("A-0", "A-2")
    for error in (together, alone):
        assert type(error) is InsufficientStock
    assert (together.code, together.reason, str(together)) == (alone.code, alone.reason, str(alone))
    assert (together.short_lines, together.offers) == (alone.short_lines, alone.offers)
    assert together.status == alone.status
    assert together.request_id == authority.heard(TOGETHER)[0].request.requests[1].request_id


async def test_a_deadline_ends_its_call_alone_with_the_error_of_any_other(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    held, silence = Held(CREATED), Silence()
    authority.will_answer(TOGETHER, held)
    authority.will_answer(ALONE, silence)
    patient, hasty = ask(client, "patient"), ask(client, "hasty", deadline_seconds=0.05, request_id="hasty-request")
    with pytest.raises(DeadlineExceeded) as together:
        await hasty
    assert not patient.done()
    held.end()
    assert (await patient).reservation.order_id == "patient"
    async with HoldfastClient(authority.target, caller="tests", batching=None) as plain:
        with pytest.raises(DeadlineExceeded) as alone:
            await ask(plain, "hasty", deadline_seconds=0.05, request_id="hasty-request")
    for error in (together.value, alone.value):
        assert (error.code, error.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "")
        assert (dict(error.metadata), error.retry_delay_seconds, error.request_id) == ({}, None, "hasty-request")


async def test_a_batch_lasts_as_long_as_the_longest_of_its_deadlines(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, CREATED)
    await asyncio.gather(ask(client, "a", deadline_seconds=60.0), ask(client, "b", deadline_seconds=600.0))
    assert 500.0 < authority.heard(TOGETHER)[0].remaining_seconds < 700.0


async def test_a_caller_that_is_cancelled_before_its_request_was_sent_drops_out(authority: ScriptedAuthority) -> None:
    held = Held(CREATED)
    authority.will_answer(ALONE, held)
    authority.will_answer(TOGETHER, CREATED)
    async with client_of(authority, max_under_way=1) as client:
        first = ask(client, "first")
        await happened(held.arrived)
        waiting = [ask(client, name) for name in ("a", "b", "c")]
        await asyncio.sleep(0)
        waiting[1].cancel()
        held.end()
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert isinstance(answers[2], asyncio.CancelledError)
    assert batches(authority) == [["a", "c"]]


async def test_callers_that_leave_in_the_turn_in_which_their_batch_goes_are_not_sent(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, CREATED)
    calls = [ask(client, name) for name in ("a", "b", "c")]
    await asyncio.sleep(0)
    calls[1].cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert batches(authority) == [["a", "c"]]


async def test_nothing_is_kept_of_callers_that_left_while_they_waited(authority: ScriptedAuthority) -> None:
    held = Held(CREATED)
    authority.will_answer(ALONE, held)
    async with client_of(authority, max_under_way=1) as client:
        first = ask(client, "first")
        await happened(held.arrived)
        for number in range(50):
            with pytest.raises(DeadlineExceeded):
                await ask(client, str(number), deadline_seconds=0.001)
        assert client._batches is not None
        assert not client._batches._waiting
        held.end()
        await first


async def test_a_caller_that_is_cancelled_afterwards_leaves_the_others_their_answers(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    held = Held(CREATED)
    authority.will_answer(TOGETHER, held)
    calls = [ask(client, name) for name in ("a", "b", "c")]
    await happened(held.arrived)
    calls[1].cancel()
    await asyncio.gather(calls[1], return_exceptions=True)
    assert not held.left.is_set()
    held.end()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert [answers[0].reservation.order_id, answers[2].reservation.order_id] == ["a", "c"]


async def test_a_batch_that_nobody_waits_for_is_cancelled(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    silence = Silence()
    authority.will_answer(TOGETHER, silence)
    authority.will_answer(ALONE, CREATED)
    calls = [ask(client, name) for name in ("a", "b")]
    await happened(silence.arrived)
    for call in calls:
        call.cancel()
    await happened(silence.left)
    assert (await ask(client, "next")).reservation.order_id == "next"


async def test_a_lost_batch_is_asked_again_under_the_same_ids_for_those_that_still_wait(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    held = Held(loading())
    authority.will_answer(TOGETHER, held, CREATED)
    calls = [ask(client, name) for name in ("a", "b", "c")]
    await happened(held.arrived)
    calls[1].cancel()
    await asyncio.gather(calls[1], return_exceptions=True)
    held.end()
    await asyncio.gather(*calls, return_exceptions=True)
    first, second = (call.request.requests for call in authority.heard(TOGETHER))
    assert list(second) == [first[0], first[2]]


async def test_only_what_could_not_be_answered_is_asked_again(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, Created({"b": loading(), "c": short_of(("85123A", 1, 0))}))
    authority.will_answer(ALONE, CREATED)
    answers = await ask_all(client, "a", "b", "c")
    assert [answers[0].reservation.order_id, answers[1].reservation.order_id] == ["a", "b"]
    assert isinstance(answers[2], InsufficientStock)
    (again,) = authority.heard(ALONE)
    assert again.request == authority.heard(TOGETHER)[0].request.requests[1]


async def test_the_tries_of_each_are_bounded(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer(TOGETHER, *[loading()] * AT_ONCE.max_tries)
    errors = await ask_all(client, "a", "b")
    assert [type(error) for error in errors] == [SegmentLoading] * 2
    sent = [request.request_id for request in authority.heard(TOGETHER)[-1].request.requests]
    assert [error.request_id for error in errors] == sent
    assert len(authority.heard(TOGETHER)) == AT_ONCE.max_tries


@pytest.mark.parametrize("whole", [INVALID, TOO_LARGE, status_of(grpc.StatusCode.INTERNAL, "INTERNAL")])
async def test_what_refuses_a_batch_as_a_whole_reaches_only_the_request_at_fault(
    authority: ScriptedAuthority, client: HoldfastClient, whole: Any
) -> None:
    class Fussy:
        """Refuses whatever the order "bad" is in."""

        def to(self, request: Any) -> Any:
            names = [one.order_id for one in getattr(request, "requests", [request])]
            return whole if "bad" in names else CREATED.to(request)

    authority.will_answer(TOGETHER, *[Fussy()] * 20)
    authority.will_answer(ALONE, *[Fussy()] * 20)
    names = [f"good-{number}" for number in range(11)]
    names.insert(7, "bad")
    answers = await ask_all(client, *names)
    error = answers.pop(7)
    assert isinstance(error, HoldfastError)
    assert error.code.value[0] == whole.code
    assert error.status == whole.SerializeToString()
    assert [answer.reservation.order_id for answer in answers] == [name for name in names if name != "bad"]
    assert "bad" in lone_calls(authority)
    assert error.request_id == next(
        call.request.request_id for call in authority.heard(ALONE) if call.request.order_id == "bad"
    )


async def test_a_limit_of_the_authority_is_told_to_all_and_not_tried_in_parts(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(TOGETHER, status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"))
    errors = await ask_all(client, "a", "b", "c")
    assert [type(error) for error in errors] == [Overloaded] * 3
    assert len({id(error) for error in errors}) == 3


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED]
)
async def test_who_may_not_ask_at_all_is_told_so_and_the_batch_is_not_tried_in_parts(
    authority: ScriptedAuthority, client: HoldfastClient, code: grpc.StatusCode
) -> None:
    authority.will_answer(TOGETHER, *[status_of(code, "")] * 3)
    authority.will_answer(ALONE, *[status_of(code, "")] * 3)
    errors = await ask_all(client, "a", "b", "c")
    assert [error.code for error in errors] == [code] * 3
    (sent,) = authority.heard(TOGETHER)
    assert [error.request_id for error in errors] == [request.request_id for request in sent.request.requests]
    assert not lone_calls(authority)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_requests": 2}, [["0", "1"], ["2", "3"]]),
        ({"max_lines": 7}, [["0", "1"], ["2", "3"]]),
        ({"max_bytes": 200}, [["0", "1"], ["2", "3"]]),
    ],
)
async def test_a_batch_is_no_larger_than_it_may_be(
    authority: ScriptedAuthority, limits: dict[str, int], expected: list[list[str]]
) -> None:
    authority.will_answer(TOGETHER, CREATED, CREATED)
    authority.will_answer(ALONE, CREATED)
    three_lines = [(f"SKU-{number}", 1) for number in range(3)]
    async with client_of(authority, max_under_way=1, **limits) as client:
        await asyncio.gather(*(ask(client, str(number), lines=three_lines) for number in range(5)))
    assert batches(authority) == expected
    assert lone_calls(authority) == ["4"]


async def test_a_request_that_is_larger_than_a_batch_goes_alone(authority: ScriptedAuthority) -> None:
    authority.will_answer(ALONE, CREATED)
    authority.will_answer(TOGETHER, CREATED)
    async with client_of(authority, max_under_way=1, max_lines=4) as client:
        large = [(f"SKU-{number}", 1) for number in range(9)]
        await asyncio.gather(ask(client, "large", lines=large), ask(client, "a"), ask(client, "b"))
    assert lone_calls(authority) == ["large"]
    assert batches(authority) == [["a", "b"]]


async def test_the_calls_that_wait_are_bounded(authority: ScriptedAuthority) -> None:
    held = Held(CREATED)
    authority.will_answer(TOGETHER, held)
    authority.will_answer(ALONE, CREATED)
    async with client_of(authority, max_waiting=3) as client:
        calls = [ask(client, name) for name in ("a", "b", "c")]
        await happened(held.arrived)
        with pytest.raises(Overloaded) as raised:
            await ask(client, "one too many", request_id="one-too-many")
        refusal = raised.value
        assert (refusal.limit, refusal.value, refusal.request_id) == ("max_waiting", 3, "one-too-many")
        held.end()
        await asyncio.gather(*calls)
        await ask(client, "next")


async def test_an_answer_without_a_result_is_a_fault_and_not_a_wait_for_ever(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    short = Created().to(pb.BatchCreateReservationsRequest(requests=[pb.CreateReservationRequest(order_id="a")]))
    authority.will_answer(TOGETHER, short)
    first, second = await ask_all(client, "a", "b")
    assert first.reservation.order_id == "a"
    assert type(second) is InternalFault


async def test_who_calls_is_said_for_a_batch_as_for_a_call(authority: ScriptedAuthority) -> None:
    authority.will_answer(TOGETHER, CREATED)
    async with HoldfastClient(authority.target, caller="checkout", on_behalf_of="customer 17850") as client:
        await ask_all(client, "a", "b")
    metadata = authority.heard(TOGETHER)[0].metadata
    assert metadata["holdfast-caller"] == "checkout"
    assert metadata["holdfast-on-behalf-of"] == "customer 17850"


async def test_closing_cancels_what_waits_and_what_is_under_way(authority: ScriptedAuthority) -> None:
    silence = Silence()
    authority.will_answer(ALONE, silence)
    client = client_of(authority, max_under_way=1)
    calls = [ask(client, "under way")]
    await happened(silence.arrived)
    calls += [ask(client, "waits-1"), ask(client, "waits-2")]
    await asyncio.sleep(0)
    await client.close()
    ends = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE_SECONDS)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 3
    assert len(asyncio.all_tasks()) == 1
    assert not batches(authority)
    with pytest.raises(RuntimeError, match="closed"):
        await ask(client, "afterwards")
    await client.close()


async def test_a_client_that_is_told_so_sends_each_alone(authority: ScriptedAuthority) -> None:
    authority.will_answer(ALONE, *[CREATED] * 5)
    async with HoldfastClient(authority.target, caller="tests", deadlines=PATIENT, batching=None) as client:
        answers = await ask_all(client, *"abcde")
    assert [answer.reservation.order_id for answer in answers] == list("abcde")
    assert sorted(lone_calls(authority)) == list("abcde")


def test_threads_travel_together_and_each_gets_its_own_answer(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    held = Held(CREATED)
    authority.will_answer(ALONE, held, *[CREATED] * 20)
    authority.will_answer(TOGETHER, *[CREATED] * 20)

    def reserve(name: str) -> str:
        answer = sync_client.create_reservation(channel="WEB", order_id=name, lines=[("85123A", 1)])
        return answer.reservation.order_id

    names = [f"thread-{number}" for number in range(20)]
    with ThreadPoolExecutor(max_workers=20) as pool:
        first = pool.submit(reserve, "first")
        assert held.arrived.wait(PATIENCE_SECONDS)
        assert list(pool.map(reserve, names)) == names
        held.end()
        assert first.result() == "first"
    calls = [*authority.heard(TOGETHER), *authority.heard(ALONE)]
    assert sorted(order for call in calls for order in orders_in(call)) == sorted([*names, "first"])
    assert len(calls) < len(names)


@pytest.mark.parametrize("name", ["max_requests", "max_lines", "max_bytes", "max_under_way", "max_slow", "max_waiting"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Batching(**{name: 0})
