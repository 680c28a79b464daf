"""What the authority is asked and what it answers, as plain values.

The names are those of the protos, so that the first differing field of two requests has the same name
here and there. Quantities are integers, times are integers of microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

SECOND = 1_000_000
MAX_QUANTITY = 10**12
MAX_PLACEMENTS_PER_RESERVATION = 5_000
MAX_POOLS_PER_LOCATION = 64
MAX_CHANNELS_PER_POOL = 100

SELLABLE, QUALITY_HOLD, DAMAGED = "SELLABLE", "QUALITY_HOLD", "DAMAGED"
HELD, COMMITTED, RELEASED, EXPIRED = "HELD", "COMMITTED", "RELEASED", "EXPIRED"
ALL_OR_NOTHING, PARTIAL = "ALL_OR_NOTHING", "PARTIAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    sku: str
    scale: int = 0


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
class Duration:
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLine:
    sku: str
    quantity: int
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateReservation:
    request_id: str
    channel: str
    order_id: str = ""
    lines: tuple[DemandLine, ...]
    ttl: Duration = Duration(seconds=900)
    allow_split: bool = False
    fill_policy: str = ALL_OR_NOTHING


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
class ReceiptLine:
    sku: str
    location: str
    quantity: int
    status: str = SELLABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveStock:
    request_id: str
    lines: tuple[ReceiptLine, ...]


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


ReservationRequest = CreateReservation | CommitReservation | ExtendReservation | ReleaseReservation
Request = PutItems | PutLocations | PutPools | PutChannels | ReservationRequest | ReceiveStock | AdjustStock


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
    version: int = 0

    @property
    def net(self) -> int:
        return self.sellable - self.held - self.committed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationLine:
    line_number: int
    sku: str
    location: str
    quantity: int
    open: int
    released: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    reservation_id: str
    state: str
    channel: str
    order_id: str
    lines: tuple[ReservationLine, ...]
    create_time: int
    expire_time: int | None
    update_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    sku: str
    location: str
    requested: int
    reserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request that took effect is told; what does not apply to it is left empty."""

    position: int
    reservation: Reservation | None = None
    shortfalls: tuple[Shortfall, ...] = ()
    stock_levels: tuple[StockLevel, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLine:
    sku: str
    location: str
    requested: int
    available: int


class Refused(Exception):
    """The answer is no. Nothing has changed, and the request id stays free."""

    def __init__(self, reason: str, metadata: Mapping[str, object], short_lines: tuple[ShortLine, ...] = ()) -> None:
        super().__init__(reason, metadata)
        self.reason = reason
        self.short_lines = short_lines
        self.metadata = {name: str(value) for name, value in metadata.items()}


def first_difference(ours: object, theirs: object, path: str = "") -> str:
    """The path of the first field in which two values differ, as a caller would write it; empty if none."""
    if ours == theirs:
        return ""
    if is_dataclass(ours) and type(ours) is type(theirs):
        for field in fields(ours):
            inner = f"{path}.{field.name}" if path else field.name
            if found := first_difference(getattr(ours, field.name), getattr(theirs, field.name), inner):
                return found
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        for index in range(min(len(ours), len(theirs))):
            if found := first_difference(ours[index], theirs[index], f"{path}[{index}]"):
                return found
    return path
