"""The lock of a segment's ledger writer: it is free within seconds, however its holder goes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from holdfast.inventory.v1.catalog_pb2 import Item
from holdfast.inventory.v1.catalog_service_pb2 import PutItemsRequest

from api.calls import patiently, stubs_of
from api.ids import some, uuid7
from api.shop import open_shop
from cluster.conftest import SEGMENTS
from holdfast_server.ledger.connections import connection_arguments
from holdfast_server.settings import Settings
from robustness.clients import Clients, assert_book_and_ledger_agree
from robustness.gate import Gate, Mode, gate_before
from support.authority import ServerProcess
from support.cluster import ValkeyCluster
from support.servers import Servers

SEGMENT = SEGMENTS[0]
SILENCE_SECONDS = 1.5
# What a take-over may cost beyond that: the other writer's next try for the lock, and its first commit.
SLACK_SECONDS = 10.0
UNITS = 50
ROUNDS = 12
_ENVIRONMENT = {"HOLDFAST_WRITER_SILENCE_SECONDS": str(SILENCE_SECONDS)}
# The holder goes, and comes back where it can. Each time the other one is the next holder.
ENDS = ("cut_off", "frozen", "writer_frozen", "killed")


@dataclass(slots=True)
class Host:
    """A server with its ledger writer, and the gate between it and Postgres."""

    process: ServerProcess
    gate: Gate

    def go(self, end: str) -> None:
        if end == "cut_off":
            self.gate.set(Mode.HELD)
        for pid in self._pids(end):
            os.kill(pid, signal.SIGKILL if end == "killed" else signal.SIGSTOP)

    def come_back(self, end: str) -> None:
        self.gate.set(Mode.OPEN)
        for pid in self._pids(end) if end != "killed" else ():
            os.kill(pid, signal.SIGCONT)

    def _pids(self, end: str) -> list[int]:
        assert self.process.writer_pid is not None
        both = [self.process.writer_pid, self.process.pid]
        return {"cut_off": [], "writer_frozen": both[:1]}.get(end, both)


@asynccontextmanager
async def host(postgres_url: str, redis_url: str) -> AsyncIterator[Host]:
    gate = await gate_before(postgres_url)
    process = await asyncio.to_thread(
        ServerProcess,
        postgres_url=gate.url(postgres_url),
        redis_url=redis_url,
        segment=SEGMENT,
        environment=_ENVIRONMENT,
    )
    try:
        yield Host(process, gate)
    finally:
        await gate.close()
        await asyncio.to_thread(process.kill)


def holders(postgres_url: str) -> list[int]:
    """The sessions that hold the lock."""
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
    return [pid for (pid,) in rows]


async def test_another_hosts_writer_takes_over_within_seconds(servers: Servers, cluster: ValkeyCluster) -> None:
    """A process that stands still has a kernel that answers keepalives; a host that is cut off ends no connection.

    Taken out by: `holder.is_silent` not asked in LedgerWriter._check_and_wait_for_lock.
    """
    url = servers.new_database("lease")
    cluster.flush()
    async with host(url, cluster.url) as first, host(url, cluster.url) as second:
        for turn, end in enumerate(ENDS):
            holder, other = (second, first) if turn % 2 else (first, second)
            await _takes_over(url, holder, other, end)


async def _takes_over(url: str, holder: Host, other: Host, end: str) -> None:
    """The holder goes under the load of clients of the other one."""
    async with stubs_of(other.process.target) as stubs, stubs_of(holder.process.target) as back:
        # The segment may be about to be opened by its next holder.
        item = PutItemsRequest(request_id=uuid7(), items=[Item(sku=some("sku"))])
        await patiently(stubs.catalog.PutItems, item)
        shop = await open_shop(stubs, units=UNITS)
        clients = Clients(shop, lambda: stubs, seed=1)
        trades = [asyncio.create_task(clients.trade(ROUNDS)) for _ in range(4)]
        await _until_answered(clients, 10)
        before = holders(url)
        holder.go(end)
        began = time.monotonic()
        async with asyncio.timeout(30):
            while await asyncio.to_thread(holders, url) in ([], before):  # noqa: ASYNC110 - it is for Postgres to end
                await asyncio.sleep(0.02)
        await _until_answered(clients, 1)
        seconds = time.monotonic() - began
        assert seconds < SILENCE_SECONDS + SLACK_SECONDS, f"{end}: {seconds:.1f} s"
        holder.come_back(end)
        await asyncio.gather(*trades)
        await assert_book_and_ledger_agree(shop, stubs, clients.book, units=UNITS)
        if end != "killed":
            await patiently(back.inventory.CreateReservation, shop.one_unit())
        assert len(holders(url)) == 1


async def _until_answered(clients: Clients, count: int) -> None:
    until = clients.book.answers + count
    async with asyncio.timeout(60):
        while clients.book.answers < until:  # noqa: ASYNC110 - other tasks have them
            await asyncio.sleep(0.01)


def test_postgres_itself_looks_whether_a_session_has_anybody_left(servers: Servers) -> None:
    """As it does for a host that vanished while it is being answered. Taken out by: no _SERVER_KEEPALIVE."""
    settings = Settings(postgres_url=servers.postgres_url)
    with psycopg.connect(**connection_arguments(settings, name="test")) as connection:
        found: dict[str, Any] = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        }
    assert [int(value) for (value,) in found.values()] == [5, 2, 3]
