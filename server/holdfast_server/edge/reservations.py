"""The calls of InventoryService about reservations, until their units leave."""

from __future__ import annotations

from holdfast.inventory.v1 import fulfillment_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server import records
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.errors import status_in_response
from holdfast_server.edge.pages import cut_page, key_after, page_size_of
from holdfast_server.edge.requests import reservations as commands
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.validation import violations_of
from holdfast_server.ledger import queries
from holdfast_server.refusals import InvalidField, Refusal, SpansSegments, UnknownReservation


class ReservationCalls(Calls):
    """Creates, commits, extends, moves, releases and shows reservations."""

    @unary
    async def CreateReservation(
        self, request: pb.CreateReservationRequest, caller: Caller
    ) -> pb.CreateReservationResponse:
        command = commands.create_reservation(request, caller, self.settings)
        return self.created(await self._authority.decide(command, request))

    def created(self, decision: Decision) -> pb.CreateReservationResponse:
        """Returns the answer about a reservation that was created here."""
        response = pb.CreateReservationResponse()
        self._fill_in_created(response, decision)
        return response

    def _fill_in_created(self, response: pb.CreateReservationResponse, decision: Decision) -> None:
        if not decision.reservation:
            # Its id was used for a plan over several segments, by a server that knows the others.
            split = records.unpack_document(decision.extra)
            raise SpansSegments("request_id", ",".join(dict.fromkeys(str(line[0]) for line in split.lines)))
        self._fill_in(response, decision)
        if decision.extra:
            response.shortfalls.extend(map(conversion.shortfall, records.unpack_shortfalls(decision.extra)))
            response.incident_id = records.unpack_incident_id(decision.extra)

    @unary
    async def BatchCreateReservations(
        self, request: pb.BatchCreateReservationsRequest, caller: Caller
    ) -> pb.BatchCreateReservationsResponse:
        callers = [caller.in_trace(one) for one in request.trace_parents] or [caller] * len(request.requests)
        checked = [self._command_or_refusal(*one) for one in zip(request.requests, callers, strict=True)]
        valid = [index for index, one in enumerate(checked) if isinstance(one, Command)]
        decided = await self._authority.decide_all(
            [one for one in checked if isinstance(one, Command)], [request.requests[index] for index in valid]
        )
        answers: dict[int, Decision | Exception] = dict(zip(valid, decided, strict=True))
        response = pb.BatchCreateReservationsResponse()
        for index, one in enumerate(checked):
            self._fill_in_result(response.results.add(), one if isinstance(one, Refusal) else answers[index])
        return response

    def _command_or_refusal(self, request: pb.CreateReservationRequest, caller: Caller) -> Command | Refusal:
        violations = violations_of(request, self.settings)
        if violations:
            return InvalidField(violations)
        try:
            return commands.create_reservation(request, caller, self.settings)
        except Refusal as refusal:
            return refusal

    def _fill_in_result(self, result: pb.ReservationResult, answer: Decision | Exception) -> None:
        if isinstance(answer, Exception):
            result.refusal.CopyFrom(status_in_response(answer, "BatchCreateReservations"))
            return
        try:
            self._fill_in_created(result.created, answer)
        except Refusal as refusal:
            result.refusal.CopyFrom(status_in_response(refusal, "BatchCreateReservations"))

    @unary
    async def CommitReservation(
        self, request: pb.CommitReservationRequest, caller: Caller
    ) -> pb.CommitReservationResponse:
        decision = await self._authority.decide(commands.commit_reservation(request, caller), request)
        response = pb.CommitReservationResponse()
        self._fill_in(response, decision)
        return response

    @unary
    async def ExtendReservation(
        self, request: pb.ExtendReservationRequest, caller: Caller
    ) -> pb.ExtendReservationResponse:
        decision = await self._authority.decide(commands.extend_reservation(request, caller), request)
        response = pb.ExtendReservationResponse()
        self._fill_in(response, decision)
        return response

    @unary
    async def ReleaseReservation(
        self, request: pb.ReleaseReservationRequest, caller: Caller
    ) -> pb.ReleaseReservationResponse:
        decision = await self._authority.decide(commands.release_reservation(request, caller), request)
        response = pb.ReleaseReservationResponse()
        self._fill_in(response, decision)
        return response

    @unary
    async def TransferReservation(
        self, request: fulfillment_pb2.TransferReservationRequest, caller: Caller
    ) -> fulfillment_pb2.TransferReservationResponse:
        decision = await self._authority.decide(commands.transfer_reservation(request, caller), request)
        response = fulfillment_pb2.TransferReservationResponse()
        self._fill_in(response, decision)
        return response

    @unary
    async def GetReservation(self, request: pb.GetReservationRequest, _: Caller) -> pb.GetReservationResponse:
        found = await self._authority.reader.ask(queries.find_reservation, self._segment, request.reservation_id)
        if found is None:
            raise UnknownReservation(request.reservation_id)
        return pb.GetReservationResponse(reservation=conversion.reservation(self._segment, found))

    @unary
    async def ListReservations(self, request: pb.ListReservationsRequest, _: Caller) -> pb.ListReservationsResponse:
        (before,) = key_after(request, "")
        only = queries.ReservationFilter(
            state=request.state,
            channel=request.channel,
            order_id=request.order_id,
            sku=request.sku,
            location=request.location,
            location_unsettled=request.location_unsettled,
        )
        found = await self._authority.reader.ask(
            queries.list_reservations, self._segment, only, before=before, limit=page_size_of(request) + 1
        )
        page, token = cut_page(
            request,
            found,
            lambda one: conversion.reservation(self._segment, one),
            lambda one: (one.reservation_id,),
        )
        return pb.ListReservationsResponse(reservations=page, next_page_token=token)
