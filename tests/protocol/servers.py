"""What a server does: hear from Postgres, run ticks, look ids up, and answer when it may."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from protocol.model import (
    NO_SEQ_YET,
    Answer,
    Arrival,
    Kind,
    Postgres,
    Scenario,
    Segment,
    Server,
    State,
    Step,
    is_committed,
    ledger_known_to,
    put,
)
from protocol.rules import Rules
from protocol.sequencer import run_script


def server_steps(state: State, index: int, rules: Rules, scenario: Scenario) -> Iterator[Step]:
    """Give every step that one server can take."""
    if not scenario.silent:
        yield from _hearing(state, index, rules)
    asking = [client for client, left in enumerate(state.attempts_left) if left]
    if scenario.arrivals:
        yield from _arriving(state, index, asking, scenario)
    yield from _ticking(state, index, _commands(state, index, asking, rules, scenario), rules, scenario)
    if scenario.small_window:
        yield from _looking_up(state, index, asking, rules, scenario)


def _hearing(state: State, index: int, rules: Rules) -> Iterator[Step]:
    """A notice, a heartbeat and a look at the cursor teach the same; a late one teaches what an early one did.

    So there is one step and it reads Postgres as it is. Only the lease tells late from early.
    """
    server = state.servers[index]
    informed = _informed(server, state, rules)
    unproven = rules.unwritten_tick_reads_cursor and any(not answer.own for answer in server.waiting)
    if informed != server or unproven:
        after = _settled(state, index, informed, rules, cursor_was_read=True)
        yield f"S{index + 1} hears where Postgres stands", after
    if not server.fresh and not rules.lease_counts_from_asking:
        late = server._replace(fresh=True)
        yield f"S{index + 1} takes an old heartbeat out of its buffer", _settled(state, index, late, rules)


def _informed(server: Server, state: State, rules: Rules) -> Server:
    """Give what a server knows that has just heard from Postgres: epoch, committed rows, a new lease.

    If Postgres is not as far as the server knew it to be, only that the segment is stopped is believed.
    """
    postgres = state.postgres
    if rules.server_ignores_older_notices and _is_behind(postgres, server):
        return server._replace(segment=Segment.STOPPED) if postgres.segment is Segment.STOPPED else server
    covered = tuple(sorted({arrival._replace(covered=True) for arrival in server.arrivals}))
    return server._replace(
        epoch=postgres.epoch,
        heard=len(postgres.ledger),
        fresh=True,
        arrivals=covered,
        segment=postgres.segment,
        history=len(state.lost),
    )


def _is_behind(postgres: Postgres, server: Server) -> bool:
    return (postgres.epoch, len(postgres.ledger)) < (server.epoch, server.heard)


def _arriving(state: State, index: int, asking: list[int], scenario: Scenario) -> Iterator[Step]:
    server = state.servers[index]
    for client in asking:
        arrival = Arrival(client, False, server.told, len(state.postgres.ledger))
        waiting = server._replace(arrivals=tuple(sorted({*server.arrivals, arrival})))
        yield (
            f"{scenario.clients[client].request} arrives at S{index + 1}",
            _spent(state, [client])._replace(servers=put(state.servers, index, waiting)),
        )


def _commands(state: State, index: int, asking: list[int], rules: Rules, scenario: Scenario) -> list[Arrival]:
    """Give what the next tick may hold. Unless arrivals are steps of their own, a command arrives with its tick."""
    server = state.servers[index]
    if scenario.arrivals:
        return list(server.arrivals)
    covered = _informed(server, state, rules) == server
    return [Arrival(client, covered, server.told, 0) for client in asking]


def _spent(state: State, clients: list[int]) -> State:
    left = tuple(count - (client in clients) for client, count in enumerate(state.attempts_left))
    return state._replace(attempts_left=left)


def _ticking(state: State, index: int, commands: list[Arrival], rules: Rules, scenario: Scenario) -> Iterator[Step]:
    ticks = [[command] for command in commands]
    if scenario.pairs:
        ticks += [list(pair) for pair in combinations(commands, 2)]
    if scenario.time_max and any(due <= state.now for _, due in _holds(state, index)):
        ticks.append([])
    for tick in ticks:
        requests = " and ".join(scenario.clients[command.client].request for command in tick) or "upkeep"
        asked = state if scenario.arrivals else _spent(state, [command.client for command in tick])
        for primary in range(len(state.primaries)):
            after = _tick(asked, (index, primary), tick, rules, scenario)
            if after is not None and (tick or after.primaries != state.primaries):
                place = f" in Redis {primary + 1}" if len(state.primaries) > 1 else ""
                yield f"S{index + 1} runs a tick{place}: {requests}{_said(after)}", after


def _holds(state: State, index: int) -> Iterator[tuple[str, int]]:
    """Give the holds that live in any Redis under the epoch of a server."""
    for redis in state.primaries:
        yield from redis.space(state.servers[index].epoch).level.holds


def _tick(
    state: State, where: tuple[int, int], commands: list[Arrival], rules: Rules, scenario: Scenario
) -> State | None:
    """Run the script for these commands, and let their answers wait for the head that it returns."""
    index, primary = where
    server, redis = state.servers[index], state.primaries[primary]
    if rules.server_heeds_segment and server.segment is not Segment.OPEN:
        return None
    if rules.epoch_has_one_home and state.postgres.homes[server.epoch - 1] != redis.process:
        return None
    if rules.tick_reads_cursor and not all(command.covered for command in commands):
        return None
    ticked = run_script(redis, server, commands, state.now, rules, scenario)
    if ticked is None:
        return None
    answers = {
        Answer(
            command.client,
            kind,
            value,
            ticked.head,
            ticked.own,
            command.told_before,
            command.committed_before,
        )
        for command, kind, value in ticked.decisions
    }
    server = server._replace(
        waiting=() if scenario.silent else tuple(sorted({*server.waiting, *answers})),
        arrivals=tuple(arrival for arrival in server.arrivals if arrival not in commands),
    )
    state = state._replace(primaries=put(state.primaries, primary, ticked.redis))
    return _settled(state, index, server, rules)


def _said(after: State) -> str:
    """Name the answers that a step gave."""
    words = {Kind.DONE: " -> done at {}", Kind.READ: " -> read {}", Kind.REFUSED: " -> refused"}
    return "".join(words[answer.kind].format(answer.value) for answer in after.answers)


def _settled(state: State, index: int, server: Server, rules: Rules, *, cursor_was_read: bool = False) -> State:
    """Give every answer that the server may give now. A later answer would say no more, so none is held back."""
    if not server.waiting:
        return state._replace(servers=put(state.servers, index, server))
    postgres = ledger_known_to(server, state)
    given = tuple(
        answer
        for answer in server.waiting
        if _may_answer(answer, server, postgres, rules)
        and (cursor_was_read or answer.own or not rules.unwritten_tick_reads_cursor)
        and not _is_overtaken(answer, state.postgres, rules)
    )
    waiting = tuple(answer for answer in server.waiting if answer not in given)
    if cursor_was_read:
        waiting = tuple(answer for answer in waiting if not _is_overtaken(answer, state.postgres, rules))
    if rules.wait_is_by_identity:
        waiting = tuple(answer for answer in waiting if not _is_lost(answer, server, postgres))
    told = max((server.told, *(answer.position.seq for answer in given)))
    server = server._replace(waiting=waiting, told=told)
    return _with_answers(state._replace(servers=put(state.servers, index, server)), given)


def _with_answers(state: State, given: tuple[Answer, ...]) -> State:
    """Let answers leave the house. What was acknowledged is kept, for the judges of NoLoss and Once."""
    done = {(answer.client, answer.value) for answer in given if answer.kind is Kind.DONE}
    if done:
        state = state._replace(done=tuple(sorted(done.union(state.done))))
    return state._replace(answers=(*state.answers, *given))


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


def _is_overtaken(answer: Answer, postgres: Postgres, rules: Rules) -> bool:
    """Say whether the cursor shows something newer than a tick that wrote nothing: its commands run again."""
    if answer.own or not rules.unwritten_tick_reads_cursor:
        return False
    return (postgres.epoch, len(postgres.ledger)) > (answer.position.epoch, answer.position.seq)


def _holds_lease(epoch: int, server: Server, rules: Rules) -> bool:
    """Say whether the server may still speak for this epoch: it was the current one when the server last asked."""
    if not rules.lease_is_checked:
        return True
    return server.fresh and (server.epoch == epoch or not rules.lease_is_of_one_epoch)


def _is_lost(answer: Answer, server: Server, postgres: Postgres) -> bool:
    """Say whether the server knows that this position can never be committed: its caller is told to try again."""
    position = answer.position
    passed = position.seq <= server.heard or position.epoch < server.epoch
    return passed and not is_committed(postgres, position, heard=server.heard)


def _looking_up(state: State, index: int, asking: list[int], rules: Rules, scenario: Scenario) -> Iterator[Step]:
    for client in asking:
        yield _lookup(state, index, client, rules, scenario)
        server = state.servers[index]
        if (client, NO_SEQ_YET) in server.lookups:
            read = _looked_up(server, client, len(state.postgres.ledger))
            yield f"S{index + 1} now reads the seq", state._replace(servers=put(state.servers, index, read))


def _lookup(state: State, index: int, client: int, rules: Rules, scenario: Scenario) -> Step:
    """Look an id up before the tick. The cursor that the look-up saw counts as heard, so that no server goes back."""
    server = _informed(state.servers[index], state, rules)
    request = scenario.clients[client].request
    step = f"S{index + 1} looks {request} up in Postgres"
    for outcome in state.postgres.outcomes:
        if outcome.request == request:
            after = _settled(state, index, server, rules)
            found = Answer(client, Kind.DONE, outcome.revision, state.postgres.cursor, False, 0, 0)
            return f"{step}: found", _with_answers(after, (found,))
    seq = server.heard if rules.lookup_is_one_snapshot else NO_SEQ_YET
    after = _settled(state, index, _looked_up(server, client, seq), rules)
    return f"{step}: not there" + (f" at {seq}" if rules.lookup_is_one_snapshot else ""), after


def _looked_up(server: Server, client: int, seq: int) -> Server:
    others = {pair for pair in server.lookups if pair[0] != client}
    return server._replace(lookups=tuple(sorted({*others, (client, seq)})))
