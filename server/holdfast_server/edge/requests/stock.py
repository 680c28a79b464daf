"""Commands of the RPCs about units on hand: receipts, corrections, counts, transfers and inbound plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import stock_pb2 as stock
from holdfast.inventory.v1 import supply_pb2 as supply

from holdfast_server import layouts
from holdfast_server.decide.commands import Command
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.requests.mutation import microseconds_of, mutation, time_given

_NONE: Final = -1
"""A number of units that was not given."""


def receive_stock(request: inventory.ReceiveStockRequest, caller: Caller, parked_id: str = "") -> Command:
    """Returns the command; with the id under which the request was parked, if it is asked again for that."""
    return mutation(
        request,
        caller,
        name="receive",
        arguments=(
            [
                (line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE, line.quantity)
                for line in request.lines
            ],
            request.inbound_id,
            request.park_unknown and not parked_id,
            parked_id,
        ),
        line_count=len(request.lines),
        reason=request.reason,
        reference=request.reference,
    )


def adjust_stock(request: inventory.AdjustStockRequest, caller: Caller, parked_id: str = "") -> Command:
    """Returns the command; with the id under which the request was parked, if it is asked again for that."""
    return mutation(
        request,
        caller,
        name="adjust",
        arguments=(
            [
                (line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE, line.delta_quantity)
                for line in request.lines
            ],
            request.park_unknown and not parked_id,
            parked_id,
        ),
        line_count=len(request.lines),
        reason=request.reason,
        reference=request.reference,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the ledger knows of the moment of a count, per line."""

    as_of: int
    """The position at which it was counted."""
    units: Sequence[int]
    """The units on the books then."""
    known_at: int
    """The position of the ledger in which the last counts were looked up."""
    last_counts: Sequence[bytes]
    """The position of the last count of the line's status of its level, packed; nothing if there is none."""


def count_stock(
    request: supply.CountStockRequest, caller: Caller, books: Books | None = None, parked_id: str = ""
) -> Command:
    """Returns the command. `books` is what the ledger knows of the moment of the count, if that was not now."""
    rows = [
        (
            line.sku,
            line.location,
            line.status or stock.STOCK_STATUS_SELLABLE,
            line.counted_quantity,
            line.expected_quantity if line.HasField("expected_quantity") else _NONE,
            _NONE if books is None else books.units[index],
        )
        for index, line in enumerate(request.lines)
    ]
    command = mutation(
        request,
        caller,
        name="count",
        arguments=(rows, request.park_unknown and not parked_id, parked_id, _NONE if books is None else books.as_of),
        line_count=len(rows),
        reason=request.reason,
        reference=request.reference,
    )
    if books is None:
        return command
    counts = tuple(
        (layouts.RECALLED_COUNT, f"{sku}|{location}|{status}", books.known_at, counted)
        for (sku, location, status, *_), counted in zip(rows, books.last_counts, strict=True)
    )
    return command._replace(recalled=counts)


def move_status(request: fulfillment.MoveStatusRequest, caller: Caller) -> Command:
    rows = [
        (line.sku, line.location, int(line.from_status), int(line.to_status), line.quantity) for line in request.lines
    ]
    return mutation(
        request,
        caller,
        name="move_status",
        arguments=(rows,),
        line_count=len(rows),
        reason=request.reason,
        reference=request.reference,
    )


def plan_inbound(request: supply.PlanInboundRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="plan_inbound",
        arguments=(
            request.inbound_id,
            request.location,
            microseconds_of(request.expected_time),
            [(line.sku, line.quantity) for line in request.lines],
        ),
        line_count=max(1, len(request.lines)),
        reason=request.reason,
    )


def ship_transfer(request: supply.ShipTransferRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="ship_transfer",
        arguments=(
            request.transfer_id,
            request.from_location,
            request.to_location,
            time_given(request, "expected_time"),
            [(line.sku, line.quantity) for line in request.lines],
        ),
        line_count=len(request.lines) * 2,
        reason=request.reason,
    )


def receive_transfer(request: supply.ReceiveTransferRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="receive_transfer",
        arguments=(
            request.transfer_id,
            [
                (line.sku, line.received_quantity, line.lost_quantity, line.status or stock.STOCK_STATUS_SELLABLE)
                for line in request.lines
            ],
        ),
        line_count=max(1, len(request.lines)),
        reason=request.reason,
    )
