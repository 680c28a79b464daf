"""InventoryService in front of several segments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2_grpc, supply_pb2

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.counts import MAX_GATHERED_COUNTS
from holdfast_server.edge.errors import status_in_response
from holdfast_server.edge.front.availability import FrontAvailabilityCalls
from holdfast_server.edge.front.demand import FrontDemandCalls
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.routes import FrontCalls, ask, in_turn, segment_of_reservation, to_segment
from holdfast_server.edge.front.split_demand import SplitDemand
from holdfast_server.edge.front.splits import Splits
from holdfast_server.edge.front.streams import FrontStreamCalls, Streams
from holdfast_server.edge.rpc import conversing, unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.edge.window import Window
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.records import DocumentKind
from holdfast_server.refusals import Refusal, SpansSegments
from holdfast_server.settings import Settings

_INVENTORY = "inventory"


async def _of_lines(directory: Directory, request: Any) -> SegmentServices:
    """Returns the segment of all lines' locations; the lines are decided together."""
    return await directory.of_locations(
        [(f"lines[{number}].location", line.location) for number, line in enumerate(request.lines)]
    )


async def _of_location(directory: Directory, request: supply_pb2.PlanInboundRequest) -> SegmentServices:
    return await directory.of_locations([("location", request.location)])


async def _of_both_ends(directory: Directory, request: supply_pb2.ShipTransferRequest) -> SegmentServices:
    return await directory.of_locations(
        [("from_location", request.from_location), ("to_location", request.to_location)]
    )


async def _of_transfer(directory: Directory, request: supply_pb2.ReceiveTransferRequest) -> SegmentServices:
    return await directory.of_document(DocumentKind.TRANSFER, request.transfer_id)


async def _of_reservation_and_lines(directory: Directory, request: Any) -> SegmentServices:
    """Returns the segment of a reservation, which no line may leave: its units are reserved there."""
    segment = await segment_of_reservation(directory, request)
    named = [line.location for line in request.lines if line.location]
    places = await directory.places(PlacedKind.LOCATION, named) if named else {}
    for number, line in enumerate(request.lines):
        if places.get(line.location, segment) is not segment:
            raise SpansSegments(f"lines[{number}].location", f"{segment.segment},{places[line.location].segment}")
    return segment


class FrontStockCalls(FrontCalls):
    """Books units on hand in the segment where they lie."""

    ReceiveStock = to_segment(_INVENTORY, "ReceiveStock", _of_lines)
    AdjustStock = to_segment(_INVENTORY, "AdjustStock", _of_lines)
    CountStock = to_segment(_INVENTORY, "CountStock", _of_lines)
    MoveStatus = to_segment(_INVENTORY, "MoveStatus", _of_lines)
    PlanInbound = to_segment(_INVENTORY, "PlanInbound", _of_location)
    ListInbounds = in_turn(_INVENTORY, "ListInbounds", "inbounds")
    ShipTransfer = to_segment(_INVENTORY, "ShipTransfer", _of_both_ends)
    ReceiveTransfer = to_segment(_INVENTORY, "ReceiveTransfer", _of_transfer)
    ListTransfers = in_turn(_INVENTORY, "ListTransfers", "transfers")
    ListReturns = in_turn(_INVENTORY, "ListReturns", "returns")

    @unary
    async def ProcessReturn(
        self, request: fulfillment.ProcessReturnRequest, caller: Caller
    ) -> fulfillment.ProcessReturnResponse:
        answer: fulfillment.ProcessReturnResponse = await ask(
            _INVENTORY, "ProcessReturn", await self._segment_of_return(request), request, caller
        )
        return answer

    async def _segment_of_return(self, request: fulfillment.ProcessReturnRequest) -> SegmentServices:
        if request.WhichOneof("step") == "inspection":
            return await self._directory.of_document(DocumentKind.RETURN, request.return_id)
        receipt = request.receipt
        comes_to = await self._directory.of_locations([("receipt.location", receipt.location)])
        if receipt.reservation_id:
            sold_by = await self._directory.of_one_reservation(receipt.reservation_id)
            if sold_by is not comes_to:
                # How many of the units may still come back is known where they were sold.
                raise SpansSegments("receipt.location", f"{sold_by.segment},{comes_to.segment}")
        return comes_to

    @conversing
    async def StreamCounts(
        self, requests: AsyncIterator[supply_pb2.StreamCountsRequest], caller: Caller
    ) -> AsyncGenerator[supply_pb2.StreamCountsResponse]:
        window = Window(requests, max_messages=MAX_GATHERED_COUNTS, max_bytes=self.settings.max_message_bytes)
        async with window:
            while group := await window.take():
                for response in await self._answer_group(group, caller):
                    yield response

    async def _answer_group(
        self, group: Sequence[supply_pb2.StreamCountsRequest], caller: Caller
    ) -> list[supply_pb2.StreamCountsResponse]:
        answers: list[supply_pb2.StreamCountsResponse] = [supply_pb2.StreamCountsResponse()] * len(group)
        numbers: dict[SegmentServices, list[int]] = {}
        for number, one in enumerate(group):
            try:
                # What is wrong with a count says the segment; so one without lines may go to any.
                numbers.setdefault(await _of_lines(self._directory, one.count), []).append(number)
            except Refusal as refusal:
                answers[number] = supply_pb2.StreamCountsResponse(
                    request_id=one.count.request_id, refusal=status_in_response(refusal, "StreamCounts")
                )
        for segment, its_numbers in numbers.items():
            part = await segment.inventory.answer_group([group[number] for number in its_numbers], caller)
            for number, answer in zip(its_numbers, part, strict=True):
                answers[number] = answer
        return answers


class FrontInventory(
    FrontAvailabilityCalls,
    FrontDemandCalls,
    FrontStockCalls,
    FrontStreamCalls,
    inventory_service_pb2_grpc.InventoryServiceServicer,
):
    """Serves InventoryService."""

    def __init__(
        self, directory: Directory, settings: Settings, demand: SplitDemand, splits: Splits, streams: Streams
    ) -> None:
        super().__init__(directory, settings, demand, splits)
        self._streams = streams

    PostFulfillment = to_segment(_INVENTORY, "PostFulfillment", _of_reservation_and_lines)
    TransferReservation = to_segment(_INVENTORY, "TransferReservation", _of_reservation_and_lines)
    ListReservations = in_turn(_INVENTORY, "ListReservations", "reservations")
