"""What the authority is asked, as plain values with the names of the protos.

Fields stand in the order of the protos, so that the first differing field of two requests is the same here
and there. What may be absent is None; what is left out otherwise is empty or 0.
"""

from dataclasses import dataclass

from model.words import ALL_OR_NOTHING, ASKED, POOL, SECOND, SELLABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    segment: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A moment, in whole seconds."""

    seconds: int

    @property
    def us(self) -> int:
        return self.seconds * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    seconds: int


# Master data and rules.


@dataclass(frozen=True, slots=True, kw_only=True)
class KitPart:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    sku: str
    scale: int = 0
    inactive: bool = False
    parts: tuple[KitPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    pool: str
    locations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    channel: str
    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutItems:
    request_id: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutLocations:
    request_id: str
    locations: tuple[Location, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPools:
    request_id: str
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutChannels:
    request_id: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyStock:
    sku: str = ""
    location: str = ""
    quantity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBuffer:
    channel: str
    sku: str = ""
    quantity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    sku: str
    channel: str
    guaranteed_quantity: int = 0
    cap_quantity: int | None = None
    expire_time: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackorderRule:
    sku: str
    location: str
    backorder_cap: int = 0
    expected_time: Time | None = None
    preorder_cap: int = 0
    release_time: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstitutionRule:
    sku: str
    substitute_skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLimit:
    scope: str
    name: str = ""
    max_open_holds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationDistance:
    location: str
    distance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    destination: str
    locations: tuple[LocationDistance, ...] = ()


AnyRule = SafetyStock | ChannelBuffer | Allotment | BackorderRule | SubstitutionRule | HoldLimit | Distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One of its kinds is given."""

    removed: bool = False
    safety_stock: SafetyStock | None = None
    channel_buffer: ChannelBuffer | None = None
    allotment: Allotment | None = None
    backorder: BackorderRule | None = None
    substitution: SubstitutionRule | None = None
    hold_limit: HoldLimit | None = None
    distances: Distances | None = None

    @property
    def given(self) -> AnyRule:
        kinds = (self.safety_stock, self.channel_buffer, self.allotment, self.backorder)
        more_kinds = (self.substitution, self.hold_limit, self.distances)
        return next(rule for rule in (*kinds, *more_kinds) if rule is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRules:
    request_id: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAllotment:
    request_id: str
    sku: str
    from_channel: str
    to_channel: str
    quantity: int


# Reservations.


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLine:
    sku: str
    quantity: int
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourcing:
    order: str = POOL
    destination: str = ""
    prefer_ship_complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateReservation:
    request_id: str
    channel: str
    order_id: str = ""
    lines: tuple[DemandLine, ...]
    ttl: Duration | None = Duration(seconds=900)
    allow_split: bool = False
    fill_policy: str = ALL_OR_NOTHING
    demand: str = ASKED
    customer_id: str = ""
    allow_backorder: bool = False
    allow_substitution: bool = False
    sourcing: Sourcing | None = None
    seen_revision: Revision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitReservation:
    request_id: str
    reservation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendReservation:
    request_id: str
    reservation_id: str
    ttl: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    line_number: int
    quantity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReservation:
    request_id: str
    reservation_id: str
    lines: tuple[ReleaseLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationTransferLine:
    """To a location, or to a pool."""

    line_number: int
    quantity: int = 0
    location: str = ""
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReservation:
    request_id: str
    reservation_id: str
    lines: tuple[ReservationTransferLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfillmentLine:
    line_number: int
    quantity: int = 0
    location: str = ""
    missing_quantity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFulfillment:
    request_id: str
    reservation_id: str
    lines: tuple[FulfillmentLine, ...] = ()
    source_missing_anew: bool = False
    release_rest: bool = False
    take_reserved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLine:
    line_number: int = 0
    sku: str = ""
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReceipt:
    location: str
    reservation_id: str = ""
    lines: tuple[ReturnLine, ...]
    accept_blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionLine:
    line_number: int
    sellable_quantity: int = 0
    damaged_quantity: int = 0
    vendor_quantity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnInspection:
    lines: tuple[InspectionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReturn:
    """A receipt, or an inspection."""

    request_id: str
    return_id: str
    receipt: ReturnReceipt | None = None
    inspection: ReturnInspection | None = None


# Stock.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    sku: str
    location: str
    quantity: int
    status: str = SELLABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveStock:
    request_id: str
    lines: tuple[ReceiptLine, ...]
    inbound_id: str = ""
    park_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentLine:
    sku: str
    location: str
    delta_quantity: int
    status: str = SELLABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustStock:
    request_id: str
    lines: tuple[AdjustmentLine, ...]
    reason: str = "recount"
    park_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLine:
    sku: str
    location: str
    counted_quantity: int
    status: str = SELLABLE
    expected_quantity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountStock:
    request_id: str
    lines: tuple[CountLine, ...]
    as_of_revision: Revision | None = None
    park_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMoveLine:
    sku: str
    location: str
    from_status: str
    to_status: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStatus:
    request_id: str
    lines: tuple[StatusMoveLine, ...]
    reason: str = "inspected"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundLine:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInbound:
    request_id: str
    inbound_id: str
    location: str
    expected_time: Time
    lines: tuple[InboundLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipTransfer:
    request_id: str
    transfer_id: str
    from_location: str
    to_location: str
    lines: tuple[TransferLine, ...]
    expected_time: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReceiptLine:
    sku: str
    received_quantity: int = 0
    lost_quantity: int = 0
    status: str = SELLABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveTransfer:
    request_id: str
    transfer_id: str
    lines: tuple[TransferReceiptLine, ...] = ()


# What went wrong.


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveIncident:
    request_id: str
    incident_id: str
    resolution: str
    substitute_sku: str = ""
    to_location: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseIncident:
    request_id: str
    incident_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePosting:
    request_id: str
    reservation_id: str
    system: str
    document: str
    booked_revision: Revision | None = None
    booked_time: Time | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardParkedRequest:
    request_id: str
    parked_id: str
    reason: str = ""


Catalog = PutItems | PutLocations | PutPools | PutChannels | PutRules | MoveAllotment
Sale = CreateReservation | CommitReservation | ExtendReservation | ReleaseReservation | TransferReservation
Delivery = PostFulfillment | ProcessReturn
Booking = ReceiveStock | AdjustStock | CountStock | MoveStatus
Supply = PlanInbound | ShipTransfer | ReceiveTransfer
Settlement = ResolveIncident | CloseIncident | NotePosting | DiscardParkedRequest
Request = Catalog | Sale | Delivery | Booking | Supply | Settlement
