"""AuditService and ReconciliationService in front of several segments."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Final

from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import audit_service_pb2_grpc, reconciliation_service_pb2_grpc
from holdfast.inventory.v1 import reconciliation_service_pb2 as pb

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.routes import (
    FrontCalls,
    ask,
    first_segment,
    in_turn,
    segment_of_reservation,
    to_segment,
)
from holdfast_server.edge.rpc import stream_of, streaming, unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.refusals import UnknownDocument, UnknownReservation

_AUDIT = "audit"
_RECONCILIATION = "reconciliation"


async def _of_incident(directory: Directory, request: Any) -> SegmentServices:
    return _named_by(directory, "INCIDENT", request.incident_id)


async def _of_parked(directory: Directory, request: Any) -> SegmentServices:
    return _named_by(directory, "PARKED", request.parked_id)


async def _of_segment(directory: Directory, request: Any) -> SegmentServices:
    return directory.segment(request.segment)


def _named_by(directory: Directory, kind: str, document_id: str) -> SegmentServices:
    """Returns the segment that gave a document its id."""
    try:
        return directory.of_reservation(document_id)
    except UnknownReservation:
        raise UnknownDocument(kind, document_id) from None


class FrontAudit(FrontCalls, audit_service_pb2_grpc.AuditServiceServicer):
    """Serves AuditService."""

    ListMovements = in_turn(_AUDIT, "ListMovements", "movements")
    TraceOrder = in_turn(_AUDIT, "TraceOrder", "steps")
    # These look at all segments, whichever they are asked through.
    ListSegments = to_segment(_AUDIT, "ListSegments", first_segment)
    ResumeSegment = to_segment(_AUDIT, "ResumeSegment", first_segment)
    RetireHistory = to_segment(_AUDIT, "RetireHistory", _of_segment)
    ListRetirements = to_segment(_AUDIT, "ListRetirements", _of_segment)

    @streaming
    async def VerifyLedger(
        self, request: audit.VerifyLedgerRequest, caller: Caller
    ) -> AsyncGenerator[audit.VerifyLedgerResponse]:
        """Checks one segment after the other, and judges all of them together."""
        done = audit.VerifyLedgerResponse()
        for segment in self._directory.segments:
            responses: Any = stream_of(segment.audit, "VerifyLedger", request, caller)
            last = audit.VerifyLedgerResponse()
            async with contextlib.aclosing(responses):
                async for last in responses:
                    if not last.HasField("verdict"):
                        yield _counted(done, last)
            verdict = _judged(done.verdict, last.verdict) if done.HasField("verdict") else last.verdict
            done = _counted(done, last)
            done.verdict.CopyFrom(verdict)
        yield done


class FrontReconciliation(FrontCalls, reconciliation_service_pb2_grpc.ReconciliationServiceServicer):
    """Serves ReconciliationService."""

    ListIncidents = in_turn(_RECONCILIATION, "ListIncidents", "incidents")
    ResolveIncident = to_segment(_RECONCILIATION, "ResolveIncident", _of_incident)
    CloseIncident = to_segment(_RECONCILIATION, "CloseIncident", _of_incident)
    NotePosting = to_segment(_RECONCILIATION, "NotePosting", segment_of_reservation)
    ListParkedRequests = in_turn(_RECONCILIATION, "ListParkedRequests", "parked_requests")
    DiscardParkedRequest = to_segment(_RECONCILIATION, "DiscardParkedRequest", _of_parked)

    @unary
    async def CompareStock(self, request: pb.CompareStockRequest, caller: Caller) -> pb.CompareStockResponse:
        places = await self._directory.places(PlacedKind.LOCATION, [line.location for line in request.lines])
        answer = pb.CompareStockResponse(divergences=[pb.Divergence() for _ in request.lines])
        numbers: dict[SegmentServices, list[int]] = {}
        for number, line in enumerate(request.lines):
            # A location that nobody has has no books; the first segment says so.
            numbers.setdefault(places.get(line.location, self._directory.first), []).append(number)
        for segment, its_numbers in numbers.items():
            part = pb.CompareStockRequest(lines=[request.lines[number] for number in its_numbers])
            compared: pb.CompareStockResponse = await ask(_RECONCILIATION, "CompareStock", segment, part, caller)
            for number, divergence in zip(its_numbers, compared.divergences, strict=True):
                answer.divergences[number].CopyFrom(divergence)
        return answer


_MAX_FINDINGS: Final = 100


def _counted(done: audit.VerifyLedgerResponse, now: audit.VerifyLedgerResponse) -> audit.VerifyLedgerResponse:
    """Returns how far the check is over all segments."""
    return audit.VerifyLedgerResponse(
        checked_operation_count=done.checked_operation_count + now.checked_operation_count,
        checked_movement_count=done.checked_movement_count + now.checked_movement_count,
        checked_stock_level_count=done.checked_stock_level_count + now.checked_stock_level_count,
        operation_count=done.operation_count + now.operation_count,
    )


def _judged(one: audit.LedgerVerdict, other: audit.LedgerVerdict) -> audit.LedgerVerdict:
    """Returns the verdict on both: what is wrong with either is wrong."""
    return audit.LedgerVerdict(
        chain_verified=one.chain_verified and other.chain_verified,
        levels_equal_movements=one.levels_equal_movements and other.levels_equal_movements,
        reserved_equals_open_lines=one.reserved_equals_open_lines and other.reserved_equals_open_lines,
        oversold_quantity=one.oversold_quantity + other.oversold_quantity,
        leaked_quantity=one.leaked_quantity + other.leaked_quantity,
        uncovered_quantity=one.uncovered_quantity + other.uncovered_quantity,
        findings=[*one.findings, *other.findings][:_MAX_FINDINGS],
        retired=next((verdict.retired for verdict in (one, other) if verdict.HasField("retired")), None),
    )
