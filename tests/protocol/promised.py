"""Every promise by its name, and which of them hold in a scenario."""

from __future__ import annotations

from protocol.model import Scenario
from protocol.promises import CURRENCY, HOLDS, PROMISES, REPLAY, STOP, Promise
from protocol.watch_promises import WATCH

EVERY = PROMISES | STOP | REPLAY | HOLDS | WATCH | CURRENCY


def promises_of(scenario: Scenario) -> dict[str, Promise]:
    """Give what is promised in a scenario."""
    promises = dict(PROMISES)
    if scenario.may_lose_tail:
        promises |= STOP
        if not scenario.short_tail and not scenario.begins_loaded:
            promises |= REPLAY
    if scenario.time_max:
        promises |= HOLDS
    if scenario.watchers:
        promises |= WATCH
    return promises
