"""A batch that is slow holds up nobody, and whoever is in it is answered all the same."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from holdfast_client import reservation_batches
from unit.client.batching_cases import ALONE, CREATED, TOGETHER, ask, client_of, happened, lone_calls
from unit.client.scripted import PATIENCE_SECONDS, Held, ScriptedAuthority, status_of

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
