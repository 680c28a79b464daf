"""A mistake, and a guard that is not missed: what a case says, and how it is judged.

A mistake names the promise that breaks and the length of a shortest trace. The length is asserted because another
length is another story, and the story here was read and found true.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

from protocol import scenarios
from protocol.model import Scenario
from protocol.promised import EVERY
from protocol.promises import PROMISES
from protocol.rules import PROTOCOL, Rules


def without(*guards: str, rules: Rules = PROTOCOL) -> Rules:
    """Give the rules with guards taken out."""
    return replace(rules, **dict.fromkeys(guards, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A protocol with guards taken out, the promise that breaks, and what happens."""

    name: str
    rules: Rules
    scenario: Scenario
    promise: str
    steps: int
    story: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backed:
    """A guard that is not missed while another one stands."""

    name: str
    rules: Rules
    scenario: Scenario
    backed_by: str
    promises: tuple[str, ...] = tuple(PROMISES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What the protocol as built does not hold, and how."""

    name: str
    scenario: Scenario
    promise: str
    steps: int
    story: str


def find(mistake: Mistake) -> None:
    """Fail unless the explorer finds the mistake, by a trace of the length that its story has."""
    walk = scenarios.explore(mistake.scenario, rules=mistake.rules, promises={mistake.promise: EVERY[mistake.promise]})
    sys.stdout.write(f"\n{mistake.name}: {mistake.story}\n{walk.broken}\n")
    assert walk.broken is not None, "the explorer is blind to this mistake"
    assert len(walk.broken.trace) == mistake.steps, str(walk.broken)


def miss_nothing(backed: Backed) -> None:
    """Fail if a promise is broken."""
    walk = scenarios.explore(
        backed.scenario, rules=backed.rules, promises={name: EVERY[name] for name in backed.promises}
    )
    assert walk.broken is None, f"{backed.backed_by} does not hold: {walk.broken}"


def show(gap: Gap) -> None:
    """Fail unless the explorer meets the gap, by a trace of the length that its story has."""
    walk = scenarios.explore(gap.scenario, promises={gap.promise: EVERY[gap.promise]})
    sys.stdout.write(f"\n{gap.name}: {gap.story}\n{walk.broken}\n")
    assert walk.broken is not None, "the gap is closed: say so in the README"
    assert len(walk.broken.trace) == gap.steps, str(walk.broken)
