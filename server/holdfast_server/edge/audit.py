"""AuditService: shows and proves how the stock came to be as it is, from the ledger alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from holdfast.inventory.v1 import audit_service_pb2 as pb
from holdfast.inventory.v1 import audit_service_pb2_grpc

from holdfast_server import records
from holdfast_server.edge import conversion
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.pages import key_after, page_size_of, page_token
from holdfast_server.edge.rpc import streaming, unary
from holdfast_server.ledger import queries, segments
from holdfast_server.ledger.errors import Fenced
from holdfast_server.ledger.verify import Progress, Verdict, verify_ledger
from holdfast_server.refusals import LedgerUnavailable, Overloaded, SegmentNotStopped, UnknownSegment

_PROGRESS_SECONDS: Final = 1.0
# A check reads the whole ledger; more than this at a time would starve everybody else.
_MAX_CONCURRENT_CHECKS: Final = 2


class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    """Serves AuditService."""

    def __init__(self, authority: Authority) -> None:
        self.settings = authority.settings
        self._authority = authority
        self._segment = authority.settings.segment
        self._checks = 0
        self._threads = ThreadPoolExecutor(_MAX_CONCURRENT_CHECKS, thread_name_prefix="ledger-check")

    @unary
    async def ListMovements(self, request: pb.ListMovementsRequest, _: Caller) -> pb.ListMovementsResponse:
        after = key_after(request, 0, -1)
        size = page_size_of(request)
        only = queries.MovementFilter(
            sku=request.sku,
            location=request.location,
            reservation_id=request.reservation_id,
            order_id=request.order_id,
        )
        found = await self._authority.reader.ask(
            queries.list_movements, self._segment, only, after=after, limit=size + 1
        )
        last = found[size - 1] if len(found) > size else None
        return pb.ListMovementsResponse(
            movements=[conversion.movement(self._segment, one) for one in found[:size]],
            next_page_token=page_token(request, last.position, last.line_number) if last else "",
        )

    @streaming
    async def VerifyLedger(self, _: pb.VerifyLedgerRequest, __: Caller) -> AsyncIterator[pb.VerifyLedgerResponse]:
        if self._checks >= _MAX_CONCURRENT_CHECKS:
            raise Overloaded("max_concurrent_checks", _MAX_CONCURRENT_CHECKS)
        self._checks += 1
        progress = Progress()
        check = asyncio.get_running_loop().run_in_executor(self._threads, verify_ledger, self.settings, progress)
        check.add_done_callback(self._check_ended)
        try:
            while not check.done():
                await asyncio.wait([check], timeout=_PROGRESS_SECONDS)
                if not check.done():
                    yield _progress(progress)
            verdict = await check
            if verdict is None:
                raise LedgerUnavailable(self._segment)
            response = _progress(progress)
            response.verdict.CopyFrom(_verdict(verdict))
            yield response
        finally:
            if not check.done():
                # It talks to Postgres, so it has a thread of its own to do that.
                asyncio.get_running_loop().run_in_executor(None, progress.abandon)

    def _check_ended(self, _: asyncio.Future[Verdict | None]) -> None:
        self._checks -= 1

    @unary
    async def ListSegments(self, request: pb.ListSegmentsRequest, _: Caller) -> pb.ListSegmentsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = [one for one in await self._authority.reader.ask(queries.read_segments) if one.segment > after]
        return pb.ListSegmentsResponse(
            segments=[conversion.segment(one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].segment) if len(found) > size else "",
        )

    @unary
    async def ResumeSegment(self, request: pb.ResumeSegmentRequest, caller: Caller) -> pb.ResumeSegmentResponse:
        segment = await self._find_segment(request.segment)
        reason = f"{caller.name}: {request.reason}"
        try:
            await self._authority.reader.ask(segments.request_resume, request.segment, int(request.mode), reason)
        except Fenced as error:
            raise SegmentNotStopped(request.segment, segment.state.name) from error
        return pb.ResumeSegmentResponse(segment=conversion.segment(await self._find_segment(request.segment)))

    async def _find_segment(self, name: str) -> records.Segment:
        for segment in await self._authority.reader.ask(queries.read_segments):
            if segment.segment == name:
                return segment
        raise UnknownSegment(name)


def _progress(progress: Progress) -> pb.VerifyLedgerResponse:
    return pb.VerifyLedgerResponse(
        checked_operation_count=progress.operations,
        checked_movement_count=progress.movements,
        checked_stock_level_count=progress.levels,
        operation_count=progress.all_operations,
    )


def _verdict(verdict: Verdict) -> pb.LedgerVerdict:
    return pb.LedgerVerdict(
        chain_verified=verdict.chain_verified,
        levels_equal_movements=verdict.levels_equal_movements,
        reserved_equals_open_lines=verdict.reserved_equals_open_lines,
        oversold_quantity=verdict.oversold,
        leaked_quantity=verdict.leaked,
        uncovered_quantity=verdict.uncovered,
        findings=[pb.LedgerFinding(row=one.row, description=one.description) for one in verdict.findings],
    )
