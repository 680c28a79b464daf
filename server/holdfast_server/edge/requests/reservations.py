"""Commands of the RPCs about reservations, and the question what may be sold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import revision_pb2

from holdfast_server.decide.commands import Command
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.ids import new_reservation_id
from holdfast_server.edge.requests.mutation import MICROSECONDS, microseconds_of, mutation, time_given
from holdfast_server.refusals import UnknownSegment
from holdfast_server.settings import Settings
from holdfast_server.watch.changes import Key


def position_in(segment: str, revision: revision_pb2.Revision) -> int:
    """Returns the position of a revision of this segment. Raises UnknownSegment for one of another."""
    if revision.segment != segment:
        raise UnknownSegment(revision.segment)
    position: int = revision.position
    return position


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOf:
    """A part of a demand over several segments, as its plan has it."""

    reservation_id: str
    ttl_us: int
    not_after_us: int
    """It comes by then or not at all: after that the plan may have been given up. 0: at any time."""


def create_reservation(
    request: inventory.CreateReservationRequest,
    caller: Caller,
    settings: Settings,
    *,
    only_all: bool = False,
    part: PartOf | None = None,
) -> Command:
    """Returns the command of a demand; with `only_all` the one that is refused unless all of it is there now.

    Raises UnknownSegment if the revision that the channel has seen is one of a segment that is not here.
    """
    options = _options(request, settings, only_all=only_all)
    if part is not None and part.not_after_us:
        options["not_after_us"] = part.not_after_us
    return mutation(
        request,
        caller,
        name="reserve",
        arguments=(
            request.channel,
            request.order_id,
            part.ttl_us if part else ttl_us_of(request, settings),
            request.allow_split,
            request.fill_policy == inventory.FILL_POLICY_PARTIAL and not only_all,
            [(line.sku, line.quantity, line.location) for line in request.lines],
            part.reservation_id if part else new_reservation_id(settings.segment),
            caller.name,
            options,
        ),
        line_count=len(request.lines),
    )


def ttl_us_of(request: inventory.CreateReservationRequest, settings: Settings) -> int:
    """Returns how long a hold is to last, in microseconds."""
    if request.HasField("ttl"):
        return microseconds_of(request.ttl)
    return settings.default_ttl_seconds * MICROSECONDS


def _options(request: inventory.CreateReservationRequest, settings: Settings, *, only_all: bool) -> dict[str, Any]:
    """Returns what few reservations ask for; only what is asked for costs anything."""
    options: dict[str, Any] = {}
    if request.demand == inventory.DEMAND_KIND_TOLD:
        options["told"] = True
    if request.customer_id:
        options["customer_id"] = request.customer_id
    if request.allow_backorder and not only_all:
        options["allow_backorder"] = True
    if request.allow_substitution and not only_all:
        options["allow_substitution"] = True
    if request.HasField("sourcing"):
        sourcing = request.sourcing
        if sourcing.order:
            options["order"] = int(sourcing.order)
        if sourcing.destination:
            options["destination"] = sourcing.destination
        if sourcing.prefer_ship_complete:
            options["ship_complete"] = True
    # What was seen of another segment says nothing of the units of this one, and is no reason to refuse a sale.
    elsewhere = set(settings.segment_names) - {settings.segment}
    if request.HasField("seen_revision") and request.seen_revision.segment not in elsewhere:
        options["seen_position"] = position_in(settings.segment, request.seen_revision)
    return options


def commit_reservation(request: inventory.CommitReservationRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="commit",
        arguments=(request.reservation_id,),
        reservation_id=request.reservation_id,
    )


def extend_reservation(request: inventory.ExtendReservationRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="extend",
        arguments=(request.reservation_id, microseconds_of(request.ttl)),
        reservation_id=request.reservation_id,
    )


def release_reservation(request: inventory.ReleaseReservationRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="release",
        arguments=(request.reservation_id, [(line.line_number, line.quantity) for line in request.lines]),
        reservation_id=request.reservation_id,
        reason=request.reason,
    )


def transfer_reservation(request: fulfillment.TransferReservationRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="transfer_reservation",
        arguments=(
            request.reservation_id,
            [(line.line_number, line.quantity, line.location, line.pool) for line in request.lines],
        ),
        line_count=len(request.lines),
        reservation_id=request.reservation_id,
        reason=request.reason,
    )


def post_fulfillment(request: fulfillment.PostFulfillmentRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="fulfill",
        arguments=(
            request.reservation_id,
            [(line.line_number, line.quantity, line.location, line.missing_quantity) for line in request.lines],
            request.source_missing_anew,
            request.release_rest,
            request.take_reserved,
        ),
        line_count=max(1, len(request.lines)),
        reservation_id=request.reservation_id,
        reason=request.reason,
        reference=request.reference,
    )


def process_return(request: fulfillment.ProcessReturnRequest, caller: Caller) -> Command:
    """Returns the command of the step that the return takes: its receipt or its inspection."""
    if request.WhichOneof("step") == "receipt":
        receipt = request.receipt
        return mutation(
            request,
            caller,
            name="return_stock",
            arguments=(
                request.return_id,
                receipt.location,
                receipt.reservation_id,
                receipt.accept_blind,
                [(line.line_number, line.sku, line.quantity) for line in receipt.lines],
            ),
            line_count=len(receipt.lines),
            reservation_id=receipt.reservation_id,
            reason=request.reason,
        )
    rows = [
        (line.line_number, line.sellable_quantity, line.damaged_quantity, line.vendor_quantity)
        for line in request.inspection.lines
    ]
    return mutation(
        request,
        caller,
        name="inspect_return",
        arguments=(request.return_id, rows),
        line_count=len(rows),
        reason=request.reason,
    )


def availability(keys: Any) -> Command:
    """Returns the question what may be sold now, for AvailabilityKey messages."""
    rows = [(key.sku, key.channel, key.location, time_given(key, "promise_time")) for key in keys]
    return Command(name="availability", arguments=(rows, False), line_count=len(rows))


def watched_availability(keys: Sequence[Key]) -> Command:
    """Returns the question what may be sold now of what exists, of those who watch."""
    rows = [(key.sku, key.channel, key.location, 0) for key in keys]
    return Command(name="availability", arguments=(rows, True), line_count=len(rows))
