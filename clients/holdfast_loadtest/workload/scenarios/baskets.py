"""Baskets: 1 to 20 lines of 1 to 3 units that are decided together; one short line refuses the whole basket."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from holdfast_loadtest.workload.arrivals import Popularity
from holdfast_loadtest.workload.demand import Wish
from holdfast_loadtest.workload.options import Options
from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.trade import Trade

MOST_UNITS_OF_A_LINE: Final = 3


def _wishes(options: Options, trade: Trade, chance: random.Random) -> Iterator[Wish]:
    skus = Popularity(trade.skus, options.exponent, chance)
    while True:
        # The same SKU may be drawn twice: the authority sums its lines before it checks.
        lines = tuple((skus.draw(), chance.randint(1, MOST_UNITS_OF_A_LINE)) for _ in range(_size(options, chance)))
        yield Wish(channel=chance.choice(trade.channels), lines=lines)


def _size(options: Options, chance: random.Random) -> int:
    return chance.randint(1, options.lines)


BASKETS = Scenario(
    name="baskets",
    words="baskets of 1 to 20 lines, all or nothing",
    defaults={
        "units": 150,
        "skus": 1_000,
        "locations": 2,
        "channels": 4,
        "rate": 300.0,
        "seconds": 30.0,
        "exponent": 0.3,
        "lines": 20,
    },
    wishes=_wishes,
)
