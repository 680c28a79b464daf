"""How current an answer is: what the protocol as decided leaves open, and four ways to close it.

The protocol promises that what is shown is durable, and that no server goes back. It does not promise that what is
shown is the newest: a server that has not heard of a commit may answer from a Redis that never held it, for as long
as its lease lasts. Here time has no measure, so "for as long as the lease lasts" is "at any time".

Each mend is enough by itself. The first is the one that is built:

- proof: answers of a tick that wrote nothing are held until the cursor in Postgres, read after the tick, shows nothing
  newer; otherwise the commands run again. A tick that wrote an entry needs no proof: its commit is one. No clocks; one
  small query per tick of reads and refusals alone.
- cursor: the server reads the cursor in Postgres after the commands of a tick have arrived and before the script,
  and passes it as known committed. One small query per tick; the look-up of old ids can share it. No clocks.
- barrier: a tick that wrote nothing writes one entry without effect, and its answers wait for that. No clocks, and
  neither lease nor known committed is needed any more; it costs a commit where nothing else is being committed.
- lease: an epoch belongs to one Redis process (any failover or restart is a rebuild), and a loader opens only after
  every lease given before its fence has run out. No cost per tick; it rests on clocks that run at one rate.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import pytest

from protocol import scenarios
from protocol.model import Scenario
from protocol.promises import CURRENCY, PROMISES
from protocol.rules import PROTOCOL, Rules

# Each mend stands without the guards that it makes needless.
PROOF = replace(PROTOCOL, unwritten_tick_reads_cursor=True, lease_is_checked=False, script_checks_known_committed=False)
CURSOR = replace(PROTOCOL, tick_reads_cursor=True, lease_is_checked=False)
BARRIER = replace(PROTOCOL, tick_writes_barrier=True, lease_is_checked=False, script_checks_known_committed=False)
LEASE = replace(PROTOCOL, epoch_has_one_home=True, open_waits_out_lease=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A set of rules under which an answer can be too old, and how."""

    name: str
    rules: Rules
    scenario: Scenario
    steps: int
    story: str
    promise: str = "Current"


GAPS = (
    Gap(
        name="as decided: an id that took effect is refused",
        rules=PROTOCOL,
        scenario=scenarios.ARRIVALS_DOCK,
        promise="FirstAnswerAgain",
        steps=10,
        story="dock and bob are committed, Redis falls back to zero before the server hears of it; bob's retry "
        "is refused, though his unit is reserved",
    ),
    Gap(
        name="as decided: a read goes back within one epoch",
        rules=PROTOCOL,
        scenario=scenarios.ARRIVALS_STALE,
        steps=8,
        story="ann is committed, Redis falls back before the server hears of it; the reader is shown her unit",
    ),
    Gap(
        name="as decided: a second primary within one epoch",
        rules=PROTOCOL,
        scenario=scenarios.ARRIVALS_SPLIT,
        steps=8,
        story="ann is committed through one primary; the reader is answered from the other, of the same epoch",
    ),
    Gap(
        name="lease, but an epoch may live in two processes",
        rules=replace(LEASE, epoch_has_one_home=False),
        scenario=scenarios.ARRIVALS_STALE,
        steps=8,
        story="no epoch is opened, so no lease is waited for",
    ),
    Gap(
        name="lease, but open does not wait",
        rules=replace(LEASE, open_waits_out_lease=False),
        scenario=scenarios.ARRIVALS_SPLIT,
        steps=13,
        story="a new epoch opens and acknowledges ann while a server on the old Redis still holds a lease",
    ),
    Gap(
        name="lease, but ignored",
        rules=replace(LEASE, lease_is_checked=False),
        scenario=scenarios.ARRIVALS_SPLIT,
        steps=13,
        story="the same, by a server that does not look at its lease",
    ),
    Gap(
        name="lease, counted from the receipt of a heartbeat",
        rules=replace(LEASE, lease_counts_from_asking=False),
        scenario=scenarios.ARRIVALS_SPLIT,
        steps=14,
        story="a server that was stopped for a minute takes an old heartbeat out of its buffer and thinks it new",
    ),
    Gap(
        name="lease, of any epoch",
        rules=replace(LEASE, lease_is_of_one_epoch=False),
        scenario=scenarios.ARRIVALS_SPLIT,
        steps=14,
        story="a read waits without a lease; the server hears of the new epoch, and answers from the old one",
    ),
    Gap(
        name="cursor, but known committed is not checked",
        rules=replace(CURSOR, script_checks_known_committed=False),
        scenario=scenarios.ARRIVALS_STALE,
        steps=10,
        story="the cursor was read, and the script does not compare it",
    ),
)


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_an_answer_can_be_too_old(gap: Gap) -> None:
    walk = scenarios.explore(gap.scenario, rules=gap.rules, promises={gap.promise: CURRENCY[gap.promise]})
    sys.stdout.write(f"\n{gap.name}: {gap.story}\n{walk.broken}\n")
    assert walk.broken is not None, "the gap is closed: say so in the README"
    assert len(walk.broken.trace) == gap.steps, str(walk.broken)


@pytest.mark.parametrize("scenario", scenarios.ARRIVALS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("rules", [PROOF, CURSOR, BARRIER, LEASE], ids=["proof", "cursor", "barrier", "lease"])
def test_a_mend_keeps_every_answer_current(rules: Rules, scenario: Scenario) -> None:
    walk = scenarios.explore(scenario, rules=rules, promises=PROMISES | CURRENCY)
    assert walk.broken is None, str(walk.broken)
