"""Sends the events of a plan from many concurrent callers, in the order of their time.

Owns pace and order. An order waits for nothing but its turn. A cancellation waits until every earlier order
and cancellation of its customer is over, so it can neither overtake what it cancels nor compete with
another for it. That cannot lock up: events are taken in their order, so what is waited for was taken
before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.csv_import.together import together
from holdfast_client.orders.account import Account
from holdfast_client.orders.authority import Authority
from holdfast_client.orders.courses import AdjustmentCourse, CancellationCourse, Course, OrderCourse
from holdfast_client.orders.outcomes import Outcomes
from holdfast_client.orders.plan import Adjustment, Cancellation, Event, Order

MAX_CONCURRENCY = 1_024
"""The most callers at a time."""

MAX_QUEUED_EVENTS = 256
"""The events that are made ready ahead of the callers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast events come: `speed` times as fast as they came in the file, or, where it is None, at full
    speed.
    """

    speed: float | None

    def due_seconds(self, event: datetime, first: datetime) -> float:
        """The seconds after the first event at which this one is due."""
        return (event - first).total_seconds() / self.speed if self.speed else 0.0


@dataclass(frozen=True, slots=True)
class _Turn:
    course: Course
    waits_for: tuple[asyncio.Event, ...]
    over: asyncio.Event
    customer: str


class Driver:
    """One run over the events of a plan."""

    def __init__(
        self,
        *,
        authority: Authority,
        account: Account,
        outcomes: Outcomes,
        patience: Patience,
        locations: Sequence[str],
        concurrency: int,
        pace: Pace,
        partial: bool,
    ) -> None:
        self._authority = authority
        self._account = account
        self._outcomes = outcomes
        self._patience = patience
        self._locations = locations
        self._concurrency = concurrency
        self._pace = pace
        self._partial = partial
        self._running: dict[str, dict[asyncio.Event, None]] = {}
        self._unsettled: list[Course] = []

    async def drive(self, events: Sequence[Event]) -> None:
        """Sends all events and returns when each is over.

        An event that the service gave no answer about is laid aside, and asked again with the same request
        ids once all others are over; what is not known even then is counted as unsettled.
        """
        queue: asyncio.Queue[_Turn | None] = asyncio.Queue(maxsize=MAX_QUEUED_EVENTS)
        await together(self._feed(events, queue), *(self._take_turns(queue) for _ in range(self._concurrency)))
        await self._settle()

    async def _feed(self, events: Sequence[Event], queue: asyncio.Queue[_Turn | None]) -> None:
        now = asyncio.get_running_loop().time
        begin = now()
        for event in events:
            wait = begin + self._pace.due_seconds(event.time, events[0].time) - now()
            if wait > 0:
                await asyncio.sleep(wait)
            await queue.put(self._turn(event))
        for _ in range(self._concurrency):
            await queue.put(None)

    def _turn(self, event: Event) -> _Turn:
        customer = "" if isinstance(event, Adjustment) else event.customer
        running = self._running.setdefault(customer, {}) if customer else {}
        waits_for = tuple(running) if isinstance(event, Cancellation) else ()
        over = asyncio.Event()
        running[over] = None
        return _Turn(self._course(event), waits_for, over, customer)

    def _course(self, event: Event) -> Course:
        if isinstance(event, Order):
            return OrderCourse(event, partial=self._partial, account=self._account, outcomes=self._outcomes)
        if isinstance(event, Cancellation):
            return CancellationCourse(event, account=self._account, outcomes=self._outcomes)
        return AdjustmentCourse(event, locations=self._locations, account=self._account, outcomes=self._outcomes)

    async def _take_turns(self, queue: asyncio.Queue[_Turn | None]) -> None:
        while (turn := await queue.get()) is not None:
            for earlier in turn.waits_for:
                await earlier.wait()
            try:
                await turn.course.run(self._authority, self._patience)
            except NoAnswerError:
                self._unsettled.append(turn.course)
            self._outcomes.events_done += 1
            self._finish(turn)

    def _finish(self, turn: _Turn) -> None:
        turn.over.set()
        running = self._running.get(turn.customer)
        if running is not None:
            running.pop(turn.over, None)
            if not running:
                del self._running[turn.customer]

    async def _settle(self) -> None:
        waiting = iter(self._unsettled)

        async def settle() -> None:
            for course in waiting:
                try:
                    await course.run(self._authority, self._patience)
                except NoAnswerError:
                    self._outcomes.unsettled += 1

        await together(*(settle() for _ in range(self._concurrency)))
