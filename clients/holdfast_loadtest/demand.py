"""The demand of a run: the SKUs, and requests that ask for one unit of one of them, each for an order of its own."""

from __future__ import annotations

import functools
import random
from typing import Final

from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.request_ids import new_request_id

CALLER: Final = "holdfast-loadtest"
CHANNEL: Final = "LOADTEST"
POOL: Final = "LOADTEST"
LOCATION: Final = "LOADTEST-1"
SKU_COUNT: Final = 1_000
SPREAD_SKUS: Final = tuple(f"SPREAD-{number:04d}" for number in range(SKU_COUNT))
HOT_SKUS: Final = ("HOT-0001",)
SCARCE_SKU: Final = "SCARCE-0001"

POOL_SIZES: Final = (2, 2_000)
"""The locations of two more pools, each with a channel and SKUs of its own, whose costs are compared."""

POOL_SKU_COUNT: Final = 20

_ORDER_BITS = 48


def channel_of_pool(size: int) -> str:
    """The channel, and the pool, that sells from so many locations."""
    return f"LOADTEST-OF-{size}"


def skus_of_pool(size: int) -> tuple[str, ...]:
    """The SKUs that lie in that pool alone."""
    return tuple(f"POOL-{size}-{number:02d}" for number in range(POOL_SKU_COUNT))


@functools.cache
def catalogue_skus(count: int, *, every: int = 1) -> tuple[str, ...]:
    """SKUs of a large catalogue: the first, and each one so many further on, `count` of them."""
    return tuple(f"CATALOGUE-{number * every:06d}" for number in range(count))


class Demand:
    """An endless supply of requests. The same seed draws the same SKUs."""

    def __init__(
        self, *, hot: bool = False, pool_size: int = 1, catalogue: tuple[int, int] | None = None, seed: int
    ) -> None:
        self.channel = CHANNEL if pool_size == 1 else channel_of_pool(pool_size)
        self._skus = SPREAD_SKUS if pool_size == 1 else skus_of_pool(pool_size)
        if hot:
            self._skus = HOT_SKUS
        if catalogue is not None:
            count, every = catalogue
            self._skus = catalogue_skus(count, every=every)
        self._random = random.Random(seed)

    def draw(self) -> tuple[str, str]:
        """Returns an order of its own, and the SKU that it is for."""
        skus = self._skus
        return f"{self._random.getrandbits(_ORDER_BITS):012x}", skus[int(self._random.random() * len(skus))]

    def next(self) -> pb.CreateReservationRequest:
        """Returns a request for one unit, with a new request_id."""
        order_id, sku = self.draw()
        return pb.CreateReservationRequest(
            request_id=new_request_id(),
            channel=self.channel,
            order_id=order_id,
            lines=[pb.DemandLine(sku=sku, quantity=1)],
        )
