"""What the authority keeps and answers, as plain values.

The names are those of the protos where the two can be compared. Quantities are integers, times are integers
of microseconds. Fields that no answer shows are left out of comparisons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass

SECOND = 1_000_000
DAY = 24 * 60 * 60 * SECOND
MAX_QUANTITY = 10**12
MAX_PLACEMENTS_PER_RESERVATION = 5_000
MAX_POOLS_PER_LOCATION = 64
MAX_CHANNELS_PER_POOL = 100
MAX_SHIP_COMPLETE_CANDIDATES = 64
MAX_STOCKED_LOCATIONS = 64

SELLABLE, QUALITY_HOLD, DAMAGED = "SELLABLE", "QUALITY_HOLD", "DAMAGED"
HELD, COMMITTED, FULFILLED, RELEASED, EXPIRED = "HELD", "COMMITTED", "FULFILLED", "RELEASED", "EXPIRED"
LIVE = (HELD, COMMITTED)
ALL_OR_NOTHING, PARTIAL = "ALL_OR_NOTHING", "PARTIAL"
ASKED, TOLD = "ASKED", "TOLD"
POOL, NEAREST, MOST_STOCK = "POOL", "NEAREST", "MOST_STOCK"
NAMED_LOCATION, POOL_ORDER, SHIP_COMPLETE = "NAMED_LOCATION", "POOL_ORDER", "SHIP_COMPLETE"
AWAITED, TRANSFERRED = "AWAITED", "TRANSFERRED"
CHOSEN_FROM_A_POOL = (POOL_ORDER, NEAREST, MOST_STOCK, SHIP_COMPLETE)
CUSTOMER, CALLER = "CUSTOMER", "CALLER"
# Who calls without saying so.
UNNAMED = "unnamed"
OVERSELL, SHORT_PICK = "OVERSELL", "SHORT_PICK"
CANCEL, BACKORDER, SUBSTITUTE, TRANSFER = "CANCEL", "BACKORDER", "SUBSTITUTE", "TRANSFER"

LevelKey = tuple[str, str]
Metadata = dict[str, object]
STATUS_FIELDS = {SELLABLE: "sellable", QUALITY_HOLD: "quality_hold", DAMAGED: "damaged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    """One SKU at one location: on hand by status, reserved by kind, and the movements it has seen."""

    sku: str
    location: str
    sellable: int = 0
    quality_hold: int = 0
    damaged: int = 0
    held: int = 0
    committed: int = 0
    backordered: int = 0
    in_transit: int = 0
    version: int = 0

    @property
    def physical(self) -> int:
        """What is there and promised to nobody; below zero if more is promised."""
        return self.sellable - self.held - self.committed - self.backordered


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationLine:
    line_number: int
    sku: str
    location: str
    quantity: int
    open: int
    released: int = 0
    expired: int = 0
    fulfilled: int = 0
    transferred: int = 0
    returned: int = 0
    backordered: int = 0
    ordered_sku: str = ""
    sourcing: str
    expected_time: int = 0
    wait_position: int = field(default=0, compare=False)

    @property
    def ready(self) -> int:
        """The open units that are there."""
        return self.open - self.backordered


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    reservation_id: str
    state: str
    channel: str
    order_id: str = ""
    customer_id: str = ""
    told: bool = False
    lines: tuple[ReservationLine, ...]
    create_time: int
    expire_time: int | None
    update_time: int
    position: int
    caller: str = field(default="", compare=False)
    create_position: int = field(default=0, compare=False)

    @property
    def bucket(self) -> str:
        """Where a level counts the units of the reservation that are there."""
        return "held" if self.state == HELD else "committed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    sku: str
    location: str
    requested: int
    reserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """Units of a document; what its kind does not have is left as it is."""

    line_number: int = 0
    sku: str = ""
    location: str = ""
    quantity: int = 0
    open: int = 0
    received: int = 0
    lost: int = 0
    sellable: int = 0
    damaged: int = 0
    vendor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An inbound plan, a transfer, a return, an incident, a parked request or a posting."""

    kind: str
    document_id: str
    state: str
    # Where the units come to, and where a transfer comes from, which RPC was parked or which system has booked.
    location: str = ""
    origin: str = ""
    channel: str = ""
    order_id: str = ""
    reservation_id: str = ""
    expected_time: int = 0
    create_time: int = 0
    # What an incident is about; whether a return is blind.
    incident_kind: str = ""
    blind: bool = False
    seen_position: int = 0
    resolution: str = ""
    note: str = ""
    lines: tuple[DocumentLine, ...] = ()
    position: int = 0
    create_position: int = field(default=0, compare=False)


INBOUND, CUSTOMER_RETURN, INCIDENT = "INBOUND", "RETURN", "INCIDENT"
PARKED, POSTING = "PARKED", "POSTING"
EXPECTED, CLOSED = "EXPECTED", "CLOSED"
IN_TRANSIT, COMPLETED = "IN_TRANSIT", "COMPLETED"
IN_INSPECTION, INSPECTED = "IN_INSPECTION", "INSPECTED"
OPEN, RESOLVED = "OPEN", "RESOLVED"
WAITING, DISCARDED = "WAITING", "DISCARDED"
NOTED = "NOTED"
ENDS = (CLOSED, COMPLETED, INSPECTED, DISCARDED, NOTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a channel is guaranteed of a SKU or limited to, and what it has used of that."""

    guaranteed: int
    cap: int | None
    expire_time: int
    used: int = 0
    start_position: int = field(default=0, compare=False)

    @property
    def unused(self) -> int:
        return max(0, self.guaranteed - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request that took effect is told; what does not apply to it is left empty."""

    position: int = 0
    reservation: Reservation | None = None
    shortfalls: tuple[Shortfall, ...] = ()
    stock_levels: tuple[StockLevel, ...] = ()
    booked_deltas: tuple[int, ...] = ()
    document: Document | None = None
    shares: tuple[Share, ...] = ()
    incident_id: str = ""
    parked_id: str = ""
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLine:
    sku: str
    location: str
    requested: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    sku: str
    substitute_sku: str
    available: int


class Refused(Exception):
    """The answer is no. Nothing has changed, and the request id stays free."""

    def __init__(
        self,
        reason: str,
        metadata: Mapping[str, object],
        short_lines: tuple[ShortLine, ...] = (),
        offers: tuple[Offer, ...] = (),
    ) -> None:
        super().__init__(reason, metadata)
        self.reason = reason
        self.short_lines = short_lines
        self.offers = offers
        self.metadata = {name: str(value) for name, value in metadata.items()}


def insufficient_stock(*lines: ShortLine, offers: tuple[Offer, ...] = ()) -> Refused:
    first = lines[0]
    metadata: Metadata = {
        "sku": first.sku,
        "location": first.location,
        "requested": first.requested,
        "available": first.available,
        "short_lines": len(lines),
    }
    return Refused("INSUFFICIENT_STOCK", metadata, lines, offers)


def limit_exceeded(limit: str, value: int) -> Refused:
    return Refused("LIMIT_EXCEEDED", {"limit": limit, "value": value})


def check_placements(count: int) -> None:
    if count > MAX_PLACEMENTS_PER_RESERVATION:
        raise limit_exceeded("max_placements_per_reservation", MAX_PLACEMENTS_PER_RESERVATION)


def first_difference(ours: object, theirs: object, path: str = "") -> str:
    """The path of the first field in which two values differ, as a caller would write it; empty if none."""
    if ours == theirs:
        return ""
    if is_dataclass(ours) and type(ours) is type(theirs):
        for part in fields(ours):
            inner = f"{path}.{part.name}" if path else part.name
            if found := first_difference(getattr(ours, part.name), getattr(theirs, part.name), inner):
                return found
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        for index in range(min(len(ours), len(theirs))):
            if found := first_difference(ours[index], theirs[index], f"{path}[{index}]"):
                return found
    return path
