"""Lives through the events of a file of real orders: the courses of the replay, asked through this load process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client import errors
from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.orders.account import Account
from holdfast_client.orders.courses import AdjustmentCourse, CancellationCourse, Course, OrderCourse
from holdfast_client.orders.outcomes import Outcomes
from holdfast_client.orders.plan import Adjustment, Cancellation, Event, Order
from holdfast_client.request_ids import new_request_id
from holdfast_loadtest.workload.demand import LONG_SECONDS, Copy
from holdfast_loadtest.workload.history import Outcome, Record
from holdfast_loadtest.workload.lives import Lives
from holdfast_loadtest.workload.trade import Trade


class Orders:
    """The customers of a file. A cancellation waits until whatever its customer did before is over."""

    def __init__(self, lives: Lives, trade: Trade) -> None:
        self._lives = lives
        self._trade = trade
        self._account = Account()
        self._outcomes = Outcomes()
        self._running: dict[str, dict[asyncio.Event, None]] = {}
        # Every request is asked until it is answered already.
        self._patience = Patience(seconds=0)
        for (sku, location), units in trade.stock.items():
            self._account.received(sku, location, units)

    async def live(self, event: Event, due: float, copy: Copy) -> None:
        """Lives through one event. Gives back the slot that it was begun with."""
        self._lives.counters.arrived += 1
        customer = "" if isinstance(event, Adjustment) else event.customer
        running = self._running.setdefault(customer, {}) if customer else {}
        waits_for = tuple(running) if isinstance(event, Cancellation) else ()
        over = asyncio.Event()
        running[over] = None
        course = self._course(event)
        try:
            for earlier in waits_for:
                await earlier.wait()
            channel = event.channel if isinstance(event, Order) else ""
            await course.run(_Asked(self._lives, channel, due, copy), self._patience)
        except NoAnswerError:
            # What its request came to stands in the history as unknown.
            pass
        finally:
            over.set()
            running.pop(over, None)
            self._lives.course.slots.release()

    def _course(self, event: Event) -> Course:
        if isinstance(event, Order):
            return OrderCourse(event, partial=False, account=self._account, outcomes=self._outcomes)
        if isinstance(event, Cancellation):
            return CancellationCourse(event, account=self._account, outcomes=self._outcomes)
        return AdjustmentCourse(event, locations=self._trade.locations, account=self._account, outcomes=self._outcomes)


class _Asked:
    """The authority as one course sees it: what it asks is sent, with its copy, and recorded.

    The first request is due when the event is, each that follows when the one before was answered.
    """

    def __init__(self, lives: Lives, channel: str, due: float, copy: Copy) -> None:
        self._lives = lives
        self._channel = channel
        self._due = due
        self._copy = copy

    async def create_reservation(
        self,
        *,
        channel: str,
        lines: Iterable[pb.DemandLine],
        order_id: str = "",
        allow_split: bool = False,
        partial: bool = False,
        request_id: str | None = None,
    ) -> pb.CreateReservationResponse:
        """Sets units aside."""
        assert not partial
        request = pb.CreateReservationRequest(
            request_id=request_id or new_request_id(),
            channel=channel,
            order_id=order_id,
            lines=lines,
            allow_split=allow_split,
        )
        request.ttl.seconds = int(LONG_SECONDS)
        asked = tuple((line.sku, line.quantity) for line in request.lines)
        record = Record("reserve", channel, request.request_id, self._due, asked=asked)
        response: pb.CreateReservationResponse = await self._ask(request, record)
        return response

    async def commit_reservation(
        self, reservation_id: str, *, request_id: str | None = None
    ) -> pb.CommitReservationResponse:
        """Takes the time limit off a hold."""
        request = pb.CommitReservationRequest(request_id=request_id or new_request_id(), reservation_id=reservation_id)
        record = Record("commit", self._channel, request.request_id, self._due)
        response: pb.CommitReservationResponse = await self._ask(request, record)
        return response

    async def release_reservation(
        self,
        reservation_id: str,
        *,
        lines: Iterable[pb.ReleaseLine] = (),
        reason: str = "",
        request_id: str | None = None,
    ) -> pb.ReleaseReservationResponse:
        """Gives units back."""
        request = pb.ReleaseReservationRequest(
            request_id=request_id or new_request_id(), reservation_id=reservation_id, lines=lines, reason=reason
        )
        record = Record("release", self._channel, request.request_id, self._due)
        response: pb.ReleaseReservationResponse = await self._ask(request, record)
        return response

    async def adjust_stock(
        self,
        lines: Iterable[pb.AdjustmentLine],
        *,
        reason: str,
        reference: str = "",
        request_id: str | None = None,
    ) -> pb.AdjustStockResponse:
        """Corrects units on hand."""
        request = pb.AdjustStockRequest(
            request_id=request_id or new_request_id(), lines=lines, reason=reason, reference=reference
        )
        record = Record("adjust", "", request.request_id, self._due)
        record.asked = tuple((line.sku, line.delta_quantity) for line in request.lines)
        response: pb.AdjustStockResponse = await self._ask(request, record)
        record.levels = tuple((line.sku, line.location, line.delta_quantity) for line in request.lines)
        return response

    async def _ask(self, request: Any, record: Record) -> Any:
        answer = await self._lives.ask(request, record, self._copy)
        self._due = record.answered
        if answer.response is not None:
            return answer.response
        assert answer.status is not None
        if record.outcome is Outcome.UNKNOWN:
            raise NoAnswerError(record.reason)
        raise errors.error_from_status(answer.status, request_id=record.request_id)
