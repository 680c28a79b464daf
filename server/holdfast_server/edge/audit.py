"""AuditService: shows and proves how the stock came to be as it is, from the ledger alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from holdfast.inventory.v1 import audit_service_pb2 as pb
from holdfast.inventory.v1 import audit_service_pb2_grpc

from holdfast_server import records
from holdfast_server.edge import conversion, document_conversion
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.pages import cut_page, key_after, page_size_of, page_token
from holdfast_server.edge.requests.mutation import microseconds_of
from holdfast_server.edge.retirement import RetirementCalls, retired_history
from holdfast_server.edge.rpc import streaming, unary
from holdfast_server.ledger import queries, retirement, segments
from holdfast_server.ledger.errors import Fenced
from holdfast_server.ledger.verify import Progress, Verdict, verify_ledger
from holdfast_server.refusals import LedgerUnavailable, Overloaded, SegmentNotStopped, UnknownSegment

_PROGRESS_SECONDS: Final = 1.0
# A check reads the whole ledger; more than this at a time would starve everybody else.
_MAX_CONCURRENT_CHECKS: Final = 2
# What a page of a trace reads at a time, and the movements after which it ends early.
_STEPS_PER_READ: Final = 50
_MAX_TRACED_MOVEMENTS: Final = 20_000


class AuditServicer(RetirementCalls, audit_service_pb2_grpc.AuditServiceServicer):
    """Serves AuditService."""

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._checks = 0
        self._threads = ThreadPoolExecutor(_MAX_CONCURRENT_CHECKS, thread_name_prefix="ledger-check")

    @unary
    async def ListMovements(self, request: pb.ListMovementsRequest, _: Caller) -> pb.ListMovementsResponse:
        after = key_after(request, 0, -1)
        only = queries.MovementFilter(
            sku=request.sku,
            location=request.location,
            reservation_id=request.reservation_id,
            order_id=request.order_id,
            channel=request.channel,
            caller=request.caller,
            start_us=microseconds_of(request.start_time) if request.HasField("start_time") else None,
            end_us=microseconds_of(request.end_time) if request.HasField("end_time") else None,
        )
        found = await self._authority.reader.ask(
            queries.list_movements, self._segment, only, after=after, limit=page_size_of(request) + 1
        )
        page, token = cut_page(
            request,
            found,
            lambda one: conversion.movement(self._segment, one),
            lambda one: (one.position, one.line_number),
        )
        retired = await self._retired(after[0], only.start_us)
        return pb.ListMovementsResponse(movements=page, next_page_token=token, retired=retired)

    async def _retired(self, after: int, start_us: int | None = None) -> pb.RetiredHistory | None:
        """Returns what was retired of what comes after a position and a time. It is asked for after the history was."""
        retired = await self._authority.reader.ask(retirement.read_retired, self._segment)
        if retired is None or after >= retired.position or (start_us is not None and start_us > retired.decide_us):
            return None
        return retired_history(self._segment, retired)

    @unary
    async def TraceOrder(self, request: pb.TraceOrderRequest, _: Caller) -> pb.TraceOrderResponse:
        (after,) = key_after(request, 0)
        found, is_all = await self._trace(request.order_id, after, page_size_of(request) + 1)
        page, token = cut_page(
            request, found, lambda one: document_conversion.trace_step(self._segment, one), lambda one: (one.position,)
        )
        if not token and not is_all:
            token = page_token(request, found[-1].position)
        return pb.TraceOrderResponse(steps=page, next_page_token=token, retired=await self._retired(after))

    async def _trace(self, order_id: str, after: int, limit: int) -> tuple[list[records.TraceStep], bool]:
        """Returns steps and whether these are all that were asked for: a step may have a thousand movements."""
        found: list[records.TraceStep] = []
        movements = 0
        while movements < _MAX_TRACED_MOVEMENTS:
            portion = min(_STEPS_PER_READ, limit - len(found))
            steps = await self._authority.reader.ask(
                queries.trace_order, self._segment, order_id, after=after, limit=portion
            )
            found += steps
            if len(steps) < portion or len(found) == limit:
                return found, True
            movements += sum(len(step.movements) for step in steps)
            after = steps[-1].position
        return found, False

    @streaming
    async def VerifyLedger(self, _: pb.VerifyLedgerRequest, __: Caller) -> AsyncGenerator[pb.VerifyLedgerResponse]:
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
            response.verdict.CopyFrom(_verdict(self._segment, verdict))
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
            segments=[await self._shown_segment(one) for one in found[:size]],
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
        return pb.ResumeSegmentResponse(segment=await self._shown_segment(await self._find_segment(request.segment)))

    async def _shown_segment(self, segment: records.Segment) -> pb.Segment:
        message = conversion.segment(segment)
        retired = await self._authority.reader.ask(retirement.read_retired, segment.segment)
        if retired is not None:
            message.retired.CopyFrom(retired_history(segment.segment, retired))
        return message

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


def _verdict(segment: str, verdict: Verdict) -> pb.LedgerVerdict:
    return pb.LedgerVerdict(
        chain_verified=verdict.chain_verified,
        levels_equal_movements=verdict.levels_equal_movements,
        reserved_equals_open_lines=verdict.reserved_equals_open_lines,
        oversold_quantity=verdict.oversold,
        leaked_quantity=verdict.leaked,
        uncovered_quantity=verdict.uncovered,
        findings=[pb.LedgerFinding(row=one.row, description=one.description) for one in verdict.findings],
        retired=retired_history(segment, verdict.retired),
    )
