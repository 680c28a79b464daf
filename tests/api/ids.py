"""Ids that no other test uses, and request ids of every kind that a caller may make."""

import secrets
import time
import uuid

MILLISECONDS_PER_DAY = 24 * 60 * 60 * 1000


def some(kind: str) -> str:
    """An id that no other test uses, such as "sku-3f9a1c0b7d2e"."""
    return f"{kind}-{secrets.token_hex(6)}"


def uuid7(*, age_milliseconds: int = 0) -> str:
    """A UUIDv7 that was made that long ago, or lies ahead by as much if the age is negative."""
    milliseconds = time.time_ns() // 1_000_000 - age_milliseconds
    value = (milliseconds << 80) | secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))
