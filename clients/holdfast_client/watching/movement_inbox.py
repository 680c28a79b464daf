"""What came of the movements and was not taken yet: one message, as it came.

No movement is dropped and none is put together with others. So the next message is let in only once the caller has
begun with the last: what waits is bounded, and a caller who is slow holds up the stream, not the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from holdfast.inventory.v1 import stock_pb2, watch_pb2

from holdfast_client.error_base import HoldfastError
from holdfast_client.watching.events import MovementEvent, OutOfStep, in_step_of, movement_reset_of
from holdfast_client.watching.inbox import Batch


class MovementInbox:
    """Holds one response until the caller comes for it."""

    def __init__(self, resume_token: str = "") -> None:
        self.resume_token = resume_token
        self._waiting: Batch[MovementEvent] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._out_of_step: OutOfStep | None = None

    def take(self, response: watch_pb2.WatchMovementsResponse) -> bool:
        """Take in what a stream told. Returns whether it came with a token."""
        event = response.WhichOneof("event")
        if event == "movements":
            return self._put(response.movements.movements, response.movements)
        if event == "bookmark":
            return self._put((), response.bookmark)
        if event == "reset":
            # The bookmark that follows has the token: until it is taken, the next stream tells the reset again.
            self._wait_for_caller(Batch(events=(movement_reset_of(response.reset),), resume_token=""))
        return False

    async def room(self) -> None:
        """Wait until the caller has begun with what waits: as long as the caller likes, the pace is its own."""
        await self._room.wait()

    def cut(self) -> None:
        """Nothing is forgotten: a part of an operation that was told comes again as a whole, which does no harm."""

    def lose(self, error: HoldfastError) -> None:
        """Have the caller told that nothing is heard any more."""
        self._out_of_step = OutOfStep(error=error)

    def batch(self) -> Batch[MovementEvent] | None:
        """Give out what waits, and let in what is next; None if nothing waits."""
        batch, self._waiting = self._waiting, None
        self._room.set()
        if batch is None and self._out_of_step is not None:
            batch, self._out_of_step = Batch(events=(self._out_of_step,), resume_token=""), None
        return batch

    def newest(self, event: MovementEvent) -> MovementEvent:
        """Return the event: a movement is overtaken by none."""
        return event

    def _put(
        self, movements: Iterable[stock_pb2.Movement], place: watch_pb2.MovementBatch | watch_pb2.WatchBookmark
    ) -> bool:
        if not place.resume_token:
            self._wait_for_caller(Batch(events=tuple(movements), resume_token=""))
            return False
        self.resume_token = place.resume_token
        in_step = in_step_of(place)
        self._wait_for_caller(Batch(events=(*movements, in_step), resume_token=place.resume_token))
        return True

    def _wait_for_caller(self, batch: Batch[MovementEvent]) -> None:
        self._waiting, self._out_of_step = batch, None
        self._room.clear()
