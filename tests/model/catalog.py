"""Master data and the rules of the trade."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model import requests, words
from model.state import State, kit_conflict
from model.words import Answer, Refused, Share


def put_items(state: State, request: requests.PutItems) -> Answer:
    after = state.items | {item.sku: item for item in request.items}
    for item in request.items:
        in_use = any(sku == item.sku for sku, _ in state.levels)
        if in_use and state.items[item.sku].scale != item.scale:
            raise Refused("SCALE_IN_USE", {"sku": item.sku, "scale": state.items[item.sku].scale})
        if in_use and item.parts:
            raise kit_conflict(item.sku, "HAS_STOCK")
        if item.parts and _is_and_stays_a_part(item.sku, state.items, after):
            raise kit_conflict(item.sku, "NOT_NESTED")
        for part in item.parts:
            if part.sku not in after:
                raise Refused("UNKNOWN_SKU", {"sku": part.sku})
            if part.sku == item.sku or after[part.sku].parts:
                raise kit_conflict(part.sku, "NOT_NESTED")
    state.items = after
    return Answer()


def _is_and_stays_a_part(sku: str, before: dict[str, requests.Item], after: dict[str, requests.Item]) -> bool:
    """Whether another item is made of it, and is not made of something else by the same request."""
    return any(
        kit != sku and all(sku in {part.sku for part in items[kit].parts} for items in (before, after))
        for kit in before
    )


def put_locations(state: State, request: requests.PutLocations) -> Answer:
    state.locations = state.locations | {location.location for location in request.locations}
    return Answer()


def put_pools(state: State, request: requests.PutPools) -> Answer:
    for pool in request.pools:
        for location in pool.locations:
            state.know_location(location)
    pools = state.pools | {pool.pool: pool.locations for pool in request.pools}
    for location in state.locations:
        if sum(location in locations for locations in pools.values()) > words.MAX_POOLS_PER_LOCATION:
            raise words.limit_exceeded("max_pools_per_location", words.MAX_POOLS_PER_LOCATION)
    state.pools = pools
    return Answer()


def put_channels(state: State, request: requests.PutChannels) -> Answer:
    for channel in request.channels:
        if channel.pool not in state.pools:
            raise Refused("UNKNOWN_POOL", {"pool": channel.pool})
    changed = {channel.channel: channel.pool for channel in request.channels}
    pool_of_channel = state.pool_of_channel | changed
    served = list(pool_of_channel.values())
    for pool in changed.values():
        if served.count(pool) > words.MAX_CHANNELS_PER_POOL:
            raise words.limit_exceeded("max_channels_per_pool", words.MAX_CHANNELS_PER_POOL)
    state.pool_of_channel = pool_of_channel
    return Answer()


# Rules.


def put_rules(state: State, request: requests.PutRules) -> Answer:
    for rule in request.rules:
        if not rule.removed:
            _check_rule(state, rule.given)
    for rule in request.rules:
        rules, key, value = _entry(state, rule.given)
        if rule.removed:
            rules.pop(key, None)
        else:
            rules[key] = value
    return Answer()


def _check_rule(state: State, rule: requests.AnyRule) -> None:
    """A rule names only what exists, and is not about the stock of a kit."""
    if isinstance(rule, requests.ChannelBuffer):
        if rule.sku:
            state.know_sku(rule.sku)
        state.know_channel(rule.channel)
        return
    if sku := getattr(rule, "sku", ""):
        state.know_stocked_sku(sku)
    if location := getattr(rule, "location", ""):
        state.know_location(location)
    if isinstance(rule, requests.Allotment):
        state.know_channel(rule.channel)
    if isinstance(rule, requests.SubstitutionRule):
        for substitute in rule.substitute_skus:
            state.know_stocked_sku(substitute)
    if isinstance(rule, requests.Distances):
        for place in rule.locations:
            state.know_location(place.location)


def _entry(state: State, rule: requests.AnyRule) -> tuple[dict[Any, Any], object, object]:
    """Where a rule is kept, under which key, and what is kept of it."""
    entry_of: dict[type, Callable[[Any], tuple[dict[Any, Any], object, object]]] = {
        requests.SafetyStock: lambda r: (state.safety, (r.sku, r.location), r.quantity),
        requests.ChannelBuffer: lambda r: (state.buffers, (r.channel, r.sku), r.quantity),
        requests.Allotment: lambda r: (state.shares, (r.sku, r.channel), _share(state, r)),
        requests.BackorderRule: lambda r: (state.backorders, r.sku, r),
        requests.SubstitutionRule: lambda r: (state.substitutes, r.sku, r.substitute_skus),
        requests.HoldLimit: lambda r: (state.hold_limits, (r.scope, r.name), r.max_open_holds),
        requests.Distances: lambda r: (
            state.distances,
            r.destination,
            {place.location: place.distance for place in r.locations},
        ),
    }
    return entry_of[type(rule)](rule)


def _share(state: State, rule: requests.Allotment) -> Share:
    """A new allotment begins now with nothing used; one that is replaced keeps both."""
    known = state.shares.get((rule.sku, rule.channel))
    return Share(
        guaranteed=rule.guaranteed_quantity,
        cap=rule.cap_quantity,
        expire_time=rule.expire_time.us if rule.expire_time else 0,
        used=known.used if known else 0,
        start_position=known.start_position if known else state.position,
    )


def move_allotment(state: State, request: requests.MoveAllotment) -> Answer:
    state.know_stocked_sku(request.sku)
    state.know_channel(request.from_channel)
    state.know_channel(request.to_channel)
    giver = state.shares.get((request.sku, request.from_channel))
    taker = state.shares.get((request.sku, request.to_channel))
    movable = giver.unused if giver and taker else 0
    if giver is None or taker is None or movable < request.quantity:
        channel = request.to_channel if giver and not taker else request.from_channel
        metadata: words.Metadata = {"sku": request.sku, "channel": channel}
        raise Refused("ALLOTMENT_TOO_SMALL", metadata | {"requested": request.quantity, "movable": movable})
    after = (
        replace(giver, guaranteed=giver.guaranteed - request.quantity),
        replace(taker, guaranteed=taker.guaranteed + request.quantity),
    )
    state.shares[request.sku, request.from_channel], state.shares[request.sku, request.to_channel] = after
    return Answer(shares=after)
