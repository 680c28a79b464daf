"""The calls of InventoryService about units on their way: inbound plans and transfers."""

from __future__ import annotations

from holdfast.inventory.v1 import supply_pb2 as pb

from holdfast_server import records
from holdfast_server.edge import document_conversion as conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.documents import document_page
from holdfast_server.edge.requests import stock as commands
from holdfast_server.edge.rpc import unary
from holdfast_server.ledger import queries
from holdfast_server.records import DocumentKind


class SupplyCalls(Calls):
    """Keeps inbound plans and transfers."""

    @unary
    async def PlanInbound(self, request: pb.PlanInboundRequest, caller: Caller) -> pb.PlanInboundResponse:
        decision = await self._authority.decide(commands.plan_inbound(request, caller), request)
        return pb.PlanInboundResponse(
            inbound=conversion.inbound(self._segment, records.unpack_document(decision.extra)),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )

    @unary
    async def ListInbounds(self, request: pb.ListInboundsRequest, _: Caller) -> pb.ListInboundsResponse:
        only = queries.DocumentFilter(state=request.state, location=request.location)
        page, token = await document_page(self._authority, request, DocumentKind.INBOUND, only, conversion.inbound)
        return pb.ListInboundsResponse(inbounds=page, next_page_token=token)

    @unary
    async def ShipTransfer(self, request: pb.ShipTransferRequest, caller: Caller) -> pb.ShipTransferResponse:
        decision = await self._authority.decide(commands.ship_transfer(request, caller), request)
        return pb.ShipTransferResponse(
            transfer=conversion.transfer(self._segment, records.unpack_document(decision.extra)),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )

    @unary
    async def ReceiveTransfer(self, request: pb.ReceiveTransferRequest, caller: Caller) -> pb.ReceiveTransferResponse:
        decision = await self._authority.decide(commands.receive_transfer(request, caller), request)
        return pb.ReceiveTransferResponse(
            transfer=conversion.transfer(self._segment, records.unpack_document(decision.extra)),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )

    @unary
    async def ListTransfers(self, request: pb.ListTransfersRequest, _: Caller) -> pb.ListTransfersResponse:
        only = queries.DocumentFilter(state=request.state, location=request.to_location)
        page, token = await document_page(self._authority, request, DocumentKind.TRANSFER, only, conversion.transfer)
        return pb.ListTransfersResponse(transfers=page, next_page_token=token)
