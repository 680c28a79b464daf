"""The state of the protocol, in the words of DESIGN.md: what each part holds at one instant.

Owns the values; the guards are switches in `rules`. The steps that change a state are in `steps`; what must
never be seen is in `promises`. There is one segment, one stock level, and quantities of one unit.

Every value is an immutable tuple of numbers and names, so that a state can be hashed, compared and remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple, TypeVar

from protocol.rules import Rules
from protocol.watching import NO_HUB, Hub, Message, Watcher


class Operation(StrEnum):
    """What a client asks for."""

    RESERVE = "reserve"
    RECEIVE = "receive"
    READ = "read"
    PROTECT = "protect"  # put a rule: one unit of safety stock, which is not sold
    RELEASE = "release"  # give a hold back
    CONFIRM = "confirm"  # commit a hold: its unit is sold for good


class Kind(StrEnum):
    """What an answer says."""

    DONE = "done"
    REFUSED = "refused"
    READ = "read"


class Segment(StrEnum):
    """What Postgres says of the segment. Quarantine is left out: it is over as soon as a rebuild fences."""

    OPEN = "open"
    LOADING = "loading"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A caller with one request_id. Every attempt carries the same id, whatever became of the one before.

    `id_time` is the time coded into the request_id; the effect time of an entry is its seq.
    """

    request: str
    operation: Operation
    attempts: int = 2
    id_time: int = 99
    hold: str = ""  # the request whose hold is released or confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The bounds of one exploration: who acts, how often, and which faults may strike in any order."""

    name: str
    clients: tuple[Client, ...]
    units: int = 1
    servers: int = 2
    writers: int = 2
    loaders: int = 1
    faults: int = 1
    may_lose: bool = False  # a Redis comes back empty
    may_fall_back: bool = False  # a Redis comes back as it was at any earlier instant
    may_split: bool = False  # a copy of any earlier instant is promoted while the old primary lives on
    may_slip: bool = False  # one key alone goes back to its first value
    may_lose_tail: bool = False  # Postgres fails over, once, to a standby that holds any earlier state
    short_tail: bool = False  # a mark leaves no more than the newest committed entry in the journal
    begins_loaded: bool = False  # the first rebuild has opened Redis, and has not said so in Postgres
    may_give_up: bool = False  # somebody may decide that a stopped segment goes on without what was lost
    server_formats: tuple[int, ...] = ()  # one for each server; by default all are of the second format
    loader_formats: tuple[int, ...] = ()
    first_format: int = 2  # that of the state at the beginning
    time_max: int = 0  # so often time passes; a hold lasts until it does. 0: holds are not followed
    watchers: int = 0
    silent: bool = False  # answers are of no interest: nobody waits for one, and servers hear nothing
    small_window: bool = False  # Redis forgets outcomes, and a rebuild loads none
    pairs: bool = False  # a tick may hold the commands of two clients
    arrivals: bool = False  # a command may lie at the server before its tick (needed to judge currency)


EXPIRY = "expiry of "


class Body(NamedTuple):
    """What an entry did: the change, and the after-image of the stock level with its version.

    `resolves` names the hold that it released, confirmed or let expire; `time` is the segment's clock.
    """

    request: str
    change: int
    available: int
    version: int
    effective_time: int  # the greater of id time and effect time; goes into the outcome
    safety: int = 0
    puts_rule: bool = False
    holds: tuple[tuple[str, int], ...] = ()
    resolves: str = ""
    time: int = 0

    @property
    def takes_effect(self) -> bool:
        return self.change != 0 or self.puts_rule or bool(self.resolves)

    @property
    def is_requested(self) -> bool:
        """Say whether somebody asked for it, so that its outcome is remembered; an expiry comes by itself."""
        return self.takes_effect and not self.request.startswith(EXPIRY)


@cache
def chain_hash(previous: int, body: Body) -> int:
    """Give H(previous, body). A hash without collisions: each new pair gets the next number."""
    return chain_hash.cache_info().currsize + 1


GENESIS_HASH = 0


class Position(NamedTuple):
    """The identity of a place in the journal. An epoch's base carries the new epoch and the old seq and hash."""

    epoch: int
    seq: int
    hash: int


class Entry(NamedTuple):
    """One journal entry, and one row of the ledger once it is committed."""

    epoch: int
    seq: int
    body: Body
    previous: int
    hash: int

    @property
    def position(self) -> Position:
        return Position(self.epoch, self.seq, self.hash)


class Outcome(NamedTuple):
    """The first answer of a request that took effect. It is remembered with the revision that it returned."""

    request: str
    revision: int
    effective_time: int


class Level(NamedTuple):
    """The units that are there and not reserved, with the rule that says how many of them are not sold.

    The version counts what moved units. A rule has none: it is put as it is, whatever it was.
    """

    available: int
    version: int
    safety: int = 0
    holds: tuple[tuple[str, int], ...] = ()  # those that live: by whose request, and when they are due

    @property
    def sellable(self) -> int:
        return self.available - self.safety


MISSING = Level(-1, -1)
NO_SEQ_YET = -2  # a look-up that has read the outcomes and not yet the cursor (only in a mutation)


class Postgres(NamedTuple):
    """The only truth. Every step on it is one transaction; what is committed is lost only by a failover."""

    cursor: Position
    ledger: tuple[Entry, ...]
    level: Level
    outcomes: tuple[Outcome, ...]
    bases: tuple[Position, ...]  # where each epoch began: the fence writes it into the segment's history
    homes: tuple[int, ...]  # the Redis process that each epoch was loaded into (only used by a mend)
    segment: Segment = Segment.OPEN
    replays: bool = False  # somebody has asked for the journal to be replayed
    lineage: int = 0  # another history begins when something acknowledged is given up

    @property
    def epoch(self) -> int:
        return self.cursor.epoch


class Space(NamedTuple):
    """The keys of one epoch in one Redis."""

    level: Level = MISSING
    seq: int = -1
    hash: int = -1
    outcomes: tuple[Outcome, ...] = ()
    floor: int = 0
    evicted_seq: int = 0
    journal: tuple[Entry, ...] = ()
    loaded_by: int = 0  # the epoch whose loader wrote the last piece
    pieces: int = 0
    counted: int = 0  # how many outcomes the head says that there are
    format: int = 2  # how the state is written: the loader's own way
    committed: int = 0  # what the ledger writer, or a server that heard of it, marked as committed


EMPTY_SPACE = Space()


class Redis(NamedTuple):
    """One Redis process. `epoch` is the one that `meta` says is open; 0 is none."""

    process: int
    epoch: int
    spaces: tuple[tuple[int, Space], ...]

    def space(self, name: int) -> Space:
        for found, space in self.spaces:
            if found == name:
                return space
        return EMPTY_SPACE

    def with_space(self, name: int, space: Space) -> Redis:
        others = [pair for pair in self.spaces if pair[0] != name]
        return self._replace(spaces=tuple(sorted([*others, (name, space)])))


class Answer(NamedTuple):
    """What a server tells a client, and the position it rests on.

    `own` says that the tick wrote entries, so that the position cannot have been committed before the script ran.
    `told_before` and `committed_before` belong to no part of the system: they are what the judges of DurableReads
    and Current remember about the beginning of the attempt.
    """

    client: int
    kind: Kind
    value: int  # DONE: the revision; READ: the available units; REFUSED: 0
    position: Position
    own: bool
    told_before: int
    committed_before: int


class Arrival(NamedTuple):
    """A command that lies at a server and waits for a tick."""

    client: int
    covered: bool  # the server has read the cursor since it arrived
    told_before: int
    committed_before: int


class Server(NamedTuple):
    """What a server process knows: the epoch, how many ledger rows it has heard of, and who waits for what."""

    epoch: int
    heard: int
    fresh: bool
    told: int  # the highest position that it has answered from
    arrivals: tuple[Arrival, ...]
    lookups: tuple[tuple[int, int], ...]  # (client, lookup_seq): not found in Postgres at that seq
    waiting: tuple[Answer, ...]
    segment: Segment = Segment.OPEN
    history: int = 0  # 0: what it knows of the ledger is from before the failover of Postgres
    hub: Hub = NO_HUB
    format: int = 2  # the one that its script knows; the first knows nothing of safety stock


class Batch(NamedTuple):
    """What a ledger writer holds in its hands: the cursor it believes in, and the entries that follow it.

    Without entries: the cursor that its commit led to, which it has yet to mark in Redis.
    """

    cursor: Position
    entries: tuple[Entry, ...]
    segment: Segment = Segment.OPEN


NO_BATCH = Batch(Position(0, 0, 0), ())


class Stage(StrEnum):
    IDLE = "0 idle"
    READ = "1 read"  # only where the snapshot is wrongly taken before the fence
    FENCED = "2 fenced"
    OUTCOMES = "3 outcomes loaded"
    LEVELS = "4 levels loaded"
    OPENED = "5 opened"  # in Redis, and not yet in Postgres
    ENDED = "6 ended"


class Loader(NamedTuple):
    """One rebuild: its epoch, its snapshot, and the Redis that it is connected to."""

    stage: Stage
    epoch: int
    primary: int
    base: Position
    level: Level
    outcomes: tuple[Outcome, ...]
    format: int = 2


IDLE_LOADER = Loader(Stage.IDLE, 0, 0, Position(0, 0, 0), MISSING, ())
ENDED_LOADER = IDLE_LOADER._replace(stage=Stage.ENDED)


class State(NamedTuple):
    """One instant of the whole system."""

    postgres: Postgres
    primaries: tuple[Redis, ...]
    copies: tuple[Redis, ...]  # at most one: a replica that stopped following, or an RDB file
    servers: tuple[Server, ...]
    writers: tuple[Batch, ...]
    unstored: tuple[Outcome, ...]  # only where outcomes are wrongly stored by a commit of their own
    loaders: tuple[Loader, ...]
    attempts_left: tuple[int, ...]
    faults_left: int
    done: tuple[tuple[int, int], ...]  # every (client, revision) that was ever acknowledged
    answers: tuple[Answer, ...]  # those given by the very last step; no part of the identity of a state
    standby: tuple[Postgres, ...] = ()  # at most one: what a standby holds that receives no more
    lost: tuple[Postgres, ...] = ()  # at most one: what Postgres held when it failed over to that standby
    watchers: tuple[Watcher, ...] = ()
    now: int = 0
    messages: tuple[Message, ...] = ()  # those told by the very last step, as with answers


Step = tuple[str, State]
Item = TypeVar("Item", bound=tuple[object, ...])


def put(items: tuple[Item, ...], index: int, item: Item) -> tuple[Item, ...]:
    """Give the same items with one of them replaced."""
    return (*items[:index], item, *items[index + 1 :])


def space_name(epoch: int, rules: Rules) -> int:
    """Name the keys of an epoch: by the epoch, unless a mutation makes all epochs share them."""
    return epoch if rules.epoch_names_keys else 0


def initial_state(scenario: Scenario, rules: Rules) -> State:
    """Epoch 1 is open, all parts agree, nothing has happened."""
    origin = Position(1, 0, GENESIS_HASH)
    segment = Segment.LOADING if scenario.begins_loaded else Segment.OPEN
    formats = scenario.loader_formats or (2,) * scenario.loaders
    loaders = tuple(IDLE_LOADER._replace(format=known) for known in formats)
    if scenario.begins_loaded:
        loaders = put(loaders, 0, IDLE_LOADER._replace(stage=Stage.OPENED, epoch=1))
    level = Level(scenario.units, 0)
    space = Space(level=level, seq=0, hash=GENESIS_HASH, loaded_by=1, pieces=2, format=scenario.first_format)
    server = Server(1, 0, fresh=True, told=0, arrivals=(), lookups=(), waiting=(), segment=segment)
    server = server._replace(hub=NO_HUB._replace(value=scenario.units))
    return State(
        postgres=Postgres(origin, (), level, (), (origin,), (0,), segment),
        primaries=(Redis(0, 1, ((space_name(1, rules), space),)),),
        copies=(),
        servers=tuple(server._replace(format=known) for known in scenario.server_formats or (2,) * scenario.servers),
        writers=(NO_BATCH,) * scenario.writers,
        unstored=(),
        loaders=loaders,
        attempts_left=tuple(client.attempts for client in scenario.clients),
        faults_left=scenario.faults,
        done=(),
        answers=(),
        watchers=(Watcher(0, 0, 0, scenario.units),) * scenario.watchers,
    )


def canonical(state: State) -> tuple[object, ...]:
    """Give one value for all states that differ only in which server, writer or loader is called the first."""
    return (
        state.postgres,
        state.primaries,
        state.copies,
        _in_order(state.servers),
        _in_order(state.writers),
        state.unstored,
        _in_order(state.loaders),
        state.attempts_left,
        state.faults_left,
        state.done,
        state.standby,
        state.lost,
        state.watchers,
        state.now,
    )


def _in_order(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return items if len(items) < 2 else tuple(sorted(items))


def ledger_known_to(server: Server, state: State) -> Postgres:
    """Give the ledger that a server has heard of: a failover does not reach into its memory."""
    return state.lost[0] if state.lost and server.history == 0 else state.postgres


def is_committed(postgres: Postgres, position: Position, *, heard: int) -> bool:
    """Say whether exactly this position is among the first `heard` rows of the ledger."""
    if position.seq > heard:
        return False
    if position in postgres.bases:
        return True
    return any(row.position == position for row in postgres.ledger[:heard])
