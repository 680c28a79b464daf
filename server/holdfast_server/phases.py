"""Where a demand over several segments stands."""

from __future__ import annotations

import enum


class SplitPhase(enum.IntEnum):
    """Where a demand over several segments stands; the numbers are those of layouts.SPLIT_PHASES."""

    PLANNED = 1
    HELD = 2
    COMMITTING = 3
    RELEASING = 4
    EXPIRING = 5
    ABORTING = 6
    COMMITTED = 7
    RELEASED = 8
    EXPIRED = 9
    ABORTED = 10
    REFERRED = 11
