"""The calls of InventoryService about units that leave for the customer, and that come back."""

from __future__ import annotations

from holdfast.inventory.v1 import fulfillment_pb2 as pb

from holdfast_server import records
from holdfast_server.edge import document_conversion as conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.documents import document_page
from holdfast_server.edge.requests import reservations as commands
from holdfast_server.edge.rpc import unary
from holdfast_server.ledger import queries
from holdfast_server.records import DocumentKind


class FulfillmentCalls(Calls):
    """Books fulfillments and returns."""

    @unary
    async def PostFulfillment(self, request: pb.PostFulfillmentRequest, caller: Caller) -> pb.PostFulfillmentResponse:
        decision = await self._authority.decide(commands.post_fulfillment(request, caller), request)
        response = pb.PostFulfillmentResponse(incident_id=records.unpack_incident_id(decision.extra))
        self._fill_in(response, decision)
        return response

    @unary
    async def ProcessReturn(self, request: pb.ProcessReturnRequest, caller: Caller) -> pb.ProcessReturnResponse:
        decision = await self._authority.decide(commands.process_return(request, caller), request)
        return pb.ProcessReturnResponse(
            customer_return=conversion.customer_return(self._segment, records.unpack_document(decision.extra)),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )

    @unary
    async def ListReturns(self, request: pb.ListReturnsRequest, _: Caller) -> pb.ListReturnsResponse:
        only = queries.DocumentFilter(state=request.state, order_id=request.order_id)
        page, token = await document_page(
            self._authority, request, DocumentKind.RETURN, only, conversion.customer_return
        )
        return pb.ListReturnsResponse(returns=page, next_page_token=token)
