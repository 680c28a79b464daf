"""Makes the service ready for a replay: items, locations, pool, channels, and the opening stock."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2

from holdfast_client.csv_import.patience import Patience
from holdfast_client.orders.account import Account
from holdfast_client.orders.authority import Authority
from holdfast_client.orders.ledger import read_levels
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.opening import OpeningLine
from holdfast_client.orders.plan import Plan
from holdfast_client.request_ids import new_request_id

BATCH_LINES = 1_000
"""The most items, channels or lines of one request, as the service bounds it."""

T = TypeVar("T")


class RunIdInUseError(Exception):
    """Some SKU of the run has stock levels already: the verdict would count what another run did."""


async def stock_up(
    plan: Plan,
    opening: Sequence[OpeningLine],
    *,
    names: RunNames,
    authority: Authority,
    account: Account,
    patience: Patience,
) -> None:
    """Puts the master data of the run and receives its opening stock, telling the account.

    Raises RunIdInUseError if the run's SKUs have been moved before, HoldfastError for a refusal, and
    NoAnswerError.
    """

    async def put(call: Callable[..., Awaitable[object]], values: Sequence[object]) -> None:
        """Asks a call with at most as many values as one request may have, under one id each time."""
        for some in chunks(values, BATCH_LINES):
            await patience.ask(functools.partial(call, some, request_id=new_request_id()))

    await put(
        authority.put_items,
        [catalog_pb2.Item(sku=sku, display_name=plan.display_names.get(sku, "")) for sku in sorted(plan.demand)],
    )
    await put(authority.put_locations, [catalog_pb2.Location(location=location) for location in names.locations])
    await put(authority.put_pools, [catalog_pb2.Pool(pool=names.pool, locations=names.locations)])
    await put(
        authority.put_channels,
        [
            catalog_pb2.Channel(channel=channel, display_name=name, pool=names.pool)
            for channel, name in sorted(plan.channels.items())
        ],
    )
    await _require_unused(plan, names=names, authority=authority, patience=patience)
    await put(
        functools.partial(authority.receive_stock, reference=names.run_id, reason="opening stock of a replay"),
        [
            inventory_service_pb2.ReceiptLine(sku=line.sku, location=line.location, quantity=line.quantity)
            for line in opening
        ],
    )
    for line in opening:
        account.received(line.sku, line.location, line.quantity)


async def _require_unused(plan: Plan, *, names: RunNames, authority: Authority, patience: Patience) -> None:
    levels = await read_levels(plan.demand, names.locations, authority=authority, patience=patience)
    moved = next((level for level in levels.values() if level.version), None)
    if moved is not None:
        raise RunIdInUseError(
            f"the run id {names.run_id!r} was used before: {moved.sku} at {moved.location} has been moved"
        )


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The values in parts of the size, but for the last."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
