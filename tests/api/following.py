"""A follower of the tests: reads streams of movements, and records what it is told, for the validators."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from holdfast.inventory.v1 import watch_pb2 as watch
from holdfast.inventory.v1.stock_pb2 import Movement

from api.shop import Shop
from api.watching import Watch, positions_of


@dataclass(slots=True)
class Follower:
    """What one follower was told, stream after stream."""

    of: watch.MovementFilter = field(default_factory=watch.MovementFilter)
    movements: list[Movement] = field(default_factory=list)
    """All movements, as they came."""
    places: list[tuple[str, int, int]] = field(default_factory=list)
    """Every token with its position, and how many movements had come by then."""
    segments: list[dict[str, int]] = field(default_factory=list)
    """The positions in each segment, beside each place."""
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
            self.segments.append(positions_of(place))

    def knows(self, revisions: Any) -> bool:
        """Whether it was told of whatever was committed up to these revisions."""
        at = self.segments[-1] if self.segments else {}
        return all(at.get(one.segment, 0) >= one.position for one in revisions)

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
    """Of one stream: movements come in order, none twice, and no place lies ahead of what was told; of each segment."""
    for segment in {m.revision.segment for m in follower.movements}:
        keys = [(m.revision.position, m.line_number) for m in follower.movements if m.revision.segment == segment]
        assert keys == sorted(set(keys))
    for earlier, later in itertools.pairwise(follower.segments):
        assert all(earlier[segment] <= later[segment] for segment in earlier)
    for (_, _, count), at in zip(follower.places, follower.segments, strict=True):
        for number, movement in enumerate(follower.movements):
            is_told = movement.revision.position <= at[movement.revision.segment]
            assert is_told == (number < count), "told after a place that lies ahead of it, or the other way round"


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
