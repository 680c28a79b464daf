"""Point 12: a hold that is not yet committed is as durable as anything else. There is no weaker mode."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from holdfast.inventory.v1 import reservation_pb2
from holdfast.inventory.v1.inventory_service_pb2 import CommitReservationRequest, GetReservationRequest

from api.calls import patiently, stubs_of
from api.ids import uuid7
from api.shop import assert_ledger_is_sound, open_shop
from integration.engine.conftest import MakeSettings
from integration.engine.rig import open_rig
from support.authority import TestAuthority
from support.servers import Servers

HELD = reservation_pb2.ReservationState.RESERVATION_STATE_HELD


async def test_point_12_a_hold_is_acknowledged_only_once_it_is_in_the_ledger(make_settings: MakeSettings) -> None:
    """However short it lasts, it waits like everything else.

    Taken out by: `_answer` called at once for a tick that changed something in Decider._run_tick.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        rig.writer.hold()
        waiting = asyncio.create_task(rig.hold_units(1, ttl_seconds=1))
        await rig.until(rig.writer.writer.is_held.is_set, "the writer to hold the batch")
        await rig.until(lambda: not rig.decider._queue, "the tick to pass")
        assert not waiting.done()
        assert rig.query("SELECT count(*) FROM reservation") == [(0,)]
        rig.writer.let_go()
        held = await waiting
        assert rig.query("SELECT reservation_id FROM reservation") == [(held.reservation_id,)]


async def test_point_12_held_reservations_survive_the_death_of_everything(fresh_servers: Servers) -> None:
    """Server, ledger writer, Postgres and Valkey are killed at once, right after the last hold was acknowledged.

    Taken out by: reservations not loaded in Loader._load_reservations (the hold is gone from the new sequencer).
    """
    authority = TestAuthority(fresh_servers, database="fresh", segment="main")
    server = authority.start_server()
    try:
        async with stubs_of(authority.target) as stubs:
            shop = await open_shop(stubs, units=20)
            held = [await shop.reserve((shop.sku, 1)) for _ in range(12)]
            _kill_everything(authority, server)
        authority.processes.clear()
        authority.start_server()
        async with stubs_of(authority.target) as stubs:
            again = shop.seen_through(stubs)
            for reservation in held:
                request = GetReservationRequest(reservation_id=reservation.reservation_id)
                found = (await patiently(stubs.inventory.GetReservation, request)).reservation
                assert found.state == HELD
                assert found == reservation
            assert await again.available() == 8
            for reservation in held:
                request = CommitReservationRequest(request_id=uuid7(), reservation_id=reservation.reservation_id)
                await patiently(stubs.inventory.CommitReservation, request)
            await assert_ledger_is_sound(stubs)
    finally:
        authority.close()


def _kill_everything(authority: TestAuthority, server: Any) -> None:
    os.kill(server.writer_pid, signal.SIGKILL)
    authority.kill_postgres()
    authority.kill_valkey()
    authority.kill_server()
