"""The inventory service as it is usually built: a gRPC server in front of Postgres that locks the row of the SKU.

For each request one transaction on a connection of a pool: SELECT ... FOR UPDATE with the check, UPDATE, INSERT.
A request_id takes effect once, by a unique constraint. It answers the same messages as the authority, for
reservations of one line, which are all that the load asks for; it has no watch, no expiry, no pools and no audit.

It is taken at its best: on uvloop if that is installed, with the number of connections that is fastest, and with the
whole transaction as one prepared statement, so that the row stays locked for its commit and no round trip. Needs
psycopg, which only the server's extra installs.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.calls import path_of
from holdfast_loadtest.baselines.answers import held
from holdfast_loadtest.baselines.memory import tune_memory
from holdfast_loadtest.baselines.own_schema import own_schema
from holdfast_loadtest.demand import HOT_SKUS
from holdfast_loadtest.event_loop import run_on_fastest_loop
from holdfast_loadtest.processes import line_from, running

if TYPE_CHECKING:
    from psycopg import AsyncConnection

START_SECONDS = 30.0
SCHEMA = "holdfast_loadtest_row_lock_server"
_POSTGRES_URL = "HOLDFAST_LOADTEST_POSTGRES_URL"

_TABLES = """
CREATE TABLE {schema}.stock_level (
    sku text PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL DEFAULT 0,
    CONSTRAINT reserved_within_on_hand CHECK (reserved <= on_hand)
) WITH (fillfactor = 50);
CREATE TABLE {schema}.reservation (
    reservation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id text NOT NULL CONSTRAINT request_takes_effect_once UNIQUE,
    sku text NOT NULL,
    quantity bigint NOT NULL,
    channel text NOT NULL,
    order_id text NOT NULL,
    create_time bigint NOT NULL
);
"""
_RESERVE = f"""
WITH locked AS (
    SELECT sku FROM {SCHEMA}.stock_level
    WHERE sku = %(sku)s AND on_hand - reserved >= %(quantity)s FOR UPDATE
), taken AS (
    UPDATE {SCHEMA}.stock_level AS level SET reserved = reserved + %(quantity)s
    FROM locked WHERE level.sku = locked.sku RETURNING level.sku
)
INSERT INTO {SCHEMA}.reservation (request_id, sku, quantity, channel, order_id, create_time)
SELECT %(request_id)s, sku, %(quantity)s, %(channel)s, %(order_id)s, %(create_time)s FROM taken
RETURNING reservation_id, create_time
"""
_FIND = f"SELECT reservation_id, create_time FROM {SCHEMA}.reservation WHERE request_id = %s"


def can_run() -> bool:
    """Says whether the Postgres driver is installed."""
    return importlib.util.find_spec("psycopg") is not None


class _Pool:
    """Connections, of which the one used last is taken first. Callers wait in the order in which they came."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: asyncio.LifoQueue[AsyncConnection] = asyncio.LifoQueue()
        self._size = 0

    async def resize(self, size: int) -> None:
        """Opens or closes connections until there are so many. Nobody may be waiting for one."""
        from psycopg import AsyncConnection

        while self._size < size:
            connection = await AsyncConnection.connect(self._url, autocommit=True, prepare_threshold=0)
            await connection.execute("SET synchronous_commit = on")
            self._idle.put_nowait(connection)
            self._size += 1
        while self._size > size:
            await (await self._idle.get()).close()
            self._size -= 1

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        taken = await self._idle.get()
        try:
            yield taken
        finally:
            self._idle.put_nowait(taken)


class _Service:
    """Answers CreateReservation."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool

    async def create_reservation(
        self, request: pb.CreateReservationRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.CreateReservationResponse:
        if len(request.lines) != 1:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "one line at a time")
        now = int(time.time())
        async with self._pool.connection() as connection:
            made = await self._reserve(connection, request, now)
            if made is None:
                made = await (await connection.execute(_FIND, (request.request_id,))).fetchone()
        if made is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "too few units")
        assert made is not None
        number, create_time = made
        return held(request, reservation_number=number, create_seconds=create_time, position=number)

    async def _reserve(
        self, connection: AsyncConnection, request: pb.CreateReservationRequest, now: int
    ) -> tuple[int, int] | None:
        """Sets the units of a line aside and returns the number of the reservation and the time it was made.

        Returns None if there are too few units, or the request has taken effect before: then nothing is kept.
        """
        from psycopg.errors import UniqueViolation

        line = request.lines[0]
        row = {
            "request_id": request.request_id,
            "sku": line.sku,
            "quantity": line.quantity,
            "channel": request.channel,
            "order_id": request.order_id,
            "create_time": now,
        }
        try:
            return await (await connection.execute(_RESERVE, row)).fetchone()
        except UniqueViolation:
            return None


async def _serve() -> None:
    pool = _Pool(os.environ[_POSTGRES_URL])
    _, service, method = path_of(pb.CreateReservationRequest()).split("/")
    handler = grpc.unary_unary_rpc_method_handler(
        _Service(pool).create_reservation,
        request_deserializer=pb.CreateReservationRequest.FromString,
        response_serializer=pb.CreateReservationResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    tune_memory()
    _say(f"127.0.0.1:{port}")
    # Reading must not hold up the loop that serves.
    while line := await asyncio.to_thread(sys.stdin.readline):
        await pool.resize(int(line))
        _say("resized")
    await server.stop(None)
    await pool.resize(0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLockServer:
    """A running server, which has no connection to Postgres until it is told how many to open."""

    target: str
    process: asyncio.subprocess.Process

    async def resize_pool(self, size: int) -> None:
        """Gives it so many connections; no call may be under way. Raises ProcessFailedError if it breaks."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d\n" % size)
        await self.process.stdin.drain()
        await line_from(self.process, within_seconds=START_SECONDS)


@asynccontextmanager
async def row_lock_server(postgres_url: str, *, units: int) -> AsyncIterator[RowLockServer]:
    """Starts a server with units of the hot SKUs, in a schema of its own that is dropped in the end."""
    async with own_schema(postgres_url, SCHEMA) as connection:
        await connection.execute(_TABLES.format(schema=SCHEMA).encode())
        for sku in HOT_SKUS:
            await connection.execute(f"INSERT INTO {SCHEMA}.stock_level (sku, on_hand) VALUES (%s, %s)", (sku, units))
        command = [sys.executable, "-m", "holdfast_loadtest.baselines.row_lock_server"]
        async with running(command, environment={_POSTGRES_URL: postgres_url}) as process:
            target = await line_from(process, within_seconds=START_SECONDS)
            yield RowLockServer(target=target, process=process)


def main() -> None:
    """Serves until standard input ends."""
    run_on_fastest_loop(_serve())


if __name__ == "__main__":
    main()
