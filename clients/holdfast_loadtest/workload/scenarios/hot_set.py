"""Hot set: a few SKUs of many get most of the demand (Zipf). The hot ones sell out, the others do not."""

from __future__ import annotations

import random
from collections.abc import Iterator

from holdfast_loadtest.workload.arrivals import Popularity
from holdfast_loadtest.workload.demand import Wish
from holdfast_loadtest.workload.options import Options
from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.trade import Trade


def _wishes(options: Options, trade: Trade, chance: random.Random) -> Iterator[Wish]:
    skus = Popularity(trade.skus, options.exponent, chance)
    while True:
        yield Wish(channel=chance.choice(trade.channels), lines=((skus.draw(), 1),))


HOT_SET = Scenario(
    name="hot-set",
    words="1,000 SKUs, of which a few get most of the demand (Zipf)",
    defaults={
        "units": 500,
        "skus": 1_000,
        "locations": 2,
        "channels": 4,
        "rate": 1_000.0,
        "seconds": 30.0,
        "exponent": 1.1,
    },
    wishes=_wishes,
)
