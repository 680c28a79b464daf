"""Real parts with gates between them: servers with their ledger writers, Postgres, Valkey, and ways to break each.

    clients -> front gate -> server processes -> postgres gate -> Postgres
                                              -> redis gate    -> Valkey, or one gate for each node of a cluster

A fault breaks something and may mend it; `heal` mends whatever is left broken.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import psycopg
import redis
from holdfast.inventory.v1.audit_service_pb2 import ListSegmentsRequest
from holdfast.inventory.v1.catalog_pb2 import Channel, Item, Location, Pool
from holdfast.inventory.v1.catalog_service_pb2 import (
    PutChannelsRequest,
    PutItemsRequest,
    PutLocationsRequest,
    PutPoolsRequest,
)

from api.calls import CHANNEL_OPTIONS
from api.ids import uuid7
from api.shop import Stubs, assert_ledger_is_sound
from holdfast_server.decide.keys import SegmentKeys
from robustness.books import Books, read_books
from robustness.gate import Gate, Gates, Mode, gate_before
from support.authority import ServerProcess
from support.cluster import ValkeyCluster, choose_ports
from support.servers import Servers

SEGMENT = "robust"
CHANNEL = "web"
LOCATION = "store-1"
_RECOVERY_SECONDS = 60.0
_POLL_SECONDS = 0.02


class World:
    """Everything that runs. Every process in it was started by it, and ends with it."""

    def __init__(
        self, servers: Servers, postgres_gate: Gate, redis_gate: Gate, front: Gate, cluster: ValkeyCluster | None
    ) -> None:
        self.servers = servers
        self.valkeys = cluster
        self.postgres_gate, self.redis_gate, self.front = postgres_gate, redis_gate, front
        self.postgres_url = servers.new_database("robust")
        self.processes: list[ServerProcess] = []
        self.stopped_pids: set[int] = set()
        self.environment: dict[str, str] = {}
        self._channel: grpc.aio.Channel | None = None
        self._stubs: Stubs | None = None
        self._clients: list[redis.Redis] = []
        self._gates: list[Gate] = []

    # The parts.

    async def start_server(self, **environment: str) -> ServerProcess:
        """Starts a server process, to which clients are led from now on."""
        process = await asyncio.to_thread(
            ServerProcess,
            postgres_url=self.postgres_gate.url(self.postgres_url),
            redis_url=self.redis_url,
            segment=SEGMENT,
            environment=self.environment | environment,
        )
        self.processes.append(process)
        self.lead_clients_to(process)
        return process

    @property
    def redis_url(self) -> str:
        """Leads servers to Valkey through the gate."""
        return self.redis_gate.url(self.servers.redis_url) if self.valkeys is None else self.valkeys.url

    @property
    def cluster(self) -> ValkeyCluster:
        """The cluster, in a world that has one."""
        assert self.valkeys is not None
        return self.valkeys

    async def kill_valkey(self) -> None:
        """Kills the Valkey that decides for the segment. It comes back empty at once, as a supervisor sees to it."""
        if self.valkeys is None:
            await asyncio.to_thread(self.servers.kill_valkey)
            return
        owner = await asyncio.to_thread(self.valkeys.owner, SEGMENT)
        await asyncio.to_thread(owner.kill)
        await asyncio.to_thread(owner.start)

    def lead_clients_to(self, process: ServerProcess) -> None:
        host, _, port = process.target.rpartition(":")
        self.front.lead_to(host, int(port))

    @property
    def server(self) -> ServerProcess:
        """The server that was started last and is alive."""
        return [process for process in self.processes if process.is_alive][-1]

    @property
    def stubs(self) -> Stubs:
        """The services, through the front gate."""
        assert self._stubs is not None
        return self._stubs

    async def connect(self) -> None:
        self._channel = grpc.aio.insecure_channel(
            self.front.target, options=[*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        )
        self._stubs = Stubs(self._channel)

    def kill_server(self) -> None:
        """Kills a server process at once; its writer ends by itself."""
        self.server.kill()

    async def replace_server(self, **environment: str) -> ServerProcess:
        """Kills the server, and starts another."""
        await asyncio.to_thread(self.kill_server)
        return await self.start_server(**environment)

    def pause(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self.stopped_pids.add(pid)

    def resume(self, pid: int) -> None:
        self.stopped_pids.discard(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def redis(self) -> Any:
        """A connection of the fault's own to the Valkey that decides, past the gate; it is closed at the end."""
        if self.valkeys is not None:
            return self.valkeys.owner(SEGMENT).client
        client = redis.Redis.from_url(self.servers.redis_url, protocol=2)
        self._clients.append(client)
        return client

    def postgres(self) -> psycopg.Connection[Any]:
        """A connection of the fault's own, past the gate."""
        return psycopg.connect(self.postgres_url, autocommit=True)

    def take_the_writers_lock(self) -> None:
        """Ends the session that holds the lock of the ledger writers, as the end of a keepalive would."""
        with self.postgres() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (self.backend_of_the_writer(),))

    def backend_of_the_writer(self) -> int | None:
        """The pid of the session that holds the lock of the ledger writers, if there is one."""
        with self.postgres() as connection:
            row = connection.execute(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone()
        return None if row is None else int(row[0])

    def make_the_writers_lock_meaningless(self) -> None:
        """Gives the lock of the ledger writers to everybody, as a pooler does that hands sessions on."""
        with self.postgres() as connection:
            connection.execute("CREATE SCHEMA shadow")
            connection.execute(
                "CREATE FUNCTION shadow.pg_try_advisory_lock(integer, integer) RETURNS boolean LANGUAGE sql"
                " AS 'SELECT true'"
            )
            name = connection.info.dbname
            connection.execute(f'ALTER DATABASE "{name}" SET search_path = shadow, pg_catalog, "$user", public')
        self.postgres_gate.cut()

    def epoch(self) -> int:
        """The epoch of the segment by the ledger."""
        with self.postgres() as connection:
            row = connection.execute("SELECT epoch FROM segment WHERE segment = %s", (SEGMENT,)).fetchone()
        assert row is not None
        return int(row[0])

    def keys(self) -> SegmentKeys:
        """The keys of the epoch that the ledger is at."""
        return SegmentKeys(segment=SEGMENT, epoch=self.epoch())

    async def gate_to(self, host: str, port: int) -> Gate:
        """Opens one more gate; it is closed at the end."""
        gate = await Gate(host, port).open()
        self._gates.append(gate)
        return gate

    # Recovery and the end.

    async def heal(self) -> None:
        """Opens every gate, lets every process run on, starts a server if none is alive, and waits until it decides."""
        for pid in list(self.stopped_pids):
            self.resume(pid)
        for gate in (self.postgres_gate, self.redis_gate, self.front):
            if gate.mode is not Mode.OPEN:
                gate.set(Mode.OPEN)
                gate.cut()
        if self.valkeys is not None:
            await asyncio.to_thread(self.valkeys.mend)
        if not any(process.is_alive for process in self.processes):
            await self.start_server()
        await self.until_open()

    async def until_open(self) -> None:
        """Waits until the segment decides and the ledger has all of it."""
        async with asyncio.timeout(_RECOVERY_SECONDS):
            while not await self._is_open():
                await asyncio.sleep(_POLL_SECONDS)

    async def _is_open(self) -> bool:
        try:
            answer = await self.stubs.audit.ListSegments(ListSegmentsRequest(), timeout=5)
        except grpc.aio.AioRpcError:
            return False
        return any(segment.segment == SEGMENT and segment.state == 1 for segment in answer.segments)

    async def books(self) -> Books:
        """Has the ledger verified, and reads it. Nobody may trade any more."""
        try:
            await assert_ledger_is_sound(self.stubs)
        except AssertionError as error:
            verdict = str(error)
        else:
            verdict = ""
        books = await asyncio.to_thread(read_books, self.postgres_url, SEGMENT)
        books.verdict = verdict
        return books

    async def close(self) -> None:
        for pid in list(self.stopped_pids):
            self.resume(pid)
        for client in self._clients:
            client.close()
        if self._channel is not None:
            await self._channel.close()
        for gate in (self.front, self.postgres_gate, self.redis_gate):
            gate.set(Mode.OPEN)
        for process in self.processes:
            if process.is_alive:
                await asyncio.to_thread(process.kill)
        for gate in (self.front, self.postgres_gate, self.redis_gate, *self._gates):
            await gate.close()
        if self.valkeys is not None:
            await asyncio.to_thread(self.valkeys.close)
        await asyncio.to_thread(self.servers.close)

    async def put_catalog(self, skus: list[str]) -> None:
        catalog = self.stubs.catalog
        await catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=[Item(sku=sku) for sku in skus]))
        locations = [Location(location=LOCATION)]
        await catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=locations))
        pools = [Pool(pool="pool", locations=[LOCATION])]
        await catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=pools))
        channels = [Channel(channel=CHANNEL, pool="pool")]
        await catalog.PutChannels(PutChannelsRequest(request_id=uuid7(), channels=channels))


@asynccontextmanager
async def open_world(folder: Path, *, on_cluster: bool = False, **environment: str) -> AsyncIterator[World]:
    """Starts servers of its own in a folder, one Valkey or a cluster of them, and one server process."""
    servers = await asyncio.to_thread(Servers, folder / "servers", with_valkey=not on_cluster)
    postgres_gate = await gate_before(servers.postgres_url)
    cluster: ValkeyCluster | None = None
    if on_cluster:
        ports = choose_ports()
        gates = await Gates([Gate("127.0.0.1", port) for port in ports]).open()
        # The nodes tell everybody, each other too, that they are reached through their gates.
        cluster = await asyncio.to_thread(ValkeyCluster, folder / "cluster", ports=ports, announced=gates.ports)
    redis_gate = gates if cluster is not None else await gate_before(servers.redis_url)
    front = await Gate("127.0.0.1", 9).open()
    world = World(servers, postgres_gate, redis_gate, front, cluster)
    world.environment = environment
    try:
        await world.start_server()
        await world.connect()
        await world.until_open()
        yield world
    finally:
        await world.close()
