"""What follows a reservation: units leave for the customer, cannot be found, and come back."""

from dataclasses import dataclass, field, replace

from model import requests, telling, words
from model.requests import FulfillmentLine
from model.reservations import line_of
from model.state import State, exceeds_document
from model.supply import check_change
from model.transfers import Draw, Place, reserve_at, with_line
from model.words import (
    Answer,
    Document,
    DocumentLine,
    LevelKey,
    Refused,
    Reservation,
    ReservationLine,
    ShortLine,
    StockLevel,
)


def post(state: State, request: requests.PostFulfillment) -> Answer:
    reservation = state.live_reservation(request.reservation_id)
    if reservation.state == words.HELD:
        raise Refused("NOT_COMMITTED", {"reservation_id": reservation.reservation_id, "state": reservation.state})
    everything = tuple(
        FulfillmentLine(line_number=line.line_number, quantity=line.ready) for line in reservation.lines if line.ready
    )
    if not request.lines and not everything and not request.release_rest:
        raise _exceeds_open(reservation, 1, 0, 0)
    check = _Check(state, request, reservation)
    plan = check.plan(request.lines or everything)
    lost = []
    for line, places in zip(plan, check.source_anew(plan), strict=True):
        reservation = _leave(state, reservation, line)
        if line.missing_quantity:
            reservation, rest = _miss(state, reservation, line, places)
            lost.append((reservation.lines[line.line_number - 1], rest))
    missing = tuple(telling.missing_units(line, rest) for line, rest in lost if rest)
    incident_id = ""
    if missing:
        incident = telling.new_incident(state, reservation, words.SHORT_PICK, missing)
        incident_id = state.keep_document(incident).document_id
    if request.release_rest:
        open_units = {line.line_number: line.open for line in reservation.lines}
        after = state.give_back(reservation, open_units, "released")
    else:
        after = state.keep_or_end(reservation, list(reservation.lines))
    return Answer(reservation=after, incident_id=incident_id)


@dataclass(slots=True)
class _Check:
    """Checks what left against what there was before the request, and what earlier lines of it took of that.

    Units that were reserved for the line leave the shelf only; those that leave from elsewhere are taken off what is
    free there too.
    """

    state: State
    request: requests.PostFulfillment
    reservation: Reservation
    gone: dict[LevelKey, int] = field(default_factory=dict)
    gone_free: dict[LevelKey, int] = field(default_factory=dict)

    def plan(self, lines: tuple[FulfillmentLine, ...]) -> list[FulfillmentLine]:
        """What is done with each line, in whole words; or raises what is wrong with it."""
        planned = []
        for ask in lines:
            line = line_of(self.reservation, ask.line_number)
            quantity = ask.quantity or (0 if ask.missing_quantity else line.ready)
            here = quantity + ask.missing_quantity
            if here > line.ready or here == 0:
                raise _exceeds_open(self.reservation, line.line_number, here, line.ready)
            if ask.location and ask.location != line.location:
                self.state.know_location(ask.location)
                level = self.state.level(line.sku, ask.location)
                # Units that are reserved there may leave only if the request says so; what is not there never.
                if not self.request.take_reserved:
                    _check_left(level, level.physical - self.gone_free.get((line.sku, ask.location), 0), quantity)
                self._take(level, quantity)
                _add(self.gone_free, level, quantity)
                here = ask.missing_quantity
            # A correction may have taken units that are reserved.
            self._take(self.state.level(line.sku, line.location), here)
            planned.append(replace(ask, quantity=quantity, location=ask.location or line.location))
        return planned

    def _take(self, level: StockLevel, units: int) -> None:
        _check_left(level, level.sellable - self.gone.get((level.sku, level.location), 0), units)
        _add(self.gone, level, units)

    def source_anew(self, plan: list[FulfillmentLine]) -> list[list[Place]]:
        """Where the missing units of each line are reserved instead; not what a line ships or an earlier one awaits."""
        pool = self.state.pool(self.reservation.channel) if self.request.source_missing_anew else ()
        draw = Draw(self.state, dict(self.gone_free))
        lines = [(line_of(self.reservation, ask.line_number), ask.missing_quantity) for ask in plan]
        return [self._instead(draw, pool, line, units) for line, units in lines]

    def _instead(self, draw: Draw, pool: tuple[str, ...], line: ReservationLine, units: int) -> list[Place]:
        places = draw.along(pool, line.sku, units, but_not=line.location)
        rest = units - sum(found for _, found in places)
        draw.taken[line.sku, line.location] = draw.taken.get((line.sku, line.location), 0) + rest
        return places


def _check_left(level: StockLevel, left: int, units: int) -> None:
    if left < units:
        short = ShortLine(sku=level.sku, location=level.location, requested=units, available=max(0, left))
        raise words.insufficient_stock(short)


def _add(tally: dict[LevelKey, int], level: StockLevel, units: int) -> None:
    key = (level.sku, level.location)
    tally[key] = tally.get(key, 0) + units


def _exceeds_open(reservation: Reservation, number: int, requested: int, ready: int) -> Refused:
    where: words.Metadata = {"reservation_id": reservation.reservation_id, "line_number": number}
    return Refused("FULFILLMENT_EXCEEDS_OPEN", where | {"requested": requested, "open": ready})


def _leave(state: State, reservation: Reservation, ask: FulfillmentLine) -> Reservation:
    """Units leave, and are freed where they were reserved."""
    line, units = reservation.lines[ask.line_number - 1], ask.quantity
    if not units:
        return reservation
    if ask.location == line.location:
        state.move(line.sku, line.location, sellable=-units, committed=-units)
    else:
        state.move(line.sku, ask.location, sellable=-units)
        state.move(line.sku, line.location, committed=-units)
    return with_line(reservation, replace(line, open=line.open - units, fulfilled=line.fulfilled + units))


def _miss(state: State, reservation: Reservation, ask: FulfillmentLine, places: list[Place]) -> tuple[Reservation, int]:
    """Units cannot be found: they are reserved elsewhere as far as there are places, and the rest waits.

    Returns how many wait.
    """
    line, units = reservation.lines[ask.line_number - 1], ask.missing_quantity
    rest = units - sum(found for _, found in places)
    state.move(line.sku, line.location, sellable=-units, committed=-units, backordered=rest)
    left = replace(
        line,
        open=line.open - units + rest,
        transferred=line.transferred + units - rest,
        backordered=line.backordered + rest,
        wait_position=line.wait_position if line.backordered else state.position,
    )
    reservation = with_line(reservation, left)
    for location, found in places:
        reservation = reserve_at(state, reservation, line, location, found)
    return reservation, rest


# Returns.


def process_return(state: State, request: requests.ProcessReturn) -> Answer:
    if request.receipt:
        return Answer(document=_receive(state, request.return_id, request.receipt))
    assert request.inspection is not None
    return Answer(document=_inspect(state, request.return_id, request.inspection))


def _receive(state: State, return_id: str, receipt: requests.ReturnReceipt) -> Document:
    state.refuse_document(words.CUSTOMER_RETURN, return_id)
    state.know_location(receipt.location)
    reservation = None
    if receipt.reservation_id:
        reservation = state.reservation(receipt.reservation_id)
    lines: list[DocumentLine] = []
    is_blind = False
    returned: dict[int, int] = {}
    came: dict[str, int] = {}
    for number, line in enumerate(receipt.lines, start=1):
        sku, known = _returnable(state, reservation, line, accept_blind=receipt.accept_blind)
        came[sku] = came.get(sku, 0) + line.quantity
        check_change(state, (sku, receipt.location, words.QUALITY_HOLD), came[sku])
        is_blind = is_blind or known < line.quantity
        returned[line.line_number] = known
        lines.append(DocumentLine(line_number=number, sku=sku, quantity=line.quantity, open=line.quantity))
    for received in lines:
        state.move(received.sku, receipt.location, quality_hold=received.quantity)
    if reservation and any(returned.values()):
        after = [
            replace(line, returned=line.returned + returned.get(line.line_number, 0)) for line in reservation.lines
        ]
        state.keep(reservation, after)
    return state.keep_document(
        Document(
            kind=words.CUSTOMER_RETURN,
            document_id=return_id,
            state=words.IN_INSPECTION,
            location=receipt.location,
            reservation_id=receipt.reservation_id,
            order_id=reservation.order_id if reservation else "",
            blind=is_blind,
            create_time=state.now,
            lines=tuple(lines),
        )
    )


def _returnable(
    state: State, reservation: Reservation | None, line: requests.ReturnLine, *, accept_blind: bool
) -> tuple[str, int]:
    """The SKU that came back, and how many units of it are known to have been sold by the line."""
    sku, sold = line.sku, 0
    if line.line_number:
        assert reservation is not None
        sold_by = line_of(reservation, line.line_number)
        sku, sold = sold_by.sku, sold_by.fulfilled - sold_by.returned
    if line.quantity > sold and not accept_blind:
        metadata: words.Metadata = {"sku": sku, "line_number": line.line_number}
        raise Refused("RETURN_EXCEEDS_FULFILLED", metadata | {"requested": line.quantity, "returnable": sold})
    if not line.line_number:
        state.know_stocked_sku(sku)
    return sku, min(line.quantity, sold)


def _inspect(state: State, return_id: str, inspection: requests.ReturnInspection) -> Document:
    document = state.live_document(words.CUSTOMER_RETURN, return_id)
    lines = {line.line_number: line for line in document.lines}
    gone: dict[str, int] = {}
    for found in inspection.lines:
        units = found.sellable_quantity + found.damaged_quantity + found.vendor_quantity
        line = lines.get(found.line_number)
        still_open = line.open if line else 0
        if line is None or units > still_open or units == 0:
            raise exceeds_document(document, str(found.line_number), units, still_open)
        gone[line.sku] = gone.get(line.sku, 0) + units
        for status, delta in (
            (words.QUALITY_HOLD, -gone[line.sku]),
            (words.SELLABLE, found.sellable_quantity),
            (words.DAMAGED, found.damaged_quantity),
        ):
            check_change(state, (line.sku, document.location, status), delta)
    for found in inspection.lines:
        units = found.sellable_quantity + found.damaged_quantity + found.vendor_quantity
        line = lines[found.line_number]
        moved = {"sellable": found.sellable_quantity, "damaged": found.damaged_quantity}
        state.move(line.sku, document.location, quality_hold=-units, **moved)
        lines[found.line_number] = replace(
            line,
            open=line.open - units,
            sellable=line.sellable + found.sellable_quantity,
            damaged=line.damaged + found.damaged_quantity,
            vendor=line.vendor + found.vendor_quantity,
        )
    is_open = any(line.open for line in lines.values())
    end = document.state if is_open else words.INSPECTED
    return state.keep_document(replace(document, state=end, lines=tuple(lines.values())))
