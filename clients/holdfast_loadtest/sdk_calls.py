"""Closed-loop callers of the SDK, as a program has them: one client, and many that reserve at the same time.

What they ask for at the same time travels together, which is what is measured; nothing here gathers anything.
"""

from __future__ import annotations

import asyncio
import time

from holdfast_client.client import HoldfastClient
from holdfast_client.errors import DeadlineExceeded, HoldfastError, InternalFault, LimitReached, Unavailable
from holdfast_loadtest.demand import CALLER, Demand
from holdfast_loadtest.tally import Tally
from holdfast_loadtest.task import Outcome, Task

_UNKNOWN = (Unavailable, DeadlineExceeded, InternalFault, LimitReached)


async def run_sdk(task: Task) -> Outcome:
    """Runs a task of kind sdk."""
    tally = Tally.of(task)
    cpu_before = time.process_time()
    async with HoldfastClient(task.target, caller=CALLER) as client:
        await asyncio.gather(
            *(
                _caller(client, tally, Demand(hot=task.hot, pool_size=task.pool_size, seed=task.seed + number))
                for number in range(task.in_flight)
            )
        )
    return tally.outcome(client_cpu_seconds=time.process_time() - cpu_before)


async def _caller(client: HoldfastClient, tally: Tally, demand: Demand) -> None:
    while (asked_at := time.perf_counter()) < tally.to_time:
        order_id, sku = demand.draw()
        try:
            await client.create_reservation(channel=demand.channel, order_id=order_id, lines=[(sku, 1)])
            tally.acknowledged += 1
        except _UNKNOWN:
            # The client has asked again as often as it does.
            tally.unknown += 1
        except HoldfastError:
            tally.refused += 1
        tally.answered(1, asked_at)
