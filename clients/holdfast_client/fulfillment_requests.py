"""What follows a reservation, made of the plain values that a caller has at hand."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.inventory.v1 import fulfillment_pb2, stock_pb2

Fulfillment = fulfillment_pb2.FulfillmentLine | int | tuple[int, int] | tuple[int, int, str]
"""What left: a FulfillmentLine, or a line's number for all that is there of it, or (number, units), or
(number, units, location) where they left from elsewhere."""

ReservationTransfer = fulfillment_pb2.ReservationTransferLine | tuple[int, str] | tuple[int, int, str]
"""What is reserved elsewhere: a ReservationTransferLine, or (number, location) for all that is open of a line, or
(number, units, location)."""

Returned = fulfillment_pb2.ReturnLine | tuple[int, int] | tuple[str, int]
"""What came back: a ReturnLine, or (number of the reservation's line, units), or in a blind return (SKU, units)."""

Inspection = fulfillment_pb2.InspectionLine | tuple[int, int] | tuple[int, int, int] | tuple[int, int, int, int]
"""What was found: an InspectionLine, or (number of the return's line, sellable units), or with the damaged units, or
with those that go back to the vendor too."""

StatusMove = fulfillment_pb2.StatusMoveLine | tuple[str, int, str, stock_pb2.StockStatus, stock_pb2.StockStatus]
"""What changes its status: a StatusMoveLine, or (SKU, units, location, from status, to status)."""


def fulfillment_line(line: Fulfillment) -> fulfillment_pb2.FulfillmentLine:
    """Make the message of what left; one that is a message already is passed on."""
    if isinstance(line, int):
        return fulfillment_pb2.FulfillmentLine(line_number=line)
    if not isinstance(line, tuple):
        return line
    line_number, quantity, *location = line
    return fulfillment_pb2.FulfillmentLine(line_number=line_number, quantity=quantity, location="".join(location))


def reservation_transfer_line(line: ReservationTransfer) -> fulfillment_pb2.ReservationTransferLine:
    """Make the message of what is reserved elsewhere; one that is a message already is passed on."""
    if not isinstance(line, tuple):
        return line
    if len(line) == 2:
        return fulfillment_pb2.ReservationTransferLine(line_number=line[0], location=line[1])
    return fulfillment_pb2.ReservationTransferLine(line_number=line[0], quantity=line[1], location=line[2])


def return_receipt(
    *, location: str, lines: Iterable[Returned], reservation_id: str = "", accept_blind: bool = False
) -> fulfillment_pb2.ReturnReceipt:
    """Make the step of a return that says what came back."""
    return fulfillment_pb2.ReturnReceipt(
        location=location,
        reservation_id=reservation_id,
        lines=[_return_line(line) for line in lines],
        accept_blind=accept_blind,
    )


def return_inspection(lines: Iterable[Inspection]) -> fulfillment_pb2.ReturnInspection:
    """Make the step of a return that says what the inspection found."""
    return fulfillment_pb2.ReturnInspection(lines=[_inspection_line(line) for line in lines])


def status_move_line(line: StatusMove) -> fulfillment_pb2.StatusMoveLine:
    """Make the message of a change of status; one that is a message already is passed on."""
    if not isinstance(line, tuple):
        return line
    sku, quantity, location, from_status, to_status = line
    return fulfillment_pb2.StatusMoveLine(
        sku=sku, quantity=quantity, location=location, from_status=from_status, to_status=to_status
    )


def _return_line(line: Returned) -> fulfillment_pb2.ReturnLine:
    if not isinstance(line, tuple):
        return line
    what, quantity = line
    if isinstance(what, int):
        return fulfillment_pb2.ReturnLine(line_number=what, quantity=quantity)
    return fulfillment_pb2.ReturnLine(sku=what, quantity=quantity)


def _inspection_line(line: Inspection) -> fulfillment_pb2.InspectionLine:
    if not isinstance(line, tuple):
        return line
    line_number, sellable, damaged, vendor = (*line, 0, 0)[:4]
    return fulfillment_pb2.InspectionLine(
        line_number=line_number, sellable_quantity=sellable, damaged_quantity=damaged, vendor_quantity=vendor
    )
