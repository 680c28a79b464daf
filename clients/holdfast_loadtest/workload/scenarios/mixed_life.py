"""Mixed life: what is reserved is committed, released, fulfilled, or left until it expires by a short ttl.

Some buyers commit at the very moment at which their hold is due: of the two exactly one wins.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from holdfast_loadtest.workload.arrivals import Popularity
from holdfast_loadtest.workload.demand import LONG_SECONDS, Step, Wish
from holdfast_loadtest.workload.options import Options
from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.trade import Trade

TTL_SECONDS: Final = 1.0
"""The shortest that a hold may last."""

LONGEST_PAUSE_SECONDS: Final = 2.0

_KEPT, _EXPIRED, _RELEASED, _COMMITTED, _GIVEN_BACK, _SHIPPED, _LATE = range(7)
_LIVES: Final = (_KEPT, _EXPIRED, _RELEASED, _COMMITTED, _GIVEN_BACK, _SHIPPED, _LATE)
_WEIGHTS: Final = (5, 20, 20, 10, 10, 30, 5)


def _wishes(options: Options, trade: Trade, chance: random.Random) -> Iterator[Wish]:
    skus = Popularity(trade.skus, options.exponent, chance)
    while True:
        life = chance.choices(_LIVES, _WEIGHTS)[0]
        pause, another = (chance.uniform(0, LONGEST_PAUSE_SECONDS) for _ in range(2))
        steps: tuple[Step, ...] = {
            _RELEASED: (Step("release", pause),),
            _COMMITTED: (Step("commit", pause),),
            _GIVEN_BACK: (Step("commit", pause), Step("release", another)),
            _SHIPPED: (Step("commit", pause), Step("fulfill", another)),
            _LATE: (Step("commit", TTL_SECONDS),),
        }.get(life, ())
        yield Wish(
            channel=chance.choice(trade.channels),
            lines=((skus.draw(), 1),),
            ttl_seconds=TTL_SECONDS if life in (_EXPIRED, _LATE) else LONG_SECONDS,
            steps=steps,
        )


MIXED_LIFE = Scenario(
    name="mixed-life",
    words="holds are committed, released, fulfilled, or expire after a second",
    defaults={
        "units": 60,
        "skus": 200,
        "locations": 2,
        "channels": 4,
        "rate": 250.0,
        "seconds": 30.0,
        "exponent": 0.5,
    },
    wishes=_wishes,
    units_return=True,
)
