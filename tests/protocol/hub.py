"""What a hub does: take in what is committed, hand out what changed, and let watchers come back with their tokens.

Two acts that each ask somebody else are two steps: the ledger is read first and the number after it, so the number may
be newer than what was read. A message and the token in it are one step: if the stream breaks before, none was sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.model import Segment, State, Step, put, space_name
from protocol.rules import Rules
from protocol.watching import Hub, Message, Stream, Watcher


def hub_steps(state: State, index: int, rules: Rules) -> Iterator[Step]:
    """Give every step of one hub and of the watchers that may come to it."""
    hub, name = state.servers[index].hub, f"S{index + 1}"
    yield from _taking_in(state, index, rules)
    if hub.told >= 0:
        yield f"{name} hands out what changed", _handed_out(state, index, rules)
    for stream in hub.streams:
        who = _name(stream.watcher)
        rest = tuple(other for other in hub.streams if other != stream)
        yield f"the watch of {who} breaks off", _with_hub(state, index, hub._replace(streams=rest))
        if stream.begun:
            if state.watchers[stream.watcher].token != _token(hub, state, rules):
                yield (
                    f"{name} bookmarks {_token(hub, state, rules)} for {who}",
                    _bookmarked(state, index, stream, rules),
                )
        elif stream.until <= stream.since or _is_number_read(state, hub.head):
            yield f"{name} tells {who} what changed since its token", _told_since(state, index, stream, rules)
    watching = {stream.watcher for server in state.servers for stream in server.hub.streams}
    for watcher in range(len(state.watchers)):
        if watcher not in watching:
            yield from _coming(state, index, watcher, rules)


def _taking_in(state: State, index: int, rules: Rules) -> Iterator[Step]:
    """Read what was committed; then read the number, and let it wait to be handed out if it is another one."""
    hub, name, end = state.servers[index].hub, f"S{index + 1}", len(state.postgres.ledger)
    if hub.lineage != state.postgres.lineage:
        if rules.hub_checks_lineage:
            yield f"{name} finds another history and ends its watches", _begun_anew(state, index)
            return
        hub = hub._replace(lineage=state.postgres.lineage)
    if hub.reading < 0 and end > hub.head:
        yield f"{name} reads the ledger up to {end}", _with_hub(state, index, hub._replace(reading=end))
    if hub.reading >= 0 and _is_number_read(state, hub.reading):
        version, value = _number(state, rules)
        taken = _taken(hub, version, value)
        is_told = taken.value != hub.value or hub.unsaid or _certainly_changed(state, hub, rules)
        told = hub.place if is_told and hub.streams else hub.told
        unsaid = rules.number_taken_in_ahead_is_told_again and version > hub.reading
        after = taken._replace(head=hub.reading, reading=-1, unsaid=unsaid, told=told)
        yield f"{name} takes in {value} of {version}", _with_hub(state, index, after)


def _certainly_changed(state: State, hub: Hub, rules: Rules) -> bool:
    """Say whether units moved: then the number is told though it was known. A rule may have changed it, or not."""
    rows = state.postgres.ledger[hub.head : hub.reading]
    return rules.step_tells_what_certainly_changed and any(row.body.change for row in rows)


def _is_number_read(state: State, floor: int) -> bool:
    """Say whether the sequencer tells the number now: it was at a place already, so what it says waits for that.

    If Postgres lost that place it waits until it is written again, unless Redis was loaded from before it.
    """
    redis, end = state.primaries[0], len(state.postgres.ledger)
    return state.postgres.segment is Segment.OPEN and (end >= floor or redis.space(redis.epoch).seq == end)


def _number(state: State, rules: Rules) -> tuple[int, int]:
    """Read the number with the position that it reflects, and wait until that is committed."""
    if rules.number_waits_for_commit:
        return len(state.postgres.ledger), state.postgres.level.sellable
    redis = state.primaries[0]
    space = redis.space(space_name(redis.epoch, rules))
    return space.seq, space.level.sellable


def _taken(hub: Hub, version: int, value: int) -> Hub:
    """Take in a number, unless a newer one is known."""
    return hub if version < hub.version else hub._replace(version=version, value=value)


def _token(hub: Hub, state: State, rules: Rules) -> int:
    """Give the token: where the watchers are, not how far the ledger is."""
    if not rules.token_names_what_was_told:
        return len(state.postgres.ledger)
    return hub.place if rules.token_waits_for_hand_out else hub.head


def _handed_out(state: State, index: int, rules: Rules) -> State:
    """Tell every watcher what changed. One whose watch has not begun is owed it."""
    hub = state.servers[index].hub._replace(told=-1)
    streams = tuple(
        stream._replace(owed=stream.owed or rules.resumption_joins_first) if not stream.begun else stream
        for stream in hub.streams
    )
    state = _with_hub(state, index, hub._replace(streams=streams))
    for stream in streams:
        if stream.begun:
            state = _told(state, index, stream, rules)
    return state


def _bookmarked(state: State, index: int, stream: Stream, rules: Rules) -> State:
    """Tell a watcher where it stands."""
    hub, watcher = state.servers[index].hub, state.watchers[stream.watcher]
    watcher = watcher._replace(token=_token(hub, state, rules))
    begun = stream._replace(begun=True, since=0, until=0, owed=False)
    streams = tuple(sorted(begun if other == stream else other for other in hub.streams))
    state = _with_hub(state, index, hub._replace(streams=streams))
    return state._replace(watchers=put(state.watchers, stream.watcher, watcher))


def _told(state: State, index: int, stream: Stream, rules: Rules, *, reset: bool = False) -> State:
    """Tell a watcher the number as the hub knows it now, with the token of now. It keeps the greater version."""
    hub, known = state.servers[index].hub, state.watchers[stream.watcher]
    told = Watcher(hub.lineage, _token(hub, state, rules), hub.version, hub.value)
    if not reset and rules.watcher_keeps_greater_version and hub.version < known.version:
        told = told._replace(version=known.version, value=known.value)
    held_before = -1 if reset else known.version
    message = Message(stream.watcher, hub.value, hub.version, stream.told, held_before, told.version, hub.lineage)
    begun = Stream(stream.watcher, begun=True, since=0, until=0, owed=False, told=hub.version)
    streams = tuple(sorted(begun if other == stream else other for other in hub.streams))
    state = _with_hub(state, index, hub._replace(streams=streams))
    return state._replace(watchers=put(state.watchers, stream.watcher, told), messages=(*state.messages, message))


def _coming(state: State, index: int, watcher: int, rules: Rules) -> Iterator[Step]:
    """Let a watcher come to a hub with its token: it joins, or is told why it cannot and what there is instead."""
    hub, token, name = state.servers[index].hub, state.watchers[watcher], f"S{index + 1}"
    comes = f"{_name(watcher)} comes to {name} with its token {token.token}"
    new = Stream(watcher, begun=False, since=token.token, until=0, owed=False, told=-1)
    if hub.reading >= 0:
        return  # It waits until what was read is taken in: the step under way knows nothing of it.
    if rules.token_lineage_is_checked and token.lineage != hub.lineage:
        if token.lineage == state.postgres.lineage:
            yield f"{comes}, of a history that {name} has not noticed", _begun_anew(state, index)
        else:
            yield f"{comes}, and is reset", _told(_joined(state, index, new), index, new, rules, reset=True)
        return
    if token.token > hub.head:
        if token.token > len(state.postgres.ledger):
            if rules.future_token_is_reset:
                yield f"{comes}, and is reset", _told(_joined(state, index, new), index, new, rules, reset=True)
            return
        if rules.resumption_waits_for_hub:
            return
    if rules.resumption_hands_out_first and hub.told >= 0 and token.token > hub.place:
        state = _handed_out(state, index, rules)
    new = new._replace(until=state.servers[index].hub.place)
    yield comes, _joined(state, index, new)


def _joined(state: State, index: int, stream: Stream) -> State:
    hub = state.servers[index].hub
    return _with_hub(state, index, hub._replace(streams=tuple(sorted((*hub.streams, stream)))))


def _told_since(state: State, index: int, stream: Stream, rules: Rules) -> State:
    """Tell one who came back what changed since its token, or only where it stands.

    The number is read ahead of the step that will take in what changed it. So if it is newer than what the others were
    told, they are told of it in that step, though nothing changes there any more.
    """
    if stream.until <= stream.since:
        # It is told what was handed out meanwhile, if anything.
        return (_told if stream.owed else _bookmarked)(state, index, stream, rules)
    hub = state.servers[index].hub
    taken = _taken(hub, *_number(state, rules))
    unsaid = hub.unsaid or (taken.value != hub.value and taken.version >= hub.head)
    if rules.number_read_ahead_is_told_again:
        taken = taken._replace(unsaid=unsaid)
    return _told(_with_hub(state, index, taken), index, stream, rules)


def _begun_anew(state: State, index: int) -> State:
    """End every watch and forget what was told: the hub follows the ledger from where it is now."""
    ledger = state.postgres
    hub = Hub(
        ledger.lineage,
        len(ledger.ledger),
        -1,
        len(ledger.ledger),
        ledger.level.sellable,
        unsaid=False,
        told=-1,
        streams=(),
    )
    return _with_hub(state, index, hub)


def _with_hub(state: State, index: int, hub: Hub) -> State:
    return state._replace(servers=put(state.servers, index, state.servers[index]._replace(hub=hub)))


def _name(watcher: int) -> str:
    return ("wanda", "will")[watcher]
