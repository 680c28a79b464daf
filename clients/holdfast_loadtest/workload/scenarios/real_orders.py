"""Real orders: a file of order lines, read as `holdfast replay` reads it, with its own rhythm in a shorter time.

Orders are reserved and committed, cancellations release what the same customer ordered before, write-offs and found
units are adjustments.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from holdfast_client.orders.mapping import load_mapping
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.opening import opening_stock
from holdfast_client.orders.plan import Event, Plan
from holdfast_client.orders.replay import plan_file
from holdfast_loadtest.workload.options import MAX_REQUESTS, OptionError, Options
from holdfast_loadtest.workload.scenario import Scenario
from holdfast_loadtest.workload.trade import Trade


def plan_of(options: Options) -> Plan:
    """Returns what the file holds. Raises OptionError if there is nothing in it, or what the reading raises."""
    if not options.orders:
        raise OptionError("--orders", "must name the file of order lines")
    plan = _plan(options.orders, options.mapping, options.limit, options.run_id, options.locations)
    if not plan.events:
        raise OptionError("--orders", f"{options.orders} has no order, cancellation or adjustment")
    if len(plan.events) > MAX_REQUESTS:
        raise OptionError("--orders", f"has more than {MAX_REQUESTS:,} events; give a --limit of rows")
    return plan


@functools.lru_cache(maxsize=1)
def _plan(orders: str, mapping: str, limit: int, run_id: str, locations: int) -> Plan:
    return plan_file(
        Path(orders),
        mapping=load_mapping(Path(mapping) if mapping else None),
        names=RunNames(run_id=run_id, location_count=locations),
        limit=limit or None,
    )


def _trade(options: Options) -> Trade:
    plan = plan_of(options)
    names = RunNames(run_id=options.run_id, location_count=options.locations)
    opening = opening_stock(
        plan.demand, share=Fraction(str(options.stock_share)), locations=names.locations, seed=options.seed
    )
    return Trade(
        run_id=options.run_id,
        pool=names.pool,
        locations=names.locations,
        channels=tuple(sorted(plan.channels)),
        stock={(line.sku, line.location): line.quantity for line in opening},
        skus=tuple(sorted(plan.demand)),
    )


def _moments(options: Options, _chance: random.Random) -> Iterable[float]:
    events = plan_of(options).events
    first, last = events[0].time, events[-1].time
    span = (last - first).total_seconds() or 1.0
    return ((event.time - first).total_seconds() / span * options.seconds for event in events)


def _events(options: Options, _trade_of_run: Trade, _chance: random.Random) -> Iterator[Event]:
    yield from plan_of(options).events


REAL_ORDERS = Scenario(
    name="real-orders",
    words="the orders, cancellations and corrections of a file, in its own rhythm",
    defaults={"orders": "", "mapping": "", "limit": 0, "stock_share": 0.8, "locations": 2, "seconds": 30.0},
    moments=_moments,
    wishes=_events,
    trade=_trade,
    units_return=True,
)
