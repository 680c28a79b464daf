"""The records that the scripts read, made of what the ledger holds. Pure: no connection.

The shapes are those of scripts/parts/catalog.lua, reservations.lua and supply.lua. What follows from reservations and
documents (who waits, who holds, what is expected) is collected while they pass by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast_server import layouts
from holdfast_server.decide.keys import level_field
from holdfast_server.decide.limits import MICROSECONDS
from holdfast_server.decide.packing import pack
from holdfast_server.records import (
    Channel,
    Document,
    DocumentKind,
    Item,
    Location,
    Pool,
    Reservation,
    ReservationState,
    Rule,
    RuleKind,
    StockLevel,
)

_NONE: Final = -1
_DAY_US: Final = 86_400 * MICROSECONDS
_CUSTOMER, _CALLER = 1, 2


def level_image(level: StockLevel) -> bytes:
    """Returns a packed level; what most levels never have is left out while it is zero."""
    balance = (level.version, level.sellable, level.quality_hold, level.damaged, level.held, level.committed)
    rare = (level.backordered, level.in_transit)
    return pack(balance + rare if any(rare) else balance)


@dataclass(slots=True)
class RuleBook:
    """The rules, sorted by what the scripts find them by."""

    by_item: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    safety_of_item: dict[str, int] = field(default_factory=dict)
    safety_rules_of_item: Counter[str] = field(default_factory=Counter)
    safety_of_location: dict[str, int] = field(default_factory=dict)
    buffer_of_channel: dict[str, int] = field(default_factory=dict)
    by_field: dict[str, bytes] = field(default_factory=dict)
    """Those that are not about one item alone, packed."""
    ends: dict[str, int] = field(default_factory=dict)
    """When allotments end, by what has to be done then."""

    def add(self, rule: Rule) -> None:
        """Takes a rule in."""
        match rule.kind:
            case RuleKind.SAFETY_STOCK:
                self._add_safety(rule)
            case RuleKind.CHANNEL_BUFFER if not rule.sku:
                self.buffer_of_channel[rule.channel] = rule.values[0]
            case RuleKind.CHANNEL_BUFFER:
                self._share(rule)[-1] = rule.values[0]
            case RuleKind.ALLOTMENT:
                self._add_allotment(rule)
            case RuleKind.BACKORDER:
                self.by_item[rule.sku]["backorder"] = list(rule.values)
            case RuleKind.SUBSTITUTION:
                self.by_item[rule.sku]["substitutes"] = list(rule.values[0])
            case RuleKind.HOLD_LIMIT:
                self.by_field[f"hold|{rule.name}"] = pack(list(rule.values))
            case RuleKind.DISTANCES:
                self.by_field[f"distances|{rule.name}"] = pack(rule.values[0])

    def _add_safety(self, rule: Rule) -> None:
        (units,) = rule.values
        if not rule.sku:
            self.safety_of_location[rule.location] = units
        elif not rule.location:
            self.safety_of_item[rule.sku] = units
        else:
            self.safety_rules_of_item[rule.sku] += 1
            self.by_field[f"safety|{rule.sku}|{rule.location}"] = pack([units])

    def _share(self, rule: Rule) -> list[int]:
        shares: dict[str, list[int]] = self.by_item[rule.sku].setdefault("channels", {})
        return shares.setdefault(rule.channel, [0, 0, _NONE, 0, 0, 0, _NONE])

    def _add_allotment(self, rule: Rule) -> None:
        guaranteed, cap, expire_us = rule.values
        self._share(rule)[:6] = [1, guaranteed, cap, rule.used, rule.start_position, expire_us]
        if expire_us:
            self.ends[f"!ends|{rule.sku}|{rule.channel}"] = expire_us

    def add_kit(self, kit: Item) -> None:
        """Takes in of which parts a kit is made."""
        self.by_item[kit.sku]["parts"] = [list(part) for part in kit.parts]
        for sku, _ in kit.parts:
            self.by_item[sku]["part_of"] = self.by_item[sku].get("part_of", 0) + 1

    def item_image(self, item: Item, level_count: int) -> bytes:
        """Returns a packed item; one without rules is the pair of its scale and its number of levels."""
        rules: dict[str, Any] = self.by_item.get(item.sku, {})
        safety, safety_rules = self.safety_of_item.get(item.sku, _NONE), self.safety_rules_of_item[item.sku]
        if not (rules or item.inactive or safety_rules) and safety == _NONE:
            return pack((item.scale, level_count))
        # The version only has to differ from that of sums that were kept; a new epoch has none.
        return pack((item.scale, level_count, int(item.inactive), 0, safety, safety_rules, rules or False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Locations, pools and channels as the scripts know them: each with what it needs of the others."""

    locations: dict[str, bytes]
    pools: dict[str, bytes]
    channels: dict[str, bytes]


def catalog_images(
    locations: Iterable[Location], pools: Iterable[tuple[Pool, int]], channels: Iterable[Channel], rules: RuleBook
) -> Catalog:
    """Returns the packed catalogue; `pools` come with their versions."""
    ranks: dict[str, dict[str, int]] = {location.location: {} for location in locations}
    known = list(pools)
    pool_of_channel = {channel.channel: channel.pool for channel in channels}
    for pool, _ in known:
        for rank, location in enumerate(pool.locations):
            ranks[location][pool.pool] = rank
    images = {}
    for pool, version in known:
        overlaps = {other for location in pool.locations for other in ranks[location]} - {pool.pool}
        safety = {
            location: rules.safety_of_location[location]
            for location in pool.locations
            if rules.safety_of_location.get(location)
        }
        sellers = [channel for channel, of_pool in pool_of_channel.items() if of_pool == pool.pool]
        images[pool.pool] = pack((version, pool.locations, sellers, sorted(overlaps), safety))
    return Catalog(
        locations={
            location: pack((of_pools, rules.safety_of_location.get(location, 0)))
            for location, of_pools in ranks.items()
        },
        pools=images,
        channels={
            channel: pack((pool, rules.buffer_of_channel.get(channel, 0))) for channel, pool in pool_of_channel.items()
        },
    )


@dataclass(slots=True)
class Derived:
    """What follows from live reservations and documents."""

    due: dict[str, int] = field(default_factory=dict)
    holders: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, int] = field(default_factory=dict)
    expected: dict[str, dict[str, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    owed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add_reservation(self, reservation: Reservation) -> None:
        """Notes when a hold expires and who holds it, and the lines that wait."""
        if reservation.state is ReservationState.HELD:
            self.due[reservation.reservation_id] = reservation.expire_us
            self.holders[f"{_CALLER}|{reservation.holder}"] += 1
            if reservation.customer_id:
                self.holders[f"{_CUSTOMER}|{reservation.customer_id}"] += 1
        for number, line in enumerate(reservation.lines, start=1):
            if not line.backordered:
                continue
            place = f"{line.sku}|{line.location}|{line.wait_position:016d}|{number:05d}|{reservation.reservation_id}"
            self.waiting[place] = 0
            # Whether there are units for it by now is for the first tick to see.
            self.due[f"!cover|{line.sku}|{line.location}"] = 0
            if line.expected_us:
                self.owed[level_field(line.sku, line.location)][str(line.expected_us // _DAY_US)] += line.backordered

    def add_document(self, document: Document) -> None:
        """Notes what is expected on a plan or a transfer."""
        if document.kind not in (DocumentKind.INBOUND, DocumentKind.TRANSFER) or not document.expected_us:
            return
        names = layouts.DOCUMENT_LINES[document.kind.name]
        sku_at, open_at = names.index("sku"), names.index("open")
        for line in document.lines:
            still_open = int(line[open_at])
            if still_open:
                at = level_field(str(line[sku_at]), document.location)
                self.expected[at][document_field(document)] = (document.expected_us, still_open)

    def supply_images(self) -> Iterator[tuple[str, bytes]]:
        """Yields the packed supply of every level that has any."""
        for at in self.places():
            yield at, pack((self.expected.get(at, {}), dict(self.owed.get(at, {}))))

    def places(self) -> dict[str, int]:
        """Returns the index of the levels that have any supply."""
        return dict.fromkeys(self.expected.keys() | self.owed.keys(), 0)


def document_field(document: Document) -> str:
    """The field of a document. The separator cannot occur in an identifier."""
    return f"{int(document.kind)}|{document.document_id}"
