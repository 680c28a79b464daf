"""The calls of InventoryService about units on hand."""

from __future__ import annotations

from holdfast.inventory.v1 import fulfillment_pb2, stock_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server import records
from holdfast_server.decide.commands import Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.requests import stock as commands
from holdfast_server.edge.rpc import unary


class StockCalls(Calls):
    """Books receipts, corrections and changes of status."""

    @unary
    async def ReceiveStock(self, request: pb.ReceiveStockRequest, caller: Caller) -> pb.ReceiveStockResponse:
        decision = await self._authority.decide(commands.receive_stock(request, caller), request)
        return pb.ReceiveStockResponse(
            stock_levels=_levels(decision),
            revision=self._revision(decision),
            replayed=decision.replayed,
            parked_id=records.unpack_parked_id(decision.extra),
        )

    @unary
    async def AdjustStock(self, request: pb.AdjustStockRequest, caller: Caller) -> pb.AdjustStockResponse:
        decision = await self._authority.decide(commands.adjust_stock(request, caller), request)
        return pb.AdjustStockResponse(
            stock_levels=_levels(decision),
            revision=self._revision(decision),
            replayed=decision.replayed,
            parked_id=records.unpack_parked_id(decision.extra),
        )

    @unary
    async def MoveStatus(
        self, request: fulfillment_pb2.MoveStatusRequest, caller: Caller
    ) -> fulfillment_pb2.MoveStatusResponse:
        decision = await self._authority.decide(commands.move_status(request, caller), request)
        return fulfillment_pb2.MoveStatusResponse(
            stock_levels=_levels(decision), revision=self._revision(decision), replayed=decision.replayed
        )


def _levels(decision: Decision) -> list[stock_pb2.StockLevel]:
    return [conversion.stock_level(level) for level in records.unpack_levels(decision.extra)]
