"""Where the units of a demand come from: what each line finds, one line after another, in one basket."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import inf

from model import formula, words
from model.requests import BackorderRule, DemandLine, Sourcing
from model.state import State
from model.words import LevelKey

REASONS = {words.POOL: words.POOL_ORDER, words.NEAREST: words.NEAREST, words.MOST_STOCK: words.MOST_STOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Units of one line of a reservation; `waiting` are those of them that are not there."""

    sku: str
    location: str
    units: int
    waiting: int = 0
    ordered_sku: str = ""
    sourcing: str
    expected_time: int = 0


@dataclass(slots=True)
class Basket:
    """What one reservation takes, before it is booked."""

    state: State
    channel: str
    sourcing: Sourcing
    split: bool
    # Whether what is guaranteed to others is left alone.
    guarded: bool = True
    placements: list[Placement] = field(default_factory=list)
    taken: dict[LevelKey, int] = field(default_factory=dict)

    @property
    def pool(self) -> tuple[str, ...]:
        return self.state.pool(self.channel)

    @property
    def reason(self) -> str:
        return REASONS[self.sourcing.order]

    # What there is for this basket.

    def limit(self, sku: str) -> int:
        """What the channel may still take of a SKU."""
        return min(formula.available_to(self.state, sku, self.channel) - self._taken_of(sku), self.cap_left(sku))

    def cap_left(self, sku: str) -> int:
        """What its cap leaves: what waits counts like what is taken."""
        waiting = sum(placement.waiting for placement in self.placements if placement.sku == sku)
        return formula.cap_left(self.state, sku, self.channel) - self._taken_of(sku) - waiting

    def _taken_of(self, sku: str) -> int:
        return sum(units for (of_sku, _), units in self.taken.items() if of_sku == sku)

    def left(self, sku: str, location: str) -> int:
        """What can be taken at a location without touching what is guaranteed to others from other pools."""
        state = self.state
        own_pool = state.pool_of_channel[self.channel]
        least = formula.net(state, sku, location) - self.taken.get((sku, location), 0)
        for pool, locations in state.pools.items():
            guaranteed = formula.guarantees(state, sku, pool, self.channel)
            if self.guarded and pool != own_pool and location in locations and guaranteed:
                units = formula.pool_units(state, sku, pool)
                taken = sum(self.taken.get((sku, place), 0) for place in locations)
                least = min(least, units - min(guaranteed, units) - taken)
        return least

    def room(self, sku: str, location: str) -> int:
        return min(self.left(sku, location), self.limit(sku))

    def room_to_wait(self, rule: BackorderRule) -> int:
        """How many units of a SKU may wait by its rule; none while there are units at the place."""
        level = (rule.sku, rule.location)
        waiting = sum(part.waiting for part in self.placements if (part.sku, part.location) == level)
        if formula.net(self.state, *level) - self.taken.get(level, 0) - waiting > 0:
            return 0
        by_rule = formula.rule_room(self.state, rule.sku, self.channel) - waiting
        return max(0, min(by_rule, self.cap_left(rule.sku)))

    def kits(self, sku: str, location: str) -> int:
        parts = self.state.items[sku].parts
        return min(self.room(part.sku, location) // part.quantity for part in parts)

    def order(self, sku: str) -> list[str]:
        """The locations that have units, in the order in which they are drawn from."""
        stocked = [location for location in self.pool if formula.net(self.state, sku, location) > 0]
        if self.sourcing.order == words.NEAREST:
            distances = self.state.distances[self.sourcing.destination]
            return sorted(stocked, key=lambda location: distances.get(location, inf))
        if self.sourcing.order == words.MOST_STOCK:
            return sorted(stocked[: words.MAX_STOCKED_LOCATIONS], key=lambda location: -self.left(sku, location))
        return stocked

    # Taking.

    def take(self, placement: Placement) -> None:
        self.placements.append(placement)
        key = (placement.sku, placement.location)
        self.taken[key] = self.taken.get(key, 0) + placement.units - placement.waiting

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is taken inside is put back if that raises NotEnough."""
        placements, taken = self.placements[:], dict(self.taken)
        try:
            yield
        except NotEnough:
            self.placements, self.taken = placements, taken
            raise

    def place(self, line: DemandLine, *, partial: bool, ordered_sku: str = "", reason: str = "") -> "Found":
        """Takes what a line asks for, or as much of it as there is if a part is welcome; else nothing.

        What cannot be reached without taking what is guaranteed to others is not there for a line that must be whole.
        """
        is_kit = bool(self.state.items[line.sku].parts)
        available, shares = self._find_kits(line) if is_kit else self._find_units(line)
        wanted = line.quantity if available >= line.quantity else available if partial else 0
        why = reason or (words.NAMED_LOCATION if line.location else self.reason)
        placed = 0
        try:
            with self.attempt():
                for sku, location, units in shares(wanted) if wanted else ():
                    of = line.sku if is_kit else ordered_sku
                    self.take(Placement(sku=sku, location=location, units=units, ordered_sku=of, sourcing=why))
                    placed += units
                if placed < wanted and not partial:
                    raise NotEnough
        except NotEnough:
            return Found(placed=0, available=available if is_kit else placed)
        return Found(placed=wanted if is_kit else placed, available=available)

    def _find_units(self, line: DemandLine) -> "Sources":
        """How many units a line of an ordinary SKU finds at most, and where so many of them come from."""
        sku = line.sku
        if not line.location and self.split:
            return max(0, self.limit(sku)), lambda wanted: self._drawn(sku, wanted)
        places = [line.location] if line.location else self.order(sku)
        best, most = best_of(places, line.quantity, lambda place: self.room(sku, place))
        return most, lambda wanted: [(sku, best, wanted)]

    def _find_kits(self, line: DemandLine) -> "Sources":
        """The same of a kit: units and places of its parts."""
        parts = self.state.items[line.sku].parts
        if not line.location and self.split:
            most = max(0, min(self.limit(part.sku) // part.quantity for part in parts))
            return most, lambda wanted: self._drawn_parts(line.sku, wanted)
        places = [line.location] if line.location else self.order(parts[0].sku)
        best, most = best_of(places, line.quantity, lambda place: self.kits(line.sku, place))
        return most, lambda wanted: [(part.sku, best, wanted * part.quantity) for part in parts]

    def _drawn(self, sku: str, wanted: int) -> Iterator["Source"]:
        """So many units, along the order; fewer if what is guaranteed to others is in the way."""
        for location in self.order(sku):
            units = min(wanted, self.left(sku, location))
            if units > 0:
                wanted -= units
                yield sku, location, units

    def _drawn_parts(self, kit: str, wanted: int) -> Iterator["Source"]:
        for part in self.state.items[kit].parts:
            rest = wanted * part.quantity
            for sku, location, units in self._drawn(part.sku, rest):
                rest -= units
                yield sku, location, units
            if rest:
                raise NotEnough

    # All at one place.

    def place_together(self, lines: list[DemandLine]) -> bool:
        """Takes all of these lines from the first location that has them whole, if there is one."""
        parts = self.state.items[lines[0].sku].parts
        candidates = self.order(parts[0].sku if parts else lines[0].sku)
        for location in candidates[: words.MAX_SHIP_COMPLETE_CANDIDATES]:
            with suppress(NotEnough), self.attempt():
                for line in lines:
                    here = replace(line, location=location)
                    if self.place(here, partial=False, reason=words.SHIP_COMPLETE).placed < line.quantity:
                        raise NotEnough
                return True
        return False


Source = tuple[str, str, int]
Sources = tuple[int, Callable[[int], Iterable[Source]]]


def best_of(places: list[str], wanted: int, room: Callable[[str], int]) -> tuple[str, int]:
    """The first place with enough, or else the first of those with the most; and what there is at most."""
    rooms = [(place, max(0, room(place))) for place in places]
    best, most = max(rooms, key=lambda pair: pair[1], default=("", 0))
    return next((place for place, units in rooms if units >= wanted), best), most


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Units, or kits."""

    placed: int
    available: int


class NotEnough(Exception):
    """What was begun is taken back."""
