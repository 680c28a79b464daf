"""One validator per promise of the watch (DESIGN.md 6). They judge by the ledger alone, like all others."""

from __future__ import annotations

from protocol.model import Scenario, State
from protocol.promises import Promise, sellable_at, standing_ledgers
from protocol.watching import Hub, Stream, Watcher


def ordered(state: State, scenario: Scenario) -> str | None:
    """Ordered: the versions that one stream tells never go back."""
    for message in state.messages:
        if message.version < message.told_before:
            return f"a stream told version {message.version} after version {message.told_before}"
    return None


def durable_watch(state: State, scenario: Scenario) -> str | None:
    """Durable reads, for watchers: what is told is a state of the ledger.

    A hub that has not noticed that something was given up may tell it once more, with a token that leads to a reset.
    """
    for message in state.messages:
        if message.lineage != state.postgres.lineage:
            continue
        ledgers = [ledger for ledger in standing_ledgers(state) if message.version <= len(ledger)]
        if not ledgers:
            return f"version {message.version} was told, and Postgres does not hold it"
        if all(message.value != sellable_at(ledger, message.version, scenario) for ledger in ledgers):
            return f"{message.value} was told, and is not what Postgres held at {message.version}"
    return None


def bookmarkable(state: State, scenario: Scenario) -> str | None:
    """Bookmarkable, and so Resumable: a token never lies ahead of what its watcher was told."""
    for watcher in state.watchers:
        if watcher.lineage == state.postgres.lineage and not _holds(state, watcher, watcher.token):
            return f"the token says {watcher.token}, and what changed since {watcher.version} was not told"
    return None


def complete(state: State, scenario: Scenario) -> str | None:
    """Complete: whoever watches was told of all that changed up to where its group is."""
    for hub, stream in _begun(state):
        watcher = state.watchers[stream.watcher]
        if not _holds(state, watcher, hub.place):
            return f"its group is at {hub.place}, and a watcher was told nothing since {watcher.version}"
    return None


def convergent(state: State, scenario: Scenario) -> str | None:
    """Convergent: once a hub has taken everything in and handed everything out, its watchers hold the number.

    All is not quiet while Postgres lacks what it will get back.
    """
    if any(len(ledger) > len(state.postgres.ledger) for ledger in standing_ledgers(state)):
        return None
    for hub, stream in _begun(state):
        if hub.head == len(state.postgres.ledger) and hub.reading < 0 and hub.told < 0:
            value = state.watchers[stream.watcher].value
            if value != state.postgres.level.sellable:
                return f"all is quiet, and a watcher holds {value} and not {state.postgres.level.sellable}"
    return None


def never_back(state: State, scenario: Scenario) -> str | None:
    """NeverBack: what a watcher holds is not replaced by what is older, at whatever server, unless it is reset."""
    for message in state.messages:
        if message.held_after < message.held_before:
            return f"version {message.held_before} was replaced by version {message.held_after}"
    return None


WATCH: dict[str, Promise] = {
    "Ordered": ordered,
    "NeverBack": never_back,
    "DurableWatch": durable_watch,
    "Bookmarkable": bookmarkable,
    "Complete": complete,
    "Convergent": convergent,
}


def _begun(state: State) -> list[tuple[Hub, Stream]]:
    """Give the streams that have begun, with their hubs, as far as these have noticed which history there is."""
    return [
        (server.hub, stream)
        for server in state.servers
        if server.hub.lineage == state.postgres.lineage
        for stream in server.hub.streams
        if stream.begun
    ]


def _holds(state: State, watcher: Watcher, position: int) -> bool:
    """Say whether a watcher holds the number as it was at a position or later."""
    return not any(row.body.takes_effect for row in state.postgres.ledger[watcher.version : position])
