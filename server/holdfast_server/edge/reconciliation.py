"""ReconciliationService: settles incidents, compares books, notes postings, shows what waits for its items."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.inventory.v1 import reconciliation_service_pb2 as pb
from holdfast.inventory.v1 import reconciliation_service_pb2_grpc
from holdfast.inventory.v1 import stock_pb2 as stock

from holdfast_server import records
from holdfast_server.decide.commands import Decision
from holdfast_server.edge import conversion, document_conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.documents import document_page
from holdfast_server.edge.pages import cut_page, key_after, page_size_of
from holdfast_server.edge.requests import reconciliation as commands
from holdfast_server.edge.requests.reservations import availability, position_in
from holdfast_server.edge.rpc import unary
from holdfast_server.ledger import divergence, queries
from holdfast_server.records import Change, Document, DocumentKind
from holdfast_server.refusals import StaleRevision


class ReconciliationServicer(Calls, reconciliation_service_pb2_grpc.ReconciliationServiceServicer):
    """Serves ReconciliationService."""

    @unary
    async def ListIncidents(self, request: pb.ListIncidentsRequest, _: Caller) -> pb.ListIncidentsResponse:
        (after,) = key_after(request, "")
        only = queries.DocumentFilter(state=request.state, channel=request.channel, order_id=request.order_id)
        found = await self._authority.reader.ask(
            queries.list_documents,
            self._segment,
            DocumentKind.INCIDENT,
            only,
            after=after,
            limit=page_size_of(request) + 1,
        )
        causes = await self._causes_of(found)
        page, token = cut_page(
            request,
            found,
            lambda one: document_conversion.incident(self._segment, one, causes.get(one.document_id)),
            lambda one: (one.document_id,),
        )
        return pb.ListIncidentsResponse(incidents=page, next_page_token=token)

    async def _causes_of(self, incidents: Sequence[Document]) -> dict[str, Change]:
        ids = [one.document_id for one in incidents]
        return await self._authority.reader.ask(queries.incident_causes, self._segment, ids)

    @unary
    async def ResolveIncident(self, request: pb.ResolveIncidentRequest, caller: Caller) -> pb.ResolveIncidentResponse:
        decision = await self._authority.decide(commands.resolve_incident(request, caller), request)
        response = pb.ResolveIncidentResponse(
            incident=await self._incident(decision), revision=self._revision(decision), replayed=decision.replayed
        )
        if decision.reservation:
            conversion.fill_reservation(response.reservation, self._segment, decision.reservation)
        return response

    @unary
    async def CloseIncident(self, request: pb.CloseIncidentRequest, caller: Caller) -> pb.CloseIncidentResponse:
        decision = await self._authority.decide(commands.close_incident(request, caller), request)
        return pb.CloseIncidentResponse(
            incident=await self._incident(decision), revision=self._revision(decision), replayed=decision.replayed
        )

    @unary
    async def CompareStock(self, request: pb.CompareStockRequest, _: Caller) -> pb.CompareStockResponse:
        # Whatever was decided before this call is committed, and so in the books, once this question is answered.
        await self._authority.read(availability([]))
        levels = [
            divergence.ComparedLevel(
                sku=line.sku,
                location=line.location,
                status=line.status or stock.STOCK_STATUS_SELLABLE,
                their_quantity=line.their_quantity,
            )
            for line in request.lines
        ]
        found = await self._authority.reader.ask(divergence.compare, self._segment, levels)
        return pb.CompareStockResponse(
            divergences=[
                document_conversion.divergence(self._segment, level, one)
                for level, one in zip(levels, found, strict=True)
            ]
        )

    @unary
    async def NotePosting(self, request: pb.NotePostingRequest, caller: Caller) -> pb.NotePostingResponse:
        booked = 0
        if request.HasField("booked_revision"):
            booked = position_in(self._segment, request.booked_revision)
            reached = (await self._authority.read(availability([]))).position
            if booked > reached:
                raise StaleRevision(self._segment, booked, reached)
        decision = await self._authority.decide(commands.note_posting(request, caller, booked), request)
        return pb.NotePostingResponse(
            posting=document_conversion.posting(self._segment, records.unpack_document(decision.extra)),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )

    async def _incident(self, decision: Decision) -> pb.Incident:
        found = records.unpack_document(decision.extra)
        causes = await self._causes_of([found])
        return document_conversion.incident(self._segment, found, causes.get(found.document_id))

    @unary
    async def ListParkedRequests(
        self, request: pb.ListParkedRequestsRequest, _: Caller
    ) -> pb.ListParkedRequestsResponse:
        only = queries.DocumentFilter(state=request.state)
        page, token = await document_page(self._authority, request, DocumentKind.PARKED, only, self._parked)
        return pb.ListParkedRequestsResponse(parked_requests=page, next_page_token=token)

    @unary
    async def DiscardParkedRequest(
        self, request: pb.DiscardParkedRequestRequest, caller: Caller
    ) -> pb.DiscardParkedRequestResponse:
        decision = await self._authority.decide(commands.discard_parked_request(request, caller), request)
        return pb.DiscardParkedRequestResponse(
            parked_request=self._parked(self._segment, records.unpack_document(decision.extra)),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )

    def _parked(self, segment: str, value: Document) -> pb.ParkedRequest:
        return document_conversion.parked_request(segment, value, self._authority.refused_again)
