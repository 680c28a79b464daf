"""What a watch tells its caller: small values, made of the messages of the stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from holdfast.inventory.v1 import revision_pb2, stock_pb2, watch_pb2

from holdfast_client.error_base import HoldfastError

NumberKey: TypeAlias = tuple[str, str, str]
"""What a number is of: SKU, channel, location. One of the last two is empty."""

_REASON_PREFIX = "WATCH_RESET_REASON_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCause:
    """Operations of one kind that changed a number."""

    operation: str
    """What was done, such as RESERVE or PUT_RULES."""

    count: int
    """How many operations."""

    revision: revision_pb2.Revision
    """The revision of the last of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityUpdate:
    """A number as it is now. Absolute, never a difference: set it, and setting it twice does no harm."""

    sku: str

    channel: str
    """The channel that the units may be sold to; empty if the number is of a location."""

    location: str
    """The location that the units may be sold from; empty if the number is of a channel."""

    available: int
    """The units that may be promised now (ATS), never below zero."""

    backorder: int
    """The units that may be promised beyond that. Of a channel only."""

    level: stock_pb2.StockLevel | None
    """The level behind the number. Of a location only, and None if it never had the SKU."""

    version: int
    """The position that the number reflects: of two of one key, the greater version is the newer."""

    causes: tuple[ChangeCause, ...] = ()
    """What changed it since it was last handed out; empty in a snapshot. A number may be ahead of the `InStep` before
    it; then what changed it may follow with the same number once more."""

    skipped: int = 0
    """The numbers in between that were left out, because the caller or its connection was slow."""

    @property
    def key(self) -> NumberKey:
        """What the number is of: SKU, channel, location."""
        return self.sku, self.channel, self.location

    def is_as(self, other: AvailabilityUpdate) -> bool:
        """Whether both are one number, of one version and the same units, whatever each says that changed it."""
        return (self.version, self.available, self.backorder, self.level) == (
            other.version,
            other.available,
            other.backorder,
            other.level,
        )

    def after(self, overtaken: AvailabilityUpdate) -> AvailabilityUpdate:
        """This number, telling too what changed one that was never handed out."""
        left_out = 0 if self.is_as(overtaken) else 1
        return replace(
            self,
            causes=_together((*overtaken.causes, *self.causes)),
            skipped=overtaken.skipped + self.skipped + left_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityGone:
    """A number that was handed out and that there is no more: forget it. Comes after a reset only."""

    sku: str
    channel: str
    location: str

    @property
    def key(self) -> NumberKey:
        """What the number was of: SKU, channel, location."""
        return self.sku, self.channel, self.location


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReset:
    """The watch begins anew: every number follows as it is now, then those that are gone, then `InStep`.

    Numbers that you keep from an earlier run of your program, and that are not told again before `InStep`, are gone
    too: the client only knows those that it handed out itself.
    """

    reason: str
    """OTHER_LINEAGE: acknowledged operations were given up, or it is another authority. OTHER_FILTER: the stored token
    is of a watch for other numbers. FROM_THE_FUTURE: the ledger has not come as far as the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementReset:
    """The watch of movements goes on from another place than that of its token, or with another meaning.

    After OTHER_LINEAGE and FROM_THE_FUTURE, what you booked of the other history may not be so in this one: reconcile
    it, such as with a watch that begins after the last revision that both are known to have. A break right after a
    reset has it told again.
    """

    reason: str
    """OTHER_LINEAGE: acknowledged operations were given up, or it is another authority. OTHER_FILTER: the stored token
    is of a watch for other movements; of those before `revision`, what only the new filter lets pass is not told.
    FROM_THE_FUTURE: the ledger has not come as far as the token."""

    revision: revision_pb2.Revision
    """Whatever is booked after this, and passes, is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InStep:
    """Whatever was committed up to `revision` has been handed out, or is none of what is watched.

    Comes after the snapshot, after all that changed or was booked together, and, while nothing happens, every few
    seconds. The time since the last one is the age of what you know.
    """

    revision: revision_pb2.Revision
    """The point. Of numbers, given as `seen_revision` with what was sold on them."""

    revisions: tuple[revision_pb2.Revision, ...] = ()
    """The same of each segment, if the watch tells of several; `revision` is one of them."""

    resume_token: str
    """Where a watch can go on from here, and what acknowledges it for a subscription. The store is given it once your
    loop comes back for the next event; keep it yourself, in one transaction with what came before it, and nothing that
    is in your books is handed out again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfStep:
    """The authority is not heard any more: what you know ages until the next `InStep`. The client goes on trying.

    A break that the first new try mends is not told.
    """

    error: HoldfastError
    """What the last try came to."""


WatchEvent: TypeAlias = AvailabilityUpdate | AvailabilityGone | WatchReset | InStep | OutOfStep
"""One event of a watch of availability."""

MovementEvent: TypeAlias = stock_pb2.Movement | MovementReset | InStep | OutOfStep
"""One event of a watch of movements: a movement is the message of the contract, as it is."""


def update_of(change: watch_pb2.AvailabilityChange) -> AvailabilityUpdate:
    """Make the value of a number as the stream told it."""
    told = change.availability
    return AvailabilityUpdate(
        sku=told.sku,
        channel=told.channel,
        location=told.location,
        available=told.available_to_sell_quantity,
        backorder=told.backorder_quantity,
        level=told.stock_level if told.HasField("stock_level") else None,
        version=change.version,
        causes=tuple(
            ChangeCause(operation=cause.operation, count=cause.operation_count, revision=cause.revision)
            for cause in change.causes
        ),
        skipped=change.skipped_count,
    )


def in_step_of(
    place: watch_pb2.WatchSynced | watch_pb2.AvailabilityChanges | watch_pb2.WatchBookmark | watch_pb2.MovementBatch,
) -> InStep:
    """Make the value of a place that a stream told."""
    return InStep(revision=place.revision, revisions=tuple(place.revisions), resume_token=place.resume_token)


def reset_of(reset: watch_pb2.WatchReset) -> WatchReset:
    """Make the value of a reset of numbers."""
    return WatchReset(reason=_name_of(reset.reason))


def movement_reset_of(reset: watch_pb2.MovementReset) -> MovementReset:
    """Make the value of a reset of movements."""
    return MovementReset(reason=_name_of(reset.reason), revision=reset.revision)


def _name_of(reason: watch_pb2.WatchResetReason) -> str:
    """The reason in short; one that this version does not know is its number."""
    known = reason in watch_pb2.WatchResetReason.values()
    return watch_pb2.WatchResetReason.Name(reason).removeprefix(_REASON_PREFIX) if known else str(reason)


def _together(causes: Iterable[ChangeCause]) -> tuple[ChangeCause, ...]:
    """One cause for each operation; of two, the later one comes last and so gives the revision."""
    joined: dict[str, ChangeCause] = {}
    for cause in causes:
        known = joined.get(cause.operation)
        joined[cause.operation] = cause if known is None else replace(cause, count=known.count + cause.count)
    return tuple(joined.values())
