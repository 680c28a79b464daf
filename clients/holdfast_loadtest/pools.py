"""The two pools whose costs are compared: the same SKUs count and units, spread over few locations or over many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2

from holdfast_client.client import HoldfastClient, availability_key
from holdfast_loadtest.demand import POOL_SIZES, channel_of_pool, skus_of_pool

UNITS_PER_SKU: Final = 40_000
"""The units of a SKU over all locations of its pool: more than a run sells, few enough that locations run empty."""

_PER_CALL: Final = 1_000

_One = TypeVar("_One")


async def stock_up_pools(client: HoldfastClient) -> None:
    """Puts both pools into an authority, each with its channel, its SKUs, and their units in every location."""
    for size in POOL_SIZES:
        skus = skus_of_pool(size)
        locations = [f"POOL-{size}-AT-{number:04d}" for number in range(size)]
        await client.put_items([catalog_pb2.Item(sku=sku) for sku in skus])
        for some in _pieces(locations):
            await client.put_locations([catalog_pb2.Location(location=location) for location in some])
        name = channel_of_pool(size)
        await client.put_pools([catalog_pb2.Pool(pool=name, locations=locations)])
        await client.put_channels([catalog_pb2.Channel(channel=name, pool=name)])
        units = UNITS_PER_SKU // size
        lines = [
            inventory_service_pb2.ReceiptLine(sku=sku, location=location, quantity=units)
            for location in locations
            for sku in skus
        ]
        for some_lines in _pieces(lines):
            await client.receive_stock(some_lines)


async def sold_from_pools(client: HoldfastClient) -> int:
    """Returns the units that the channels of both pools have reserved: what they may no longer sell."""
    keys = [availability_key(sku, channel=channel_of_pool(size)) for size in POOL_SIZES for sku in skus_of_pool(size)]
    answer = await client.batch_get_availability(keys)
    return sum(UNITS_PER_SKU - availability.available_to_sell_quantity for availability in answer.availabilities)


def _pieces(whole: Sequence[_One]) -> Iterator[Sequence[_One]]:
    for start in range(0, len(whole), _PER_CALL):
        yield whole[start : start + _PER_CALL]
