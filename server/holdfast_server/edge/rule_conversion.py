"""Turns rules and allotments into the messages of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from holdfast.inventory.v1 import rules_pb2 as pb

from holdfast_server.edge.conversion import timestamp
from holdfast_server.records import AllotmentStanding, Rule, RuleKind


def allotment(sku: str, channel: str, standing: AllotmentStanding) -> pb.Allotment:
    """Returns the message of an allotment as it stands."""
    message = pb.Allotment(
        sku=sku, channel=channel, guaranteed_quantity=standing.guaranteed, used_quantity=standing.used
    )
    if standing.cap >= 0:
        message.cap_quantity = standing.cap
    if standing.expire_us:
        message.expire_time.CopyFrom(timestamp(standing.expire_us))
    return message


def rule(value: Rule) -> pb.Rule:
    """Returns the message of a rule in force."""
    return _MESSAGES[value.kind](value)


def _safety_stock(value: Rule) -> pb.Rule:
    (quantity,) = value.values
    return pb.Rule(safety_stock=pb.SafetyStock(sku=value.sku, location=value.location, quantity=quantity))


def _channel_buffer(value: Rule) -> pb.Rule:
    (quantity,) = value.values
    return pb.Rule(channel_buffer=pb.ChannelBuffer(channel=value.channel, sku=value.sku, quantity=quantity))


def _allotment(value: Rule) -> pb.Rule:
    guaranteed, cap, expire_us = value.values
    standing = AllotmentStanding(guaranteed=guaranteed, cap=cap, expire_us=expire_us, used=value.used)
    return pb.Rule(allotment=allotment(value.sku, value.channel, standing))


def _backorder(value: Rule) -> pb.Rule:
    location, backorder_cap, expected_us, preorder_cap, release_us = value.values
    said = pb.BackorderRule(sku=value.sku, location=location, backorder_cap=backorder_cap, preorder_cap=preorder_cap)
    if expected_us:
        said.expected_time.CopyFrom(timestamp(expected_us))
    if release_us:
        said.release_time.CopyFrom(timestamp(release_us))
    return pb.Rule(backorder=said)


def _substitution(value: Rule) -> pb.Rule:
    (substitutes,) = value.values
    return pb.Rule(substitution=pb.SubstitutionRule(sku=value.sku, substitute_skus=substitutes))


def _hold_limit(value: Rule) -> pb.Rule:
    (max_open_holds,) = value.values
    scope, _, name = value.name.partition("|")
    said = pb.HoldLimit(scope=int(scope), name=name, max_open_holds=max_open_holds)  # type: ignore[arg-type]
    return pb.Rule(hold_limit=said)


def _distances(value: Rule) -> pb.Rule:
    (places,) = value.values
    locations: list[Any] = [pb.LocationDistance(location=location, distance=distance) for location, distance in places]
    return pb.Rule(distances=pb.Distances(destination=value.name, locations=locations))


_MESSAGES: Final[dict[RuleKind, Callable[[Rule], pb.Rule]]] = {
    RuleKind.SAFETY_STOCK: _safety_stock,
    RuleKind.CHANNEL_BUFFER: _channel_buffer,
    RuleKind.ALLOTMENT: _allotment,
    RuleKind.BACKORDER: _backorder,
    RuleKind.SUBSTITUTION: _substitution,
    RuleKind.HOLD_LIMIT: _hold_limit,
    RuleKind.DISTANCES: _distances,
}
