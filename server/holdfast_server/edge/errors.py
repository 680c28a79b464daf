"""What a refusal is called on the wire: one table from the refusals of the core to codes, reasons and details.

Errors of drivers never come here; a fault that nobody foresaw gets a neutral text outside, everything in the log, and
the same correlation id in both.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final, NoReturn

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from holdfast.inventory.v1 import error_reason_pb2

from holdfast_server import refusals
from holdfast_server.refusals import Refusal

log = structlog.get_logger("holdfast.edge")

DOMAIN: Final = "holdfast.inventory.v1"
_DETAILS_KEY: Final = "grpc-status-details-bin"
# Details travel in a header, of which a gRPC peer accepts 8 KiB unless it was told to accept more. A caller that was
# says so in the metadata (caller.py); in a batch they travel in the response, where nothing need be left out.
DEFAULT_MAX_DETAILS_BYTES: Final = 6_000
UNLIMITED_DETAILS_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `text` is filled from the facts of the refusal; a retry tells the caller when."""

    code: grpc.StatusCode
    reason: str
    text: str
    retry_seconds: float | None = None


_SAFE: Final = "Ask again with the same request_id."

TABLE: Final[dict[type[Refusal], Row]] = {
    refusals.InvalidField: Row(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "The request breaks the rules of its fields; first: {field}."
    ),
    refusals.InsufficientStock: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "INSUFFICIENT_STOCK",
        "Too little stock for {short_lines} of the lines; first: of {sku} {requested} requested, {available} there.",
    ),
    refusals.UnknownSku: Row(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SKU", "No item has the SKU {sku}."),
    refusals.UnknownLocation: Row(grpc.StatusCode.NOT_FOUND, "UNKNOWN_LOCATION", "No location {location} exists."),
    refusals.UnknownPool: Row(grpc.StatusCode.NOT_FOUND, "UNKNOWN_POOL", "No pool {pool} exists."),
    refusals.UnknownChannel: Row(grpc.StatusCode.NOT_FOUND, "UNKNOWN_CHANNEL", "No channel {channel} exists."),
    refusals.UnknownReservation: Row(
        grpc.StatusCode.NOT_FOUND, "UNKNOWN_RESERVATION", "No reservation {reservation_id} exists."
    ),
    refusals.UnknownSegment: Row(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SEGMENT", "No segment {segment} exists."),
    refusals.SpansSegments: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "SPANS_SEGMENTS",
        "{field}: what is decided together must lie in one segment; this lies in {segments}.",
    ),
    refusals.UnknownDestination: Row(
        grpc.StatusCode.NOT_FOUND, "UNKNOWN_DESTINATION", "No distances are declared for destination {destination}."
    ),
    refusals.UnknownDocument: Row(
        grpc.StatusCode.NOT_FOUND, "UNKNOWN_DOCUMENT", "No document {document_id} of kind {kind} exists."
    ),
    refusals.UnknownSubscription: Row(
        grpc.StatusCode.NOT_FOUND, "UNKNOWN_SUBSCRIPTION", "No subscription {subscription} exists."
    ),
    refusals.ItemInactive: Row(grpc.StatusCode.FAILED_PRECONDITION, "ITEM_INACTIVE", "Item {sku} is no longer sold."),
    refusals.KitConflict: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "KIT_CONFLICT",
        "{sku}: a kit has no stock of its own, and no part of a kit is a kit itself ({rule}).",
    ),
    refusals.HoldLimitReached: Row(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "HOLD_LIMIT_REACHED",
        "{scope} {name} may have {max_open_holds} open holds, and has them.",
    ),
    refusals.AllotmentTooSmall: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "ALLOTMENT_TOO_SMALL",
        "Of the allotment of {sku} to channel {channel} {movable} units can be moved; {requested} were to be.",
    ),
    refusals.LocationNotInPool: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "LOCATION_NOT_IN_POOL",
        "Channel {channel} does not sell from location {location}.",
    ),
    refusals.ReservationExpired: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "RESERVATION_EXPIRED",
        "Reservation {reservation_id} expired at {resolve_time}.",
    ),
    refusals.AlreadyCommitted: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "ALREADY_COMMITTED",
        "Reservation {reservation_id} was committed before; its last change was at {resolve_time}.",
    ),
    refusals.AlreadyReleased: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "ALREADY_RELEASED",
        "Reservation {reservation_id} has ended as {state} at {resolve_time}.",
    ),
    refusals.UnknownLine: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "UNKNOWN_LINE",
        "Reservation {reservation_id} has no line {line_number}.",
    ),
    refusals.ReleaseExceedsOpen: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "RELEASE_EXCEEDS_OPEN",
        "Line {line_number} of reservation {reservation_id} has {open} open units; {requested} (0: all) were named.",
    ),
    refusals.NotCommitted: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "NOT_COMMITTED",
        "Reservation {reservation_id} is {state}; it must be committed first.",
    ),
    refusals.FulfillmentExceedsOpen: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "FULFILLMENT_EXCEEDS_OPEN",
        "Line {line_number} of reservation {reservation_id} has {open} units open and there; {requested} were named.",
    ),
    refusals.ReturnExceedsFulfilled: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "RETURN_EXCEEDS_FULFILLED",
        "Of the {sku} sold {returnable} can come back; {requested} were named. accept_blind takes them all the same.",
    ),
    refusals.DocumentClosed: Row(
        grpc.StatusCode.FAILED_PRECONDITION, "DOCUMENT_CLOSED", "Document {document_id} of kind {kind} has ended."
    ),
    refusals.DocumentExists: Row(
        grpc.StatusCode.ALREADY_EXISTS, "DOCUMENT_EXISTS", "A document {document_id} of kind {kind} exists already."
    ),
    refusals.ExceedsDocument: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "EXCEEDS_DOCUMENT",
        "{kind} {document_id} has {open} units open for {line} (a SKU, a line or a location); {requested} were named.",
    ),
    refusals.CountedSince: Row(
        grpc.StatusCode.ABORTED,
        "COUNTED_SINCE",
        "{sku} at {location} was counted as of position {as_of}, and again at {counted}; count it anew.",
    ),
    refusals.QuantityChanged: Row(
        grpc.StatusCode.ABORTED,
        "QUANTITY_CHANGED",
        "{actual} units of {sku} at {location} are on the books, not {expected}.",
    ),
    refusals.AdjustmentBelowZero: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "ADJUSTMENT_BELOW_ZERO",
        "{on_hand} units of {sku} at {location} are {status}; they cannot change by {delta}.",
    ),
    refusals.QuantityOverflow: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "QUANTITY_OVERFLOW",
        "The level of {sku} at {location} would pass the greatest quantity.",
    ),
    refusals.RequestIdReused: Row(
        grpc.StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
        "Request {request_id} took effect before with another {field}.",
    ),
    refusals.RequestIdTooOld: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "REQUEST_ID_TOO_OLD",
        "Request id {request_id} is older than the {retention_seconds} seconds for which requests are remembered.",
    ),
    refusals.StaleRevision: Row(
        grpc.StatusCode.ABORTED,
        "STALE_REVISION",
        "Segment {segment} is at position {actual}, not at {expected}.",
    ),
    refusals.HistoryRetired: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "HISTORY_RETIRED",
        "The history of segment {segment} was retired up to position {retired_position}; {position} lies before that.",
    ),
    refusals.ScaleInUse: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "SCALE_IN_USE",
        "Item {sku} has stock levels at scale {scale}, so its scale cannot be changed.",
    ),
    refusals.LimitExceeded: Row(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", "More than {value}: the limit {limit} is reached."
    ),
    refusals.Overloaded: Row(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "The limit {limit} of {value} is reached.", 0.2
    ),
    refusals.BacklogFull: Row(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "BACKLOG_FULL",
        "The ledger is behind by the limit {limit} of {value}.",
        0.5,
    ),
    refusals.WatchEnded: Row(
        grpc.StatusCode.UNAVAILABLE, "WATCH_ENDED", "The stream ends ({cause}). Watch again, from the token.", 0.1
    ),
    refusals.WatcherTooSlow: Row(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "WATCHER_TOO_SLOW",
        "Nothing was taken from the stream for {value} seconds ({limit}). Watch again, from the token.",
        1.0,
    ),
    refusals.SegmentLoading: Row(
        grpc.StatusCode.UNAVAILABLE, "SEGMENT_LOADING", f"Segment {{segment}} is being loaded. {_SAFE}", 0.2
    ),
    refusals.SegmentQuarantined: Row(
        grpc.StatusCode.UNAVAILABLE,
        "SEGMENT_QUARANTINED",
        f"Segment {{segment}} is quarantined and will be rebuilt. {_SAFE}",
        0.5,
    ),
    refusals.SegmentStopped: Row(
        grpc.StatusCode.FAILED_PRECONDITION,
        "SEGMENT_STOPPED",
        "Segment {segment} has stopped; see ListSegments for the reason and ResumeSegment for the way on.",
    ),
    refusals.SegmentNotStopped: Row(
        grpc.StatusCode.FAILED_PRECONDITION, "SEGMENT_NOT_STOPPED", "Segment {segment} is {state}, not stopped."
    ),
    refusals.LedgerUnavailable: Row(
        grpc.StatusCode.UNAVAILABLE,
        "LEDGER_UNAVAILABLE",
        f"The ledger of segment {{segment}} does not answer; whether the request took effect is not known. {_SAFE}",
        0.5,
    ),
    refusals.SequencerUnavailable: Row(
        grpc.StatusCode.UNAVAILABLE,
        "SEQUENCER_UNAVAILABLE",
        f"The sequencer of segment {{segment}} does not answer; whether the request took effect is not known. {_SAFE}",
        0.5,
    ),
}

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def status_of(refusal: Refusal, *, max_details_bytes: int = DEFAULT_MAX_DETAILS_BYTES) -> status_pb2.Status:
    """Returns the status of a refusal with its details.

    A list of violations or short lines that does not fit is cut at the end; the number of all short lines stands in the
    metadata. Offers get the room that the short lines leave.
    """
    row = TABLE[type(refusal)]
    facts = refusal.facts()
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=facts)]
    if isinstance(refusal, refusals.InvalidField):
        details.append(_bad_request(refusal, max_details_bytes))
    if isinstance(refusal, refusals.InsufficientStock):
        short = _precondition_failure(refusal, max_details_bytes)
        details.append(short)
        offers = _substitute_offers(refusal, max_details_bytes - short.ByteSize())
        if offers.offers:
            details.append(offers)
    if row.retry_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(row.retry_seconds * 1_000_000_000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return _status(row.code, row.text.format_map(facts), details)


def status_of_fault(error: BaseException, method: str) -> status_pb2.Status:
    """Logs a fault with everything that is known of it, and returns the neutral status with the same correlation id."""
    correlation_id = uuid.uuid4().hex
    log.error("internal_fault", method=method, correlation_id=correlation_id, exc_info=error)
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"correlation_id": correlation_id})
    text = f"A fault of the server; its log tells more under {correlation_id}."
    return _status(grpc.StatusCode.INTERNAL, text, [info])


def status_in_response(error: Exception, method: str) -> status_pb2.Status:
    """Returns the status of what went wrong with one of many, for a response: there nothing need be left out."""
    if isinstance(error, Refusal):
        return status_of(error, max_details_bytes=UNLIMITED_DETAILS_BYTES)
    return status_of_fault(error, method)


async def abort(context: grpc.aio.ServicerContext, status: status_pb2.Status) -> NoReturn:
    """Ends the call with a status and its details."""
    await context.abort(
        _CODES[status.code], status.message, trailing_metadata=((_DETAILS_KEY, status.SerializeToString()),)
    )
    raise AssertionError("abort always raises")


def _status(code: grpc.StatusCode, text: str, details: list[Message]) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message=text)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _bad_request(refusal: refusals.InvalidField, max_bytes: int) -> error_details_pb2.BadRequest:
    detail = error_details_pb2.BadRequest()
    room = max_bytes
    for violation in refusal.violations:
        added = error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
        room -= added.ByteSize()
        if room < 0:
            break
        detail.field_violations.append(added)
    return detail


def _precondition_failure(refusal: refusals.InsufficientStock, max_bytes: int) -> error_details_pb2.PreconditionFailure:
    detail = error_details_pb2.PreconditionFailure()
    room = max_bytes
    for line in refusal.short_lines:
        added = error_details_pb2.PreconditionFailure.Violation(
            type="INSUFFICIENT_STOCK",
            subject=f"{line.sku}@{line.location}" if line.location else line.sku,
            description=f"requested {line.requested}, available {line.available}",
        )
        room -= added.ByteSize()
        if room < 0:
            break
        detail.violations.append(added)
    return detail


def _substitute_offers(refusal: refusals.InsufficientStock, max_bytes: int) -> error_reason_pb2.SubstituteOffers:
    detail = error_reason_pb2.SubstituteOffers()
    room = max_bytes
    for offer in refusal.offers:
        added = error_reason_pb2.SubstituteOffer(
            sku=offer.sku, substitute_sku=offer.substitute_sku, available_quantity=offer.available
        )
        room -= added.ByteSize()
        if room < 0:
            break
        detail.offers.append(added)
    return detail
