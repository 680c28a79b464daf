"""How long and how often each phase is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Every phase runs once per round, so that what disturbs the machine for a while hits all of them."""

    rounds: int
    warm_seconds: float
    """Load before each measurement, which does not count."""
    seconds: float
    """The length of one measurement."""
    tuning_seconds: float = 0.0
    """The length of one try of a setting, such as how many batches are under way."""
    buyers: int = 0
    """The buyers of the flash sale, if there is one."""
    buyers_seconds: float = 0.0
    """The time in which they come, most of them at its beginning."""
    tuning_turns: int = 0
    """How often each setting is tried; its best try counts. If none is tried, what is fastest most often is taken."""


FULL: Final = Pace(
    rounds=3,
    warm_seconds=0.5,
    seconds=3.0,
    tuning_seconds=1.0,
    tuning_turns=2,
    buyers=50_000,
    buyers_seconds=30.0,
)
QUICK: Final = Pace(
    rounds=2,
    warm_seconds=0.15,
    seconds=0.4,
    tuning_seconds=0.0,
    tuning_turns=0,
    buyers=3_000,
    buyers_seconds=1.0,
)
