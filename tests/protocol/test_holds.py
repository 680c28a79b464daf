"""The life of a hold, and rules that change what may be sold: what each guard is for."""

from __future__ import annotations

import pytest

from protocol import scenarios
from protocol.mistakes import Backed, Mistake, find, miss_nothing, without
from protocol.promises import HOLDS, PROMISES

MISTAKES = (
    Mistake(
        name="hold resolved whatever became of it",
        rules=without("hold_is_resolved_once"),
        scenario=scenarios.HOLD,
        promise="ResolvedOnce",
        steps=5,
        story="rita gives ann's hold back and carl confirms it",
    ),
    Mistake(
        name="hold that is due resolved as if it were not",
        rules=without("tick_expires_what_is_due", "command_expires_due_hold"),
        scenario=scenarios.HOLD,
        promise="DueIsOver",
        steps=5,
        story="ann's hold is due and nothing expires it; rita still releases it",
    ),
    Mistake(
        name="rebuild without the holds",
        rules=without("rebuild_loads_holds"),
        scenario=scenarios.HOLD,
        promise="DurableReads",
        steps=9,
        story="rita is told that ann's hold is over, and the ledger holds it; its unit would never come back",
    ),
    Mistake(
        name="decision that does not count safety stock",
        rules=without("decision_counts_safety"),
        scenario=scenarios.RULE,
        promise="NoOversell",
        steps=5,
        story="of two units ann takes one and the planner keeps the other back; bob gets it all the same",
    ),
    Mistake(
        name="rebuild without the rules",
        rules=without("rebuild_loads_rules"),
        scenario=scenarios.RULE,
        promise="NoOversell",
        steps=12,
        story="the planner's rule is committed, and the new epoch knows nothing of it",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    find(mistake)


BACKED = (
    Backed(
        name="tick that does not expire what is due",
        rules=without("tick_expires_what_is_due"),
        scenario=scenarios.HOLD,
        promises=(*PROMISES, *HOLDS),
        backed_by="the command, which expires the hold that it is about; others live on for longer",
    ),
    Backed(
        name="command that does not expire the hold that it is about",
        rules=without("command_expires_due_hold"),
        scenario=scenarios.HOLD,
        promises=(*PROMISES, *HOLDS),
        backed_by="the tick, which expires all that is due first; here nothing bounds how much",
    ),
)


@pytest.mark.parametrize("backed", BACKED, ids=lambda backed: backed.name)
def test_a_guard_that_another_backs_up_is_not_missed_alone(backed: Backed) -> None:
    miss_nothing(backed)
