"""Checks requests against the rules that stand with their fields in the protos. All violations are told at once.

The rules are read from the descriptors once per message type and turned into plain functions, so a check costs a few
microseconds. What a rule cannot say of one field alone is in beyond_fields.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from holdfast.inventory.v1 import field_rule_pb2 as rules
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import rules_pb2

from holdfast_server.edge.beyond_fields import BEYOND_FIELDS
from holdfast_server.refusals import Violation
from holdfast_server.settings import Settings

_Path = tuple[str | int, ...]
_Check = Callable[[Any, _Path, list[Violation]], None]
"""Looks at a value at a path, and adds what is wrong with it."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-:/+#~]{0,63}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-:/+#~]{7,63}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PAGE_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-=]{1,512}")
_RESUME_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-=]{1,8192}")
_PROSE_LENGTH: Final = 256
_CHARACTERS: Final = "of letters, digits and . _ - : / + # ~, starting with a letter or digit"
_NANOSECONDS: Final = 1_000_000_000
# The years 1 to 9999: what a Timestamp may say.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
# What a rule is about. Nothing else of it counts, nor is checked, once it no longer holds.
_KEY_FIELDS: Final = frozenset({"sku", "location", "channel", "scope", "name", "destination"})


def violations_of(request: Message, settings: Settings) -> list[Violation]:
    """Returns every violation in a request; an empty list if there is none."""
    found: list[Violation] = []
    _check_of(request.DESCRIPTOR)(request, (), found)
    beyond = BEYOND_FIELDS.get(request.DESCRIPTOR.full_name)
    if beyond is not None and not found:
        found.extend(beyond(request, settings))
    return found


def _violated(found: list[Violation], path: _Path, description: str) -> None:
    """Notes a violation. A path is put into words only here, so that a request without any pays nothing for it."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    found.append(Violation(field=words.removeprefix("."), description=description))


@functools.cache
def _check_of(descriptor: Descriptor) -> _Check:
    """Returns the check of a message type: that of each of its fields, in their order."""
    if descriptor.full_name == inventory.BatchCreateReservationsRequest.DESCRIPTOR.full_name:
        return _check_batch
    if descriptor.full_name == rules_pb2.Rule.DESCRIPTOR.full_name:
        return _rule_check(descriptor)
    return _check_of_fields(descriptor.fields)


def _check_of_fields(fields: Iterable[FieldDescriptor]) -> _Check:
    checks = [check for check in map(_field_check, fields) if check is not None]

    def check(message: Any, path: _Path, found: list[Violation]) -> None:
        for check_field in checks:
            check_field(message, path, found)

    return check


def _rule_check(descriptor: Descriptor) -> _Check:
    """Returns the check of a rule of the trade: of one that is removed, that of its key alone."""
    check_whole = _check_of_fields(descriptor.fields)
    check_key = {
        kind.name: _check_of_fields([field for field in kind.message_type.fields if _is_key(kind.name, field.name)])
        for kind in descriptor.oneofs_by_name["kind"].fields
    }

    def check(message: Any, path: _Path, found: list[Violation]) -> None:
        kind = message.WhichOneof("kind")
        if message.removed and kind is not None:
            check_key[kind](getattr(message, kind), (*path, kind), found)
        else:
            check_whole(message, path, found)

    return check


def _is_key(kind: str, field: str) -> bool:
    return field in _KEY_FIELDS and (kind, field) != ("backorder", "location")


def _field_check(field: FieldDescriptor) -> _Check | None:
    """Returns the check of one field of a message, or None if any value will do."""
    rule = field.GetOptions().Extensions[rules.rule]
    required = field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    value_check = _value_check(field, rule)
    if field.is_repeated:
        return _repeated_check(field.name, required, rule.max_items, value_check)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _message_check(field.name, required, value_check)
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM):
        return _word_check(field, required, value_check)
    return _number_check(field.name, value_check) if value_check is not None else None


def _repeated_check(name: str, required: bool, max_items: int, value_check: _Check | None) -> _Check:
    def check(message: Any, path: _Path, found: list[Violation]) -> None:
        values = getattr(message, name)
        if required and not values:
            _violated(found, (*path, name), "must have at least one element")
        if max_items and len(values) > max_items:
            _violated(found, (*path, name), f"has {len(values)} elements; at most {max_items} are accepted")
        elif value_check is not None:
            for index, value in enumerate(values):
                value_check(value, (*path, name, index), found)

    return check


def _message_check(name: str, required: bool, value_check: _Check | None) -> _Check:
    def check(message: Any, path: _Path, found: list[Violation]) -> None:
        if message.HasField(name):
            if value_check is not None:
                value_check(getattr(message, name), (*path, name), found)
        elif required:
            _violated(found, (*path, name), "must be given")

    return check


def _word_check(field: FieldDescriptor, required: bool, value_check: _Check | None) -> _Check | None:
    """Returns the check of a text or an enum: what is left out is refused if it is required, and fine otherwise."""
    if value_check is None and not required:
        return None
    name: str = field.name
    in_oneof = field.containing_oneof is not None

    def check(message: Any, path: _Path, found: list[Violation]) -> None:
        value = getattr(message, name)
        if value or (in_oneof and message.HasField(name)):
            if value_check is not None:
                value_check(value, (*path, name), found)
        elif required:
            _violated(found, (*path, name), "must be given")

    return check


def _number_check(name: str, value_check: _Check) -> _Check:
    def check(message: Any, path: _Path, found: list[Violation]) -> None:
        value_check(getattr(message, name), (*path, name), found)

    return check


def _value_check(field: FieldDescriptor, rule: rules.FieldRule) -> _Check | None:
    """Returns the check of a value of a field, be it repeated or not."""
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        if field.message_type.full_name == duration_pb2.Duration.DESCRIPTOR.full_name:
            return _duration_check(rule.seconds) if rule.HasField("seconds") else None
        if field.message_type.full_name == timestamp_pb2.Timestamp.DESCRIPTOR.full_name:
            return _check_timestamp
        return _check_of(field.message_type)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_check(frozenset(field.enum_type.values_by_number))
    if field.type == FieldDescriptor.TYPE_STRING and rule.text:
        return _text_check(rule)
    if rule.HasField("range"):
        return _range_check(rule.range)
    return None


def _enum_check(known: frozenset[int]) -> _Check:
    def check(value: int, path: _Path, found: list[Violation]) -> None:
        if value not in known:
            _violated(found, path, f"{value} is not a known value")

    return check


def _range_check(allowed: rules.IntegerRange) -> _Check:
    low, high, nonzero = allowed.min, allowed.max, allowed.nonzero

    def check(value: int, path: _Path, found: list[Violation]) -> None:
        if not low <= value <= high:
            _violated(found, path, f"must be from {low} to {high}")
        elif nonzero and value == 0:
            _violated(found, path, "must not be 0")

    return check


def _duration_check(allowed: rules.IntegerRange) -> _Check:
    low, high = allowed.min * _NANOSECONDS, allowed.max * _NANOSECONDS

    def check(value: duration_pb2.Duration, path: _Path, found: list[Violation]) -> None:
        if not 0 <= value.nanos < _NANOSECONDS:
            _violated(found, (*path, "nanos"), f"must be from 0 to {_NANOSECONDS - 1}")
        elif not low <= value.seconds * _NANOSECONDS + value.nanos <= high:
            _violated(found, path, f"must be from {allowed.min} to {allowed.max} seconds")

    return check


def _check_timestamp(value: timestamp_pb2.Timestamp, path: _Path, found: list[Violation]) -> None:
    if not 0 <= value.nanos < _NANOSECONDS:
        _violated(found, (*path, "nanos"), f"must be from 0 to {_NANOSECONDS - 1}")
    elif not _FIRST_SECOND <= value.seconds <= _LAST_SECOND:
        _violated(found, path, "must be a time of the years 1 to 9999")


def _text_check(rule: rules.FieldRule) -> _Check:
    if rule.text == rules.TEXT_FORMAT_IDENTIFIER:
        return _pattern_check(_IDENTIFIER, f"must be 1 to 64 characters {_CHARACTERS}")
    if rule.text == rules.TEXT_FORMAT_REQUEST_ID:
        return _pattern_check(_REQUEST_ID, f"must be 8 to 64 characters {_CHARACTERS}")
    if rule.text == rules.TEXT_FORMAT_PAGE_TOKEN:
        return _pattern_check(_PAGE_TOKEN, "is not a page token of this service")
    if rule.text == rules.TEXT_FORMAT_RESUME_TOKEN:
        return _pattern_check(_RESUME_TOKEN, "is not a token of a stream of this service")
    return _prose_check(rule.max_length or _PROSE_LENGTH)


def _pattern_check(pattern: re.Pattern[str], description: str) -> _Check:
    fullmatch = pattern.fullmatch

    def check(value: str, path: _Path, found: list[Violation]) -> None:
        if not fullmatch(value):
            _violated(found, path, description)

    return check


def _prose_check(max_length: int) -> _Check:
    def check(value: str, path: _Path, found: list[Violation]) -> None:
        if len(value) > max_length:
            _violated(found, path, f"must have at most {max_length} characters")
        elif _CONTROL.search(value):
            _violated(found, path, "must not contain control characters")

    return check


def _check_batch(request: Any, path: _Path, found: list[Violation]) -> None:
    """Checks a batch as a whole. What is wrong with one of its requests refuses only that one."""
    max_items = request.DESCRIPTOR.fields_by_name["requests"].GetOptions().Extensions[rules.rule].max_items
    _repeated_check("requests", True, max_items, None)(request, path, found)
