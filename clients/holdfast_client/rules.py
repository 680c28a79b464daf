"""The rules of the trade, as a caller puts them in force and removes them.

    from holdfast_client import rules

    await client.put_rules(
        [rules.safety_stock(5, sku="85123A"), rules.allotment("85123A", "WEB", guaranteed=100)],
        remove=[rules.channel_buffer("OUTLET")],
    )

Each rule has a key, which says what it is about; a rule with the same key replaces the one that was there. To remove
a rule its key is enough. Quantities are whole numbers of the item's base unit at its scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.inventory.v1 import rules_pb2

from holdfast_client.moments import Moment, timestamp_of

RuleKind = (
    rules_pb2.SafetyStock
    | rules_pb2.ChannelBuffer
    | rules_pb2.Allotment
    | rules_pb2.BackorderRule
    | rules_pb2.SubstitutionRule
    | rules_pb2.HoldLimit
    | rules_pb2.Distances
)
"""What a rule can say."""

RuleLike = rules_pb2.Rule | RuleKind
"""A rule: a Rule, or the message of what it says."""

_FIELDS: Final = {
    field.message_type.full_name: field.name for field in rules_pb2.Rule.DESCRIPTOR.oneofs_by_name["kind"].fields
}


def safety_stock(quantity: int = 0, *, sku: str = "", location: str = "") -> rules_pb2.SafetyStock:
    """Units that are not sold. Key: SKU and location; the most particular rule counts.

    Without a SKU it holds for every SKU at the location, without a location for every location of the SKU.
    """
    return rules_pb2.SafetyStock(sku=sku, location=location, quantity=quantity)


def channel_buffer(channel: str, quantity: int = 0, *, sku: str = "") -> rules_pb2.ChannelBuffer:
    """Units that a channel does not sell, of one SKU or of every SKU. Key: channel and SKU."""
    return rules_pb2.ChannelBuffer(channel=channel, sku=sku, quantity=quantity)


def allotment(
    sku: str, channel: str, *, guaranteed: int = 0, cap: int | None = None, expire_time: Moment | None = None
) -> rules_pb2.Allotment:
    """A channel's share of a SKU. Key: SKU and channel. Replacing an allotment keeps what is used of it.

    Args:
        sku: The SKU.
        channel: The channel.
        guaranteed: The units that other channels may not take while they are not used.
        cap: The most units that the channel may reserve. None: no cap.
        expire_time: When the allotment ends. None: never.
    """
    return rules_pb2.Allotment(
        sku=sku,
        channel=channel,
        guaranteed_quantity=guaranteed,
        cap_quantity=cap,
        expire_time=timestamp_of(expire_time),
    )


def backorder(
    sku: str,
    location: str = "",
    *,
    cap: int = 0,
    expected_time: Moment | None = None,
    preorder_cap: int = 0,
    release_time: Moment | None = None,
) -> rules_pb2.BackorderRule:
    """How many units may be promised that are not there yet. Key: SKU.

    Args:
        sku: The SKU.
        location: Where the units are awaited.
        cap: The most units that may wait at a time, once the item is released.
        expected_time: The time that is told to those who wait.
        preorder_cap: The most units that may wait at a time before the item is released.
        release_time: When the item is released. None: it is.
    """
    return rules_pb2.BackorderRule(
        sku=sku,
        location=location,
        backorder_cap=cap,
        expected_time=timestamp_of(expected_time),
        preorder_cap=preorder_cap,
        release_time=timestamp_of(release_time),
    )


def substitution(sku: str, substitutes: Iterable[str] = ()) -> rules_pb2.SubstitutionRule:
    """What may be sold instead of a SKU, unit for unit, the best first, at most 10. Key: SKU."""
    return rules_pb2.SubstitutionRule(sku=sku, substitute_skus=substitutes)


def customer_hold_limit(max_open_holds: int = 0, *, customer: str = "") -> rules_pb2.HoldLimit:
    """How many open holds one customer may have, or without a name every customer. Key: the customer."""
    return rules_pb2.HoldLimit(scope=rules_pb2.HOLDER_SCOPE_CUSTOMER, name=customer, max_open_holds=max_open_holds)


def caller_hold_limit(max_open_holds: int = 0, *, caller: str = "") -> rules_pb2.HoldLimit:
    """How many open holds one calling program may have, or without a name every one. Key: the caller."""
    return rules_pb2.HoldLimit(scope=rules_pb2.HOLDER_SCOPE_CALLER, name=caller, max_open_holds=max_open_holds)


def distances(destination: str, locations: Mapping[str, int] | None = None) -> rules_pb2.Distances:
    """How far locations are from a destination, in whatever unit. Key: destination."""
    return rules_pb2.Distances(
        destination=destination,
        locations=[
            rules_pb2.LocationDistance(location=location, distance=distance)
            for location, distance in (locations or {}).items()
        ],
    )


def rule_of(rule: RuleLike, *, removed: bool = False) -> rules_pb2.Rule:
    """Make the message of a rule; with `removed`, one that no longer holds."""
    if isinstance(rule, rules_pb2.Rule):
        made = rules_pb2.Rule()
        made.CopyFrom(rule)
    else:
        made = rules_pb2.Rule(**{_FIELDS[rule.DESCRIPTOR.full_name]: rule})
    made.removed = made.removed or removed
    return made
