"""Units of a reservation that are reserved elsewhere instead."""

from dataclasses import dataclass, field, replace

from model import formula, requests, words
from model.reservations import check_open, line_of
from model.state import State
from model.words import Answer, LevelKey, Reservation, ReservationLine, ShortLine

Place = tuple[str, int]


@dataclass(slots=True)
class Draw:
    """Units that one request draws from locations, without regard to allotments and buffers."""

    state: State
    taken: dict[LevelKey, int] = field(default_factory=dict)

    def left(self, sku: str, location: str) -> int:
        return formula.net(self.state, sku, location) - self.taken.get((sku, location), 0)

    def along(self, locations: tuple[str, ...], sku: str, units: int, *, but_not: str = "") -> list[Place]:
        """As many of the units as there are."""
        places = []
        for location in locations:
            if location != but_not and (found := min(units, self.left(sku, location))) > 0:
                self.taken[sku, location] = self.taken.get((sku, location), 0) + found
                places.append((location, found))
                units -= found
        return places


def transfer(state: State, request: requests.TransferReservation) -> Answer:
    """Every line is checked against what there was before the request, and what earlier lines took of it."""
    reservation = state.live_reservation(request.reservation_id)
    draw = Draw(state)
    moves = []
    for ask in request.lines:
        line = line_of(reservation, ask.line_number)
        check_open(reservation, ask.line_number, ask.quantity, line.open)
        units = ask.quantity or line.open
        moves.append((ask.line_number, units, _places(draw, line, units, ask)))
    for number, units, places in moves:
        reservation = move_line(state, reservation, number, units, places)
    return Answer(reservation=state.keep(reservation))


def _places(draw: Draw, line: ReservationLine, units: int, ask: requests.ReservationTransferLine) -> list[Place]:
    state = draw.state
    if ask.location:
        state.know_location(ask.location)
        if ask.location == line.location and not line.backordered:
            # They stay where they are.
            return [(ask.location, units)]
        available = max(0, draw.left(line.sku, ask.location))
        places = draw.along((ask.location,), line.sku, units)
    else:
        if ask.pool not in state.pools:
            raise words.Refused("UNKNOWN_POOL", {"pool": ask.pool})
        places = draw.along(state.pools[ask.pool], line.sku, units, but_not=line.location)
        available = sum(found for _, found in places)
    if sum(found for _, found in places) < units:
        short = ShortLine(sku=line.sku, location=ask.location, requested=units, available=available)
        raise words.insufficient_stock(short)
    return places


def move_line(state: State, reservation: Reservation, number: int, units: int, places: list[Place]) -> Reservation:
    """Takes units off a line, those that wait first, and adds lines at the places; not kept yet."""
    line = reservation.lines[number - 1]
    waiting = min(units, line.backordered)
    state.move(line.sku, line.location, **{reservation.bucket: waiting - units}, backordered=-waiting)
    left = replace(
        line,
        open=line.open - units,
        transferred=line.transferred + units,
        backordered=line.backordered - waiting,
    )
    reservation = with_line(reservation, left)
    for location, found in places:
        reservation = reserve_at(state, reservation, line, location, found)
    return reservation


def reserve_at(
    state: State,
    reservation: Reservation,
    like: ReservationLine,
    location: str,
    units: int,
    *,
    sku: str = "",
    reason: str = words.TRANSFERRED,
) -> Reservation:
    """Adds a line of units at a place, in the stead of another line."""
    state.move(sku or like.sku, location, **{reservation.bucket: units})
    added = ReservationLine(
        line_number=len(reservation.lines) + 1,
        sku=sku or like.sku,
        location=location,
        quantity=units,
        open=units,
        ordered_sku=like.ordered_sku or (like.sku if sku else ""),
        sourcing=reason,
    )
    return replace(reservation, lines=(*reservation.lines, added))


def with_line(reservation: Reservation, line: ReservationLine) -> Reservation:
    lines = tuple(line if line.line_number == old.line_number else old for old in reservation.lines)
    return replace(reservation, lines=lines)
