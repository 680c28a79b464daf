"""The sequencer: the one script that decides the commands of a tick, atomically, in one Redis.

Owns what happens inside Redis and knows nothing of Postgres. It checks everything, fails closed, and writes last.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.model import (
    EXPIRY,
    MISSING,
    Arrival,
    Body,
    Client,
    Entry,
    Kind,
    Level,
    Operation,
    Outcome,
    Position,
    Redis,
    Scenario,
    Server,
    Space,
    chain_hash,
    space_name,
)
from protocol.rules import Rules

KNOWS_SAFETY = 2  # the first format that knows of safety stock


class Decision(NamedTuple):
    """What the script found for one command."""

    command: Arrival
    kind: Kind
    value: int


class Ticked(NamedTuple):
    """What the script returns: the decisions, and the head after all of them. `own` if this tick wrote the head."""

    redis: Redis
    decisions: tuple[Decision, ...]
    head: Position
    own: bool


def run_script(
    redis: Redis, server: Server, commands: list[Arrival], now: int, rules: Rules, scenario: Scenario
) -> Ticked | None:
    """Decide all commands of one tick; None if the script fails closed, and then nothing is written.

    Before anything else it does what is due by itself: holds expire by the segment's clock.
    """
    name = space_name(server.epoch, rules)
    before = redis.space(name)
    if not _may_decide(redis, before, server, rules):
        return None
    if scenario.may_lose_tail and rules.script_counts_keys and len(before.outcomes) != before.counted:
        return None  # Two loaders of one epoch, which Postgres gave twice: a key has another length than the head says.
    space = before
    if server.format < KNOWS_SAFETY:
        # Only where the format is wrongly not checked: what this script does not know it neither counts nor keeps.
        space = space._replace(level=space.level._replace(safety=0))
    if rules.tick_expires_what_is_due:
        for request, due in before.level.holds:
            if due <= now:
                space = _expired(space, server.epoch, request, now)
    decisions: list[Decision] = []
    for command in commands:
        decided = _decide(space, server, command, now, rules, scenario)
        if decided is None:
            return None
        space, decision = decided
        decisions.append(decision)
    if rules.tick_writes_barrier and space.seq == before.seq:
        # Its body must be unique, or two primaries would write the same one; the process number makes it so.
        space = _appended(space, server.epoch, _body(space, f"barrier {redis.process}"))
    if scenario.may_lose_tail and rules.tick_marks_known_committed:
        space = space._replace(committed=max(space.committed, server.heard))
    head = Position(server.epoch, space.seq, space.hash)
    return Ticked(redis.with_space(name, space), tuple(decisions), head, space.seq > before.seq)


def _may_decide(redis: Redis, space: Space, server: Server, rules: Rules) -> bool:
    """What the script compares before anything else: its epoch, that nothing is missing, and known committed."""
    if rules.script_checks_epoch and redis.epoch != server.epoch:
        return False
    if space.seq < 0 or space.level == MISSING:
        return False
    if rules.script_checks_format and space.format != server.format:
        return False
    return not rules.script_checks_known_committed or space.seq >= server.heard


def _decide(
    space: Space, server: Server, command: Arrival, now: int, rules: Rules, scenario: Scenario
) -> tuple[Space, Decision] | None:
    """Decide one command; None if Postgres must be asked for its id first."""
    caller = scenario.clients[command.client]
    if caller.operation is Operation.PROTECT and server.format < KNOWS_SAFETY:
        return None
    if caller.operation is Operation.READ:
        return space, Decision(command, Kind.READ, space.level.sellable)
    for outcome in space.outcomes:
        if outcome.request == caller.request:
            return space, Decision(command, Kind.DONE, outcome.revision)
    if rules.floor_demands_lookup and caller.id_time <= space.floor:
        lookup_seq = max((seq for client, seq in server.lookups if client == command.client), default=-1)
        if lookup_seq < (space.evicted_seq if rules.lookup_covers_evicted else 0):
            return None
    if caller.hold:
        due = dict(space.level.holds).get(caller.hold)
        if due is not None and due <= now and rules.command_expires_due_hold:
            # So a refusal because of the time rests on an expiry in the journal, and is true for ever.
            space, due = _expired(space, server.epoch, caller.hold, now), None
        was_made = any(outcome.request == caller.hold for outcome in space.outcomes)
        if due is None and (rules.hold_is_resolved_once or not was_made):
            return space, Decision(command, Kind.REFUSED, 0)
    if rules.journal_ids_only_rise and space.journal and space.journal[-1].seq > space.seq:
        return None
    body = _effect(space, caller, now, scenario)
    left = space.level.available + body.change - (space.level.safety if rules.decision_counts_safety else 0)
    if body.change < 0 and left < 0:
        return space, Decision(command, Kind.REFUSED, 0)
    times = (caller.id_time, space.seq + 1) if rules.floor_counts_id_time else (space.seq + 1,)
    space = _appended(space, server.epoch, body._replace(effective_time=max(times)))
    outcome = Outcome(caller.request, space.seq, max(times))
    outcomes = (*space.outcomes, outcome)
    return space._replace(outcomes=outcomes, counted=len(outcomes)), Decision(command, Kind.DONE, space.seq)


def _effect(space: Space, caller: Client, now: int, scenario: Scenario) -> Body:
    """Give what a command does if nothing stands against it."""
    body = _body(space, caller.request)
    others = tuple(hold for hold in space.level.holds if hold[0] != caller.hold)
    match caller.operation:
        case Operation.RECEIVE:
            return body._replace(change=1)
        case Operation.PROTECT:
            return body._replace(safety=1, puts_rule=True)
        case Operation.RELEASE:
            return body._replace(change=1, holds=others, resolves=caller.hold, time=now)
        case Operation.CONFIRM:
            return body._replace(holds=others, resolves=caller.hold, time=now)
        case _:
            own = ((caller.request, now + 1),) if scenario.time_max else ()
            return body._replace(change=-1, holds=(*space.level.holds, *own), time=now)


def _expired(space: Space, epoch: int, request: str, now: int) -> Space:
    """Give a hold back whose time is over."""
    others = tuple(hold for hold in space.level.holds if hold[0] != request)
    body = _body(space, EXPIRY + request)
    return _appended(space, epoch, body._replace(change=1, holds=others, resolves=request, time=now))


def _body(space: Space, request: str) -> Body:
    """Give the body of an entry that changes nothing."""
    level = space.level
    return Body(request, 0, level.available, level.version, 0, level.safety, holds=level.holds)


def _appended(space: Space, epoch: int, body: Body) -> Space:
    """Write one entry to the journal, and its after-image to the level."""
    version = space.level.version + (1 if body.change else 0)
    body = body._replace(available=space.level.available + body.change, version=version)
    entry = Entry(epoch, space.seq + 1, body, space.hash, chain_hash(space.hash, body))
    return space._replace(
        level=Level(body.available, body.version, body.safety, body.holds),
        seq=entry.seq,
        hash=entry.hash,
        journal=(*space.journal, entry),
    )


def without_oldest_outcome(space: Space) -> Space:
    """Forget the oldest outcome, and remember what can no longer be decided without a look-up."""
    oldest = space.outcomes[0]
    return space._replace(
        outcomes=space.outcomes[1:],
        floor=max(space.floor, oldest.effective_time),
        evicted_seq=max(space.evicted_seq, oldest.revision),
    )
