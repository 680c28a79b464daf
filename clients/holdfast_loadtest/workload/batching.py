"""Reservations that gathered travel together: what came while the calls before were under way is the next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from google.rpc import code_pb2, status_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_loadtest.workload.asking import Answer

BATCHES_UNDER_WAY: Final = 3
"""One is decided, one is committed, one is on its way."""

MAX_LINES: Final = 10_000
"""The most lines of one call, as the service bounds it."""

_Send = Callable[[pb.BatchCreateReservationsRequest], Coroutine[Any, Any, Answer]]


class Batcher:
    """Gathers reservations and sends them in batches of at most `size`. Alone, a reservation does not wait.

    The requests that wait are bounded by those in flight, which the caller bounds.
    """

    def __init__(self, send: _Send, size: int) -> None:
        self._send = send
        self._size = size
        self._waiting: deque[tuple[pb.CreateReservationRequest, asyncio.Future[Answer]]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self.calls = 0

    async def reserve(self, request: pb.CreateReservationRequest) -> Answer:
        """Sends a reservation once, with others, and returns its own answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._begin()
        return await future

    def _begin(self) -> None:
        while self._waiting and len(self._under_way) < BATCHES_UNDER_WAY:
            batch = self._next_batch()
            if not batch:
                return
            task = asyncio.create_task(self._send_batch(batch))
            self._under_way.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._begin()

    def _next_batch(self) -> list[tuple[pb.CreateReservationRequest, asyncio.Future[Answer]]]:
        batch: list[tuple[pb.CreateReservationRequest, asyncio.Future[Answer]]] = []
        lines = 0
        while self._waiting and len(batch) < self._size:
            request, future = self._waiting[0]
            if future.done():
                # It was broken off: nobody asks for it any more.
                self._waiting.popleft()
                continue
            lines += len(request.lines)
            if batch and lines > MAX_LINES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _send_batch(self, batch: list[tuple[pb.CreateReservationRequest, asyncio.Future[Answer]]]) -> None:
        self.calls += 1
        try:
            answer = await self._send(pb.BatchCreateReservationsRequest(requests=[request for request, _ in batch]))
        except BaseException:
            # The run breaks off: nobody may be left waiting.
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), of_one in zip(batch, _answers(answer, len(batch)), strict=True):
            if not future.done():
                future.set_result(of_one)


def _answers(answer: Answer, count: int) -> Iterator[Answer]:
    """Yields what each reservation of a batch is told: of a call that failed as a whole, all the same.

    Results are told by their place. Where there are more or fewer than reservations, nobody knows whose they are: then
    all of them count as not answered.
    """
    status = answer.status
    if status is None and len(answer.response.results) != count:
        words = f"{len(answer.response.results)} results of {count} reservations"
        status = status_pb2.Status(code=code_pb2.INTERNAL, message=words)
    if status is not None:
        for _ in range(count):
            yield Answer.of_status(status)
        return
    for result in answer.response.results:
        if result.WhichOneof("result") == "created":
            yield Answer(response=result.created)
        else:
            yield Answer.of_status(result.refusal)
