"""The refusals of the authority: typed, complete, and free of any transport.

A refusal is a useful answer. Each class carries its data in named fields; what they say to a caller, with which code
and details, is one table in edge/errors.py. The names match the values of ErrorReason in the protos.

    Refusal
     |- InvalidField
     |- InsufficientStock
     |- UnknownSku, UnknownLocation, UnknownPool, UnknownChannel, UnknownReservation, UnknownSegment,
     |  UnknownDestination, UnknownDocument, UnknownSubscription
     |- SpansSegments
     |- LocationNotInPool, ItemInactive, KitConflict, HoldLimitReached, AllotmentTooSmall
     |- ReservationExpired, AlreadyCommitted, AlreadyReleased, NotCommitted
     |- UnknownLine, ReleaseExceedsOpen, FulfillmentExceedsOpen, ReturnExceedsFulfilled
     |- DocumentClosed, DocumentExists, ExceedsDocument
     |- AdjustmentBelowZero, QuantityOverflow, QuantityChanged, CountedSince, ScaleInUse, LimitExceeded
     |- RequestIdReused, RequestIdTooOld, StaleRevision, HistoryRetired
     |- Overloaded, BacklogFull                                      (later: try again after a while)
     |- WatchEnded, WatcherTooSlow                                   (watch again, from the token)
     |- SegmentLoading, SegmentQuarantined, LedgerUnavailable,
     |  SequencerUnavailable                                         (unavailable: the same request_id is safe)
     |- SegmentStopped, SegmentNotStopped
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(eq=False)
class Refusal(Exception):
    """Something that was asked for is not done, and nothing was changed."""

    def __post_init__(self) -> None:
        super().__init__(str(self.facts()))

    def facts(self) -> dict[str, str]:
        """Returns the data of the refusal as text by name: the metadata of its ErrorInfo."""
        return {one.name: str(getattr(self, one.name)) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field that breaks its rule; the path is written as in `lines[3].quantity`."""

    field: str
    description: str


@dataclass(eq=False)
class InvalidField(Refusal):
    """Fields of the request break their rules; all violations are told."""

    violations: list[Violation]

    def facts(self) -> dict[str, str]:
        return {"field": self.violations[0].field}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLine:
    """A line of which there is too little; no location if it was to be sourced from the pool."""

    sku: str
    location: str
    requested: int
    available: int

    def facts(self) -> dict[str, str]:
        return {
            "sku": self.sku,
            "location": self.location,
            "requested": str(self.requested),
            "available": str(self.available),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What may be sold instead of a SKU that there is too little of."""

    sku: str
    substitute_sku: str
    available: int


@dataclass(eq=False)
class InsufficientStock(Refusal):
    """There is too little; every short line is told, and what may be sold instead."""

    short_lines: list[ShortLine]
    offers: list[Offer] = field(default_factory=list)

    def facts(self) -> dict[str, str]:
        return self.short_lines[0].facts() | {"short_lines": str(len(self.short_lines))}


@dataclass(eq=False)
class UnknownSku(Refusal):
    sku: str


@dataclass(eq=False)
class UnknownLocation(Refusal):
    location: str


@dataclass(eq=False)
class UnknownPool(Refusal):
    pool: str


@dataclass(eq=False)
class UnknownChannel(Refusal):
    channel: str


@dataclass(eq=False)
class UnknownReservation(Refusal):
    reservation_id: str


@dataclass(eq=False)
class UnknownSegment(Refusal):
    segment: str


@dataclass(eq=False)
class SpansSegments(Refusal):
    """What is decided together must lie in one segment; `segments` are those that the field brings together."""

    field: str
    segments: str


@dataclass(eq=False)
class UnknownDestination(Refusal):
    destination: str


@dataclass(eq=False)
class LocationNotInPool(Refusal):
    channel: str
    location: str


@dataclass(eq=False)
class ItemInactive(Refusal):
    sku: str


@dataclass(eq=False)
class KitConflict(Refusal):
    sku: str
    rule: str


@dataclass(eq=False)
class HoldLimitReached(Refusal):
    scope: str
    name: str
    max_open_holds: int


@dataclass(eq=False)
class AllotmentTooSmall(Refusal):
    sku: str
    channel: str
    requested: int
    movable: int


@dataclass(eq=False)
class UnknownLine(Refusal):
    reservation_id: str
    line_number: int


@dataclass(eq=False)
class ReleaseExceedsOpen(Refusal):
    reservation_id: str
    line_number: int
    requested: int
    open: int


@dataclass(eq=False)
class FulfillmentExceedsOpen(Refusal):
    reservation_id: str
    line_number: int
    requested: int
    open: int


@dataclass(eq=False)
class ReturnExceedsFulfilled(Refusal):
    sku: str
    line_number: int
    requested: int
    returnable: int


@dataclass(eq=False)
class NotCommitted(Refusal):
    reservation_id: str
    state: str


@dataclass(eq=False)
class _OfDocument(Refusal):
    kind: str
    document_id: str


@dataclass(eq=False)
class UnknownDocument(_OfDocument):
    pass


@dataclass(eq=False)
class UnknownSubscription(Refusal):
    subscription: str


@dataclass(eq=False)
class DocumentClosed(_OfDocument):
    pass


@dataclass(eq=False)
class DocumentExists(_OfDocument):
    pass


@dataclass(eq=False)
class ExceedsDocument(Refusal):
    kind: str
    document_id: str
    line: str
    requested: int
    open: int


@dataclass(eq=False)
class _Resolved(Refusal):
    """The reservation has left the state that the call needs."""

    reservation_id: str
    state: str
    resolve_time: str


@dataclass(eq=False)
class ReservationExpired(_Resolved):
    pass


@dataclass(eq=False)
class AlreadyCommitted(_Resolved):
    pass


@dataclass(eq=False)
class AlreadyReleased(_Resolved):
    pass


@dataclass(eq=False)
class AdjustmentBelowZero(Refusal):
    sku: str
    location: str
    status: str
    delta: int
    on_hand: int


@dataclass(eq=False)
class QuantityOverflow(Refusal):
    sku: str
    location: str


@dataclass(eq=False)
class CountedSince(Refusal):
    """A later count has booked what this one found; positions say when each was true."""

    sku: str
    location: str
    as_of: int
    counted: int


@dataclass(eq=False)
class QuantityChanged(Refusal):
    sku: str
    location: str
    expected: int
    actual: int


@dataclass(eq=False)
class ScaleInUse(Refusal):
    sku: str
    scale: int


@dataclass(eq=False)
class LimitExceeded(Refusal):
    limit: str
    value: int


@dataclass(eq=False)
class RequestIdReused(Refusal):
    request_id: str
    field: str


@dataclass(eq=False)
class RequestIdTooOld(Refusal):
    request_id: str
    retention_seconds: int


@dataclass(eq=False)
class StaleRevision(Refusal):
    segment: str
    expected: int
    actual: int


@dataclass(eq=False)
class HistoryRetired(Refusal):
    """What was asked for lies in the retired part of the history: after `position`, up to `retired_position`."""

    segment: str
    position: int
    retired_position: int


@dataclass(eq=False)
class Overloaded(Refusal):
    limit: str
    value: int


@dataclass(eq=False)
class BacklogFull(Refusal):
    limit: str
    value: int


@dataclass(eq=False)
class WatchEnded(Refusal):
    """Why a stream ends that nobody asked to end: MAX_AGE, SHUTDOWN, OTHER_LINEAGE or FAULT; and where to go on."""

    cause: str
    resume_token: str


@dataclass(eq=False)
class WatcherTooSlow(Refusal):
    """Nothing was taken from a stream for too long; and where to go on."""

    limit: str
    value: int
    resume_token: str


@dataclass(eq=False)
class _OfSegment(Refusal):
    segment: str


@dataclass(eq=False)
class SegmentLoading(_OfSegment):
    pass


@dataclass(eq=False)
class SegmentQuarantined(_OfSegment):
    pass


@dataclass(eq=False)
class SegmentStopped(_OfSegment):
    pass


@dataclass(eq=False)
class SegmentNotStopped(Refusal):
    segment: str
    state: str


@dataclass(eq=False)
class LedgerUnavailable(_OfSegment):
    """Whether the request took effect is not known."""


@dataclass(eq=False)
class SequencerUnavailable(_OfSegment):
    """Whether the request took effect is not known."""
