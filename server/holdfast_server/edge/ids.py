"""Ids: the time that a request id carries, and new ids for reservations."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

# Only the canonical spelling counts: 32 bare hexadecimal digits may be anybody's digest of an event.
_UUID7: Final = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_ULID_LENGTH: Final = 26
_RANDOM_BITS: Final = 80


def id_time_us(request_id: str) -> int:
    """Returns the time that a UUIDv7 carries (RFC 9562, 5.7), in microseconds; 0 for any other id."""
    match = _UUID7.fullmatch(request_id)
    return int(match[1] + match[2], 16) * 1000 if match else 0


def new_reservation_id(segment: str) -> str:
    """Returns an id that was never used and sorts by its time: the segment and a ULID in lower case."""
    number = int(time.time() * 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    digits = []
    for _ in range(_ULID_LENGTH):
        digits.append(_CROCKFORD[number & 31])
        number >>= 5
    return f"{segment}-{''.join(reversed(digits))}"
