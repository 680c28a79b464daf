"""What a load process is asked to do, and what it reports: plain values that travel as one line of JSON each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

Kind = Literal["unary", "batch", "sdk", "script"]
"""Calls of one reservation each, calls of many, calls of the SDK, or the bare script."""

MAX_CHANNELS: Final = 4
"""The connections that callers share. More do not make a single server process faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Closed-loop load: `in_flight` callers, each of which asks again as soon as it was answered."""

    kind: Kind
    in_flight: int
    warm_seconds: float
    seconds: float
    target: str = ""
    """Where the gRPC server is."""
    batch_size: int = 1
    """The reservations of one call; of a script, the calls that are sent together."""
    hot: bool = False
    """All demand is for one SKU."""
    pool_size: int = 1
    """The locations of the pool that the demand is sourced from."""
    catalogue: tuple[int, int] | None = None
    """The demand is for so many SKUs of a large catalogue, each so many further on than the one before."""
    channels: int = MAX_CHANNELS
    """The connections, at most."""
    port: int = 0
    """Where the bare Valkey is."""
    seed: int = 1

    def share(self, number: int, of: int) -> Self:
        """Returns the part of one load process among several: callers of its own, and SKUs drawn in its own way."""
        callers = self.in_flight // of + (number < self.in_flight % of)
        return dataclasses.replace(self, in_flight=callers, seed=self.seed + number * self.in_flight)

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        fields = json.loads(line)
        if fields["catalogue"] is not None:
            fields["catalogue"] = tuple(fields["catalogue"])
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a task. Only what was answered within the measured time counts as `measured`."""

    measured: int
    seconds: float
    """The measured time."""
    acknowledged: int
    """The reservations that were acknowledged, warming up and running out included. Each is one unit."""
    refused: int
    unknown: int
    """The reservations of which nobody can say whether they took effect. Anything but 0 spoils the check of truth."""
    p50_ms: float | None
    p99_ms: float | None
    client_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Reservations per second."""
        return self.measured / self.seconds

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        return cls(**json.loads(line))


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Returns what load processes that ran side by side came to. Of the percentiles the worst one stands for all."""
    return Outcome(
        measured=sum(outcome.measured for outcome in outcomes),
        seconds=max(outcome.seconds for outcome in outcomes),
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        refused=sum(outcome.refused for outcome in outcomes),
        unknown=sum(outcome.unknown for outcome in outcomes),
        p50_ms=_worst([outcome.p50_ms for outcome in outcomes]),
        p99_ms=_worst([outcome.p99_ms for outcome in outcomes]),
        client_cpu_seconds=sum(outcome.client_cpu_seconds for outcome in outcomes),
    )


def _worst(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
