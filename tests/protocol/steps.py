"""The steps of the protocol: from one state, every state that one atomic act of one actor can lead to.

What is atomic here is atomic there: one script in Redis, one transaction in Postgres, one message handled. Between
any two of them every other actor may act. A command that fails closed changes nothing and is left out; so is a
crash of a server or a writer, which is the same as its never acting again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TypeVar

from protocol.model import (
    EMPTY_SPACE,
    ENDED_LOADER,
    MISSING,
    NO_BATCH,
    NO_SEQ_YET,
    Answer,
    Arrival,
    Batch,
    Body,
    Entry,
    Kind,
    Level,
    Loader,
    Operation,
    Outcome,
    Position,
    Postgres,
    Redis,
    Rules,
    Scenario,
    Server,
    Space,
    Stage,
    State,
    chain_hash,
    is_committed,
    space_name,
)

Step = tuple[str, State]
Item = TypeVar("Item")


def successors(state: State, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Give every next state with a readable name of the step that leads to it."""
    state = state._replace(answers=())
    for index in range(len(state.servers)):
        yield from _server_steps(state, index, rules, scenario)
    for index in range(len(state.writers)):
        yield from _writer_steps(state, index, rules)
    for index in range(len(state.loaders)):
        yield from _loader_steps(state, index, rules, scenario)
    yield from _redis_steps(state, scenario)
    if state.unstored:
        stored = state.postgres._replace(outcomes=(*state.postgres.outcomes, *state.unstored))
        yield "outcomes are stored in a commit of their own", state._replace(postgres=stored, unstored=())


def _put(items: tuple[Item, ...], index: int, item: Item) -> tuple[Item, ...]:
    return (*items[:index], item, *items[index + 1 :])


# Servers -------------------------------------------------------------------------------------------------------


def _server_steps(state: State, index: int, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    server = state.servers[index]
    name = f"S{index + 1}"

    # A notice, a heartbeat and a look at the cursor teach the same; one that is late teaches what an early one
    # did, except for the lease. So there is one step, and it reads Postgres as it is.
    informed = _informed(server, state.postgres)
    if informed != server:
        yield f"{name} hears where Postgres stands", _settled(state, index, informed, rules)
    if not server.fresh and not rules.lease_counts_from_asking:
        late = server._replace(fresh=True)
        yield f"{name} takes an old heartbeat out of its buffer", _settled(state, index, late, rules)

    asking = [c for c, left in enumerate(state.attempts_left) if left]
    if scenario.arrivals:
        for client in asking:
            arrival = Arrival(client, False, server.told, len(state.postgres.ledger))
            arrivals = tuple(sorted({*server.arrivals, arrival}))
            yield (
                f"{scenario.clients[client].request} arrives at {name}",
                _spent(state, [client])._replace(
                    servers=_put(state.servers, index, server._replace(arrivals=arrivals))
                ),
            )
        commands = list(server.arrivals)
    else:
        commands = [Arrival(client, informed == server, server.told, 0) for client in asking]
    ticks = [[command] for command in commands]
    if scenario.pairs:
        ticks += [list(pair) for pair in combinations(commands, 2)]
    for tick in ticks:
        for primary in range(len(state.primaries)):
            after = _tick(state, index, primary, tick, rules, scenario)
            if after is not None:
                requests = " and ".join(scenario.clients[command.client].request for command in tick)
                place = f" in Redis {primary + 1}" if len(state.primaries) > 1 else ""
                yield f"{name} runs a tick{place}: {requests}{_said(after)}", after

    if scenario.small_window:
        for client in asking:
            yield _lookup(state, index, client, rules, scenario)
            if (client, NO_SEQ_YET) in server.lookups:
                read = _looked_up(server, client, len(state.postgres.ledger))
                yield f"{name} now reads the seq", state._replace(servers=_put(state.servers, index, read))


def _said(after: State) -> str:
    """Name the answers that a step gave."""
    return "".join(
        f" -> {answer.kind} {answer.value}"
        if answer.kind is Kind.READ
        else f" -> {answer.kind} at {answer.value}"
        if answer.kind is Kind.DONE
        else " -> refused"
        for answer in after.answers
    )


def _informed(server: Server, postgres: Postgres) -> Server:
    """Give what a server knows that has just heard from Postgres: epoch, committed rows, a new lease."""
    covered = tuple(sorted({arrival._replace(covered=True) for arrival in server.arrivals}))
    return server._replace(epoch=postgres.epoch, heard=len(postgres.ledger), fresh=True, arrivals=covered)


def _spent(state: State, clients: list[int]) -> State:
    return state._replace(
        attempts_left=tuple(
            left - (client in clients) for client, left in enumerate(state.attempts_left)
        )
    )


def _settled(state: State, index: int, server: Server, rules: Rules) -> State:
    """Give every answer that the server may give now. A later answer would say no more, so none is held back."""
    if not server.waiting:
        return state._replace(servers=_put(state.servers, index, server))
    given = tuple(answer for answer in server.waiting if _may_answer(answer, server, state.postgres, rules))
    if rules.wait_is_by_identity:
        # Whose place in the journal was taken by another, or is of a fenced epoch, is told to try again.
        server = server._replace(
            waiting=tuple(answer for answer in server.waiting if not _is_lost(answer, server, state.postgres))
        )
    if not given:
        return state._replace(servers=_put(state.servers, index, server))
    server = server._replace(
        waiting=tuple(answer for answer in server.waiting if answer not in given),
        told=max(server.told, *(answer.position.seq for answer in given)),
    )
    return state._replace(servers=_put(state.servers, index, server), answers=given)


def _may_answer(answer: Answer, server: Server, postgres: Postgres, rules: Rules) -> bool:
    """The rule of the acknowledgement: exactly this position is known committed, and the server is not cut off."""
    waits = {
        Kind.DONE: rules.done_waits_for_commit,
        Kind.REFUSED: rules.refusal_waits_for_commit,
        Kind.READ: rules.read_waits_for_commit,
    }[answer.kind]
    if not waits:
        return True
    if rules.wait_is_by_identity:
        committed = is_committed(postgres, answer.position, heard=server.heard)
    else:
        committed = answer.position.seq <= server.heard
    # A position that this tick wrote was not committed before the script ran: it needs no lease.
    return committed and (answer.own or _holds_lease(answer.position.epoch, server, rules))


def _holds_lease(epoch: int, server: Server, rules: Rules) -> bool:
    """Say whether the server may still speak for this epoch: it was current when the server last asked, just now."""
    if not rules.lease_is_checked:
        return True
    return server.fresh and (server.epoch == epoch or not rules.lease_is_of_one_epoch)


def _is_lost(answer: Answer, server: Server, postgres: Postgres) -> bool:
    """Say whether the server knows that this position can never be committed any more."""
    position = answer.position
    return (position.seq <= server.heard or position.epoch < server.epoch) and not is_committed(
        postgres, position, heard=server.heard
    )


def _tick(
    state: State, index: int, primary: int, commands: list[Arrival], rules: Rules, scenario: Scenario
) -> State | None:
    """Run the sequencer script once for these commands; None if it fails closed."""
    server, redis = state.servers[index], state.primaries[primary]
    if rules.script_checks_epoch and redis.epoch != server.epoch:
        return None
    space = redis.space(space_name(server.epoch, rules))
    if space.seq < 0 or space.level == MISSING:
        return None
    if rules.script_checks_known_committed and space.seq < server.heard:
        return None
    if rules.epoch_has_one_home and state.postgres.homes[server.epoch - 1] != redis.process:
        return None
    if rules.tick_reads_cursor and not all(command.covered for command in commands):
        return None

    decided: list[tuple[Arrival, Kind, int]] = []
    before = space
    for command in commands:
        decision = _decide(space, server, command.client, rules, scenario)
        if decision is None:
            return None
        space, kind, value = decision
        decided.append((command, kind, value))
    if rules.tick_writes_barrier and space.seq == before.seq:
        # Its body must be unique, or two primaries would write the same one; the process number makes it so.
        space = _appended(space, server.epoch, f"barrier {redis.process}", 0, 0)

    position = Position(server.epoch, space.seq, space.hash)
    own = space.seq > before.seq
    answers = {
        Answer(command.client, kind, value, position, own, command.told_before, command.committed_before)
        for command, kind, value in decided
    }
    server = server._replace(
        waiting=tuple(sorted({*server.waiting, *answers})),
        arrivals=tuple(arrival for arrival in server.arrivals if arrival not in commands),
    )
    redis = redis.with_space(space_name(server.epoch, rules), space)
    if not scenario.arrivals:
        state = _spent(state, [command.client for command in commands])
    return _settled(
        state._replace(primaries=_put(state.primaries, primary, redis)), index, server, rules
    )


def _decide(
    space: Space, server: Server, client: int, rules: Rules, scenario: Scenario
) -> tuple[Space, Kind, int] | None:
    """Decide one command on one space; None if a new look-up in Postgres is needed first."""
    caller = scenario.clients[client]
    if caller.operation is Operation.READ:
        return space, Kind.READ, space.level.available
    for outcome in space.outcomes:
        if outcome.request == caller.request:
            return space, Kind.DONE, outcome.revision
    if rules.floor_demands_lookup and caller.id_time <= space.floor:
        lookup_seq = max((seq for who, seq in server.lookups if who == client), default=-1)
        if lookup_seq < (space.evicted_seq if rules.lookup_covers_evicted else 0):
            return None
    change = 1 if caller.operation is Operation.RECEIVE else -1
    if space.level.available + change < 0:
        return space, Kind.REFUSED, 0
    times = (caller.id_time, space.seq + 1) if rules.floor_counts_id_time else (space.seq + 1,)
    space = _appended(space, server.epoch, caller.request, change, max(times))
    outcome = Outcome(caller.request, space.seq, space.journal[-1].body.effective_time)
    return space._replace(outcomes=(*space.outcomes, outcome)), Kind.DONE, space.seq


def _appended(space: Space, epoch: int, request: str, change: int, effective_time: int) -> Space:
    """Write one entry to the journal, and its after-image to the level."""
    version = space.level.version + (1 if change else 0)
    body = Body(request, change, space.level.available + change, version, effective_time)
    entry = Entry(epoch, space.seq + 1, body, space.hash, chain_hash(space.hash, body))
    return space._replace(
        level=Level(body.available, body.version),
        seq=entry.seq,
        hash=entry.hash,
        journal=(*space.journal, entry),
    )


def _lookup(state: State, index: int, client: int, rules: Rules, scenario: Scenario) -> Step:
    """Look an id up in Postgres before the tick. The cursor that it saw counts as heard, so no server goes back."""
    server = _informed(state.servers[index], state.postgres)
    request = scenario.clients[client].request
    step = f"S{index + 1} looks {request} up in Postgres"
    for outcome in state.postgres.outcomes:
        if outcome.request == request:
            after = _settled(state, index, server, rules)
            found = Answer(client, Kind.DONE, outcome.revision, state.postgres.cursor, False, 0, 0)
            return f"{step}: found", after._replace(answers=(*after.answers, found))
    seq = server.heard if rules.lookup_is_one_snapshot else NO_SEQ_YET
    after = _settled(state, index, _looked_up(server, client, seq), rules)
    return f"{step}: not there" + (f" at {seq}" if rules.lookup_is_one_snapshot else ""), after


def _looked_up(server: Server, client: int, seq: int) -> Server:
    others = {pair for pair in server.lookups if pair[0] != client}
    return server._replace(lookups=tuple(sorted({*others, (client, seq)})))


# The ledger writer and its zombie: the same steps, at any time, with whatever is in their hands ----------------


def _writer_steps(state: State, index: int, rules: Rules) -> Iterator[Step]:
    name = f"W{index + 1}"
    for primary, redis in enumerate(state.primaries):
        batch = _readable_batch(state.postgres.cursor, redis, rules)
        if batch is not None and batch != state.writers[index]:
            place = f" of Redis {primary + 1}" if len(state.primaries) > 1 else ""
            entries = ", ".join(f"{entry.body.request} at {entry.seq}" for entry in batch.entries)
            yield (
                f"{name} reads the journal{place}: {entries}",
                state._replace(writers=_put(state.writers, index, batch)),
            )
    batch = state.writers[index]
    if batch.entries:
        emptied = state._replace(writers=_put(state.writers, index, NO_BATCH))
        if _may_commit(batch, state.postgres, rules):
            yield f"{name} commits epoch {batch.entries[0].epoch}", _committed(emptied, batch, rules)
        else:
            yield f"{name} is turned away by Postgres", emptied


def _readable_batch(cursor: Position, redis: Redis, rules: Rules) -> Batch | None:
    """Read all that follows the cursor; None if there is nothing or it does not fit (which calls for a rebuild)."""
    journal = redis.space(space_name(cursor.epoch, rules)).journal
    entries = tuple(entry for entry in journal if entry.seq > cursor.seq)
    if not entries:
        return None
    if rules.writer_verifies_chain:
        expected = cursor.hash
        for entry in entries:
            if entry.previous != expected or entry.epoch != cursor.epoch:
                return None
            expected = entry.hash
    return Batch(cursor, entries)


def _may_commit(batch: Batch, postgres: Postgres, rules: Rules) -> bool:
    """The compare-and-set of the cursor, and what the tables themselves refuse."""
    believed, actual = batch.cursor, postgres.cursor
    if rules.cursor_compares_epoch and believed.epoch != actual.epoch:
        return False
    if rules.cursor_compares_seq and believed.seq != actual.seq:
        return False
    if rules.cursor_compares_hash and believed.hash != actual.hash:
        return False
    bodies = [entry.body for entry in batch.entries if entry.body.change]
    versions = [postgres.level.version + number for number in range(1, len(bodies) + 1)]
    if rules.ledger_checks_versions and [body.version for body in bodies] != versions:
        return False
    requests = [body.request for body in bodies] + [outcome.request for outcome in postgres.outcomes]
    return not rules.ledger_refuses_second_outcome or len(requests) == len(set(requests))


def _committed(state: State, batch: Batch, rules: Rules) -> State:
    """One transaction: rows, level by after-image, outcomes, cursor."""
    postgres, last = state.postgres, batch.entries[-1]
    outcomes = tuple(
        Outcome(entry.body.request, entry.seq, entry.body.effective_time)
        for entry in batch.entries
        if entry.body.change
    )
    stored = (*postgres.outcomes, *outcomes) if rules.outcome_in_same_commit else postgres.outcomes
    return state._replace(
        postgres=postgres._replace(
            cursor=Position(postgres.epoch, last.seq, last.hash),
            ledger=(*postgres.ledger, *batch.entries),
            level=Level(last.body.available, last.body.version),
            outcomes=stored,
        ),
        unstored=state.unstored if rules.outcome_in_same_commit else (*state.unstored, *outcomes),
    )


# Rebuild -------------------------------------------------------------------------------------------------------


def _loader_steps(state: State, index: int, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """One step of one loader. A rebuild may begin at any time, so no trigger for it needs to be modelled."""
    loader = state.loaders[index]
    name = f"L{index + 1}"
    match loader.stage:
        case Stage.IDLE if rules.fence_with_snapshot:
            for primary in range(len(state.primaries)):
                fenced = _fenced(_snapshot(state, index, primary), index)
                place = f" for Redis {primary + 1}" if len(state.primaries) > 1 else ""
                yield f"{name} fences epoch {fenced.postgres.epoch} and reads its snapshot{place}", fenced
        case Stage.IDLE:
            for primary in range(len(state.primaries)):
                yield f"{name} reads a snapshot before it fences", _snapshot(state, index, primary)
        case Stage.READ:
            fenced = _fenced(state, index)
            yield f"{name} fences epoch {fenced.postgres.epoch}", fenced
        case Stage.FENCED | Stage.OUTCOMES | Stage.LEVELS:
            yield _loaded(state, index, rules, scenario)
        case Stage.ENDED:
            pass


def _snapshot(state: State, index: int, primary: int) -> State:
    postgres = state.postgres
    loader = Loader(
        Stage.READ, postgres.epoch, primary, postgres.cursor, postgres.level, postgres.outcomes
    )
    return state._replace(loaders=_put(state.loaders, index, loader))


def _fenced(state: State, index: int) -> State:
    """Lock the segment's row and raise the epoch; from here no commit of an older epoch matches."""
    postgres, loader = state.postgres, state.loaders[index]
    cursor = postgres.cursor._replace(epoch=postgres.epoch + 1)
    loader = loader._replace(
        stage=Stage.FENCED, epoch=cursor.epoch, base=loader.base._replace(epoch=cursor.epoch)
    )
    return state._replace(
        postgres=postgres._replace(
            cursor=cursor,
            bases=(*postgres.bases, cursor),
            homes=(*postgres.homes, state.primaries[loader.primary].process),
        ),
        loaders=_put(state.loaders, index, loader),
    )


def _loaded(state: State, index: int, rules: Rules, scenario: Scenario) -> Step:
    """Load the next piece, or open. A loader that finds its earlier pieces gone gives up."""
    loader = state.loaders[index]
    name, key = f"L{index + 1}", space_name(loader.epoch, rules)
    redis = state.primaries[loader.primary]
    space = redis.space(key)
    pieces = {Stage.FENCED: 0, Stage.OUTCOMES: 1, Stage.LEVELS: 2}[loader.stage]
    ended = state._replace(loaders=_put(state.loaders, index, ENDED_LOADER))
    if pieces and rules.load_pieces_are_counted and (space.loaded_by, space.pieces) != (loader.epoch, pieces):
        return f"{name} finds its earlier pieces gone and gives up", ended

    if loader.stage is Stage.FENCED:
        kept = () if scenario.small_window else loader.outcomes
        left_out = [outcome.effective_time for outcome in loader.outcomes if outcome not in kept]
        blank = EMPTY_SPACE if rules.epoch_names_keys else space
        space = blank._replace(
            outcomes=kept,
            floor=max(left_out, default=0),
            evicted_seq=loader.base.seq if rules.rebuild_raises_evicted else 0,
            loaded_by=loader.epoch,
            pieces=1,
        )
        after, what = Stage.OUTCOMES, f"loads the outcomes of epoch {loader.epoch}"
    elif loader.stage is Stage.OUTCOMES:
        space = space._replace(level=loader.level, loaded_by=loader.epoch, pieces=2)
        after, what = Stage.LEVELS, f"loads the level of epoch {loader.epoch}"
    else:
        return _opened(ended, loader, name, rules)
    return f"{name} {what}", state._replace(
        primaries=_put(state.primaries, loader.primary, redis.with_space(key, space)),
        loaders=_put(state.loaders, index, loader._replace(stage=after)),
    )


def _opened(state: State, loader: Loader, name: str, rules: Rules) -> Step:
    redis, key = state.primaries[loader.primary], space_name(loader.epoch, rules)
    if rules.open_only_upwards and redis.epoch >= loader.epoch:
        return f"{name} finds a higher epoch open and gives up", state
    space = redis.space(key)._replace(seq=loader.base.seq, hash=loader.base.hash, journal=())
    redis = redis.with_space(key, space)._replace(epoch=loader.epoch)
    state = state._replace(primaries=_put(state.primaries, loader.primary, redis))
    if rules.open_waits_out_lease:
        # By now the lease of every server that has not asked since the fence has run out.
        state = state._replace(
            servers=tuple(
                server._replace(fresh=server.fresh and server.epoch >= loader.epoch)
                for server in state.servers
            )
        )
    return f"{name} opens epoch {loader.epoch}", state


# Redis and its faults ------------------------------------------------------------------------------------------


def _redis_steps(state: State, scenario: Scenario) -> Iterator[Step]:
    if scenario.small_window:
        for primary, redis in enumerate(state.primaries):
            space = redis.space(redis.epoch)
            if space.outcomes:
                yield (
                    f"Redis forgets the outcome of {space.outcomes[0].request}",
                    state._replace(
                        primaries=_put(state.primaries, primary, redis.with_space(redis.epoch, _evicted(space)))
                    ),
                )
    if not state.faults_left:
        return
    if (scenario.may_fall_back or scenario.may_split) and not state.copies:
        yield "a copy of Redis is left behind", state._replace(copies=(state.primaries[0],))
    fewer = state._replace(faults_left=state.faults_left - 1)
    process = 1 + scenario.faults - state.faults_left
    for primary in range(len(state.primaries)):
        if scenario.may_lose and state.primaries[primary].spaces:
            empty = Redis(process, 0, ())
            yield "Redis is lost, and empty", fewer._replace(primaries=_put(state.primaries, primary, empty))
        if scenario.may_slip:
            redis = state.primaries[primary]
            slipped = redis.space(redis.epoch)._replace(level=Level(scenario.units, 0))
            yield (
                "one key of Redis goes back to its first value",
                fewer._replace(
                    primaries=_put(state.primaries, primary, redis.with_space(redis.epoch, slipped))
                ),
            )
        if scenario.may_fall_back and state.copies:
            older = state.copies[0]._replace(process=process)
            yield (
                "Redis falls back to the copy",
                fewer._replace(primaries=_put(state.primaries, primary, older), copies=()),
            )
    if scenario.may_split and state.copies and len(state.primaries) == 1:
        second = state.copies[0]._replace(process=process)
        yield (
            "the copy is promoted as Redis 2 while Redis 1 lives on",
            fewer._replace(primaries=(*state.primaries, second), copies=()),
        )


def _evicted(space: Space) -> Space:
    """Forget the oldest outcome and remember what can no longer be decided without a look-up."""
    oldest = space.outcomes[0]
    return space._replace(
        outcomes=space.outcomes[1:],
        floor=max(space.floor, oldest.effective_time),
        evicted_seq=max(space.evicted_seq, oldest.revision),
    )
