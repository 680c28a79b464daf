"""The stock that a replay opens with: a share of what the file will sell, spread over the locations."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningLine:
    """Units of one SKU that are received at one location before the first order."""

    sku: str
    location: str
    quantity: int


def opening_stock(
    demand: Mapping[str, int], *, share: Fraction, locations: Sequence[str], seed: int
) -> tuple[OpeningLine, ...]:
    """The share of each SKU's demand, rounded to whole units half up, cut at random between the locations.

    The same seed gives the same cut. Locations that would get nothing have no line.
    """
    cut = random.Random(seed)
    lines = []
    for sku in sorted(demand):
        total = math.floor(demand[sku] * share + Fraction(1, 2))
        bounds = [0, *sorted(cut.randint(0, total) for _ in locations[1:]), total]
        for location, low, high in zip(locations, bounds, bounds[1:], strict=False):
            if high > low:
                lines.append(OpeningLine(sku=sku, location=location, quantity=high - low))
    return tuple(lines)
