"""The arithmetic of the report: percentiles, medians, ratios. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """Returns the smallest value that at least this share of all values does not exceed; None if there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float | None]) -> float | None:
    """Returns the median of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Returns the quotient; None if a part is unknown or there is nothing to divide by."""
    if numerator is None or not denominator:
        return None
    return numerator / denominator


def median_of_ratios(numerators: Sequence[float | None], denominators: Sequence[float | None]) -> float | None:
    """Returns the median over the rounds of the ratio within a round: both sides met the same machine then.

    None if a side could not be measured at all.
    """
    if not numerators or not denominators:
        return None
    return median([ratio(one, other) for one, other in zip(numerators, denominators, strict=True)])


def total(values: Sequence[float | None]) -> float | None:
    """Returns the sum; None if a part is unknown or there are none."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def microseconds_each(seconds: float | None, count: int) -> float | None:
    """Returns the microseconds per item of a total in seconds; None if it is unknown or there was no item."""
    return None if seconds is None or count == 0 else seconds / count * 1_000_000
