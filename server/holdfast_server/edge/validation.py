"""Checks requests against the rules that stand with their fields in the protos. All violations are told at once.

The rules are read from the descriptors once per message type and turned into plain functions, so a check costs a few
microseconds. What a rule cannot say of one field alone is in `_BEYOND_FIELDS`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf import duration_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import field_rule_pb2 as rules
from holdfast.inventory.v1 import inventory_service_pb2 as inventory

from holdfast_server.refusals import Violation
from holdfast_server.settings import Settings

_Check = Callable[[Any, str], Iterator[Violation]]

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-:/+#~]{0,63}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-:/+#~]{7,63}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PAGE_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-=]{1,512}")
_PROSE_LENGTH: Final = 256
_CHARACTERS: Final = "of letters, digits and . _ - : / + # ~, starting with a letter or digit"
_NANOSECONDS: Final = 1_000_000_000


def violations_of(request: Message, settings: Settings) -> list[Violation]:
    """Returns every violation in a request; an empty list if there is none."""
    found = list(_check_of(request.DESCRIPTOR)(request, ""))
    beyond = _BEYOND_FIELDS.get(request.DESCRIPTOR.full_name)
    if beyond is not None and not found:
        found.extend(beyond(request, settings))
    return found


@functools.cache
def _check_of(descriptor: Descriptor) -> _Check:
    """Returns the check of a message type: that of each of its fields, in their order."""
    if descriptor.full_name == inventory.BatchCreateReservationsRequest.DESCRIPTOR.full_name:
        return _check_batch
    checks = [_field_check(field) for field in descriptor.fields]
    present = [check for check in checks if check is not None]

    def check(message: Any, path: str) -> Iterator[Violation]:
        for check_field in present:
            yield from check_field(message, path)

    return check


def _field_check(field: FieldDescriptor) -> _Check | None:
    """Returns the check of one field, or None if any value will do."""
    rule = field.GetOptions().Extensions[rules.rule]
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    required = field_behavior_pb2.REQUIRED in behaviors
    value_check = _value_check(field, rule)
    name = field.name
    if field.is_repeated:
        return _repeated_check(name, required, rule.max_items, value_check)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _message_check(name, required, value_check)
    if value_check is None and not required:
        return None
    in_oneof = field.containing_oneof is not None

    def check(message: Any, path: str) -> Iterator[Violation]:
        value = getattr(message, name)
        if not value:
            if required and field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM):
                yield Violation(field=path + name, description="must be given")
                return
            if field.type == FieldDescriptor.TYPE_STRING and not (in_oneof and message.HasField(name)):
                return
        if value_check is not None:
            yield from value_check(value, path + name)

    return check


def _repeated_check(name: str, required: bool, max_items: int, value_check: _Check | None) -> _Check:
    def check(message: Any, path: str) -> Iterator[Violation]:
        values = getattr(message, name)
        if required and not values:
            yield Violation(field=path + name, description="must have at least one element")
        if max_items and len(values) > max_items:
            yield Violation(
                field=path + name, description=f"has {len(values)} elements; at most {max_items} are accepted"
            )
            return
        if value_check is not None:
            for index, value in enumerate(values):
                yield from value_check(value, f"{path}{name}[{index}]")

    return check


def _message_check(name: str, required: bool, value_check: _Check | None) -> _Check:
    def check(message: Any, path: str) -> Iterator[Violation]:
        if message.HasField(name):
            if value_check is not None:
                yield from value_check(getattr(message, name), path + name)
        elif required:
            yield Violation(field=path + name, description="must be given")

    return check


def _value_check(field: FieldDescriptor, rule: rules.FieldRule) -> _Check | None:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        if field.message_type.full_name == duration_pb2.Duration.DESCRIPTOR.full_name:
            return _duration_check(rule.seconds) if rule.HasField("seconds") else None
        inner = _check_of(field.message_type)
        return lambda message, path: inner(message, path + ".")
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_check(frozenset(field.enum_type.values_by_number))
    if field.type == FieldDescriptor.TYPE_STRING and rule.text:
        return _text_check(rule)
    if rule.HasField("range"):
        return _range_check(rule.range)
    return None


def _enum_check(known: frozenset[int]) -> _Check:
    def check(value: int, path: str) -> Iterator[Violation]:
        if value not in known:
            yield Violation(field=path, description=f"{value} is not a known value")

    return check


def _range_check(allowed: rules.IntegerRange) -> _Check:
    low, high, nonzero = allowed.min, allowed.max, allowed.nonzero

    def check(value: int, path: str) -> Iterator[Violation]:
        if not low <= value <= high:
            yield Violation(field=path, description=f"must be from {low} to {high}")
        elif nonzero and value == 0:
            yield Violation(field=path, description="must not be 0")

    return check


def _duration_check(allowed: rules.IntegerRange) -> _Check:
    low, high = allowed.min * _NANOSECONDS, allowed.max * _NANOSECONDS

    def check(value: duration_pb2.Duration, path: str) -> Iterator[Violation]:
        if not low <= value.seconds * _NANOSECONDS + value.nanos <= high:
            yield Violation(field=path, description=f"must be from {allowed.min} to {allowed.max} seconds")

    return check


def _text_check(rule: rules.FieldRule) -> _Check:
    if rule.text == rules.TEXT_FORMAT_IDENTIFIER:
        return _pattern_check(_IDENTIFIER, f"must be 1 to 64 characters {_CHARACTERS}")
    if rule.text == rules.TEXT_FORMAT_REQUEST_ID:
        return _pattern_check(_REQUEST_ID, f"must be 8 to 64 characters {_CHARACTERS}")
    if rule.text == rules.TEXT_FORMAT_PAGE_TOKEN:
        return _pattern_check(_PAGE_TOKEN, "is not a page token of this service")
    return _prose_check(rule.max_length or _PROSE_LENGTH)


def _pattern_check(pattern: re.Pattern[str], description: str) -> _Check:
    fullmatch = pattern.fullmatch

    def check(value: str, path: str) -> Iterator[Violation]:
        if not fullmatch(value):
            yield Violation(field=path, description=description)

    return check


def _prose_check(max_length: int) -> _Check:
    def check(value: str, path: str) -> Iterator[Violation]:
        if len(value) > max_length:
            yield Violation(field=path, description=f"must have at most {max_length} characters")
        elif _CONTROL.search(value):
            yield Violation(field=path, description="must not contain control characters")

    return check


def _repeated_values(path: str, field: str, messages: Any) -> Iterator[Violation]:
    """Yields a violation for each element whose key field repeats that of an earlier one."""
    seen = set()
    for index, message in enumerate(messages):
        value = getattr(message, field)
        if value in seen:
            yield Violation(field=f"{path}[{index}].{field}", description=f"{value} is named more than once")
        seen.add(value)


def _keys_have_scope(path: str, keys: Any) -> Iterator[Violation]:
    for index, key in enumerate(keys):
        if key.WhichOneof("scope") is None:
            prefix = f"{path}[{index}]" if path == "keys" else path
            yield Violation(field=f"{prefix}.scope", description="a channel or a location must be given")


def _beyond_get_availability(request: inventory.GetAvailabilityRequest, _: Settings) -> Iterator[Violation]:
    yield from _keys_have_scope("key", [request.key])


def _beyond_batch_get_availability(request: inventory.BatchGetAvailabilityRequest, _: Settings) -> Iterator[Violation]:
    yield from _keys_have_scope("keys", request.keys)


def _beyond_release(request: inventory.ReleaseReservationRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("lines", "line_number", request.lines)


def _beyond_put_items(request: catalog.PutItemsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("items", "sku", request.items)


def _beyond_put_locations(request: catalog.PutLocationsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("locations", "location", request.locations)


def _beyond_put_channels(request: catalog.PutChannelsRequest, _: Settings) -> Iterator[Violation]:
    yield from _repeated_values("channels", "channel", request.channels)


def _beyond_put_pools(request: catalog.PutPoolsRequest, settings: Settings) -> Iterator[Violation]:
    yield from _repeated_values("pools", "pool", request.pools)
    total = 0
    for index, pool in enumerate(request.pools):
        seen = set()
        for number, location in enumerate(pool.locations):
            if location in seen:
                yield Violation(
                    field=f"pools[{index}].locations[{number}]",
                    description=f"{location} is named more than once",
                )
            seen.add(location)
        total += len(pool.locations)
    if total > settings.max_locations_per_put:
        yield Violation(
            field="pools",
            description=f"name {total} locations; at most {settings.max_locations_per_put} are accepted",
        )


def _check_batch(request: inventory.BatchCreateReservationsRequest, _: str) -> Iterator[Violation]:
    """Checks a batch as a whole. What is wrong with one of its requests refuses only that one."""
    max_items = request.DESCRIPTOR.fields_by_name["requests"].GetOptions().Extensions[rules.rule].max_items
    yield from _repeated_check("requests", True, max_items, None)(request, "")


def _beyond_batch_create(request: inventory.BatchCreateReservationsRequest, settings: Settings) -> Iterator[Violation]:
    lines = sum(len(one.lines) for one in request.requests)
    if lines > settings.max_lines_per_batch:
        yield Violation(
            field="requests",
            description=f"have {lines} lines; at most {settings.max_lines_per_batch} are accepted",
        )


_BEYOND_FIELDS: Final[dict[str, Callable[[Any, Settings], Iterator[Violation]]]] = {
    inventory.BatchCreateReservationsRequest.DESCRIPTOR.full_name: _beyond_batch_create,
    inventory.GetAvailabilityRequest.DESCRIPTOR.full_name: _beyond_get_availability,
    inventory.BatchGetAvailabilityRequest.DESCRIPTOR.full_name: _beyond_batch_get_availability,
    inventory.ReleaseReservationRequest.DESCRIPTOR.full_name: _beyond_release,
    catalog.PutItemsRequest.DESCRIPTOR.full_name: _beyond_put_items,
    catalog.PutLocationsRequest.DESCRIPTOR.full_name: _beyond_put_locations,
    catalog.PutPoolsRequest.DESCRIPTOR.full_name: _beyond_put_pools,
    catalog.PutChannelsRequest.DESCRIPTOR.full_name: _beyond_put_channels,
}
