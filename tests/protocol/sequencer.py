"""The sequencer: the one script that decides the commands of a tick, atomically, in one Redis.

Owns what happens inside Redis and knows nothing of Postgres. It checks everything, fails closed, and writes last.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.model import (
    MISSING,
    Arrival,
    Body,
    Entry,
    Kind,
    Level,
    Operation,
    Outcome,
    Position,
    Redis,
    Rules,
    Scenario,
    Server,
    Space,
    chain_hash,
    space_name,
)


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
    redis: Redis, server: Server, commands: list[Arrival], rules: Rules, scenario: Scenario
) -> Ticked | None:
    """Decide all commands of one tick; None if the script fails closed, and then nothing is written."""
    name = space_name(server.epoch, rules)
    before = redis.space(name)
    if not _may_decide(redis, before, server, rules):
        return None
    if scenario.may_lose_tail and rules.script_counts_keys and len(before.outcomes) != before.counted:
        return None  # Two loaders of one epoch, which Postgres gave twice: a key has another length than the head says.
    space = before
    decisions: list[Decision] = []
    for command in commands:
        decided = _decide(space, server, command, rules, scenario)
        if decided is None:
            return None
        space, decision = decided
        decisions.append(decision)
    if rules.tick_writes_barrier and space.seq == before.seq:
        # Its body must be unique, or two primaries would write the same one; the process number makes it so.
        space = _appended(space, server.epoch, f"barrier {redis.process}", 0, 0)
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
    return not rules.script_checks_known_committed or space.seq >= server.heard


def _decide(
    space: Space, server: Server, command: Arrival, rules: Rules, scenario: Scenario
) -> tuple[Space, Decision] | None:
    """Decide one command; None if Postgres must be asked for its id first."""
    caller = scenario.clients[command.client]
    if caller.operation is Operation.READ:
        return space, Decision(command, Kind.READ, space.level.sellable)
    for outcome in space.outcomes:
        if outcome.request == caller.request:
            return space, Decision(command, Kind.DONE, outcome.revision)
    if rules.floor_demands_lookup and caller.id_time <= space.floor:
        lookup_seq = max((seq for client, seq in server.lookups if client == command.client), default=-1)
        if lookup_seq < (space.evicted_seq if rules.lookup_covers_evicted else 0):
            return None
    change = {Operation.RECEIVE: 1, Operation.RESERVE: -1, Operation.PROTECT: 0}[caller.operation]
    if change < 0 and space.level.sellable + change < 0:
        return space, Decision(command, Kind.REFUSED, 0)
    times = (caller.id_time, space.seq + 1) if rules.floor_counts_id_time else (space.seq + 1,)
    if rules.journal_ids_only_rise and space.journal and space.journal[-1].seq > space.seq:
        return None
    puts_rule = caller.operation is Operation.PROTECT
    space = _appended(space, server.epoch, caller.request, change, max(times), puts_rule=puts_rule)
    outcome = Outcome(caller.request, space.seq, max(times))
    outcomes = (*space.outcomes, outcome)
    return space._replace(outcomes=outcomes, counted=len(outcomes)), Decision(command, Kind.DONE, space.seq)


def _appended(
    space: Space, epoch: int, request: str, change: int, effective_time: int, *, puts_rule: bool = False
) -> Space:
    """Write one entry to the journal, and its after-image to the level."""
    version = space.level.version + (1 if change else 0)
    safety = 1 if puts_rule else space.level.safety
    body = Body(request, change, space.level.available + change, version, effective_time, safety, puts_rule)
    entry = Entry(epoch, space.seq + 1, body, space.hash, chain_hash(space.hash, body))
    return space._replace(
        level=Level(body.available, body.version, body.safety),
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
