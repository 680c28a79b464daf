"""Turns values of the trade into the messages of the contract. Nothing is decided here."""

from __future__ import annotations

from typing import Any, Final

import msgpack
from google.protobuf import timestamp_pb2
from holdfast.inventory.v1 import audit_service_pb2, catalog_pb2, inventory_service_pb2, reservation_pb2, revision_pb2
from holdfast.inventory.v1 import stock_pb2 as stock

from holdfast_server import layouts, records

_MICROSECONDS: Final = 1_000_000
_RESERVATION_FIELDS: Final = len(layouts.RESERVATION)


def timestamp(microseconds: int) -> timestamp_pb2.Timestamp:
    """Returns a time on the segment's clock."""
    seconds, rest = divmod(microseconds, _MICROSECONDS)
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=rest * 1000)


def revision(segment: str, position: int) -> revision_pb2.Revision:
    return revision_pb2.Revision(segment=segment, position=position)


def stock_level(level: records.StockLevel) -> stock.StockLevel:
    return stock.StockLevel(
        sku=level.sku,
        location=level.location,
        sellable_quantity=level.sellable,
        quality_hold_quantity=level.quality_hold,
        damaged_quantity=level.damaged,
        held_quantity=level.held,
        committed_quantity=level.committed,
        net_quantity=level.net,
        version=level.version,
        backordered_quantity=level.backordered,
        in_transit_quantity=level.in_transit,
        safety_stock_quantity=level.safety,
    )


def availability(key: inventory_service_pb2.AvailabilityKey, answer: list[Any]) -> stock.Availability:
    """Returns the message of what the sequencer answers to one key of an availability question."""
    available, fields, backorder, promise, safety = answer
    message = stock.Availability(
        sku=key.sku,
        channel=key.channel,
        location=key.location,
        available_to_sell_quantity=available,
        backorder_quantity=backorder,
    )
    if fields:
        message.stock_level.CopyFrom(stock_level(records.level_of(key.sku, key.location, fields, safety)))
    if promise >= 0:
        message.available_to_promise_quantity = promise
    return message


def fill_timestamp(message: timestamp_pb2.Timestamp, microseconds: int) -> None:
    """Fills in a time on the segment's clock."""
    message.seconds, rest = divmod(microseconds, _MICROSECONDS)
    message.nanos = rest * 1000


def fill_revision(message: revision_pb2.Revision, segment: str, position: int) -> None:
    message.segment = segment
    message.position = position


def reservation(segment: str, value: records.Reservation) -> reservation_pb2.Reservation:
    message = reservation_pb2.Reservation()
    fill_reservation(message, segment, records.pack_reservation(value))
    return message


def fill_reservation(message: reservation_pb2.Reservation, segment: str, packed: bytes) -> None:
    """Fills the message of a packed reservation in where the answer has it.

    Every answer of the reservation RPCs passes here, in batches hundreds of them. So there is no value of the trade in
    between, and no message that is made to be copied into another: either would double the cost. What few reservations
    have costs the others next to nothing.
    """
    fields = msgpack.unpackb(packed, raw=False)
    if len(fields) != _RESERVATION_FIELDS:
        # An outcome from before the record grew.
        fields = msgpack.unpackb(records.pack_reservation(records.unpack_reservation(packed)), raw=False)
    reservation_id, _, state, channel, order_id, create_us, expire_us, update_us, position, *rest = fields
    _, customer_id, _, told, lines = rest
    message.reservation_id = reservation_id
    message.state = state
    message.channel = channel
    message.order_id = order_id
    fill_timestamp(message.create_time, create_us)
    fill_timestamp(message.update_time, update_us)
    fill_revision(message.revision, segment, position)
    if expire_us:
        fill_timestamp(message.expire_time, expire_us)
    if customer_id:
        message.customer_id = customer_id
    if told:
        message.told = True
    for number, line in enumerate(lines, start=1):
        _add_line(message, number, *line)


def _add_line(
    message: reservation_pb2.Reservation,
    number: int,
    sku: str,
    location: str,
    quantity: int,
    ordered_sku: str,
    sourcing: int,
    expected_us: int,
    still_open: int,
    released: int,
    expired: int,
    fulfilled: int,
    transferred: int,
    returned: int,
    backordered: int,
    _: int,
) -> None:
    """Adds a line, in the order of layouts.LINE."""
    added = message.lines.add(
        line_number=number,
        sku=sku,
        location=location,
        quantity=quantity,
        open_quantity=still_open,
        sourcing_reason=sourcing,
    )
    if released or expired or fulfilled or transferred or returned or backordered:
        added.released_quantity = released
        added.expired_quantity = expired
        added.fulfilled_quantity = fulfilled
        added.transferred_quantity = transferred
        added.returned_quantity = returned
        added.backordered_quantity = backordered
    if still_open and sourcing in layouts.UNSETTLED_SOURCING:
        added.location_unsettled = True
    if ordered_sku:
        added.ordered_sku = ordered_sku
    if expected_us:
        fill_timestamp(added.expected_time, expected_us)


def shortfall(value: records.Shortfall) -> inventory_service_pb2.Shortfall:
    return inventory_service_pb2.Shortfall(
        sku=value.sku,
        location=value.location,
        requested_quantity=value.requested,
        reserved_quantity=value.reserved,
    )


def movement(segment: str, value: records.Movement) -> stock.Movement:
    return stock.Movement(
        revision=revision(segment, value.position),
        line_number=value.line_number,
        kind=value.kind,  # type: ignore[arg-type]
        decide_time=timestamp(value.decide_us),
        sellable_delta=value.sellable_delta,
        quality_hold_delta=value.quality_hold_delta,
        damaged_delta=value.damaged_delta,
        held_delta=value.held_delta,
        committed_delta=value.committed_delta,
        balance=stock_level(value.balance),
        reservation_id=value.reservation_id,
        order_id=value.order_id,
        channel=value.channel,
        reason=value.reason,
        reference=value.reference,
        caller=value.caller,
        on_behalf_of=value.on_behalf_of,
        request_id=value.request_id,
        trace_parent=value.trace_parent,
        backordered_delta=value.backordered_delta,
        in_transit_delta=value.in_transit_delta,
        document_id=value.document_id,
    )


def item(value: records.Item) -> catalog_pb2.Item:
    return catalog_pb2.Item(
        sku=value.sku,
        display_name=value.display_name,
        base_unit=value.base_unit,
        scale=value.scale,
        inactive=value.inactive,
        parts=[catalog_pb2.KitPart(sku=sku, quantity=quantity) for sku, quantity in value.parts],
    )


def location(segment: str, value: records.Location) -> catalog_pb2.Location:
    return catalog_pb2.Location(
        location=value.location,
        display_name=value.display_name,
        kind=value.kind,  # type: ignore[arg-type]
        segment=segment,
    )


def pool(value: records.Pool) -> catalog_pb2.Pool:
    return catalog_pb2.Pool(pool=value.pool, display_name=value.display_name, locations=value.locations)


def channel(segment: str, value: records.Channel) -> catalog_pb2.Channel:
    return catalog_pb2.Channel(channel=value.channel, display_name=value.display_name, pool=value.pool, segment=segment)


def segment(value: records.Segment) -> audit_service_pb2.Segment:
    return audit_service_pb2.Segment(
        segment=value.segment,
        state=int(value.state),  # type: ignore[arg-type]
        state_reason=value.state_reason,
        lineage=value.lineage,
        epoch=value.epoch,
        position=value.position,
        decide_time=timestamp(value.clock_us) if value.clock_us else None,
        heartbeat_time=timestamp(value.heartbeat_us),
    )
