"""What the callers of one task come to, and the rate that follows from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from holdfast_loadtest.figures import percentile
from holdfast_loadtest.task import Outcome, Task

_MILLISECONDS = 1000


@dataclass(slots=True)
class Tally:
    """Counts answers, and holds those of the measured time against all of it, a stall at its end included.

    Answers of batches come in lumps. Counted whole over a fixed time, a lump more or less would be an error of several
    percent. So an answer stands for the time since the one before it, and of one that comes across an edge of the
    measured time counts the part that lies within. Answers of single calls count whole, those that come in a lump too.
    """

    from_time: float
    to_time: float
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    latencies: list[float] = field(default_factory=list)
    _measured: float = 0.0
    _answered_at: float | None = None

    @classmethod
    def of(cls, task: Task) -> Tally:
        """Returns the tally of a task that begins now."""
        started = time.perf_counter()
        tally = cls(started + task.warm_seconds, started + task.warm_seconds + task.seconds)
        tally._answered_at = started
        return tally

    def answered(self, count: int, asked_at: float, now: float | None = None) -> None:
        """Counts answers as far as they lie within the measured time. Those after it are to be told too."""
        now = time.perf_counter() if now is None else now
        since = self.from_time if self._answered_at is None else self._answered_at
        self._answered_at = now
        if self.from_time <= since <= now < self.to_time:
            self._measured += count
        elif now > self.from_time and since < self.to_time:
            within = min(now, self.to_time) - max(since, self.from_time)
            self._measured += count * within / (now - since)
        if self.from_time <= now < self.to_time:
            self.latencies.append(now - asked_at)

    def outcome(self, *, client_cpu_seconds: float) -> Outcome:
        """Returns what the task came to."""
        p50, p99 = percentile(self.latencies, 0.5), percentile(self.latencies, 0.99)
        return Outcome(
            measured=round(self._measured),
            seconds=self.to_time - self.from_time,
            acknowledged=self.acknowledged,
            refused=self.refused,
            unknown=self.unknown,
            p50_ms=None if p50 is None else p50 * _MILLISECONDS,
            p99_ms=None if p99 is None else p99 * _MILLISECONDS,
            client_cpu_seconds=client_cpu_seconds,
        )
