"""Counts, inbound plans and transfers, made of the plain values that a caller has at hand."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.inventory.v1 import revision_pb2, supply_pb2

from holdfast_client.moments import Moment, timestamp_of
from holdfast_client.request_ids import new_request_id

Count = supply_pb2.CountLine | tuple[str, int, str]
"""What was counted: a CountLine, or (SKU, units, location) of sellable ones."""

Expected = supply_pb2.InboundLine | tuple[str, int]
"""What is expected: an InboundLine, or (SKU, units)."""

Shipped = supply_pb2.TransferLine | tuple[str, int]
"""What leaves for another location: a TransferLine, or (SKU, units)."""

Arrived = supply_pb2.TransferReceiptLine | tuple[str, int] | tuple[str, int, int]
"""What arrived: a TransferReceiptLine, or (SKU, units), or (SKU, units, units that were lost on the way)."""


def count_request(
    lines: Iterable[Count],
    *,
    as_of: revision_pb2.Revision | Moment | None = None,
    reason: str = "",
    reference: str = "",
    park_unknown: bool = False,
    request_id: str | None = None,
) -> supply_pb2.CountStockRequest:
    """Make the request that sets units on hand to what was counted, as `stream_counts` takes many of.

    The parameters are those of `HoldfastClient.count_stock`.
    """
    request = supply_pb2.CountStockRequest(
        request_id=request_id or new_request_id(),
        lines=[_count_line(line) for line in lines],
        reason=reason,
        reference=reference,
        park_unknown=park_unknown,
    )
    if isinstance(as_of, revision_pb2.Revision):
        request.as_of_revision.CopyFrom(as_of)
    elif (counted_at := timestamp_of(as_of)) is not None:
        request.as_of_time.CopyFrom(counted_at)
    return request


def inbound_line(line: Expected) -> supply_pb2.InboundLine:
    """Make the message of what is expected; one that is a message already is passed on."""
    return supply_pb2.InboundLine(sku=line[0], quantity=line[1]) if isinstance(line, tuple) else line


def transfer_line(line: Shipped) -> supply_pb2.TransferLine:
    """Make the message of what leaves; one that is a message already is passed on."""
    return supply_pb2.TransferLine(sku=line[0], quantity=line[1]) if isinstance(line, tuple) else line


def transfer_receipt_line(line: Arrived) -> supply_pb2.TransferReceiptLine:
    """Make the message of what arrived; one that is a message already is passed on."""
    if not isinstance(line, tuple):
        return line
    sku, received, lost = (*line, 0)[:3]
    return supply_pb2.TransferReceiptLine(sku=sku, received_quantity=received, lost_quantity=lost)


def _count_line(line: Count) -> supply_pb2.CountLine:
    if not isinstance(line, tuple):
        return line
    sku, counted_quantity, location = line
    return supply_pb2.CountLine(sku=sku, counted_quantity=counted_quantity, location=location)
