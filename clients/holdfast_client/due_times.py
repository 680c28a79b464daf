"""Calls that end at about the same time share a timer: of thousands, each would pay for its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol

SLOT_SECONDS: Final = 0.01
"""How much later than its time a call may be told of it."""


class Ending(Protocol):
    """What has an end."""

    def miss_deadline(self) -> None:
        """Be told that the time has come."""
        ...


@dataclass(slots=True, eq=False)
class Slot:
    """What ends at about one time."""

    number: int
    timer: asyncio.TimerHandle
    endings: set[Ending] = field(default_factory=set)


class DueTimes:
    """Tells things that their time has come, unless they were taken away before. Keeps nothing of what was."""

    def __init__(self) -> None:
        self._slots: dict[int, Slot] = {}

    def add(self, loop: asyncio.AbstractEventLoop, ending: Ending, end_time: float) -> Slot:
        """Note when something ends, on the clock of the loop; with what is returned it is taken away."""
        number = int(end_time / SLOT_SECONDS) + 1
        slot = self._slots.get(number)
        if slot is None:
            timer = loop.call_at(number * SLOT_SECONDS, self._come, number)
            slot = self._slots[number] = Slot(number, timer)
        slot.endings.add(ending)
        return slot

    def take_away(self, slot: Slot, ending: Ending) -> None:
        """Forget something that has ended by itself, or been told."""
        slot.endings.discard(ending)
        if not slot.endings and self._slots.get(slot.number) is slot:
            slot.timer.cancel()
            del self._slots[slot.number]

    def _come(self, number: int) -> None:
        for ending in self._slots.pop(number).endings:
            ending.miss_deadline()
