"""Named points at which the fault tests make this process die or wait. Off unless HOLDFAST_FAILPOINT names one.

`HOLDFAST_FAILPOINT=before_commit:kill` ends the process as kill -9 would, the first time that it gets there;
`before_commit:kill:3` the third time; `before_commit:hang` waits there for ever, `before_commit:pause` for a second.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Final

VARIABLE: Final = "HOLDFAST_FAILPOINT"

EVERYDAY: Final = frozenset(
    {
        "before_ledger_transaction",
        "before_commit",
        "after_commit",
        "before_mark",
        "after_fence",
        "after_load",
        "before_decide",
        "after_decide",
        "before_answer",
    }
)
"""Points that any traffic comes to, and those of a rebuild."""

RARE: Final = frozenset(
    {
        # Demand over several segments, in the server that carries it on.
        "split_planned",
        "split_parts_held",
        "split_settled",
        "split_aborting",
        "split_committing",
        "split_releasing",
        "split_expiring",
        "before_retirement_commit",
        "after_retirement_commit",
    }
)
"""Points of what is not done every day; the tests of that work bring them about."""

NAMES: Final = EVERYDAY | RARE

_PAUSE_SECONDS: Final = 1.0

_armed: dict[str, tuple[str, int]] = {}
_reached: dict[str, int] = {}


def arm(specification: str) -> None:
    """Arms the point that a specification names. Called once at the start of a process; an empty one arms nothing."""
    if not specification:
        return
    name, action, *count = specification.split(":")
    if name not in NAMES or action not in {"kill", "hang", "pause"}:
        raise ValueError(f"{VARIABLE}={specification!r}: not a failpoint; known are {', '.join(sorted(NAMES))}")
    _armed[name] = (action, int(count[0]) if count else 1)


def reach(name: str) -> None:
    """Marks a point in the code. Costs a look into an empty dictionary when nothing is armed."""
    if name not in _armed:
        return
    action, count = _armed[name]
    _reached[name] = _reached.get(name, 0) + 1
    if _reached[name] < count:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "pause":
        if _reached[name] == count:
            time.sleep(_PAUSE_SECONDS)
        return
    while True:
        time.sleep(60)
