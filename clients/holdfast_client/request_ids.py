"""Makes the ids under which a request takes effect at most once."""

import secrets
import threading
import time

_lock = threading.Lock()
_last_tick = 0

# Bits of a UUIDv7 (RFC 9562, 5.7): 48 of Unix milliseconds, 4 of version, 12 of fraction, 2 of variant, 62
# random.
_FRACTION_BITS = 12
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def new_request_id() -> str:
    """Make a request id: a UUIDv7, greater than every one that this process made before.

    It carries the time of its making, so the authority can tell without a search that an id is new, and can
    refuse one that is older than its memory. Make it once for what is wanted, keep it with the order, and use
    it for every try.
    """
    global _last_tick  # noqa: PLW0603 - the order of ids is a property of the process
    tick = (time.time_ns() << _FRACTION_BITS) // 1_000_000
    with _lock:
        _last_tick = tick = max(tick, _last_tick + 1)
    milliseconds, fraction = divmod(tick, 1 << _FRACTION_BITS)
    digits = f"{milliseconds << 80 | _VERSION | fraction << 64 | _VARIANT | secrets.randbits(62):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
