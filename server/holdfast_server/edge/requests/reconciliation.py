"""Commands of the RPCs that settle incidents and parked requests, and of parked requests that are asked again."""

from __future__ import annotations

from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation

from holdfast_server.decide.commands import Command
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.requests.mutation import mutation, time_given


def resolve_incident(request: reconciliation.ResolveIncidentRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="resolve_incident",
        arguments=(
            request.incident_id,
            int(request.resolution),
            request.substitute_sku,
            request.to_location,
            request.reason,
        ),
        reason=request.reason,
    )


def close_incident(request: reconciliation.CloseIncidentRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="close_incident",
        arguments=(request.incident_id, request.reason),
        reason=request.reason,
    )


def discard_parked_request(request: reconciliation.DiscardParkedRequestRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="discard_parked",
        arguments=(request.parked_id, request.reason),
        reason=request.reason,
    )


def note_posting(request: reconciliation.NotePostingRequest, caller: Caller, booked_position: int) -> Command:
    """`booked_position` is that of the revision that was booked, or 0."""
    return mutation(
        request,
        caller,
        name="note_posting",
        arguments=(
            request.reservation_id,
            request.system,
            request.document,
            booked_position,
            time_given(request, "booked_time"),
        ),
        reason=request.reason,
    )
