"""kill -9 of every process at every named point, under the load of clients that do not give up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.audit_service_pb2 import ListSegmentsRequest

from api.calls import CHANNEL_OPTIONS, patiently, stubs_of
from api.shop import Shop, Stubs, open_shop
from holdfast_server import failpoints
from robustness.clients import Clients, assert_book_and_ledger_agree
from support.authority import ServerProcess, TestAuthority
from support.servers import Servers

UNITS = 60
CLIENTS = 8
ROUNDS = 12
# So many rounds that the point is reached a third time on the way, and so few that it takes seconds.
IN_SERVER = ("after_decide", "before_answer", "before_decide")
AT_COMMIT = ("after_commit", "before_commit", "before_ledger_transaction", "before_mark")
AT_REBUILD = ("after_fence", "after_load")


class Stage:
    """An authority of which processes die, and the way to whichever server is alive."""

    def __init__(self, authority: TestAuthority, channels: AsyncExitStack) -> None:
        self.authority = authority
        self._channels = channels
        self._stubs: Stubs | None = None

    @property
    def stubs(self) -> Stubs:
        assert self._stubs is not None
        return self._stubs

    async def start(self, **environment: str) -> ServerProcess:
        """Starts a server, which the clients use from now on."""
        process = await asyncio.to_thread(self.authority.start_server, **environment)
        options = [*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        channel = await self._channels.enter_async_context(grpc.aio.insecure_channel(process.target, options=options))
        self._stubs = Stubs(channel)
        return process

    async def wait_until_dead(self, process: ServerProcess) -> None:
        async with asyncio.timeout(60):
            while process.is_alive:
                await asyncio.sleep(0.02)

    async def restart_clean(self) -> None:
        """Kills what is left of the servers, and starts one in which nothing is armed."""
        for process in self.authority.processes:
            with suppress(ProcessLookupError):
                await asyncio.to_thread(process.kill)
        self.authority.processes.clear()
        await self.start()


@asynccontextmanager
async def _stage(servers: Servers, name: str) -> AsyncIterator[Stage]:
    authority = TestAuthority(servers, database=name.replace("_", ""), segment=name.replace("_", "")[:16])
    async with AsyncExitStack() as channels:
        try:
            yield Stage(authority, channels)
        finally:
            await asyncio.to_thread(authority.close)


@pytest.fixture(scope="module")
def kill_servers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Postgres and a Valkey for the tests of this file, of which each has its own database and segment."""
    running = Servers(Path(tmp_path_factory.mktemp("kills")) / "servers")
    yield running
    running.close()


def test_every_point_at_which_a_process_can_be_killed_is_in_this_file() -> None:
    assert {*IN_SERVER, *AT_COMMIT, *AT_REBUILD} == failpoints.EVERYDAY


@pytest.mark.parametrize("point", IN_SERVER)
async def test_a_server_that_is_killed_loses_and_doubles_nothing(kill_servers: Servers, point: str) -> None:
    """The server dies at the point; its clients ask the next one again, with the same ids."""
    async with _stage(kill_servers, point) as stage:
        await stage.start()
        shop = await open_shop(stage.stubs, units=UNITS)
        await stage.restart_clean()
        doomed = await stage.start(HOLDFAST_FAILPOINT=f"{point}:kill:25")
        clients = Clients(shop, lambda: stage.stubs, seed=1)
        trades = [asyncio.create_task(clients.trade(ROUNDS)) for _ in range(CLIENTS)]
        await stage.wait_until_dead(doomed)
        await stage.restart_clean()
        await asyncio.gather(*trades)
        await assert_book_and_ledger_agree(shop, stage.stubs, clients.book, units=UNITS)


@pytest.mark.parametrize("point", AT_COMMIT)
async def test_a_ledger_writer_that_is_killed_again_and_again_loses_and_doubles_nothing(
    kill_servers: Servers, point: str
) -> None:
    """Every writer dies the third time that it gets to the point; the server starts another, until a clean one."""
    async with _stage(kill_servers, point) as stage:
        await stage.start()
        shop = await open_shop(stage.stubs, units=UNITS)
        await stage.restart_clean()
        doomed = await stage.start(HOLDFAST_FAILPOINT=f"{point}:kill:3")
        stage.authority.processes.remove(doomed)
        await asyncio.to_thread(stage.authority.processes.pop().kill)
        stage.authority.processes.append(doomed)
        clients = Clients(shop, lambda: stage.stubs, seed=2)
        trades = [asyncio.create_task(clients.trade(ROUNDS)) for _ in range(CLIENTS)]
        await _wait_for_deaths(doomed, 2)
        await stage.restart_clean()
        await asyncio.gather(*trades)
        await assert_book_and_ledger_agree(shop, stage.stubs, clients.book, units=UNITS)


async def _wait_for_deaths(process: ServerProcess, count: int) -> None:
    async with asyncio.timeout(60):
        while sum("writer_died" in line for line in process.lines) < count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("point", AT_REBUILD)
async def test_a_ledger_writer_that_is_killed_in_a_rebuild_loses_and_doubles_nothing(
    fresh_servers: Servers, point: str
) -> None:
    """Valkey dies, and the writer in the middle of loading it anew.

    A point of the rebuild is reached once per rebuild, so the first try of every writer is its last here. What is
    loaded whole is not loaded again: then the second writer opens the epoch of the first.
    """
    async with _stage(fresh_servers, point) as stage:
        await stage.start()
        shop = await open_shop(stage.stubs, units=UNITS)
        clients = Clients(shop, lambda: stage.stubs, seed=3)
        trades = [asyncio.create_task(clients.trade(ROUNDS)) for _ in range(CLIENTS)]
        await _wait_for_answers(clients, 20)
        # Servers that are killed leave the work to the one whose writer dies in the rebuild.
        first = stage.authority.processes[-1]
        await asyncio.to_thread(first.kill)
        stage.authority.processes.clear()
        await asyncio.to_thread(fresh_servers.kill_valkey)
        doomed = asyncio.create_task(asyncio.to_thread(_start_doomed, stage.authority, point))
        await _wait_for_epochs(stage.authority, 2 if point == "after_load" else 3)
        await asyncio.to_thread(stage.authority.start_server)
        await stage.start()
        await _wait_for_deaths(await doomed, 1)
        await asyncio.gather(*trades)
        await assert_book_and_ledger_agree(shop, stage.stubs, clients.book, units=UNITS)


def _start_doomed(authority: TestAuthority, point: str) -> ServerProcess:
    return authority.start_server(HOLDFAST_FAILPOINT=f"{point}:kill")


async def _wait_for_answers(clients: Clients, count: int) -> None:
    async with asyncio.timeout(60):
        while clients.book.answers < count:
            await asyncio.sleep(0.01)


async def _wait_for_epochs(authority: TestAuthority, epoch: int) -> None:
    """Waits until so many rebuilds were begun."""
    import psycopg

    def begun() -> int:
        with psycopg.connect(authority.postgres_url) as connection:
            row = connection.execute("SELECT max(epoch) FROM segment").fetchone()
        return int(row[0]) if row else 0

    async with asyncio.timeout(60):
        while await asyncio.to_thread(begun) < epoch:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kills", [("kill_valkey", "kill_valkey"), ("kill_postgres",)], ids="+".join)
async def test_a_store_that_is_killed_loses_and_doubles_nothing(
    fresh_authority: TestAuthority, kills: tuple[str, ...]
) -> None:
    async with stubs_of(fresh_authority.target) as stubs:
        shop: Shop = await open_shop(stubs, units=UNITS)
        clients = Clients(shop, lambda: stubs, seed=4)
        trades = [asyncio.create_task(clients.trade(ROUNDS)) for _ in range(CLIENTS)]
        for number, kill in enumerate(kills, start=1):
            await _wait_for_answers(clients, 30 * number)
            await asyncio.to_thread(getattr(fresh_authority, kill))
        await asyncio.gather(*trades)
        await patiently(stubs.audit.ListSegments, ListSegmentsRequest())
        await assert_book_and_ledger_agree(shop, stubs, clients.book, units=UNITS)
