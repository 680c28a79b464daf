"""How units come to be at a location: receipts, corrections, counts, transfers and what is announced."""

from dataclasses import replace

from model import requests, words
from model.state import State, exceeds_document, summed
from model.words import Answer, Document, DocumentLine, LevelKey, Refused, ShortLine

StatusKey = tuple[str, str, str]
OnHand = requests.ReceiveStock | requests.AdjustStock | requests.CountStock


def receive(state: State, request: requests.ReceiveStock) -> Answer:
    if parked := _park(state, request):
        return parked
    sums = summed(((line.sku, line.location, line.status), line.quantity) for line in request.lines)
    _check_on_hand(state, sums)
    inbound = _inbound_of(state, request, sums) if request.inbound_id else None
    answer = _change_on_hand(state, sums)
    if inbound:
        state.keep_document(_received_on(inbound, request))
    return answer


def adjust(state: State, request: requests.AdjustStock) -> Answer:
    if parked := _park(state, request):
        return parked
    sums = summed(((line.sku, line.location, line.status), line.delta_quantity) for line in request.lines)
    _check_on_hand(state, sums)
    return _change_on_hand(state, sums)


def count(state: State, request: requests.CountStock) -> Answer:
    if parked := _park(state, request):
        return parked
    deltas: dict[StatusKey, int] = {}
    for line in request.lines:
        state.know_stocked_sku(line.sku)
        state.know_location(line.location)
        on_hand = _on_hand(state, line.sku, line.location, line.status)
        if line.expected_quantity is not None and line.expected_quantity != on_hand:
            where: words.Metadata = {"sku": line.sku, "location": line.location}
            raise Refused("QUANTITY_CHANGED", where | {"expected": line.expected_quantity, "actual": on_hand})
        books = on_hand
        if request.as_of_revision:
            then = state.level_at(line.sku, line.location, request.as_of_revision.position)
            books = getattr(then, words.STATUS_FIELDS[line.status])
        key = (line.sku, line.location, line.status)
        deltas[key] = line.counted_quantity - books
        check_change(state, key, deltas[key])
    if request.as_of_revision:
        _check_not_counted_since(state, deltas, request.as_of_revision.position)
    state.counts |= dict.fromkeys(deltas, state.position)
    return replace(_change_on_hand(state, deltas), booked_deltas=tuple(deltas.values()))


def _check_not_counted_since(state: State, counted: dict[StatusKey, int], moment: int) -> None:
    """A later count has booked what this one found."""
    for sku, location, status in counted:
        last = state.counts.get((sku, location, status), 0)
        if last > moment:
            raise Refused("COUNTED_SINCE", {"sku": sku, "location": location, "as_of": moment, "counted": last})


def move_status(state: State, request: requests.MoveStatus) -> Answer:
    sums = summed(
        change
        for line in request.lines
        for change in (
            ((line.sku, line.location, line.from_status), -line.quantity),
            ((line.sku, line.location, line.to_status), line.quantity),
        )
    )
    _check_on_hand(state, sums)
    levels = dict.fromkeys((line.sku, line.location) for line in request.lines)
    for sku, location in levels:
        statuses = {status: delta for (*level, status), delta in sums.items() if tuple(level) == (sku, location)}
        state.move(sku, location, **{words.STATUS_FIELDS[status]: delta for status, delta in statuses.items()})
    return Answer(stock_levels=_levels(state, levels))


def _on_hand(state: State, sku: str, location: str, status: str) -> int:
    units: int = getattr(state.level(sku, location), words.STATUS_FIELDS[status])
    return units


def _check_on_hand(state: State, deltas: dict[StatusKey, int]) -> None:
    for key, delta in deltas.items():
        state.know_stocked_sku(key[0])
        state.know_location(key[1])
        check_change(state, key, delta)


def check_change(state: State, key: StatusKey, delta: int) -> None:
    sku, location, status = key
    on_hand = _on_hand(state, sku, location, status)
    where: words.Metadata = {"sku": sku, "location": location}
    if on_hand + delta < 0:
        raise Refused("ADJUSTMENT_BELOW_ZERO", where | {"status": status, "delta": delta, "on_hand": on_hand})
    if on_hand + delta > words.MAX_QUANTITY:
        raise Refused("QUANTITY_OVERFLOW", where)


def _change_on_hand(state: State, deltas: dict[StatusKey, int]) -> Answer:
    """Books a movement for each SKU, location and status."""
    for (sku, location, status), delta in deltas.items():
        state.move(sku, location, **{words.STATUS_FIELDS[status]: delta})
    return Answer(stock_levels=_levels(state, dict.fromkeys((sku, location) for sku, location, _ in deltas)))


def _levels(state: State, keys: dict[LevelKey, None]) -> tuple[words.StockLevel, ...]:
    return tuple(state.levels[key] for key in keys)


# What waits for items that nobody knows.


def _park(state: State, request: OnHand) -> Answer | None:
    unknown = dict.fromkeys(line.sku for line in request.lines if line.sku not in state.items)
    if not unknown or not request.park_unknown:
        return None
    parked = Document(
        kind=words.PARKED,
        document_id=f"{state.segment}-parked-{state.position}",
        state=words.WAITING,
        origin=type(request).__name__,
        lines=tuple(DocumentLine(sku=sku) for sku in unknown),
    )
    return Answer(parked_id=state.keep_document(parked).document_id)


def discard_parked(state: State, request: requests.DiscardParkedRequest) -> Answer:
    parked = state.live_document(words.PARKED, request.parked_id)
    return Answer(document=state.keep_document(replace(parked, state=words.DISCARDED, note=request.reason)))


# What is announced.


def plan_inbound(state: State, request: requests.PlanInbound) -> Answer:
    state.know_location(request.location)
    for line in request.lines:
        state.know_stocked_sku(line.sku)
    is_new = (words.INBOUND, request.inbound_id) not in state.documents
    if is_new and request.lines:
        known = Document(
            kind=words.INBOUND,
            document_id=request.inbound_id,
            state=words.EXPECTED,
            location=request.location,
        )
    else:
        known = state.live_document(words.INBOUND, request.inbound_id)
    if known.location != request.location:
        raise exceeds_document(known, request.location, 0)
    received = {line.sku: line.received for line in known.lines if line.received}
    announced = {line.sku: line.quantity for line in request.lines}
    lines = tuple(
        _expected(sku, announced.get(sku, received.get(sku, 0)), received.get(sku, 0)) for sku in announced | received
    )
    return Answer(
        document=state.keep_document(
            _closed_if_nothing_is_open(replace(known, expected_time=request.expected_time.us, lines=lines))
        )
    )


def _expected(sku: str, quantity: int, received: int) -> DocumentLine:
    return DocumentLine(sku=sku, quantity=quantity, received=received, open=max(0, quantity - received))


def _closed_if_nothing_is_open(inbound: Document) -> Document:
    return inbound if any(line.open for line in inbound.lines) else replace(inbound, state=words.CLOSED)


def _inbound_of(state: State, request: requests.ReceiveStock, sums: dict[StatusKey, int]) -> Document:
    inbound = state.live_document(words.INBOUND, request.inbound_id)
    for (_, location, _), units in sums.items():
        if location != inbound.location:
            raise exceeds_document(inbound, location, units)
    return inbound


def _received_on(inbound: Document, request: requests.ReceiveStock) -> Document:
    came = summed((line.sku, line.quantity) for line in request.lines)
    lines = tuple(_expected(line.sku, line.quantity, line.received + came.get(line.sku, 0)) for line in inbound.lines)
    return _closed_if_nothing_is_open(replace(inbound, lines=lines))


# What is on its way.


def ship(state: State, request: requests.ShipTransfer) -> Answer:
    state.refuse_document(words.TRANSFER, request.transfer_id)
    state.know_location(request.from_location)
    state.know_location(request.to_location)
    for line in request.lines:
        state.know_stocked_sku(line.sku)
    for line in request.lines:
        if state.level(line.sku, request.to_location).in_transit + line.quantity > words.MAX_QUANTITY:
            raise Refused("QUANTITY_OVERFLOW", {"sku": line.sku, "location": request.to_location})
    there = {line.sku: state.level(line.sku, request.from_location).physical for line in request.lines}
    short = [
        ShortLine(
            sku=line.sku,
            location=request.from_location,
            requested=line.quantity,
            available=max(0, there[line.sku]),
        )
        for line in request.lines
        if there[line.sku] < line.quantity
    ]
    if short:
        raise words.insufficient_stock(*short)
    for line in request.lines:
        state.move(line.sku, request.from_location, sellable=-line.quantity)
        state.move(line.sku, request.to_location, in_transit=line.quantity)
    transfer = Document(
        kind=words.TRANSFER,
        document_id=request.transfer_id,
        state=words.IN_TRANSIT,
        location=request.to_location,
        origin=request.from_location,
        expected_time=request.expected_time.us if request.expected_time else 0,
        lines=tuple(DocumentLine(sku=line.sku, quantity=line.quantity, open=line.quantity) for line in request.lines),
    )
    return Answer(document=state.keep_document(transfer))


def receive_transfer(state: State, request: requests.ReceiveTransfer) -> Answer:
    transfer = state.live_document(words.TRANSFER, request.transfer_id)
    place = transfer.location
    on_the_way = {line.sku: line for line in transfer.lines}
    everything = tuple(
        requests.TransferReceiptLine(sku=line.sku, received_quantity=line.open) for line in transfer.lines if line.open
    )
    arrived = request.lines or everything
    for line in arrived:
        units = line.received_quantity + line.lost_quantity
        still_open = on_the_way[line.sku].open if line.sku in on_the_way else 0
        if units > still_open or units == 0:
            raise exceeds_document(transfer, line.sku, units, still_open)
        check_change(state, (line.sku, place, line.status), line.received_quantity)
    for line in arrived:
        units = line.received_quantity + line.lost_quantity
        state.move(line.sku, place, in_transit=-units, **{words.STATUS_FIELDS[line.status]: line.received_quantity})
        known = on_the_way[line.sku]
        on_the_way[line.sku] = replace(
            known,
            open=known.open - units,
            received=known.received + line.received_quantity,
            lost=known.lost + line.lost_quantity,
        )
    is_open = any(line.open for line in on_the_way.values())
    end = transfer.state if is_open else words.COMPLETED
    return Answer(document=state.keep_document(replace(transfer, state=end, lines=tuple(on_the_way.values()))))
