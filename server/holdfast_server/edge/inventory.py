"""InventoryService: each RPC is a command for the decider or a question to the ledger."""

from __future__ import annotations

from typing import Final

from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import inventory_service_pb2_grpc, reservation_pb2, stock_pb2

from holdfast_server import records
from holdfast_server.decide.commands import Decision, Reading
from holdfast_server.edge import conversion, requests
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.errors import UNLIMITED_DETAILS_BYTES, status_of, status_of_fault
from holdfast_server.edge.pages import key_after, page_size_of, page_token
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.validation import violations_of
from holdfast_server.ledger import queries
from holdfast_server.refusals import (
    InvalidField,
    Refusal,
    StaleRevision,
    UnknownReservation,
    UnknownSegment,
)

# A page ends early rather than pass the 4 MiB that a gRPC client accepts unless told otherwise.
_MAX_PAGE_BYTES: Final = 3 * 1024 * 1024


class InventoryServicer(inventory_service_pb2_grpc.InventoryServiceServicer):
    """Serves InventoryService. Promises: see the service's comment in the proto."""

    def __init__(self, authority: Authority) -> None:
        self.settings = authority.settings
        self._authority = authority
        self._segment = authority.settings.segment

    @unary
    async def GetAvailability(self, request: pb.GetAvailabilityRequest, _: Caller) -> pb.GetAvailabilityResponse:
        reading = await self._authority.read(requests.availability([request.key]))
        return pb.GetAvailabilityResponse(
            availability=_availability(request.key, reading.answers[0]),
            revision=conversion.revision(self._segment, reading.position),
        )

    @unary
    async def BatchGetAvailability(
        self, request: pb.BatchGetAvailabilityRequest, _: Caller
    ) -> pb.BatchGetAvailabilityResponse:
        if request.HasField("min_revision") and request.min_revision.segment != self._segment:
            raise UnknownSegment(request.min_revision.segment)
        reading = await self._authority.read(requests.availability(request.keys))
        self._check_reached(request, reading)
        return pb.BatchGetAvailabilityResponse(
            availabilities=[
                _availability(key, answer) for key, answer in zip(request.keys, reading.answers, strict=True)
            ],
            revision=conversion.revision(self._segment, reading.position),
        )

    def _check_reached(self, request: pb.BatchGetAvailabilityRequest, reading: Reading) -> None:
        if request.min_revision.position > reading.position:
            raise StaleRevision(self._segment, request.min_revision.position, reading.position)

    @unary
    async def CreateReservation(
        self, request: pb.CreateReservationRequest, caller: Caller
    ) -> pb.CreateReservationResponse:
        command = requests.create_reservation(request, caller, self.settings)
        return self._created(await self._authority.decide(command, request))

    def _created(self, decision: Decision) -> pb.CreateReservationResponse:
        return pb.CreateReservationResponse(
            reservation=self._reservation(decision),
            shortfalls=[conversion.shortfall(one) for one in records.unpack_shortfalls(decision.extra)],
            revision=conversion.revision(self._segment, decision.position),
            replayed=decision.replayed,
        )

    def _reservation(self, decision: Decision) -> reservation_pb2.Reservation:
        return conversion.packed_reservation(self._segment, decision.reservation)

    @unary
    async def BatchCreateReservations(
        self, request: pb.BatchCreateReservationsRequest, caller: Caller
    ) -> pb.BatchCreateReservationsResponse:
        results: list[pb.ReservationResult | None] = []
        valid: list[pb.CreateReservationRequest] = []
        for one in request.requests:
            violations = violations_of(one, self.settings)
            results.append(_refused(InvalidField(violations)) if violations else None)
            if not violations:
                valid.append(one)
        commands = [requests.create_reservation(one, caller, self.settings) for one in valid]
        answers = iter(await self._authority.decide_all(commands, valid))
        return pb.BatchCreateReservationsResponse(
            results=[self._result(next(answers)) if result is None else result for result in results]
        )

    def _result(self, answer: Decision | Exception) -> pb.ReservationResult:
        if isinstance(answer, Exception):
            return _refused(answer)
        return pb.ReservationResult(created=self._created(answer))

    @unary
    async def CommitReservation(
        self, request: pb.CommitReservationRequest, caller: Caller
    ) -> pb.CommitReservationResponse:
        decision = await self._authority.decide(requests.commit_reservation(request, caller), request)
        return pb.CommitReservationResponse(
            reservation=self._reservation(decision),
            revision=conversion.revision(self._segment, decision.position),
            replayed=decision.replayed,
        )

    @unary
    async def ExtendReservation(
        self, request: pb.ExtendReservationRequest, caller: Caller
    ) -> pb.ExtendReservationResponse:
        decision = await self._authority.decide(requests.extend_reservation(request, caller), request)
        return pb.ExtendReservationResponse(
            reservation=self._reservation(decision),
            revision=conversion.revision(self._segment, decision.position),
            replayed=decision.replayed,
        )

    @unary
    async def ReleaseReservation(
        self, request: pb.ReleaseReservationRequest, caller: Caller
    ) -> pb.ReleaseReservationResponse:
        decision = await self._authority.decide(requests.release_reservation(request, caller), request)
        return pb.ReleaseReservationResponse(
            reservation=self._reservation(decision),
            revision=conversion.revision(self._segment, decision.position),
            replayed=decision.replayed,
        )

    @unary
    async def GetReservation(self, request: pb.GetReservationRequest, _: Caller) -> pb.GetReservationResponse:
        found = await self._authority.reader.ask(queries.find_reservation, self._segment, request.reservation_id)
        if found is None:
            raise UnknownReservation(request.reservation_id)
        return pb.GetReservationResponse(reservation=conversion.reservation(self._segment, found))

    @unary
    async def ListReservations(self, request: pb.ListReservationsRequest, _: Caller) -> pb.ListReservationsResponse:
        (before,) = key_after(request, "")
        size = page_size_of(request)
        only = queries.ReservationFilter(
            state=request.state,
            channel=request.channel,
            order_id=request.order_id,
            sku=request.sku,
            location=request.location,
        )
        found = await self._authority.reader.ask(
            queries.list_reservations, self._segment, only, before=before, limit=size + 1
        )
        response = pb.ListReservationsResponse()
        room = _MAX_PAGE_BYTES
        for one in found[:size]:
            message = conversion.reservation(self._segment, one)
            room -= message.ByteSize()
            if room < 0 and response.reservations:
                break
            response.reservations.append(message)
        if len(response.reservations) < len(found):
            response.next_page_token = page_token(request, response.reservations[-1].reservation_id)
        return response

    @unary
    async def ReceiveStock(self, request: pb.ReceiveStockRequest, caller: Caller) -> pb.ReceiveStockResponse:
        decision = await self._authority.decide(requests.receive_stock(request, caller), request)
        return pb.ReceiveStockResponse(
            stock_levels=[conversion.stock_level(level) for level in records.unpack_levels(decision.extra)],
            revision=conversion.revision(self._segment, decision.position),
            replayed=decision.replayed,
        )

    @unary
    async def AdjustStock(self, request: pb.AdjustStockRequest, caller: Caller) -> pb.AdjustStockResponse:
        decision = await self._authority.decide(requests.adjust_stock(request, caller), request)
        return pb.AdjustStockResponse(
            stock_levels=[conversion.stock_level(level) for level in records.unpack_levels(decision.extra)],
            revision=conversion.revision(self._segment, decision.position),
            replayed=decision.replayed,
        )


def _refused(error: Exception) -> pb.ReservationResult:
    if isinstance(error, Refusal):
        return pb.ReservationResult(refusal=status_of(error, max_details_bytes=UNLIMITED_DETAILS_BYTES))
    return pb.ReservationResult(refusal=status_of_fault(error, "BatchCreateReservations"))


def _availability(key: pb.AvailabilityKey, answer: list[object]) -> stock_pb2.Availability:
    available, fields = answer
    level = records.level_of(key.sku, key.location, fields) if fields else None  # type: ignore[arg-type]
    return stock_pb2.Availability(
        sku=key.sku,
        channel=key.channel,
        location=key.location,
        available_to_sell_quantity=available,  # type: ignore[arg-type]
        stock_level=conversion.stock_level(level) if level else None,
    )
