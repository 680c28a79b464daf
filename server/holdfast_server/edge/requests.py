"""Turns requests of the contract into commands for the decider. Nothing is decided here."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from google.protobuf.message import Message
from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import stock_pb2 as stock

from holdfast_server.decide.commands import Command
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.ids import id_time_us, new_reservation_id
from holdfast_server.records import Request
from holdfast_server.settings import Settings

_MICROSECONDS: Final = 1_000_000
_FINGERPRINT_BYTES: Final = 16


def _mutation(
    request: Any,
    caller: Caller,
    *,
    name: str,
    arguments: tuple[Any, ...],
    line_count: int = 1,
    reservation_id: str = "",
    reason: str = "",
    reference: str = "",
) -> Command:
    """Returns the command of a request that changes something, with its identity and its origin."""
    message: Message = request
    # What this server does not know is neither remembered nor compared.
    message.DiscardUnknownFields()
    method = message.DESCRIPTOR.name.removesuffix("Request")
    body = message.SerializeToString(deterministic=True)
    request_id = request.request_id
    time_us = id_time_us(request_id)
    fingerprint = hashlib.blake2b(method.encode() + b"\0" + body, digest_size=_FINGERPRINT_BYTES).digest()
    origin = Request(
        request_id=request_id,
        id_time_us=time_us,
        fingerprint=fingerprint,
        method=method,
        body=body,
        caller=caller.name,
        on_behalf_of=caller.on_behalf_of,
        trace_parent=caller.trace_parent,
        reason=reason,
        reference=reference,
    )
    return Command(
        name=name,
        arguments=arguments,
        line_count=line_count,
        request_id=request_id,
        id_time_us=time_us,
        method=method,
        fingerprint=fingerprint,
        request=origin.packed(),
        reservation_id=reservation_id,
    )


def create_reservation(request: inventory.CreateReservationRequest, caller: Caller, settings: Settings) -> Command:
    ttl_us = settings.default_ttl_seconds * _MICROSECONDS
    if request.HasField("ttl"):
        ttl_us = request.ttl.seconds * _MICROSECONDS + request.ttl.nanos // 1000
    return _mutation(
        request,
        caller,
        name="reserve",
        arguments=(
            request.channel,
            request.order_id,
            ttl_us,
            request.allow_split,
            request.fill_policy == inventory.FILL_POLICY_PARTIAL,
            [(line.sku, line.quantity, line.location) for line in request.lines],
            new_reservation_id(settings.segment),
        ),
        line_count=len(request.lines),
    )


def commit_reservation(request: inventory.CommitReservationRequest, caller: Caller) -> Command:
    return _mutation(
        request,
        caller,
        name="commit",
        arguments=(request.reservation_id,),
        reservation_id=request.reservation_id,
    )


def extend_reservation(request: inventory.ExtendReservationRequest, caller: Caller) -> Command:
    ttl_us = request.ttl.seconds * _MICROSECONDS + request.ttl.nanos // 1000
    return _mutation(
        request,
        caller,
        name="extend",
        arguments=(request.reservation_id, ttl_us),
        reservation_id=request.reservation_id,
    )


def release_reservation(request: inventory.ReleaseReservationRequest, caller: Caller) -> Command:
    return _mutation(
        request,
        caller,
        name="release",
        arguments=(request.reservation_id, [(line.line_number, line.quantity) for line in request.lines]),
        reservation_id=request.reservation_id,
        reason=request.reason,
    )


def receive_stock(request: inventory.ReceiveStockRequest, caller: Caller) -> Command:
    return _mutation(
        request,
        caller,
        name="receive",
        arguments=(
            [
                (line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE, line.quantity)
                for line in request.lines
            ],
        ),
        line_count=len(request.lines),
        reason=request.reason,
        reference=request.reference,
    )


def adjust_stock(request: inventory.AdjustStockRequest, caller: Caller) -> Command:
    return _mutation(
        request,
        caller,
        name="adjust",
        arguments=(
            [
                (line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE, line.delta_quantity)
                for line in request.lines
            ],
        ),
        line_count=len(request.lines),
        reason=request.reason,
        reference=request.reference,
    )


def put_items(request: catalog.PutItemsRequest, caller: Caller) -> Command:
    rows = [(item.sku, item.display_name, item.base_unit or "piece", item.scale) for item in request.items]
    return _mutation(request, caller, name="put_items", arguments=(rows,), line_count=len(rows))


def put_locations(request: catalog.PutLocationsRequest, caller: Caller) -> Command:
    rows = [(place.location, place.display_name, int(place.kind)) for place in request.locations]
    return _mutation(request, caller, name="put_locations", arguments=(rows,), line_count=len(rows))


def put_pools(request: catalog.PutPoolsRequest, caller: Caller) -> Command:
    rows = [(pool.pool, pool.display_name, list(pool.locations)) for pool in request.pools]
    weight = sum(len(pool.locations) for pool in request.pools) + len(rows)
    return _mutation(request, caller, name="put_pools", arguments=(rows,), line_count=weight)


def put_channels(request: catalog.PutChannelsRequest, caller: Caller) -> Command:
    rows = [(channel.channel, channel.display_name, channel.pool) for channel in request.channels]
    return _mutation(request, caller, name="put_channels", arguments=(rows,), line_count=len(rows))


def availability(keys: Any) -> Command:
    """Returns the question what may be sold now, for AvailabilityKey messages."""
    rows = [(key.sku, key.channel, key.location) for key in keys]
    return Command(name="availability", arguments=(rows,), line_count=len(rows))
