"""The newest number of each key, as a watch tells it."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.inventory.v1 import revision_pb2

from holdfast_client.watching.events import (
    AvailabilityGone,
    AvailabilityUpdate,
    InStep,
    NumberKey,
    WatchEvent,
    WatchReset,
)


class LatestAvailability:
    """Holds the newest number of each key. Feed it every event of a watch, and read from it whenever you like.

        latest = LatestAvailability()
        async for event in client.watch_availability(channels=["WEB"]):
            latest.take(event)

    It holds as many numbers as the watch told of. It is not for several threads at once.
    """

    def __init__(self) -> None:
        self._numbers: dict[NumberKey, AvailabilityUpdate] = {}
        self._superseded: set[NumberKey] = set()
        self.revision: revision_pb2.Revision | None = None
        """Whatever was committed up to here is in the numbers; None before the first `InStep`."""

    def take(self, event: WatchEvent) -> bool:
        """Take in an event. Returns whether it is news.

        A number that is older is none; one that is known only if it says what else changed it.
        """
        if isinstance(event, AvailabilityUpdate):
            return self._take_number(event)
        if isinstance(event, AvailabilityGone):
            self._superseded.discard(event.key)
            return self._numbers.pop(event.key, None) is not None
        if isinstance(event, WatchReset):
            # Versions of another history say nothing about those of this one, so the next of each key counts.
            self._superseded = set(self._numbers)
        if isinstance(event, InStep):
            self.revision = event.revision
        return True

    def get(self, sku: str, *, channel: str = "", location: str = "") -> AvailabilityUpdate | None:
        """The number of a SKU for a channel or at a location; None if none was told."""
        return self._numbers.get((sku, channel, location))

    def __iter__(self) -> Iterator[AvailabilityUpdate]:
        return iter(self._numbers.values())

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def superseded(self) -> frozenset[NumberKey]:
        """The numbers that were told before the last reset and not since."""
        return frozenset(self._superseded)

    def _take_number(self, number: AvailabilityUpdate) -> bool:
        known = self._numbers.get(number.key)
        if known is not None and number.key not in self._superseded:
            if number.version < known.version:
                return False
            if number.is_as(known) and not number.causes:
                return False
        self._superseded.discard(number.key)
        self._numbers[number.key] = number
        return True
