"""Arrival processes: the moments, in seconds from the start, at which buyers come. Pure, and endless patience apart.

A buyer comes when it comes, whether or not the ones before were answered: that is what makes a loop open.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from typing import Final

BURST_MEANS: Final = 5.0
"""How many times its mean a burst lasts: 63 of 100 buyers come within the first fifth of the time."""


def burst(count: int, seconds: float, chance: random.Random) -> Iterator[float]:
    """Yields the moments of a burst: most at the beginning, fewer and fewer until the time is over."""
    mean = seconds / BURST_MEANS
    whole = 1.0 - math.exp(-BURST_MEANS)
    yield from sorted(-mean * math.log(1.0 - chance.random() * whole) for _ in range(count))


def steady(rate: float, seconds: float, chance: random.Random) -> Iterator[float]:
    """Yields moments that have nothing to do with each other (a Poisson process), `rate` a second on average."""
    moment = chance.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += chance.expovariate(rate)


class Popularity:
    """Draws from things of which the first is wanted most: in proportion to 1 / rank ** exponent (Zipf)."""

    def __init__(self, things: Sequence[str], exponent: float, chance: random.Random) -> None:
        self._things = things
        self._bounds = list(itertools.accumulate((rank + 1) ** -exponent for rank in range(len(things))))
        self._chance = chance

    def draw(self) -> str:
        found = bisect.bisect(self._bounds, self._chance.random() * self._bounds[-1])
        return self._things[min(found, len(self._things) - 1)]
