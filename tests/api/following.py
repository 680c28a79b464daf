"""A follower of the tests: reads streams of movements, and records what it is told, for the validators."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from holdfast.inventory.v1 import watch_pb2 as watch
from holdfast.inventory.v1.stock_pb2 import Movement

from api.shop import Shop
from api.watching import Watch


@dataclass(slots=True)
class Follower:
    """What one follower was told, stream after stream."""

    of: watch.MovementFilter = field(default_factory=watch.MovementFilter)
    movements: list[Movement] = field(default_factory=list)
    """All movements, as they came."""
    places: list[tuple[str, int, int]] = field(default_factory=list)
    """Every token with its position, and how many movements had come by then."""
    events: list[str] = field(default_factory=list)
    batches: list[watch.MovementBatch] = field(default_factory=list)
    resets: list[watch.MovementReset] = field(default_factory=list)

    def take(self, response: watch.WatchMovementsResponse) -> None:
        event = str(response.WhichOneof("event"))
        self.events.append(event)
        if event == "reset":
            self.resets.append(response.reset)
            return
        if event == "movements":
            self.batches.append(response.movements)
            self.movements += response.movements.movements
        place = response.movements if event == "movements" else response.bookmark
        assert bool(place.resume_token) == place.HasField("revision")
        if place.resume_token:
            self.places.append((place.resume_token, place.revision.position, len(self.movements)))

    @property
    def token(self) -> str:
        return self.places[-1][0] if self.places else ""

    @property
    def position(self) -> int:
        return self.places[-1][1] if self.places else 0


class Following(Watch):
    """One stream of movements under way, read by a task of its own into the follower."""

    def __init__(self, stubs: Any, follower: Follower, **begin: Any) -> None:
        self.recorder: Any = follower
        self._news = asyncio.Event()
        self._call = stubs.inventory.WatchMovements(watch.WatchMovementsRequest(filter=follower.of, **begin))
        self._task = asyncio.create_task(self._read())


@contextlib.asynccontextmanager
async def following(stubs: Any, follower: Follower, **begin: Any) -> AsyncIterator[Following]:
    """Follows movements, from where `begin` says (resume_token=, after_revision=), or from now on."""
    stream = Following(stubs, follower, **begin)
    try:
        yield stream
    finally:
        await stream.cancel()


def assert_followed_in_order(follower: Follower) -> None:
    """Of one stream: movements come in order, none twice, and no place lies ahead of what was told."""
    keys = [(m.revision.position, m.line_number) for m in follower.movements]
    assert keys == sorted(set(keys))
    positions = [position for _, position, _ in follower.places]
    assert positions == sorted(positions)
    for _, position, count in follower.places:
        assert all(key[0] <= position for key in keys[:count])
        assert all(key[0] > position for key in keys[count:]), "told after a place that lies ahead of it"


def of(shop: Shop) -> watch.MovementFilter:
    """The movements of the shop's SKUs."""
    return watch.MovementFilter(skus=shop.skus)


async def trade(shop: Shop, purchases: int = 12) -> None:
    """Reserves, and sells or gives back, as many times in a row."""
    for number in range(purchases):
        held = await shop.reserve(*((sku, 1) for sku in shop.skus))
        await (shop.commit if number % 2 else shop.release)(held.reservation_id)


async def booked(shop: Shop, *, after: int = 0) -> list[Movement]:
    """The movements of the shop, as the ledger lists them."""
    listed = [m for sku in shop.skus for m in await shop.movements(sku=sku)]
    return sorted(
        (m for m in listed if m.revision.position > after), key=lambda m: (m.revision.position, m.line_number)
    )
