"""The refusals of the authority as exceptions: one tree, mapped in one table.

    HoldfastError
    |-- InvalidField              fields of the request break their rules
    |-- NotFound
    |   |-- UnknownSku
    |   |-- UnknownLocation
    |   |-- UnknownPool
    |   |-- UnknownChannel
    |   |-- UnknownReservation
    |   |-- UnknownDestination
    |   |-- UnknownDocument
    |   |-- UnknownSubscription
    |   `-- UnknownSegment
    |-- InsufficientStock         the answer is no: every short line is in it, and what may be sold instead
    |-- ItemInactive
    |-- KitConflict
    |-- LocationNotInPool
    |-- SpansSegments             what is decided together lies in several segments
    |-- ReservationResolved       it is too late for what was asked of the reservation
    |   |-- ReservationExpired
    |   |-- AlreadyCommitted
    |   `-- AlreadyReleased
    |-- NotCommitted              it is too early
    |-- UnknownLine
    |-- ReleaseExceedsOpen
    |-- FulfillmentExceedsOpen
    |-- ReturnExceedsFulfilled
    |-- AdjustmentBelowZero
    |-- QuantityOverflow
    |-- CountedSince              the level was counted again since
    |-- QuantityChanged           compare and set: the books are not what was expected
    |-- ScaleInUse
    |-- DocumentClosed
    |-- DocumentExists
    |-- ExceedsDocument
    |-- AllotmentTooSmall
    |-- RequestIdReused
    |-- RequestIdTooOld
    |-- StaleRevision
    |-- HistoryRetired
    |-- SegmentStopped
    |-- SegmentNotStopped
    |-- LimitReached              a named limit; retried by nothing but a watch
    |   |-- Overloaded
    |   |-- BacklogFull
    |   |-- HoldLimitReached
    |   |-- WatcherTooSlow
    |   `-- LimitExceeded
    |-- Unavailable               retried with the same request_id; raised when the tries are used up
    |   |-- SegmentLoading
    |   |-- SegmentQuarantined
    |   |-- LedgerUnavailable
    |   |-- SequencerUnavailable
    |   `-- WatchEnded            a watch goes on by itself
    |-- DeadlineExceeded          no answer in time
    `-- InternalFault             a fault of the authority

An error is a view of the google.rpc.Status that the authority sent; where there was none, as when nothing
listens at the target, of one made from the gRPC status. A refusal has had no effect. After `Unavailable`,
`DeadlineExceeded` and `InternalFault` it is not known whether the request took effect: ask again with
`error.request_id`. A reason that this version does not know becomes the general class of its code.
"""

from collections.abc import Mapping
from typing import Final

import grpc
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import error_reason_pb2

from holdfast_client import status_details
from holdfast_client.error_base import (
    HoldfastError,
    InvalidField,
    LimitReached,
    NotFound,
)
from holdfast_client.service_errors import (
    BacklogFull,
    DeadlineExceeded,
    HistoryRetired,
    InternalFault,
    LedgerUnavailable,
    LimitExceeded,
    Overloaded,
    RequestIdReused,
    RequestIdTooOld,
    SegmentLoading,
    SegmentNotStopped,
    SegmentQuarantined,
    SegmentStopped,
    SequencerUnavailable,
    SpansSegments,
    StaleRevision,
    Unavailable,
    UnknownSegment,
    WatchEnded,
    WatcherTooSlow,
)
from holdfast_client.status_details import ERROR_DOMAIN, FieldViolation, ShortLine, SubstituteOffer
from holdfast_client.trade_errors import (
    AdjustmentBelowZero,
    AllotmentTooSmall,
    AlreadyCommitted,
    AlreadyReleased,
    CountedSince,
    DocumentClosed,
    DocumentExists,
    ExceedsDocument,
    FulfillmentExceedsOpen,
    HoldLimitReached,
    InsufficientStock,
    ItemInactive,
    KitConflict,
    LocationNotInPool,
    NotCommitted,
    QuantityChanged,
    QuantityOverflow,
    ReleaseExceedsOpen,
    ReservationExpired,
    ReservationResolved,
    ReturnExceedsFulfilled,
    ScaleInUse,
    UnknownChannel,
    UnknownDestination,
    UnknownDocument,
    UnknownLine,
    UnknownLocation,
    UnknownPool,
    UnknownReservation,
    UnknownSku,
    UnknownSubscription,
)

__all__ = [
    "ERROR_DOMAIN",
    "AdjustmentBelowZero",
    "AllotmentTooSmall",
    "AlreadyCommitted",
    "AlreadyReleased",
    "BacklogFull",
    "CountedSince",
    "DeadlineExceeded",
    "DocumentClosed",
    "DocumentExists",
    "ExceedsDocument",
    "FieldViolation",
    "FulfillmentExceedsOpen",
    "HistoryRetired",
    "HoldLimitReached",
    "HoldfastError",
    "InsufficientStock",
    "InternalFault",
    "InvalidField",
    "ItemInactive",
    "KitConflict",
    "LedgerUnavailable",
    "LimitExceeded",
    "LimitReached",
    "LocationNotInPool",
    "NotCommitted",
    "NotFound",
    "Overloaded",
    "QuantityChanged",
    "QuantityOverflow",
    "ReleaseExceedsOpen",
    "RequestIdReused",
    "RequestIdTooOld",
    "ReservationExpired",
    "ReservationResolved",
    "ReturnExceedsFulfilled",
    "ScaleInUse",
    "SegmentLoading",
    "SegmentNotStopped",
    "SegmentQuarantined",
    "SegmentStopped",
    "SequencerUnavailable",
    "ShortLine",
    "SpansSegments",
    "StaleRevision",
    "SubstituteOffer",
    "Unavailable",
    "UnknownChannel",
    "UnknownDestination",
    "UnknownDocument",
    "UnknownLine",
    "UnknownLocation",
    "UnknownPool",
    "UnknownReservation",
    "UnknownSegment",
    "UnknownSku",
    "UnknownSubscription",
    "WatchEnded",
    "WatcherTooSlow",
    "deadline_exceeded",
    "error_from_rpc",
    "error_from_status",
    "internal_fault",
    "overloaded",
    "same_for",
    "unavailable",
]

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
    error_reason_pb2.ERROR_REASON_HISTORY_RETIRED: HistoryRetired,
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
    error_reason_pb2.ERROR_REASON_SPANS_SEGMENTS: SpansSegments,
    error_reason_pb2.ERROR_REASON_INTERNAL: InternalFault,
    error_reason_pb2.ERROR_REASON_LIMIT_EXCEEDED: LimitExceeded,
    error_reason_pb2.ERROR_REASON_ITEM_INACTIVE: ItemInactive,
    error_reason_pb2.ERROR_REASON_KIT_CONFLICT: KitConflict,
    error_reason_pb2.ERROR_REASON_UNKNOWN_DESTINATION: UnknownDestination,
    error_reason_pb2.ERROR_REASON_NOT_COMMITTED: NotCommitted,
    error_reason_pb2.ERROR_REASON_FULFILLMENT_EXCEEDS_OPEN: FulfillmentExceedsOpen,
    error_reason_pb2.ERROR_REASON_RETURN_EXCEEDS_FULFILLED: ReturnExceedsFulfilled,
    error_reason_pb2.ERROR_REASON_QUANTITY_CHANGED: QuantityChanged,
    error_reason_pb2.ERROR_REASON_COUNTED_SINCE: CountedSince,
    error_reason_pb2.ERROR_REASON_UNKNOWN_DOCUMENT: UnknownDocument,
    error_reason_pb2.ERROR_REASON_UNKNOWN_SUBSCRIPTION: UnknownSubscription,
    error_reason_pb2.ERROR_REASON_DOCUMENT_CLOSED: DocumentClosed,
    error_reason_pb2.ERROR_REASON_DOCUMENT_EXISTS: DocumentExists,
    error_reason_pb2.ERROR_REASON_EXCEEDS_DOCUMENT: ExceedsDocument,
    error_reason_pb2.ERROR_REASON_HOLD_LIMIT_REACHED: HoldLimitReached,
    error_reason_pb2.ERROR_REASON_ALLOTMENT_TOO_SMALL: AllotmentTooSmall,
    error_reason_pb2.ERROR_REASON_WATCH_ENDED: WatchEnded,
    error_reason_pb2.ERROR_REASON_WATCHER_TOO_SLOW: WatcherTooSlow,
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


def unavailable(message: str) -> HoldfastError:
    """Make the error of a stream that ended though nobody said why."""
    return error_from_status(status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=message))


def deadline_exceeded(request_id: str) -> HoldfastError:
    """Make the error of a call that had no answer in time, as gRPC words it."""
    status = status_pb2.Status(code=grpc.StatusCode.DEADLINE_EXCEEDED.value[0], message="Deadline Exceeded")
    return error_from_status(status, request_id=request_id)


def internal_fault(message: str, request_id: str) -> HoldfastError:
    """Make the error of an answer that is none."""
    status = status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message=message)
    return error_from_status(status, request_id=request_id)


def overloaded(limit: str, value: int, *, request_id: str) -> HoldfastError:
    """Make the refusal of a call that the client did not let out, because a limit of its own was reached."""
    status = status_pb2.Status(
        code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], message=f"{limit} of the client is reached ({value})"
    )
    info = error_details_pb2.ErrorInfo(
        reason="OVERLOADED", domain=ERROR_DOMAIN, metadata={"limit": limit, "value": str(value)}
    )
    status.details.add().Pack(info)
    return error_from_status(status, request_id=request_id)


def same_for(error: HoldfastError, request_id: str) -> HoldfastError:
    """Make the same error for another request."""
    return error_from_status(status_pb2.Status.FromString(error.status), request_id=request_id)
