"""What the authority says after a run: every movement of the run's SKUs in its ledger, their levels, and its verdict.

Three sources on purpose: the movements are what is durable, the levels are what the next buyer would be answered from,
and the verdict is the authority's own check of its whole ledger.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from holdfast.inventory.v1 import audit_service_pb2, inventory_service_pb2, stock_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.orders.account import LevelKey
from holdfast_client.orders.ledger import LevelHistory
from holdfast_loadtest.workload.trade import Trade

PAGE_SIZE: Final = 1_000
"""The movements of one page, and the levels of one question, as the service bounds them."""

SETTLE_SECONDS: Final = 20.0
"""How long holds that are due may take to expire, and what they took to come back."""

LOOK_SECONDS: Final = 0.25


@dataclass(slots=True, kw_only=True)
class Taken:
    """The units that one request id took, as the ledger has it."""

    channel: str
    reservation_id: str
    decide_ns: int
    """When, on the segment's clock."""
    positions: set[tuple[str, int]] = field(default_factory=set)
    """The revisions at which it took them: more than one, and it took effect more than once."""
    units: Counter[LevelKey] = field(default_factory=Counter)


@dataclass(slots=True)
class Books:
    """What the ledger holds of a run, its opening stock apart."""

    levels: dict[LevelKey, LevelHistory] = field(default_factory=lambda: defaultdict(LevelHistory))
    fulfilled: Counter[LevelKey] = field(default_factory=Counter)
    taken: dict[str, Taken] = field(default_factory=dict)
    """By request id."""
    effects: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    """The revisions at which each request id of whatever kind took effect."""
    expire_ns: dict[str, int] = field(default_factory=dict)
    """When, on the segment's clock, the hold of each reservation id expired."""
    movements: int = 0
    freed: list[tuple[float, int]] = field(default_factory=list)
    """When, on the authority's clock, how many units more may be sold; fewer if negative. The opening stock apart."""

    def add(self, movement: stock_pb2.Movement) -> None:
        """Takes up the next movement. They come oldest first."""
        self.movements += 1
        key = (movement.balance.sku, movement.balance.location)
        self.levels[key].add(movement)
        place = (movement.revision.segment, movement.revision.position)
        if movement.request_id:
            self.effects.setdefault(movement.request_id, set()).add(place)
        if movement.kind != stock_pb2.MOVEMENT_KIND_RECEIVE:
            units = movement.sellable_delta - movement.held_delta - movement.committed_delta
            if units:
                self.freed.append((movement.decide_time.ToNanoseconds() / 1e9, units))
        if movement.kind == stock_pb2.MOVEMENT_KIND_FULFILL:
            self.fulfilled[key] -= movement.held_delta + movement.committed_delta
        elif movement.kind == stock_pb2.MOVEMENT_KIND_EXPIRE:
            self.expire_ns.setdefault(movement.reservation_id, movement.decide_time.ToNanoseconds())
        elif movement.kind == stock_pb2.MOVEMENT_KIND_RESERVE:
            taken = self.taken.get(movement.request_id)
            if taken is None:
                taken = Taken(
                    channel=movement.channel,
                    reservation_id=movement.reservation_id,
                    decide_ns=movement.decide_time.ToNanoseconds(),
                )
                self.taken[movement.request_id] = taken
            taken.positions.add(place)
            taken.units[key] += movement.held_delta + movement.committed_delta


async def read_books(client: HoldfastClient, trade: Trade) -> Books:
    """Reads every movement of the run's SKUs since their opening stock came in."""
    first = await client.list_movements_page(sku=next(iter(trade.stock))[0] if trade.stock else "", page_size=1)
    books = Books()
    if not first.movements:
        return books
    ours = frozenset(trade.skus)
    # A place in the ledger, by the authority's own clock: what others did before is not read.
    start = first.movements[0].decide_time.ToDatetime(tzinfo=UTC)
    async for movement in client.list_movements(start_time=start, page_size=PAGE_SIZE):
        if movement.balance.sku in ours:
            books.add(movement)
    return books


async def read_levels(client: HoldfastClient, trade: Trade) -> dict[LevelKey, stock_pb2.StockLevel]:
    """Reads the level of every SKU at every location. What never had a movement is absent."""
    keys = [
        inventory_service_pb2.AvailabilityKey(sku=sku, location=location)
        for sku in trade.skus
        for location in trade.locations
    ]
    levels = {}
    for start in range(0, len(keys), PAGE_SIZE):
        answer = await client.batch_get_availability(keys[start : start + PAGE_SIZE])
        for availability in answer.availabilities:
            if availability.HasField("stock_level"):
                levels[(availability.sku, availability.location)] = availability.stock_level
    return levels


async def settled_levels(
    client: HoldfastClient, trade: Trade, *, held: int, may_run_out: bool
) -> dict[LevelKey, stock_pb2.StockLevel]:
    """Reads the levels, once no more is held than must be: with holds that run out, that takes a moment."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLE_SECONDS
    while True:
        levels = await read_levels(client, trade)
        too_many = sum(level.held_quantity for level in levels.values()) > held
        if not (may_run_out and too_many) or loop.time() > end:
            return levels
        await asyncio.sleep(LOOK_SECONDS)


async def verify(client: HoldfastClient) -> audit_service_pb2.LedgerVerdict | None:
    """Has the authority check its whole ledger; None if the check ended without a verdict."""
    verdict = None
    async for progress in client.verify_ledger():
        if progress.HasField("verdict"):
            verdict = progress.verdict
    return verdict
