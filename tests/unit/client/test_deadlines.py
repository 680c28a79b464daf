"""A deadline that is none is refused before anything is sent, by its name, whatever call it was given to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from holdfast.inventory.v1 import catalog_service_pb2

from holdfast_client import Deadlines, HoldfastClient
from holdfast_client.policy import MAX_DEADLINE_SECONDS
from unit.client.batching_cases import ALONE, CREATED, TOGETHER, ask, ask_all, batches, lone_calls
from unit.client.scripted import ScriptedAuthority

NO_DEADLINES = [0.0, -1.0, math.nan, math.inf, -math.inf, 1e10, 1e300, math.nextafter(MAX_DEADLINE_SECONDS, math.inf)]

Call = Callable[[HoldfastClient, float], Awaitable[Any]]
CALLS: list[Call] = [
    lambda client, seconds: client.get_item("85123A", deadline_seconds=seconds),
    lambda client, seconds: client.commit_reservation("main-1", deadline_seconds=seconds),
    lambda client, seconds: client.create_reservation(channel="WEB", lines=[("85123A", 1)], deadline_seconds=seconds),
    lambda client, seconds: client.batch_create_reservations([], deadline_seconds=seconds),
    lambda client, seconds: client.list_items_page(deadline_seconds=seconds),
    lambda client, seconds: anext(client.list_items(deadline_seconds=seconds)),
    lambda client, seconds: anext(client.verify_ledger(deadline_seconds=seconds)),
    lambda client, seconds: anext(client.stream_counts([], deadline_seconds=seconds)),
    lambda client, seconds: client.is_serving(deadline_seconds=seconds),
]


@pytest.mark.parametrize("seconds", NO_DEADLINES)
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Deadlines)])
def test_a_client_is_not_given_deadlines_that_are_none(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=name):
        Deadlines(**{name: seconds})


@pytest.mark.parametrize("seconds", NO_DEADLINES)
@pytest.mark.parametrize("call", CALLS)
async def test_no_call_is_sent_with_a_deadline_that_is_none(
    authority: ScriptedAuthority, client: HoldfastClient, call: Call, seconds: float
) -> None:
    with pytest.raises(ValueError, match="deadline_seconds"):
        await call(client, seconds)
    assert not authority.all_heard()


@pytest.mark.parametrize("seconds", NO_DEADLINES)
async def test_what_was_refused_does_not_travel_with_others(
    authority: ScriptedAuthority, client: HoldfastClient, seconds: float
) -> None:
    authority.will_answer(TOGETHER, CREATED)
    calls = [ask(client, "a"), ask(client, "refused", deadline_seconds=seconds), ask(client, "b")]
    with pytest.raises(ValueError, match="deadline_seconds"):
        await calls[1]
    assert [(await call).reservation.order_id for call in (calls[0], calls[2])] == ["a", "b"]
    assert batches(authority) == [["a", "b"]]
    assert not lone_calls(authority)


async def test_what_failed_before_it_was_sent_does_not_travel_with_others(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.will_answer(ALONE, CREATED)
    assert client._batches is not None

    def fail(*_: object) -> None:
        raise OverflowError("cannot count so far")

    with monkeypatch.context() as patch:
        patch.setattr(client._batches._due_times, "add", fail)
        (failed,) = await ask_all(client, "fails")
    assert isinstance(failed, OverflowError)
    await ask(client, "next")
    assert lone_calls(authority) == ["next"]
    assert client._batches._unanswered == 0


async def test_the_longest_deadline_is_one(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("GetItem", catalog_service_pb2.GetItemResponse())
    authority.will_answer(ALONE, CREATED)
    await client.get_item("85123A", deadline_seconds=MAX_DEADLINE_SECONDS)
    await ask(client, "a", deadline_seconds=MAX_DEADLINE_SECONDS)
    for (call,) in (authority.heard("GetItem"), authority.heard(ALONE)):
        assert 0.9 * MAX_DEADLINE_SECONDS < call.remaining_seconds <= 1.01 * MAX_DEADLINE_SECONDS
