"""The requests of the inventory service, made of the plain values that a caller has at hand."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.inventory.v1 import inventory_service_pb2, reservation_pb2, revision_pb2

from holdfast_client.moments import Moment, duration_of, timestamp_of
from holdfast_client.request_ids import new_request_id

Demand = inventory_service_pb2.DemandLine | tuple[str, int] | tuple[str, int, str]
"""A line of demand: a DemandLine, or (SKU, units), or (SKU, units, location)."""

Release = inventory_service_pb2.ReleaseLine | int | tuple[int, int]
"""A line to give back: a ReleaseLine, or a line's number for all that is open of it, or (number, units)."""

Receipt = inventory_service_pb2.ReceiptLine | tuple[str, int, str]
"""Units that came in: a ReceiptLine, or (SKU, units, location) for sellable ones."""

Adjustment = inventory_service_pb2.AdjustmentLine | tuple[str, int, str]
"""A correction: an AdjustmentLine, or (SKU, units to add or to take away, location) of sellable ones."""


def reservation_request(
    *,
    channel: str,
    lines: Iterable[Demand],
    order_id: str = "",
    ttl_seconds: float | None = None,
    allow_split: bool = False,
    partial: bool = False,
    told: bool = False,
    customer_id: str = "",
    allow_backorder: bool = False,
    allow_substitution: bool = False,
    sourcing: reservation_pb2.Sourcing | None = None,
    seen_revision: revision_pb2.Revision | None = None,
    request_id: str | None = None,
) -> inventory_service_pb2.CreateReservationRequest:
    """Make the request that sets units aside, as `batch_create_reservations` takes many of.

    The parameters are those of `HoldfastClient.create_reservation`.
    """
    request = inventory_service_pb2.CreateReservationRequest(
        request_id=request_id or new_request_id(),
        channel=channel,
        order_id=order_id,
        lines=[demand_line(line) for line in lines],
        fill_policy=_fill_policy(partial=partial, told=told),
    )
    # What few reservations ask for costs those nothing that do not.
    if ttl_seconds is not None:
        request.ttl.CopyFrom(duration_of(ttl_seconds))
    if allow_split:
        request.allow_split = True
    if told:
        request.demand = inventory_service_pb2.DEMAND_KIND_TOLD
    if customer_id:
        request.customer_id = customer_id
    if allow_backorder:
        request.allow_backorder = True
    if allow_substitution:
        request.allow_substitution = True
    if sourcing is not None:
        request.sourcing.CopyFrom(sourcing)
    if seen_revision is not None:
        request.seen_revision.CopyFrom(seen_revision)
    return request


def _fill_policy(*, partial: bool, told: bool) -> inventory_service_pb2.FillPolicy | None:
    if partial:
        return inventory_service_pb2.FILL_POLICY_PARTIAL
    # What was sold already is reserved whole in any case: there is no policy to choose.
    return None if told else inventory_service_pb2.FILL_POLICY_ALL_OR_NOTHING


def sourcing_order(
    *, nearest_to: str = "", most_stock: bool = False, ship_complete: bool = False
) -> reservation_pb2.Sourcing:
    """Say how lines are sourced that name no location. With nothing said, in the order of the pool.

    Args:
        nearest_to: The nearest location first, by the distances that are declared for this destination.
        most_stock: The location with the most units first. Not together with `nearest_to`.
        ship_complete: All sourced lines come from one location, if one has them all.
    """
    if nearest_to and most_stock:
        raise ValueError("locations are drawn from in one order: give one of nearest_to and most_stock")
    order = reservation_pb2.SOURCING_ORDER_POOL
    if nearest_to:
        order = reservation_pb2.SOURCING_ORDER_NEAREST
    if most_stock:
        order = reservation_pb2.SOURCING_ORDER_MOST_STOCK
    return reservation_pb2.Sourcing(order=order, destination=nearest_to, prefer_ship_complete=ship_complete)


def availability_key(
    sku: str, *, channel: str | None = None, location: str | None = None, promise_time: Moment | None = None
) -> inventory_service_pb2.AvailabilityKey:
    """Name one availability: of a SKU, to a channel or from a location. Exactly one must be given.

    With a `promise_time` the answer says too how many units can be promised for the day of it (a day of UTC).
    """
    if (channel is None) == (location is None):
        raise ValueError("an availability is to a channel or from a location: give exactly one of the two")
    return inventory_service_pb2.AvailabilityKey(
        sku=sku, channel=channel, location=location, promise_time=timestamp_of(promise_time)
    )


def demand_line(line: Demand) -> inventory_service_pb2.DemandLine:
    """Make the message of a line of demand; one that is a message already is passed on."""
    if not isinstance(line, tuple):
        return line
    if len(line) == 2:
        return inventory_service_pb2.DemandLine(sku=line[0], quantity=line[1])
    sku, quantity, location = line
    return inventory_service_pb2.DemandLine(sku=sku, quantity=quantity, location=location)


def release_line(line: Release) -> inventory_service_pb2.ReleaseLine:
    """Make the message of a line to give back; one that is a message already is passed on."""
    if isinstance(line, int):
        return inventory_service_pb2.ReleaseLine(line_number=line)
    if isinstance(line, tuple):
        return inventory_service_pb2.ReleaseLine(line_number=line[0], quantity=line[1])
    return line


def receipt_line(line: Receipt) -> inventory_service_pb2.ReceiptLine:
    """Make the message of units that came in; one that is a message already is passed on."""
    if not isinstance(line, tuple):
        return line
    sku, quantity, location = line
    return inventory_service_pb2.ReceiptLine(sku=sku, quantity=quantity, location=location)


def adjustment_line(line: Adjustment) -> inventory_service_pb2.AdjustmentLine:
    """Make the message of a correction; one that is a message already is passed on."""
    if not isinstance(line, tuple):
        return line
    sku, delta_quantity, location = line
    return inventory_service_pb2.AdjustmentLine(sku=sku, delta_quantity=delta_quantity, location=location)
