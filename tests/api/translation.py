"""Between the protos and the values of the reference model, in both directions."""

from dataclasses import fields
from typing import Any

from google.protobuf import duration_pb2, timestamp_pb2
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import reservation_pb2, revision_pb2, rules_pb2, stock_pb2
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.posting_pb2 import Posting

from api.refusals import Refusal
from model import requests, words

MODULES = (
    catalog,
    catalog_service,
    rules_pb2,
    inventory,
    fulfillment,
    supply,
    reconciliation,
    reservation_pb2,
    revision_pb2,
)
ENUM_PREFIXES = {
    "status": "STOCK_STATUS_",
    "from_status": "STOCK_STATUS_",
    "to_status": "STOCK_STATUS_",
    "fill_policy": "FILL_POLICY_",
    "demand": "DEMAND_KIND_",
    "order": "SOURCING_ORDER_",
    "scope": "HOLDER_SCOPE_",
    "resolution": "RESOLUTION_",
}


def to_proto(value: Any) -> Any:
    """A request of the model, or a part of one, as the message whose fields have the same names."""
    if isinstance(value, requests.Time):
        return timestamp_pb2.Timestamp(seconds=value.seconds)
    if isinstance(value, requests.Duration):
        return duration_pb2.Duration(seconds=value.seconds)
    name = type(value).__name__
    for module in MODULES:
        if message := getattr(module, name + "Request", None) or getattr(module, name, None):
            given = {field.name: getattr(value, field.name) for field in fields(value)}
            # A text that is left out must not be set: which of two exclusive fields is set makes a difference.
            return message(**{name: _field(name, part) for name, part in given.items() if part not in (None, "")})
    raise TypeError(name)


def _field(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return [part if isinstance(part, str) else to_proto(part) for part in value]
    if isinstance(value, str):
        return ENUM_PREFIXES.get(name, "") + value
    return value if isinstance(value, int) else to_proto(value)


def instant(time: timestamp_pb2.Timestamp) -> int:
    """Microseconds; 0 for a time that is not given."""
    return time.seconds * words.SECOND + time.nanos // 1000


def level_from_proto(level: stock_pb2.StockLevel) -> words.StockLevel:
    ours = words.StockLevel(
        sku=level.sku,
        location=level.location,
        sellable=level.sellable_quantity,
        quality_hold=level.quality_hold_quantity,
        damaged=level.damaged_quantity,
        held=level.held_quantity,
        committed=level.committed_quantity,
        backordered=level.backordered_quantity,
        in_transit=level.in_transit_quantity,
        version=level.version,
    )
    assert level.net_quantity == ours.physical - level.safety_stock_quantity
    return ours


def reservation_from_proto(reservation: reservation_pb2.Reservation) -> words.Reservation:
    state = reservation_pb2.ReservationState.Name(reservation.state)
    return words.Reservation(
        reservation_id=reservation.reservation_id,
        state=state.removeprefix("RESERVATION_STATE_"),
        channel=reservation.channel,
        order_id=reservation.order_id,
        customer_id=reservation.customer_id,
        told=reservation.told,
        lines=tuple(_line_from_proto(line) for line in reservation.lines),
        create_time=instant(reservation.create_time),
        expire_time=instant(reservation.expire_time) if reservation.HasField("expire_time") else None,
        update_time=instant(reservation.update_time),
        position=reservation.revision.position,
    )


def _line_from_proto(line: reservation_pb2.ReservationLine) -> words.ReservationLine:
    given_up = line.released_quantity + line.expired_quantity
    assert line.quantity == line.open_quantity + given_up + line.fulfilled_quantity + line.transferred_quantity
    assert line.backordered_quantity <= line.open_quantity
    assert line.returned_quantity <= line.fulfilled_quantity
    reason = reservation_pb2.SourcingReason.Name(line.sourcing_reason)
    chosen_by_the_authority = reason.removeprefix("SOURCING_REASON_") in words.CHOSEN_FROM_A_POOL
    assert line.location_unsettled == (line.open_quantity > 0 and chosen_by_the_authority)
    return words.ReservationLine(
        line_number=line.line_number,
        sku=line.sku,
        location=line.location,
        quantity=line.quantity,
        open=line.open_quantity,
        released=line.released_quantity,
        expired=line.expired_quantity,
        fulfilled=line.fulfilled_quantity,
        transferred=line.transferred_quantity,
        returned=line.returned_quantity,
        backordered=line.backordered_quantity,
        ordered_sku=line.ordered_sku,
        sourcing=reason.removeprefix("SOURCING_REASON_"),
        expected_time=instant(line.expected_time),
    )


# Documents.


def inbound_from_proto(inbound: supply.Inbound) -> words.Document:
    for line in inbound.lines:
        assert line.open_quantity == max(0, line.quantity - line.received_quantity)
    return words.Document(
        kind=words.INBOUND,
        document_id=inbound.inbound_id,
        state=supply.InboundState.Name(inbound.state).removeprefix("INBOUND_STATE_"),
        location=inbound.location,
        expected_time=instant(inbound.expected_time),
        lines=tuple(
            words.DocumentLine(
                sku=line.sku,
                quantity=line.quantity,
                open=line.open_quantity,
                received=line.received_quantity,
            )
            for line in inbound.lines
        ),
        position=inbound.revision.position,
    )


def transfer_from_proto(transfer: supply.Transfer) -> words.Document:
    for line in transfer.lines:
        assert line.quantity == line.open_quantity + line.received_quantity + line.lost_quantity
    return words.Document(
        kind=words.TRANSFER,
        document_id=transfer.transfer_id,
        state=supply.TransferState.Name(transfer.state).removeprefix("TRANSFER_STATE_"),
        location=transfer.to_location,
        origin=transfer.from_location,
        expected_time=instant(transfer.expected_time),
        lines=tuple(
            words.DocumentLine(
                sku=line.sku,
                quantity=line.quantity,
                open=line.open_quantity,
                received=line.received_quantity,
                lost=line.lost_quantity,
            )
            for line in transfer.lines
        ),
        position=transfer.revision.position,
    )


def return_from_proto(returned: fulfillment.CustomerReturn) -> words.Document:
    for line in returned.lines:
        inspected = line.sellable_quantity + line.damaged_quantity + line.vendor_quantity
        assert line.quantity == line.open_quantity + inspected
    return words.Document(
        kind=words.CUSTOMER_RETURN,
        document_id=returned.return_id,
        state=fulfillment.ReturnState.Name(returned.state).removeprefix("RETURN_STATE_"),
        location=returned.location,
        order_id=returned.order_id,
        reservation_id=returned.reservation_id,
        create_time=instant(returned.create_time),
        blind=returned.blind,
        lines=tuple(
            words.DocumentLine(
                line_number=line.line_number,
                sku=line.sku,
                quantity=line.quantity,
                open=line.open_quantity,
                sellable=line.sellable_quantity,
                damaged=line.damaged_quantity,
                vendor=line.vendor_quantity,
            )
            for line in returned.lines
        ),
        position=returned.revision.position,
    )


def incident_from_proto(incident: reconciliation.Incident) -> words.Document:
    """Without its cause, which is for those who read the ledger."""
    for line in incident.lines:
        assert 0 <= line.open_quantity <= line.quantity
    resolution = reconciliation.Resolution.Name(incident.resolution).removeprefix("RESOLUTION_")
    return words.Document(
        kind=words.INCIDENT,
        document_id=incident.incident_id,
        state=reconciliation.IncidentState.Name(incident.state).removeprefix("INCIDENT_STATE_"),
        channel=incident.channel,
        order_id=incident.order_id,
        reservation_id=incident.reservation_id,
        create_time=instant(incident.create_time),
        incident_kind=reconciliation.IncidentKind.Name(incident.kind).removeprefix("INCIDENT_KIND_"),
        seen_position=incident.seen_revision.position,
        resolution="" if resolution == "UNSPECIFIED" else resolution,
        note=incident.note,
        lines=tuple(
            words.DocumentLine(
                line_number=line.line_number,
                sku=line.sku,
                location=line.location,
                quantity=line.quantity,
                open=line.open_quantity,
            )
            for line in incident.lines
        ),
        position=incident.revision.position,
    )


def parked_from_proto(parked: reconciliation.ParkedRequest) -> words.Document:
    """Without the time of its parking, which no other answer tells."""
    return words.Document(
        kind=words.PARKED,
        document_id=parked.parked_id,
        state=reconciliation.ParkedState.Name(parked.state).removeprefix("PARKED_STATE_"),
        origin=parked.method,
        note=parked.note,
        lines=tuple(words.DocumentLine(sku=sku) for sku in parked.unknown_skus),
        position=parked.revision.position,
    )


def posting_from_proto(posting: Posting) -> words.Document:
    return words.Document(
        kind=words.POSTING,
        document_id=posting.posting_id,
        state=words.NOTED,
        origin=posting.system,
        order_id=posting.order_id,
        reservation_id=posting.reservation_id,
        expected_time=instant(posting.booked_time),
        create_time=instant(posting.create_time),
        seen_position=posting.booked_revision.position,
        note=posting.document,
        position=posting.revision.position,
    )


DOCUMENTS = {
    "inbound": inbound_from_proto,
    "transfer": transfer_from_proto,
    "customer_return": return_from_proto,
    "incident": incident_from_proto,
    "parked_request": parked_from_proto,
    "posting": posting_from_proto,
}


# Answers and refusals.


def share_from_proto(allotment: rules_pb2.Allotment) -> words.Share:
    return words.Share(
        guaranteed=allotment.guaranteed_quantity,
        cap=allotment.cap_quantity if allotment.HasField("cap_quantity") else None,
        expire_time=instant(allotment.expire_time),
        used=allotment.used_quantity,
    )


def answer_from_proto(response: Any) -> words.Answer:
    """Any mutation's response as the model would put it."""
    given = {field.name: value for field, value in response.ListFields()}
    documents = [read(given[name]) for name, read in DOCUMENTS.items() if name in given]
    return words.Answer(
        position=response.revision.position,
        replayed=response.replayed,
        reservation=reservation_from_proto(given["reservation"]) if "reservation" in given else None,
        stock_levels=tuple(level_from_proto(level) for level in given.get("stock_levels", ())),
        booked_deltas=tuple(given.get("booked_deltas", ())),
        document=documents[0] if documents else None,
        shares=tuple(share_from_proto(given[name]) for name in ("from_allotment", "to_allotment") if name in given),
        incident_id=given.get("incident_id", ""),
        parked_id=given.get("parked_id", ""),
        shortfalls=tuple(
            words.Shortfall(
                sku=short.sku,
                location=short.location,
                requested=short.requested_quantity,
                reserved=short.reserved_quantity,
            )
            for short in given.get("shortfalls", ())
        ),
    )


def assert_refused_alike(refusal: Refusal, predicted: words.Refused) -> None:
    """The same reason, the metadata that the model names, and the same short lines and offers in the same order."""
    told = {name: refusal.metadata.get(name) for name in predicted.metadata}
    assert (refusal.reason, told) == (predicted.reason, predicted.metadata)
    subjects = [f"{s.sku}@{s.location}" if s.location else s.sku for s in predicted.short_lines]
    assert [subject for subject, _ in refusal.short_lines] == subjects
    for (_, description), short in zip(refusal.short_lines, predicted.short_lines, strict=True):
        assert str(short.requested) in description
        assert str(short.available) in description
    offers = tuple((offer.sku, offer.substitute_sku, offer.available) for offer in predicted.offers)
    assert refusal.offers == offers
