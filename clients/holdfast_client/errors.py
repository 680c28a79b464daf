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

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import grpc
from google.rpc import status_pb2
from holdfast.inventory.v1 import error_reason_pb2

from holdfast_client import status_details
from holdfast_client.status_details import ERROR_DOMAIN as ERROR_DOMAIN  # noqa: PLC0414 - shown here as well
from holdfast_client.status_details import FieldViolation as FieldViolation  # noqa: PLC0414
from holdfast_client.status_details import ShortLine as ShortLine  # noqa: PLC0414


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
        info = status_details.info_of(status)
        self.code = status_details.code_of(status)
        self.reason = status_details.reason_of(info)
        self.message = status.message
        self.metadata = MappingProxyType(dict(info.metadata))
        self.violations = status_details.violations_of(status)
        self.retry_delay_seconds = status_details.retry_delay_seconds_of(status)
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
        self.short_lines = status_details.short_lines_of(status)


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


def error_from_status(status: status_pb2.Status, *, request_id: str = "") -> HoldfastError:
    """Make the typed error of a google.rpc.Status, such as the refusal in a result of a batch."""
    reason = f"ERROR_REASON_{status_details.reason_of(status_details.info_of(status))}"
    error_class: type[HoldfastError] | None = None
    if reason in error_reason_pb2.ErrorReason.keys():  # noqa: SIM118 - an enum wrapper is no mapping
        error_class = _CLASS_OF_REASON.get(error_reason_pb2.ErrorReason.Value(reason))
    if error_class is None:
        error_class = _CLASS_OF_CODE.get(status_details.code_of(status), HoldfastError)
    return error_class(status, request_id=request_id)


def error_from_rpc(failure: grpc.aio.AioRpcError, *, request_id: str = "") -> HoldfastError:
    """Make the typed error of a call that failed, from the details in its trailing metadata if it has any.

    A call that was dropped on its way, with CANCELLED, becomes `Unavailable`, and so is tried again.
    """
    return error_from_status(status_details.status_of(failure), request_id=request_id)


def _restore(error_class: type[HoldfastError], status: bytes, request_id: str) -> HoldfastError:
    return error_class(status_pb2.Status.FromString(status), request_id=request_id)
