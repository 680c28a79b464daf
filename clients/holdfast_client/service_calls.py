"""What the calls of every service have in common: the way to the authority, the deadlines, and pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TypeVar

from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    fulfillment_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    subscription_service_pb2,
    supply_pb2,
)

from holdfast_client.calls import Calls
from holdfast_client.policy import Batching, Deadlines
from holdfast_client.reservation_batches import ReservationBatches

_Page = TypeVar(
    "_Page",
    inventory_service_pb2.ListReservationsResponse,
    catalog_service_pb2.ListItemsResponse,
    catalog_service_pb2.ListLocationsResponse,
    catalog_service_pb2.ListPoolsResponse,
    catalog_service_pb2.ListChannelsResponse,
    audit_service_pb2.ListMovementsResponse,
    audit_service_pb2.ListSegmentsResponse,
    audit_service_pb2.ListRetirementsResponse,
    fulfillment_pb2.ListReturnsResponse,
    supply_pb2.ListInboundsResponse,
    supply_pb2.ListTransfersResponse,
    catalog_service_pb2.ListRulesResponse,
    reconciliation_service_pb2.ListIncidentsResponse,
    reconciliation_service_pb2.ListParkedRequestsResponse,
    audit_service_pb2.TraceOrderResponse,
    subscription_service_pb2.ListSubscriptionsResponse,
)
_Listing = (
    inventory_service_pb2.ListReservationsRequest
    | catalog_service_pb2.ListItemsRequest
    | catalog_service_pb2.ListLocationsRequest
    | catalog_service_pb2.ListPoolsRequest
    | catalog_service_pb2.ListChannelsRequest
    | audit_service_pb2.ListMovementsRequest
    | audit_service_pb2.ListSegmentsRequest
    | audit_service_pb2.ListRetirementsRequest
    | fulfillment_pb2.ListReturnsRequest
    | supply_pb2.ListInboundsRequest
    | supply_pb2.ListTransfersRequest
    | catalog_service_pb2.ListRulesRequest
    | reconciliation_service_pb2.ListIncidentsRequest
    | reconciliation_service_pb2.ListParkedRequestsRequest
    | audit_service_pb2.TraceOrderRequest
    | subscription_service_pb2.ListSubscriptionsRequest
)


class ServiceCalls:
    """The base of the classes that have a method for each RPC of one service; `HoldfastClient` is made of them."""

    def __init__(self, calls: Calls, deadlines: Deadlines, batching: Batching | None) -> None:
        self._calls = calls
        self._deadlines = deadlines
        self._batches = None if batching is None else ReservationBatches(calls, batching)

    async def _pages(
        self, request: _Listing, response_type: type[_Page], deadline_seconds: float | None
    ) -> AsyncGenerator[_Page, None]:
        while True:
            page = await self._calls.unary(
                request,
                response_type,
                deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
            )
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
