"""A small trade of a test's own: SKUs, locations, a pool and a channel that no other test touches."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import duration_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2_grpc,
    catalog_service_pb2_grpc,
    inventory_service_pb2_grpc,
)
from holdfast.inventory.v1.audit_service_pb2 import LedgerVerdict, ListMovementsRequest, VerifyLedgerRequest
from holdfast.inventory.v1.catalog_pb2 import Channel, Item, Location, Pool
from holdfast.inventory.v1.catalog_service_pb2 import (
    PutChannelsRequest,
    PutItemsRequest,
    PutLocationsRequest,
    PutPoolsRequest,
)
from holdfast.inventory.v1.inventory_service_pb2 import (
    AdjustmentLine,
    AdjustStockRequest,
    AvailabilityKey,
    CommitReservationRequest,
    CreateReservationRequest,
    DemandLine,
    GetAvailabilityRequest,
    ListReservationsRequest,
    ReceiptLine,
    ReceiveStockRequest,
    ReleaseReservationRequest,
)
from holdfast.inventory.v1.reservation_pb2 import Reservation
from holdfast.inventory.v1.stock_pb2 import Movement, StockLevel

from api.ids import some, uuid7

PAGE_SIZE = 1000
MAX_LINES = 1000


class Stubs:
    """The three services of one server, on one channel."""

    def __init__(self, channel: grpc.aio.Channel | grpc.Channel) -> None:
        self.inventory: Any = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        self.catalog: Any = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        self.audit: Any = audit_service_pb2_grpc.AuditServiceStub(channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One channel that sells `skus` from `locations`, in that order."""

    stubs: Any
    skus: tuple[str, ...]
    locations: tuple[str, ...]
    pool: str
    channel: str

    @property
    def sku(self) -> str:
        return self.skus[0]

    @property
    def location(self) -> str:
        return self.locations[0]

    def seen_through(self, stubs: Any) -> "Shop":
        """The same trade, asked through another server or channel."""
        return Shop(stubs=stubs, skus=self.skus, locations=self.locations, pool=self.pool, channel=self.channel)

    # Requests. Whatever a test does not care about is filled in.

    def demand(self, *lines: tuple[str, int] | tuple[str, int, str], **options: Any) -> CreateReservationRequest:
        """Lines of (sku, quantity) are sourced, lines of (sku, quantity, location) are not."""
        seconds = options.pop("ttl_seconds", 900)
        return CreateReservationRequest(
            request_id=options.pop("request_id", None) or uuid7(),
            channel=options.pop("channel", self.channel),
            lines=[DemandLine(sku=line[0], quantity=line[1], location="".join(line[2:])) for line in lines],
            ttl=duration_pb2.Duration(seconds=seconds),
            **options,
        )

    def one_unit(self, **options: Any) -> CreateReservationRequest:
        return self.demand((self.sku, 1), **options)

    def receipt(self, sku: str, location: str, quantity: int, **options: Any) -> ReceiveStockRequest:
        line = ReceiptLine(sku=sku, location=location, quantity=quantity)
        return ReceiveStockRequest(request_id=options.pop("request_id", uuid7()), lines=[line], **options)

    # Calls.

    async def receive(self, units: int, *, sku: str = "", location: str = "") -> StockLevel:
        request = self.receipt(sku or self.sku, location or self.location, units)
        return (await self.stubs.inventory.ReceiveStock(request)).stock_levels[0]

    async def adjust(self, delta: int, *, sku: str = "", location: str = "") -> StockLevel:
        line = AdjustmentLine(sku=sku or self.sku, location=location or self.location, delta_quantity=delta)
        request = AdjustStockRequest(request_id=uuid7(), lines=[line], reason="recount")
        return (await self.stubs.inventory.AdjustStock(request)).stock_levels[0]

    async def reserve(self, *lines: tuple[str, int] | tuple[str, int, str], **options: Any) -> Reservation:
        return (await self.stubs.inventory.CreateReservation(self.demand(*lines, **options))).reservation

    async def commit(self, reservation_id: str) -> Reservation:
        request = CommitReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
        return (await self.stubs.inventory.CommitReservation(request)).reservation

    async def release(self, reservation_id: str) -> Reservation:
        request = ReleaseReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
        return (await self.stubs.inventory.ReleaseReservation(request)).reservation

    async def level(self, sku: str = "", location: str = "") -> StockLevel:
        key = AvailabilityKey(sku=sku or self.sku, location=location or self.location)
        answer = await self.stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))
        return answer.availability.stock_level

    async def available(self, sku: str = "", channel: str = "") -> int:
        key = AvailabilityKey(sku=sku or self.sku, channel=channel or self.channel)
        answer = await self.stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))
        return answer.availability.available_to_sell_quantity

    async def movements(self, **filters: str) -> list[Movement]:
        """All movements that pass the filter (of the first SKU unless another is given), page by page."""
        filters = filters or {"sku": self.sku}
        found: list[Movement] = []
        token = ""
        while True:
            request = ListMovementsRequest(page_size=PAGE_SIZE, page_token=token, **filters)  # type: ignore[arg-type]
            page = await self.stubs.audit.ListMovements(request)
            found.extend(page.movements)
            token = page.next_page_token
            if not token:
                return found

    async def reservations(self, **filters: Any) -> list[Reservation]:
        """All reservations that pass the filter (of the channel unless another is given), page by page."""
        filters = filters or {"channel": self.channel}
        found: list[Reservation] = []
        token = ""
        while True:
            request = ListReservationsRequest(page_size=PAGE_SIZE, page_token=token, **filters)
            page = await self.stubs.inventory.ListReservations(request)
            found.extend(page.reservations)
            token = page.next_page_token
            if not token:
                return found


async def open_shop(stubs: Any, *, skus: int = 1, locations: int = 1, units: int = 0) -> Shop:
    """Makes a trade with that many SKUs and locations, and that many units of each SKU at each location."""
    shop = Shop(
        stubs=stubs,
        skus=tuple(some("sku") for _ in range(skus)),
        locations=tuple(some("location") for _ in range(locations)),
        pool=some("pool"),
        channel=some("channel"),
    )
    await stubs.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=[Item(sku=sku) for sku in shop.skus]))
    places = [Location(location=location) for location in shop.locations]
    await stubs.catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=places))
    await put_pool(stubs, shop.pool, shop.locations)
    await put_channel(stubs, shop.channel, shop.pool)
    if units:
        lines = [
            ReceiptLine(sku=sku, location=location, quantity=units) for sku in shop.skus for location in shop.locations
        ]
        for first in range(0, len(lines), MAX_LINES):
            some_lines = lines[first : first + MAX_LINES]
            await stubs.inventory.ReceiveStock(ReceiveStockRequest(request_id=uuid7(), lines=some_lines))
    return shop


async def put_pool(stubs: Any, pool: str, locations: tuple[str, ...]) -> None:
    request = PutPoolsRequest(request_id=uuid7(), pools=[Pool(pool=pool, locations=locations)])
    await stubs.catalog.PutPools(request)


async def put_channel(stubs: Any, channel: str, pool: str) -> None:
    request = PutChannelsRequest(request_id=uuid7(), channels=[Channel(channel=channel, pool=pool)])
    await stubs.catalog.PutChannels(request)


async def ledger_verdict(stubs: Any) -> LedgerVerdict:
    """What the check of the whole ledger finds; its last response carries the verdict."""
    responses = [response async for response in stubs.audit.VerifyLedger(VerifyLedgerRequest())]
    assert [response.HasField("verdict") for response in responses] == [False] * (len(responses) - 1) + [True]
    return responses[-1].verdict


async def assert_ledger_is_sound(stubs: Any, *, uncovered: int | None = 0) -> None:
    """Chain, levels and reserved units agree with each other, nothing was oversold and nothing has leaked.

    On a shared authority other tests book shrinkages of reserved units; there the number of uncovered
    units is not asked for (None).
    """
    verdict = await ledger_verdict(stubs)
    assert not verdict.findings
    expected = LedgerVerdict(
        chain_verified=True,
        levels_equal_movements=True,
        reserved_equals_open_lines=True,
        oversold_quantity=0,
        leaked_quantity=0,
        uncovered_quantity=verdict.uncovered_quantity if uncovered is None else uncovered,
    )
    assert verdict == expected
