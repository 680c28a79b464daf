"""Postgres loses its tail: a standby is promoted that lacks the end. The stop rule, and what becomes of it.

Redis keeps how far the ledger was, because the writer marks it after every commit. If that is beyond the ledger's end,
the segment stops until somebody decides: the kept journal is replayed, or what was lost is given up.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.journal import entries_after_cursor, readable
from protocol.model import NO_BATCH, Postgres, Redis, Scenario, Segment, State, Step, put, space_name
from protocol.rules import Rules


def tail_steps(state: State, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Give what befalls Postgres, and what somebody may decide about a stopped segment."""
    if not state.lost and not state.standby:
        yield "a standby of Postgres receives no more", state._replace(standby=(state.postgres,))
    if state.standby and state.standby[0] != state.postgres:
        yield "Postgres fails over to the standby", _failed_over(state)
    if state.postgres.segment is Segment.STOPPED and not state.postgres.replays:
        yield "somebody has the journal replayed", _with(state, replays=True)
        if scenario.may_give_up:
            yield "somebody gives up what was lost", _given_up(state, rules)


def stop_is_due(postgres: Postgres, redis: Redis, rules: Rules) -> bool:
    """Say whether Redis knows something to be committed that the ledger lacks."""
    if rules.stop_compares_epoch and redis.epoch > postgres.epoch:
        return True
    committed = redis.space(space_name(redis.epoch, rules)).committed
    return rules.stop_compares_mark and redis.epoch == postgres.epoch and committed > postgres.cursor.seq


def may_drain(state: State, redis: Redis, rules: Rules) -> bool:
    """Say whether a writer may take the journal into the ledger: in the open segment, or as somebody decided."""
    postgres = state.postgres
    if postgres.segment is Segment.STOPPED:
        return postgres.replays and postgres.epoch == redis.epoch and not _falls_short(postgres, redis, rules)
    if postgres.segment is Segment.LOADING:
        return False
    return not stop_is_due(postgres, redis, rules)


def may_rebuild(state: State, primary: int, known_format: int, rules: Rules) -> bool:
    """Say whether Redis is unfit, so that a rebuild begins. Here its triggers matter: it drops the journal.

    Of a head of another format than its own the one who looks reads nothing, not even the mark.
    """
    postgres, redis = state.postgres, state.primaries[primary]
    if postgres.segment is Segment.STOPPED:
        return not rules.fence_spares_stopped
    if redis.epoch == postgres.epoch and redis.space(space_name(redis.epoch, rules)).format != known_format:
        is_ahead = stop_is_due(postgres, redis, rules) or bool(entries_after_cursor(postgres, redis, rules))
        return not (rules.format_change_waits_for_journal and is_ahead)
    if stop_is_due(postgres, redis, rules):
        return False
    space, cursor = redis.space(space_name(redis.epoch, rules)), postgres.cursor
    is_open = postgres.segment is Segment.OPEN or _is_open_already(postgres, redis, rules)
    if not is_open or redis.epoch < postgres.epoch:
        return True
    if _fell_back(postgres, redis, rules):
        return True
    if space.seq > cursor.seq and redis.epoch == postgres.epoch and readable(postgres, redis, rules) is None:
        return True
    # A server that knows more to be committed than Redis holds has the segment quarantined.
    return any(server.epoch == redis.epoch and server.heard > space.seq for server in state.servers)


def marking_steps(state: State, index: int, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Mark in Redis what was committed. It may come late, or never: the writer may read or die instead."""
    held = state.writers[index]
    if not rules.writer_marks or held == NO_BATCH:
        return
    if held.entries and rules.mark_follows_commit:
        return
    position = held.entries[-1].position if held.entries else held.cursor
    after = held if held.entries else NO_BATCH
    for primary, redis in enumerate(state.primaries):
        space = redis.space(space_name(position.epoch, rules))
        if redis.epoch != position.epoch or position.seq <= space.committed:
            continue
        tail = 0 if scenario.short_tail else position.seq
        kept_from = position.seq - tail if rules.mark_keeps_tail else position.seq + 1
        journal = tuple(entry for entry in space.journal if entry.seq >= kept_from)
        marked = redis.with_space(
            space_name(position.epoch, rules), space._replace(committed=position.seq, journal=journal)
        )
        yield (
            f"W{index + 1} marks {position.seq} as committed",
            state._replace(primaries=put(state.primaries, primary, marked), writers=put(state.writers, index, after)),
        )


def stop_steps(state: State, index: int, rules: Rules) -> Iterator[Step]:
    """Stop the segment, or go on with it as somebody decided. A replay reads and commits like any other round."""
    postgres, name = state.postgres, f"W{index + 1}"
    for redis in state.primaries:
        if postgres.segment is not Segment.STOPPED:
            if stop_is_due(postgres, redis, rules):
                yield f"{name} stops the segment", _with(state, segment=Segment.STOPPED, replays=False)
            elif _is_open_already(postgres, redis, rules):
                yield f"{name} finds epoch {redis.epoch} open, and says so", _with(state, segment=Segment.OPEN)
        elif not postgres.replays:
            continue
        elif _falls_short(postgres, redis, rules):
            yield f"{name} finds that the journal does not reach back, and stops", _with(state, replays=False)
        elif postgres.epoch != redis.epoch:
            cursor = postgres.cursor._replace(epoch=redis.epoch)
            bases, homes = (*postgres.bases, cursor), (*postgres.homes, redis.process)
            yield (
                f"{name} takes over epoch {redis.epoch} of the journal",
                _with(state, cursor=cursor, bases=bases, homes=homes),
            )
        elif not entries_after_cursor(postgres, redis, rules):
            yield f"{name} ends the replay", _with(state, segment=Segment.OPEN, replays=False)


def _failed_over(state: State) -> State:
    """The connections of writers break, so what they hold is gone; a mark is Redis' business and may come yet."""
    writers = tuple(NO_BATCH if batch.entries else batch for batch in state.writers)
    return state._replace(postgres=state.standby[0], standby=(), lost=(state.postgres,), writers=writers)


def _falls_short(postgres: Postgres, redis: Redis, rules: Rules) -> bool:
    """Say whether the journal does not reach back to where the ledger ends, or does not hold what was committed."""
    if not rules.replay_begins_where_ledger_ends:
        return False
    space = redis.space(space_name(redis.epoch, rules))
    entries = [entry for entry in space.journal if entry.seq > postgres.cursor.seq]
    if not entries:
        return space.committed > postgres.cursor.seq
    return entries[0].previous != postgres.cursor.hash


def _is_open_already(postgres: Postgres, redis: Redis, rules: Rules) -> bool:
    """Say whether Redis is open under the very epoch that the ledger waits for: only its opening was lost."""
    waits = postgres.segment is Segment.LOADING and redis.epoch == postgres.epoch
    return rules.what_is_open_is_not_rebuilt and waits and not _fell_back(postgres, redis, rules)


def _fell_back(postgres: Postgres, redis: Redis, rules: Rules) -> bool:
    space, cursor = redis.space(space_name(redis.epoch, rules)), postgres.cursor
    return space.seq < cursor.seq or (space.seq == cursor.seq and space.hash != cursor.hash)


def _given_up(state: State, rules: Rules) -> State:
    """Begin another history above every epoch that was ever open, to be loaded from what the ledger holds.

    Somebody decides this later than a lease lasts: by then no server believes in what was lost. What had been
    acknowledged of it is forgotten by the judges too: it was given up with open eyes.
    """
    postgres = state.postgres
    highest = max(redis.epoch for redis in state.primaries) if rules.discard_rises_above_open_epoch else 0
    cursor = postgres.cursor._replace(epoch=max(postgres.epoch, highest) + 1)
    rows = {row.seq for row in postgres.ledger}
    return _with(
        state._replace(
            done=tuple(pair for pair in state.done if pair[1] in rows),
            servers=tuple(
                server._replace(told=0, fresh=server.fresh and server.history > 0) for server in state.servers
            ),
        ),
        cursor=cursor,
        bases=(*postgres.bases, cursor),
        homes=(*postgres.homes, 0),
        segment=Segment.LOADING,
        lineage=postgres.lineage + 1,
    )


def _with(state: State, **changes: object) -> State:
    """One transaction on the segment's row."""
    return state._replace(postgres=state.postgres._replace(**changes))
