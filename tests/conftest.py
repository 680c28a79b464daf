"""Fixtures that every test may use: real servers and a real authority.

Tests share one authority and keep apart by random names. A test that kills things asks for a fresh one.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

# Servers are started again by a fork while gRPC runs in this process (see holdfast_server/__main__.py).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
import pytest
from holdfast.inventory.v1 import (
    audit_service_pb2_grpc,
    catalog_service_pb2_grpc,
    inventory_service_pb2_grpc,
    reconciliation_service_pb2_grpc,
    subscription_service_pb2_grpc,
)

from support.authority import TestAuthority
from support.folders import new_folder
from support.servers import Servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A Postgres and a Valkey for the whole session. Nobody kills these."""
    with new_folder() as folder:
        running = Servers(folder / "servers")
        yield running
        running.close()


@pytest.fixture(scope="session")
def authority(servers: Servers) -> Iterator[TestAuthority]:
    """One server process for the whole session. Nobody kills it."""
    # The model covers those who wait at once. What other tests leave waiting must not put that off to a later tick.
    unbounded = {"HOLDFAST_MAX_COVERS_PER_TICK": "10000"}
    shared = TestAuthority(servers, database="shared", segment="shared", environment=unbounded)
    shared.start_server()
    yield shared
    shared.close()


@pytest.fixture
def fresh_servers() -> Iterator[Servers]:
    """A Postgres and a Valkey for one test, which may kill them."""
    with new_folder() as folder:
        running = Servers(folder / "servers")
        yield running
        running.close()


@pytest.fixture
def fresh_authority(fresh_servers: Servers) -> Iterator[TestAuthority]:
    """An authority for one test, which may kill any part of it. One server process runs."""
    own = TestAuthority(fresh_servers, database="fresh", segment="main")
    own.start_server()
    yield own
    own.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stubs:
    """The generated stubs of one channel."""

    inventory: inventory_service_pb2_grpc.InventoryServiceStub
    catalog: catalog_service_pb2_grpc.CatalogServiceStub
    audit: audit_service_pb2_grpc.AuditServiceStub
    reconciliation: reconciliation_service_pb2_grpc.ReconciliationServiceStub
    subscriptions: subscription_service_pb2_grpc.SubscriptionServiceStub


def stubs_on(channel: grpc.aio.Channel) -> Stubs:
    """Returns the stubs of a channel."""
    return Stubs(
        inventory=inventory_service_pb2_grpc.InventoryServiceStub(channel),
        catalog=catalog_service_pb2_grpc.CatalogServiceStub(channel),
        audit=audit_service_pb2_grpc.AuditServiceStub(channel),
        reconciliation=reconciliation_service_pb2_grpc.ReconciliationServiceStub(channel),
        subscriptions=subscription_service_pb2_grpc.SubscriptionServiceStub(channel),
    )


@pytest.fixture
async def stubs(authority: TestAuthority) -> AsyncIterator[Stubs]:
    """Stubs for the shared authority."""
    async with grpc.aio.insecure_channel(authority.target) as channel:
        yield stubs_on(channel)
