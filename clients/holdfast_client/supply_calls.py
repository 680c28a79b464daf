"""The calls of the inventory service for counts, inbound plans and transfers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable

from holdfast.inventory.v1 import revision_pb2, supply_pb2

from holdfast_client.each import each_of
from holdfast_client.moments import Moment, timestamp_of
from holdfast_client.request_ids import new_request_id
from holdfast_client.service_calls import ServiceCalls
from holdfast_client.supply_requests import (
    Arrived,
    Count,
    Expected,
    Shipped,
    count_request,
    inbound_line,
    transfer_line,
    transfer_receipt_line,
)


class SupplyCalls(ServiceCalls):
    """The methods of `HoldfastClient` for how units come to be at a location."""

    # Counts

    async def count_stock(
        self,
        lines: Iterable[Count],
        *,
        as_of: revision_pb2.Revision | Moment | None = None,
        reason: str = "",
        reference: str = "",
        park_unknown: bool = False,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> supply_pb2.CountStockResponse:
        """Set units on hand to what was counted, all lines or none. What moved since the count is kept.

        Args:
            lines: What was counted, reserved units included, 1 to 1,000 lines; each SKU, location and status at most
                once. A CountLine can name the status, and the units that are expected on the books (compare and set).
            as_of: When it was counted: at a revision, or at a time on the segment's clock. Left out: now.
            reason: Why, in words for the audit.
            reference: The caller's own document, such as a count list.
            park_unknown: If a SKU is unknown, the request waits until the item exists, instead of being refused;
                the answer has a `parked_id` then.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            QuantityChanged: The books are not what the caller expected.
            CountedSince: The level was counted again since the moment of this count.
            AdjustmentBelowZero: More has left since the count than was counted.
            StaleRevision: The segment has not reached the revision: it comes from another history.
            UnknownSku, UnknownLocation: There is no such thing.
            KitConflict: An item is a kit, which has no stock of its own.
            QuantityOverflow: A level would pass 10^12 units.
        """
        return await self._calls.unary(
            count_request(
                lines,
                as_of=as_of,
                reason=reason,
                reference=reference,
                park_unknown=park_unknown,
                request_id=request_id,
            ),
            supply_pb2.CountStockResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def stream_counts(
        self,
        counts: Iterable[supply_pb2.CountStockRequest] | AsyncIterable[supply_pb2.CountStockRequest],
        *,
        max_unanswered: int = 64,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[supply_pb2.StreamCountsResponse, None]:
        """Send a stream of counts, such as the snapshot of an ERP or a WMS, and yield the answer to each, in order.

        Each count is decided by itself. A refusal of one is in its answer and is not raised: `error_from_status`
        makes the typed error of it. A count without an id gets one, written into the message that was passed. Once
        the stream has begun it is not begun again by itself: if it breaks, those that were not answered can be sent
        again under their ids. Leaving the iteration ends the stream; counts that were sent may take effect.

        Args:
            counts: The counts, as `count_request` makes them, of any number. They are taken as the answers come; an
                iterable that is no list or tuple is read on a thread, so that it may block.
            max_unanswered: The most counts that are sent and not answered, 1 or more.
            deadline_seconds: For the whole stream; else the client's `stream_seconds`.
        """

        async def requests() -> AsyncGenerator[supply_pb2.StreamCountsRequest, None]:
            async for count in each_of(counts):
                count.request_id = count.request_id or new_request_id()
                yield supply_pb2.StreamCountsRequest(count=count)

        answers = self._calls.exchange(
            supply_pb2.StreamCountsRequest,
            requests(),
            supply_pb2.StreamCountsResponse,
            max_unanswered=max_unanswered,
            deadline_seconds=self._deadlines.stream_seconds if deadline_seconds is None else deadline_seconds,
        )
        try:
            async for answer in answers:
                yield answer
        finally:
            await answers.aclose()

    # Inbound plans

    async def plan_inbound(
        self,
        inbound_id: str,
        *,
        location: str,
        expected_time: Moment,
        lines: Iterable[Expected] = (),
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> supply_pb2.PlanInboundResponse:
        """Announce units that are expected at a location, or change what was announced. What came in is kept.

        Args:
            inbound_id: The caller's id of the plan, such as a purchase order.
            location: The location; it cannot be changed later.
            expected_time: When the units are expected. What is overdue is no longer promised.
            lines: What is expected altogether, each SKU at most once, at most 1,000. None: nothing more is expected,
                and the plan is closed.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            DocumentClosed: The plan is closed.
            ExceedsDocument: The plan is for another location.
            UnknownDocument: A plan that does not exist cannot be closed.
            UnknownSku, UnknownLocation: There is no such thing.
            KitConflict: An item is a kit, which has no stock of its own.
        """
        return await self._calls.unary(
            supply_pb2.PlanInboundRequest(
                request_id=request_id or new_request_id(),
                inbound_id=inbound_id,
                location=location,
                expected_time=timestamp_of(expected_time),
                lines=[inbound_line(line) for line in lines],
                reason=reason,
            ),
            supply_pb2.PlanInboundResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_inbounds(
        self,
        *,
        state: supply_pb2.InboundState | None = None,
        location: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[supply_pb2.Inbound, None]:
        """Yield all inbound plans by id, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = supply_pb2.ListInboundsRequest(state=state, location=location, page_size=page_size)
        async for page in self._pages(request, supply_pb2.ListInboundsResponse, deadline_seconds):
            for inbound in page.inbounds:
                yield inbound

    async def list_inbounds_page(
        self,
        *,
        state: supply_pb2.InboundState | None = None,
        location: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> supply_pb2.ListInboundsResponse:
        """Get one page of inbound plans; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            supply_pb2.ListInboundsRequest(state=state, location=location, page_size=page_size, page_token=page_token),
            supply_pb2.ListInboundsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    # Transfers

    async def ship_transfer(
        self,
        transfer_id: str,
        *,
        from_location: str,
        to_location: str,
        lines: Iterable[Shipped],
        expected_time: Moment | None = None,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> supply_pb2.ShipTransferResponse:
        """Report that units left a location for another, all lines or none. They are in transit until they arrive.

        Args:
            transfer_id: The caller's id of the transfer.
            from_location: The location that the units leave.
            to_location: The location that they go to.
            lines: What leaves, 1 to 1,000 lines, each SKU at most once. Reserved units may not leave.
            expected_time: When they are expected to arrive. None: they are promised to nobody before they are there.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            InsufficientStock: There are too few units that are not reserved.
            DocumentExists: There is a transfer of this id already.
            UnknownSku, UnknownLocation: There is no such thing.
            KitConflict: An item is a kit, which has no stock of its own.
        """
        return await self._calls.unary(
            supply_pb2.ShipTransferRequest(
                request_id=request_id or new_request_id(),
                transfer_id=transfer_id,
                from_location=from_location,
                to_location=to_location,
                lines=[transfer_line(line) for line in lines],
                expected_time=timestamp_of(expected_time),
                reason=reason,
            ),
            supply_pb2.ShipTransferResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def receive_transfer(
        self,
        transfer_id: str,
        *,
        lines: Iterable[Arrived] = (),
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> supply_pb2.ReceiveTransferResponse:
        """Report that units of a transfer arrived, or were lost on the way, all lines or none.

        Args:
            transfer_id: The transfer.
            lines: What arrived or was lost, each SKU at most once, at most 1,000. None: everything that is on its way
                arrived.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            ExceedsDocument: The transfer has no such SKU, or not so many units of it are on their way.
            DocumentClosed: Nothing is on its way any more.
            UnknownDocument: There is no such transfer.
            QuantityOverflow: A level would pass 10^12 units.
        """
        return await self._calls.unary(
            supply_pb2.ReceiveTransferRequest(
                request_id=request_id or new_request_id(),
                transfer_id=transfer_id,
                lines=[transfer_receipt_line(line) for line in lines],
                reason=reason,
            ),
            supply_pb2.ReceiveTransferResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_transfers(
        self,
        *,
        state: supply_pb2.TransferState | None = None,
        to_location: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[supply_pb2.Transfer, None]:
        """Yield all transfers by id, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = supply_pb2.ListTransfersRequest(state=state, to_location=to_location, page_size=page_size)
        async for page in self._pages(request, supply_pb2.ListTransfersResponse, deadline_seconds):
            for transfer in page.transfers:
                yield transfer

    async def list_transfers_page(
        self,
        *,
        state: supply_pb2.TransferState | None = None,
        to_location: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> supply_pb2.ListTransfersResponse:
        """Get one page of transfers; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            supply_pb2.ListTransfersRequest(
                state=state, to_location=to_location, page_size=page_size, page_token=page_token
            ),
            supply_pb2.ListTransfersResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )
