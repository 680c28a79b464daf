"""Makes the ids under which a request takes effect at most once."""

import os
import threading
import time

_lock = threading.Lock()
_last_tick = 0

# A UUIDv7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, 4 of version, 12 of fraction, 2 of variant, 62 random.
_FRACTION_BITS = 12
_FRACTION = (1 << _FRACTION_BITS) - 1
_VERSION = "7"
_VARIANT = 0b10 << 62
_RANDOM = (1 << 62) - 1


def new_request_id() -> str:
    """Make a request id: a UUIDv7, greater than every one that this process made before.

    It carries the time of its making, so the authority can tell without a search that an id is new, and can
    refuse one that is older than its memory. Make it once for what is wanted, keep it with the order, and use
    it for every try.
    """
    global _last_tick  # noqa: PLW0603 - the order of ids is a property of the process
    tick = (time.time_ns() << _FRACTION_BITS) // 1_000_000
    with _lock:
        if tick <= _last_tick:
            tick = _last_tick + 1
        _last_tick = tick
    time_digits = f"{tick >> _FRACTION_BITS:012x}"
    random_digits = f"{int.from_bytes(os.urandom(8), 'big') & _RANDOM | _VARIANT:016x}"
    version_and_fraction = f"{_VERSION}{tick & _FRACTION:03x}"
    return f"{time_digits[:8]}-{time_digits[8:]}-{version_and_fraction}-{random_digits[:4]}-{random_digits[4:]}"
