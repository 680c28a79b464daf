"""The gRPC server: the services of the contract, health, and reflection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from holdfast_server.edge.decoding import DecodingServer
from holdfast_server.edge.services import SERVICES, SegmentServices, Services, add_services
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings

_HEALTH_SECONDS: Final = 0.2
_KILOBYTE: Final = 1024


class EdgeServer:
    """Serves the contract on one port until it is stopped. Callers meet `front`; `segments` is what is behind it."""

    def __init__(
        self,
        *,
        settings: Settings,
        segments: Sequence[SegmentServices],
        front: Services,
    ) -> None:
        self._settings = settings
        self._segments = segments
        self._front = front
        self._health = HealthServicer()
        self._server = grpc.aio.server(
            interceptors=_interceptors(settings),
            options=_options(settings),
            maximum_concurrent_rpcs=settings.max_concurrent_calls,
        )

    async def start(self) -> int:
        """Starts to serve and returns the port. Raises OSError if the port is taken."""
        add_services(self._front, DecodingServer(self._server))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self._settings.reflection:
            names = (*SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
            reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), self._server)
        address = f"{self._settings.host}:{self._settings.port}"
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: is another server running there?") from error
        await self._server.start()
        return port

    async def run_health(self) -> None:
        """Keeps the health service true to what the server can do, until cancelled.

        SERVING means that every segment is open and the ledger was heard: not that some port answers.
        """
        shown: int | None = None
        while True:
            closed = self._why_closed()
            state = (
                health_pb2.HealthCheckResponse.SERVING if closed is None else health_pb2.HealthCheckResponse.NOT_SERVING
            )
            if state != shown:
                for service in ("", *SERVICES):
                    await self._health.set(service, state)
                shown = state
            await asyncio.sleep(_HEALTH_SECONDS)

    def _why_closed(self) -> Refusal | None:
        """Returns why a segment decides nothing now, or None if all of them do."""
        for one in self._segments:
            closed = one.commits.why_closed()
            if closed is not None:
                return closed
        return None

    async def stop(self) -> None:
        """Says that it is going, takes no new calls, and gives those under way the grace of the settings."""
        await self._health.enter_graceful_shutdown()
        for one in self._segments:
            one.stop_streams()
        await self._server.stop(self._settings.shutdown_grace_seconds)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        # Only the processes of one host share a port (serving/host.py).
        ("grpc.so_reuseport", int(settings.processes > 1)),
        # Beyond these gRPC itself drops calls, without a word that a caller could use.
        ("grpc.server.max_pending_requests", settings.max_concurrent_calls),
        ("grpc.server.max_pending_requests_hard_limit", settings.max_concurrent_calls * 2),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", 16 * _KILOBYTE),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _interceptors(settings: Settings) -> list[grpc.aio.ServerInterceptor]:
    if not settings.telemetry:
        return []
    from opentelemetry.instrumentation.grpc import aio_server_interceptor

    return [aio_server_interceptor()]
