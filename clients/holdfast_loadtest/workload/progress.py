"""How a run goes so far: a few counters, and the latency that all but one of a hundred stayed below."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

_STEP: Final = 1.08
"""Each class of latencies is so much wider than the one below: what is shown is right to within 8 in a hundred."""

_SMALLEST_SECONDS: Final = 0.0001
_CLASSES: Final = 200


@dataclass(slots=True)
class Counters:
    """Counts of one load process, or of all."""

    arrived: int = 0
    """Buyers that were begun with."""
    answered: int = 0
    """Reservations that were granted or refused."""
    granted: int = 0
    refused: int = 0
    units: int = 0
    """Units that were granted."""
    latencies: list[int] = field(default_factory=lambda: [0] * _CLASSES)

    def settle(self, *, granted: bool, units: int, latency_seconds: float) -> None:
        """Counts an answered reservation."""
        self.answered += 1
        self.granted += granted
        self.refused += not granted
        self.units += units
        self.latencies[_class_of(latency_seconds)] += 1

    def percentile_ms(self, share: float) -> float:
        """Returns the latency that this share stayed below, to within a class; 0 if there is none."""
        most = math.ceil(share * sum(self.latencies))
        seen = 0
        for number, count in enumerate(self.latencies):
            seen += count
            if count and seen >= most:
                return _SMALLEST_SECONDS * _STEP ** (number + 1) * 1000
        return 0.0

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_values(cls, values: dict[str, object]) -> Self:
        return cls(**values)  # type: ignore[arg-type]


def together(all_counters: Iterable[Counters]) -> Counters:
    """Returns what several load processes came to."""
    whole = Counters()
    for one in all_counters:
        whole.arrived += one.arrived
        whole.answered += one.answered
        whole.granted += one.granted
        whole.refused += one.refused
        whole.units += one.units
        whole.latencies = [here + there for here, there in zip(whole.latencies, one.latencies, strict=True)]
    return whole


def _class_of(seconds: float) -> int:
    if seconds <= _SMALLEST_SECONDS:
        return 0
    return min(_CLASSES - 1, int(math.log(seconds / _SMALLEST_SECONDS) / math.log(_STEP)))
