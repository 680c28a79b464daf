"""MessagePack as the Lua of Redis speaks it: one kind of string, no separate kind for bytes."""

from __future__ import annotations

from typing import Any

import msgpack


def pack(value: object) -> bytes:
    """Returns a value packed for Lua. Text and bytes become the same kind of string."""
    packed: bytes = msgpack.packb(value, use_bin_type=False)
    return packed


def unpack(packed: bytes) -> Any:
    """Returns what Lua packed. Every string is text; `as_bytes` turns those that are packed parts back, exactly."""
    return msgpack.unpackb(packed, raw=False, unicode_errors="surrogateescape", strict_map_key=False)


def as_bytes(text: str) -> bytes:
    """Returns the bytes of a string that `unpack` gave."""
    return text.encode("utf-8", "surrogateescape")
