"""The protocol keeps its promises in every interleaving of every scenario."""

from __future__ import annotations

import sys
from functools import cache

import pytest

from protocol.explorer import Exploration
from protocol.model import Scenario
from protocol.promised import promises_of
from protocol.scenarios import SCENARIOS, explore, kind_of

# What the scenarios together must have exercised: a walk that never meets a fault proves nothing about it. Bookmarks
# are met in mutations only: here every entry changes the one number, so no step goes on without telling it.
KINDS = {
    "a tick waits",
    "a tick is done at once",
    "a tick is refused at once",
    "a tick is read at once",
    "Sn hears where Postgres stands",
    "Wn commits epoch n",
    "Wn is turned away by Postgres",
    "Ln opens epoch n",
    "Ln finds its earlier pieces gone and gives up",
    "Ln finds a higher epoch open and gives up",
    "Redis is lost, and empty",
    "Redis falls back to the copy",
    "the copy is promoted as Redis n while Redis n lives on",
    "one key of Redis goes back to its first value",
    "Redis forgets the outcome of ann",
    "time passes",
    "Postgres fails over to the standby",
    "Wn marks n as committed",
    "Wn stops the segment",
    "Wn finds that the journal does not reach back, and stops",
    "Wn ends the replay",
    "somebody has the journal replayed",
    "somebody gives up what was lost",
    "wanda comes to Sn with its token n",
    "wanda comes to Sn with its token n, and is reset",
    "Sn finds another history and ends its watches",
    "Sn tells wanda what changed since its token",
    "Sn takes in n of n",
    "Sn hands out what changed",
    "the watch of wanda breaks off",
}


@cache
def visited(scenario: Scenario) -> Exploration:
    return explore(scenario, promises=promises_of(scenario))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_promise_holds_in_every_interleaving(scenario: Scenario) -> None:
    walk = visited(scenario)
    sys.stdout.write(
        f"\n{scenario.name}: {walk.states:,} states, {walk.steps:,} steps, depth {walk.depth}, {walk.seconds:.1f} s\n"
    )
    assert walk.broken is None, str(walk.broken)


def test_the_scenarios_exercise_every_kind_of_step() -> None:
    met = {kind_of(name) for scenario in SCENARIOS for name in visited(scenario).names}
    assert met >= KINDS
