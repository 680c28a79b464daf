"""Flash sale: far more buyers than units, one SKU, several channels, and most buyers come at the very beginning."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from holdfast_loadtest.workload.arrivals import burst
from holdfast_loadtest.workload.demand import Wish
from holdfast_loadtest.workload.options import Options
from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.trade import Trade


def _moments(options: Options, chance: random.Random) -> Iterable[float]:
    return burst(options.buyers, options.seconds, chance)


def _wishes(options: Options, trade: Trade, chance: random.Random) -> Iterator[Wish]:
    one = [((sku, 1),) for sku in trade.skus]
    while True:
        yield Wish(channel=chance.choice(trade.channels), lines=chance.choice(one))


FLASH_SALE = Scenario(
    name="flash-sale",
    words="50,000 buyers want one of 1,000 units, most of them at the very beginning",
    defaults={"buyers": 50_000, "units": 1_000, "skus": 1, "locations": 1, "channels": 4, "seconds": 30.0},
    moments=_moments,
    wishes=_wishes,
)
