"""Ids: the time that a request id carries, and new ids for reservations."""

from __future__ import annotations

import os
import re
import time
from typing import Final

# Only the canonical spelling counts: 32 bare hexadecimal digits may be anybody's digest of an event.
_HEX: Final = "[0-9A-Fa-f]"
_UUID7: Final = re.compile(f"({_HEX}{{8}})-({_HEX}{{4}})-7{_HEX}{{3}}-[89ABab]{_HEX}{{3}}-{_HEX}{{12}}")
_RANDOM_BYTES: Final = 10


def id_time_us(request_id: str) -> int:
    """Returns the time that a UUIDv7 carries (RFC 9562, 5.7), in microseconds; 0 for any other id."""
    match = _UUID7.fullmatch(request_id)
    return int(match[1] + match[2], 16) * 1000 if match else 0


def new_reservation_id(segment: str) -> str:
    """Returns an id that was never used and sorts by its time: the segment, 48 bits of milliseconds, 80 random bits."""
    return f"{segment}-{time.time_ns() // 1_000_000:012x}{os.urandom(_RANDOM_BYTES).hex()}"
