"""What stands in front of several segments serves every call of the contract."""

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    subscription_service_pb2,
)

from holdfast_server.edge.front.books import FrontAudit, FrontReconciliation
from holdfast_server.edge.front.catalog import FrontCatalog
from holdfast_server.edge.front.inventory import FrontInventory
from holdfast_server.edge.front.subscriptions import FrontSubscriptions

FRONTS: list[tuple[type, ServiceDescriptor]] = [
    (FrontInventory, inventory_service_pb2.DESCRIPTOR.services_by_name["InventoryService"]),
    (FrontCatalog, catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"]),
    (FrontAudit, audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]),
    (FrontReconciliation, reconciliation_service_pb2.DESCRIPTOR.services_by_name["ReconciliationService"]),
    (FrontSubscriptions, subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"]),
]


@pytest.mark.parametrize(
    ("front", "method"), [(front, method.name) for front, service in FRONTS for method in service.methods]
)
def test_a_call_of_the_contract_is_served_in_front_of_several_segments(front: type, method: str) -> None:
    """The generated base class has every method too, and refuses it."""
    (served_by, *_) = [base for base in front.__mro__ if method in vars(base)]
    assert served_by.__module__.startswith("holdfast_server.edge.front.")
