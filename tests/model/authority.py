"""The reference model: predicts every answer of the authority, with nothing but arithmetic.

It decides one request at a time and keeps everything in dictionaries. Time stands still until it is told.
It knows nothing of processes, stores or protos; what the engine does to be fast and durable must not be
visible in any answer, and a visible difference is a defect of one of the two.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

from model import words
from model.words import Answer, DemandLine, Refused, Reservation, ReservationLine, ShortLine, StockLevel

LevelKey = tuple[str, str]
Placement = tuple[str, str, int]
Metadata = dict[str, object]
STATUS_FIELDS = {words.SELLABLE: "sellable", words.QUALITY_HOLD: "quality_hold", words.DAMAGED: "damaged"}


class ModelAuthority:
    """One segment. Refusals are raised; whatever is answered has happened."""

    def __init__(self, new_reservation_id: Callable[[], str] | None = None) -> None:
        """Reservation ids come from the authority, so whoever compares the two says what the next one is."""
        numbers = count(1)
        self.new_reservation_id = new_reservation_id or (lambda: f"reservation-{next(numbers)}")
        self.now = 0
        self.position = 0
        self.scales: dict[str, int] = {}
        self.locations: set[str] = set()
        self.pools: dict[str, tuple[str, ...]] = {}
        self.pool_of_channel: dict[str, str] = {}
        self.levels: dict[LevelKey, StockLevel] = {}
        self.reservations: dict[str, Reservation] = {}
        self.outcomes: dict[str, tuple[words.Request, Answer]] = {}

    # Reading.

    def level(self, sku: str, location: str) -> StockLevel:
        return self.levels.get((sku, location), StockLevel(sku=sku, location=location))

    def available_at(self, sku: str, location: str) -> int:
        self._know_sku(sku)
        self._know_location(location)
        return max(0, self.level(sku, location).net)

    def available_to(self, sku: str, channel: str) -> int:
        self._know_sku(sku)
        return sum(max(0, self.level(sku, location).net) for location in self._pool(channel))

    # Time.

    def tell_time(self, now: int) -> None:
        """Moves the segment's clock, never back, and expires every hold that is due."""
        self.now = max(self.now, now)
        for reservation in list(self.reservations.values()):
            due = reservation.expire_time is not None and reservation.expire_time <= self.now
            if reservation.state == words.HELD and due:
                self._give_back(reservation, open_units(reservation), "expired")

    # Deciding.

    def decide(self, request: words.Request) -> Answer:
        if request.request_id in self.outcomes:
            return self._replay(request)
        deciders: dict[type, Callable[..., Answer]] = {
            words.PutItems: self._put_items,
            words.PutLocations: self._put_locations,
            words.PutPools: self._put_pools,
            words.PutChannels: self._put_channels,
            words.CreateReservation: self._create_reservation,
            words.CommitReservation: self._commit_reservation,
            words.ExtendReservation: self._extend_reservation,
            words.ReleaseReservation: self._release_reservation,
            words.ReceiveStock: self._receive_stock,
            words.AdjustStock: self._adjust_stock,
        }
        effect = deciders[type(request)](request)
        self.position += 1
        answer = replace(effect, position=self.position)
        self.outcomes[request.request_id] = (request, answer)
        return answer

    def _replay(self, request: words.Request) -> Answer:
        first, answer = self.outcomes[request.request_id]
        field = "method" if type(first) is not type(request) else words.first_difference(first, request)
        if field:
            raise Refused("REQUEST_ID_REUSED", {"request_id": request.request_id, "field": field})
        return replace(answer, replayed=True)

    # Master data.

    def _put_items(self, request: words.PutItems) -> Answer:
        for item in request.items:
            in_use = any(sku == item.sku for sku, _ in self.levels)
            if in_use and self.scales[item.sku] != item.scale:
                raise Refused("SCALE_IN_USE", {"sku": item.sku, "scale": self.scales[item.sku]})
        self.scales.update({item.sku: item.scale for item in request.items})
        return Answer(position=0)

    def _put_locations(self, request: words.PutLocations) -> Answer:
        self.locations.update(location.location for location in request.locations)
        return Answer(position=0)

    def _put_pools(self, request: words.PutPools) -> Answer:
        for pool in request.pools:
            for location in pool.locations:
                self._know_location(location)
        pools = self.pools | {pool.pool: pool.locations for pool in request.pools}
        for location in self.locations:
            if sum(location in locations for locations in pools.values()) > words.MAX_POOLS_PER_LOCATION:
                raise limit_exceeded("max_pools_per_location", words.MAX_POOLS_PER_LOCATION)
        self.pools = pools
        return Answer(position=0)

    def _put_channels(self, request: words.PutChannels) -> Answer:
        for channel in request.channels:
            if channel.pool not in self.pools:
                raise Refused("UNKNOWN_POOL", {"pool": channel.pool})
        changed = {channel.channel: channel.pool for channel in request.channels}
        pool_of_channel = self.pool_of_channel | changed
        served = list(pool_of_channel.values())
        for pool in changed.values():
            if served.count(pool) > words.MAX_CHANNELS_PER_POOL:
                raise limit_exceeded("max_channels_per_pool", words.MAX_CHANNELS_PER_POOL)
        self.pool_of_channel = pool_of_channel
        return Answer(position=0)

    # Reservations.

    def _create_reservation(self, request: words.CreateReservation) -> Answer:
        pool = self._pool(request.channel)
        for line in request.lines:
            self._know_sku(line.sku)
            if line.location:
                self._know_location(line.location)
                if line.location not in pool:
                    raise Refused("LOCATION_NOT_IN_POOL", {"channel": request.channel, "location": line.location})
        demand = sum_demand(request.lines)
        partial = request.fill_policy == words.PARTIAL
        net = {(line.sku, place): self.level(line.sku, place).net for line in demand for place in pool}
        taken: dict[LevelKey, list[tuple[str, int]]] = {}
        available: dict[LevelKey, int] = {}
        # Lines that name their location come first: a sourced line can go elsewhere, they cannot.
        for line in sorted(demand, key=lambda line: line.location == ""):
            places = (line.location,) if line.location else pool
            split = bool(line.location) or request.allow_split
            placed, available[line.sku, line.location] = place_line(line, places, net, split, partial)
            taken[line.sku, line.location] = placed
            for place, quantity in placed:
                net[line.sku, place] -= quantity
        reserved = {key: sum(quantity for _, quantity in placed) for key, placed in taken.items()}
        short = [line for line in demand if reserved[line.sku, line.location] < line.quantity]
        placements = [(sku, place, units) for (sku, _), placed in taken.items() for place, units in placed]
        if len(placements) > words.MAX_PLACEMENTS_PER_RESERVATION:
            raise limit_exceeded("max_placements_per_reservation", words.MAX_PLACEMENTS_PER_RESERVATION)
        if short and (not partial or not placements):
            raise insufficient_stock(short, available)
        return Answer(
            position=0,
            reservation=self._reserve(request, placements),
            shortfalls=tuple(
                words.Shortfall(
                    sku=line.sku,
                    location=line.location,
                    requested=line.quantity,
                    reserved=reserved[line.sku, line.location],
                )
                for line in short
            ),
        )

    def _reserve(self, request: words.CreateReservation, placements: list[Placement]) -> Reservation:
        for sku, location, units in placements:
            self._move(sku, location, held=units)
        reservation = Reservation(
            reservation_id=self.new_reservation_id(),
            state=words.HELD,
            channel=request.channel,
            order_id=request.order_id,
            lines=tuple(
                ReservationLine(line_number=number, sku=sku, location=location, quantity=units, open=units)
                for number, (sku, location, units) in enumerate(placements, start=1)
            ),
            create_time=self.now,
            expire_time=self.now + request.ttl.seconds * words.SECOND,
            update_time=self.now,
        )
        self.reservations[reservation.reservation_id] = reservation
        return reservation

    def _commit_reservation(self, request: words.CommitReservation) -> Answer:
        reservation = self._held_reservation(request.reservation_id)
        for line in reservation.lines:
            if line.open:
                self._move(line.sku, line.location, held=-line.open, committed=line.open)
        return self._keep(replace(reservation, state=words.COMMITTED, expire_time=None))

    def _extend_reservation(self, request: words.ExtendReservation) -> Answer:
        reservation = self._held_reservation(request.reservation_id)
        assert reservation.expire_time is not None
        expire_time = max(reservation.expire_time, self.now + request.ttl.seconds * words.SECOND)
        return self._keep(replace(reservation, expire_time=expire_time))

    def _release_reservation(self, request: words.ReleaseReservation) -> Answer:
        reservation = self._live_reservation(request.reservation_id)
        still_open = open_units(reservation)
        given_back = {} if request.lines else still_open
        for line in request.lines:
            where: Metadata = {"reservation_id": reservation.reservation_id, "line_number": line.line_number}
            if line.line_number not in still_open:
                raise Refused("UNKNOWN_LINE", where)
            units = still_open[line.line_number]
            if units == 0 or line.quantity > units:
                raise Refused("RELEASE_EXCEEDS_OPEN", where | {"requested": line.quantity, "open": units})
            given_back[line.line_number] = line.quantity or units
        return Answer(position=0, reservation=self._give_back(reservation, given_back, "released"))

    def _give_back(self, reservation: Reservation, units: dict[int, int], counter: str) -> Reservation:
        bucket = "held" if reservation.state == words.HELD else "committed"
        lines = []
        for line in reservation.lines:
            if quantity := units.get(line.line_number, 0):
                self._move(line.sku, line.location, **{bucket: -quantity})
                counted = {counter: getattr(line, counter) + quantity}
                lines.append(replace(line, open=line.open - quantity, **counted))
            else:
                lines.append(line)
        ended = words.RELEASED if counter == "released" else words.EXPIRED
        state = reservation.state if any(line.open for line in lines) else ended
        after = self._keep(replace(reservation, lines=tuple(lines), state=state)).reservation
        assert after is not None
        return after

    # Stock.

    def _receive_stock(self, request: words.ReceiveStock) -> Answer:
        lines = request.lines
        return self._change_stock([(line.sku, line.location, line.status, line.quantity) for line in lines])

    def _adjust_stock(self, request: words.AdjustStock) -> Answer:
        lines = request.lines
        return self._change_stock([(line.sku, line.location, line.status, line.delta_quantity) for line in lines])

    def _change_stock(self, lines: list[tuple[str, str, str, int]]) -> Answer:
        deltas: dict[tuple[str, str, str], int] = {}
        for sku, location, status, delta in lines:
            deltas[sku, location, status] = deltas.get((sku, location, status), 0) + delta
        for (sku, location, status), delta in deltas.items():
            self._know_sku(sku)
            self._know_location(location)
            on_hand = getattr(self.level(sku, location), STATUS_FIELDS[status])
            where: Metadata = {"sku": sku, "location": location}
            if on_hand + delta < 0:
                short = {"status": status, "delta": delta, "on_hand": on_hand}
                raise Refused("ADJUSTMENT_BELOW_ZERO", where | short)
            if on_hand + delta > words.MAX_QUANTITY:
                raise Refused("QUANTITY_OVERFLOW", where)
        for (sku, location, status), delta in deltas.items():
            self._move(sku, location, **{STATUS_FIELDS[status]: delta})
        touched = dict.fromkeys((sku, location) for sku, location, _ in deltas)
        return Answer(position=0, stock_levels=tuple(self.levels[key] for key in touched))

    # Leaves.

    def _move(self, sku: str, location: str, **deltas: int) -> None:
        level = self.level(sku, location)
        changed = {name: getattr(level, name) + delta for name, delta in deltas.items()}
        self.levels[sku, location] = replace(level, **changed, version=level.version + 1)

    def _keep(self, reservation: Reservation) -> Answer:
        kept = replace(reservation, update_time=self.now)
        self.reservations[kept.reservation_id] = kept
        return Answer(position=0, reservation=kept)

    def _know_sku(self, sku: str) -> None:
        if sku not in self.scales:
            raise Refused("UNKNOWN_SKU", {"sku": sku})

    def _know_location(self, location: str) -> None:
        if location not in self.locations:
            raise Refused("UNKNOWN_LOCATION", {"location": location})

    def _pool(self, channel: str) -> tuple[str, ...]:
        if channel not in self.pool_of_channel:
            raise Refused("UNKNOWN_CHANNEL", {"channel": channel})
        return self.pools[self.pool_of_channel[channel]]

    def _live_reservation(self, reservation_id: str) -> Reservation:
        if reservation_id not in self.reservations:
            raise Refused("UNKNOWN_RESERVATION", {"reservation_id": reservation_id})
        reservation = self.reservations[reservation_id]
        reasons = {words.RELEASED: "ALREADY_RELEASED", words.EXPIRED: "RESERVATION_EXPIRED"}
        if reservation.state in reasons:
            raise Refused(reasons[reservation.state], {"reservation_id": reservation_id, "state": reservation.state})
        return reservation

    def _held_reservation(self, reservation_id: str) -> Reservation:
        reservation = self._live_reservation(reservation_id)
        if reservation.state == words.COMMITTED:
            raise Refused("ALREADY_COMMITTED", {"reservation_id": reservation_id, "state": words.COMMITTED})
        return reservation


def open_units(reservation: Reservation) -> dict[int, int]:
    return {line.line_number: line.open for line in reservation.lines}


def sum_demand(lines: Iterable[DemandLine]) -> list[DemandLine]:
    """Lines of the same SKU and location become one, at the place of their first appearance."""
    summed: dict[LevelKey, DemandLine] = {}
    for line in lines:
        first = summed.get((line.sku, line.location), replace(line, quantity=0))
        summed[line.sku, line.location] = replace(first, quantity=first.quantity + line.quantity)
    return list(summed.values())


def place_line(
    line: DemandLine, places: tuple[str, ...], net: dict[LevelKey, int], split: bool, partial: bool
) -> tuple[list[tuple[str, int]], int]:
    """Where the units of one line come from, and how many there could be at most.

    A line that is not filled takes nothing, unless a part of it is welcome.
    """
    there = [(place, max(0, net[line.sku, place])) for place in places]
    if split:
        placed, rest = [], line.quantity
        for place, units in there:
            if taken := min(units, rest):
                placed.append((place, taken))
                rest -= taken
        return (placed if partial or not rest else []), sum(units for _, units in there)
    greatest = max(there, key=lambda placed: placed[1], default=("", 0))
    enough = next((place for place, units in there if units >= line.quantity), None)
    if enough is not None:
        return [(enough, line.quantity)], greatest[1]
    return ([greatest] if partial and greatest[1] else []), greatest[1]


def insufficient_stock(short: list[DemandLine], available: dict[LevelKey, int]) -> Refused:
    lines = tuple(
        ShortLine(
            sku=line.sku,
            location=line.location,
            requested=line.quantity,
            available=available[line.sku, line.location],
        )
        for line in short
    )
    first = lines[0]
    metadata: Metadata = {
        "sku": first.sku,
        "location": first.location,
        "requested": first.requested,
        "available": first.available,
        "short_lines": len(lines),
    }
    return Refused("INSUFFICIENT_STOCK", metadata, lines)


def limit_exceeded(limit: str, value: int) -> Refused:
    return Refused("LIMIT_EXCEEDED", {"limit": limit, "value": value})
