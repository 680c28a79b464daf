"""Gives an authority a history: every movement of it is decided, journalled and chained like any other.

Most movements come in operations of a thousand lines, as deliveries and corrections do; a part are reservations of one
line that expire, so that operations, reservations and outcomes grow too.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2

from holdfast_client.client import HoldfastClient, reservation_request
from holdfast_loadtest.demand import CHANNEL, LOCATION, POOL, catalogue_skus
from holdfast_loadtest.growth.size import LOCATIONS, Size

PER_CALL: Final = 1_000
UNITS: Final = 1_000_000
"""The units that every level begins with: more than a run sells."""

_CALLS_UNDER_WAY: Final = 6
_EXPIRE_AFTER_SECONDS: Final = 5.0
_PROGRESS_SECONDS: Final = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was put in, and how long it took."""

    movements: int
    seconds: float


def places() -> tuple[str, ...]:
    """The locations of the catalogue."""
    return (LOCATION, *(f"GROWN-AT-{number:02d}" for number in range(1, LOCATIONS)))


async def put_catalogue(client: HoldfastClient, skus: int, locations: tuple[str, ...]) -> None:
    """Puts items, locations, and the channel that sells from the first location."""
    names = catalogue_skus(skus)
    for start in range(0, skus, PER_CALL):
        await client.put_items([catalog_pb2.Item(sku=sku) for sku in names[start : start + PER_CALL]])
    await client.put_locations([catalog_pb2.Location(location=location) for location in locations])
    await client.put_pools([catalog_pb2.Pool(pool=POOL, locations=locations[:1])])
    await client.put_channels([catalog_pb2.Channel(channel=CHANNEL, pool=POOL)])


async def receive(client: HoldfastClient, skus: tuple[str, ...]) -> None:
    """Receives units of some SKUs at the location that is sold from."""
    for start in range(0, len(skus), PER_CALL):
        await client.receive_stock(
            [
                inventory_service_pb2.ReceiptLine(sku=sku, location=LOCATION, quantity=UNITS)
                for sku in skus[start : start + PER_CALL]
            ]
        )


async def fill(client: HoldfastClient, size: Size, say: Say) -> Filled:
    """Puts a history of that size into an authority that holds its catalogue. Its reservations expire soon after."""
    began = time.monotonic()
    skus = catalogue_skus(size.skus)
    levels = [(sku, location) for sku in skus for location in places()]
    progress = _Progress(size.movements, say)

    async def deliver(start: int) -> None:
        lines = [
            inventory_service_pb2.ReceiptLine(sku=sku, location=location, quantity=UNITS)
            for sku, location in levels[start : start + PER_CALL]
        ]
        await client.receive_stock(lines, reference=f"GR-{start}")
        progress.add(len(lines))

    async def correct(start: int) -> None:
        lines = [
            inventory_service_pb2.AdjustmentLine(sku=sku, location=location, delta_quantity=1)
            for sku, location in levels[start : start + PER_CALL]
        ]
        await client.adjust_stock(lines, reason="found on the shelf")
        progress.add(len(lines))

    async def reserve(seed: int) -> None:
        chance = random.Random(seed)
        answer = await client.batch_create_reservations(
            [
                reservation_request(
                    channel=CHANNEL,
                    order_id=f"GROWN-{seed}-{number}",
                    lines=[(chance.choice(skus), 1)],
                    ttl_seconds=_EXPIRE_AFTER_SECONDS,
                )
                for number in range(PER_CALL)
            ]
        )
        progress.add(2 * sum(result.HasField("created") for result in answer.results))

    await _all_of(deliver(start) for start in range(0, len(levels), PER_CALL))
    await _all_of(reserve(seed) for seed in range(size.reservations // PER_CALL))
    starts = (start % len(levels) for start in range(0, size.adjustments, PER_CALL))
    await _all_of(correct(start) for start in starts)
    return Filled(movements=progress.done, seconds=time.monotonic() - began)


async def _all_of(calls: Iterator[Awaitable[None]]) -> None:
    """Has all calls made, a few at a time."""

    async def work() -> None:
        for call in calls:
            await call

    async with asyncio.TaskGroup() as workers:
        for _ in range(_CALLS_UNDER_WAY):
            workers.create_task(work())


class _Progress:
    def __init__(self, total: int, say: Say) -> None:
        self.done = 0
        self._total = total
        self._say = say
        self._began = self._said = time.monotonic()

    def add(self, movements: int) -> None:
        self.done += movements
        now = time.monotonic()
        if now - self._said >= _PROGRESS_SECONDS:
            self._said = now
            rate = self.done / (now - self._began)
            self._say(f"{self.done:,} of {self._total:,} movements, {rate:,.0f}/s")
