"""A batch that is slow holds up nobody, and whoever is in it is answered all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from holdfast_client import reservation_batches
from unit.client.batching_cases import ALONE, CREATED, TOGETHER, ask, client_of, happened, lone_calls
from unit.client.scripted import PATIENCE_SECONDS, Held, ScriptedAuthority, Silence, status_of

FAULT = status_of(grpc.StatusCode.INTERNAL, "INTERNAL")


async def test_a_batch_that_is_slow_holds_up_nobody(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 0.01)
    held = Held(CREATED)
    authority.will_answer(ALONE, held, CREATED, CREATED)
    async with client_of(authority, max_under_way=1) as client:
        slow = ask(client, "slow")
        await happened(held.arrived)
        await asyncio.wait_for(ask(client, "next"), PATIENCE_SECONDS)
        assert not slow.done()
        held.end()
        await slow
        # Its place was given back once, and not again when it ended.
        assert client._batches is not None
        await ask(client, "last")
        assert client._batches._under_way == 0


async def test_the_parts_of_a_slow_batch_that_was_refused_are_sent(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 0.01)
    held = Held(FAULT)
    authority.will_answer(TOGETHER, held)
    authority.will_answer(ALONE, CREATED, CREATED, CREATED)
    async with client_of(authority, max_under_way=1) as client:
        slow = [ask(client, name) for name in ("a", "b")]
        await happened(held.arrived)
        # Once this one is answered, the place of the slow batch was given back, and nothing else is under way.
        await asyncio.wait_for(ask(client, "next"), PATIENCE_SECONDS)
        held.end()
        answers = await asyncio.wait_for(asyncio.gather(*slow), PATIENCE_SECONDS)
    assert [answer.reservation.order_id for answer in answers] == ["a", "b"]
    assert sorted(lone_calls(authority)) == ["a", "b", "next"]


async def test_the_parts_of_a_slow_batch_are_sent_in_time_although_others_hold_every_place(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 0.01)
    held, stuck = Held(FAULT), Silence()
    authority.will_answer(TOGETHER, held)
    authority.will_answer(ALONE, stuck, CREATED, CREATED)
    async with client_of(authority, max_under_way=1) as client:
        slow = [ask(client, name, deadline_seconds=4.0) for name in ("a", "b")]
        await happened(held.arrived)
        await asyncio.sleep(0.05)
        monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 10 * PATIENCE_SECONDS)
        ask(client, "stuck")
        await happened(stuck.arrived)
        held.end()
        answers = await asyncio.gather(*slow)
    assert [answer.reservation.order_id for answer in answers] == ["a", "b"]


async def test_a_call_with_a_short_deadline_is_sent_although_every_place_is_held(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 10 * PATIENCE_SECONDS)
    stuck = [Silence(), Silence()]
    authority.will_answer(ALONE, *stuck)
    authority.will_answer(TOGETHER, CREATED)
    async with client_of(authority, max_under_way=2) as client:
        for number in range(2):
            ask(client, f"stuck-{number}")
            await happened(stuck[number].arrived)
        quick = ask(client, "quick", deadline_seconds=4.0)
        await asyncio.sleep(0)
        # One that has more time does not make it wait for longer.
        ask(client, "patient")
        assert (await quick).reservation.order_id == "quick"


async def test_a_call_with_a_short_deadline_is_sent_although_others_went_before_it(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 10 * PATIENCE_SECONDS)
    stuck = [Silence(), Silence()]
    authority.will_answer(ALONE, *stuck, CREATED)
    async with client_of(authority, max_under_way=1, max_requests=1) as client:
        ask(client, "stuck-0")
        await happened(stuck[0].arrived)
        ask(client, "stuck-1")
        assert (await ask(client, "quick", deadline_seconds=4.0)).reservation.order_id == "quick"


async def test_the_batch_that_is_under_way_for_longest_makes_way(
    authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 10 * PATIENCE_SECONDS)
    stuck = [Silence() for _ in range(4)]
    authority.will_answer(ALONE, *stuck, CREATED)
    async with client_of(authority, max_under_way=4) as client:
        assert client._batches is not None
        for number in range(4):
            ask(client, f"stuck-{number}")
            await happened(stuck[number].arrived)
        await ask(client, "quick", deadline_seconds=4.0)
        without_place = [batch.tries[0].body for batch in client._batches._batches if batch.place is None]
    assert without_place == [authority.heard(ALONE)[0].request.SerializeToString()]


@pytest.mark.parametrize(
    ("remaining_seconds", "wait_seconds"),
    [(15.0, 1.0), (4.0, 1.0), (2.0, 0.5), (0.5, 0.125), (0.03, 0.02)],
)
def test_a_call_waits_for_a_place_as_long_as_it_can_afford(remaining_seconds: float, wait_seconds: float) -> None:
    assert reservation_batches._affordable_seconds(remaining_seconds) == wait_seconds


async def test_slow_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservation_batches, "SLOW_BATCH_SECONDS", 0.01)
    under_way: list[asyncio.Future[bytes]] = []

    async def be_silent(*_: Any, **__: Any) -> bytes:
        under_way.append(asyncio.get_running_loop().create_future())
        return await under_way[-1]

    async with client_of(max_under_way=2, max_slow=3) as client:
        monkeypatch.setattr(client._calls, "try_once", be_silent)
        calls = []
        for number in range(12):
            calls.append(ask(client, str(number)))
            await asyncio.sleep(0.03)
        assert len(under_way) == 5
        # What waited goes out together when one has ended.
        under_way[0].set_result(b"")
        await calls[0]
        await asyncio.sleep(0.03)
        assert len(under_way) == 6
        assert [call.done() for call in calls] == [True] + [False] * 11
