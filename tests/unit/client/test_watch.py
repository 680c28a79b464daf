"""A watch goes on by itself, from where it was taken, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2
from holdfast.inventory.v1 import watch_pb2

from holdfast_client import (
    HoldfastClient,
    MemoryTokenStore,
    RetryPolicy,
    SyncHoldfastClient,
    Unavailable,
    WatchEvent,
    WatchPolicy,
)
from holdfast_client.calls import Calls
from holdfast_client.watching.availability_inbox import AvailabilityInbox
from unit.client.scripted import PATIENCE_SECONDS, Pause, ScriptedAuthority, Silence, loading, status_of
from unit.client.watch_cases import (
    AT_ONCE,
    REFUSED,
    RecordingStore,
    Response,
    bookmark,
    changes,
    ended,
    number,
    reset,
    said,
    snapshot,
    synced,
    told_by,
    until_refused,
)

RPC = "WatchAvailability"
BEGINNING = (snapshot(number("A", 5, 3)), synced(3))


def watch(
    client: HoldfastClient, store: MemoryTokenStore | None = None, policy: WatchPolicy = AT_ONCE
) -> AsyncGenerator[WatchEvent, None]:
    return client.watch_availability(channels=["WEB"], store=store, policy=policy)


def resumed_from(authority: ScriptedAuthority) -> list[str]:
    """The token that each stream was begun with."""
    return [call.request.resume_token for call in authority.heard(RPC)]


@pytest.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    yield
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "holdfast-watch"] == []


async def test_a_watch_tells_the_snapshot_and_then_every_change(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    pause = Pause()
    authority.will_answer(RPC, [*BEGINNING, pause, changes(number("A", 4, 4), position=4), REFUSED])
    events = client.watch_availability(channels=["WEB"], locations=["LONDON"], skus=("A", "B"))
    told = await until_refused(events, pause)
    assert told == [("A", 5, 3), ("in step", 3), ("A", 4, 4), ("in step", 4)]
    asked = authority.heard(RPC)[0].request
    assert (asked.filter.channels, asked.filter.locations, asked.filter.skus) == (["WEB"], ["LONDON"], ["A", "B"])
    assert asked.resume_token == ""


@pytest.mark.parametrize(
    "end",
    [
        ended(),
        loading(),
        status_of(grpc.StatusCode.UNAVAILABLE, ""),
        status_pb2.Status(code=grpc.StatusCode.CANCELLED.value[0], message="dropped"),
        status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW"),
        status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        None,
    ],
    ids=["ended", "loading", "unavailable", "dropped", "too slow", "overloaded", "without a reason"],
)
async def test_a_watch_goes_on_from_its_last_token(
    authority: ScriptedAuthority, client: HoldfastClient, end: status_pb2.Status | None
) -> None:
    authority.will_answer(
        RPC,
        [*BEGINNING, *([end] if end else [])],
        [changes(number("A", 4, 5), position=5), REFUSED],
    )
    told = await until_refused(watch(client))
    assert [one for one in told if one[0] == "A"][-1] == ("A", 4, 5)
    assert resumed_from(authority) == ["", "token-3"]


async def test_a_watch_that_is_of_a_subscription_need_not_say_what_it_follows(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [*BEGINNING, ended()], [REFUSED])
    await until_refused(client.watch_availability(subscription="shop", policy=AT_ONCE))
    first, second = (call.request for call in authority.heard(RPC))
    assert first == watch_pb2.WatchAvailabilityRequest(subscription="shop")
    assert second == watch_pb2.WatchAvailabilityRequest(subscription="shop", resume_token="token-3")


async def test_the_token_in_a_refusal_is_not_gone_on_from(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    """The server may have written what the connection then lost."""
    authority.will_answer(RPC, [*BEGINNING, ended(token="token-9")], [REFUSED])
    await until_refused(watch(client))
    assert resumed_from(authority) == ["", "token-3"]


@pytest.mark.parametrize(
    "refusal",
    [
        status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"),
        status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
        *(
            status_of(code, "")
            for code in grpc.StatusCode
            if code.name not in {"OK", "UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"}
        ),
    ],
    ids=lambda status: str(status.code),
)
async def test_any_other_refusal_is_raised_after_what_came_before_it(
    authority: ScriptedAuthority, client: HoldfastClient, refusal: status_pb2.Status
) -> None:
    authority.will_answer(RPC, [*BEGINNING, refusal])
    told, error = await told_by(watch(client))
    assert error.code.value[0] == refusal.code
    assert told == [("A", 5, 3), ("in step", 3)]
    assert len(authority.heard(RPC)) == 1


async def test_a_snapshot_that_broke_off_is_told_once_and_whole(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(
        RPC,
        [snapshot(number("A", 5, 3), number("B", 7, 3)), ended()],
        [snapshot(number("A", 4, 4)), synced(4), REFUSED],
    )
    assert await until_refused(watch(client)) == [("A", 4, 4), ("in step", 4)]


async def test_half_of_what_belongs_together_is_never_told(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(
        RPC,
        [*BEGINNING, changes(number("A", 1, 6)), ended()],
        [changes(number("A", 2, 7)), changes(number("B", 2, 7), position=7), REFUSED],
    )
    told = await until_refused(watch(client))
    assert ("A", 1, 6) not in told
    assert told[-3:] == [("A", 2, 7), ("B", 2, 7), ("in step", 7)]


async def test_what_is_told_again_after_a_break_is_not_handed_out_again(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    again = [changes(number("A", 5, 3), number("B", 9, 2), position=4), ended()]
    older = [changes(number("A", 8, 2), number("B", 1, 1), position=5), REFUSED]
    authority.will_answer(RPC, [snapshot(number("A", 5, 3), number("B", 9, 2)), synced(3), ended()], again, older)
    told = await until_refused(watch(client))
    assert [one for one in told if one[0] in "AB"] == [("A", 5, 3), ("B", 9, 2)]


async def test_a_reset_tells_which_numbers_are_gone(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    pause = Pause()
    authority.will_answer(
        RPC,
        [snapshot(number("A", 5, 30), number("B", 2, 30)), synced(30), pause, ended("OTHER_LINEAGE")],
        [reset(), snapshot(number("A", 6, 2)), synced(2), REFUSED],
    )
    told = await until_refused(watch(client), pause)
    assert told[3:] == [("reset", "OTHER_LINEAGE"), ("A", 6, 2), ("gone", "B"), ("in step", 2)]


async def test_a_caller_that_is_slow_is_told_each_number_as_it_is_then(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, came = Pause(), asyncio.Event()
    take = AvailabilityInbox.take

    def noted(self: AvailabilityInbox, response: Response) -> bool:
        whole = take(self, response)
        if response.changes.resume_token == "token-5":
            came.set()
        return whole

    monkeypatch.setattr(AvailabilityInbox, "take", noted)
    later = [changes(number("B", units, version), position=version) for units, version in ((6, 4), (1, 5))]
    authority.will_answer(RPC, [snapshot(number("A", 5, 3), number("B", 7, 3)), synced(3), pause, *later, Pause()])
    async with aclosing(watch(client)) as events:
        assert said(await anext(events)) == ("A", 5, 3)
        pause.end()
        await asyncio.wait_for(came.wait(), PATIENCE_SECONDS)
        assert [said(await anext(events)) for _ in range(3)] == [("B", 1, 5), ("in step", 3), ("in step", 5)]


# The token.


async def test_a_token_is_saved_only_when_everything_up_to_it_was_taken(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [snapshot(number("A", 5, 3), number("B", 2, 3)), synced(3), Pause()])
    store = RecordingStore()
    async with aclosing(watch(client, store)) as events:
        for _ in range(3):
            await anext(events)
            assert store.saved == []
    assert store.saved == [], "the caller left in the middle of the last event"


async def test_a_token_is_saved_when_the_caller_comes_back_for_more(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    first, second = Pause(), Pause()
    authority.will_answer(RPC, [*BEGINNING, first, bookmark(3), second, bookmark(4), Pause()])
    store = RecordingStore()
    async with aclosing(watch(client, store)) as events:
        assert [said(await anext(events)) for _ in range(2)] == [("A", 5, 3), ("in step", 3)]
        more = asyncio.ensure_future(anext(events))
        assert await asyncio.to_thread(first.arrived.wait, PATIENCE_SECONDS)
        assert store.saved == ["token-3"]
        first.end()
        assert said(await more) == ("in step", 3)
        second.end()
        assert said(await anext(events)) == ("in step", 4)
        assert store.saved == ["token-3"], "a token that is where the last one was is not saved again"


async def test_a_watch_with_the_store_of_an_earlier_run_goes_on_there(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [bookmark(8), Pause()])
    async with aclosing(watch(client, RecordingStore("token-7"))) as events:
        assert said(await anext(events)) == ("in step", 8)
    assert resumed_from(authority) == ["token-7"]


async def test_what_the_store_raises_ends_the_watch(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    silence = Silence()

    class FullStore(MemoryTokenStore):
        async def save(self, token: str) -> None:
            assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
            raise OSError("no space left")

    authority.will_answer(RPC, [*BEGINNING, silence])
    with pytest.raises(OSError, match="no space"):
        async for _ in watch(client, FullStore()):
            pass
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


# Breaks that last, and silence.


async def test_a_break_that_the_first_new_try_mends_is_not_told_and_one_that_lasts_is(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [*BEGINNING, ended()], [bookmark(4), ended()], [loading()], [Pause()])
    told = []
    async with aclosing(watch(client)) as events:
        async for event in events:
            told.append(said(event))
            if told[-1][0] == "out of step":
                break
    assert told[:2] == [("A", 5, 3), ("in step", 3)] or told[:2] == [("A", 5, 3), ("in step", 4)]
    assert told[-1] == ("out of step", "SEGMENT_LOADING")
    assert [one for one in told if one[0] == "out of step"] == told[-1:]


async def test_a_watch_gives_up_after_so_many_tries_in_a_row_if_it_is_told_to(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    policy = WatchPolicy(initial_backoff_seconds=0.0, max_backoff_seconds=0.0, max_tries=2)
    authority.will_answer(RPC, [loading()], [*BEGINNING, ended()], [loading()], [bookmark(4)])
    with pytest.raises(Unavailable):
        async for _ in watch(client, policy=policy):
            pass
    assert len(authority.heard(RPC)) == 3, "a stream that told something begins the count anew"


async def test_a_stream_that_falls_silent_is_taken_for_dead(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*BEGINNING, silence], [changes(number("A", 4, 4), position=4), Pause()])
    loop = asyncio.get_running_loop()
    time_before = loop.time
    async with aclosing(watch(client)) as events:
        assert [said(await anext(events)) for _ in range(2)] == [("A", 5, 3), ("in step", 3)]
        more = asyncio.ensure_future(anext(events))
        assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
        loop.time = lambda: time_before() + 31.0  # type: ignore[method-assign]
        assert said(await more) == ("A", 4, 4)
        assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)
    assert resumed_from(authority) == ["", "token-3"]


async def test_the_waits_between_streams_double_up_to_a_bound_on_top_of_what_is_asked_for(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, float | None]] = []

    async def pause(_: Calls, *, bound_seconds: float, asked_seconds: float | None) -> None:
        waits.append((bound_seconds, asked_seconds))

    monkeypatch.setattr(Calls, "pause", pause)
    authority.will_answer(RPC, *([loading(0.5)] for _ in range(4)), [*BEGINNING, ended()], [REFUSED])
    await until_refused(watch(client, policy=WatchPolicy(initial_backoff_seconds=1, max_backoff_seconds=3)))
    assert waits == [(1, 0.5), (2, 0.5), (3, 0.5), (3, 0.5), (1, None)]


async def test_a_pause_is_drawn_up_to_its_bound_and_what_is_asked_for_is_bounded_too() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    calls = Calls("127.0.0.1:1", metadata=(), retry=RetryPolicy(), wait=sleep, draw=lambda low, high: low + high / 2)
    await calls.pause(bound_seconds=3.0, asked_seconds=0.5)
    await calls.pause(bound_seconds=3.0, asked_seconds=None)
    await calls.pause(bound_seconds=0.0, asked_seconds=1e9)
    assert slept == [2.0, 1.5, 60.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_silence_seconds": 0.0},
        {"initial_backoff_seconds": 2.0, "max_backoff_seconds": 1.0},
        {"max_tries": 0},
    ],
    ids=str,
)
def test_a_policy_that_cannot_be_is_a_mistake_of_the_program(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        WatchPolicy(**wrong)


async def test_a_single_name_where_names_belong_is_a_mistake_of_the_program(client: HoldfastClient) -> None:
    with pytest.raises(TypeError):
        client.watch_availability(channels="WEB")


# Nothing is left behind.


async def test_leaving_the_loop_ends_the_call_and_the_task(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*BEGINNING, silence])
    async for _ in watch(client):
        assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
        break
    gc.collect()
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


async def test_closing_the_watch_ends_its_task_at_once_and_its_call(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*BEGINNING, silence])
    before = asyncio.all_tasks()
    async with aclosing(watch(client)) as events:
        await anext(events)
        assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    left = asyncio.all_tasks() - before
    assert "holdfast-watch" not in {task.get_name() for task in left}
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)
    # What gRPC keeps for a call that was cancelled ends by itself.
    await asyncio.wait_for(asyncio.gather(*left), PATIENCE_SECONDS)


async def test_whoever_stops_listening_between_two_answers_ends_the_call(authority: ScriptedAuthority) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*BEGINNING, silence])
    calls = Calls(authority.target, metadata=(), retry=RetryPolicy())
    responses = calls.listen(
        watch_pb2.WatchAvailabilityRequest(), watch_pb2.WatchAvailabilityResponse, max_silence_seconds=PATIENCE_SECONDS
    )
    assert await anext(responses) == BEGINNING[0]
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    await responses.aclose()
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)
    await calls.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_cancelling_the_task_that_watches_ends_the_call(
    authority: ScriptedAuthority, client: HoldfastClient, begun: bool
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*(BEGINNING if begun else ()), silence])

    async def read() -> None:
        async for _ in watch(client):
            pass

    task = asyncio.create_task(read())
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(silence.left.wait, PATIENCE_SECONDS)


async def test_closing_the_client_ends_the_watch(authority: ScriptedAuthority) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*BEGINNING, silence])
    client = HoldfastClient(authority.target, caller="tests")
    events = watch(client)
    assert [said(await anext(events)) for _ in range(2)] == [("A", 5, 3), ("in step", 3)]
    more = asyncio.ensure_future(anext(events))
    assert await asyncio.to_thread(silence.arrived.wait, PATIENCE_SECONDS)
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await more


# Without an event loop.


def test_the_waiting_client_watches_with_a_plain_iterator(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    silence = Silence()
    store = RecordingStore()
    authority.will_answer(RPC, [*BEGINNING, ended()], [changes(number("A", 4, 4), position=4), silence])
    told = []
    events = sync_client.watch_availability(channels=["WEB"], store=store, policy=AT_ONCE)
    for event in events:
        told.append(said(event))
        if told[-1] == ("in step", 4):
            break
    assert silence.arrived.wait(PATIENCE_SECONDS)
    events.close()
    assert ("A", 4, 4) in told
    assert silence.left.wait(PATIENCE_SECONDS)
    assert "token-4" not in store.saved
    assert resumed_from(authority) == ["", "token-3"]
