"""The calls of the audit service: movements, the life of an order, the check of the ledger, and segments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeAlias

from holdfast.inventory.v1 import audit_service_pb2, stock_pb2

from holdfast_client.moments import Moment, timestamp_of
from holdfast_client.policy import RetryPolicy
from holdfast_client.service_calls import ServiceCalls

_NO_RETRY: Final = RetryPolicy(max_tries=1)


OnRetired: TypeAlias = Callable[[audit_service_pb2.RetiredHistory], object]
"""Is told what was retired of the history that a listing is about, at most once, or again if more is meanwhile."""


class AuditCalls(ServiceCalls):
    """The methods of `HoldfastClient` that look at what was done, and set a stopped segment going."""

    async def list_movements(
        self,
        *,
        sku: str = "",
        location: str = "",
        reservation_id: str = "",
        order_id: str = "",
        channel: str = "",
        caller: str = "",
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        on_retired: OnRetired | None = None,
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[stock_pb2.Movement, None]:
        """Yield all movements, the oldest first, page after page. What is left out does not restrict.

        Of the times, on the segment's clock, the first is included and the second is not. The deadline is that of
        each page. `page_size` is at most 1,000; 0 means 100. If movements that were asked for may have been retired,
        `on_retired` is called with what was, before the first movement that is left.
        """
        request = audit_service_pb2.ListMovementsRequest(
            sku=sku,
            location=location,
            reservation_id=reservation_id,
            order_id=order_id,
            channel=channel,
            caller=caller,
            start_time=timestamp_of(start_time),
            end_time=timestamp_of(end_time),
            page_size=page_size,
        )
        async for page in self._pages(request, audit_service_pb2.ListMovementsResponse, deadline_seconds):
            if on_retired is not None and page.HasField("retired"):
                on_retired(page.retired)
            for movement in page.movements:
                yield movement

    async def list_movements_page(
        self,
        *,
        sku: str = "",
        location: str = "",
        reservation_id: str = "",
        order_id: str = "",
        channel: str = "",
        caller: str = "",
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> audit_service_pb2.ListMovementsResponse:
        """Get one page of movements; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            audit_service_pb2.ListMovementsRequest(
                sku=sku,
                location=location,
                reservation_id=reservation_id,
                order_id=order_id,
                channel=channel,
                caller=caller,
                start_time=timestamp_of(start_time),
                end_time=timestamp_of(end_time),
                page_size=page_size,
                page_token=page_token,
            ),
            audit_service_pb2.ListMovementsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def trace_order(
        self,
        order_id: str,
        *,
        on_retired: OnRetired | None = None,
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[audit_service_pb2.TraceStep, None]:
        """Yield the life of an order's units, the oldest step first, page after page; nothing of an unknown order.

        The steps are the operations on its reservations, transfers, fulfillments, returns and incidents, each with
        its time and the time since the one before. The deadline is that of each page. `page_size` is at most 1,000;
        0 means 100. If steps may have been retired, `on_retired` is called with what was, before the first step that
        is left.
        """
        request = audit_service_pb2.TraceOrderRequest(order_id=order_id, page_size=page_size)
        async for page in self._pages(request, audit_service_pb2.TraceOrderResponse, deadline_seconds):
            if on_retired is not None and page.HasField("retired"):
                on_retired(page.retired)
            for step in page.steps:
                yield step

    async def trace_order_page(
        self, order_id: str, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> audit_service_pb2.TraceOrderResponse:
        """Get one page of the life of an order's units; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            audit_service_pb2.TraceOrderRequest(order_id=order_id, page_size=page_size, page_token=page_token),
            audit_service_pb2.TraceOrderResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def verify_ledger(
        self, *, deadline_seconds: float | None = None
    ) -> AsyncGenerator[audit_service_pb2.VerifyLedgerResponse, None]:
        """Check the whole ledger against itself, yielding the progress about once a second.

        The last response, and only that, has a `verdict`. A check that breaks off half-way is not begun again
        by itself; leaving the iteration ends the check.
        """
        responses = self._calls.stream(
            audit_service_pb2.VerifyLedgerRequest(),
            audit_service_pb2.VerifyLedgerResponse,
            deadline_seconds=self._deadlines.verification_seconds if deadline_seconds is None else deadline_seconds,
        )
        try:
            async for response in responses:
                yield response
        finally:
            await responses.aclose()

    async def list_segments(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[audit_service_pb2.Segment, None]:
        """Yield all segments by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = audit_service_pb2.ListSegmentsRequest(page_size=page_size)
        async for page in self._pages(request, audit_service_pb2.ListSegmentsResponse, deadline_seconds):
            for segment in page.segments:
                yield segment

    async def list_segments_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> audit_service_pb2.ListSegmentsResponse:
        """Get one page of segments; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            audit_service_pb2.ListSegmentsRequest(page_size=page_size, page_token=page_token),
            audit_service_pb2.ListSegmentsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def resume_segment(
        self,
        segment: str,
        *,
        mode: audit_service_pb2.ResumeMode,
        reason: str,
        deadline_seconds: float | None = None,
    ) -> audit_service_pb2.ResumeSegmentResponse:
        """Let a stopped segment go on.

        Never tried again by itself: it has no request_id, and giving up what the ledger lost must be decided
        each time. If no answer came, look at the segment first.

        Args:
            segment: The segment.
            mode: RESUME_MODE_REPLAY_JOURNAL or RESUME_MODE_DISCARD_JOURNAL.
            reason: Why, in words for the log.

        Raises:
            SegmentNotStopped: The segment is not stopped.
            UnknownSegment: There is no such segment.
        """
        return await self._calls.unary(
            audit_service_pb2.ResumeSegmentRequest(segment=segment, mode=mode, reason=reason),
            audit_service_pb2.ResumeSegmentResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
            retry=_NO_RETRY,
        )

    async def retire_history(
        self,
        segment: str,
        *,
        until_position: int | None = None,
        before_time: Moment | None = None,
        reason: str,
        validate_only: bool = False,
        deadline_seconds: float | None = None,
    ) -> audit_service_pb2.RetireHistoryResponse:
        """Have the oldest part of a segment's history removed. It cannot be taken back.

        The authority does it in small steps; `list_retirements` shows how far it is. Never tried again by itself: it
        has no request_id. If no answer came, look at the retirements first.

        Args:
            segment: The segment.
            until_position: Up to this position, which included; this or `before_time`.
            before_time: Everything that was decided before this time on the segment's clock.
            reason: Why, in words for the audit.
            validate_only: Only say what would be retired.

        Raises:
            InvalidField: There is nothing to retire up to there.
            UnknownSegment: There is no such segment.
        """
        return await self._calls.unary(
            audit_service_pb2.RetireHistoryRequest(
                segment=segment,
                until_position=until_position,
                before_time=timestamp_of(before_time),
                reason=reason,
                validate_only=validate_only,
            ),
            audit_service_pb2.RetireHistoryResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
            retry=_NO_RETRY,
        )

    async def list_retirements(
        self, segment: str, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[audit_service_pb2.Retirement, None]:
        """Yield who had what retired, the newest first, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = audit_service_pb2.ListRetirementsRequest(segment=segment, page_size=page_size)
        async for page in self._pages(request, audit_service_pb2.ListRetirementsResponse, deadline_seconds):
            for retirement in page.retirements:
                yield retirement

    async def list_retirements_page(
        self, segment: str, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> audit_service_pb2.ListRetirementsResponse:
        """Get one page of retirements; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            audit_service_pb2.ListRetirementsRequest(segment=segment, page_size=page_size, page_token=page_token),
            audit_service_pb2.ListRetirementsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )
