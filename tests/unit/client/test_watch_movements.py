"""A watch of movements tells every one, goes on by itself, never reads far ahead, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2
from holdfast.inventory.v1 import stock_pb2, watch_pb2

from holdfast_client import (
    HoldfastClient,
    InStep,
    MemoryTokenStore,
    MovementEvent,
    MovementReset,
    SyncHoldfastClient,
    Unavailable,
    UnknownSubscription,
    WatchPolicy,
)
from holdfast_client.errors import unavailable
from holdfast_client.watching.movement_inbox import MovementInbox
from unit.client.scripted import PATIENCE_SECONDS, Pause, ScriptedAuthority, Silence, loading, status_of
from unit.client.watch_cases import AT_ONCE, REFUSED, RecordingStore, at, ended, said, told_by, until_refused

RPC = "WatchMovements"
Response = watch_pb2.WatchMovementsResponse


def movement(position: int, line_number: int = 0) -> stock_pb2.Movement:
    return stock_pb2.Movement(revision=at(position), line_number=line_number, reference=f"order {position}")


def booked(*movements: stock_pb2.Movement, whole: bool = True) -> Response:
    """Movements, up to the position of the last; not whole, more of its operation follow."""
    batch = watch_pb2.MovementBatch(movements=movements)
    if whole:
        batch.revision.CopyFrom(movements[-1].revision)
        batch.resume_token = f"token-{batch.revision.position}"
    return Response(movements=batch)


def mark(position: int) -> Response:
    return Response(bookmark=watch_pb2.WatchBookmark(resume_token=f"token-{position}", revision=at(position)))


def reset(position: int, reason: str = "OTHER_LINEAGE") -> Response:
    why = watch_pb2.WatchResetReason.Value(f"WATCH_RESET_REASON_{reason}")
    return Response(reset=watch_pb2.MovementReset(reason=why, revision=at(position)))


def watch(client: HoldfastClient, store: MemoryTokenStore | None = None) -> AsyncGenerator[MovementEvent, None]:
    return client.watch_movements(store=store, policy=AT_ONCE)


def asked(authority: ScriptedAuthority) -> list[watch_pb2.WatchMovementsRequest]:
    return [call.request for call in authority.heard(RPC)]


async def is_set(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, PATIENCE_SECONDS)


@pytest.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    yield
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "holdfast-watch"] == []


# What is told.


async def test_every_movement_is_told_as_it_is_and_then_how_far_the_watch_has_come(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [mark(3), booked(movement(4), movement(4, 1), movement(6)), mark(9), REFUSED])
    events: list[MovementEvent] = []
    await until_refused(_noted(watch(client), events))
    assert events == [
        InStep(revision=at(3), resume_token="token-3"),
        movement(4),
        movement(4, 1),
        movement(6),
        InStep(revision=at(6), resume_token="token-6"),
        InStep(revision=at(9), resume_token="token-9"),
    ]


async def _noted(
    events: AsyncGenerator[MovementEvent, None], into: list[MovementEvent]
) -> AsyncGenerator[MovementEvent, None]:
    async for event in events:
        into.append(event)
        yield event


async def test_an_operation_that_comes_in_parts_is_told_part_by_part(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [mark(3), booked(movement(4), whole=False), booked(movement(4, 1)), REFUSED])
    assert await until_refused(watch(client)) == [("in step", 3), (4, 0), (4, 1), ("in step", 4)]


async def test_an_event_of_a_later_version_of_the_contract_is_passed_over(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [mark(3), Response(), mark(4), REFUSED])
    assert await until_refused(watch(client)) == [("in step", 3), ("in step", 4)]


async def test_a_reset_says_from_where_on_nothing_is_left_out(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(
        RPC,
        [mark(30), booked(movement(31)), ended("OTHER_LINEAGE")],
        [reset(20), ended()],
        [reset(20), mark(20), booked(movement(21)), REFUSED],
    )
    told = await until_refused(watch(client, store := RecordingStore()))
    # A stream that told the reset alone told nothing whole: the second in a row to break, if the caller was quick.
    told = [one for one in told if one[0] != "out of step"]
    again = ("reset", "OTHER_LINEAGE", 20)
    assert told == [("in step", 30), (31, 0), ("in step", 31), again, again, ("in step", 20), (21, 0), ("in step", 21)]
    assert [request.resume_token for request in asked(authority)] == ["", "token-31", "token-31"]
    assert store.saved == ["token-30", "token-31", "token-20", "token-21"]


def test_a_reset_for_a_reason_that_is_not_known_has_its_number() -> None:
    inbox = MovementInbox()
    inbox.take(Response(reset=watch_pb2.MovementReset(reason=77, revision=at(2))))  # type: ignore[arg-type]
    batch = inbox.batch()
    assert batch is not None
    assert batch.events == (MovementReset(reason="77", revision=at(2)),)


# What is asked for.


async def test_what_is_asked_for_reaches_the_authority_and_the_revision_only_until_there_is_a_token(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [loading()], [mark(7), ended()], [REFUSED])
    await until_refused(
        client.watch_movements(
            skus=("A", "B"),
            locations=["LONDON"],
            channels=["WEB"],
            after_revision=at(7),
            subscription="books",
            policy=AT_ONCE,
        )
    )
    of = watch_pb2.MovementFilter(skus=["A", "B"], locations=["LONDON"], channels=["WEB"])
    begun = watch_pb2.WatchMovementsRequest(filter=of, after_revision=at(7), subscription="books")
    resumed = watch_pb2.WatchMovementsRequest(filter=of, resume_token="token-7", subscription="books")
    assert asked(authority) == [begun, begun, resumed]


async def test_a_watch_with_the_store_of_an_earlier_run_goes_on_there_whatever_its_revision(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer(RPC, [mark(9), Pause()])
    events = client.watch_movements(after_revision=at(2), store=MemoryTokenStore("token-8"), policy=AT_ONCE)
    async with aclosing(events):
        assert said(await anext(events)) == ("in step", 9)
    assert asked(authority) == [watch_pb2.WatchMovementsRequest(resume_token="token-8")]


async def test_a_single_name_where_names_belong_is_a_mistake_of_the_program(client: HoldfastClient) -> None:
    with pytest.raises(TypeError):
        client.watch_movements(skus="A")


# Breaks and refusals.


@pytest.mark.parametrize(
    "end",
    [
        ended(token="token-99"),
        loading(),
        status_pb2.Status(code=grpc.StatusCode.CANCELLED.value[0], message="dropped"),
        status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW"),
        status_of(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        None,
    ],
    ids=["ended", "loading", "dropped", "too slow", "overloaded", "without a reason"],
)
async def test_a_watch_goes_on_from_the_last_token_that_came(
    authority: ScriptedAuthority, client: HoldfastClient, end: status_pb2.Status | None
) -> None:
    authority.will_answer(
        RPC,
        [mark(3), booked(movement(4)), booked(movement(5), whole=False), *([end] if end else [])],
        [booked(movement(5), movement(5, 1)), REFUSED],
    )
    told = await until_refused(watch(client))
    assert told == [("in step", 3), (4, 0), ("in step", 4), (5, 0), (5, 0), (5, 1), ("in step", 5)]
    assert [request.resume_token for request in asked(authority)] == ["", "token-4"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("UNKNOWN_SUBSCRIPTION", grpc.StatusCode.NOT_FOUND),
        ("UNKNOWN_SEGMENT", grpc.StatusCode.NOT_FOUND),
        ("STALE_REVISION", grpc.StatusCode.ABORTED),
        ("INVALID_FIELD", grpc.StatusCode.INVALID_ARGUMENT),
        ("LIMIT_EXCEEDED", grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_any_other_refusal_is_raised_after_what_came_before_it(
    authority: ScriptedAuthority, client: HoldfastClient, reason: str, code: grpc.StatusCode
) -> None:
    authority.will_answer(RPC, [mark(3), booked(movement(4)), status_of(code, reason)])
    told, error = await told_by(watch(client))
    assert (told, error.reason) == ([("in step", 3), (4, 0), ("in step", 4)], reason)
    assert isinstance(error, UnknownSubscription) == (reason == "UNKNOWN_SUBSCRIPTION")
    assert len(asked(authority)) == 1


async def test_a_break_that_lasts_is_told_once_and_the_watch_goes_on(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    pause = Pause()
    authority.will_answer(RPC, [mark(3), ended()], [loading()], [pause, booked(movement(4)), REFUSED])
    told = await until_refused(_ending(watch(client), pause, when="out of step"))
    assert told == [("in step", 3), ("out of step", "SEGMENT_LOADING"), (4, 0), ("in step", 4)]


async def _ending(
    events: AsyncGenerator[MovementEvent, None], pause: Pause, *, when: str
) -> AsyncGenerator[MovementEvent, None]:
    """The same events; the pause ends when the first of a kind has come."""
    async for event in events:
        if said(event)[0] == when:
            pause.end()
        yield event


def test_a_break_that_was_mended_before_it_was_told_is_not_told() -> None:
    inbox = MovementInbox()
    inbox.lose(unavailable("away"))
    inbox.take(mark(3))
    batch = inbox.batch()
    assert batch is not None
    assert [said(event) for event in batch.events] == [("in step", 3)]
    assert inbox.batch() is None


async def test_a_watch_gives_up_after_so_many_tries_in_a_row_if_it_is_told_to(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    policy = WatchPolicy(initial_backoff_seconds=0.0, max_backoff_seconds=0.0, max_tries=2)
    part = booked(movement(4), whole=False)
    authority.will_answer(RPC, [loading()], [mark(3), ended()], [part, ended()])
    told, error = await told_by(client.watch_movements(policy=policy))
    assert isinstance(error, Unavailable)
    assert told == [("in step", 3), (4, 0)]
    assert len(asked(authority)) == 3, "only a stream that told something whole begins the count anew"


# The token.


async def test_a_token_is_saved_only_when_everything_up_to_it_was_taken(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    pause = Pause()
    authority.will_answer(
        RPC, [booked(movement(4), whole=False), booked(movement(4, 1), movement(4, 2)), mark(4), pause, mark(5)]
    )
    store = RecordingStore()
    async with aclosing(watch(client, store)) as events:
        for expected in ((4, 0), (4, 1), (4, 2), ("in step", 4)):
            assert said(await anext(events)) == expected
            assert store.saved == []
        assert said(await anext(events)) == ("in step", 4)
        assert store.saved == ["token-4"]
        pause.end()
        assert said(await anext(events)) == ("in step", 5)
        assert store.saved == ["token-4"], "a token that is where the last one was is not saved again"
    assert store.saved == ["token-4"], "the caller left in the middle of the last event"


async def test_what_the_store_raises_ends_the_watch(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    silence = Silence()

    class FullStore(MemoryTokenStore):
        async def save(self, token: str) -> None:
            assert await is_set(silence.arrived)
            raise OSError("no space left")

    authority.will_answer(RPC, [mark(3), silence])
    with pytest.raises(OSError, match="no space"):
        async for _ in watch(client, FullStore()):
            pass
    assert await is_set(silence.left)


# A caller that is slow.


class Taken:
    """Counts the responses that were let in, and tells when the reader waits for the caller."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.waits = asyncio.Event()
        take, room = MovementInbox.take, MovementInbox.room

        def noted_take(inbox: MovementInbox, response: Response) -> bool:
            self.count += 1
            return take(inbox, response)

        async def noted_room(inbox: MovementInbox) -> None:
            self.waits.set()
            await room(inbox)

        monkeypatch.setattr(MovementInbox, "take", noted_take)
        monkeypatch.setattr(MovementInbox, "room", noted_room)


async def test_no_more_than_one_message_is_read_ahead_of_the_caller(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, arrived = Taken(monkeypatch), Silence()
    authority.will_answer(RPC, [*(booked(movement(n), movement(n, 1)) for n in range(1, 21)), arrived])
    async with aclosing(watch(client)) as events:
        for position in range(1, 21):
            for expected in ((position, 0), (position, 1), ("in step", position)):
                assert said(await anext(events)) == expected
                # Everything there is lies in the connection: whoever read on would have done so by now.
                assert await is_set(arrived.arrived)
                for _ in range(50):
                    await asyncio.sleep(0)
                assert taken.count <= position + 1


async def test_a_caller_that_does_not_come_back_holds_up_the_server_and_loses_nothing(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    long = "x" * 50_000
    count, sent = 400, 0

    class Counted:
        def __init__(self, position: int) -> None:
            self._told = booked(stock_pb2.Movement(revision=at(position), reason=long))

        def to(self, request: Any) -> Response:
            nonlocal sent
            sent += 1
            return self._told

    authority.will_answer(RPC, [*(Counted(n) for n in range(1, count + 1)), REFUSED])
    async with aclosing(watch(client)) as events:
        assert said(await anext(events)) == (1, 0)
        while True:
            before = sent
            await asyncio.sleep(0.3)
            if sent == before:
                break
        assert sent < count, "twenty megabytes were sent to somebody who does not take them"
        rest = await until_refused(events)
    assert [one for one in rest if one[0] != "in step"] == [(n, 0) for n in range(2, count + 1)]


async def test_the_time_that_the_caller_takes_is_no_silence(
    authority: ScriptedAuthority, client: HoldfastClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Taken(monkeypatch)
    authority.will_answer(RPC, [*(booked(movement(n)) for n in range(1, 5)), REFUSED])
    loop = asyncio.get_running_loop()
    time_before = loop.time
    async with aclosing(watch(client)) as events:
        assert said(await anext(events)) == (1, 0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while taken.count < 2:
                taken.waits.clear()
                await taken.waits.wait()
        loop.time = lambda: time_before() + 3600.0  # type: ignore[method-assign]
        await asyncio.sleep(0)
        assert [one[0] for one in await until_refused(events) if one[0] != "in step"] == [2, 3, 4]
    assert len(asked(authority)) == 1


async def test_a_stream_that_falls_silent_is_taken_for_dead(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [mark(3), silence], [booked(movement(4)), Pause()])
    loop = asyncio.get_running_loop()
    time_before = loop.time
    async with aclosing(watch(client)) as events:
        assert said(await anext(events)) == ("in step", 3)
        more = asyncio.ensure_future(anext(events))
        assert await is_set(silence.arrived)
        loop.time = lambda: time_before() + 31.0  # type: ignore[method-assign]
        assert said(await more) == (4, 0)
        assert await is_set(silence.left)


# Nothing is left behind.


async def test_leaving_the_loop_ends_the_call_and_the_task(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [booked(movement(1)), silence])
    async for _ in watch(client):
        assert await is_set(silence.arrived)
        break
    gc.collect()
    assert await is_set(silence.left)


@pytest.mark.parametrize("full", [False, True], ids=["that waits for more", "that waits for its caller"])
async def test_closing_the_watch_ends_its_task_at_once_and_its_call(
    authority: ScriptedAuthority, client: HoldfastClient, full: bool
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [booked(movement(1)), *([booked(movement(2)), booked(movement(3))] * full), silence])
    before = asyncio.all_tasks()
    async with aclosing(watch(client)) as events:
        await anext(events)
        assert await is_set(silence.arrived)
    left = asyncio.all_tasks() - before
    assert "holdfast-watch" not in {task.get_name() for task in left}
    assert await is_set(silence.left)
    # What gRPC keeps for a call that was cancelled ends by itself.
    await asyncio.wait_for(asyncio.gather(*left), PATIENCE_SECONDS)


@pytest.mark.parametrize("begun", [False, True])
async def test_cancelling_the_task_that_watches_ends_the_call(
    authority: ScriptedAuthority, client: HoldfastClient, begun: bool
) -> None:
    silence = Silence()
    authority.will_answer(RPC, [*([booked(movement(1))] * begun), silence])

    async def read() -> None:
        async for _ in watch(client):
            pass

    task = asyncio.create_task(read())
    assert await is_set(silence.arrived)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await is_set(silence.left)


async def test_closing_the_client_ends_the_watch(authority: ScriptedAuthority) -> None:
    silence = Silence()
    authority.will_answer(RPC, [mark(3), silence])
    client = HoldfastClient(authority.target, caller="tests")
    events = watch(client)
    assert said(await anext(events)) == ("in step", 3)
    more = asyncio.ensure_future(anext(events))
    assert await is_set(silence.arrived)
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await more


# Without an event loop.


def test_the_waiting_client_watches_with_a_plain_iterator(
    authority: ScriptedAuthority, sync_client: SyncHoldfastClient
) -> None:
    silence = Silence()
    store = RecordingStore()
    authority.will_answer(RPC, [mark(3), ended()], [booked(movement(4)), silence])
    told = []
    events = sync_client.watch_movements(store=store, policy=AT_ONCE)
    for event in events:
        told.append(said(event))
        if told[-1] == ("in step", 4):
            break
    assert silence.arrived.wait(PATIENCE_SECONDS)
    events.close()
    assert told == [("in step", 3), (4, 0), ("in step", 4)]
    assert silence.left.wait(PATIENCE_SECONDS)
    assert store.saved == ["token-3"]
