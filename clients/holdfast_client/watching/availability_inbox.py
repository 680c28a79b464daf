"""What came of the numbers and was not taken yet: of every number the newest, and nothing in halves.

The stream is read as fast as it comes, so that a caller who is slow is neither told old numbers nor ended as too slow.
What waits for it is bounded by the numbers in its filter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from holdfast.inventory.v1 import watch_pb2

from holdfast_client.error_base import HoldfastError
from holdfast_client.watching.events import (
    AvailabilityGone,
    AvailabilityUpdate,
    InStep,
    NumberKey,
    OutOfStep,
    WatchEvent,
    WatchReset,
    in_step_of,
    reset_of,
    update_of,
)
from holdfast_client.watching.inbox import Batch
from holdfast_client.watching.latest import LatestAvailability


@dataclass(slots=True)
class _Open:
    """What a stream told since its last token. It is whole only once the next token comes."""

    reset: WatchReset | None = None
    numbers: list[AvailabilityUpdate] = field(default_factory=list)


class AvailabilityInbox:
    """Takes in numbers, and gives out the newest of each."""

    def __init__(self, resume_token: str = "") -> None:
        self.resume_token = resume_token
        self._latest = LatestAvailability()
        self._open = _Open()
        self._reset: WatchReset | None = None
        self._waiting: dict[NumberKey, AvailabilityUpdate | AvailabilityGone] = {}
        self._in_step: InStep | None = None
        self._out_of_step: OutOfStep | None = None

    def take(self, response: watch_pb2.WatchAvailabilityResponse) -> bool:
        """Take in what a stream told. Returns whether it came with a token, and so made everything before it whole."""
        event = response.WhichOneof("event")
        if event == "reset":
            self._open = _Open(reset=reset_of(response.reset))
        elif event == "snapshot":
            self._open.numbers.extend(map(update_of, response.snapshot.values))
        elif event == "synced":
            return self._close(response.synced)
        elif event == "changes":
            self._open.numbers.extend(map(update_of, response.changes.changes))
            return self._close(response.changes)
        elif event == "bookmark":
            return self._close(response.bookmark)
        return False

    async def room(self) -> None:
        """Return at once: a number that comes takes the place of the one before it."""

    def cut(self) -> None:
        """Forget what the stream told since its last token: it is over, and the next one tells it again."""
        self._open = _Open()

    def lose(self, error: HoldfastError) -> None:
        """Have the caller told that nothing is heard any more."""
        self._out_of_step = OutOfStep(error=error)

    def batch(self) -> Batch[WatchEvent] | None:
        """Give out all that waits; None if nothing does."""
        ends = [event for event in (self._in_step, self._out_of_step) if event is not None]
        if not ends:
            return None
        begin = [] if self._reset is None else [self._reset]
        batch = Batch(
            events=(*begin, *self._waiting.values(), *ends),
            resume_token="" if self._in_step is None else self._in_step.resume_token,
        )
        self._reset, self._waiting, self._in_step, self._out_of_step = None, {}, None, None
        return batch

    def newest(self, event: WatchEvent) -> WatchEvent:
        """Return the event, or in its place the newer number of its key that came since it was given out.

        So whoever takes long over many numbers is told each as it is then. What waits after a reset is of another
        history, and has to wait for the reset to be told.
        """
        if not isinstance(event, AvailabilityUpdate) or self._reset is not None:
            return event
        newer = self._waiting.get(event.key)
        if not isinstance(newer, AvailabilityUpdate):
            return event
        del self._waiting[event.key]
        return newer.after(event)

    def _close(self, place: watch_pb2.WatchSynced | watch_pb2.AvailabilityChanges | watch_pb2.WatchBookmark) -> bool:
        if not place.resume_token:
            return False
        told, self._open = self._open, _Open()
        if told.reset is not None:
            self._begin_anew(told.reset)
        for number in told.numbers:
            self._put(number)
        if told.reset is not None:
            self._tell_gone(self._latest.superseded)
        self.resume_token = place.resume_token
        self._in_step, self._out_of_step = in_step_of(place), None
        return True

    def _begin_anew(self, reset: WatchReset) -> None:
        """What waits is of another history, but for what is gone: the caller has not heard of that yet."""
        self._reset = reset
        self._waiting = {key: event for key, event in self._waiting.items() if isinstance(event, AvailabilityGone)}
        self._latest.take(reset)

    def _put(self, number: AvailabilityUpdate) -> None:
        if not self._latest.take(number):
            return
        overtaken = self._waiting.get(number.key)
        self._waiting[number.key] = number.after(overtaken) if isinstance(overtaken, AvailabilityUpdate) else number

    def _tell_gone(self, keys: Iterable[NumberKey]) -> None:
        for sku, channel, location in sorted(keys):
            gone = AvailabilityGone(sku=sku, channel=channel, location=location)
            self._latest.take(gone)
            self._waiting[gone.key] = gone
