"""The calls of the reconciliation service: incidents, compared books, postings, requests that wait for their items."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from holdfast.inventory.v1 import reconciliation_service_pb2, revision_pb2

from holdfast_client.moments import Moment, timestamp_of
from holdfast_client.request_ids import new_request_id
from holdfast_client.service_calls import ServiceCalls


class ReconciliationCalls(ServiceCalls):
    """The methods of `HoldfastClient` that settle what went wrong between the books and the world."""

    async def list_incidents(
        self,
        *,
        state: reconciliation_service_pb2.IncidentState | None = None,
        channel: str = "",
        order_id: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[reconciliation_service_pb2.Incident, None]:
        """Yield all incidents by id, each with its cause, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = reconciliation_service_pb2.ListIncidentsRequest(
            state=state, channel=channel, order_id=order_id, page_size=page_size
        )
        async for page in self._pages(request, reconciliation_service_pb2.ListIncidentsResponse, deadline_seconds):
            for incident in page.incidents:
                yield incident

    async def list_incidents_page(
        self,
        *,
        state: reconciliation_service_pb2.IncidentState | None = None,
        channel: str = "",
        order_id: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.ListIncidentsResponse:
        """Get one page of incidents; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            reconciliation_service_pb2.ListIncidentsRequest(
                state=state, channel=channel, order_id=order_id, page_size=page_size, page_token=page_token
            ),
            reconciliation_service_pb2.ListIncidentsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def resolve_incident(
        self,
        incident_id: str,
        *,
        resolution: reconciliation_service_pb2.Resolution,
        substitute_sku: str = "",
        to_location: str = "",
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.ResolveIncidentResponse:
        """Give an incident its resolution and carry that out in the same atomic step.

        It is about the units of the incident that are still backordered.

        Args:
            incident_id: The incident.
            resolution: RESOLUTION_CANCEL, RESOLUTION_BACKORDER, RESOLUTION_SUBSTITUTE or RESOLUTION_TRANSFER.
            substitute_sku: What the customer gets instead; with SUBSTITUTE, and only then.
            to_location: Where the units are reserved instead; with TRANSFER, and only then.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            InsufficientStock: There are no units to substitute or to transfer.
            DocumentClosed: The incident is closed.
            UnknownDocument, UnknownSku, UnknownLocation: There is no such thing.
            KitConflict: The substitute is a kit.
        """
        return await self._calls.unary(
            reconciliation_service_pb2.ResolveIncidentRequest(
                request_id=request_id or new_request_id(),
                incident_id=incident_id,
                resolution=resolution,
                substitute_sku=substitute_sku,
                to_location=to_location,
                reason=reason,
            ),
            reconciliation_service_pb2.ResolveIncidentResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def close_incident(
        self,
        incident_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.CloseIncidentResponse:
        """Close an incident. One that is open is closed without a resolution.

        Raises:
            DocumentClosed: The incident is closed.
            UnknownDocument: There is no such incident.
        """
        return await self._calls.unary(
            reconciliation_service_pb2.CloseIncidentRequest(
                request_id=request_id or new_request_id(), incident_id=incident_id, reason=reason
            ),
            reconciliation_service_pb2.CloseIncidentResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def compare_stock(
        self,
        lines: Iterable[reconciliation_service_pb2.ComparedLine],
        *,
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.CompareStockResponse:
        """Compare what another system has on its books with ours; the answer says where each difference comes from.

        It names the change that the other system lacks or has booked twice, and books nothing.

        Args:
            lines: What that system has on hand, 1 to 1,000 lines; each SKU, location and status at most once.
            deadline_seconds: How long the answer is waited for.

        Raises:
            InvalidRequest: A line is named twice, or breaks the rules of its fields.
        """
        return await self._calls.unary(
            reconciliation_service_pb2.CompareStockRequest(lines=lines),
            reconciliation_service_pb2.CompareStockResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def note_posting(
        self,
        reservation_id: str,
        *,
        system: str,
        document: str,
        booked_revision: revision_pb2.Revision | None = None,
        booked_time: Moment | None = None,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.NotePostingResponse:
        """Note that another system has booked what a reservation did, so that `trace_order` tells of it.

        Args:
            reservation_id: The reservation, live or ended.
            system: The system that booked it, such as "netsuite".
            document: The number of the document there.
            booked_revision: The revision of what was booked, such as that of the fulfillment.
            booked_time: When it was booked, on the clock of that system.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one. A connector makes one of
                the document, so that it may tell twice.
            deadline_seconds: How long the answer is waited for.

        Raises:
            UnknownReservation: There is no such reservation.
            StaleRevision: There is no such revision yet.
        """
        return await self._calls.unary(
            reconciliation_service_pb2.NotePostingRequest(
                request_id=request_id or new_request_id(),
                reservation_id=reservation_id,
                system=system,
                document=document,
                booked_revision=booked_revision,
                booked_time=timestamp_of(booked_time),
                reason=reason,
            ),
            reconciliation_service_pb2.NotePostingResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_parked_requests(
        self,
        *,
        state: reconciliation_service_pb2.ParkedState | None = None,
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[reconciliation_service_pb2.ParkedRequest, None]:
        """Yield all requests that wait, or waited, for their items, by id, page after page.

        Such a request takes effect by itself as soon as every item that it names exists. The deadline is that of each
        page. `page_size` is at most 1,000; 0 means 100.
        """
        request = reconciliation_service_pb2.ListParkedRequestsRequest(state=state, page_size=page_size)
        async for page in self._pages(request, reconciliation_service_pb2.ListParkedRequestsResponse, deadline_seconds):
            for parked in page.parked_requests:
                yield parked

    async def list_parked_requests_page(
        self,
        *,
        state: reconciliation_service_pb2.ParkedState | None = None,
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.ListParkedRequestsResponse:
        """Get one page of parked requests; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            reconciliation_service_pb2.ListParkedRequestsRequest(
                state=state, page_size=page_size, page_token=page_token
            ),
            reconciliation_service_pb2.ListParkedRequestsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def discard_parked_request(
        self,
        parked_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> reconciliation_service_pb2.DiscardParkedRequestResponse:
        """Give up a request that waits for its items.

        Raises:
            DocumentClosed: It took effect, or was given up before.
            UnknownDocument: There is no such request.
        """
        return await self._calls.unary(
            reconciliation_service_pb2.DiscardParkedRequestRequest(
                request_id=request_id or new_request_id(), parked_id=parked_id, reason=reason
            ),
            reconciliation_service_pb2.DiscardParkedRequestResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )
