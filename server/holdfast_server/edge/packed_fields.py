"""Fields of messages as bytes: a message is the concatenation of its fields, a repeated field that of its elements.

So what many streams are told is packed once and copied. Tests hold what is written so against the generated classes.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message

_LENGTH_DELIMITED: Final = 2


def tag(message: type, field: str) -> bytes:
    """Returns what stands before a field that is a message, a text or bytes."""
    return bytes([message.DESCRIPTOR.fields_by_name[field].number << 3 | _LENGTH_DELIMITED])  # type: ignore[attr-defined]


def packed(message: Message) -> bytes:
    """Returns a message as bytes."""
    written: bytes = message.SerializeToString()
    return written


def packed_field(tag_bytes: bytes, value: bytes) -> bytes:
    """Returns a field with its value."""
    return tag_bytes + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
