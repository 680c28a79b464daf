"""Watch and resume: what each guard of a hub is for."""

from __future__ import annotations

import pytest

from protocol import scenarios
from protocol.mistakes import Backed, Mistake, find, miss_nothing, without
from protocol.model import Scenario
from protocol.promised import promises_of
from protocol.watch_promises import WATCH

MISTAKES = (
    Mistake(
        name="number that a step took in ahead of itself is not told again",
        rules=without("number_taken_in_ahead_is_told_again"),
        scenario=scenarios.WATCH_RULE_TWO_HUBS,
        promise="Bookmarkable",
        steps=17,
        story="a step up to ann reads the number after the rule; wanda comes back with a token of between the two: "
        "nothing has changed since, and the step that takes the rule in finds nothing changed either",
    ),
    Mistake(
        name="numbers told before their commit",
        rules=without("number_waits_for_commit"),
        scenario=scenarios.WATCH,
        promise="DurableWatch",
        steps=8,
        story="the hub is asked for the number after ann, and tells the one after bob, who is only in Redis",
    ),
    Mistake(
        name="token that names the end of the ledger",
        rules=without("token_names_what_was_told"),
        scenario=scenarios.WATCH,
        promise="Bookmarkable",
        steps=5,
        story="ann is committed and not taken in; a bookmark says that wanda was told of her",
    ),
    Mistake(
        name="token that names what was taken in, and waits to be handed out",
        rules=without("token_waits_for_hand_out"),
        scenario=scenarios.WATCH,
        promise="Bookmarkable",
        steps=7,
        story="ann is taken in while wanda comes back; her bookmark says that she was told of ann, who still waits",
    ),
    Mistake(
        name="resumption that joins its group after it asked what changed",
        rules=without("resumption_joins_first"),
        scenario=scenarios.WATCH,
        promise="Bookmarkable",
        steps=8,
        story="ann is handed out between the question and the joining; nobody tells wanda of her",
    ),
    Mistake(
        name="number that a resumption read ahead is not told again",
        rules=without("number_read_ahead_is_told_again"),
        scenario=scenarios.WATCH_RULE,
        promise="Complete",
        steps=14,
        story="will comes back and is told the number after the rule; in the step that takes the rule in nothing "
        "changes any more, so wanda is not told",
    ),
    Mistake(
        name="step that tells only what it finds changed, and not again what it took in ahead",
        rules=without("step_tells_what_certainly_changed", "number_taken_in_ahead_is_told_again"),
        scenario=scenarios.WATCH,
        promise="Bookmarkable",
        steps=17,
        story="a step up to ann reads the number after bob; wanda comes back from elsewhere with a token of between "
        "them; the step up to bob finds nothing changed",
    ),
    Mistake(
        name="watcher that takes whatever comes, at a hub that does not hand out first",
        rules=without("watcher_keeps_greater_version", "resumption_hands_out_first"),
        scenario=scenarios.WATCH,
        promise="NeverBack",
        steps=17,
        story="will was told the number after bob ahead of its step; at the other hub the one after ann still waits, "
        "and is handed out to him",
    ),
    Mistake(
        name="token of any history",
        rules=without("token_lineage_is_checked"),
        scenario=scenarios.WATCH_GIVEN_UP,
        promise="Convergent",
        steps=18,
        story="bob, of whom wanda was told, is given up; her token is from before him and seems good, so nothing tells "
        "her that he is gone",
    ),
    Mistake(
        name="hub that does not notice another history",
        rules=without("hub_checks_lineage"),
        scenario=scenarios.WATCH_GIVEN_UP,
        promise="Bookmarkable",
        steps=20,
        story="the hub has read the ledger up to ann, who is given up, and stands at 1; bob is another 1, which it "
        "thinks it knows",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    find(mistake)


BACKED = (
    Backed(
        name="watcher that takes whatever comes",
        rules=without("watcher_keeps_greater_version"),
        scenario=scenarios.WATCH,
        promises=tuple(WATCH),
        backed_by="the hub, which hands out what waits before somebody joins who was told of it elsewhere",
    ),
    Backed(
        name="hub that does not hand out first",
        rules=without("resumption_hands_out_first"),
        scenario=scenarios.WATCH_ONE,
        promises=tuple(WATCH),
        backed_by="the watcher, which keeps the greater version; it is told twice",
    ),
    Backed(
        name="resumption at a hub that has not come as far as the token",
        rules=without("resumption_waits_for_hub"),
        scenario=scenarios.WATCH_ONE,
        promises=tuple(WATCH),
        backed_by="nothing that is promised rests on it: a token may go back, and what was told is told again",
    ),
    Backed(
        name="token from the future that is not reset",
        rules=without("future_token_is_reset"),
        scenario=scenarios.WATCH_ONE_GIVEN_UP,
        promises=tuple(WATCH),
        backed_by="the lineage: within one history the ledger gets there again; until then the watcher waits",
    ),
)


@pytest.mark.parametrize("backed", BACKED, ids=lambda backed: backed.name)
def test_a_guard_that_another_backs_up_is_not_missed_alone(backed: Backed) -> None:
    miss_nothing(backed)


@pytest.mark.parametrize(
    "scenario",
    [scenarios.WATCH_RULE, scenarios.WATCH_RULE_TWO_HUBS],
    ids=lambda scenario: scenario.name,
)
def test_a_step_that_tells_again_what_it_took_in_ahead_misses_nothing(scenario: Scenario) -> None:
    walk = scenarios.explore(scenario, promises=promises_of(scenario))
    assert walk.broken is None, str(walk.broken)
