"""The pools whose costs are compared hold the same, in few locations or in many."""

from collections import Counter
from typing import Any

from holdfast.inventory.v1 import inventory_service_pb2, stock_pb2

from holdfast_loadtest.demand import POOL_SIZES, channel_of_pool, skus_of_pool
from holdfast_loadtest.pools import UNITS_PER_SKU, sold_from_pools, stock_up_pools


class Heard:
    """Hears what an authority is told, and answers questions as if so many units of each SKU were sold."""

    def __init__(self, sold: int = 0) -> None:
        self.put: dict[str, list[Any]] = {}
        self.receipts: list[list[Any]] = []
        self._sold = sold

    def __getattr__(self, name: str) -> Any:
        async def hear(things: Any) -> None:
            self.put.setdefault(name, []).extend(things)

        return hear

    async def receive_stock(self, lines: Any) -> None:
        self.receipts.append([*lines])

    async def batch_get_availability(self, keys: Any) -> Any:
        left = UNITS_PER_SKU - self._sold
        return inventory_service_pb2.BatchGetAvailabilityResponse(
            availabilities=[stock_pb2.Availability(sku=key.sku, available_to_sell_quantity=left) for key in keys]
        )


async def test_every_sku_has_the_same_units_in_both_pools_spread_over_every_location() -> None:
    heard = Heard()
    await stock_up_pools(heard)  # type: ignore[arg-type]
    assert [len(pool.locations) for pool in heard.put["put_pools"]] == [*POOL_SIZES]
    assert [channel.channel for channel in heard.put["put_channels"]] == [channel_of_pool(size) for size in POOL_SIZES]
    units: Counter[str] = Counter()
    for lines in heard.receipts:
        assert len(lines) <= 1_000
        for line in lines:
            units[line.sku] += line.quantity
    assert units == dict.fromkeys([sku for size in POOL_SIZES for sku in skus_of_pool(size)], UNITS_PER_SKU)
    places = {(line.sku, line.location) for lines in heard.receipts for line in lines}
    assert len(places) == sum(POOL_SIZES) * len(skus_of_pool(POOL_SIZES[0]))


async def test_what_a_channel_may_no_longer_sell_is_sold() -> None:
    assert await sold_from_pools(Heard(sold=3)) == 3 * sum(len(skus_of_pool(size)) for size in POOL_SIZES)  # type: ignore[arg-type]
