"""The client of the authority: one method for each RPC, in the trade's words."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc
from google.protobuf import duration_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    reservation_pb2,
    revision_pb2,
    stock_pb2,
)

from holdfast_client.calls import MAX_DETAILS_BYTES, Calls
from holdfast_client.policy import Deadlines, RetryPolicy
from holdfast_client.request_ids import new_request_id

DEFAULT_TARGET: Final = "127.0.0.1:50051"
TARGET_VARIABLE: Final = "HOLDFAST_TARGET"

Demand = inventory_service_pb2.DemandLine | tuple[str, int] | tuple[str, int, str]
"""A line of demand: a DemandLine, or (SKU, units), or (SKU, units, location)."""

Release = inventory_service_pb2.ReleaseLine | int | tuple[int, int]
"""A line to give back: a ReleaseLine, or a line's number for all that is open of it, or (number, units)."""

Receipt = inventory_service_pb2.ReceiptLine | tuple[str, int, str]
"""Units that came in: a ReceiptLine, or (SKU, units, location) for sellable ones."""

Adjustment = inventory_service_pb2.AdjustmentLine | tuple[str, int, str]
"""A correction: an AdjustmentLine, or (SKU, units to add or to take away, location) of sellable ones."""

_NO_RETRY: Final = RetryPolicy(max_tries=1)
_HEALTH_CHECK_PATH: Final = "/grpc.health.v1.Health/Check"
_HEALTH_SERVING: Final = b"\x08\x01"  # a HealthCheckResponse with field 1, status, at 1, SERVING
_METADATA_VALUE: Final = re.compile(r"[\x20-\x7e]*")

_Page = TypeVar(
    "_Page",
    inventory_service_pb2.ListReservationsResponse,
    catalog_service_pb2.ListItemsResponse,
    catalog_service_pb2.ListLocationsResponse,
    catalog_service_pb2.ListPoolsResponse,
    catalog_service_pb2.ListChannelsResponse,
    audit_service_pb2.ListMovementsResponse,
    audit_service_pb2.ListSegmentsResponse,
)
_Listing = (
    inventory_service_pb2.ListReservationsRequest
    | catalog_service_pb2.ListItemsRequest
    | catalog_service_pb2.ListLocationsRequest
    | catalog_service_pb2.ListPoolsRequest
    | catalog_service_pb2.ListChannelsRequest
    | audit_service_pb2.ListMovementsRequest
    | audit_service_pb2.ListSegmentsRequest
)


def reservation_request(
    *,
    channel: str,
    lines: Iterable[Demand],
    order_id: str = "",
    ttl_seconds: float | None = None,
    allow_split: bool = False,
    partial: bool = False,
    request_id: str | None = None,
) -> inventory_service_pb2.CreateReservationRequest:
    """Make the request that sets units aside, as `batch_create_reservations` takes many of.

    The parameters are those of `HoldfastClient.create_reservation`.
    """
    return inventory_service_pb2.CreateReservationRequest(
        request_id=request_id or new_request_id(),
        channel=channel,
        order_id=order_id,
        lines=[_demand_line(line) for line in lines],
        ttl=None if ttl_seconds is None else _duration(ttl_seconds),
        allow_split=allow_split,
        fill_policy=(
            inventory_service_pb2.FILL_POLICY_PARTIAL if partial else inventory_service_pb2.FILL_POLICY_ALL_OR_NOTHING
        ),
    )


def availability_key(
    sku: str, *, channel: str | None = None, location: str | None = None
) -> inventory_service_pb2.AvailabilityKey:
    """Name one availability: of a SKU, to a channel or from a location. Exactly one must be given."""
    if (channel is None) == (location is None):
        raise ValueError("an availability is to a channel or from a location: give exactly one of the two")
    return inventory_service_pb2.AvailabilityKey(sku=sku, channel=channel, location=location)


class HoldfastClient:
    """The authority, as a program that sells or moves units sees it.

        async with HoldfastClient(caller="checkout") as client:
            answer = await client.create_reservation(channel="WEB", lines=[("85123A", 2)])
            await client.commit_reservation(answer.reservation.reservation_id)

    What holds for every method:

    - A mutation that is answered is durable. Its `request_id` is made before the first try and kept over all
      of them, so it takes effect once however often it is tried. Give your own id, made with `new_request_id`
      and kept with the order, to be able to ask again after a restart of your program.
    - A call is tried again after UNAVAILABLE only, within its deadline. `deadline_seconds` overrides the
      deadline that the client was made with, for that call.
    - A refusal is raised as a class below `HoldfastError` (see `holdfast_client.errors`). A refusal has had
      no effect. After `Unavailable`, `DeadlineExceeded` and `InternalFault`, and when the calling task is
      cancelled, it is not known whether a mutation took effect: ask again with the same request_id, which the
      error carries.
    - Quantities are whole numbers of the item's base unit at its scale.

    The channels are made at the first call and belong to the event loop of that call. One client serves any
    number of tasks of that loop; make one per program and keep it.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        caller: str,
        on_behalf_of: str = "",
        deadlines: Deadlines | None = None,
        retry: RetryPolicy | None = None,
        channel_count: int = 1,
        channel_credentials: grpc.ChannelCredentials | None = None,
        channel_options: Iterable[tuple[str, int | str]] = (),
    ) -> None:
        """Choose the authority and say who calls. Nothing is connected yet.

        Args:
            target: Where the authority is, as gRPC names it. Left out: the environment's HOLDFAST_TARGET,
                else 127.0.0.1:50051.
            caller: The name of the calling program, for the audit. Printable ASCII, not empty.
            on_behalf_of: The person or party that the program acts for, for the audit. Printable ASCII.
            deadlines: How long calls may take.
            retry: How calls are tried again after UNAVAILABLE.
            channel_count: The connections, used in turn. More than one spreads the load over server processes
                that share a port.
            channel_credentials: What secures the connections. None: they are plain.
            channel_options: gRPC channel options that are added to, and win over, the client's own.
        """
        if not caller:
            raise ValueError("caller must name the calling program")
        for name, value in (("caller", caller), ("on_behalf_of", on_behalf_of)):
            if not _METADATA_VALUE.fullmatch(value):
                raise ValueError(f"{name} must be printable ASCII, as gRPC metadata is")
        metadata = [("holdfast-caller", caller), ("holdfast-max-details-bytes", str(MAX_DETAILS_BYTES))]
        if on_behalf_of:
            metadata.append(("holdfast-on-behalf-of", on_behalf_of))
        self.target: Final = target or os.environ.get(TARGET_VARIABLE) or DEFAULT_TARGET
        self._deadlines = deadlines or Deadlines()
        self._calls = Calls(
            self.target,
            metadata=metadata,
            retry=retry or RetryPolicy(),
            channel_count=channel_count,
            channel_credentials=channel_credentials,
            channel_options=tuple(channel_options),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Calls in progress are cancelled. May be called again."""
        await self._calls.close()

    # Reservations

    async def create_reservation(
        self,
        *,
        channel: str,
        lines: Iterable[Demand],
        order_id: str = "",
        ttl_seconds: float | None = None,
        allow_split: bool = False,
        partial: bool = False,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.CreateReservationResponse:
        """Set units aside for one demand; all lines are decided together.

        Args:
            channel: The channel whose demand it is.
            lines: The units, 1 to 1,000 lines. A line without a location is sourced from the channel's pool.
            order_id: The caller's order, to find the reservation by.
            ttl_seconds: How long the hold lasts unless it is committed, 1 second to 7 days. Left out: 15
                minutes.
            allow_split: A sourced line may be drawn from several locations.
            partial: Of each line as much is reserved as there is; the answer's `shortfalls` say what is
                missing.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            InsufficientStock: There is too little; `short_lines` has every short line.
            UnknownSku, UnknownLocation, UnknownChannel: There is no such thing.
            LocationNotInPool: The channel does not sell from a location that a line names.
        """
        request = reservation_request(
            channel=channel,
            lines=lines,
            order_id=order_id,
            ttl_seconds=ttl_seconds,
            allow_split=allow_split,
            partial=partial,
            request_id=request_id,
        )
        return await self._calls.unary(
            request,
            inventory_service_pb2.CreateReservationResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def batch_create_reservations(
        self,
        requests: Iterable[inventory_service_pb2.CreateReservationRequest],
        *,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.BatchCreateReservationsResponse:
        """Decide many reservations in one call, in order, each by itself.

        A refusal of one is in its place in the answer's `results` and is not raised: `error_from_status`
        makes the typed error of it. A request without an id gets one, written into the message that was
        passed, so that the same messages can be passed again if the call fails.

        Args:
            requests: 1 to 1,000 requests with at most 10,000 lines altogether, as `reservation_request` makes
                them.
        """
        requests = list(requests)
        for request in requests:
            request.request_id = request.request_id or new_request_id()
        return await self._calls.unary(
            inventory_service_pb2.BatchCreateReservationsRequest(requests=requests),
            inventory_service_pb2.BatchCreateReservationsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.batch_seconds,
        )

    async def commit_reservation(
        self,
        reservation_id: str,
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.CommitReservationResponse:
        """Turn a hold into a reservation without a time limit, for an order that stands.

        Raises:
            ReservationExpired: The hold was due.
            AlreadyCommitted, AlreadyReleased: It was resolved before, by another request.
            UnknownReservation: There is no such reservation.
        """
        return await self._calls.unary(
            inventory_service_pb2.CommitReservationRequest(
                request_id=request_id or new_request_id(), reservation_id=reservation_id
            ),
            inventory_service_pb2.CommitReservationResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def extend_reservation(
        self,
        reservation_id: str,
        *,
        ttl_seconds: float,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.ExtendReservationResponse:
        """Give a hold more time. Never shortens it.

        Args:
            reservation_id: The reservation.
            ttl_seconds: How long the hold lasts from now, 1 second to 7 days.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            ReservationExpired, AlreadyCommitted, AlreadyReleased: It is no longer a hold.
            UnknownReservation: There is no such reservation.
        """
        return await self._calls.unary(
            inventory_service_pb2.ExtendReservationRequest(
                request_id=request_id or new_request_id(),
                reservation_id=reservation_id,
                ttl=_duration(ttl_seconds),
            ),
            inventory_service_pb2.ExtendReservationResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def release_reservation(
        self,
        reservation_id: str,
        *,
        lines: Iterable[Release] = (),
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.ReleaseReservationResponse:
        """Give reserved units back, held or committed.

        Args:
            reservation_id: The reservation.
            lines: The lines, or parts of lines; none: the whole reservation.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            ReservationExpired, AlreadyReleased: The units were given back before.
            UnknownLine, ReleaseExceedsOpen: The reservation has no such line, or not so many open units of
                it.
            UnknownReservation: There is no such reservation.
        """
        return await self._calls.unary(
            inventory_service_pb2.ReleaseReservationRequest(
                request_id=request_id or new_request_id(),
                reservation_id=reservation_id,
                lines=[_release_line(line) for line in lines],
                reason=reason,
            ),
            inventory_service_pb2.ReleaseReservationResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def get_reservation(
        self, reservation_id: str, *, deadline_seconds: float | None = None
    ) -> inventory_service_pb2.GetReservationResponse:
        """Get one reservation, live or ended.

        Raises:
            UnknownReservation: There is no such reservation.
        """
        return await self._calls.unary(
            inventory_service_pb2.GetReservationRequest(reservation_id=reservation_id),
            inventory_service_pb2.GetReservationResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def list_reservations(
        self,
        *,
        state: reservation_pb2.ReservationState | None = None,
        channel: str = "",
        order_id: str = "",
        sku: str = "",
        location: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[reservation_pb2.Reservation, None]:
        """Yield all reservations, the newest first, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = inventory_service_pb2.ListReservationsRequest(
            state=state, channel=channel, order_id=order_id, sku=sku, location=location, page_size=page_size
        )
        pages = self._pages(request, inventory_service_pb2.ListReservationsResponse, deadline_seconds)
        async for page in pages:
            for reservation in page.reservations:
                yield reservation

    async def list_reservations_page(
        self,
        *,
        state: reservation_pb2.ReservationState | None = None,
        channel: str = "",
        order_id: str = "",
        sku: str = "",
        location: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.ListReservationsResponse:
        """Get one page of reservations; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            inventory_service_pb2.ListReservationsRequest(
                state=state,
                channel=channel,
                order_id=order_id,
                sku=sku,
                location=location,
                page_size=page_size,
                page_token=page_token,
            ),
            inventory_service_pb2.ListReservationsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    # Availability and stock

    async def get_availability(
        self,
        sku: str,
        *,
        channel: str | None = None,
        location: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.GetAvailabilityResponse:
        """Get what may be sold now of one SKU, to a channel or from a location. Give exactly one of the two.

        The answer is at least as new as every mutation that was answered before the call.

        Raises:
            UnknownSku, UnknownLocation, UnknownChannel: There is no such thing.
            ValueError: Neither or both of channel and location were given.
        """
        return await self._calls.unary(
            inventory_service_pb2.GetAvailabilityRequest(key=availability_key(sku, channel=channel, location=location)),
            inventory_service_pb2.GetAvailabilityResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def batch_get_availability(
        self,
        keys: Iterable[inventory_service_pb2.AvailabilityKey],
        *,
        min_revision: revision_pb2.Revision | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.BatchGetAvailabilityResponse:
        """Get what may be sold now for many SKUs, all of one moment, in the order of the keys.

        Args:
            keys: What is asked about, 1 to 1,000, as `availability_key` makes them.
            min_revision: A revision that the answer must reflect at least, as an earlier answer gave it.

        Raises:
            StaleRevision: The segment has not reached `min_revision`: it comes from another history.
            UnknownSku, UnknownLocation, UnknownChannel: There is no such thing.
        """
        return await self._calls.unary(
            inventory_service_pb2.BatchGetAvailabilityRequest(keys=keys, min_revision=min_revision),
            inventory_service_pb2.BatchGetAvailabilityResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def receive_stock(
        self,
        lines: Iterable[Receipt],
        *,
        reference: str = "",
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.ReceiveStockResponse:
        """Book units that came in, all lines or none.

        Args:
            lines: What came in, 1 to 1,000 lines.
            reference: The caller's own document, such as a goods receipt.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            UnknownSku, UnknownLocation: There is no such thing.
            QuantityOverflow: A level would pass 2^53 - 1 units.
        """
        return await self._calls.unary(
            inventory_service_pb2.ReceiveStockRequest(
                request_id=request_id or new_request_id(),
                lines=[_receipt_line(line) for line in lines],
                reference=reference,
                reason=reason,
            ),
            inventory_service_pb2.ReceiveStockResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def adjust_stock(
        self,
        lines: Iterable[Adjustment],
        *,
        reason: str,
        reference: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.AdjustStockResponse:
        """Correct units on hand by a difference, up or down, all lines or none.

        A correction may take units that are reserved; nothing more can be reserved there then.

        Args:
            lines: The corrections, 1 to 1,000 lines.
            reason: Why, in words for the audit.
            reference: The caller's own document for the correction.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            AdjustmentBelowZero: A status would fall below zero units on hand.
            UnknownSku, UnknownLocation: There is no such thing.
            QuantityOverflow: A level would pass 2^53 - 1 units.
        """
        return await self._calls.unary(
            inventory_service_pb2.AdjustStockRequest(
                request_id=request_id or new_request_id(),
                lines=[_adjustment_line(line) for line in lines],
                reason=reason,
                reference=reference,
            ),
            inventory_service_pb2.AdjustStockResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    # Master data

    async def put_items(
        self,
        items: Iterable[catalog_pb2.Item],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutItemsResponse:
        """Create items or replace those that exist, 1 to 1,000, all or none.

        Raises:
            ScaleInUse: The scale of an item that has stock levels would change.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutItemsRequest(request_id=request_id or new_request_id(), items=items),
            catalog_service_pb2.PutItemsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def put_locations(
        self,
        locations: Iterable[catalog_pb2.Location],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutLocationsResponse:
        """Create locations or replace those that exist, 1 to 1,000, all or none."""
        return await self._calls.unary(
            catalog_service_pb2.PutLocationsRequest(request_id=request_id or new_request_id(), locations=locations),
            catalog_service_pb2.PutLocationsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def put_pools(
        self,
        pools: Iterable[catalog_pb2.Pool],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutPoolsResponse:
        """Create pools or replace those that exist, 1 to 1,000, all or none.

        Raises:
            UnknownLocation: A pool names a location that does not exist.
            LimitExceeded: A location would be in more pools than it may.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutPoolsRequest(request_id=request_id or new_request_id(), pools=pools),
            catalog_service_pb2.PutPoolsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def put_channels(
        self,
        channels: Iterable[catalog_pb2.Channel],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutChannelsResponse:
        """Create channels or replace those that exist, 1 to 1,000, all or none.

        Raises:
            UnknownPool: A channel names a pool that does not exist.
            LimitExceeded: A pool would serve more channels than it may.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutChannelsRequest(request_id=request_id or new_request_id(), channels=channels),
            catalog_service_pb2.PutChannelsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
        )

    async def get_item(self, sku: str, *, deadline_seconds: float | None = None) -> catalog_service_pb2.GetItemResponse:
        """Get one item.

        Raises:
            UnknownSku: No item has this SKU.
        """
        return await self._calls.unary(
            catalog_service_pb2.GetItemRequest(sku=sku),
            catalog_service_pb2.GetItemResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def list_items(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Item, None]:
        """Yield all items by SKU, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListItemsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListItemsResponse, deadline_seconds):
            for item in page.items:
                yield item

    async def list_items_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListItemsResponse:
        """Get one page of items; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListItemsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListItemsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def list_locations(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Location, None]:
        """Yield all locations by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListLocationsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListLocationsResponse, deadline_seconds):
            for location in page.locations:
                yield location

    async def list_locations_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListLocationsResponse:
        """Get one page of locations; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListLocationsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListLocationsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def list_pools(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Pool, None]:
        """Yield all pools by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListPoolsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListPoolsResponse, deadline_seconds):
            for pool in page.pools:
                yield pool

    async def list_pools_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListPoolsResponse:
        """Get one page of pools; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListPoolsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListPoolsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def list_channels(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Channel, None]:
        """Yield all channels by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListChannelsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListChannelsResponse, deadline_seconds):
            for channel in page.channels:
                yield channel

    async def list_channels_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListChannelsResponse:
        """Get one page of channels; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListChannelsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListChannelsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    # The audit

    async def list_movements(
        self,
        *,
        sku: str = "",
        location: str = "",
        reservation_id: str = "",
        order_id: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[stock_pb2.Movement, None]:
        """Yield all movements, the oldest first, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = audit_service_pb2.ListMovementsRequest(
            sku=sku, location=location, reservation_id=reservation_id, order_id=order_id, page_size=page_size
        )
        async for page in self._pages(request, audit_service_pb2.ListMovementsResponse, deadline_seconds):
            for movement in page.movements:
                yield movement

    async def list_movements_page(
        self,
        *,
        sku: str = "",
        location: str = "",
        reservation_id: str = "",
        order_id: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> audit_service_pb2.ListMovementsResponse:
        """Get one page of movements; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            audit_service_pb2.ListMovementsRequest(
                sku=sku,
                location=location,
                reservation_id=reservation_id,
                order_id=order_id,
                page_size=page_size,
                page_token=page_token,
            ),
            audit_service_pb2.ListMovementsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def verify_ledger(
        self, *, deadline_seconds: float | None = None
    ) -> AsyncGenerator[audit_service_pb2.VerifyLedgerResponse, None]:
        """Check the whole ledger against itself, yielding the progress about once a second.

        The last response, and only that, has a `verdict`. A check that breaks off half-way is not begun again
        by itself; leaving the iteration ends the check.
        """
        responses = self._calls.stream(
            audit_service_pb2.VerifyLedgerRequest(),
            audit_service_pb2.VerifyLedgerResponse,
            deadline_seconds=deadline_seconds or self._deadlines.verification_seconds,
        )
        try:
            async for response in responses:
                yield response
        finally:
            await responses.aclose()

    async def list_segments(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[audit_service_pb2.Segment, None]:
        """Yield all segments by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = audit_service_pb2.ListSegmentsRequest(page_size=page_size)
        async for page in self._pages(request, audit_service_pb2.ListSegmentsResponse, deadline_seconds):
            for segment in page.segments:
                yield segment

    async def list_segments_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> audit_service_pb2.ListSegmentsResponse:
        """Get one page of segments; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            audit_service_pb2.ListSegmentsRequest(page_size=page_size, page_token=page_token),
            audit_service_pb2.ListSegmentsResponse,
            deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
        )

    async def resume_segment(
        self,
        segment: str,
        *,
        mode: audit_service_pb2.ResumeMode,
        reason: str,
        deadline_seconds: float | None = None,
    ) -> audit_service_pb2.ResumeSegmentResponse:
        """Let a stopped segment go on.

        Never tried again by itself: it has no request_id, and giving up what the ledger lost must be decided
            each
        time. If no answer came, look at the segment first.

        Args:
            segment: The segment.
            mode: RESUME_MODE_REPLAY_JOURNAL or RESUME_MODE_DISCARD_JOURNAL.
            reason: Why, in words for the log.

        Raises:
            SegmentNotStopped: The segment is not stopped.
            UnknownSegment: There is no such segment.
        """
        return await self._calls.unary(
            audit_service_pb2.ResumeSegmentRequest(segment=segment, mode=mode, reason=reason),
            audit_service_pb2.ResumeSegmentResponse,
            deadline_seconds=deadline_seconds or self._deadlines.mutation_seconds,
            retry=_NO_RETRY,
        )

    # The server

    async def is_serving(self, *, deadline_seconds: float | None = None) -> bool:
        """Ask the server whether it serves, by the gRPC health protocol. Asked once, not retried."""
        answer = await self._calls.unary_bytes(
            _HEALTH_CHECK_PATH, b"", deadline_seconds=deadline_seconds or self._deadlines.read_seconds
        )
        return answer == _HEALTH_SERVING

    async def _pages(
        self, request: _Listing, response_type: type[_Page], deadline_seconds: float | None
    ) -> AsyncGenerator[_Page, None]:
        while True:
            page = await self._calls.unary(
                request,
                response_type,
                deadline_seconds=deadline_seconds or self._deadlines.read_seconds,
            )
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _demand_line(line: Demand) -> inventory_service_pb2.DemandLine:
    if not isinstance(line, tuple):
        return line
    sku, quantity, *location = line
    return inventory_service_pb2.DemandLine(sku=sku, quantity=quantity, location="".join(location))


def _release_line(line: Release) -> inventory_service_pb2.ReleaseLine:
    if isinstance(line, int):
        return inventory_service_pb2.ReleaseLine(line_number=line)
    if isinstance(line, tuple):
        return inventory_service_pb2.ReleaseLine(line_number=line[0], quantity=line[1])
    return line


def _receipt_line(line: Receipt) -> inventory_service_pb2.ReceiptLine:
    if not isinstance(line, tuple):
        return line
    sku, quantity, location = line
    return inventory_service_pb2.ReceiptLine(sku=sku, quantity=quantity, location=location)


def _adjustment_line(line: Adjustment) -> inventory_service_pb2.AdjustmentLine:
    if not isinstance(line, tuple):
        return line
    sku, delta_quantity, location = line
    return inventory_service_pb2.AdjustmentLine(sku=sku, delta_quantity=delta_quantity, location=location)


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1_000_000_000))
    return duration
