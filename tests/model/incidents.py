"""Units that were sold or promised and are not there, and what is done about them."""

from dataclasses import replace

from model import requests, words
from model.state import State
from model.transfers import Draw, Place, move_line, reserve_at
from model.words import Answer, Document, Reservation, ShortLine

Missing = list[tuple[int, int]]


def resolve(state: State, request: requests.ResolveIncident) -> Answer:
    incident = state.live_document(words.INCIDENT, request.incident_id)
    if request.resolution == words.SUBSTITUTE:
        state.know_stocked_sku(request.substitute_sku)
    if request.resolution == words.TRANSFER:
        state.know_location(request.to_location)
    reservation = state.live.get(incident.reservation_id)
    missing = _still_missing(incident, reservation) if reservation else []
    if reservation:
        reservation = _carry_out(state, request, reservation, missing)
    settled = {} if request.resolution == words.BACKORDER else dict(missing)
    lines = tuple(replace(line, open=line.open - settled.get(line.line_number, 0)) for line in incident.lines)
    resolved = replace(incident, state=words.RESOLVED, resolution=request.resolution, note=request.reason, lines=lines)
    return Answer(reservation=reservation, document=state.keep_document(resolved))


def _still_missing(incident: Document, reservation: Reservation) -> Missing:
    """Lines and units of the incident that are not settled and still wait.

    A line that has come to wait since then waits for other units: those of the incident came.
    """
    waiting = {
        line.line_number: line.backordered
        for line in reservation.lines
        if line.wait_position <= incident.create_position
    }
    missing = [(line.line_number, min(line.open, waiting.get(line.line_number, 0))) for line in incident.lines]
    return [(number, units) for number, units in missing if units]


def _carry_out(
    state: State, request: requests.ResolveIncident, reservation: Reservation, missing: Missing
) -> Reservation:
    if request.resolution == words.CANCEL:
        return state.give_back(reservation, dict(missing), "released")
    if request.resolution == words.SUBSTITUTE:
        return _substitute(state, request.substitute_sku, reservation, missing)
    if request.resolution == words.TRANSFER:
        draw = Draw(state)
        moves = [
            (number, units, _places(draw, reservation.lines[number - 1].sku, units, to=request.to_location))
            for number, units in missing
        ]
        for number, units, places in moves:
            reservation = move_line(state, reservation, number, units, places)
    return state.keep(reservation)


def _substitute(state: State, sku: str, reservation: Reservation, missing: Missing) -> Reservation:
    """Gives back what is missing and reserves another SKU in its stead, from the channel's pool."""
    draw = Draw(state)
    pool = state.pool(reservation.channel)
    found = [(number, units, _places(draw, sku, units, pool=pool)) for number, units in missing]
    for number, units, places in found:
        # The reservation stays open: something else is reserved in the same step.
        reservation = replace(state.give_back(reservation, {number: units}, "released"), state=reservation.state)
        state.use_share(reservation, sku, units)
        for location, taken in places:
            like = reservation.lines[number - 1]
            reservation = reserve_at(state, reservation, like, location, taken, sku=sku, reason=words.POOL_ORDER)
    return state.keep(reservation)


def _places(draw: Draw, sku: str, units: int, *, to: str = "", pool: tuple[str, ...] = ()) -> list[Place]:
    """Where all of the units come from now: one place, or a pool in its order."""
    available = max(0, draw.left(sku, to)) if to else 0
    places = draw.along((to,) if to else pool, sku, units)
    reached = sum(taken for _, taken in places)
    if reached < units:
        short = ShortLine(sku=sku, location=to, requested=units, available=available if to else reached)
        raise words.insufficient_stock(short)
    return places


def close(state: State, request: requests.CloseIncident) -> Answer:
    incident = state.live_document(words.INCIDENT, request.incident_id)
    closed = replace(incident, state=words.CLOSED, note=request.reason or incident.note)
    return Answer(document=state.keep_document(closed))
