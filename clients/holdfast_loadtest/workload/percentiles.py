"""The percentiles that are told of whatever takes time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from holdfast_loadtest.figures import percentile

SHARES: Final = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("max", 1.0))


def percentiles_ms(seconds: Iterable[float]) -> dict[str, float | None]:
    """Returns the percentiles of times in milliseconds; each is None if there are none."""
    ordered = sorted(1000 * value for value in seconds)
    return {name: rounded(percentile(ordered, share)) for name, share in SHARES}


def rounded(value: float | None) -> float | None:
    """Returns a number to three digits behind the point."""
    return None if value is None else round(value, 3)
