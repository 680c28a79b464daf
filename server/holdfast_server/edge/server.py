"""The gRPC server: the services of the contract, health, and reflection."""

from __future__ import annotations

import asyncio
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from holdfast.inventory.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    inventory_service_pb2,
    inventory_service_pb2_grpc,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
    subscription_service_pb2,
    subscription_service_pb2_grpc,
)

from holdfast_server.edge.audit import AuditServicer
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.catalog import CatalogServicer
from holdfast_server.edge.decoding import DecodingServer
from holdfast_server.edge.inventory import InventoryServicer
from holdfast_server.edge.reconciliation import ReconciliationServicer
from holdfast_server.edge.subscribed import Subscribed
from holdfast_server.edge.subscriptions import SubscriptionServicer
from holdfast_server.ledger.commits import CommitWatch
from holdfast_server.settings import Settings
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.movement_feed import MovementFeed

SERVICES: Final = (
    inventory_service_pb2.DESCRIPTOR.services_by_name["InventoryService"].full_name,
    catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name,
    reconciliation_service_pb2.DESCRIPTOR.services_by_name["ReconciliationService"].full_name,
    subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"].full_name,
)
_HEALTH_SECONDS: Final = 0.2
_KILOBYTE: Final = 1024


class EdgeServer:
    """Serves the contract on one port until it is stopped."""

    def __init__(
        self,
        *,
        settings: Settings,
        authority: Authority,
        commits: CommitWatch,
        hub: AvailabilityHub,
        feed: MovementFeed,
    ) -> None:
        self._settings = settings
        self._authority = authority
        self._hub = hub
        self._feed = feed
        self._commits = commits
        self._health = HealthServicer()
        self._server = grpc.aio.server(
            interceptors=_interceptors(settings),
            options=_options(settings),
            maximum_concurrent_rpcs=settings.max_concurrent_calls,
        )

    async def start(self) -> int:
        """Starts to serve and returns the port. Raises OSError if the port is taken."""
        services = DecodingServer(self._server)
        subscribed = Subscribed(self._authority)
        inventory_service_pb2_grpc.add_InventoryServiceServicer_to_server(
            InventoryServicer(self._authority, self._hub, self._feed, subscribed), services
        )
        catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogServicer(self._authority), services)
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(self._authority), services)
        reconciliation_service_pb2_grpc.add_ReconciliationServiceServicer_to_server(
            ReconciliationServicer(self._authority), services
        )
        subscription_service_pb2_grpc.add_SubscriptionServiceServicer_to_server(
            SubscriptionServicer(self._authority, subscribed), services
        )
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

        SERVING means that the segment is open and the ledger was heard: not that some port answers.
        """
        shown: int | None = None
        while True:
            closed = self._commits.why_closed()
            state = (
                health_pb2.HealthCheckResponse.SERVING if closed is None else health_pb2.HealthCheckResponse.NOT_SERVING
            )
            if state != shown:
                for service in ("", *SERVICES):
                    await self._health.set(service, state)
                shown = state
            await asyncio.sleep(_HEALTH_SECONDS)

    async def stop(self) -> None:
        """Says that it is going, takes no new calls, and gives those under way the grace of the settings."""
        await self._health.enter_graceful_shutdown()
        self._hub.stop()
        self._feed.stop()
        await self._server.stop(self._settings.shutdown_grace_seconds)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),
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
