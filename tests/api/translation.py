"""Between the protos and the values of the reference model, in both directions."""

from dataclasses import fields
from typing import Any

from google.protobuf import duration_pb2, timestamp_pb2
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reservation_pb2, stock_pb2

from api.refusals import Refusal
from model import words

ENUM_PREFIXES = {"status": "STOCK_STATUS_", "fill_policy": "FILL_POLICY_"}


def to_proto(value: Any) -> Any:
    """A request of the model, or a part of one, as the message whose fields have the same names."""
    name = type(value).__name__
    for module, suffix in (
        (catalog, ""),
        (catalog_service, "Request"),
        (inventory, "Request"),
        (inventory, ""),
    ):
        if message := getattr(module, name + suffix, None):
            parts = {field.name: _field(field.name, getattr(value, field.name)) for field in fields(value)}
            return message(**parts)
    raise TypeError(name)


def _field(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return [part if isinstance(part, str) else to_proto(part) for part in value]
    if name in ENUM_PREFIXES:
        return ENUM_PREFIXES[name] + value
    if isinstance(value, words.Duration):
        return duration_pb2.Duration(seconds=value.seconds)
    return value


def instant(time: timestamp_pb2.Timestamp) -> int:
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
        version=level.version,
    )
    assert ours.net == level.net_quantity
    return ours


def reservation_from_proto(reservation: reservation_pb2.Reservation) -> words.Reservation:
    for line in reservation.lines:
        resolved = line.released_quantity + line.expired_quantity + line.fulfilled_quantity
        assert line.quantity == line.open_quantity + resolved
    state = reservation_pb2.ReservationState.Name(reservation.state)
    return words.Reservation(
        reservation_id=reservation.reservation_id,
        state=state.removeprefix("RESERVATION_STATE_"),
        channel=reservation.channel,
        order_id=reservation.order_id,
        lines=tuple(
            words.ReservationLine(
                line_number=line.line_number,
                sku=line.sku,
                location=line.location,
                quantity=line.quantity,
                open=line.open_quantity,
                released=line.released_quantity,
                expired=line.expired_quantity,
            )
            for line in reservation.lines
        ),
        create_time=instant(reservation.create_time),
        expire_time=instant(reservation.expire_time) if reservation.HasField("expire_time") else None,
        update_time=instant(reservation.update_time),
    )


def answer_from_proto(response: Any) -> words.Answer:
    """Any mutation's response as the model would put it."""
    names = {field.name for field in response.DESCRIPTOR.fields}
    return words.Answer(
        position=response.revision.position,
        replayed=response.replayed,
        reservation=reservation_from_proto(response.reservation) if "reservation" in names else None,
        stock_levels=tuple(level_from_proto(level) for level in getattr(response, "stock_levels", ())),
        shortfalls=tuple(
            words.Shortfall(
                sku=short.sku,
                location=short.location,
                requested=short.requested_quantity,
                reserved=short.reserved_quantity,
            )
            for short in getattr(response, "shortfalls", ())
        ),
    )


def assert_refused_alike(refusal: Refusal, predicted: words.Refused) -> None:
    """The same reason, the metadata that the model names, and the same short lines in the same order."""
    told = {name: refusal.metadata.get(name) for name in predicted.metadata}
    assert (refusal.reason, told) == (predicted.reason, predicted.metadata)
    subjects = [f"{s.sku}@{s.location}" if s.location else s.sku for s in predicted.short_lines]
    assert [subject for subject, _ in refusal.short_lines] == subjects
    for (_, description), short in zip(refusal.short_lines, predicted.short_lines, strict=True):
        assert str(short.requested) in description
        assert str(short.available) in description
