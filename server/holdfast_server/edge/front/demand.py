"""The calls of InventoryService about reservations until they are committed, in front of several segments.

A demand has a home: the segment of the first location that it names, else that of its channel. The home is asked first,
and there the request takes effect, once, so an id that is asked again comes to the same answer. Only what the home
cannot fill alone is planned over others (split_demand.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.errors import TABLE, status_in_response
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.routes import Call, FrontCalls, ask
from holdfast_server.edge.front.split_batch import Demand, SplitBatch
from holdfast_server.edge.front.split_demand import SplitDemand
from holdfast_server.edge.front.split_parts import is_split
from holdfast_server.edge.front.splits import Splits
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.edge.validation import violations_of
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.refusals import InvalidField, Refusal, SpansSegments, UnknownLocation
from holdfast_server.settings import Settings

_INVENTORY = "inventory"


def _of_one_or_several(
    method: str,
    of_several: Callable[[Splits, SegmentServices, Any, Caller], Awaitable[Message]],
    before: Callable[[Splits, str], Awaitable[None]],
) -> Call:
    """Makes a call about a reservation: its segment answers it, or, if it lies in several, all of them together."""

    async def handler(self: FrontDemandCalls, request: Any, caller: Caller) -> Message:
        segment = self.directory.of_reservation(request.reservation_id)
        if is_split(request.reservation_id):
            return await of_several(self.splits, segment, request, caller)
        await before(self.splits, request.reservation_id)
        answer: Message = await ask(_INVENTORY, method, segment, request, caller)
        return answer

    handler.__name__ = method
    return unary(handler)


class FrontDemandCalls(FrontCalls):
    """Creates, commits, extends, releases and shows reservations."""

    def __init__(self, directory: Directory, settings: Settings, demand: SplitDemand, splits: Splits) -> None:
        super().__init__(directory, settings)
        self._demand = demand
        self._batch = SplitBatch(demand, settings)
        self.splits = splits

    @unary
    async def CreateReservation(
        self, request: pb.CreateReservationRequest, caller: Caller
    ) -> pb.CreateReservationResponse:
        return await self._create(request, caller)

    async def _create(self, request: pb.CreateReservationRequest, caller: Caller) -> pb.CreateReservationResponse:
        known = self._only_segment_if_known(request)
        home = known or await self._home_of(request)
        if known or await self._is_of_home_alone(request, home):
            try:
                answer: pb.CreateReservationResponse = await ask(_INVENTORY, "CreateReservation", home, request, caller)
                return answer
            except SpansSegments:
                # It was planned over several, when the channel sold from them.
                pass
        return await self._demand.create(home, request, caller)

    @unary
    async def BatchCreateReservations(
        self, request: pb.BatchCreateReservationsRequest, caller: Caller
    ) -> pb.BatchCreateReservationsResponse:
        known = {self._only_segment_if_known(one) for one in request.requests}
        if len(known) == 1 and (segment := known.pop()) is not None:
            # Most batches are of one segment, which checks each request itself.
            answer: pb.BatchCreateReservationsResponse = await ask(
                _INVENTORY, "BatchCreateReservations", segment, request, caller
            )
            return await self._with_plans_of_before(request, answer, caller)
        return await self._create_apart(request, caller)

    async def _create_apart(
        self, request: pb.BatchCreateReservationsRequest, caller: Caller
    ) -> pb.BatchCreateReservationsResponse:
        """Has each segment decide about its own, and all of them about the others."""
        results: list[pb.ReservationResult | None] = [None] * len(request.requests)
        alone: dict[SegmentServices, list[int]] = {}
        spanning: list[int] = []
        for number, one in enumerate(request.requests):
            try:
                violations = violations_of(one, self.settings)
                if violations:
                    raise InvalidField(violations)
                home = await self._home_of(one)
                if await self._is_of_home_alone(one, home):
                    alone.setdefault(home, []).append(number)
                else:
                    spanning.append(number)
            except Refusal as refusal:
                results[number] = _refused(refusal)
        answers = await asyncio.gather(
            self._create_spanning(request, spanning, caller),
            *(self._create_in(segment, request, numbers, caller) for segment, numbers in alone.items()),
        )
        for numbers, given in zip((spanning, *alone.values()), answers, strict=True):
            for number, result in zip(numbers, given, strict=True):
                results[number] = result
        whole = pb.BatchCreateReservationsResponse(results=[one for one in results if one is not None])
        return await self._with_plans_of_before(request, whole, caller)

    async def _create_in(
        self,
        segment: SegmentServices,
        request: pb.BatchCreateReservationsRequest,
        numbers: Sequence[int],
        caller: Caller,
    ) -> Sequence[pb.ReservationResult]:
        """Has a segment decide some of a batch. What it refuses as a whole is no refusal of what others decide."""
        part = _part_of(request, numbers)
        try:
            answer: pb.BatchCreateReservationsResponse = await ask(
                _INVENTORY, "BatchCreateReservations", segment, part, caller
            )
        except Refusal as refusal:
            return [_refused(refusal)] * len(numbers)
        results: Sequence[pb.ReservationResult] = answer.results
        return results

    async def _with_plans_of_before(
        self, request: pb.BatchCreateReservationsRequest, answer: pb.BatchCreateReservationsResponse, caller: Caller
    ) -> pb.BatchCreateReservationsResponse:
        """Answers again what was planned over several segments, when its channel sold from them."""
        planned = [number for number, result in enumerate(answer.results) if _was_planned(result)]
        again = await self._create_spanning(request, planned, caller)
        for number, result in zip(planned, again, strict=True):
            answer.results[number].CopyFrom(result)
        return answer

    async def _create_spanning(
        self, request: pb.BatchCreateReservationsRequest, numbers: Sequence[int], caller: Caller
    ) -> list[pb.ReservationResult]:
        """Decides some of a batch that several segments may have to do with."""
        demands = []
        for number in numbers:
            one = request.requests[number]
            in_trace = caller.in_trace(request.trace_parents[number]) if request.trace_parents else caller
            demands.append(Demand(await self._home_of(one), one, in_trace))
        return [
            _refused(created) if isinstance(created, Exception) else pb.ReservationResult(created=created)
            for created in await self._batch.create(demands)
        ]

    def _only_segment_if_known(self, request: pb.CreateReservationRequest) -> SegmentServices | None:
        """Returns the segment that alone has to do with a demand, if that can be told at once."""
        found: set[SegmentServices | None] = set()
        for line in request.lines:
            if line.location:
                found.add(self._directory.place_if_known(line.location))
        if len(found) != 1 or any(not line.location for line in request.lines):
            found.add(self._directory.only_segment_if_known(request.channel))
        return found.pop() if len(found) == 1 else None

    async def _home_of(self, request: pb.CreateReservationRequest) -> SegmentServices:
        """Returns the segment that remembers a demand: always the same for the same request."""
        named = [line.location for line in request.lines if line.location]
        if not named:
            return await self._directory.home_of(request.channel)
        places = await self._directory.places(PlacedKind.LOCATION, named)
        for location in named:
            if location not in places:
                raise UnknownLocation(location)
        return places[named[0]]

    async def _is_of_home_alone(self, request: pb.CreateReservationRequest, home: SegmentServices) -> bool:
        """Says whether no other segment has to do with a demand."""
        named = [line.location for line in request.lines if line.location]
        places = await self._directory.places(PlacedKind.LOCATION, named) if named else {}
        if any(segment is not home for segment in places.values()):
            return False
        if len(named) == len(request.lines):
            return True
        return await self._directory.sells_from(request.channel) in ([home], [])

    CommitReservation = _of_one_or_several("CommitReservation", Splits.commit, Splits.before_commit)
    ExtendReservation = _of_one_or_several("ExtendReservation", Splits.extend, Splits.check_part)
    ReleaseReservation = _of_one_or_several("ReleaseReservation", Splits.release, Splits.check_part)

    @unary
    async def GetReservation(self, request: pb.GetReservationRequest, caller: Caller) -> pb.GetReservationResponse:
        segment = self._directory.of_reservation(request.reservation_id)
        if is_split(request.reservation_id):
            return pb.GetReservationResponse(reservation=await self.splits.show(segment, request.reservation_id))
        answer: pb.GetReservationResponse = await ask(_INVENTORY, "GetReservation", segment, request, caller)
        return answer


def _part_of(request: pb.BatchCreateReservationsRequest, numbers: Sequence[int]) -> pb.BatchCreateReservationsRequest:
    """Returns some requests of a batch as a batch of their own, each with its trace."""
    return pb.BatchCreateReservationsRequest(
        requests=[request.requests[number] for number in numbers],
        trace_parents=[request.trace_parents[number] for number in numbers] if request.trace_parents else [],
    )


def _was_planned(result: pb.ReservationResult) -> bool:
    """Says whether a request was planned over several segments, when its channel sold from them."""
    info = error_details_pb2.ErrorInfo()
    return (
        result.HasField("refusal")
        and any(detail.Unpack(info) for detail in result.refusal.details)
        and (info.reason, info.metadata["field"]) == (TABLE[SpansSegments].reason, "request_id")
    )


def _refused(error: Exception) -> pb.ReservationResult:
    status: status_pb2.Status = status_in_response(error, "BatchCreateReservations")
    return pb.ReservationResult(refusal=status)
