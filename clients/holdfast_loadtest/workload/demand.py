"""What a buyer wants, and what becomes of it: plain values, made by scenarios and lived by load processes."""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from holdfast_client.orders.plan import Event

LONG_SECONDS: Final = 86_400.0
"""How long a hold lasts that must not run out: longer than any run and its audit."""

StepKind = Literal["commit", "release", "fulfill"]


class Copy(enum.Enum):
    """Whether the requests of a buyer are sent twice, under the same id."""

    NONE = "none"
    AT_ONCE = "at once"
    """As a double click: the second does not wait for the answer to the first."""
    AFTERWARDS = "afterwards"
    """As after a lost answer: the second is sent when the first was answered."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a buyer does next with what was reserved."""

    kind: StepKind
    after_seconds: float
    """The pause before it, counted from when the step before was due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One reservation that is asked for, and the steps that follow if it is granted."""

    channel: str
    lines: tuple[tuple[str, int], ...]
    """SKU and units."""
    ttl_seconds: float = LONG_SECONDS
    steps: tuple[Step, ...] = ()

    @property
    def runs_out(self) -> bool:
        """The hold ends by itself within the run unless it is committed."""
        return self.ttl_seconds < LONG_SECONDS


Item = Wish | Event
"""What arrives: a wish, or an event out of a file of real orders."""


def with_copies(items: Iterator[Item], share: float, seed: int) -> Iterator[tuple[Item, Copy]]:
    """Marks a share of all, drawn by chance, as sent twice: half of them at once, half afterwards."""
    chance = random.Random(f"copies {seed}")
    for item in items:
        drawn = chance.random()
        if drawn >= share:
            yield item, Copy.NONE
        else:
            yield item, Copy.AT_ONCE if drawn < share / 2 else Copy.AFTERWARDS
