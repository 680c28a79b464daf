"""What a replay asks of the service: the part of `HoldfastClient` that it uses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Protocol

from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
)


class Desk(Protocol):
    """What the course of an event asks for. Every method raises HoldfastError as `HoldfastClient` does."""

    async def adjust_stock(
        self,
        lines: Iterable[inventory_service_pb2.AdjustmentLine],
        *,
        reason: str,
        reference: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.AdjustStockResponse:
        """Corrects units on hand."""
        ...

    async def create_reservation(
        self,
        *,
        channel: str,
        lines: Iterable[inventory_service_pb2.DemandLine],
        order_id: str = "",
        allow_split: bool = False,
        partial: bool = False,
        request_id: str | None = None,
    ) -> inventory_service_pb2.CreateReservationResponse:
        """Sets units aside."""
        ...

    async def commit_reservation(
        self, reservation_id: str, *, request_id: str | None = None
    ) -> inventory_service_pb2.CommitReservationResponse:
        """Takes the time limit off a hold."""
        ...

    async def release_reservation(
        self,
        reservation_id: str,
        *,
        lines: Iterable[inventory_service_pb2.ReleaseLine] = (),
        reason: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.ReleaseReservationResponse:
        """Gives units back."""
        ...


class Authority(Desk, Protocol):
    """The service. Every method raises HoldfastError as `HoldfastClient` does."""

    async def put_items(
        self, items: Iterable[catalog_pb2.Item], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutItemsResponse:
        """Creates items or replaces them."""
        ...

    async def put_locations(
        self, locations: Iterable[catalog_pb2.Location], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutLocationsResponse:
        """Creates locations or replaces them."""
        ...

    async def put_pools(
        self, pools: Iterable[catalog_pb2.Pool], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutPoolsResponse:
        """Creates pools or replaces them."""
        ...

    async def put_channels(
        self, channels: Iterable[catalog_pb2.Channel], *, request_id: str | None = None
    ) -> catalog_service_pb2.PutChannelsResponse:
        """Creates channels or replaces them."""
        ...

    async def receive_stock(
        self,
        lines: Iterable[inventory_service_pb2.ReceiptLine],
        *,
        reference: str = "",
        reason: str = "",
        request_id: str | None = None,
    ) -> inventory_service_pb2.ReceiveStockResponse:
        """Books units that came in."""
        ...

    async def batch_get_availability(
        self, keys: Iterable[inventory_service_pb2.AvailabilityKey]
    ) -> inventory_service_pb2.BatchGetAvailabilityResponse:
        """Tells what is there now."""
        ...

    async def list_movements_page(
        self, *, sku: str = "", page_size: int = 0, page_token: str = ""
    ) -> audit_service_pb2.ListMovementsResponse:
        """A page of the ledger."""
        ...

    def verify_ledger(self) -> AsyncGenerator[audit_service_pb2.VerifyLedgerResponse, None]:
        """Checks the whole ledger; the last response has the verdict."""
        ...
