"""One validator per promise (DESIGN.md 1). Each looks at one state and gives the reason why it is broken, or None.

The validators judge by the ledger alone, never by what a server or a Redis believes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from protocol.model import Answer, Kind, Scenario, State, is_committed

Promise = Callable[[State, Scenario], str | None]


def no_loss(state: State, scenario: Scenario) -> str | None:
    """NoLoss with AckIdentity: what was acknowledged is in the ledger, at the revision that was acknowledged."""
    rows = {(row.body.request, row.seq) for row in state.postgres.ledger}
    for client, revision in state.done:
        request = scenario.clients[client].request
        if (request, revision) not in rows:
            return f"{request} was acknowledged at revision {revision}, and the ledger does not hold it"
    return None


def once(state: State, scenario: Scenario) -> str | None:
    """Once: a request takes effect at most once, and every acknowledgement of it is the same."""
    effects = [row.body.request for row in state.postgres.ledger if row.body.change]
    for request in effects:
        if effects.count(request) > 1:
            return f"{request} took effect {effects.count(request)} times"
    clients = [client for client, _ in state.done]
    for client in clients:
        if clients.count(client) > 1:
            return f"{scenario.clients[client].request} was acknowledged at two revisions"
    return None


def no_oversell(state: State, scenario: Scenario) -> str | None:
    """NoOversell and NoUndersell: nothing below zero, and the level equals the sum of its movements."""
    left = scenario.units
    for row in state.postgres.ledger:
        left += row.body.change
        if left < 0:
            return f"{row.body.request} was committed beyond the stock"
    if state.postgres.level.available != left:
        return f"the level says {state.postgres.level.available}, its movements say {left}"
    return None


def fencing(state: State, scenario: Scenario) -> str | None:
    """Fencing: the ledger is one chain, and no row of an epoch was committed after that epoch was fenced."""
    postgres = state.postgres
    seq, chain = 0, 0
    for row in postgres.ledger:
        if (row.seq, row.previous) != (seq + 1, chain):
            return f"{row.body.request} at {row.seq} does not follow the row before it"
        seq, chain = row.seq, row.hash
        ruling = max(base.epoch for base in postgres.bases if base.seq < row.seq)
        if row.epoch != ruling:
            return f"{row.body.request} of epoch {row.epoch} was committed under epoch {ruling}"
    if any(older.epoch >= newer.epoch for older, newer in pairwise(postgres.bases)):
        return "an epoch was fenced twice"
    if any(redis.epoch > postgres.epoch for redis in state.primaries):
        return "Redis is open under an epoch that Postgres does not know"
    return None


def durable_reads(state: State, scenario: Scenario) -> str | None:
    """DurableReads: what a reader or a refused caller was shown is a state of the ledger, and no server goes back.

    It does not say that the answer is the newest one: see `current`.
    """
    for answer in state.answers:
        if answer.kind is Kind.DONE:
            continue
        if not is_committed(state.postgres, answer.position, heard=len(state.postgres.ledger)):
            return f"{_what(answer, scenario)} rests on a position that Postgres does not hold"
        if answer.value != _available_at(state, answer.position.seq, scenario):
            return f"{_what(answer, scenario)} is not what Postgres held at {answer.position.seq}"
        if answer.position.seq < answer.told_before:
            return f"{_what(answer, scenario)} goes back behind what the same server had answered from"
    return None


def current(state: State, scenario: Scenario) -> str | None:
    """Current: no answer is older than what was committed when its attempt arrived.

    Not promised by DESIGN.md; `test_currency` shows what it takes to promise it.
    """
    for answer in state.answers:
        if answer.kind is not Kind.DONE and answer.position.seq < answer.committed_before:
            return f"{_what(answer, scenario)} is older than the attempt"
    return None


def first_answer_again(state: State, scenario: Scenario) -> str | None:
    """The second half of Once: a request that had taken effect when an attempt arrived is not refused to it."""
    for answer in state.answers:
        rows = state.postgres.ledger[: answer.committed_before]
        if answer.kind is Kind.REFUSED and any(row.body.request == _request(answer, scenario) for row in rows):
            return f"{_request(answer, scenario)} had taken effect and was refused"
    return None


PROMISES: dict[str, Promise] = {
    "NoLoss": no_loss,
    "Once": once,
    "NoOversell": no_oversell,
    "Fencing": fencing,
    "DurableReads": durable_reads,
}
CURRENCY: dict[str, Promise] = {"FirstAnswerAgain": first_answer_again, "Current": current}


def _request(answer: Answer, scenario: Scenario) -> str:
    return scenario.clients[answer.client].request


def _what(answer: Answer, scenario: Scenario) -> str:
    if answer.kind is Kind.READ:
        return f"the read of {answer.value} by {_request(answer, scenario)}"
    return f"the refusal of {_request(answer, scenario)}"


def _available_at(state: State, seq: int, scenario: Scenario) -> int:
    return scenario.units + sum(row.body.change for row in state.postgres.ledger if row.seq <= seq)
