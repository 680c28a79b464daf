"""Translates the tagged results of the tick script into decisions and typed refusals. One place, one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast_server import layouts, refusals
from holdfast_server.decide.commands import Command, Decision, Reading
from holdfast_server.decide.packing import as_bytes
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Reservation, ReservationState
from holdfast_server.settings import Settings

_STATUS_NAMES: Final = {number: name for name, number in layouts.STATUSES.items()}
_STATE_NAMES: Final = {number: name for name, number in layouts.STATES.items()}
_KIND_NAMES: Final = {number: name for name, number in layouts.DOCUMENT_KINDS.items()}
_SCOPE_NAMES: Final = {1: "CUSTOMER", 2: "CALLER"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Unanswered(Exception):
    """What a command came to that is neither an answer nor a refusal: somebody else has to go on with it."""


class NotLive(Unanswered):
    """The sequencer holds no live reservation of this id; the ledger knows what became of it, if it ever was."""


class Recall(Unanswered):
    """The command names something that has ended; the ledger must be asked for it before the command can be decided."""

    def __init__(self, kind: int, document_id: str) -> None:
        super().__init__(kind, document_id)
        self.kind = kind
        """A number of layouts.DOCUMENT_KINDS, or 0 for a reservation."""
        self.id = document_id


class Reused(Unanswered):
    """The request_id took effect before with another body; the ledger knows with which."""


class SplitMoved(Unanswered):
    """A demand over several segments stands elsewhere than the move needs: in this phase."""

    def __init__(self, phase: int) -> None:
        super().__init__(phase)
        self.phase = SplitPhase(phase)


class TooLate(Unanswered):
    """A part of a plan came when the plan may have been given up; nothing was reserved, nor will be."""


class LookUp(Unanswered):
    """The request_id must be looked up in the ledger before it can be decided."""


def time_text(microseconds: int) -> str:
    """Returns a time as RFC 3339 text."""
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _insufficient(_: Command, __: Settings, short_lines: list[Any], offers: Iterable[Any] = ()) -> refusals.Refusal:
    return refusals.InsufficientStock(
        [
            refusals.ShortLine(sku=sku, location=location, requested=requested, available=available)
            for sku, location, requested, available in short_lines
        ],
        [
            refusals.Offer(sku=sku, substitute_sku=substitute_sku, available=available)
            for sku, substitute_sku, available in offers
        ],
    )


def _below_zero(
    _: Command, __: Settings, sku: str, location: str, status: int, delta: int, on_hand: int
) -> refusals.Refusal:
    return refusals.AdjustmentBelowZero(sku, location, _STATUS_NAMES[status], delta, on_hand)


def _exceeds(
    _: Command, __: Settings, kind: int, document_id: str, line: str | int, requested: int, still_open: int
) -> refusals.Refusal:
    return refusals.ExceedsDocument(_KIND_NAMES[kind], document_id, str(line), requested, still_open)


def _ahead(_: Command, settings: Settings) -> refusals.Refusal:
    return refusals.InvalidField(
        [
            refusals.Violation(
                field="request_id",
                description=(
                    "is a UUIDv7 whose time lies more than "
                    f"{settings.max_request_id_ahead_seconds} seconds ahead of the server's clock"
                ),
            )
        ]
    )


_REFUSALS: Final[dict[str, Callable[..., refusals.Refusal]]] = {
    "INSUFFICIENT_STOCK": _insufficient,
    "UNKNOWN_SKU": lambda _, __, sku: refusals.UnknownSku(sku),
    "UNKNOWN_LOCATION": lambda _, __, location: refusals.UnknownLocation(location),
    "UNKNOWN_POOL": lambda _, __, pool: refusals.UnknownPool(pool),
    "UNKNOWN_CHANNEL": lambda _, __, channel: refusals.UnknownChannel(channel),
    "UNKNOWN_DESTINATION": lambda _, __, destination: refusals.UnknownDestination(destination),
    "UNKNOWN_RESERVATION": lambda _, __, reservation_id: refusals.UnknownReservation(reservation_id),
    "UNKNOWN_DOCUMENT": lambda _, __, kind, document_id: refusals.UnknownDocument(_KIND_NAMES[kind], document_id),
    "ITEM_INACTIVE": lambda _, __, sku: refusals.ItemInactive(sku),
    "KIT_CONFLICT": lambda _, __, sku, rule: refusals.KitConflict(sku, rule),
    "HOLD_LIMIT_REACHED": lambda _, __, scope, name, most: refusals.HoldLimitReached(_SCOPE_NAMES[scope], name, most),
    "ALLOTMENT_TOO_SMALL": lambda _, __, sku, channel, requested, movable: refusals.AllotmentTooSmall(
        sku, channel, requested, movable
    ),
    "LOCATION_NOT_IN_POOL": lambda command, _, location: refusals.LocationNotInPool(command.arguments[0], location),
    "ALREADY_COMMITTED": lambda command, _, update_us: refusals.AlreadyCommitted(
        command.reservation_id, "COMMITTED", time_text(update_us)
    ),
    "UNKNOWN_LINE": lambda command, _, number: refusals.UnknownLine(command.reservation_id, number),
    "RELEASE_EXCEEDS_OPEN": lambda command, _, number, requested, still_open: refusals.ReleaseExceedsOpen(
        command.reservation_id, number, requested, still_open
    ),
    "NOT_COMMITTED": lambda command, _, state: refusals.NotCommitted(command.reservation_id, _STATE_NAMES[state]),
    "FULFILLMENT_EXCEEDS_OPEN": lambda command, _, number, requested, still_open: refusals.FulfillmentExceedsOpen(
        command.reservation_id, number, requested, still_open
    ),
    "RETURN_EXCEEDS_FULFILLED": lambda _, __, sku, number, requested, returnable: refusals.ReturnExceedsFulfilled(
        sku, number, requested, returnable
    ),
    "DOCUMENT_CLOSED": lambda _, __, kind, document_id: refusals.DocumentClosed(_KIND_NAMES[kind], document_id),
    "DOCUMENT_EXISTS": lambda _, __, kind, document_id: refusals.DocumentExists(_KIND_NAMES[kind], document_id),
    "EXCEEDS_DOCUMENT": _exceeds,
    "COUNTED_SINCE": lambda _, __, sku, location, as_of, counted: refusals.CountedSince(sku, location, as_of, counted),
    "QUANTITY_CHANGED": lambda _, __, sku, location, expected, actual: refusals.QuantityChanged(
        sku, location, expected, actual
    ),
    "ADJUSTMENT_BELOW_ZERO": _below_zero,
    "QUANTITY_OVERFLOW": lambda _, __, sku, location: refusals.QuantityOverflow(sku, location),
    "SCALE_IN_USE": lambda _, __, sku, scale: refusals.ScaleInUse(sku, scale),
    "LIMIT_EXCEEDED": lambda _, __, limit, value: refusals.LimitExceeded(limit, value),
    "REQUEST_ID_TOO_OLD": lambda command, settings: refusals.RequestIdTooOld(
        command.request_id, settings.request_retention_seconds
    ),
    "REQUEST_ID_AHEAD": _ahead,
}


def answer_of(command: Command, settings: Settings, result: list[Any]) -> Decision | Reading:
    """Returns what a result says, or raises what it refuses."""
    tag, *rest = result
    if tag in ("DONE", "REPLAYED"):
        decided_at, reservation, extra = rest
        return Decision(
            position=decided_at,
            reservation=as_bytes(reservation),
            extra=as_bytes(extra),
            replayed=tag == "REPLAYED",
        )
    if tag == "READ":
        answers, position = rest
        return Reading(position=position, answers=answers)
    if tag == "LOOK_UP":
        raise LookUp
    if tag == "REUSED":
        raise Reused
    if tag == "RECALL":
        raise Recall(*rest)
    reason, *data = rest
    if reason == "NOT_LIVE":
        raise NotLive
    if reason == "TOO_LATE":
        raise TooLate
    if reason == "SPLIT_MOVED":
        raise SplitMoved(*data)
    raise _REFUSALS[reason](command, settings, *data)


def why_not_live(reservation_id: str, reservation: Reservation | None) -> refusals.Refusal:
    """Returns the refusal for a reservation that has ended, or that never was."""
    if reservation is None:
        return refusals.UnknownReservation(reservation_id)
    resolve_time = time_text(reservation.update_us)
    if reservation.state is ReservationState.EXPIRED:
        return refusals.ReservationExpired(reservation_id, "EXPIRED", resolve_time)
    return refusals.AlreadyReleased(reservation_id, reservation.state.name, resolve_time)
