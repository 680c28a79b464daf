"""A small catalogue to try things with: loaded once, into an empty authority, through the same door as everybody's."""

from __future__ import annotations

from typing import Final

from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2, inventory_service_pb2

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.requests import catalog, stock
from holdfast_server.ledger import queries

_CALLER: Final = Caller(name="holdfast-demo")

_ITEMS: Final = (
    ("KETTLE-RED", "Enamel kettle, red", 40),
    ("KETTLE-BLUE", "Enamel kettle, blue", 25),
    ("MUG-WHITE", "Stoneware mug, white", 300),
    ("MUG-GREY", "Stoneware mug, grey", 180),
    ("LANTERN", "Storm lantern", 12),
    ("BLANKET", "Wool blanket", 8),
    ("LAST-ONE", "The last one on the shelf", 1),
)
_WAREHOUSE: Final = "WAREHOUSE"
_STORES: Final = ("STORE-HARBOUR", "STORE-MARKET")
_STORE_SHARE: Final = 4


async def load_demo(authority: Authority) -> bool:
    """Loads the demo catalogue if there is no channel yet, which is what it puts last; returns whether it did.

    Its request ids are fixed: after a crash half-way the next start completes it, and books nothing twice.
    """
    first = await authority.reader.ask(queries.list_channels, authority.settings.segment, after="", limit=1)
    if first:
        return False
    items = catalog_service_pb2.PutItemsRequest(
        request_id="holdfast-demo:items",
        items=[catalog_pb2.Item(sku=sku, display_name=name) for sku, name, _ in _ITEMS],
    )
    await authority.decide(catalog.put_items(items, _CALLER), items)
    locations = catalog_service_pb2.PutLocationsRequest(
        request_id="holdfast-demo:locations",
        locations=[
            catalog_pb2.Location(
                location=_WAREHOUSE, display_name="Warehouse", kind=catalog_pb2.LOCATION_KIND_WAREHOUSE
            ),
            *(
                catalog_pb2.Location(
                    location=store,
                    display_name=store.removeprefix("STORE-").title(),
                    kind=catalog_pb2.LOCATION_KIND_STORE,
                )
                for store in _STORES
            ),
        ],
    )
    await authority.decide(catalog.put_locations(locations, _CALLER), locations)
    pools = catalog_service_pb2.PutPoolsRequest(
        request_id="holdfast-demo:pools",
        pools=[
            catalog_pb2.Pool(pool="EVERYWHERE", display_name="All stock", locations=[_WAREHOUSE, *_STORES]),
            catalog_pb2.Pool(pool="STORES", display_name="Stores", locations=_STORES),
        ],
    )
    await authority.decide(catalog.put_pools(pools, _CALLER), pools)
    receipt = inventory_service_pb2.ReceiveStockRequest(
        request_id="holdfast-demo:stock",
        reference="demo",
        lines=[
            inventory_service_pb2.ReceiptLine(sku=sku, location=location, quantity=quantity)
            for sku, _, total in _ITEMS
            for location, quantity in _shares(total)
            if quantity
        ],
    )
    await authority.decide(stock.receive_stock(receipt, _CALLER), receipt)
    # The channels come last: they are what tells the next start that everything is there.
    channels = catalog_service_pb2.PutChannelsRequest(
        request_id="holdfast-demo:channels",
        channels=[
            catalog_pb2.Channel(channel="WEB", display_name="Web shop", pool="EVERYWHERE"),
            catalog_pb2.Channel(channel="MARKETPLACE", display_name="Marketplace", pool="EVERYWHERE"),
            catalog_pb2.Channel(channel="TILLS", display_name="Store tills", pool="STORES"),
        ],
    )
    await authority.decide(catalog.put_channels(channels, _CALLER), channels)
    return True


def _shares(total: int) -> list[tuple[str, int]]:
    """Splits the units of an item: a share to each store, the rest to the warehouse."""
    per_store = total // _STORE_SHARE
    return [(_WAREHOUSE, total - per_store * len(_STORES)), *((store, per_store) for store in _STORES)]
