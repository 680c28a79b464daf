"""The calls of the inventory service for what follows a reservation: fulfillment, the move elsewhere, the return."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from holdfast.inventory.v1 import fulfillment_pb2

from holdfast_client.fulfillment_requests import (
    Fulfillment,
    Inspection,
    ReservationTransfer,
    Returned,
    StatusMove,
    fulfillment_line,
    reservation_transfer_line,
    return_inspection,
    return_receipt,
    status_move_line,
)
from holdfast_client.request_ids import new_request_id
from holdfast_client.service_calls import ServiceCalls


class FulfillmentCalls(ServiceCalls):
    """The methods of `HoldfastClient` for reserved units that leave, move or come back."""

    async def post_fulfillment(
        self,
        reservation_id: str,
        *,
        lines: Iterable[Fulfillment] = (),
        source_missing_anew: bool = False,
        release_rest: bool = False,
        take_reserved: bool = False,
        reason: str = "",
        reference: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.PostFulfillmentResponse:
        """Report that units of a committed reservation left for the customer, and which of them were missing.

        Args:
            reservation_id: The reservation.
            lines: What was done, each line at most once. None: every open unit that is not backordered left.
            source_missing_anew: Missing units are reserved elsewhere in the channel's pool, as far as there are any.
                What stays missing is backordered, under an incident that the answer names.
            release_rest: Whatever is open after this is given back.
            take_reserved: Units that left from another location are booked even if others had reserved them there.
            reason: Why, in words for the audit.
            reference: The caller's own document, such as a delivery.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            NotCommitted: It is a hold.
            ReservationExpired, AlreadyReleased: It has ended.
            UnknownLine, FulfillmentExceedsOpen: The reservation has no such line, or not so many units of it that
                are open and there.
            InsufficientStock: The units are not where they are said to have left from.
            UnknownReservation, UnknownLocation: There is no such thing.
        """
        return await self._calls.unary(
            fulfillment_pb2.PostFulfillmentRequest(
                request_id=request_id or new_request_id(),
                reservation_id=reservation_id,
                lines=[fulfillment_line(line) for line in lines],
                source_missing_anew=source_missing_anew,
                release_rest=release_rest,
                take_reserved=take_reserved,
                reason=reason,
                reference=reference,
            ),
            fulfillment_pb2.PostFulfillmentResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def transfer_reservation(
        self,
        reservation_id: str,
        lines: Iterable[ReservationTransfer],
        *,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.TransferReservationResponse:
        """Reserve open units elsewhere, in one atomic step, all lines or none. Works for held and for committed ones.

        Args:
            reservation_id: The reservation.
            lines: What is moved and where to, 1 to 1,000 lines, each line number at most once. A
                ReservationTransferLine can name a pool instead of a location.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            InsufficientStock: There are too few units there.
            UnknownLine, ReleaseExceedsOpen: The reservation has no such line, or not so many open units of it.
            ReservationExpired, AlreadyReleased: It has ended.
            UnknownReservation, UnknownLocation, UnknownPool: There is no such thing.
        """
        return await self._calls.unary(
            fulfillment_pb2.TransferReservationRequest(
                request_id=request_id or new_request_id(),
                reservation_id=reservation_id,
                lines=[reservation_transfer_line(line) for line in lines],
                reason=reason,
            ),
            fulfillment_pb2.TransferReservationResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def process_return(
        self,
        return_id: str,
        step: fulfillment_pb2.ReturnReceipt | fulfillment_pb2.ReturnInspection,
        *,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.ProcessReturnResponse:
        """Report a step of a return. `receive_return` and `inspect_return` do it with plain values."""
        request = fulfillment_pb2.ProcessReturnRequest(
            request_id=request_id or new_request_id(), return_id=return_id, reason=reason
        )
        if isinstance(step, fulfillment_pb2.ReturnReceipt):
            request.receipt.CopyFrom(step)
        else:
            request.inspection.CopyFrom(step)
        return await self._calls.unary(
            request,
            fulfillment_pb2.ProcessReturnResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def receive_return(
        self,
        return_id: str,
        *,
        location: str,
        lines: Iterable[Returned],
        reservation_id: str = "",
        accept_blind: bool = False,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.ProcessReturnResponse:
        """Report that units came back. They lie in quality hold and are not sellable until they are inspected.

        Args:
            return_id: The caller's id of the return, such as its RMA number.
            location: The location that they came to.
            lines: What came back, 1 to 1,000 lines; each line number, or SKU, at most once.
            reservation_id: The reservation that they were sold by, if it is known.
            accept_blind: More than was fulfilled, or units of no known reservation, are accepted; the return is
                marked blind then.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            ReturnExceedsFulfilled: More came back than was fulfilled, and `accept_blind` was not said.
            DocumentExists: The return has been received before.
            UnknownLine: The reservation has no such line.
            KitConflict: An item is a kit, which comes back as its parts.
            UnknownReservation, UnknownLocation, UnknownSku: There is no such thing.
            QuantityOverflow: A level would pass 10^12 units.
        """
        receipt = return_receipt(
            location=location, lines=lines, reservation_id=reservation_id, accept_blind=accept_blind
        )
        return await self.process_return(
            return_id, receipt, reason=reason, request_id=request_id, deadline_seconds=deadline_seconds
        )

    async def inspect_return(
        self,
        return_id: str,
        lines: Iterable[Inspection],
        *,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.ProcessReturnResponse:
        """Report what the inspection found in units that came back, all of them or some.

        Args:
            return_id: The return.
            lines: What was found, 1 to 1,000 lines, each line number of the return at most once.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            ExceedsDocument: The return has no such line, or not so many units of it wait for inspection.
            DocumentClosed: Every unit was inspected before.
            AdjustmentBelowZero: The units are no longer in quality hold.
            UnknownDocument: There is no such return.
        """
        return await self.process_return(
            return_id,
            return_inspection(lines),
            reason=reason,
            request_id=request_id,
            deadline_seconds=deadline_seconds,
        )

    async def list_returns(
        self,
        *,
        state: fulfillment_pb2.ReturnState | None = None,
        order_id: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[fulfillment_pb2.CustomerReturn, None]:
        """Yield all returns by id, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = fulfillment_pb2.ListReturnsRequest(state=state, order_id=order_id, page_size=page_size)
        async for page in self._pages(request, fulfillment_pb2.ListReturnsResponse, deadline_seconds):
            for each in page.returns:
                yield each

    async def list_returns_page(
        self,
        *,
        state: fulfillment_pb2.ReturnState | None = None,
        order_id: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.ListReturnsResponse:
        """Get one page of returns; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            fulfillment_pb2.ListReturnsRequest(
                state=state, order_id=order_id, page_size=page_size, page_token=page_token
            ),
            fulfillment_pb2.ListReturnsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def move_status(
        self,
        lines: Iterable[StatusMove],
        *,
        reason: str,
        reference: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> fulfillment_pb2.MoveStatusResponse:
        """Change the status of units where they lie, all lines or none.

        Like a correction it may take units that are reserved; nothing more can be reserved there then.

        Args:
            lines: The changes, 1 to 1,000 lines, taken together before the check.
            reason: Why, in words for the audit.
            reference: The caller's own document.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            AdjustmentBelowZero: A status would fall below zero units on hand.
            UnknownSku, UnknownLocation: There is no such thing.
            KitConflict: An item is a kit, which has no stock of its own.
            QuantityOverflow: A level would pass 10^12 units.
        """
        return await self._calls.unary(
            fulfillment_pb2.MoveStatusRequest(
                request_id=request_id or new_request_id(),
                lines=[status_move_line(line) for line in lines],
                reason=reason,
                reference=reference,
            ),
            fulfillment_pb2.MoveStatusResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )
