"""From one state, every state that one atomic act of one actor can lead to.

What is atomic here is atomic there: one script in Redis, one transaction in Postgres, one message handled. Between
any two of them every other actor may act. A command that fails closed changes nothing and is left out; so is a
crash of a server or a writer, which is the same as its never acting again.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.faults import faults, forgetting, passing
from protocol.hub import hub_steps
from protocol.loaders import loader_steps
from protocol.model import Scenario, State, Step
from protocol.rules import Rules
from protocol.servers import server_steps
from protocol.tail import tail_steps
from protocol.writers import storing_apart, writer_steps


def successors(state: State, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Give every next state with a readable name of the step that leads to it."""
    state = state._replace(answers=(), messages=())
    for index in range(len(state.servers)):
        yield from server_steps(state, index, rules, scenario)
        if scenario.watchers:
            yield from hub_steps(state, index, rules)
    for index in range(len(state.writers)):
        yield from writer_steps(state, index, rules, scenario)
    for index in range(len(state.loaders)):
        yield from loader_steps(state, index, rules, scenario)
    yield from storing_apart(state)
    yield from forgetting(state, scenario)
    yield from passing(state, scenario)
    yield from faults(state, scenario)
    if scenario.may_lose_tail:
        yield from tail_steps(state, rules, scenario)
