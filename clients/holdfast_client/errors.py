"""The refusals of the authority as exceptions: one tree, mapped in one table.

    HoldfastError
    |-- InvalidField              fields of the request break their rules
    |-- NotFound
    |   |-- UnknownSku
    |   |-- UnknownLocation
    |   |-- UnknownPool
    |   |-- UnknownChannel
    |   |-- UnknownReservation
    |   `-- UnknownSegment
    |-- InsufficientStock         the answer is no: every short line is in it
    |-- LocationNotInPool
    |-- ReservationResolved       it is too late for what was asked of the reservation
    |   |-- ReservationExpired
    |   |-- AlreadyCommitted
    |   `-- AlreadyReleased
    |-- UnknownLine
    |-- ReleaseExceedsOpen
    |-- AdjustmentBelowZero
    |-- QuantityOverflow
    |-- ScaleInUse
    |-- RequestIdReused
    |-- RequestIdTooOld
    |-- StaleRevision
    |-- SegmentStopped
    |-- SegmentNotStopped
    |-- LimitReached              a named limit; never retried by the client
    |   |-- Overloaded
    |   |-- BacklogFull
    |   `-- LimitExceeded
    |-- Unavailable               retried with the same request_id; raised when the tries are used up
    |   |-- SegmentLoading
    |   |-- SegmentQuarantined
    |   |-- LedgerUnavailable
    |   `-- SequencerUnavailable
    |-- DeadlineExceeded          no answer in time
    `-- InternalFault             a fault of the authority

An error is a view of the google.rpc.Status that the authority sent; where there was none, as when nothing
listens at the target, of one made from the gRPC status. A refusal has had no effect. After `Unavailable`,
`DeadlineExceeded` and `InternalFault` it is not known whether the request took effect: ask again with
`error.request_id`. A reason that this version does not know becomes the general class of its code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

import grpc
from google.protobuf import message as protobuf_message
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import error_reason_pb2

ERROR_DOMAIN: Final = "holdfast.inventory.v1"

_Detail = TypeVar("_Detail", bound=protobuf_message.Message)

_DETAILS_KEY: Final = "grpc-status-details-bin"
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """A field that breaks its rule."""

    field: str
    """The path of the field, such as `lines[3].quantity`."""

    description: str
    """What is wrong with it, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLine:
    """A SKU, or a SKU at a location, of which there is too little."""

    sku: str

    location: str
    """The location that the demand named; empty if it was to be sourced from the channel's pool."""

    requested: int
    """The units that were asked for, over all lines of this SKU and location."""

    available: int
    """The units that could have been had."""


class HoldfastError(Exception):
    """The authority did not do what was asked. The classes below it say why.

    Attributes:
        code: The gRPC status code.
        reason: The ErrorReason without its prefix, such as "UNKNOWN_SKU"; empty if no authority answered.
        message: What happened, in words for people. Not a contract.
        metadata: The facts of the case, by the keys that error_reason.proto lists for the reason.
        violations: The fields that break their rules, all of them.
        retry_delay_seconds: The time after which the authority asks to try again; None if it named none.
        status: The google.rpc.Status as it was sent, serialised.
        request_id: The id of the request that failed, to ask again with; empty for reads and batches.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]
    violations: tuple[FieldViolation, ...]
    retry_delay_seconds: float | None
    status: bytes
    request_id: str

    def __init__(self, status: status_pb2.Status, *, request_id: str = "") -> None:
        info = _detail(status, error_details_pb2.ErrorInfo)
        bad_request = _detail(status, error_details_pb2.BadRequest)
        retry_info = _detail(status, error_details_pb2.RetryInfo)
        self.code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
        self.reason = info.reason if info is not None and info.domain == ERROR_DOMAIN else ""
        self.message = status.message
        self.metadata = MappingProxyType(dict(info.metadata) if info is not None else {})
        self.violations = tuple(
            FieldViolation(field=violation.field, description=violation.description)
            for violation in (bad_request.field_violations if bad_request is not None else ())
        )
        self.retry_delay_seconds = retry_info.retry_delay.ToNanoseconds() / 1e9 if retry_info is not None else None
        self.status = status.SerializeToString()
        self.request_id = request_id
        super().__init__(f"{self.reason or self.code.name}: {self.message}")

    def __reduce__(self) -> tuple[object, ...]:
        # An error that crosses a process boundary arrives whole, with its class.
        return _restore, (type(self), self.status, self.request_id)

    def _number(self, key: str) -> int:
        return int(self.metadata.get(key, "0"))


class InvalidField(HoldfastError):
    """Fields of the request break their rules; `violations` lists every one of them."""


class NotFound(HoldfastError):
    """Something that the request names does not exist."""


class UnknownSku(NotFound):
    """No item has this SKU."""

    @property
    def sku(self) -> str:
        """The SKU that was asked for."""
        return self.metadata.get("sku", "")


class UnknownLocation(NotFound):
    """No location has this id."""

    @property
    def location(self) -> str:
        """The location that was asked for."""
        return self.metadata.get("location", "")


class UnknownPool(NotFound):
    """No pool has this id."""

    @property
    def pool(self) -> str:
        """The pool that was asked for."""
        return self.metadata.get("pool", "")


class UnknownChannel(NotFound):
    """No channel has this id."""

    @property
    def channel(self) -> str:
        """The channel that was asked for."""
        return self.metadata.get("channel", "")


class UnknownReservation(NotFound):
    """No reservation has this id."""

    @property
    def reservation_id(self) -> str:
        """The reservation that was asked for."""
        return self.metadata.get("reservation_id", "")


class UnknownSegment(NotFound):
    """No segment has this id."""

    @property
    def segment(self) -> str:
        """The segment that was asked for."""
        return self.metadata.get("segment", "")


class InsufficientStock(HoldfastError):
    """There is too little stock. `short_lines` holds every line that could not be had in full."""

    short_lines: tuple[ShortLine, ...]

    def __init__(self, status: status_pb2.Status, *, request_id: str = "") -> None:
        super().__init__(status, request_id=request_id)
        self.short_lines = _short_lines(status)


class LocationNotInPool(HoldfastError):
    """The channel does not sell from the location."""

    @property
    def channel(self) -> str:
        """The channel of the request."""
        return self.metadata.get("channel", "")

    @property
    def location(self) -> str:
        """The location that is not in the channel's pool."""
        return self.metadata.get("location", "")


class ReservationResolved(HoldfastError):
    """The reservation is past the state in which this can be asked of it."""

    @property
    def reservation_id(self) -> str:
        """The reservation."""
        return self.metadata.get("reservation_id", "")

    @property
    def state(self) -> str:
        """The state that it is in, such as "EXPIRED"."""
        return self.metadata.get("state", "")

    @property
    def resolve_time(self) -> str:
        """The time on the segment's clock at which it came to that state, in RFC 3339."""
        return self.metadata.get("resolve_time", "")


class ReservationExpired(ReservationResolved):
    """The hold's time was over; its units were given back."""


class AlreadyCommitted(ReservationResolved):
    """The reservation was committed before."""


class AlreadyReleased(ReservationResolved):
    """The reservation was released before."""


class UnknownLine(HoldfastError):
    """The reservation has no line of this number."""

    @property
    def line_number(self) -> int:
        """The number that was asked for."""
        return self._number("line_number")


class ReleaseExceedsOpen(HoldfastError):
    """More units were to be given back than are open."""

    @property
    def line_number(self) -> int:
        """The line."""
        return self._number("line_number")

    @property
    def requested(self) -> int:
        """The units that were to be given back."""
        return self._number("requested")

    @property
    def open(self) -> int:
        """The units that are open."""
        return self._number("open")


class AdjustmentBelowZero(HoldfastError):
    """A status of a stock level would fall below zero units."""

    @property
    def sku(self) -> str:
        """The SKU."""
        return self.metadata.get("sku", "")

    @property
    def location(self) -> str:
        """The location."""
        return self.metadata.get("location", "")

    @property
    def delta(self) -> int:
        """The units that were to be added, negative to take away."""
        return self._number("delta")

    @property
    def on_hand(self) -> int:
        """The units that are on hand in that status."""
        return self._number("on_hand")


class QuantityOverflow(HoldfastError):
    """A stock level would pass 2^53 - 1 units."""


class ScaleInUse(HoldfastError):
    """The item's scale cannot be changed, because it has stock levels."""


class RequestIdReused(HoldfastError):
    """The request_id took effect before, with another body: nothing was done now."""

    @property
    def field(self) -> str:
        """The first field that differs; "method" if the id was used for another RPC."""
        return self.metadata.get("field", "")


class RequestIdTooOld(HoldfastError):
    """The request_id is older than the authority's memory: whether it took effect is no longer known."""

    @property
    def retention_seconds(self) -> int:
        """How long the authority remembers."""
        return self._number("retention_seconds")


class StaleRevision(HoldfastError):
    """The segment has not reached the revision that was asked for: it comes from another history."""

    @property
    def expected(self) -> int:
        """The position that was asked for."""
        return self._number("expected")

    @property
    def actual(self) -> int:
        """The position that the segment is at."""
        return self._number("actual")


class SegmentStopped(HoldfastError):
    """The segment waits for somebody to decide about operations that the ledger lost; see resume_segment."""


class SegmentNotStopped(HoldfastError):
    """The segment is not stopped, so it cannot be resumed."""


class LimitReached(HoldfastError):
    """A named limit was reached. The client never retries it by itself: less load is what helps."""

    @property
    def limit(self) -> str:
        """The name of the limit."""
        return self.metadata.get("limit", "")

    @property
    def value(self) -> int:
        """The limit."""
        return self._number("value")


class Overloaded(LimitReached):
    """The authority has as much to do as it takes on; ask again after `retry_delay_seconds`."""


class BacklogFull(LimitReached):
    """Too many decisions wait for the ledger; ask again after `retry_delay_seconds`."""


class LimitExceeded(LimitReached):
    """A location would be in too many pools, or a pool serve too many channels. Waiting does not help."""


class Unavailable(HoldfastError):
    """The authority could not be reached or could not answer. Whether the request took effect is not known.

    The client has tried as often as its policy and the deadline allowed. Asking again with `request_id` is
    safe.
    """


class SegmentLoading(Unavailable):
    """The sequencer is being loaded from the ledger."""


class SegmentQuarantined(Unavailable):
    """Sequencer and ledger were found to disagree; a rebuild follows by itself."""


class LedgerUnavailable(Unavailable):
    """Nothing was heard from the ledger for too long, or the decision was not committed in time."""


class SequencerUnavailable(Unavailable):
    """The sequencer cannot be reached."""


class DeadlineExceeded(HoldfastError):
    """No answer came in time. Whether the request took effect is not known: ask again with `request_id`."""


class InternalFault(HoldfastError):
    """A fault of the authority, which its log describes under the correlation id."""

    @property
    def correlation_id(self) -> str:
        """What to look for in the server's log."""
        return self.metadata.get("correlation_id", "")


# The one table: the class of every reason in error_reason.proto.
_CLASS_OF_REASON: Final[Mapping[int, type[HoldfastError]]] = {
    error_reason_pb2.ERROR_REASON_UNSPECIFIED: HoldfastError,
    error_reason_pb2.ERROR_REASON_INVALID_FIELD: InvalidField,
    error_reason_pb2.ERROR_REASON_INSUFFICIENT_STOCK: InsufficientStock,
    error_reason_pb2.ERROR_REASON_UNKNOWN_SKU: UnknownSku,
    error_reason_pb2.ERROR_REASON_UNKNOWN_LOCATION: UnknownLocation,
    error_reason_pb2.ERROR_REASON_UNKNOWN_POOL: UnknownPool,
    error_reason_pb2.ERROR_REASON_UNKNOWN_CHANNEL: UnknownChannel,
    error_reason_pb2.ERROR_REASON_UNKNOWN_RESERVATION: UnknownReservation,
    error_reason_pb2.ERROR_REASON_LOCATION_NOT_IN_POOL: LocationNotInPool,
    error_reason_pb2.ERROR_REASON_RESERVATION_EXPIRED: ReservationExpired,
    error_reason_pb2.ERROR_REASON_ALREADY_COMMITTED: AlreadyCommitted,
    error_reason_pb2.ERROR_REASON_ALREADY_RELEASED: AlreadyReleased,
    error_reason_pb2.ERROR_REASON_UNKNOWN_LINE: UnknownLine,
    error_reason_pb2.ERROR_REASON_RELEASE_EXCEEDS_OPEN: ReleaseExceedsOpen,
    error_reason_pb2.ERROR_REASON_ADJUSTMENT_BELOW_ZERO: AdjustmentBelowZero,
    error_reason_pb2.ERROR_REASON_QUANTITY_OVERFLOW: QuantityOverflow,
    error_reason_pb2.ERROR_REASON_REQUEST_ID_REUSED: RequestIdReused,
    error_reason_pb2.ERROR_REASON_REQUEST_ID_TOO_OLD: RequestIdTooOld,
    error_reason_pb2.ERROR_REASON_STALE_REVISION: StaleRevision,
    error_reason_pb2.ERROR_REASON_SCALE_IN_USE: ScaleInUse,
    error_reason_pb2.ERROR_REASON_OVERLOADED: Overloaded,
    error_reason_pb2.ERROR_REASON_BACKLOG_FULL: BacklogFull,
    error_reason_pb2.ERROR_REASON_SEGMENT_LOADING: SegmentLoading,
    error_reason_pb2.ERROR_REASON_SEGMENT_QUARANTINED: SegmentQuarantined,
    error_reason_pb2.ERROR_REASON_SEGMENT_STOPPED: SegmentStopped,
    error_reason_pb2.ERROR_REASON_SEGMENT_NOT_STOPPED: SegmentNotStopped,
    error_reason_pb2.ERROR_REASON_LEDGER_UNAVAILABLE: LedgerUnavailable,
    error_reason_pb2.ERROR_REASON_SEQUENCER_UNAVAILABLE: SequencerUnavailable,
    error_reason_pb2.ERROR_REASON_UNKNOWN_SEGMENT: UnknownSegment,
    error_reason_pb2.ERROR_REASON_INTERNAL: InternalFault,
    error_reason_pb2.ERROR_REASON_LIMIT_EXCEEDED: LimitExceeded,
}

# Where no reason is known: the general class of the code.
_CLASS_OF_CODE: Final[Mapping[grpc.StatusCode, type[HoldfastError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidField,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitReached,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.INTERNAL: InternalFault,
}

_AVAILABLE_FORM: Final = re.compile(r"requested ([0-9]+), available ([0-9]+)")


def error_from_status(status: status_pb2.Status, *, request_id: str = "") -> HoldfastError:
    """Make the typed error of a google.rpc.Status, such as the refusal in a result of a batch."""
    info = _detail(status, error_details_pb2.ErrorInfo)
    reason = f"ERROR_REASON_{info.reason}" if info is not None and info.domain == ERROR_DOMAIN else ""
    error_class: type[HoldfastError] | None = None
    if reason in error_reason_pb2.ErrorReason.keys():  # noqa: SIM118 - an enum wrapper is no mapping
        error_class = _CLASS_OF_REASON.get(error_reason_pb2.ErrorReason.Value(reason))
    if error_class is None:
        code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
        error_class = _CLASS_OF_CODE.get(code, HoldfastError)
    return error_class(status, request_id=request_id)


def error_from_rpc(failure: grpc.aio.AioRpcError, *, request_id: str = "") -> HoldfastError:
    """Make the typed error of a call that failed, from the details in its trailing metadata if it has any."""
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            try:
                status = status_pb2.Status.FromString(value)
            except protobuf_message.DecodeError:
                break
            if status.code == failure.code().value[0]:
                return error_from_status(status, request_id=request_id)
    bare = status_pb2.Status(code=failure.code().value[0], message=failure.details() or "")
    return error_from_status(bare, request_id=request_id)


def _detail(status: status_pb2.Status, kind: type[_Detail]) -> _Detail | None:
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail: _Detail = kind()
            try:
                packed.Unpack(detail)
            except protobuf_message.DecodeError:
                return None
            return detail
    return None


def _short_lines(status: status_pb2.Status) -> tuple[ShortLine, ...]:
    """Read the short lines; the one place that knows how the authority words them."""
    failure = _detail(status, error_details_pb2.PreconditionFailure)
    short_lines = []
    for violation in failure.violations if failure is not None else ():
        units = _AVAILABLE_FORM.fullmatch(violation.description)
        if units is None:
            continue
        sku, _, location = violation.subject.partition("@")
        short_lines.append(ShortLine(sku=sku, location=location, requested=int(units[1]), available=int(units[2])))
    return tuple(short_lines)


def _restore(error_class: type[HoldfastError], status: bytes, request_id: str) -> HoldfastError:
    return error_class(status_pb2.Status.FromString(status), request_id=request_id)
