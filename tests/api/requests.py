"""Makers of requests that are right but for what a test changes."""

from collections.abc import Callable
from typing import Any

from holdfast.inventory.v1 import inventory_service_pb2 as inventory

from api.ids import uuid7
from api.shop import Shop

MAX_QUANTITY = 10**12

Make = Callable[[Shop], Any]


def demand(**changes: Any) -> Make:
    """A demand of one line with the changes; those that name a field of the line go to the line."""

    def make(shop: Shop) -> Any:
        line = {"sku": shop.sku, "quantity": 1}
        line |= {name: changes[name] for name in ("sku", "quantity", "location") if name in changes}
        rest = {name: value for name, value in changes.items() if name not in line and name != "location"}
        whole = {"request_id": uuid7(), "channel": shop.channel, "lines": [inventory.DemandLine(**line)]}
        return inventory.CreateReservationRequest(**(whole | rest))

    return make


def receipt(**changes: Any) -> Make:
    def make(shop: Shop) -> Any:
        line = {"sku": shop.sku, "location": shop.location, "quantity": 1} | changes
        return inventory.ReceiveStockRequest(request_id=uuid7(), lines=[inventory.ReceiptLine(**line)])

    return make


def correction(reason: str = "recount", **changes: Any) -> Make:
    def make(shop: Shop) -> Any:
        line = {"sku": shop.sku, "location": shop.location, "delta_quantity": 1} | changes
        corrected = [inventory.AdjustmentLine(**line)]
        return inventory.AdjustStockRequest(request_id=uuid7(), lines=corrected, reason=reason)

    return make


def lines_of(count: int) -> Make:
    def make(shop: Shop) -> Any:
        return shop.demand(*[(shop.sku, 1) for _ in range(count)])

    return make
