"""A small trade of a test's own: SKUs, locations, a pool and a channel that no other test touches."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf import duration_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import (
    audit_service_pb2_grpc,
    catalog_service_pb2_grpc,
    inventory_service_pb2_grpc,
    reconciliation_service_pb2_grpc,
    subscription_service_pb2_grpc,
)
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.audit_service_pb2 import LedgerVerdict, VerifyLedgerRequest
from holdfast.inventory.v1.catalog_pb2 import Channel, Item, KitPart, Location, Pool
from holdfast.inventory.v1.catalog_service_pb2 import (
    PutChannelsRequest,
    PutItemsRequest,
    PutLocationsRequest,
    PutPoolsRequest,
    PutRulesRequest,
)
from holdfast.inventory.v1.inventory_service_pb2 import (
    DEMAND_KIND_TOLD,
    AdjustmentLine,
    AdjustStockRequest,
    AvailabilityKey,
    CommitReservationRequest,
    CreateReservationRequest,
    CreateReservationResponse,
    DemandLine,
    GetAvailabilityRequest,
    GetReservationRequest,
    ListReservationsRequest,
    ReceiptLine,
    ReceiveStockRequest,
    ReleaseLine,
    ReleaseReservationRequest,
)
from holdfast.inventory.v1.posting_pb2 import Posting
from holdfast.inventory.v1.reservation_pb2 import Reservation
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.rules_pb2 import Rule
from holdfast.inventory.v1.stock_pb2 import Availability, Movement, StockLevel

from api.ids import some, uuid7

PAGE_SIZE = 1000
MAX_LINES = 1000


class Stubs:
    """The services of one server, on one channel."""

    def __init__(self, channel: grpc.aio.Channel | grpc.Channel) -> None:
        self.inventory: Any = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        self.catalog: Any = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        self.audit: Any = audit_service_pb2_grpc.AuditServiceStub(channel)
        self.reconciliation: Any = reconciliation_service_pb2_grpc.ReconciliationServiceStub(channel)
        self.subscriptions: Any = subscription_service_pb2_grpc.SubscriptionServiceStub(channel)


def from_now(**distance: float) -> Timestamp:
    """A time that lies that far ahead: `from_now(days=3)`. Tests and servers run on one machine."""
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC) + timedelta(**distance))
    return time


def left(line_number: int, quantity: int = 0, *, location: str = "", missing: int = 0) -> fulfillment.FulfillmentLine:
    """Units of a line that left for the customer, and units that were missing."""
    return fulfillment.FulfillmentLine(
        line_number=line_number, quantity=quantity, location=location, missing_quantity=missing
    )


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
        return replace(self, stubs=stubs)

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

    def sale(self, *lines: tuple[str, int] | tuple[str, int, str], **options: Any) -> CreateReservationRequest:
        """Told demand: the channel has sold already, so there is no ttl."""
        request = self.demand(*lines, demand=DEMAND_KIND_TOLD, **options)
        request.ClearField("ttl")
        return request

    def one_unit(self, **options: Any) -> CreateReservationRequest:
        return self.demand((self.sku, 1), **options)

    def receipt(self, sku: str, location: str, quantity: int, **options: Any) -> ReceiveStockRequest:
        line = ReceiptLine(sku=sku, location=location, quantity=quantity)
        return ReceiveStockRequest(request_id=options.pop("request_id", uuid7()), lines=[line], **options)

    # The life of a reservation.

    async def create(self, *lines: Any, **options: Any) -> CreateReservationResponse:
        return await self.stubs.inventory.CreateReservation(self.demand(*lines, **options))

    async def reserve(self, *lines: tuple[str, int] | tuple[str, int, str], **options: Any) -> Reservation:
        return (await self.create(*lines, **options)).reservation

    async def told(self, *lines: Any, **options: Any) -> CreateReservationResponse:
        return await self.stubs.inventory.CreateReservation(self.sale(*lines, **options))

    async def commit(self, reservation_id: str) -> Reservation:
        request = CommitReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
        return (await self.stubs.inventory.CommitReservation(request)).reservation

    async def order(self, *lines: Any, **options: Any) -> Reservation:
        """A reservation that is asked for and committed."""
        return await self.commit((await self.reserve(*lines, **options)).reservation_id)

    async def release(self, reservation_id: str, *lines: tuple[int, int], **options: Any) -> Reservation:
        """Lines of (line number, units); none: the whole reservation."""
        released = [ReleaseLine(line_number=number, quantity=units) for number, units in lines]
        request = ReleaseReservationRequest(
            request_id=uuid7(), reservation_id=reservation_id, lines=released, **options
        )
        return (await self.stubs.inventory.ReleaseReservation(request)).reservation

    async def fulfill(
        self, reservation_id: str, *lines: fulfillment.FulfillmentLine, **options: Any
    ) -> fulfillment.PostFulfillmentResponse:
        request = fulfillment.PostFulfillmentRequest(
            request_id=uuid7(), reservation_id=reservation_id, lines=lines, **options
        )
        return await self.stubs.inventory.PostFulfillment(request)

    async def move(self, reservation_id: str, line_number: int, quantity: int = 0, **destination: str) -> Reservation:
        """Reserves units of a line elsewhere: `location=` or `pool=`."""
        line = fulfillment.ReservationTransferLine(line_number=line_number, quantity=quantity, **destination)
        request = fulfillment.TransferReservationRequest(
            request_id=uuid7(), reservation_id=reservation_id, lines=[line]
        )
        return (await self.stubs.inventory.TransferReservation(request)).reservation

    async def take_back(self, *lines: tuple[int | str, int], **options: Any) -> fulfillment.CustomerReturn:
        """Lines of (line number, units) of the reservation, or of (sku, units)."""
        named = [{"line_number": of} if isinstance(of, int) else {"sku": of} for of, _ in lines]
        returned = [
            fulfillment.ReturnLine(**name, quantity=units) for name, (_, units) in zip(named, lines, strict=True)
        ]
        request = fulfillment.ProcessReturnRequest(
            request_id=options.pop("request_id", None) or uuid7(),
            return_id=options.pop("return_id", None) or some("return"),
            reason=options.pop("reason", ""),
            receipt=fulfillment.ReturnReceipt(
                location=options.pop("location", self.location), lines=returned, **options
            ),
        )
        return (await self.stubs.inventory.ProcessReturn(request)).customer_return

    async def inspect(self, return_id: str, *lines: tuple[int, int, int, int]) -> fulfillment.CustomerReturn:
        """Lines of (line number, sellable, damaged, back to the vendor)."""
        found = [
            fulfillment.InspectionLine(
                line_number=number, sellable_quantity=sellable, damaged_quantity=damaged, vendor_quantity=vendor
            )
            for number, sellable, damaged, vendor in lines
        ]
        request = fulfillment.ProcessReturnRequest(
            request_id=uuid7(), return_id=return_id, inspection=fulfillment.ReturnInspection(lines=found)
        )
        return (await self.stubs.inventory.ProcessReturn(request)).customer_return

    # Supply.

    async def receive(self, units: int, *, sku: str = "", location: str = "", **options: Any) -> StockLevel:
        request = self.receipt(sku or self.sku, location or self.location, units, **options)
        return (await self.stubs.inventory.ReceiveStock(request)).stock_levels[0]

    async def adjust(self, delta: int, *, sku: str = "", location: str = "", **options: Any) -> StockLevel:
        line = AdjustmentLine(sku=sku or self.sku, location=location or self.location, delta_quantity=delta)
        request = AdjustStockRequest(
            request_id=uuid7(), lines=[line], reason=options.pop("reason", "recount"), **options
        )
        return (await self.stubs.inventory.AdjustStock(request)).stock_levels[0]

    async def count(
        self, units: int, *, sku: str = "", location: str = "", expected: int | None = None, **options: Any
    ) -> supply.CountStockResponse:
        line = supply.CountLine(
            sku=sku or self.sku,
            location=location or self.location,
            counted_quantity=units,
            status=options.pop("status", 0),
            expected_quantity=expected,
        )
        request = supply.CountStockRequest(request_id=uuid7(), lines=[line], **options)
        return await self.stubs.inventory.CountStock(request)

    async def move_status(
        self, units: int, from_status: int, to_status: int, *, sku: str = "", location: str = ""
    ) -> StockLevel:
        line = fulfillment.StatusMoveLine(
            sku=sku or self.sku,
            location=location or self.location,
            from_status=from_status,
            to_status=to_status,
            quantity=units,
        )
        request = fulfillment.MoveStatusRequest(request_id=uuid7(), lines=[line], reason="looked at again")
        return (await self.stubs.inventory.MoveStatus(request)).stock_levels[0]

    async def plan(self, *lines: tuple[str, int], **options: Any) -> supply.Inbound:
        """Expects units of (sku, quantity), in three days unless `expected_time` says otherwise."""
        request = supply.PlanInboundRequest(
            request_id=uuid7(),
            inbound_id=options.pop("inbound_id", None) or some("inbound"),
            location=options.pop("location", self.location),
            expected_time=options.pop("expected_time", None) or from_now(days=3),
            lines=[supply.InboundLine(sku=sku, quantity=units) for sku, units in lines],
            **options,
        )
        return (await self.stubs.inventory.PlanInbound(request)).inbound

    async def ship(self, *lines: tuple[str, int], to: str, **options: Any) -> supply.Transfer:
        request = supply.ShipTransferRequest(
            request_id=uuid7(),
            transfer_id=options.pop("transfer_id", None) or some("transfer"),
            from_location=options.pop("from_location", self.location),
            to_location=to,
            lines=[supply.TransferLine(sku=sku, quantity=units) for sku, units in lines],
            **options,
        )
        return (await self.stubs.inventory.ShipTransfer(request)).transfer

    async def arrive(self, transfer_id: str, *lines: supply.TransferReceiptLine) -> supply.Transfer:
        """None: everything that is on its way arrived."""
        request = supply.ReceiveTransferRequest(request_id=uuid7(), transfer_id=transfer_id, lines=lines)
        return (await self.stubs.inventory.ReceiveTransfer(request)).transfer

    async def put_rules(self, *rules: Rule) -> Revision:
        request = PutRulesRequest(request_id=uuid7(), rules=rules)
        return (await self.stubs.catalog.PutRules(request)).revision

    # What went wrong.

    async def incidents(self, **filters: Any) -> list[reconciliation.Incident]:
        """All incidents that pass the filter (of the channel unless another is given)."""
        filters = filters or {"channel": self.channel}
        request = reconciliation.ListIncidentsRequest(**filters)
        return await everything(self.stubs.reconciliation.ListIncidents, request, "incidents")

    async def incident(self, incident_id: str) -> reconciliation.Incident:
        (found,) = [each for each in await self.incidents() if each.incident_id == incident_id]
        return found

    async def resolve(self, incident_id: str, resolution: int, **options: Any) -> Any:
        request = reconciliation.ResolveIncidentRequest(
            request_id=uuid7(),
            incident_id=incident_id,
            resolution=resolution,
            **options,
        )
        return await self.stubs.reconciliation.ResolveIncident(request)

    async def close_incident(self, incident_id: str, reason: str = "") -> reconciliation.Incident:
        request = reconciliation.CloseIncidentRequest(request_id=uuid7(), incident_id=incident_id, reason=reason)
        return (await self.stubs.reconciliation.CloseIncident(request)).incident

    async def note_posting(self, reservation_id: str, document: str = "INV-1", **said: Any) -> Posting:
        request = reconciliation.NotePostingRequest(
            request_id=uuid7(), reservation_id=reservation_id, system="netsuite", document=document, **said
        )
        return (await self.stubs.reconciliation.NotePosting(request)).posting

    # Reads.

    async def read(self, reservation_id: str) -> Reservation:
        request = GetReservationRequest(reservation_id=reservation_id)
        return (await self.stubs.inventory.GetReservation(request)).reservation

    async def availability(self, sku: str = "", **scope: Any) -> Availability:
        """To the channel, unless `channel=` or `location=` says otherwise."""
        if not {"channel", "location"} & set(scope):
            scope["channel"] = self.channel
        request = GetAvailabilityRequest(key=AvailabilityKey(sku=sku or self.sku, **scope))
        return (await self.stubs.inventory.GetAvailability(request)).availability

    async def level(self, sku: str = "", location: str = "") -> StockLevel:
        return (await self.availability(sku, location=location or self.location)).stock_level

    async def available(self, sku: str = "", channel: str = "") -> int:
        return (await self.availability(sku, channel=channel or self.channel)).available_to_sell_quantity

    async def promised(self, days: float, sku: str = "", **scope: Any) -> int:
        """What can be promised for the day so many days ahead (ATP)."""
        told = await self.availability(sku, promise_time=from_now(days=days), **scope)
        return told.available_to_promise_quantity

    async def revision(self) -> Revision:
        """Where the segment is now."""
        key = AvailabilityKey(sku=self.sku, channel=self.channel)
        return (await self.stubs.inventory.GetAvailability(GetAvailabilityRequest(key=key))).revision

    async def movements(self, **filters: Any) -> list[Movement]:
        """All movements that pass the filter (of the first SKU unless another is given), page by page."""
        request = audit.ListMovementsRequest(**(filters or {"sku": self.sku}))
        return await everything(self.stubs.audit.ListMovements, request, "movements")

    async def reservations(self, **filters: Any) -> list[Reservation]:
        """All reservations that pass the filter (of the channel unless another is given), page by page."""
        request = ListReservationsRequest(**(filters or {"channel": self.channel}))
        return await everything(self.stubs.inventory.ListReservations, request, "reservations")


async def everything(method: Callable[..., Any], request: Any, field: str) -> list[Any]:
    """All things of a listing, page by page."""
    found: list[Any] = []
    request.page_size = PAGE_SIZE
    while True:
        page = await method(request)
        found.extend(getattr(page, field))
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


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
    await put_locations(stubs, *shop.locations)
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


async def put_item(stubs: Any, sku: str = "", *, parts: tuple[tuple[str, int], ...] = (), **fields: Any) -> str:
    """Creates or replaces one item, a kit if it has parts of (sku, units). Returns its SKU."""
    sku = sku or some("sku")
    item = Item(sku=sku, parts=[KitPart(sku=part, quantity=units) for part, units in parts], **fields)
    await stubs.catalog.PutItems(PutItemsRequest(request_id=uuid7(), items=[item]))
    return sku


async def put_locations(stubs: Any, *names: str) -> None:
    for first in range(0, len(names), MAX_LINES):
        places = [Location(location=name) for name in names[first : first + MAX_LINES]]
        await stubs.catalog.PutLocations(PutLocationsRequest(request_id=uuid7(), locations=places))


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

    What was retired of the history is no fault. On a shared authority other tests book shrinkages of reserved
    units; there the number of uncovered units is not asked for (None).
    """
    verdict = await ledger_verdict(stubs)
    assert not verdict.findings
    verdict.ClearField("retired")
    expected = LedgerVerdict(
        chain_verified=True,
        levels_equal_movements=True,
        reserved_equals_open_lines=True,
        oversold_quantity=0,
        leaked_quantity=0,
        uncovered_quantity=verdict.uncovered_quantity if uncovered is None else uncovered,
    )
    assert verdict == expected
