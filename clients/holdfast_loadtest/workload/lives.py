"""Lives through what a buyer does: reserves, then commits, releases or ships, each at its moment, and keeps records."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from holdfast.inventory.v1 import fulfillment_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.request_ids import new_request_id
from holdfast_loadtest.workload.asking import Answer, Asker
from holdfast_loadtest.workload.batching import Batcher
from holdfast_loadtest.workload.demand import Copy, StepKind, Wish
from holdfast_loadtest.workload.history import Outcome, Record, Told
from holdfast_loadtest.workload.loops import Course
from holdfast_loadtest.workload.progress import Counters

INSUFFICIENT: Final = "INSUFFICIENT_STOCK"

BROKEN_OFF: Final = "BROKEN_OFF"
"""The reason of what was still under way when the run had to be over."""

_REQUESTS: Final[dict[StepKind, Callable[..., Message]]] = {
    "commit": pb.CommitReservationRequest,
    "release": pb.ReleaseReservationRequest,
    "fulfill": fulfillment_pb2.PostFulfillmentRequest,
}


class Lives:
    """What the buyers of one load process have in common: connections, clock, records.

    Without `paused` a buyer does one thing right after the other, as a caller of a closed loop.
    """

    def __init__(self, asker: Asker, course: Course, *, run_id: str, batch: int = 1, paused: bool = True) -> None:
        self._asker = asker
        self.course = course
        self._run_id = run_id
        self._batcher = Batcher(asker.once, batch) if batch > 1 else None
        self._paused = paused
        self._orders = itertools.count(1)
        self.history: list[Record] = []
        self.counters = Counters()

    @property
    def batches(self) -> int:
        """The calls that carried reservations together."""
        return self._batcher.calls if self._batcher is not None else 0

    async def live(self, wish: Wish, due: float, copy: Copy) -> None:
        """Lives through one wish. Gives back the slot that it was begun with."""
        self.counters.arrived += 1
        try:
            record = await self._reserve(wish, due, copy)
        finally:
            self.course.slots.release()
        if record.told is None:
            return
        for step in wish.steps:
            # What was due while the answer was still awaited is done as soon as it is there, as a buyer would.
            due = max(due + step.after_seconds, record.answered) if self._paused else self.course.now()
            await asyncio.sleep(max(0.0, due - self.course.now()))
            request = _REQUESTS[step.kind](request_id=new_request_id(), reservation_id=record.told.reservation_id)
            after = Record(step.kind, wish.channel, request.request_id, due, runs_out=wish.runs_out)
            async with self.course.slots:
                await self.ask(request, after, copy)
            if after.told is None:
                return
            record = after

    async def _reserve(self, wish: Wish, due: float, copy: Copy) -> Record:
        request = pb.CreateReservationRequest(
            request_id=new_request_id(),
            channel=wish.channel,
            order_id=f"{self._run_id}-{next(self._orders)}",
            lines=[pb.DemandLine(sku=sku, quantity=units) for sku, units in wish.lines],
            ttl=_ttl(wish.ttl_seconds),
            # Stock lies in several places: a demand is refused when it is gone, not when it is spread.
            allow_split=True,
        )
        record = Record("reserve", wish.channel, request.request_id, due, asked=wish.lines, runs_out=wish.runs_out)
        record.ttl_seconds = wish.ttl_seconds
        await self.ask(request, record, copy)
        return record

    async def ask(self, request: Message, record: Record, copy: Copy) -> Answer:
        """Sends a request, and its copy if it has one, and keeps what came of it."""
        send = self._batcher.reserve if self._batcher is not None and record.kind == "reserve" else None
        self.history.append(record)
        record.sent = self.course.now()
        try:
            answers = [answer async for answer in _sent(request, send, copy, self._asker)]
        except asyncio.CancelledError:
            # The run is over. What is still under way may have its effect.
            record.unanswered += 1
            record.reason = BROKEN_OFF
            record.answered = self.course.now()
            raise
        record.answered = self.course.now()
        record.copies = len(answers) - 1
        first = _take(record, answers, copy)
        if record.kind == "reserve" and record.outcome is not Outcome.UNKNOWN:
            self.counters.settle(
                granted=record.outcome is Outcome.DONE,
                units=0 if record.told is None else sum(line.quantity for line in record.told.lines),
                latency_seconds=record.latency_seconds,
            )
        return first


async def _sent(request: Message, send: Callable[[Any], Awaitable[Answer]] | None, copy: Copy, asker: Asker) -> Any:
    """Yields the answers: of one request one, of a copied one two."""
    if copy is Copy.AT_ONCE:
        for answer in await asyncio.gather(asker.until_answered(request, send), asker.until_answered(request, send)):
            yield answer
        return
    yield await asker.until_answered(request, send)
    if copy is Copy.AFTERWARDS:
        yield await asker.until_answered(request, send)


def _take(record: Record, answers: list[Answer], copy: Copy) -> Answer:
    """Writes into a record what its answers say, and returns the one that counts: if one took effect, that one."""
    for answer in answers:
        record.unanswered += answer.unanswered
        record.again += answer.again
    done = [answer for answer in answers if answer.response is not None]
    refused = [answer for answer in answers if answer.response is None and answer.answered]
    record.refusals = tuple(answer.reason for answer in refused)
    if INSUFFICIENT in record.refusals:
        record.short = _short(record, refused)
    if copy is Copy.AFTERWARDS and answers[0].response is not None:
        record.denied = len(refused)
    if not done:
        worst = next((answer for answer in answers if not answer.answered), answers[0])
        record.outcome = Outcome.REFUSED if worst.answered else Outcome.UNKNOWN
        record.reason = worst.reason
        return worst
    record.outcome = Outcome.DONE
    record.effects = sum(not answer.response.replayed for answer in done)
    record.replays = len(done) - record.effects
    first = done[0]
    if record.kind != "adjust":
        record.told = Told.of(first.response.reservation, first.response.revision.position)
    if len(done) > 1:
        told = _unmarked(first.response)
        record.differing = sum(_unmarked(answer.response) != told for answer in done[1:])
    return first


def _unmarked(response: Any) -> Any:
    """Returns an answer without the mark that it was given before: all else a replay must repeat."""
    unmarked = type(response)()
    unmarked.CopyFrom(response)
    unmarked.replayed = False
    return unmarked


def _short(record: Record, refused: list[Answer]) -> tuple[str, ...]:
    # Of a demand for one SKU it is known which one is short; reading the details costs as much as the call.
    if len(record.asked) == 1:
        return (record.asked[0][0],)
    return tuple(dict.fromkeys(sku for answer in refused for sku in answer.short_skus))


def _ttl(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1_000_000_000))
