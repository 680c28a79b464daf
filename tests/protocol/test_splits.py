"""Demand over several segments, explored: every promise holds, and every guard is there for a reason."""

from __future__ import annotations

import pytest

from protocol import splits
from protocol.explorer import Exploration, Explorer
from protocol.splits import SplitRules, State

MAX_STATES = 300_000

# Two servers create for one request, so each may be a zombie; somebody else buys what one of them was about to take.
SCENARIOS = {
    "asked twice": splits.initial("buy", "buy"),
    "asked twice, and somebody else buys": splits.initial("buy", "buy", "compete"),
    "too little in one segment": splits.initial("buy", "buy", units=(1, 0)),
    "committed and released at once": splits.initial("buy", "commit", "release"),
    "asked twice and committed": splits.initial("buy", "buy", "commit"),
}


def explore(scenario: str, rules: SplitRules) -> Exploration:
    explorer = Explorer[State](
        successors=lambda state: splits.successors(state, rules),
        identity=splits.identity,
        transient=lambda state: bool(state.answers),
        promises=splits.PROMISES,
        states_max=MAX_STATES,
    )
    return explorer.explore(SCENARIOS[scenario])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_holds(scenario: str) -> None:
    found = explore(scenario, SplitRules())
    assert found.broken is None, str(found.broken)
    print(f"{scenario}: {found.states:,} states")  # noqa: T201 - shown with -s or -rP


def test_every_end_is_reached() -> None:
    """A walk that never gets anywhere proves nothing."""
    seen: set[int] = set()

    def note(state: State) -> str | None:
        seen.update(attempt.phase for attempt in state.attempts)
        return None

    for name in ("too little in one segment", "committed and released at once"):
        Explorer[State](
            successors=lambda state: splits.successors(state, SplitRules()),
            identity=splits.identity,
            transient=lambda _: False,
            promises={"seen": note},
            states_max=MAX_STATES,
        ).explore(SCENARIOS[name])
    assert seen == set(range(len(splits.NAMES)))


@pytest.mark.parametrize(
    ("guard", "scenario", "promise"),
    [
        ("home_remembers_the_request", "asked twice", "Once"),
        ("parts_come_in_time", "asked twice, and somebody else buys", "NoUndersell"),
        ("end_of_a_plan_waits_for_the_window", "asked twice, and somebody else buys", "NoUndersell"),
        ("hold_needs_the_plan", "asked twice", "AllOrNothing"),
        ("one_end_wins", "committed and released at once", "NoLoss"),
        ("parts_outlive_the_whole", "asked twice and committed", "AllOrNothing"),
        ("home_decides_before_parts_are_given_back", "asked twice, and somebody else buys", "AllOrNothing"),
        ("upkeep_gives_back", "asked twice", "NoUndersell"),
        ("commit_looks_at_the_time", "asked twice and committed", "DueIsOver"),
    ],
)
def test_without_a_guard_a_promise_breaks(guard: str, scenario: str, promise: str) -> None:
    found = explore(scenario, SplitRules()._replace(**{guard: False}))
    assert found.broken is not None, f"nobody misses {guard}"
    assert found.broken.promise == promise, str(found.broken)
    print(found.broken)  # noqa: T201 - shown with -s or -rP
