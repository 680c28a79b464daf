"""The services of the contract for one segment, as they are put into a gRPC server."""

from __future__ import annotations

from typing import Any, Protocol

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
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.catalog import CatalogServicer
from holdfast_server.edge.inventory import InventoryServicer
from holdfast_server.edge.reconciliation import ReconciliationServicer
from holdfast_server.edge.rpc import handler_of
from holdfast_server.edge.subscribed import Subscribed
from holdfast_server.edge.subscriptions import SubscriptionServicer
from holdfast_server.ledger.commits import CommitWatch
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.movement_feed import MovementFeed

SERVICES = (
    inventory_service_pb2.DESCRIPTOR.services_by_name["InventoryService"].full_name,
    catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name,
    reconciliation_service_pb2.DESCRIPTOR.services_by_name["ReconciliationService"].full_name,
    subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"].full_name,
)
"""The full names of the services."""


class SegmentServices:
    """The services of one segment, and what they stand on."""

    def __init__(self, authority: Authority, commits: CommitWatch, hub: AvailabilityHub, feed: MovementFeed) -> None:
        subscribed = Subscribed(authority)
        self.segment = authority.settings.segment
        self.authority = authority
        self.commits = commits
        self.hub = hub
        self.feed = feed
        self.inventory = InventoryServicer(authority, hub, feed, subscribed)
        self.catalog = CatalogServicer(authority)
        self.audit = AuditServicer(authority)
        self.reconciliation = ReconciliationServicer(authority)
        self.subscriptions = SubscriptionServicer(authority, subscribed)

    async def availability(
        self, question: inventory_service_pb2.BatchGetAvailabilityRequest, caller: Caller
    ) -> inventory_service_pb2.BatchGetAvailabilityResponse:
        """Returns what this segment says may be sold. Raises its refusal."""
        answer: inventory_service_pb2.BatchGetAvailabilityResponse = await handler_of(
            self.inventory, "BatchGetAvailability"
        )(question, caller)
        return answer

    def stop_streams(self) -> None:
        """Ends all streams, each with its token, and lets no new one begin."""
        self.hub.stop()
        self.feed.stop()


class Services(Protocol):
    """One servicer for each service of the contract: those of one segment, or those in front of several."""

    @property
    def inventory(self) -> inventory_service_pb2_grpc.InventoryServiceServicer: ...
    @property
    def catalog(self) -> catalog_service_pb2_grpc.CatalogServiceServicer: ...
    @property
    def audit(self) -> audit_service_pb2_grpc.AuditServiceServicer: ...
    @property
    def reconciliation(self) -> reconciliation_service_pb2_grpc.ReconciliationServiceServicer: ...
    @property
    def subscriptions(self) -> subscription_service_pb2_grpc.SubscriptionServiceServicer: ...


def add_services(services: Services, server: Any) -> None:
    """Registers services in a server."""
    inventory_service_pb2_grpc.add_InventoryServiceServicer_to_server(services.inventory, server)
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(services.catalog, server)
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(services.audit, server)
    reconciliation_service_pb2_grpc.add_ReconciliationServiceServicer_to_server(services.reconciliation, server)
    subscription_service_pb2_grpc.add_SubscriptionServiceServicer_to_server(services.subscriptions, server)
