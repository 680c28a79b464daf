"""What the callers of one task come to, and the rate that follows from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from holdfast_loadtest.figures import percentile
from holdfast_loadtest.task import Outcome, Task

_MILLISECONDS = 1000


@dataclass(slots=True)
class Tally:
    """Counts answers. What came within the measured time is held against the time from answer to answer.

    Answers of batches come in lumps. Counted over a fixed time, a lump more or less would be an error of several
    percent; so the time begins with the last answer before it and ends with the last one in it.
    """

    from_time: float
    to_time: float
    measured: int = 0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    latencies: list[float] = field(default_factory=list)
    _begun_at: float | None = None
    _ended_at: float | None = None

    @classmethod
    def of(cls, task: Task) -> Tally:
        """Returns the tally of a task that begins now."""
        started = time.perf_counter()
        return cls(started + task.warm_seconds, started + task.warm_seconds + task.seconds)

    def answered(self, count: int, asked_at: float, now: float | None = None) -> None:
        """Counts answers if they came within the measured time."""
        now = time.perf_counter() if now is None else now
        if now < self.from_time:
            self._begun_at = now
        elif now < self.to_time:
            self.measured += count
            self.latencies.append(now - asked_at)
            self._ended_at = now

    @property
    def seconds(self) -> float:
        """The time that it took to give the measured answers."""
        begun_at = self.from_time if self._begun_at is None else self._begun_at
        ended_at = self.to_time if self._ended_at is None else self._ended_at
        return ended_at - begun_at

    def outcome(self, *, client_cpu_seconds: float) -> Outcome:
        """Returns what the task came to."""
        p50, p99 = percentile(self.latencies, 0.5), percentile(self.latencies, 0.99)
        return Outcome(
            measured=self.measured,
            seconds=self.seconds,
            acknowledged=self.acknowledged,
            refused=self.refused,
            unknown=self.unknown,
            p50_ms=None if p50 is None else p50 * _MILLISECONDS,
            p99_ms=None if p99 is None else p99 * _MILLISECONDS,
            client_cpu_seconds=client_cpu_seconds,
        )
