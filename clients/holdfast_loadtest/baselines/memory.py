"""The garbage collector of the servers that the authority is compared with: set as the authority sets its own."""

from __future__ import annotations

import gc


def tune_memory() -> None:
    """Lets the cyclic collector look less often, once everything that lives long is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
