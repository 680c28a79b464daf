"""Wide catalogue: 100,000 SKUs, all wanted alike, and one unit of each: no two decisions touch the same level."""

from __future__ import annotations

import random
from collections.abc import Iterator

from holdfast_loadtest.workload.demand import Wish
from holdfast_loadtest.workload.options import Options
from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.trade import Trade


def _wishes(options: Options, trade: Trade, chance: random.Random) -> Iterator[Wish]:
    while True:
        yield Wish(channel=chance.choice(trade.channels), lines=((chance.choice(trade.skus), 1),))


WIDE_CATALOGUE = Scenario(
    name="wide-catalogue",
    words="100,000 SKUs, all wanted alike, one unit of each",
    defaults={"units": 1, "skus": 100_000, "locations": 1, "channels": 4, "rate": 1_000.0, "seconds": 30.0},
    wishes=_wishes,
)
