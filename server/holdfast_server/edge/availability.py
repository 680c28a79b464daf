"""The calls of InventoryService that ask what may be sold."""

from __future__ import annotations

from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.requests import reservations as commands
from holdfast_server.edge.rpc import unary
from holdfast_server.refusals import StaleRevision


class AvailabilityCalls(Calls):
    """Asks the sequencer; nothing here changes anything."""

    @unary
    async def GetAvailability(self, request: pb.GetAvailabilityRequest, _: Caller) -> pb.GetAvailabilityResponse:
        reading = await self._authority.read(commands.availability([request.key]))
        return pb.GetAvailabilityResponse(
            availability=conversion.availability(request.key, reading.answers[0]),
            revision=conversion.revision(self._segment, reading.position),
        )

    @unary
    async def BatchGetAvailability(
        self, request: pb.BatchGetAvailabilityRequest, _: Caller
    ) -> pb.BatchGetAvailabilityResponse:
        needed = 0
        if request.HasField("min_revision"):
            needed = commands.position_in(self._segment, request.min_revision)
        reading = await self._authority.read(commands.availability(request.keys))
        if needed > reading.position:
            raise StaleRevision(self._segment, needed, reading.position)
        return pb.BatchGetAvailabilityResponse(
            availabilities=[
                conversion.availability(key, answer) for key, answer in zip(request.keys, reading.answers, strict=True)
            ],
            revision=conversion.revision(self._segment, reading.position),
        )
