"""InventoryService: each RPC is a command for the decider or a question to the ledger."""

from __future__ import annotations

from holdfast.inventory.v1 import inventory_service_pb2_grpc

from holdfast_server.edge.availability import AvailabilityCalls
from holdfast_server.edge.counts import CountCalls
from holdfast_server.edge.fulfillment import FulfillmentCalls
from holdfast_server.edge.reservations import ReservationCalls
from holdfast_server.edge.stock import StockCalls
from holdfast_server.edge.supply import SupplyCalls


class InventoryServicer(
    AvailabilityCalls,
    ReservationCalls,
    FulfillmentCalls,
    StockCalls,
    CountCalls,
    SupplyCalls,
    inventory_service_pb2_grpc.InventoryServiceServicer,
):
    """Serves InventoryService. Promises: see the service's comment in the proto."""
