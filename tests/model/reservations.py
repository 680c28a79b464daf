"""What can be done to units before they leave: they are reserved, committed, given back, or reserved elsewhere."""

from dataclasses import replace

from model import formula, requests, telling, words
from model.placing import Basket, Found, NotEnough, Placement
from model.requests import DemandLine
from model.state import State, summed
from model.words import Answer, Offer, Refused, Reservation, ReservationLine, Shortfall, ShortLine

IN_POOL_ORDER = requests.Sourcing()


def create(state: State, request: requests.CreateReservation) -> Answer:
    told = request.demand == words.TOLD
    sourcing = request.sourcing or IN_POOL_ORDER
    _check_demand(state, request, sourcing)
    if told:
        basket = Basket(state, request.channel, sourcing, split=True, guarded=False)
        telling.place(basket, request.lines)
        return telling.open_incident(state, request, _reserve(state, request, basket.placements))
    _check_holders(state, request)
    basket = Basket(state, request.channel, sourcing, split=request.allow_split)
    lines = _sum_lines(request.lines)
    found = _place(basket, lines, request)
    words.check_placements(len(basket.placements))
    short = [line for line in lines if found[line].placed < line.quantity]
    if short and (request.fill_policy != words.PARTIAL or not basket.placements):
        raise _refuse_short(state, request.channel, short, found)
    shortfalls = tuple(
        Shortfall(sku=line.sku, location=line.location, requested=line.quantity, reserved=found[line].placed)
        for line in short
    )
    return replace(_reserve(state, request, basket.placements), shortfalls=shortfalls)


def _check_demand(state: State, request: requests.CreateReservation, sourcing: requests.Sourcing) -> None:
    pool = state.pool(request.channel)
    if sourcing.order == words.NEAREST and sourcing.destination not in state.distances:
        raise Refused("UNKNOWN_DESTINATION", {"destination": sourcing.destination})
    for line in request.lines:
        state.know_sku(line.sku)
        if request.demand == words.ASKED and state.items[line.sku].inactive:
            raise Refused("ITEM_INACTIVE", {"sku": line.sku})
        if line.location:
            state.know_location(line.location)
            if line.location not in pool:
                raise Refused("LOCATION_NOT_IN_POOL", {"channel": request.channel, "location": line.location})


def _check_holders(state: State, request: requests.CreateReservation) -> None:
    holds = [reservation for reservation in state.live.values() if reservation.state == words.HELD]
    of_customer = sum(hold.customer_id == request.customer_id for hold in holds)
    of_caller = sum(hold.caller == words.UNNAMED for hold in holds)
    for scope, name, count in (
        (words.CUSTOMER, request.customer_id, of_customer),
        (words.CALLER, words.UNNAMED, of_caller),
    ):
        limit = state.hold_limits.get((scope, name), state.hold_limits.get((scope, "")))
        if name and limit is not None and count >= limit:
            raise Refused("HOLD_LIMIT_REACHED", {"scope": scope, "name": name, "max_open_holds": limit})


def _sum_lines(lines: tuple[DemandLine, ...]) -> list[DemandLine]:
    """Lines of the same SKU and location become one, at the place of their first appearance."""
    sums = summed(((line.sku, line.location), line.quantity) for line in lines)
    return [DemandLine(sku=sku, location=place, quantity=units) for (sku, place), units in sums.items()]


def _place(basket: Basket, lines: list[DemandLine], request: requests.CreateReservation) -> dict[DemandLine, Found]:
    """Lines that name their location come first: a sourced line can go elsewhere, they cannot."""
    found = {line: _place_line(basket, line, request) for line in lines if line.location}
    sourced = [line for line in lines if not line.location]
    if basket.sourcing.prefer_ship_complete and sourced and basket.place_together(sourced):
        return found | {line: Found(placed=line.quantity, available=line.quantity) for line in sourced}
    return found | {line: _place_line(basket, line, request) for line in sourced}


def _place_line(basket: Basket, line: DemandLine, request: requests.CreateReservation) -> Found:
    partial = request.fill_policy == words.PARTIAL
    first = basket.place(line, partial=partial)
    if first.placed == line.quantity or basket.state.items[line.sku].parts:
        return first
    rest = replace(line, quantity=line.quantity - first.placed)
    if request.allow_substitution and _substitute(basket, rest):
        return replace(first, placed=line.quantity)
    if request.allow_backorder:
        return replace(first, placed=first.placed + _backorder(basket, rest, first.available, partial))
    return first


def _substitute(basket: Basket, line: DemandLine) -> bool:
    """Takes all that is missing of a line from the first substitute that has it."""
    return any(
        basket.place(replace(line, sku=sku), partial=False, ordered_sku=line.sku).placed == line.quantity
        for sku in _substitutes(basket.state, line.sku)
    )


def _substitutes(state: State, sku: str) -> list[str]:
    items = [state.items[substitute] for substitute in state.substitutes.get(sku, ())]
    return [item.sku for item in items if not item.inactive and not item.parts]


def _backorder(basket: Basket, rest: DemandLine, available: int, partial: bool) -> int:
    """Promises what is missing of a line, as far as the rule allows; all of it or nothing unless it is partial.

    A line of which nothing is placed yet because it must be whole takes first what there is.
    """
    rule = basket.state.backorders.get(rest.sku)
    if rule is None or rest.location not in {"", rule.location}:
        return 0
    if partial:
        units = min(basket.room_to_wait(rule), rest.quantity)
        _await(basket, rest, rule, units)
        return units
    there = min(available, rest.quantity)
    try:
        with basket.attempt():
            placed = basket.place(replace(rest, quantity=there), partial=True).placed if there else 0
            missing = rest.quantity - placed
            if missing > basket.room_to_wait(rule):
                raise NotEnough
            _await(basket, rest, rule, missing)
    except NotEnough:
        return 0
    return rest.quantity


def _await(basket: Basket, line: DemandLine, rule: requests.BackorderRule, units: int) -> None:
    if units:
        time = formula.promised_time(basket.state, rule)
        waiting = Placement(
            sku=line.sku,
            location=rule.location,
            units=units,
            waiting=units,
            sourcing=words.AWAITED,
            expected_time=time,
        )
        basket.take(waiting)


def _refuse_short(state: State, channel: str, short: list[DemandLine], found: dict[DemandLine, Found]) -> Refused:
    lines = tuple(
        ShortLine(sku=line.sku, location=line.location, requested=line.quantity, available=found[line].available)
        for line in short
    )
    offers = tuple(
        Offer(sku=line.sku, substitute_sku=sku, available=units)
        for line in short
        for sku in _substitutes(state, line.sku)
        if (units := formula.available_to(state, sku, channel))
    )
    return words.insufficient_stock(*lines, offers=offers)


def _reserve(state: State, request: requests.CreateReservation, placements: list[Placement]) -> Answer:
    """Books what a basket holds."""
    told = request.demand == words.TOLD
    ttl = request.ttl or requests.Duration(seconds=900)
    reservation = Reservation(
        reservation_id=state.new_reservation_id(),
        state=words.COMMITTED if told else words.HELD,
        channel=request.channel,
        order_id=request.order_id,
        customer_id=request.customer_id,
        told=told,
        lines=(),
        create_time=state.now,
        expire_time=None if told else state.now + ttl.seconds * words.SECOND,
        update_time=state.now,
        position=state.position,
        caller=words.UNNAMED,
        create_position=state.position,
    )
    lines = []
    for number, placement in enumerate(placements, start=1):
        there = placement.units - placement.waiting
        if there:
            state.move(placement.sku, placement.location, **{reservation.bucket: there})
        if placement.waiting:
            state.move(placement.sku, placement.location, backordered=placement.waiting)
        state.use_share(reservation, placement.sku, placement.units)
        lines.append(
            ReservationLine(
                line_number=number,
                sku=placement.sku,
                location=placement.location,
                quantity=placement.units,
                open=placement.units,
                backordered=placement.waiting,
                ordered_sku=placement.ordered_sku,
                sourcing=placement.sourcing,
                expected_time=placement.expected_time,
                wait_position=state.position if placement.waiting else 0,
            )
        )
    return Answer(reservation=state.keep(reservation, lines))


# Holds and what becomes of them.


def _held_reservation(state: State, reservation_id: str) -> Reservation:
    reservation = state.live_reservation(reservation_id)
    if reservation.state == words.COMMITTED:
        raise Refused("ALREADY_COMMITTED", {"reservation_id": reservation_id, "state": words.COMMITTED})
    return reservation


def commit(state: State, request: requests.CommitReservation) -> Answer:
    reservation = _held_reservation(state, request.reservation_id)
    for line in reservation.lines:
        if line.open:
            state.move(line.sku, line.location, held=-line.ready, committed=line.ready)
    return Answer(reservation=state.keep(replace(reservation, state=words.COMMITTED, expire_time=None)))


def extend(state: State, request: requests.ExtendReservation) -> Answer:
    reservation = _held_reservation(state, request.reservation_id)
    assert reservation.expire_time is not None
    expire_time = max(reservation.expire_time, state.now + request.ttl.seconds * words.SECOND)
    return Answer(reservation=state.keep(replace(reservation, expire_time=expire_time)))


def release(state: State, request: requests.ReleaseReservation) -> Answer:
    reservation = state.live_reservation(request.reservation_id)
    given_back = {line.line_number: line.open for line in reservation.lines} if not request.lines else {}
    for line in request.lines:
        units = line_of(reservation, line.line_number).open
        check_open(reservation, line.line_number, line.quantity, units)
        given_back[line.line_number] = line.quantity or units
    return Answer(reservation=state.give_back(reservation, given_back, "released"))


def line_of(reservation: Reservation, number: int) -> ReservationLine:
    if number > len(reservation.lines):
        raise Refused("UNKNOWN_LINE", {"reservation_id": reservation.reservation_id, "line_number": number})
    return reservation.lines[number - 1]


def check_open(reservation: Reservation, number: int, requested: int, units: int) -> None:
    if units == 0 or requested > units:
        where: words.Metadata = {"reservation_id": reservation.reservation_id, "line_number": number}
        raise Refused("RELEASE_EXCEEDS_OPEN", where | {"requested": requested, "open": units})
