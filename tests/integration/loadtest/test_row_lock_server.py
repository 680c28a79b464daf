"""The gRPC server with a row lock: a baseline that sells a unit twice, or a request twice, would be no baseline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psycopg
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.calls import path_of
from holdfast_loadtest.baselines.row_lock_server import SCHEMA, row_lock_server
from holdfast_loadtest.demand import Demand
from support.servers import Servers

Answer = pb.CreateReservationResponse | grpc.StatusCode


@asynccontextmanager
async def _serving(servers: Servers, *, units: int, connections: int = 4) -> AsyncIterator[Any]:
    """Runs a server and yields a call that returns the answer, or the code of the refusal."""
    async with row_lock_server(servers.postgres_url, units=units) as server:
        await server.resize_pool(connections)
        async with grpc.aio.insecure_channel(server.target) as channel:
            unary = channel.unary_unary(
                path_of(pb.CreateReservationRequest()),
                request_serializer=pb.CreateReservationRequest.SerializeToString,
                response_deserializer=pb.CreateReservationResponse.FromString,
            )

            async def call(request: pb.CreateReservationRequest) -> Answer:
                try:
                    response: pb.CreateReservationResponse = await unary(request)
                except grpc.aio.AioRpcError as error:
                    return error.code()
                return response

            yield call


def _wanted(count: int) -> list[pb.CreateReservationRequest]:
    demand = Demand(hot=True, seed=1)
    return [demand.next() for _ in range(count)]


def _kept(servers: Servers) -> tuple[int, int]:
    """Returns the units that are reserved, and those of all reservations."""
    with psycopg.connect(servers.postgres_url) as connection:
        row = connection.execute(
            f"SELECT (SELECT sum(reserved) FROM {SCHEMA}.stock_level),"
            f" (SELECT coalesce(sum(quantity), 0) FROM {SCHEMA}.reservation)"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _reservation_ids(answers: list[Answer]) -> list[str]:
    return [one.reservation.reservation_id for one in answers if isinstance(one, pb.CreateReservationResponse)]


async def test_of_many_buyers_as_many_win_as_there_are_units(servers: Servers) -> None:
    async with _serving(servers, units=20, connections=8) as call:
        answers = await asyncio.gather(*(call(request) for request in _wanted(60)))
        assert _kept(servers) == (20, 20)
    assert len(set(_reservation_ids(answers))) == 20
    assert answers.count(grpc.StatusCode.FAILED_PRECONDITION) == 40


async def test_a_request_takes_effect_once_however_often_it_comes(servers: Servers) -> None:
    request = _wanted(1)[0]
    async with _serving(servers, units=20) as call:
        first = await call(request)
        answers = await asyncio.gather(*(call(request) for _ in range(10)))
        assert _kept(servers) == (1, 1)
    assert answers == [first] * 10


async def test_a_request_that_comes_twice_at_once_takes_effect_once(servers: Servers) -> None:
    async with _serving(servers, units=20, connections=8) as call:
        for request in _wanted(3):
            assert len(set(_reservation_ids(await asyncio.gather(*(call(request) for _ in range(6)))))) == 1
        assert _kept(servers) == (3, 3)


async def test_a_request_that_won_the_last_unit_gets_its_answer_again(servers: Servers) -> None:
    winner, loser = _wanted(2)
    async with _serving(servers, units=1) as call:
        first = await call(winner)
        assert await call(loser) == grpc.StatusCode.FAILED_PRECONDITION
        assert await call(winner) == first
        assert _kept(servers) == (1, 1)


async def test_what_it_does_not_do_it_refuses(servers: Servers) -> None:
    request = _wanted(1)[0]
    request.lines.add(sku="ANOTHER", quantity=1)
    async with _serving(servers, units=1) as call:
        assert await call(request) == grpc.StatusCode.UNIMPLEMENTED


async def test_its_pool_can_be_given_another_size(servers: Servers) -> None:
    async with row_lock_server(servers.postgres_url, units=1) as server:
        for size in (3, 1, 2):
            await server.resize_pool(size)
            with psycopg.connect(servers.postgres_url) as connection:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SET synchronous_commit%'"
                ).fetchone()
            assert row is not None
            assert row[0] == size
