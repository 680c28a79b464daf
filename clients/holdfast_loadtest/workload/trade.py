"""The trade that a run needs: items, locations, a pool, channels and stock; and how it is put into the authority."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.csv_import.together import together
from holdfast_client.orders.account import LevelKey
from holdfast_client.request_ids import new_request_id
from holdfast_loadtest.workload.options import Options

PER_CALL: Final = 1_000
"""The most items, channels or lines of one call, as the service bounds it."""

_CALLS_AT_A_TIME: Final = 4


class RunIdInUseError(Exception):
    """A SKU of the run has been moved before: the verdict would count what another run did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What a run sells, where, and to whom. SKUs carry the run id, so that every unit in them is one of this run.

    Locations, pool and channels are shared by all runs of the same size: a location may be in few pools only.
    """

    run_id: str
    pool: str
    locations: tuple[str, ...]
    channels: tuple[str, ...]
    stock: Mapping[LevelKey, int]
    """The opening units by SKU and location."""
    skus: tuple[str, ...]

    def units(self) -> Counter[str]:
        """Returns the opening units by SKU, over all locations."""
        found: Counter[str] = Counter(dict.fromkeys(self.skus, 0))
        for (sku, _), units in self.stock.items():
            found[sku] += units
        return found


def simple_trade(options: Options) -> Trade:
    """Returns a trade in which every SKU has the same units, spread evenly over the locations."""
    pool = f"LOADTEST-{options.locations}-{options.channels}"
    locations = tuple(f"{pool}:L{number}" for number in range(1, options.locations + 1))
    skus = tuple(f"{options.run_id}-{number:06d}" for number in range(1, options.skus + 1))
    each, rest = divmod(options.units, options.locations)
    return Trade(
        run_id=options.run_id,
        pool=pool,
        locations=locations,
        channels=tuple(f"{pool}:C{number}" for number in range(1, options.channels + 1)),
        stock={
            (sku, location): each + (number < rest)
            for sku in skus
            for number, location in enumerate(locations)
            if each + (number < rest)
        },
        skus=skus,
    )


async def stock_up(client: HoldfastClient, trade: Trade) -> None:
    """Puts the master data and books the opening stock. Raises RunIdInUseError, or what the client raises."""
    await _put(client.put_items, [catalog_pb2.Item(sku=sku) for sku in trade.skus])
    await client.put_locations([catalog_pb2.Location(location=location) for location in trade.locations])
    await client.put_pools([catalog_pb2.Pool(pool=trade.pool, locations=trade.locations)])
    await client.put_channels([catalog_pb2.Channel(channel=channel, pool=trade.pool) for channel in trade.channels])
    probe = await client.list_movements_page(sku=trade.skus[0], page_size=1)
    if probe.movements:
        raise RunIdInUseError(f"the run id {trade.run_id!r} was used before: {trade.skus[0]} has been moved")
    await _put(
        functools.partial(client.receive_stock, reference=trade.run_id, reason="opening stock of a load test"),
        [
            inventory_service_pb2.ReceiptLine(sku=sku, location=location, quantity=units)
            for (sku, location), units in trade.stock.items()
        ],
    )


async def _put(call: Callable[..., Awaitable[Any]], values: Sequence[Any]) -> None:
    """Makes as many calls as are needed, the first by itself: what it books is the earliest of the run."""
    pieces = [values[start : start + PER_CALL] for start in range(0, len(values), PER_CALL)]
    if not pieces:
        return
    await call(pieces[0], request_id=new_request_id())
    await _some_at_a_time(functools.partial(call, piece, request_id=new_request_id()) for piece in pieces[1:])


async def _some_at_a_time(calls: Iterable[Callable[[], Awaitable[Any]]]) -> None:
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            await call()

    await together(*(work() for _ in range(_CALLS_AT_A_TIME)))
