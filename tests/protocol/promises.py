"""One validator per promise (DESIGN.md 1). Each looks at one state and gives the reason why it is broken, or None.

The validators judge by the ledger alone, never by what a server or a Redis believes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from protocol.journal import continuation
from protocol.model import Answer, Entry, Kind, Position, Scenario, Segment, State, is_committed
from protocol.rules import PROTOCOL
from protocol.tail import stop_is_due

Promise = Callable[[State, Scenario], str | None]


def no_loss(state: State, scenario: Scenario) -> str | None:
    """NoLoss with AckIdentity: what was acknowledged is in the ledger, at the revision that was acknowledged.

    Of what Postgres itself lost in a failover: it is still in the journal that goes on where the ledger ends, or the
    segment has stopped or is bound to. So it is never dropped without a word.
    """
    for request, revision in _missing(state, scenario):
        if not _is_said(state):
            return f"{request} was acknowledged at revision {revision}, and the ledger does not hold it"
    return None


def replayable(state: State, scenario: Scenario) -> str | None:
    """Replayable: what was acknowledged is in the ledger, or the journal holds all that it takes to get it back.

    Promised as long as Postgres loses no more than the kept tail of the journal, and nothing from before a rebuild.
    """
    for request, revision in _missing(state, scenario):
        return f"{request} was acknowledged at revision {revision}, and cannot be replayed"
    return None


def stops_for_cause(state: State, scenario: Scenario) -> str | None:
    """StopsForCause: the segment is stopped only after Postgres lost something."""
    if state.postgres.segment is Segment.STOPPED and not state.lost:
        return "the segment is stopped, and Postgres has lost nothing"
    return None


def once(state: State, scenario: Scenario) -> str | None:
    """Once: a request takes effect at most once, and every acknowledgement of it is the same."""
    effects = [row.body.request for row in state.postgres.ledger if row.body.takes_effect]
    for request in effects:
        if effects.count(request) > 1:
            return f"{request} took effect {effects.count(request)} times"
    clients = [client for client, _ in state.done]
    for client in clients:
        if clients.count(client) > 1:
            return f"{scenario.clients[client].request} was acknowledged at two revisions"
    return None


def no_oversell(state: State, scenario: Scenario) -> str | None:
    """NoOversell and NoUndersell: nothing is sold that may not be, and the level equals the sum of its movements.

    Safety stock may be put when the units are sold already; from then on nothing is sold until there are more.
    """
    left, safety = scenario.units, 0
    for row in state.postgres.ledger:
        left += row.body.change
        safety = 1 if row.body.puts_rule else safety
        if row.body.change < 0 and left < safety:
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
    if not state.lost and any(redis.epoch > postgres.epoch for redis in state.primaries):
        return "Redis is open under an epoch that Postgres does not know"
    return None


def durable_reads(state: State, scenario: Scenario) -> str | None:
    """DurableReads: what a reader or a refused caller was shown is a state of the ledger, and no server goes back.

    It does not say that the answer is the newest one: see `current`.
    """
    for answer in state.answers:
        if answer.kind is Kind.DONE:
            continue
        ledger = _ledger_of(state, answer.position)
        if ledger is None:
            return f"{_what(answer, scenario)} rests on a position that Postgres does not hold"
        if not _is_true(answer, ledger, scenario):
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


def resolved_once(state: State, scenario: Scenario) -> str | None:
    """NoUndersell: a hold is resolved at most once, and lives until then."""
    ledger = state.postgres.ledger
    resolved = [row.body.resolves for row in ledger if row.body.resolves]
    for request in resolved:
        if resolved.count(request) > 1:
            return f"the hold of {request} was resolved {resolved.count(request)} times"
    if sorted(state.postgres.level.holds) != sorted(holds_at(ledger, len(ledger))):
        return "a hold that was not resolved does not live"
    return None


def due_is_over(state: State, scenario: Scenario) -> str | None:
    """DueIsOver: a hold that is due is neither confirmed nor released any more."""
    dues = {row.body.request: row.body.time + 1 for row in state.postgres.ledger if row.body.change < 0}
    for row in state.postgres.ledger:
        if row.body.resolves and row.body.is_requested and row.body.time >= dues.get(row.body.resolves, 0):
            return f"{row.body.request} was accepted when the hold was due"
    return None


HOLDS: dict[str, Promise] = {"ResolvedOnce": resolved_once, "DueIsOver": due_is_over}
STOP: dict[str, Promise] = {"StopsForCause": stops_for_cause}
REPLAY: dict[str, Promise] = {"Replayable": replayable}
CURRENCY: dict[str, Promise] = {"FirstAnswerAgain": first_answer_again, "Current": current}


def _request(answer: Answer, scenario: Scenario) -> str:
    return scenario.clients[answer.client].request


def _what(answer: Answer, scenario: Scenario) -> str:
    if answer.kind is Kind.READ:
        return f"the read of {answer.value} by {_request(answer, scenario)}"
    return f"the refusal of {_request(answer, scenario)}"


def sellable_at(ledger: tuple[Entry, ...], seq: int, scenario: Scenario) -> int:
    rows = [row for row in ledger if row.seq <= seq]
    safety = 1 if any(row.body.puts_rule for row in rows) else 0
    return scenario.units + sum(row.body.change for row in rows) - safety


def standing_ledgers(state: State) -> list[tuple[Entry, ...]]:
    """Give the ledger, and the one that Postgres lost the end of as long as that end is not dropped."""
    kept = {entry.position for entry in _kept(state)}
    return [state.postgres.ledger] + [
        lost.ledger
        for lost in state.lost
        if _is_said(state) or all(row.position in kept for row in lost.ledger[len(state.postgres.ledger) :])
    ]


def _is_true(answer: Answer, ledger: tuple[Entry, ...], scenario: Scenario) -> bool:
    """Say whether an answer tells what the ledger held at its position."""
    hold, sellable = scenario.clients[answer.client].hold, sellable_at(ledger, answer.position.seq, scenario)
    if answer.kind is Kind.READ:
        return answer.value == sellable
    if hold:
        return hold not in dict(holds_at(ledger, answer.position.seq))
    return sellable <= 0


def holds_at(ledger: tuple[Entry, ...], seq: int) -> list[tuple[str, int]]:
    """Give the holds that were made up to a position and not resolved, with the time at which each is due."""
    rows = [row for row in ledger if row.seq <= seq]
    resolved = {row.body.resolves for row in rows}
    made = [(row.body.request, row.body.time + 1) for row in rows if row.body.change < 0]
    return [hold for hold in made if hold[0] not in resolved]


def _ledger_of(state: State, position: Position) -> tuple[Entry, ...] | None:
    """Give the ledger that holds a position: the present one, or one whose lost end is not yet dropped."""
    if is_committed(state.postgres, position, heard=len(state.postgres.ledger)):
        return state.postgres.ledger
    for lost in state.lost:
        if is_committed(lost, position, heard=len(lost.ledger)):
            kept = any(entry.position == position for entry in _kept(state))
            return lost.ledger if kept or _is_said(state) else None
    return None


def _missing(state: State, scenario: Scenario) -> Iterator[tuple[str, int]]:
    """Give what was acknowledged and is neither in the ledger nor where a replay finds it."""
    rows = {(row.body.request, row.seq) for row in state.postgres.ledger}
    for client, revision in state.done:
        effect = scenario.clients[client].request, revision
        if effect not in rows and not any((entry.body.request, entry.seq) == effect for entry in _kept(state)):
            yield effect


def _kept(state: State) -> Iterator[Entry]:
    """Give what a journal still holds of what Postgres lost."""
    if state.lost:
        for redis in state.primaries:
            yield from continuation(state.postgres, redis)


def _is_said(state: State) -> bool:
    """Say whether Postgres lost something, and the segment has stopped because of it or is bound to."""
    if not state.lost:
        return False
    if state.postgres.segment is Segment.STOPPED:
        return True
    return any(stop_is_due(state.postgres, redis, PROTOCOL) for redis in state.primaries)
