"""The arithmetic of availability, as the design says it: sums over every location, anew for every question."""

from model import requests, words
from model.state import State

UNCAPPED = words.MAX_QUANTITY**2


def safety(state: State, sku: str, location: str) -> int:
    """The most particular rule counts."""
    keys = ((sku, location), (sku, ""), ("", location))
    return next((state.safety[key] for key in keys if key in state.safety), 0)


def net(state: State, sku: str, location: str) -> int:
    return state.level(sku, location).physical - safety(state, sku, location)


def pool_units(state: State, sku: str, pool: str) -> int:
    return sum(max(0, net(state, sku, location)) for location in state.pools[pool])


def guarantees(state: State, sku: str, pool: str, channel: str) -> int:
    """What the other channels that sell from the pool have been guaranteed of the SKU, and have not used."""
    return sum(
        share.unused
        for (of_sku, other), share in state.shares.items()
        if of_sku == sku and other != channel and state.pool_of_channel[other] == pool
    )


def sharing_pools(state: State, pool: str) -> list[str]:
    """The pools that have a location in common with this one, itself included."""
    own = set(state.pools[pool])
    return [other for other, locations in state.pools.items() if own & set(locations)]


def limited(state: State, sku: str, channel: str, units: int) -> int:
    """What the channel may sell if its pool has so many units: without what others are guaranteed now and
    without its buffer, and no more than its cap leaves.
    """
    kept = sum(
        min(guarantees(state, sku, other, channel), pool_units(state, sku, other))
        for other in sharing_pools(state, state.pool_of_channel[channel])
    )
    buffer = state.buffers.get((channel, sku), state.buffers.get((channel, ""), 0))
    return max(0, min(cap_left(state, sku, channel), units - kept - buffer))


def cap_left(state: State, sku: str, channel: str) -> int:
    """What the cap of the channel's allotment leaves; more than there can be of anything without one."""
    share = state.shares.get((sku, channel))
    return UNCAPPED if share is None or share.cap is None else share.cap - share.used


def available_to(state: State, sku: str, channel: str) -> int:
    """ATS of a channel."""
    if parts := state.items[sku].parts:
        return min(available_to(state, part.sku, channel) // part.quantity for part in parts)
    return limited(state, sku, channel, pool_units(state, sku, state.pool_of_channel[channel]))


def available_at(state: State, sku: str, location: str) -> int:
    """ATS of a location."""
    if parts := state.items[sku].parts:
        return min(available_at(state, part.sku, location) // part.quantity for part in parts)
    return max(0, net(state, sku, location))


def backorder_room(state: State, sku: str, channel: str) -> int:
    """How many units may be promised to a channel that are not there yet, beyond those that it may sell.

    None while there are units where they would wait that are kept from the channel: whoever waits there gets these.
    """
    rule = state.backorders.get(sku)
    available = available_to(state, sku, channel)
    if rule is None or net(state, sku, rule.location) > available:
        return 0
    return max(0, min(rule_room(state, sku, channel), cap_left(state, sku, channel) - available))


def rule_room(state: State, sku: str, channel: str) -> int:
    """How many more units may wait by the rule alone."""
    rule = state.backorders.get(sku)
    if rule is None or state.items[sku].parts or rule.location not in state.pool(channel):
        return 0
    cap = rule.preorder_cap if is_preorder(state, rule) else rule.backorder_cap
    return max(0, cap - state.level(sku, rule.location).backordered)


def is_preorder(state: State, rule: requests.BackorderRule) -> bool:
    return rule.release_time is not None and state.now < rule.release_time.us


def promised_time(state: State, rule: requests.BackorderRule) -> int:
    """What is told to those who wait; 0 if nothing is."""
    time = rule.release_time if is_preorder(state, rule) else rule.expected_time
    return time.us if time else 0


# Available to promise: what can be promised for a day.


def promisable_at(state: State, sku: str, location: str, time: int) -> int:
    """ATP of a location."""
    if parts := state.items[sku].parts:
        return min(promisable_at(state, part.sku, location, time) // part.quantity for part in parts)
    return max(0, _lowest_from(state, sku, location, time))


def promisable_to(state: State, sku: str, channel: str, time: int) -> int:
    """ATP of a channel."""
    if parts := state.items[sku].parts:
        return min(promisable_to(state, part.sku, channel, time) // part.quantity for part in parts)
    units = sum(max(0, _lowest_from(state, sku, location, time)) for location in state.pool(channel))
    return limited(state, sku, channel, units)


def _lowest_from(state: State, sku: str, location: str, time: int) -> int:
    """The fewest units that there will be on the day or any later one."""
    today = state.now // words.DAY
    first = max(time // words.DAY, today)
    supply = _expected_supply(state, sku, location)
    demand = _dated_demand(state, sku, location)
    later = sum(units for day, units in demand if day > today)
    days = {first, *(day for day, _ in (*supply, *demand) if day > first)}
    return net(state, sku, location) + min(
        later
        + sum(units for due, units in supply if today <= due <= day)
        - sum(units for due, units in demand if today < due <= day)
        for day in days
    )


def _expected_supply(state: State, sku: str, location: str) -> list[tuple[int, int]]:
    """Days and units of what is announced and on its way."""
    return [
        (document.expected_time // words.DAY, line.open)
        for document in state.documents.values()
        if document.kind in {words.INBOUND, words.TRANSFER}
        if document.location == location and document.expected_time and document.state not in words.ENDS
        for line in document.lines
        if line.sku == sku
    ]


def _dated_demand(state: State, sku: str, location: str) -> list[tuple[int, int]]:
    """Days and units of what is promised and not there yet."""
    return [
        (line.expected_time // words.DAY, line.backordered)
        for reservation in state.live.values()
        for line in reservation.lines
        if (line.sku, line.location) == (sku, location) and line.backordered and line.expected_time
    ]
