"""Reads back what a run left behind: the levels that the service tells, and every movement in its ledger.

Two sources on purpose. The levels are what the next buyer would be answered from; the movements are what is
durable. Both are held against the run's own account, and against each other.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from holdfast.inventory.v1 import audit_service_pb2, inventory_service_pb2, stock_pb2

from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.csv_import.together import together
from holdfast_client.orders.account import LevelKey
from holdfast_client.orders.authority import Authority

MAX_KEYS = 1_000
"""The most availabilities asked for at once, as the service bounds it."""

PAGE_SIZE = 1_000
"""The movements of one page, as the service bounds it."""

READERS = 16
"""The SKUs whose movements are read at a time."""


@dataclass(slots=True, kw_only=True)
class LevelHistory:
    """The movements of one level, summed by what they did. Quantities are units and count up."""

    received: int = 0
    adjusted: int = 0
    reserved: int = 0
    released: int = 0
    expired: int = 0
    movements: int = 0
    oversold: int = 0
    """The units that reservations, each at the moment that it was decided, took beyond what was sellable."""
    sellable: int = 0
    held: int = 0
    committed: int = 0
    """The last three: the balance after the last movement."""

    def add(self, movement: stock_pb2.Movement) -> None:
        """Takes up the next movement. They come oldest first."""
        self.movements += 1
        reserved_delta = movement.held_delta + movement.committed_delta
        if movement.kind == stock_pb2.MOVEMENT_KIND_RECEIVE:
            self.received += movement.sellable_delta
        elif movement.kind == stock_pb2.MOVEMENT_KIND_ADJUST:
            self.adjusted += movement.sellable_delta
        elif movement.kind == stock_pb2.MOVEMENT_KIND_RESERVE:
            self.reserved += reserved_delta
            balance = movement.balance
            net = balance.sellable_quantity - balance.held_quantity - balance.committed_quantity
            self.oversold += max(0, min(reserved_delta, -net))
        elif movement.kind == stock_pb2.MOVEMENT_KIND_RELEASE:
            self.released -= reserved_delta
        elif movement.kind == stock_pb2.MOVEMENT_KIND_EXPIRE:
            self.expired -= reserved_delta
        self.sellable = movement.balance.sellable_quantity
        self.held = movement.balance.held_quantity
        self.committed = movement.balance.committed_quantity


async def read_levels(
    skus: Collection[str], locations: Sequence[str], *, authority: Authority, patience: Patience
) -> dict[LevelKey, stock_pb2.StockLevel]:
    """The levels of the SKUs at the locations. What never had a movement is absent."""
    keys = [inventory_service_pb2.AvailabilityKey(sku=sku, location=location) for sku in skus for location in locations]
    levels = {}
    for start in range(0, len(keys), MAX_KEYS):
        some = keys[start : start + MAX_KEYS]
        answer = await patience.ask(functools.partial(authority.batch_get_availability, some))
        for availability in answer.availabilities:
            if availability.HasField("stock_level"):
                level = availability.stock_level
                levels[(level.sku, level.location)] = level
    return levels


async def read_histories(
    skus: Iterable[str], *, authority: Authority, patience: Patience
) -> dict[LevelKey, LevelHistory]:
    """The summed movements of every level of the SKUs."""
    histories: dict[LevelKey, LevelHistory] = {}
    waiting = iter(skus)

    async def read() -> None:
        for sku in waiting:
            token = ""
            while True:
                page = await patience.ask(
                    functools.partial(authority.list_movements_page, sku=sku, page_size=PAGE_SIZE, page_token=token)
                )
                for movement in page.movements:
                    key = (movement.balance.sku, movement.balance.location)
                    histories.setdefault(key, LevelHistory()).add(movement)
                token = page.next_page_token
                if not token:
                    break

    await together(*(read() for _ in range(READERS)))
    return histories


async def verify_ledger(*, authority: Authority, patience: Patience) -> audit_service_pb2.LedgerVerdict:
    """The service's verdict on its whole ledger. Raises NoAnswerError if the check ended without one."""

    async def verify() -> audit_service_pb2.LedgerVerdict:
        verdict: audit_service_pb2.LedgerVerdict | None = None
        async for response in authority.verify_ledger():
            if response.HasField("verdict"):
                verdict = response.verdict
        if verdict is None:
            raise NoAnswerError("the check of the ledger ended without a verdict")
        return verdict

    return await patience.ask(verify)
