"""Lets reservations that are asked for at the same time travel together, each as if it went alone.

Batches clock themselves: what gathered while the last ones were under way goes out when one of them is answered, and a
call that finds nothing under way goes out at the end of its turn of the event loop, as a plain CreateReservation if it
is the only one. Each call tries again by itself, as any other call does; only a try of it travels with others.

Knows of a request its bytes, its id, and how many lines it has.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
import operator
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client import errors
from holdfast_client.calls import Calls, path_of
from holdfast_client.due_times import DueTimes
from holdfast_client.policy import Batching, checked_deadline_seconds
from holdfast_client.trace_parent import current_trace_parent
from holdfast_client.tries import Tries

SLOW_BATCH_SECONDS: Final = 1.0
"""A batch that is under way for longer than this is slow: it no longer holds up the next one."""

LEAST_SLOW_SECONDS: Final = 0.02
"""None is slow before this, whoever waits: under load it is what a batch takes. A call with less time left than that is
past help."""

SHARE_FOR_A_PLACE: Final = 0.25
"""Of the time that a call has left, it waits this share for a place to be free. The rest is for its answer."""

LEAST_SHARE: Final = 32
"""What waits is shared evenly among the batches that may go, so that one is made ready while another is decided; but
not into smaller shares than this."""

_ALONE: Final = path_of(pb.CreateReservationRequest())
_TOGETHER: Final = path_of(pb.BatchCreateReservationsRequest())
_REQUESTS: Final = bytes((pb.BatchCreateReservationsRequest.REQUESTS_FIELD_NUMBER << 3 | 2,))  # 2: of a known length
# What is no fault of any request: alone, each would be refused in the same way.
_FOR_EACH: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


@dataclass(slots=True, eq=False)
class _Try:
    """One try of one call: what is sent, and where its answer is waited for."""

    body: bytes
    request_id: str
    line_count: int
    trace_parent: str
    context: contextvars.Context
    end_time: float
    answer: asyncio.Future[pb.CreateReservationResponse]
    batch: _Batch | None = None

    def settle(self, answer: pb.CreateReservationResponse) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def miss_deadline(self) -> None:
        """End as any call ends whose deadline passes."""
        self.fail(errors.deadline_exceeded(self.request_id))


@dataclass(slots=True, eq=False)
class _Batch:
    """Tries that are under way together."""

    tries: Sequence[_Try]
    wanted: int
    """The tries that somebody waits for."""
    task: asyncio.Task[None] | None = None
    place: asyncio.TimerHandle | None = None
    """The place that it holds, as what takes it away in time."""


class ReservationBatches:
    """The reservations that a client is asked for, on their way to the authority.

    It belongs to the event loop of its first call, as the channels of its client do.
    """

    def __init__(self, calls: Calls, batching: Batching) -> None:
        self._calls = calls
        self._batching = batching
        self._waiting: OrderedDict[_Try, None] = OrderedDict()
        self._due_times = DueTimes()
        self._divided: deque[list[_Try]] = deque()
        self._batches: set[_Batch] = set()
        self._under_way = 0
        self._unanswered = 0
        self._is_to_send = False

    async def create_reservation(
        self, request: pb.CreateReservationRequest, *, deadline_seconds: float
    ) -> pb.CreateReservationResponse:
        """Ask and wait for the answer, as `Calls.unary` does.

        Raises:
            ValueError: There is no such deadline.
            Overloaded: Too many calls of this client wait already.
            HoldfastError: The last refusal, if no try was answered.
        """
        loop = asyncio.get_running_loop()
        end_time = loop.time() + checked_deadline_seconds(deadline_seconds)
        if self._unanswered >= self._batching.max_waiting:
            raise errors.overloaded("max_waiting", self._batching.max_waiting, request_id=request.request_id)
        tries: Tries | None = None
        body, request_id, line_count = request.SerializeToString(), request.request_id, len(request.lines)
        self._unanswered += 1
        try:
            while True:
                context, answer = contextvars.copy_context(), loop.create_future()
                one = _Try(body, request_id, line_count, current_trace_parent(), context, end_time, answer)
                slot = self._due_times.add(loop, one, end_time)
                # Nothing of a call that fails here is left behind, so that none is sent whose caller was told an error.
                try:
                    self._waiting[one] = None
                    self._send_soon(loop)
                    if self._under_way >= self._batching.max_under_way:
                        self._make_way(loop, (one,))
                    return await one.answer
                except errors.HoldfastError as failure:
                    error = failure
                finally:
                    self._due_times.take_away(slot, one)
                    self._leave(one)
                tries = tries or self._calls.tries_until(end_time)
                await tries.wait_after(error)
        finally:
            self._unanswered -= 1

    def close(self) -> None:
        """Cancel the calls that wait and those that are under way. What comes later meets the closed channels."""
        for one in (*self._waiting, *(one for tries in self._divided for one in tries)):
            one.answer.cancel()
        self._waiting.clear()
        self._divided.clear()
        for batch in self._batches:
            if batch.task is not None:
                batch.task.cancel()

    def _leave(self, one: _Try) -> None:
        """Let nobody wait for a try any more: it is not sent, and a batch that nobody waits for is cancelled."""
        batch = one.batch
        if batch is None:
            self._waiting.pop(one, None)
            return
        batch.wanted -= 1
        if not batch.wanted and batch.task is not None:
            batch.task.cancel()

    def _send_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send at the end of this turn of the loop: whatever else is asked for in it travels along."""
        if not self._is_to_send and self._free_places() > 0:
            self._is_to_send = True
            loop.call_soon(self._send, loop)

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_to_send = False
        while (places := self._free_places()) > 0 and (tries := self._next_tries(places)):
            self._under_way += 1
            batch = _Batch(tries, len(tries))
            for one in tries:
                one.batch = batch
            self._batches.add(batch)
            batch.place = loop.call_later(SLOW_BATCH_SECONDS, self._give_place_back, loop, batch)
            batch.task = loop.create_task(self._carry(loop, tries), context=_context_of(tries))
            batch.task.add_done_callback(functools.partial(self._end, loop, batch))
        if self._waiting or self._divided:
            self._make_way(loop, itertools.chain(self._waiting, *self._divided))

    def _free_places(self) -> int:
        """How many batches may go. Slow ones hold no place, but they are bounded as well."""
        limits = self._batching
        return min(
            limits.max_under_way - self._under_way,
            limits.max_under_way + limits.max_slow - len(self._batches),
        )

    def _make_way(self, loop: asyncio.AbstractEventLoop, waiting: Iterable[_Try]) -> None:
        """Let a batch, the one that would be so first, be slow in time for those who wait and can still be helped."""
        now = loop.time()
        least_end_time = now + LEAST_SLOW_SECONDS
        end_times = [one.end_time for one in waiting if one.end_time > least_end_time]
        if not end_times:
            return
        wait_seconds = _affordable_seconds(min(end_times) - now)
        if wait_seconds >= SLOW_BATCH_SECONDS:
            return
        places = [(batch.place.when(), batch.place, batch) for batch in self._batches if batch.place is not None]
        if not places:
            return
        slow_time, place, batch = min(places, key=operator.itemgetter(0))
        if now + wait_seconds < slow_time:
            place.cancel()
            batch.place = loop.call_at(now + wait_seconds, self._give_place_back, loop, batch)

    def _next_tries(self, places: int) -> list[_Try]:
        """Take what goes out next, without those that nobody waits for."""
        while self._divided:
            tries = [one for one in self._divided.popleft() if not one.answer.done()]
            if tries:
                return tries
        waiting, batching = self._waiting, self._batching
        share = min(batching.max_requests, max(LEAST_SHARE, -(-len(waiting) // places)))
        tries = []
        lines, size = 0, 0
        while waiting and len(tries) < share:
            one, _ = waiting.popitem(last=False)
            lines += one.line_count
            size += len(one.body) + len(one.trace_parent)
            if tries and (lines > batching.max_lines or size > batching.max_bytes):
                waiting[one] = None
                waiting.move_to_end(one, last=False)
                break
            if not one.answer.done():
                tries.append(one)
        return tries

    async def _carry(self, loop: asyncio.AbstractEventLoop, tries: Sequence[_Try]) -> None:
        """Take tries to the authority, and their answers or refusals back."""
        try:
            if len(tries) == 1:
                await self._ask_alone(loop, tries[0])
            else:
                await self._ask_together(loop, tries)
        except errors.HoldfastError as error:
            if len(tries) == 1 or error.code in _FOR_EACH or isinstance(error, errors.Overloaded | errors.BacklogFull):
                for one in tries:
                    one.fail(errors.same_for(error, one.request_id))
            else:
                # It is too large, or one of them is more than the authority can bear: in parts it is found out which.
                middle = len(tries) // 2
                self._divided.extend((list(tries[:middle]), list(tries[middle:])))
        except Exception as fault:
            for one in tries:
                one.fail(fault)

    async def _ask_alone(self, loop: asyncio.AbstractEventLoop, one: _Try) -> None:
        answer = await self._calls.try_once(
            _ALONE,
            one.body,
            timeout_seconds=one.end_time - loop.time(),
            trace_parent=one.trace_parent,
            request_id=one.request_id,
        )
        one.settle(pb.CreateReservationResponse.FromString(answer))

    async def _ask_together(self, loop: asyncio.AbstractEventLoop, tries: Sequence[_Try]) -> None:
        same_trace = _are_of_one_trace(tries)
        answer = await self._calls.try_once(
            _TOGETHER,
            _joined([one.body for one in tries], () if same_trace else [one.trace_parent for one in tries]),
            timeout_seconds=max(one.end_time for one in tries) - loop.time(),
            trace_parent=tries[0].trace_parent if same_trace else "",
        )
        results = pb.BatchCreateReservationsResponse.FromString(answer).results
        for one, result in itertools.zip_longest(tries, results[: len(tries)]):
            kind = None if result is None else result.WhichOneof("result")
            if kind == "created":
                created = pb.CreateReservationResponse()
                created.CopyFrom(result.created)
                one.settle(created)
            elif kind == "refusal":
                one.fail(errors.error_from_status(result.refusal, request_id=one.request_id))
            else:
                one.fail(errors.internal_fault("the batch was answered without this request", one.request_id))

    def _end(self, loop: asyncio.AbstractEventLoop, batch: _Batch, task: asyncio.Task[None]) -> None:
        """Let the next batch go. A batch that was cancelled, by closing or by gRPC, cancels what is waited for."""
        self._batches.discard(batch)
        if task.cancelled():
            for one in batch.tries:
                one.answer.cancel()
        self._give_place_back(loop, batch)
        if self._divided and self._free_places() <= 0:
            # A slow one has left parts, and others hold every place.
            self._make_way(loop, itertools.chain(*self._divided))

    def _give_place_back(self, loop: asyncio.AbstractEventLoop, batch: _Batch) -> None:
        if batch.place is not None:
            batch.place.cancel()
            batch.place = None
            self._under_way -= 1
        # Also one that held no place any more may leave parts to send. Whoever was just answered and asks again does
        # so in this turn of the loop, before the next batch goes.
        self._send_soon(loop)


def _affordable_seconds(remaining_seconds: float) -> float:
    """How long a call can wait for a place that has so much time left."""
    return max(LEAST_SLOW_SECONDS, min(SLOW_BATCH_SECONDS, remaining_seconds * SHARE_FOR_A_PLACE))


def _context_of(tries: Sequence[_Try]) -> contextvars.Context:
    """The context that tries are sent in: what instruments gRPC makes them a part of the span that is current there.

    That is the caller's, if it is one or all are of its trace. Else it is nobody's, least of all that of the caller in
    whose turn of the loop they go out.
    """
    first = tries[0]
    if len(tries) == 1 or (first.trace_parent and _are_of_one_trace(tries)):
        return first.context
    return contextvars.Context()


def _are_of_one_trace(tries: Sequence[_Try]) -> bool:
    return [one.trace_parent for one in tries].count(tries[0].trace_parent) == len(tries)


def _joined(bodies: Sequence[bytes], trace_parents: Sequence[str]) -> bytes:
    """Return the bytes of a BatchCreateReservationsRequest, of requests that are bytes already.

    A message of a repeated field is written as its field and kind, its length, and its bytes. Whatever
    is written behind it adds to it.
    """
    parts: list[bytes] = []
    for body in bodies:
        parts += (_REQUESTS, _varint(len(body)), body)
    if trace_parents:
        parts.append(pb.BatchCreateReservationsRequest(trace_parents=trace_parents).SerializeToString())
    return b"".join(parts)


@functools.cache
def _varint(number: int) -> bytes:
    """Return a length as protobuf writes it: seven bits in a byte, the least first, and a bit that says more follow."""
    more = b""
    while number > 0x7F:
        more += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return more + bytes((number,))
