"""The rules of requests that no rule of one field alone can say: what excludes, needs or repeats what else."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Final

from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import reservation_pb2, rules_pb2
from holdfast.inventory.v1 import stock_pb2 as stock
from holdfast.inventory.v1 import subscription_service_pb2 as subscription
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1 import watch_pb2 as watch

from holdfast_server.edge.requests.catalog import RuleKey, key_of_rule
from holdfast_server.refusals import Violation
from holdfast_server.settings import Settings


def _repeated(path: str, field: str, keys: Iterable[Hashable], what: str = "{}") -> Iterator[Violation]:
    """Yields a violation for each element whose key repeats that of an earlier one."""
    seen = set()
    for index, key in enumerate(keys):
        if key in seen:
            name = f"{path}[{index}].{field}" if field else f"{path}[{index}]"
            yield Violation(field=name, description=f"{what.format(key)} is named more than once")
        seen.add(key)


def _repeated_values(path: str, field: str, messages: Any) -> Iterator[Violation]:
    """Yields a violation for each element whose key field repeats that of an earlier one."""
    return _repeated(path, field, (getattr(message, field) for message in messages))


def _only_with(field: str, given: bool, needed: bool, condition: str) -> Iterator[Violation]:
    """Yields a violation if a field is given where it must not be, or left out where it must be given."""
    if given and not needed:
        yield Violation(field=field, description=f"may be given only with {condition}")
    elif needed and not given:
        yield Violation(field=field, description=f"must be given with {condition}")


def _keys_have_scope(path: str, keys: Any) -> Iterator[Violation]:
    for index, key in enumerate(keys):
        if key.WhichOneof("scope") is None:
            prefix = f"{path}[{index}]" if path == "keys" else path
            yield Violation(field=f"{prefix}.scope", description="a channel or a location must be given")


def _get_availability(request: inventory.GetAvailabilityRequest, _: Settings) -> Iterator[Violation]:
    yield from _keys_have_scope("key", [request.key])


def _batch_get_availability(request: inventory.BatchGetAvailabilityRequest, settings: Settings) -> Iterator[Violation]:
    yield from _keys_have_scope("keys", request.keys)
    promises = sum(key.HasField("promise_time") for key in request.keys)
    if promises > settings.max_promises_per_batch:
        yield Violation(
            field="keys",
            description=f"name {promises} promise times; at most {settings.max_promises_per_batch} are accepted",
        )


def _create(request: inventory.CreateReservationRequest, _: Settings) -> Iterable[Violation]:
    if not (request.demand or request.HasField("sourcing") or request.HasField("seen_revision")):
        # As nearly all are: what most reservations do not have costs them nothing.
        return ()
    return _of_demand_and_sourcing(request)


def _of_demand_and_sourcing(request: inventory.CreateReservationRequest) -> Iterator[Violation]:
    if request.demand == inventory.DEMAND_KIND_TOLD:
        yield from _not_of_told_demand(request)
    elif request.HasField("seen_revision"):
        yield Violation(field="seen_revision", description="may be given only with DEMAND_KIND_TOLD")
    if request.HasField("sourcing"):
        is_nearest = request.sourcing.order == reservation_pb2.SOURCING_ORDER_NEAREST
        has_destination = bool(request.sourcing.destination)
        yield from _only_with("sourcing.destination", has_destination, is_nearest, "SOURCING_ORDER_NEAREST")


def _not_of_told_demand(request: inventory.CreateReservationRequest) -> Iterator[Violation]:
    for field, given in (
        ("ttl", request.HasField("ttl")),
        ("fill_policy", request.fill_policy),
        ("allow_backorder", request.allow_backorder),
        ("allow_substitution", request.allow_substitution),
    ):
        if given:
            yield Violation(field=field, description="must not be given with DEMAND_KIND_TOLD")


def _batch_create(request: inventory.BatchCreateReservationsRequest, settings: Settings) -> Iterator[Violation]:
    lines = sum(len(one.lines) for one in request.requests)
    if lines > settings.max_lines_per_batch:
        yield Violation(
            field="requests",
            description=f"have {lines} lines; at most {settings.max_lines_per_batch} are accepted",
        )
    if request.trace_parents and len(request.trace_parents) != len(request.requests):
        yield Violation(
            field="trace_parents",
            description=f"has {len(request.trace_parents)} elements; requests has {len(request.requests)}",
        )


def _release(request: inventory.ReleaseReservationRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("lines", "line_number", request.lines)


def _transfer_reservation(request: fulfillment.TransferReservationRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("lines", "line_number", request.lines)
    for index, line in enumerate(request.lines):
        if line.WhichOneof("destination") is None:
            yield Violation(field=f"lines[{index}].destination", description="a location or a pool must be given")


def _post_fulfillment(request: fulfillment.PostFulfillmentRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("lines", "line_number", request.lines)


def _process_return(request: fulfillment.ProcessReturnRequest, _: Settings) -> Iterator[Violation]:
    step = request.WhichOneof("step")
    if step is None:
        yield Violation(field="step", description="a receipt or an inspection must be given")
    elif step == "inspection":
        yield from _repeated_values("inspection.lines", "line_number", request.inspection.lines)
    else:
        yield from _receipt_of_return(request.receipt)


def _receipt_of_return(receipt: fulfillment.ReturnReceipt) -> Iterator[Violation]:
    numbers, skus = set(), set()
    for index, line in enumerate(receipt.lines):
        path = f"receipt.lines[{index}]"
        if line.line_number and line.sku:
            yield Violation(field=f"{path}.sku", description="must not be given with a line number")
        elif line.line_number:
            if not receipt.reservation_id:
                yield Violation(field=f"{path}.line_number", description="may be given only with a reservation")
            if line.line_number in numbers:
                yield Violation(field=f"{path}.line_number", description=f"{line.line_number} is named more than once")
            numbers.add(line.line_number)
        elif line.sku:
            if line.sku in skus:
                yield Violation(field=f"{path}.sku", description=f"{line.sku} is named more than once")
            skus.add(line.sku)
        else:
            yield Violation(field=f"{path}.line_number", description="a line number or a SKU must be given")


def _lines_by_level(
    request: supply.CountStockRequest | reconciliation.CompareStockRequest, _: Settings
) -> Iterator[Violation]:
    keys = ((line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE) for line in request.lines)
    yield from _repeated("lines", "sku", keys, "this SKU, location and status")


def _watch_availability(request: watch.WatchAvailabilityRequest, settings: Settings) -> Iterator[Violation]:
    if request.subscription and request.filter == watch.AvailabilityFilter():
        return
    if not request.HasField("filter"):
        yield Violation(field="filter", description="must be given, or a subscription")
    else:
        yield from _availability_filter("filter", request.filter, settings)


def _availability_filter(path: str, asked: watch.AvailabilityFilter, settings: Settings) -> Iterator[Violation]:
    scopes = len(asked.channels) + len(asked.locations)
    if not scopes:
        yield Violation(field=f"{path}.channels", description="a channel or a location must be given")
    yield from _repeated_parts(path, asked)
    numbers = len(asked.skus) * scopes
    if numbers > settings.max_named_numbers_per_filter:
        told = f"ask for {numbers} numbers with their channels and locations"
        yield Violation(
            field=f"{path}.skus", description=f"{told}; at most {settings.max_named_numbers_per_filter} are accepted"
        )


def _repeated_parts(path: str, asked: watch.AvailabilityFilter | watch.MovementFilter) -> Iterator[Violation]:
    for field in ("channels", "locations", "skus"):
        yield from _repeated(f"{path}.{field}", "", getattr(asked, field))


def _watch_movements(request: watch.WatchMovementsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_parts("filter", request.filter)
    if request.resume_token and request.HasField("after_revision"):
        yield Violation(field="after_revision", description="must not be given with a token")


def _put_subscription(request: subscription.PutSubscriptionRequest, settings: Settings) -> Iterator[Violation]:
    follows = request.WhichOneof("follows")
    if follows is None:
        yield Violation(field="follows", description="availability or movements must be given")
    elif follows == "availability":
        yield from _availability_filter("availability", request.availability, settings)
    else:
        yield from _repeated_parts("movements", request.movements)


def _retire_history(request: audit.RetireHistoryRequest, _: Settings) -> Iterator[Violation]:
    until = request.WhichOneof("until")
    if until is None:
        yield Violation(field="until", description="until_position or before_time must be given")
    elif until == "before_time" and request.before_time.seconds < 0:
        yield Violation(field="before_time", description="must not lie before 1970")


def _note_posting(request: reconciliation.NotePostingRequest, _: Settings) -> Iterator[Violation]:
    if request.HasField("booked_time") and request.booked_time.seconds < 0:
        yield Violation(field="booked_time", description="must not lie before 1970")


def _move_status(request: fulfillment.MoveStatusRequest, _: Settings) -> Iterator[Violation]:
    for index, line in enumerate(request.lines):
        if line.from_status == line.to_status:
            yield Violation(field=f"lines[{index}].to_status", description="must differ from from_status")


def _lines_by_sku(request: Any, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("lines", "sku", request.lines)


def _ship_transfer(request: supply.ShipTransferRequest, _: Settings) -> Iterator[Violation]:
    if request.from_location == request.to_location:
        yield Violation(field="to_location", description="must differ from from_location")
    yield from _repeated_values("lines", "sku", request.lines)


def _resolve_incident(request: reconciliation.ResolveIncidentRequest, _: Settings) -> Iterator[Violation]:
    for field, resolution, name in (
        ("substitute_sku", reconciliation.RESOLUTION_SUBSTITUTE, "RESOLUTION_SUBSTITUTE"),
        ("to_location", reconciliation.RESOLUTION_TRANSFER, "RESOLUTION_TRANSFER"),
    ):
        given = bool(getattr(request, field))
        yield from _only_with(field, given, request.resolution == resolution, name)


def _put_items(request: catalog.PutItemsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("items", "sku", request.items)
    for index, item in enumerate(request.items):
        yield from _repeated_values(f"items[{index}].parts", "sku", item.parts)


def _put_locations(request: catalog.PutLocationsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("locations", "location", request.locations)


def _put_channels(request: catalog.PutChannelsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("channels", "channel", request.channels)


def _put_pools(request: catalog.PutPoolsRequest, settings: Settings) -> Iterator[Violation]:
    yield from _repeated_values("pools", "pool", request.pools)
    for index, pool in enumerate(request.pools):
        yield from _repeated(f"pools[{index}].locations", "", pool.locations)
    yield from _too_many_locations("pools", sum(len(pool.locations) for pool in request.pools), settings)


def _too_many_locations(field: str, total: int, settings: Settings) -> Iterator[Violation]:
    if total > settings.max_locations_per_put:
        yield Violation(
            field=field,
            description=f"name {total} locations; at most {settings.max_locations_per_put} are accepted",
        )


def _put_rules(request: catalog.PutRulesRequest, settings: Settings) -> Iterator[Violation]:
    seen: set[RuleKey] = set()
    for index, rule in enumerate(request.rules):
        path, kind = f"rules[{index}]", rule.WhichOneof("kind")
        if kind is None:
            yield Violation(field=f"{path}.kind", description="a kind of rule must be given")
            continue
        key = key_of_rule(rule)
        if key in seen:
            yield Violation(field=f"{path}.{kind}", description="has the key of an earlier rule")
        seen.add(key)
        if kind == "hold_limit" and not rule.hold_limit.name.isascii():
            yield Violation(field=f"{path}.hold_limit.name", description="must be ASCII, as callers and customers are")
        if kind == "safety_stock" and not (rule.safety_stock.sku or rule.safety_stock.location):
            yield Violation(field=f"{path}.safety_stock", description="a SKU or a location must be given")
        if not rule.removed:
            yield from _rule_in_force(path, rule)
    total = sum(len(rule.distances.locations) for rule in request.rules)
    yield from _too_many_locations("rules", total, settings)


def _rule_in_force(path: str, rule: rules_pb2.Rule) -> Iterator[Violation]:
    yield from _repeated_values(f"{path}.distances.locations", "location", rule.distances.locations)
    substitutes = f"{path}.substitution.substitute_skus"
    yield from _repeated(substitutes, "", rule.substitution.substitute_skus)
    for number, sku in enumerate(rule.substitution.substitute_skus):
        if sku == rule.substitution.sku:
            yield Violation(field=f"{substitutes}[{number}]", description="must differ from the SKU itself")


def _move_allotment(request: catalog.MoveAllotmentRequest, _: Settings) -> Iterator[Violation]:
    if request.from_channel == request.to_channel:
        yield Violation(field="to_channel", description="must differ from from_channel")


BEYOND_FIELDS: Final[dict[str, Callable[[Any, Settings], Iterable[Violation]]]] = {
    message.DESCRIPTOR.full_name: check
    for message, check in (
        (inventory.GetAvailabilityRequest, _get_availability),
        (inventory.BatchGetAvailabilityRequest, _batch_get_availability),
        (inventory.CreateReservationRequest, _create),
        (inventory.BatchCreateReservationsRequest, _batch_create),
        (inventory.ReleaseReservationRequest, _release),
        (fulfillment.TransferReservationRequest, _transfer_reservation),
        (fulfillment.PostFulfillmentRequest, _post_fulfillment),
        (fulfillment.ProcessReturnRequest, _process_return),
        (fulfillment.MoveStatusRequest, _move_status),
        (supply.CountStockRequest, _lines_by_level),
        (supply.PlanInboundRequest, _lines_by_sku),
        (supply.ShipTransferRequest, _ship_transfer),
        (supply.ReceiveTransferRequest, _lines_by_sku),
        (reconciliation.ResolveIncidentRequest, _resolve_incident),
        (reconciliation.CompareStockRequest, _lines_by_level),
        (catalog.PutItemsRequest, _put_items),
        (catalog.PutLocationsRequest, _put_locations),
        (catalog.PutPoolsRequest, _put_pools),
        (catalog.PutChannelsRequest, _put_channels),
        (catalog.PutRulesRequest, _put_rules),
        (catalog.MoveAllotmentRequest, _move_allotment),
        (audit.RetireHistoryRequest, _retire_history),
        (reconciliation.NotePostingRequest, _note_posting),
        (watch.WatchAvailabilityRequest, _watch_availability),
        (watch.WatchMovementsRequest, _watch_movements),
        (subscription.PutSubscriptionRequest, _put_subscription),
    )
}
"""The check of each request that has such rules, by the name of its message. It may take every field to be valid."""
