"""While a part is down or slow the answer is typed, says when to come back, and promises nothing."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import (
    AvailabilityKey,
    BatchCreateReservationsRequest,
    GetAvailabilityRequest,
)

from api.calls import PATIENCE_SECONDS, PAUSE_SECONDS, answer_or_refusal, patiently, stubs_of, together, until
from api.refusals import Refusal, read_status, refusal_of
from api.shop import Shop, assert_ledger_is_sound, open_shop
from support.authority import TestAuthority
from support.servers import Servers

# Which of them a call meets depends on how far the recovery has come.
WITHOUT_SEQUENCER = {
    "SEQUENCER_UNAVAILABLE",
    "SEGMENT_QUARANTINED",
    "SEGMENT_LOADING",
    "LEDGER_UNAVAILABLE",
}


async def refusals_until_answered(method: Any, request: Any) -> list[Refusal]:
    """Asks again and again, as callers do, and keeps what they are told meanwhile."""
    refusals: list[Refusal] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            outcome = await answer_or_refusal(method(request))
            if not isinstance(outcome, Refusal):
                return refusals
            refusals.append(outcome)
            await asyncio.sleep(PAUSE_SECONDS)


def what_is_there(shop: Shop) -> GetAvailabilityRequest:
    return GetAvailabilityRequest(key=AvailabilityKey(sku=shop.sku, channel=shop.channel))


@contextmanager
def ledger_writer_stopped(authority: Any) -> Iterator[None]:
    """The writer stands still, as on a machine that swaps or a disk that hangs, and then goes on."""
    pids = [process.writer_pid for process in authority.processes if process.is_alive]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("asked", ["for a unit", "what is there"])
async def test_without_the_sequencer_callers_are_told_to_come_back(killable: Any, asked: str) -> None:
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=5)
        inventory = stubs.inventory
        method, request = {
            "for a unit": (inventory.CreateReservation, shop.one_unit()),
            "what is there": (inventory.GetAvailability, what_is_there(shop)),
        }[asked]
        killable.kill_valkey()
        refusals = await refusals_until_answered(method, request)
        assert refusals, "an authority without its sequencer cannot decide"
        assert {refusal.reason for refusal in refusals} <= WITHOUT_SEQUENCER
        assert {refusal.code for refusal in refusals} == {grpc.StatusCode.UNAVAILABLE}
        assert {refusal.metadata["segment"] for refusal in refusals} == {"main"}
        assert all(refusal.retry_seconds for refusal in refusals), "each says when to come back"
        assert await shop.available() == (4 if asked == "for a unit" else 5)


async def test_while_the_ledger_is_silent_nothing_is_answered(killable: Any) -> None:
    """Durable reads: after two seconds without a sign from the ledger even a read is refused."""
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=5)
        request = shop.one_unit()
        seen: list[Refusal] = []

        async def a_read_is_refused() -> bool:
            outcome = await answer_or_refusal(stubs.inventory.GetAvailability(what_is_there(shop)))
            seen.extend([outcome] if isinstance(outcome, Refusal) else [])
            return bool(seen)

        with ledger_writer_stopped(killable):
            await until(a_read_is_refused, "the ledger to be silent for too long")
            seen.append(await refusal_of(stubs.inventory.CreateReservation(request)))
        for refusal in seen:
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
            assert refusal.metadata == {"segment": "main"}
            assert refusal.retry_seconds
        await patiently(stubs.inventory.CreateReservation, request)
        assert await patiently_available(shop) == 4


async def patiently_available(shop: Shop) -> int:
    answer = await patiently(shop.stubs.inventory.GetAvailability, what_is_there(shop))
    units: int = answer.availability.available_to_sell_quantity
    return units


@pytest.fixture(scope="module")
def narrow_authority(servers: Servers) -> Iterator[TestAuthority]:
    """An authority with the smallest limits."""
    limits = {
        "HOLDFAST_MAX_UNCOMMITTED_OPERATIONS": "8",
        "HOLDFAST_MAX_QUEUED_COMMANDS": "40",
        "HOLDFAST_COMMIT_WAIT_SECONDS": "2",
    }
    narrow = TestAuthority(servers, database="narrowqueue", segment="narrowqueue", environment=limits)
    narrow.start_server()
    yield narrow
    narrow.close()


async def buy_in_one_batch(shop: Shop, count: int) -> list[Any]:
    batch = BatchCreateReservationsRequest(requests=[shop.one_unit() for _ in range(count)])
    results = (await shop.stubs.inventory.BatchCreateReservations(batch)).results
    return [r.created if r.HasField("created") else read_status(r.refusal) for r in results]


def limit_reached(reason: str, limit: str, value: str) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    return grpc.StatusCode.RESOURCE_EXHAUSTED, reason, {"limit": limit, "value": value}


async def test_more_than_the_queue_holds_is_refused_and_the_limit_named(narrow_authority: Any) -> None:
    async with stubs_of(narrow_authority.target) as stubs:
        shop = await open_shop(stubs, units=100)
        for outcome in await buy_in_one_batch(shop, 41):
            assert isinstance(outcome, Refusal)
            told = (outcome.code, outcome.reason, outcome.metadata)
            assert told == limit_reached("OVERLOADED", "max_queued_commands", "40")
            assert outcome.retry_seconds
        assert await shop.available() == 100


async def test_more_than_the_ledger_has_room_for_is_refused_and_the_limit_named(narrow_authority: Any) -> None:
    async with stubs_of(narrow_authority.target) as stubs:
        shop = await open_shop(stubs, units=100)
        outcomes = await buy_in_one_batch(shop, 40)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        assert len(outcomes) - len(refusals) == 8
        for refusal in refusals:
            told = (refusal.code, refusal.reason, refusal.metadata)
            assert told == limit_reached("BACKLOG_FULL", "max_uncommitted_operations", "8")
            assert refusal.retry_seconds
        assert await shop.available() == 92
        await assert_ledger_is_sound(stubs)


async def test_a_full_backlog_is_told_at_once_while_the_ledger_stands_still(narrow_authority: Any) -> None:
    """It rests on nothing that a crash could take back, so it need not wait for the ledger, which may be long."""
    async with stubs_of(narrow_authority.target) as stubs:
        shop = await open_shop(stubs, units=100)
        with ledger_writer_stopped(narrow_authority):
            outcomes = await together(
                answer_or_refusal(stubs.inventory.CreateReservation(shop.one_unit())) for _ in range(40)
            )
        reasons = {outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)}
        assert reasons == {"BACKLOG_FULL", "LEDGER_UNAVAILABLE"}
        assert await patiently_available(shop) < 100, "those that fitted in took effect"
