"""Demand that a channel tells of after it has sold: it cannot be refused for want of units."""

from dataclasses import replace

from model import formula, requests, words
from model.placing import Basket, Placement
from model.requests import DemandLine
from model.state import State, summed
from model.words import Answer, Document, DocumentLine, Refused

ToldKey = tuple[str, str, str]


def place(basket: Basket, lines: tuple[DemandLine, ...]) -> None:
    """Takes whatever is there and promised to nobody; the rest waits, unless there is more than a level can have."""
    if not basket.pool:
        raise Refused("LOCATION_NOT_IN_POOL", {"channel": basket.channel, "location": ""})
    parts = summed(part for line in lines for part in _parts_of(basket.state, line))
    words.check_placements(len(parts))
    for (sku, location, _), units in parts.items():
        _check_size(sku, location or _where_it_waits(basket, sku), units)
    for (sku, location, ordered_sku), units in sorted(parts.items(), key=lambda part: part[0][1] == ""):
        if location:
            there = min(units, max(0, _physical(basket, sku, location)))
            named = Placement(
                sku=sku,
                location=location,
                units=units,
                waiting=units - there,
                ordered_sku=ordered_sku,
                sourcing=words.NAMED_LOCATION,
            )
            basket.take(named)
        else:
            _source(basket, sku, ordered_sku, units)
    waits = summed(((placement.sku, placement.location), placement.waiting) for placement in basket.placements)
    for (sku, location), units in waits.items():
        _check_size(sku, location, basket.state.level(sku, location).backordered + units)
    words.check_placements(len(basket.placements))


def _check_size(sku: str, location: str, units: int) -> None:
    if units > words.MAX_QUANTITY:
        raise Refused("QUANTITY_OVERFLOW", {"sku": sku, "location": location})


def _where_it_waits(basket: Basket, sku: str) -> str:
    rule = basket.state.backorders.get(sku)
    return rule.location if rule and rule.location in basket.pool else basket.pool[0]


def _parts_of(state: State, line: DemandLine) -> list[tuple[ToldKey, int]]:
    if parts := state.items[line.sku].parts:
        return [((part.sku, line.location, line.sku), line.quantity * part.quantity) for part in parts]
    return [((line.sku, line.location, ""), line.quantity)]


def _physical(basket: Basket, sku: str, location: str) -> int:
    return basket.state.level(sku, location).physical - basket.taken.get((sku, location), 0)


def _source(basket: Basket, sku: str, ordered_sku: str, rest: int) -> None:
    """Safety stock is touched last; then units are promised that are not there."""
    state = basket.state
    safe = [
        (location, max(0, formula.net(state, sku, location) - basket.taken.get((sku, location), 0)), basket.reason)
        for location in basket.order(sku)
    ]
    for location, units, reason in safe:
        rest -= _take(basket, sku, ordered_sku, location, min(rest, units), reason)
    for location in basket.pool:
        units = max(0, _physical(basket, sku, location))
        rest -= _take(basket, sku, ordered_sku, location, min(rest, units), words.POOL_ORDER)
    if rest:
        awaited = Placement(
            sku=sku,
            location=_where_it_waits(basket, sku),
            units=rest,
            waiting=rest,
            ordered_sku=ordered_sku,
            sourcing=words.AWAITED,
        )
        basket.take(awaited)


def _take(basket: Basket, sku: str, ordered_sku: str, location: str, units: int, reason: str) -> int:
    if units:
        part = Placement(sku=sku, location=location, units=units, ordered_sku=ordered_sku, sourcing=reason)
        basket.take(part)
    return units


def open_incident(state: State, request: requests.CreateReservation, answer: Answer) -> Answer:
    """Opens an incident if anything of the reservation is not there."""
    reservation = answer.reservation
    assert reservation is not None
    lines = tuple(missing_units(line, line.backordered) for line in reservation.lines if line.backordered)
    if not lines:
        return answer
    seen = request.seen_revision
    incident = new_incident(state, reservation, words.OVERSELL, lines)
    return replace(
        answer,
        incident_id=state.keep_document(replace(incident, seen_position=seen.position if seen else 0)).document_id,
    )


def missing_units(line: words.ReservationLine, units: int) -> DocumentLine:
    """Units of a line that are not there, all of them still to be settled."""
    return DocumentLine(line_number=line.line_number, sku=line.sku, location=line.location, quantity=units, open=units)


def new_incident(state: State, reservation: words.Reservation, kind: str, lines: tuple[DocumentLine, ...]) -> Document:
    return Document(
        kind=words.INCIDENT,
        document_id=f"{state.segment}-incident-{state.position}",
        state=words.OPEN,
        channel=reservation.channel,
        order_id=reservation.order_id,
        reservation_id=reservation.reservation_id,
        incident_kind=kind,
        create_time=state.now,
        create_position=state.position,
        lines=lines,
    )
