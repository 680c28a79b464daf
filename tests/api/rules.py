"""Rules of the trade, each in a line."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import rules_pb2 as rules
from holdfast.inventory.v1.rules_pb2 import Rule


def safety_stock(quantity: int, *, sku: str = "", location: str = "") -> Rule:
    return Rule(safety_stock=rules.SafetyStock(sku=sku, location=location, quantity=quantity))


def channel_buffer(quantity: int, *, channel: str, sku: str = "") -> Rule:
    return Rule(channel_buffer=rules.ChannelBuffer(channel=channel, sku=sku, quantity=quantity))


def allotment(
    sku: str, channel: str, *, guaranteed: int = 0, cap: int | None = None, ends: Timestamp | None = None
) -> Rule:
    given = rules.Allotment(
        sku=sku, channel=channel, guaranteed_quantity=guaranteed, cap_quantity=cap, expire_time=ends
    )
    return Rule(allotment=given)


def backorder(sku: str, location: str, cap: int = 0, **times: Any) -> Rule:
    """`expected_time`; and for a preorder `preorder_cap` and `release_time`."""
    return Rule(backorder=rules.BackorderRule(sku=sku, location=location, backorder_cap=cap, **times))


def substitution(sku: str, *substitutes: str) -> Rule:
    return Rule(substitution=rules.SubstitutionRule(sku=sku, substitute_skus=substitutes))


def hold_limit_of_customer(name: str, max_open_holds: int) -> Rule:
    scope = rules.HOLDER_SCOPE_CUSTOMER
    return Rule(hold_limit=rules.HoldLimit(scope=scope, name=name, max_open_holds=max_open_holds))


def hold_limit_of_caller(name: str, max_open_holds: int) -> Rule:
    scope = rules.HOLDER_SCOPE_CALLER
    return Rule(hold_limit=rules.HoldLimit(scope=scope, name=name, max_open_holds=max_open_holds))


def distances(destination: str, *places: tuple[str, int]) -> Rule:
    far = [rules.LocationDistance(location=location, distance=distance) for location, distance in places]
    return Rule(distances=rules.Distances(destination=destination, locations=far))


def removed(rule: Rule) -> Rule:
    """The same rule, that is to hold no longer."""
    gone = Rule(removed=True)
    gone.MergeFrom(rule)
    return gone
