"""Turns plans, transfers, returns, incidents, parked requests, postings, divergences and traces into messages
of the contract.

The one thing that is concluded here is the cause of an incident, from what the ledger knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import posting_pb2
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import supply_pb2 as supply

from holdfast_server import layouts
from holdfast_server.edge.conversion import movement, revision, timestamp
from holdfast_server.ledger.divergence import ComparedLevel, Divergence
from holdfast_server.records import Change, Document, TraceStep

# Operations that say of units that they were never there.
_CORRECTIONS: Final = frozenset(
    layouts.OPERATION_KINDS[name] for name in ("ADJUST", "COUNT", "SHORT_PICK", "MOVE_STATUS")
)


def inbound(segment: str, value: Document) -> supply.Inbound:
    return supply.Inbound(
        inbound_id=value.document_id,
        state=value.state,  # type: ignore[arg-type]
        location=value.location,
        expected_time=timestamp(value.expected_us),
        lines=[
            supply.ExpectedUnits(
                sku=line["sku"],
                quantity=line["quantity"],
                open_quantity=line["open"],
                received_quantity=line["received"],
            )
            for line in value.named_lines()
        ],
        revision=revision(segment, value.position),
    )


def transfer(segment: str, value: Document) -> supply.Transfer:
    return supply.Transfer(
        transfer_id=value.document_id,
        state=value.state,  # type: ignore[arg-type]
        from_location=value.origin,
        to_location=value.location,
        expected_time=timestamp(value.expected_us) if value.expected_us else None,
        lines=[
            supply.TransferredUnits(
                sku=line["sku"],
                quantity=line["quantity"],
                open_quantity=line["open"],
                received_quantity=line["received"],
                lost_quantity=line["lost"],
            )
            for line in value.named_lines()
        ],
        revision=revision(segment, value.position),
    )


def customer_return(segment: str, value: Document) -> fulfillment.CustomerReturn:
    return fulfillment.CustomerReturn(
        return_id=value.document_id,
        state=value.state,  # type: ignore[arg-type]
        location=value.location,
        reservation_id=value.reservation_id,
        order_id=value.order_id,
        blind=bool(value.flag),
        lines=[
            fulfillment.ReturnedUnits(
                line_number=number,
                sku=line["sku"],
                quantity=line["quantity"],
                open_quantity=line["open"],
                sellable_quantity=line["sellable"],
                damaged_quantity=line["damaged"],
                vendor_quantity=line["vendor"],
            )
            for number, line in enumerate(value.named_lines(), start=1)
        ],
        create_time=timestamp(value.create_us),
        revision=revision(segment, value.position),
    )


def divergence(segment: str, level: ComparedLevel, value: Divergence) -> reconciliation.Divergence:
    message = reconciliation.Divergence(
        sku=level.sku,
        location=level.location,
        status=level.status,  # type: ignore[arg-type]
        our_quantity=value.our_quantity,
        their_quantity=level.their_quantity,
        divergence_quantity=value.our_quantity - level.their_quantity,
        cause=int(value.cause),  # type: ignore[arg-type]
    )
    if value.movement is not None:
        message.movement.CopyFrom(movement(segment, value.movement))
    return message


def incident(segment: str, value: Document, change: Change | None) -> reconciliation.Incident:
    """Returns the message of an incident; `change` is the one that took the last of its units, if there were any."""
    message = reconciliation.Incident(
        incident_id=value.document_id,
        kind=value.flag,  # type: ignore[arg-type]
        state=value.state,  # type: ignore[arg-type]
        channel=value.channel,
        order_id=value.order_id,
        reservation_id=value.reservation_id,
        lines=[
            reconciliation.MissingUnits(
                line_number=line["line_number"],
                sku=line["sku"],
                location=line["location"],
                quantity=line["quantity"],
                open_quantity=line["open"],
            )
            for line in value.named_lines()
        ],
        resolution=value.resolution,  # type: ignore[arg-type]
        note=value.note,
        create_time=timestamp(value.create_us),
        revision=revision(segment, value.position),
    )
    if value.flag == layouts.INCIDENT_KINDS["SHORT_PICK"]:
        change = Change(_position_of_origin(value), value.create_us, layouts.OPERATION_KINDS["SHORT_PICK"])
    message.cause = _cause_of(value, change)
    if value.seen_position:
        message.seen_revision.CopyFrom(revision(segment, value.seen_position))
    if change is not None:
        message.cause_revision.CopyFrom(revision(segment, change.position))
        message.cause_time.CopyFrom(timestamp(change.decide_us))
    return message


def _position_of_origin(value: Document) -> int:
    """Returns the position of the operation that opened an incident: its id ends in it."""
    return int(value.document_id.rpartition("-")[2])


def _cause_of(value: Document, change: Change | None) -> reconciliation.IncidentCause:
    if change is not None and change.kind in _CORRECTIONS:
        return reconciliation.INCIDENT_CAUSE_STOCK_CORRECTED
    if not value.seen_position:
        return reconciliation.INCIDENT_CAUSE_UNKNOWN_REVISION
    if change is not None and value.seen_position < change.position:
        return reconciliation.INCIDENT_CAUSE_STALE_CHANNEL
    return reconciliation.INCIDENT_CAUSE_SOLD_KNOWINGLY


def parked_request(segment: str, value: Document, refused: Mapping[str, str]) -> reconciliation.ParkedRequest:
    """Returns the message of a parked request; `refused` says, by id, what the last tries were refused with."""
    is_waiting = value.state == layouts.DOCUMENT_STATES["PARKED"]["WAITING"]
    return reconciliation.ParkedRequest(
        parked_id=value.document_id,
        state=value.state,  # type: ignore[arg-type]
        method=value.origin,
        unknown_skus=[line["sku"] for line in value.named_lines()],
        note=refused.get(value.document_id, "") if is_waiting else value.note,
        create_time=timestamp(value.create_us),
        revision=revision(segment, value.position),
    )


def posting(segment: str, value: Document) -> posting_pb2.Posting:
    return posting_pb2.Posting(
        posting_id=value.document_id,
        reservation_id=value.reservation_id,
        order_id=value.order_id,
        system=value.origin,
        document=value.note,
        booked_revision=revision(segment, value.seen_position) if value.seen_position else None,
        booked_time=timestamp(value.expected_us) if value.expected_us else None,
        create_time=timestamp(value.create_us),
        revision=revision(segment, value.position),
    )


def trace_step(segment: str, value: TraceStep) -> audit.TraceStep:
    message = audit.TraceStep(
        revision=revision(segment, value.position),
        operation=value.operation,
        decide_time=timestamp(value.decide_us),
        reservation_id=value.reservation_id,
        document_id=value.document_id,
        movements=[movement(segment, one) for one in value.movements],
        caller=value.caller,
        reason=value.reason,
        reference=value.reference,
        trace_parent=value.trace_parent,
    )
    if value.previous_us is not None:
        message.since_previous.FromMicroseconds(value.decide_us - value.previous_us)
    if value.posting is not None:
        message.posting.CopyFrom(posting(segment, value.posting))
    return message
