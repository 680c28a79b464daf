"""The bare echo: a grpc.aio server that answers CreateReservation at once, with a message like the authority's.

What remains when nothing is decided and nothing is kept. It runs on uvloop if that is installed, since a baseline is
taken at its best.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.calls import path_of
from holdfast_loadtest.baselines.answers import held
from holdfast_loadtest.baselines.memory import tune_memory
from holdfast_loadtest.event_loop import run_on_fastest_loop
from holdfast_loadtest.processes import line_from, running

START_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A running echo server."""

    target: str
    pid: int


async def _answer(request: pb.CreateReservationRequest, _: Any) -> pb.CreateReservationResponse:
    return held(request, reservation_number=1 << 120, create_seconds=1_700_000_000, position=1_000_000)


async def _serve() -> None:
    _, service, method = path_of(pb.CreateReservationRequest()).split("/")
    handler = grpc.unary_unary_rpc_method_handler(
        _answer,
        request_deserializer=pb.CreateReservationRequest.FromString,
        response_serializer=pb.CreateReservationResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    tune_memory()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


@asynccontextmanager
async def echo_server() -> AsyncIterator[Echo]:
    """Starts an echo server in a process of its own and ends it."""
    async with running([sys.executable, "-m", "holdfast_loadtest.baselines.echo_server"]) as process:
        target = await line_from(process, within_seconds=START_SECONDS)
        yield Echo(target=target, pid=process.pid)


def main() -> None:
    """Serves until ended."""
    run_on_fastest_loop(_serve())


if __name__ == "__main__":
    main()
