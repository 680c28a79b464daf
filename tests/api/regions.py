"""A trade whose units lie in two segments, and a channel that sells from both."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import grpc
from holdfast.inventory.v1.catalog_pb2 import Channel, Item, Location, Pool
from holdfast.inventory.v1.catalog_service_pb2 import (
    PutChannelsRequest,
    PutItemsRequest,
    PutLocationsRequest,
    PutPoolsRequest,
)
from holdfast.inventory.v1.inventory_service_pb2 import AvailabilityKey, BatchGetAvailabilityRequest
from holdfast.inventory.v1.revision_pb2 import Revision

from api.ids import some, uuid7
from api.refusals import read_error
from api.shop import Shop, left

NORTH, SOUTH = "north", "south"
SEGMENTS = (NORTH, SOUTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions(Shop):
    """A shop with a location in each segment, the first in the north. The channel's home is the north."""

    async def stock(self, sku: str, *, north: int = 0, south: int = 0) -> None:
        for location, units in zip(self.locations, (north, south), strict=True):
            if units:
                await self.receive(units, sku=sku, location=location)

    async def units_left(self, sku: str) -> tuple[int, int]:
        """What is net there, in the north and in the south."""
        levels = [await self.level(sku, location=location) for location in self.locations]
        return levels[0].net_quantity, levels[1].net_quantity

    async def sell_from(self, *locations: str) -> None:
        pools = [Pool(pool=self.pool, locations=locations)]
        await self.stubs.catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=pools))

    async def narrow_to_the_north(self) -> None:
        """Has the channel sell from the north alone, and waits until every server knows."""
        await self.sell_from(self.locations[0])
        await asyncio.sleep(1.1)

    async def open_another_place_in_the_south(self) -> str:
        """Puts a second southern location at the end of the pool, and returns it."""
        location = some("loc-s2")
        places = [Location(location=location, segment=SOUTH)]
        await self.stubs.catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=places))
        await self.sell_from(*self.locations, location)
        return location

    def question(self) -> BatchGetAvailabilityRequest:
        """What is in both segments."""
        keys = [AvailabilityKey(sku=self.sku, location=location) for location in self.locations]
        return BatchGetAvailabilityRequest(keys=keys)

    async def heads(self) -> list[Revision]:
        """Where both segments stand now."""
        return list((await self.stubs.inventory.BatchGetAvailability(self.question())).revisions)


async def open_regions(stubs: Any, *, skus: int = 1, north: int = 0, south: int = 0) -> Regions:
    """Opens such a trade, with so many units of every SKU in each segment."""
    shop = Regions(
        stubs=stubs,
        skus=tuple(some("sku") for _ in range(skus)),
        locations=(some("loc-n"), some("loc-s")),
        pool=some("pool"),
        channel=some("channel"),
    )
    catalog = stubs.catalog
    await catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=[Item(sku=sku) for sku in shop.skus]))
    places = [
        Location(location=location, segment=segment) for location, segment in zip(shop.locations, SEGMENTS, strict=True)
    ]
    await catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=places))
    await catalog.PutPools(PutPoolsRequest(request_id=uuid7(), pools=[Pool(pool=shop.pool, locations=shop.locations)]))
    await catalog.PutChannels(
        PutChannelsRequest(request_id=uuid7(), channels=[Channel(channel=shop.channel, pool=shop.pool)])
    )
    for sku in shop.skus:
        await shop.stock(sku, north=north, south=south)
    return shop


async def trade_in_both(shop: Regions, chance: random.Random, steps: int = 15) -> None:
    """Buys, sells, gives back and receives in either segment or in both."""
    for _ in range(steps):
        sku, location = chance.choice(shop.skus), chance.choice(shop.locations)
        kind = chance.randrange(6)
        try:
            if kind == 0:
                await shop.receive(chance.randint(1, 5), sku=sku, location=location)
            elif kind == 1:
                await shop.adjust(-1, sku=sku, location=location)
            elif kind == 2:
                held = await shop.reserve((sku, 1, location))
                await shop.fulfill((await shop.commit(held.reservation_id)).reservation_id, left(1, 1))
            else:
                held = await shop.reserve((sku, chance.randint(1, 30)), allow_split=True)
                await (shop.commit if kind == 3 else shop.release)(held.reservation_id)
        except grpc.aio.AioRpcError as error:
            if read_error(error).reason != "INSUFFICIENT_STOCK":
                raise
