"""The demand of a run: the SKUs, and requests that ask for one unit of one of them, each for an order of its own."""

from __future__ import annotations

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

_ORDER_BITS = 48


class Demand:
    """An endless supply of requests. The same seed draws the same SKUs."""

    def __init__(self, *, hot: bool, seed: int) -> None:
        self._skus = HOT_SKUS if hot else SPREAD_SKUS
        self._random = random.Random(seed)

    def next(self) -> pb.CreateReservationRequest:
        """Returns a request for one unit, with a new request_id."""
        skus = self._skus
        return pb.CreateReservationRequest(
            request_id=new_request_id(),
            channel=CHANNEL,
            order_id=f"{self._random.getrandbits(_ORDER_BITS):012x}",
            lines=[pb.DemandLine(sku=skus[int(self._random.random() * len(skus))], quantity=1)],
        )
