"""InventoryService: each RPC is a command for the decider or a question to the ledger."""

from __future__ import annotations

from holdfast.inventory.v1 import inventory_service_pb2_grpc

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.availability import AvailabilityCalls
from holdfast_server.edge.counts import CountCalls
from holdfast_server.edge.fulfillment import FulfillmentCalls
from holdfast_server.edge.movements import MovementCalls
from holdfast_server.edge.reservations import ReservationCalls
from holdfast_server.edge.stock import StockCalls
from holdfast_server.edge.subscribed import Subscribed
from holdfast_server.edge.supply import SupplyCalls
from holdfast_server.edge.watch import WatchCalls
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.movement_feed import MovementFeed


class InventoryServicer(
    AvailabilityCalls,
    ReservationCalls,
    FulfillmentCalls,
    StockCalls,
    CountCalls,
    SupplyCalls,
    WatchCalls,
    MovementCalls,
    inventory_service_pb2_grpc.InventoryServiceServicer,
):
    """Serves InventoryService. Promises: see the service's comment in the proto."""

    def __init__(self, authority: Authority, hub: AvailabilityHub, feed: MovementFeed, subscribed: Subscribed) -> None:
        super().__init__(authority, hub, subscribed)
        self._feed = feed
