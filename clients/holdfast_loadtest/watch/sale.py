"""The sale beside: reservations at a given pace, whoever is slow, and how long each call took from when it was due."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast_client.client import HoldfastClient, reservation_request
from holdfast_loadtest.demand import CHANNEL, SPREAD_SKUS

CHANGES_PER_SECOND: Final = 1_000
PER_CALL: Final = 10


@dataclass(slots=True)
class Sale:
    """What a sale came to."""

    sold: int = 0
    refused: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    last_position: int = 0

    def percentile_ms(self, share: float) -> float:
        """Returns the latency that so many calls stayed below."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def sell(
    client: HoldfastClient,
    seconds: float,
    *,
    rate: int = CHANGES_PER_SECOND,
    skus: Sequence[str] = SPREAD_SKUS,
    seed: int = 1,
) -> Sale:
    """Sells one unit of a SKU drawn at random, `rate` times a second, ten to a call, in an open loop."""
    chance = random.Random(seed)
    sale = Sale()
    began = time.monotonic()
    interval = PER_CALL / rate

    async def call(due: float) -> None:
        answer = await client.batch_create_reservations(
            [reservation_request(channel=CHANNEL, lines=[(chance.choice(skus), 1)]) for _ in range(PER_CALL)]
        )
        sale.latencies_ms.append((time.monotonic() - due) * 1000)
        for result in answer.results:
            if result.HasField("created"):
                sale.sold += 1
                sale.last_position = max(sale.last_position, result.created.revision.position)
            else:
                sale.refused += 1

    async with asyncio.TaskGroup() as calls:
        for number in range(int(seconds / interval)):
            due = began + number * interval
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            calls.create_task(call(due))
    sale.seconds = time.monotonic() - began
    return sale
