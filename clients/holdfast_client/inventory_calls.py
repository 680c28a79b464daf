"""The calls of the inventory service: reservations, availability and stock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from holdfast.inventory.v1 import inventory_service_pb2, reservation_pb2, revision_pb2

from holdfast_client.inventory_requests import (
    Adjustment,
    Demand,
    Receipt,
    Release,
    adjustment_line,
    availability_key,
    receipt_line,
    release_line,
    reservation_request,
)
from holdfast_client.moments import Moment, duration_of
from holdfast_client.request_ids import new_request_id
from holdfast_client.service_calls import ServiceCalls


class InventoryCalls(ServiceCalls):
    """The methods of `HoldfastClient` that reserve, sell and move units."""

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
        told: bool = False,
        customer_id: str = "",
        allow_backorder: bool = False,
        allow_substitution: bool = False,
        sourcing: reservation_pb2.Sourcing | None = None,
        seen_revision: revision_pb2.Revision | None = None,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.CreateReservationResponse:
        """Set units aside for one demand; all lines are decided together.

        Calls that are made at the same time travel together (see `Batching`), and each ends as it would alone.

        A demand asks, and may be refused; or, with `told`, the channel has sold already: then the reservation is
        committed at once and takes whatever is there, what is missing is backordered, and an incident is opened,
        which the answer names.

        Args:
            channel: The channel whose demand it is.
            lines: The units, 1 to 1,000 lines. A line without a location is sourced from the channel's pool.
            order_id: The caller's order, to find the reservation by.
            ttl_seconds: How long the hold lasts unless it is committed, 1 second to 7 days. Left out: 15
                minutes.
            allow_split: A sourced line may be drawn from several locations.
            partial: Of each line as much is reserved as there is; the answer's `shortfalls` say what is
                missing.
            told: The channel has sold already. Without `ttl_seconds` and `partial` then.
            customer_id: The customer, for the limit on open holds.
            allow_backorder: Units that are not there may be promised, as far as the backorder rule allows.
            allow_substitution: What is missing of a line may be reserved of a substitute; goes before a backorder.
            sourcing: How lines are sourced that name no location, as `sourcing_order` says it.
            seen_revision: The revision that the channel had last acknowledged when it sold; with `told`. It tells
                the cause of an incident.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            InsufficientStock: There is too little; `short_lines` has every short line, and `offers` what may be
                sold instead.
            ItemInactive: An item is no longer sold.
            HoldLimitReached: The customer or the caller holds too much already.
            UnknownSku, UnknownLocation, UnknownChannel, UnknownDestination: There is no such thing.
            LocationNotInPool: The channel does not sell from a location that a line names.
            LimitExceeded: The reservation would have too many lines after splitting.
            Overloaded: The authority has too much to do; or `max_waiting` of the client's `Batching` is reached.
        """
        request = reservation_request(
            channel=channel,
            lines=lines,
            order_id=order_id,
            ttl_seconds=ttl_seconds,
            allow_split=allow_split,
            partial=partial,
            told=told,
            customer_id=customer_id,
            allow_backorder=allow_backorder,
            allow_substitution=allow_substitution,
            sourcing=sourcing,
            seen_revision=seen_revision,
            request_id=request_id,
        )
        deadline_seconds = self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds
        if self._batches is not None:
            return await self._batches.create_reservation(request, deadline_seconds=deadline_seconds)
        return await self._calls.unary(
            request, inventory_service_pb2.CreateReservationResponse, deadline_seconds=deadline_seconds
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
            deadline_seconds=self._deadlines.batch_seconds if deadline_seconds is None else deadline_seconds,
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
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
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
                ttl=duration_of(ttl_seconds),
            ),
            inventory_service_pb2.ExtendReservationResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
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
                lines=[release_line(line) for line in lines],
                reason=reason,
            ),
            inventory_service_pb2.ReleaseReservationResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
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
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_reservations(
        self,
        *,
        state: reservation_pb2.ReservationState | None = None,
        channel: str = "",
        order_id: str = "",
        sku: str = "",
        location: str = "",
        location_unsettled: bool = False,
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[reservation_pb2.Reservation, None]:
        """Yield all reservations, the newest first, page after page. What is left out does not restrict.

        `location_unsettled`: only those with open units at a location that nobody has chosen yet but the authority.
        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = inventory_service_pb2.ListReservationsRequest(
            state=state,
            channel=channel,
            order_id=order_id,
            sku=sku,
            location=location,
            location_unsettled=location_unsettled,
            page_size=page_size,
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
        location_unsettled: bool = False,
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
                location_unsettled=location_unsettled,
                page_size=page_size,
                page_token=page_token,
            ),
            inventory_service_pb2.ListReservationsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    # Availability and stock

    async def get_availability(
        self,
        sku: str,
        *,
        channel: str | None = None,
        location: str | None = None,
        promise_time: Moment | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.GetAvailabilityResponse:
        """Get what may be sold now of one SKU, to a channel or from a location. Give exactly one of the two.

        The answer is at least as new as every mutation that was answered before the call. With a `promise_time` it
        says too how many units can be promised for the day of it (a day of UTC; one in the past counts as today).

        Raises:
            UnknownSku, UnknownLocation, UnknownChannel: There is no such thing.
            ValueError: Neither or both of channel and location were given, or a time without a time zone.
        """
        return await self._calls.unary(
            inventory_service_pb2.GetAvailabilityRequest(
                key=availability_key(sku, channel=channel, location=location, promise_time=promise_time)
            ),
            inventory_service_pb2.GetAvailabilityResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
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
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def receive_stock(
        self,
        lines: Iterable[Receipt],
        *,
        reference: str = "",
        reason: str = "",
        inbound_id: str = "",
        park_unknown: bool = False,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.ReceiveStockResponse:
        """Book units that came in, all lines or none.

        Args:
            lines: What came in, 1 to 1,000 lines.
            reference: The caller's own document, such as a goods receipt.
            reason: Why, in words for the audit.
            inbound_id: The inbound plan that the units came in on; all lines are at its location.
            park_unknown: If a SKU is unknown, the request waits until the item exists, instead of being refused;
                the answer has a `parked_id` then.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            UnknownSku, UnknownLocation, UnknownDocument: There is no such thing.
            KitConflict: An item is a kit, which has no stock of its own.
            DocumentClosed, ExceedsDocument: The plan has ended, or is for another location.
            QuantityOverflow: A level would pass 10^12 units.
        """
        return await self._calls.unary(
            inventory_service_pb2.ReceiveStockRequest(
                request_id=request_id or new_request_id(),
                lines=[receipt_line(line) for line in lines],
                reference=reference,
                reason=reason,
                inbound_id=inbound_id,
                park_unknown=park_unknown,
            ),
            inventory_service_pb2.ReceiveStockResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def adjust_stock(
        self,
        lines: Iterable[Adjustment],
        *,
        reason: str,
        reference: str = "",
        park_unknown: bool = False,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> inventory_service_pb2.AdjustStockResponse:
        """Correct units on hand by a difference, up or down, all lines or none.

        A correction may take units that are reserved; nothing more can be reserved there then.

        Args:
            lines: The corrections, 1 to 1,000 lines.
            reason: Why, in words for the audit.
            reference: The caller's own document for the correction.
            park_unknown: If a SKU is unknown, the request waits until the item exists, instead of being refused.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            AdjustmentBelowZero: A status would fall below zero units on hand.
            UnknownSku, UnknownLocation: There is no such thing.
            KitConflict: An item is a kit, which has no stock of its own.
            QuantityOverflow: A level would pass 10^12 units.
        """
        return await self._calls.unary(
            inventory_service_pb2.AdjustStockRequest(
                request_id=request_id or new_request_id(),
                lines=[adjustment_line(line) for line in lines],
                reason=reason,
                reference=reference,
                park_unknown=park_unknown,
            ),
            inventory_service_pb2.AdjustStockResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )
