"""Every mutation of the API, each with a request that takes effect and others that differ from it.

Whoever tests what all mutations have in common goes through `MUTATIONS`; a new RPC belongs in the list,
and tests/tidy says so if it is missing.
"""

from typing import Any

from google.protobuf import duration_pb2
from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.stock_pb2 import StockStatus

from api.ids import some
from api.mutation import ONE_LINE_LESS, REASON, Change, Mutation, setting
from api.mutations_of_stock import STOCK_MUTATIONS, TOLD
from api.shop import Shop

__all__ = ["BATCHES", "MUTATIONS", "Change", "Mutation"]


async def items(_shop: Shop) -> Any:
    return catalog_service_pb2.PutItemsRequest(items=[catalog_pb2.Item(sku=some("sku"), scale=1)])


async def locations(_shop: Shop) -> Any:
    return catalog_service_pb2.PutLocationsRequest(locations=[catalog_pb2.Location(location=some("place"))])


async def pools(shop: Shop) -> Any:
    pool = catalog_pb2.Pool(pool=some("pool"), locations=shop.locations)
    return catalog_service_pb2.PutPoolsRequest(pools=[pool])


async def channels(shop: Shop) -> Any:
    channel = catalog_pb2.Channel(channel=some("channel"), pool=shop.pool)
    return catalog_service_pb2.PutChannelsRequest(channels=[channel])


async def reservation(shop: Shop) -> Any:
    request = shop.demand((shop.sku, 1), (shop.sku, 1, shop.location), order_id=some("order"))
    request.ClearField("request_id")
    return request


async def commit(shop: Shop) -> Any:
    held = await shop.reserve((shop.sku, 2))
    return inventory.CommitReservationRequest(reservation_id=held.reservation_id)


async def extension(shop: Shop) -> Any:
    held = await shop.reserve((shop.sku, 2))
    return inventory.ExtendReservationRequest(
        reservation_id=held.reservation_id, ttl=duration_pb2.Duration(seconds=3600)
    )


async def release(shop: Shop) -> Any:
    held = await shop.reserve((shop.sku, 2))
    return inventory.ReleaseReservationRequest(
        reservation_id=held.reservation_id,
        lines=[inventory.ReleaseLine(line_number=1, quantity=1)],
        reason="changed mind",
    )


async def receipt(shop: Shop) -> Any:
    line = inventory.ReceiptLine(sku=shop.sku, location=shop.location, quantity=5)
    return inventory.ReceiveStockRequest(lines=[line], reference="receipt 7")


async def correction(shop: Shop) -> Any:
    line = inventory.AdjustmentLine(sku=shop.sku, location=shop.location, delta_quantity=-1)
    return inventory.AdjustStockRequest(lines=[line], reason="broken")


MUTATIONS = (
    Mutation(
        service="catalog",
        rpc="PutItems",
        make=items,
        changes=(
            setting("items[0].display_name", "another name"),
            setting("items[0].scale", 2),
            setting("items[0].inactive", True),
            ("items[0].parts", lambda request: request.items[0].parts.add(sku="another-sku", quantity=1)),
            ("items", lambda request: request.items.append(catalog_pb2.Item(sku="another-sku"))),
        ),
    ),
    Mutation(
        service="catalog",
        rpc="PutLocations",
        make=locations,
        changes=(
            setting("locations[0].display_name", "another name"),
            setting("locations[0].kind", catalog_pb2.LOCATION_KIND_STORE),
        ),
    ),
    Mutation(
        service="catalog",
        rpc="PutPools",
        make=pools,
        changes=(
            setting("pools[0].display_name", "another name"),
            ("pools[0].locations", lambda request: request.pools[0].ClearField("locations")),
        ),
    ),
    Mutation(
        service="catalog",
        rpc="PutChannels",
        make=channels,
        changes=(setting("channels[0].pool", "another-pool"),),
    ),
    Mutation(
        service="inventory",
        rpc="CreateReservation",
        make=reservation,
        changes=(
            setting("channel", "another-channel"),
            setting("order_id", "another-order"),
            setting("lines[0].quantity", 7),
            setting("lines[1].sku", "another-sku"),
            setting("lines[1].location", "another-location"),
            ("lines", lambda request: request.lines.append(request.lines[0])),
            ONE_LINE_LESS,
            setting("ttl.seconds", 77),
            ("ttl", lambda request: request.ClearField("ttl")),
            setting("allow_split", True),
            setting("fill_policy", inventory.FILL_POLICY_PARTIAL),
            setting("customer_id", "another-customer"),
            setting("allow_backorder", True),
            setting("allow_substitution", True),
            ("sourcing", lambda request: setattr(request.sourcing, "prefer_ship_complete", True)),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="CommitReservation",
        make=commit,
        changes=(setting("reservation_id", "another-reservation"),),
    ),
    Mutation(
        service="inventory",
        rpc="ExtendReservation",
        make=extension,
        changes=(
            setting("reservation_id", "another-reservation"),
            setting("ttl.seconds", 77),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="ReleaseReservation",
        make=release,
        changes=(
            setting("lines[0].line_number", 2),
            setting("lines[0].quantity", 2),
            REASON,
        ),
    ),
    Mutation(
        service="inventory",
        rpc="ReceiveStock",
        make=receipt,
        changes=(
            setting("lines[0].quantity", 7),
            setting("lines[0].status", StockStatus.STOCK_STATUS_DAMAGED),
            setting("reference", "receipt 8"),
            setting("inbound_id", "another-inbound"),
            setting("park_unknown", True),
            REASON,
        ),
    ),
    Mutation(
        service="inventory",
        rpc="AdjustStock",
        make=correction,
        changes=(
            setting("lines[0].delta_quantity", -2),
            setting("lines[0].location", "another-location"),
            REASON,
            setting("park_unknown", True),
        ),
    ),
    TOLD,
    *STOCK_MUTATIONS,
)
# Their parts carry the request ids; they have none of their own.
BATCHES = ("BatchCreateReservations", "StreamCounts")
