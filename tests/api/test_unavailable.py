"""While a store is down the answer is UNAVAILABLE, typed, with the time to wait; then all goes on."""

import asyncio
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import AvailabilityKey, GetAvailabilityRequest

from api.calls import PATIENCE_SECONDS, PAUSE_SECONDS, answer_or_refusal, stubs_of
from api.refusals import Refusal
from api.shop import Shop, assert_ledger_is_sound, open_shop

# Which of them a call meets depends on how far the recovery has come.
WITHOUT_SEQUENCER = {"SEQUENCER_UNAVAILABLE", "SEGMENT_LOADING", "LEDGER_UNAVAILABLE"}
WITHOUT_LEDGER = {"LEDGER_UNAVAILABLE", "SEGMENT_LOADING"}


async def refusals_until_answered(method: Any, request: Any) -> list[Refusal]:
    """Asks again and again, as callers do, and keeps what they are told meanwhile."""
    refusals = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            outcome = await answer_or_refusal(method(request))
            if not isinstance(outcome, Refusal):
                return refusals
            refusals.append(outcome)
            await asyncio.sleep(PAUSE_SECONDS)


async def ask_for_a_unit(shop: Shop) -> list[Refusal]:
    return await refusals_until_answered(shop.stubs.inventory.CreateReservation, shop.one_unit())


async def ask_what_is_there(shop: Shop) -> list[Refusal]:
    key = AvailabilityKey(sku=shop.sku, channel=shop.channel)
    return await refusals_until_answered(shop.stubs.inventory.GetAvailability, GetAvailabilityRequest(key=key))


@pytest.mark.parametrize("ask", [ask_for_a_unit, ask_what_is_there])
@pytest.mark.parametrize(
    ("kill", "expected", "surely"),
    [
        ("kill_valkey", WITHOUT_SEQUENCER, "SEQUENCER_UNAVAILABLE"),
        ("kill_postgres", WITHOUT_LEDGER, "LEDGER_UNAVAILABLE"),
    ],
)
async def test_without_a_store_callers_are_told_to_come_back(
    fresh_authority: Any, ask: Any, kill: str, expected: set[str], surely: str
) -> None:
    async with stubs_of(fresh_authority.target) as stubs:
        shop = await open_shop(stubs, units=5)
        await shop.reserve((shop.sku, 1))
        await asyncio.to_thread(getattr(fresh_authority, kill))
        refusals = await ask(shop)
        assert {refusal.reason for refusal in refusals} <= expected
        assert {refusal.code for refusal in refusals} <= {grpc.StatusCode.UNAVAILABLE}
        assert all(refusal.retry_seconds for refusal in refusals), "each says when to come back"
        assert {refusal.metadata["segment"] for refusal in refusals} <= {"main"}
        if ask is ask_for_a_unit:
            assert surely in {refusal.reason for refusal in refusals}
        assert await shop.available() == 4 - (ask is ask_for_a_unit)
        await assert_ledger_is_sound(stubs)
