"""What a scenario is: its own defaults, its trade, when buyers come, and what they want."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast_loadtest.workload.arrivals import steady
from holdfast_loadtest.workload.demand import Item
from holdfast_loadtest.workload.options import Options
from holdfast_loadtest.workload.trade import Trade, simple_trade


def steadily(options: Options, chance: random.Random) -> Iterable[float]:
    """The moments of buyers who come at a steady rate."""
    return steady(options.rate, options.seconds, chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario. The same seed gives the same arrivals and wishes, in every load process."""

    name: str
    words: str
    """What it is like, in one line."""
    defaults: Mapping[str, Any]
    """Its options with their defaults; an option of another scenario that is not among them is refused."""
    wishes: Callable[[Options, Trade, random.Random], Iterator[Item]]
    """What one buyer after the other wants, without end."""
    moments: Callable[[Options, random.Random], Iterable[float]] = steadily
    """When they come, in seconds from the start, in order."""
    trade: Callable[[Options], Trade] = simple_trade
    units_return: bool = False
    """Units that were reserved come back within the run, so who asks later may be luckier than who asked before."""

    def all_moments(self, options: Options) -> Iterator[float]:
        yield from self.moments(options, random.Random(f"moments {options.seed}"))

    def all_wishes(self, options: Options, trade: Trade) -> Iterator[Item]:
        yield from self.wishes(options, trade, random.Random(f"wishes {options.seed}"))
