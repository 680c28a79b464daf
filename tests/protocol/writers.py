"""What a ledger writer does. A zombie takes the same steps, at any time, with whatever is in its hands."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.journal import readable
from protocol.model import NO_BATCH, Batch, Level, Outcome, Position, Postgres, Scenario, Segment, State, Step, put
from protocol.rules import Rules
from protocol.tail import marking_steps, may_drain, stop_steps


def writer_steps(state: State, index: int, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Give every step that one writer can take: read a journal, or commit what it holds.

    It reads the cursor and the journal in one step here. Were they apart, it would hold what another interleaving
    of the two steps gives it anyway, since the compare-and-set is made with the cursor that it read.
    """
    held = state.writers[index]
    for primary, redis in enumerate(state.primaries):
        if scenario.may_lose_tail and not may_drain(state, redis, rules):
            continue
        batch = readable(state.postgres, redis, rules)
        if batch is not None and batch != held:
            place = f" of Redis {primary + 1}" if len(state.primaries) > 1 else ""
            entries = ", ".join(f"{entry.body.request} at {entry.seq}" for entry in batch.entries)
            yield (
                f"W{index + 1} reads the journal{place}: {entries}",
                state._replace(writers=put(state.writers, index, batch)),
            )
    if held.entries:
        emptied = state._replace(writers=put(state.writers, index, NO_BATCH))
        if _may_commit(held, state.postgres, rules):
            after = _committed(emptied, held, rules)
            if scenario.may_lose_tail and held.segment is Segment.OPEN:
                after = after._replace(writers=put(state.writers, index, Batch(after.postgres.cursor, ())))
            yield f"W{index + 1} commits epoch {held.entries[0].epoch}", after
        else:
            yield f"W{index + 1} is turned away by Postgres", emptied
    if scenario.may_lose_tail:
        yield from marking_steps(state, index, rules, scenario)
        yield from stop_steps(state, index, rules)


def _may_commit(batch: Batch, postgres: Postgres, rules: Rules) -> bool:
    """The compare-and-set of the cursor, and what the tables themselves refuse."""
    believed, actual = batch.cursor, postgres.cursor
    if (
        (rules.cursor_compares_epoch and believed.epoch != actual.epoch)
        or (rules.cursor_compares_seq and believed.seq != actual.seq)
        or (rules.cursor_compares_hash and believed.hash != actual.hash)
        or (rules.cursor_compares_segment and batch.segment is not postgres.segment)
    ):
        return False
    bodies = [entry.body for entry in batch.entries if entry.body.change]
    versions = [postgres.level.version + number for number in range(1, len(bodies) + 1)]
    if rules.ledger_checks_versions and [body.version for body in bodies] != versions:
        return False
    requests = [entry.body.request for entry in batch.entries if entry.body.takes_effect] + [
        outcome.request for outcome in postgres.outcomes
    ]
    return not rules.ledger_refuses_second_outcome or len(requests) == len(set(requests))


def _committed(state: State, batch: Batch, rules: Rules) -> State:
    """One transaction: rows, level by after-image, outcomes, cursor."""
    postgres, last = state.postgres, batch.entries[-1]
    outcomes = tuple(
        Outcome(entry.body.request, entry.seq, entry.body.effective_time)
        for entry in batch.entries
        if entry.body.is_requested
    )
    stored, unstored = (outcomes, ()) if rules.outcome_in_same_commit else ((), outcomes)
    return state._replace(
        postgres=postgres._replace(
            cursor=Position(postgres.epoch, last.seq, last.hash),
            ledger=(*postgres.ledger, *batch.entries),
            level=Level(last.body.available, last.body.version, last.body.safety, last.body.holds),
            outcomes=(*postgres.outcomes, *stored),
        ),
        unstored=(*state.unstored, *unstored),
    )


def storing_apart(state: State) -> Iterator[Step]:
    """Only in a mutation: the outcomes of a commit reach Postgres later, or never."""
    if state.unstored:
        stored = state.postgres._replace(outcomes=(*state.postgres.outcomes, *state.unstored))
        yield "outcomes are stored in a commit of their own", state._replace(postgres=stored, unstored=())
