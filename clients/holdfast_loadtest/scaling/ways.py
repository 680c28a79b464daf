"""The ways in which a reservation can come about, one beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.inventory.v1 import catalog_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_client.client import HoldfastClient, availability_key
from holdfast_client.request_ids import new_request_id

FIRST, SECOND = "main", "south"
SEGMENTS: Final = (FIRST, SECOND)
SKU_COUNT: Final = 100
_PLENTY: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a demand is filled: which SKUs one reservation names, of which channel, and by which authority."""

    name: str
    what: str
    skus: tuple[str, ...]
    channel: str
    segments: int
    batch_size: int = 1

    def request(self, number: int) -> pb.CreateReservationRequest:
        """Returns a demand for one unit of each SKU, with a new request_id."""
        lines = [pb.DemandLine(sku=f"{sku}-{number % SKU_COUNT:03d}", quantity=1) for sku in self.skus]
        return pb.CreateReservationRequest(request_id=new_request_id(), channel=self.channel, lines=lines)


WAYS: Final = (
    Way(name="one", what="an authority of one segment", skus=("HERE",), channel="WITHIN", segments=1),
    Way(
        name="within",
        what="one of two segments, of a channel that sells from it alone",
        skus=("HERE",),
        channel="WITHIN",
        segments=2,
    ),
    Way(
        name="home",
        what="a channel that sells from both; its home has the units",
        skus=("HERE",),
        channel="SPANNING",
        segments=2,
    ),
    Way(name="elsewhere", what="the other segment has them", skus=("THERE",), channel="SPANNING", segments=2),
    Way(name="split", what="a basket of a line from each", skus=("HERE", "THERE"), channel="SPANNING", segments=2),
    Way(
        name="one_batch_100",
        what="batches of 100, an authority of one segment",
        skus=("HERE",),
        channel="WITHIN",
        segments=1,
        batch_size=100,
    ),
    Way(
        name="within_batch_100",
        what="batches of 100, one of two segments",
        skus=("HERE",),
        channel="WITHIN",
        segments=2,
        batch_size=100,
    ),
)


def skus(prefix: str) -> list[str]:
    """Returns the SKUs of a kind."""
    return [f"{prefix}-{number:03d}" for number in range(SKU_COUNT)]


async def stock_up(client: HoldfastClient, segments: Sequence[str]) -> None:
    """Puts a location into each segment: one with all units of HERE, the other with all units of THERE."""
    places = {segment: f"PLACE-{segment.upper()}" for segment in segments}
    await client.put_items([catalog_pb2.Item(sku=sku) for prefix in ("HERE", "THERE") for sku in skus(prefix)])
    await client.put_locations(
        [catalog_pb2.Location(location=place, segment=segment) for segment, place in places.items()]
    )
    pools = {"WITHIN": [places[FIRST]], "SPANNING": list(places.values())}
    await client.put_pools([catalog_pb2.Pool(pool=name, locations=own) for name, own in pools.items()])
    await client.put_channels([catalog_pb2.Channel(channel=name, pool=name) for name in pools])
    for prefix, segment in zip(("HERE", "THERE"), segments, strict=False):
        lines = [pb.ReceiptLine(sku=sku, location=places[segment], quantity=_PLENTY) for sku in skus(prefix)]
        await client.receive_stock(lines)


async def reserved_units(client: HoldfastClient) -> int:
    """Returns the units that are reserved of all SKUs, wherever they are."""
    keys = [
        availability_key(sku, location=location.location)
        async for location in client.list_locations()
        for prefix in ("HERE", "THERE")
        for sku in skus(prefix)
    ]
    answer = await client.batch_get_availability(keys)
    return sum(one.stock_level.held_quantity + one.stock_level.committed_quantity for one in answer.availabilities)
