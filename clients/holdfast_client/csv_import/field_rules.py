"""The rules of request fields, read from the service's own descriptors.

The server applies the rule that stands with a field in the proto files; reading the same rule here means
that a row is checked against what the service will check, and nothing is written down twice but the
spellings of the formats.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from holdfast.inventory.v1 import field_rule_pb2

IDENTIFIER_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-:/+#~]*")
IDENTIFIER_MAX_LENGTH = 64
PROSE_MAX_LENGTH = 256
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
INTEGER_PATTERN = re.compile(r"[+-]?[0-9]{1,19}")
_ANY_INTEGER_PATTERN = re.compile(r"[+-]?[0-9]+")
_DECIMAL_PATTERN = re.compile(r"[+-]?[0-9]*[.,][0-9]+")
BY_MEASURE_WORDS = "quantities of goods by measure are whole numbers at the item's scale: 12.5 at scale 3 is 12500"
_LONGEST_INTEGER_DIGITS = 4_000

_IDENTIFIER_WORDS = (
    f"must be 1 to {IDENTIFIER_MAX_LENGTH} letters, digits or . _ - : / + # ~, starting with a letter or digit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What the value of one field must satisfy. `maximum` counts only where `ranged`."""

    identifier: bool
    max_length: int
    ranged: bool
    minimum: int
    maximum: int


def field_rule(message: type[Message], field: str) -> FieldRule:
    """The rule that stands with the field in the proto file."""
    return _rule_of(message.DESCRIPTOR, field)


@cache
def _rule_of(descriptor: Descriptor, field: str) -> FieldRule:
    # The generated stub gives the extension a type that the runtime's stub does not take.
    extension: Any = field_rule_pb2.rule
    rule: field_rule_pb2.FieldRule = descriptor.fields_by_name[field].GetOptions().Extensions[extension]
    identifier = rule.text == field_rule_pb2.TEXT_FORMAT_IDENTIFIER
    return FieldRule(
        identifier=identifier,
        max_length=rule.max_length or (IDENTIFIER_MAX_LENGTH if identifier else PROSE_MAX_LENGTH),
        ranged=rule.HasField("range"),
        minimum=rule.range.min,
        maximum=rule.range.max,
    )


def identifier_fault(value: str) -> str:
    """Why the value cannot be the id of a SKU, location, channel or order; empty if it can."""
    if len(value) > IDENTIFIER_MAX_LENGTH or not IDENTIFIER_PATTERN.fullmatch(value):
        return _IDENTIFIER_WORDS
    return ""


def text_fault(value: str, rule: FieldRule) -> str:
    """Why the text breaks the rule; empty if it does not."""
    if rule.identifier:
        return identifier_fault(value)
    if len(value) > rule.max_length:
        return f"must be at most {rule.max_length} characters, has {len(value)}"
    if CONTROL_CHARACTERS.search(value):
        return "must not contain control characters"
    return ""


def integer_fault(value: str, rule: FieldRule) -> str:
    """Why the text is no whole number within the rule's range; empty if it is one."""
    if _DECIMAL_PATTERN.fullmatch(value):
        return f"must be a whole number; {BY_MEASURE_WORDS}"
    if len(value) > _LONGEST_INTEGER_DIGITS or not _ANY_INTEGER_PATTERN.fullmatch(value):
        return "must be a whole number"
    least, most = (rule.minimum, rule.maximum) if rule.ranged else (-(2**63), 2**63 - 1)
    return "" if least <= int(value) <= most else f"must be {least} to {most}"


def prose(text: str, *, max_length: int = PROSE_MAX_LENGTH) -> str:
    """The text as the service takes words for people: control characters blanked, white space joined, cut
    to length.
    """
    return " ".join(CONTROL_CHARACTERS.sub(" ", text).split())[:max_length].rstrip()
