"""Commands of the RPCs about master data and rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import rules_pb2

from holdfast_server.decide.commands import Command
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.requests.mutation import mutation, time_given
from holdfast_server.records import RuleKind

_NO_CAP: Final = -1


def put_items(request: catalog.PutItemsRequest, caller: Caller) -> Command:
    rows = [
        (
            item.sku,
            item.display_name,
            item.base_unit or "piece",
            item.scale,
            item.inactive,
            [(part.sku, part.quantity) for part in item.parts],
        )
        for item in request.items
    ]
    weight = len(rows) + sum(len(item.parts) for item in request.items)
    return mutation(request, caller, name="put_items", arguments=(rows,), line_count=weight)


def put_locations(request: catalog.PutLocationsRequest, caller: Caller) -> Command:
    rows = [(place.location, place.display_name, int(place.kind)) for place in request.locations]
    return mutation(request, caller, name="put_locations", arguments=(rows,), line_count=len(rows))


def put_pools(request: catalog.PutPoolsRequest, caller: Caller) -> Command:
    rows = [(pool.pool, pool.display_name, list(pool.locations)) for pool in request.pools]
    weight = sum(len(pool.locations) for pool in request.pools) + len(rows)
    return mutation(request, caller, name="put_pools", arguments=(rows,), line_count=weight)


def put_channels(request: catalog.PutChannelsRequest, caller: Caller) -> Command:
    rows = [(channel.channel, channel.display_name, channel.pool) for channel in request.channels]
    return mutation(request, caller, name="put_channels", arguments=(rows,), line_count=len(rows))


def put_rules(request: catalog.PutRulesRequest, caller: Caller) -> Command:
    rows = [_rule_row(rule) for rule in request.rules]
    weight = len(rows) + sum(len(rule.distances.locations) for rule in request.rules)
    return mutation(request, caller, name="put_rules", arguments=(rows,), line_count=weight, reason=request.reason)


def move_allotment(request: catalog.MoveAllotmentRequest, caller: Caller) -> Command:
    return mutation(
        request,
        caller,
        name="move_allotment",
        arguments=(request.sku, request.from_channel, request.to_channel, request.quantity),
        reason=request.reason,
    )


RuleKey = tuple[RuleKind, str, str, str, str]
"""What a rule is about: its kind, SKU, location, channel and name, each as far as the kind has it."""


def key_of_rule(rule: rules_pb2.Rule) -> RuleKey:
    """Returns the key of a rule whose kind is set."""
    kind = _KINDS[rule.WhichOneof("kind")]
    said: Any = getattr(rule, rule.WhichOneof("kind"))
    if kind is RuleKind.HOLD_LIMIT:
        return kind, "", "", "", f"{int(said.scope)}|{said.name}"
    if kind is RuleKind.DISTANCES:
        return kind, "", "", "", said.destination
    location = said.location if kind is RuleKind.SAFETY_STOCK else ""
    channel = said.channel if kind in (RuleKind.CHANNEL_BUFFER, RuleKind.ALLOTMENT) else ""
    return kind, said.sku, location, channel, ""


def _rule_row(rule: rules_pb2.Rule) -> tuple[Any, ...]:
    said: Any = getattr(rule, rule.WhichOneof("kind"))
    kind, *names = key_of_rule(rule)
    # Of a rule that no longer holds only the key counts.
    return (int(kind), *names, rule.removed, _VALUES[kind](type(said)() if rule.removed else said))


def _allotment_values(said: rules_pb2.Allotment) -> tuple[Any, ...]:
    cap = said.cap_quantity if said.HasField("cap_quantity") else _NO_CAP
    return said.guaranteed_quantity, cap, time_given(said, "expire_time")


def _backorder_values(said: rules_pb2.BackorderRule) -> tuple[Any, ...]:
    expected_us, release_us = time_given(said, "expected_time"), time_given(said, "release_time")
    return said.location, said.backorder_cap, expected_us, said.preorder_cap, release_us


def _distances_values(said: rules_pb2.Distances) -> tuple[Any, ...]:
    rows = [(place.location, place.distance) for place in said.locations]
    return (sorted(rows, key=lambda row: row[1]),)


_KINDS: Final[dict[str | None, RuleKind]] = {kind.name.lower(): kind for kind in RuleKind}
# The values of each kind, in the order of layouts.RULE_VALUES.
_VALUES: Final[dict[RuleKind, Callable[[Any], tuple[Any, ...]]]] = {
    RuleKind.SAFETY_STOCK: lambda said: (said.quantity,),
    RuleKind.CHANNEL_BUFFER: lambda said: (said.quantity,),
    RuleKind.ALLOTMENT: _allotment_values,
    RuleKind.BACKORDER: _backorder_values,
    RuleKind.SUBSTITUTION: lambda said: (list(said.substitute_skus),),
    RuleKind.HOLD_LIMIT: lambda said: (said.max_open_holds,),
    RuleKind.DISTANCES: _distances_values,
}
