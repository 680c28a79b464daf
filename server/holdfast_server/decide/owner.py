"""Finds the server that decides for a segment: the only one there is, or the node of a cluster that owns its slot.

Every connection begins with the question who the owner is, put to the servers that HOLDFAST_REDIS_URL names and to
those that a cluster told of before. So there is one way for both shapes, and one cure for whatever changes: whoever is
told that a slot has moved, that it talks to a replica, or nothing at all, drops its connection and makes a new one. No
redirection is ever followed: a command that may have run is not sent again by anybody but the caller.

Each look-up begins with the next server in turn, so one that is dead, cut off or behind cannot hold up the search for
longer than one look-up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import redis
import redis.asyncio
from redis.crc import key_slot

from holdfast_server.decide.keys import SegmentKeys

_DEFAULT_PORT: Final = 6379
_MAX_PORT: Final = 65_535
_SCHEMES: Final = ("redis", "rediss", "unix")
# Scheme, authority and the rest (RFC 3986, 3.2). To urlsplit, in many versions of Python, several servers are no
# authority as soon as one but the first is in brackets.
_URL: Final = re.compile(r"([A-Za-z]+)://([^/?#]*)(.*)", re.DOTALL)
# One server is asked for at most this long, and all of them together in one look-up.
ASK_SECONDS: Final = 1.0
LOOK_UP_SECONDS: Final = 3.0
# Of a bigger cluster so many nodes are kept in mind; any of them knows the owner.
_MAX_KNOWN_NODES: Final = 64


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class NoOwner(redis.ConnectionError):
    """No server that could be asked names one that decides for the segment now."""


class NotOneCluster(redis.ConnectionError):
    """The URL names several servers that do not form a cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerUrl:
    """HOLDFAST_REDIS_URL in its parts: `redis[s]://[user[:password]]@host[:port][,host[:port]...][/database]`."""

    seeds: tuple[Address, ...]
    """Whom to ask for the owner; none if it is the URL of a Unix socket."""
    _rest: tuple[str, str, str, str, str]

    @property
    def is_tls(self) -> bool:
        return self._rest[0] == "rediss"

    def at(self, address: Address) -> str:
        """Returns the URL of one server, with everything else as it was given."""
        scheme, login, path, query, fragment = self._rest
        return urlunsplit((scheme, f"{login}{address}", path, query, fragment))


def parse_sequencer_url(url: str) -> SequencerUrl:
    """Takes HOLDFAST_REDIS_URL apart. Raises ValueError with one line that says what is wrong, without the password."""
    found = _URL.fullmatch(url)
    if found is None or found[1].lower() not in _SCHEMES:
        raise ValueError("HOLDFAST_REDIS_URL must begin with redis://, rediss:// or unix://")
    login, at, hosts = found[2].rpartition("@")
    parts = urlsplit(f"{found[1]}://one{found[3]}")
    rest = (parts.scheme, login + at, parts.path, parts.query, parts.fragment)
    if parts.scheme == "unix":
        return SequencerUrl(seeds=(), _rest=rest)
    seeds = tuple(_address_of(part) for part in hosts.split(","))
    if len(set(seeds)) < len(seeds):
        raise ValueError("HOLDFAST_REDIS_URL names a server twice")
    return SequencerUrl(seeds=seeds, _rest=rest)


def _address_of(part: str) -> Address:
    try:
        parts = urlsplit(f"//{part.strip()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not part.strip().endswith((host, f"{host}]", f":{port}")) or parts.path or port == 0:
        raise ValueError(f"HOLDFAST_REDIS_URL: {part.strip() or 'an empty place'!r} is no host or host:port")
    return Address(host, port or _DEFAULT_PORT)


class Whereabouts:
    """What is known of where a segment's slot is; belongs to one decider or one ledger writer."""

    def __init__(self, url: SequencerUrl, segment: str) -> None:
        self._url = url
        self._slot = key_slot(SegmentKeys(segment=segment, epoch=0).open_epoch.encode())
        self._nodes: tuple[Address, ...] = ()
        self._turn = 0

    def in_turn(self) -> Iterator[Address]:
        """Yields whom to ask, each once, beginning with the next in turn, until the time of a look-up is over."""
        until = time.monotonic() + LOOK_UP_SECONDS
        known = tuple(dict.fromkeys((*self._url.seeds, *self._nodes)))
        for _ in known:
            self._turn += 1
            yield known[self._turn % len(known)]
            if time.monotonic() >= until:
                return

    def owner(self, asked: Address, said: Sequence[Any]) -> Address:
        """Returns the owner by what a server answered to `ask_in`.

        Raises NotOneCluster; NoOwner if the server is cut off from its cluster, or if nobody owns the slot; and the
        error that the server answered with, if it did.
        """
        server, cluster, slots = said
        if isinstance(server, Exception):
            raise server
        if not server.get("cluster_enabled"):
            if len(self._url.seeds) > 1:
                raise NotOneCluster(
                    f"HOLDFAST_REDIS_URL names {len(self._url.seeds)} servers, but {asked} belongs to no cluster"
                )
            return asked
        for answer in (cluster, slots):
            if isinstance(answer, Exception):
                raise answer
        if b"cluster_state:ok" not in cluster:
            raise NoOwner("it says that its cluster is down")
        owner = None
        nodes: dict[Address, None] = {}
        for first, last, *servers in slots:
            there = [_announced(server, asked) for server in servers]
            nodes |= dict.fromkeys(there)
            if first <= self._slot <= last and there:
                # The master comes first.
                owner = there[0]
        if owner is None:
            raise NoOwner(f"nobody in its cluster owns slot {self._slot}")
        self._nodes = tuple(nodes)[:_MAX_KNOWN_NODES]
        return owner


def _announced(server: Any, asked: Address) -> Address:
    """Returns the address that a node has by CLUSTER SLOTS; one without a host has that of whoever was asked."""
    host, port = server[0], int(server[1])
    return Address(host.decode() if host else asked.host, port)


def _ask_in(pipeline: Any) -> Any:
    """Puts into a pipeline what a server is asked; one that belongs to no cluster refuses the last two."""
    return pipeline.info("cluster").execute_command("CLUSTER", "INFO").execute_command("CLUSTER", "SLOTS")


class Finder:
    """Looks up the owner over connections of its own, which it closes."""

    def __init__(self, url: SequencerUrl, segment: str, arguments: dict[str, Any]) -> None:
        self._url = url
        self._whereabouts = Whereabouts(url, segment)
        self._arguments = {**arguments, "socket_connect_timeout": ASK_SECONDS, "socket_timeout": ASK_SECONDS}

    def find(self) -> Address:
        """Returns the owner. Raises NoOwner or NotOneCluster."""
        failures = []
        for asked in self._whereabouts.in_turn():
            try:
                with redis.Redis.from_url(self._url.at(asked), **self._arguments) as client:
                    said = _ask_in(client.pipeline(transaction=False)).execute(raise_on_error=False)
                return self._whereabouts.owner(asked, said)
            except NotOneCluster:
                raise
            except (redis.RedisError, OSError) as error:
                failures.append(f"{asked}: {error}")
        raise NoOwner("; ".join(failures))

    async def find_async(self) -> Address:
        """The same in an event loop."""
        failures = []
        for asked in self._whereabouts.in_turn():
            try:
                async with redis.asyncio.Redis.from_url(self._url.at(asked), **self._arguments) as client:
                    said = await _ask_in(client.pipeline(transaction=False)).execute(raise_on_error=False)
                return self._whereabouts.owner(asked, said)
            except NotOneCluster:
                raise
            except (redis.RedisError, OSError) as error:
                failures.append(f"{asked}: {error}")
        raise NoOwner("; ".join(failures))


class _Found:
    """A connection to whoever is the owner when it is made."""

    def __init__(self, *, finder: Finder, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._finder = finder


class _FoundConnection(_Found, redis.Connection):
    def _connect(self) -> Any:
        self.host, self.port = self._finder.find()
        return super()._connect()  # type: ignore[no-untyped-call]


class _FoundTlsConnection(_Found, redis.SSLConnection):
    def _connect(self) -> Any:
        self.host, self.port = self._finder.find()
        return super()._connect()  # type: ignore[no-untyped-call]


class _AsyncFoundConnection(_Found, redis.asyncio.Connection):
    async def _connect(self) -> None:
        self.host, self.port = await self._finder.find_async()
        await super()._connect()  # type: ignore[no-untyped-call]


class _AsyncFoundTlsConnection(_Found, redis.asyncio.SSLConnection):
    async def _connect(self) -> None:
        self.host, self.port = await self._finder.find_async()
        await super()._connect()  # type: ignore[no-untyped-call]


def connect_to_owner(url: str, segment: str, **arguments: Any) -> redis.Redis:
    """Returns a client of which every connection leads to the owner. Raises ValueError as parse_sequencer_url."""
    parsed = parse_sequencer_url(url)
    if parsed.seeds:
        kind = _FoundTlsConnection if parsed.is_tls else _FoundConnection
        finder = Finder(parsed, segment, arguments)
        arguments = {**arguments, "connection_class": kind, "finder": finder}
        url = parsed.at(parsed.seeds[0])
    return redis.Redis.from_url(url, **arguments)


def connect_to_owner_async(url: str, segment: str, **arguments: Any) -> redis.asyncio.Redis:
    """The same for an event loop."""
    parsed = parse_sequencer_url(url)
    if parsed.seeds:
        kind = _AsyncFoundTlsConnection if parsed.is_tls else _AsyncFoundConnection
        finder = Finder(parsed, segment, arguments)
        arguments = {**arguments, "connection_class": kind, "finder": finder}
        url = parsed.at(parsed.seeds[0])
    return redis.asyncio.Redis.from_url(url, **arguments)


_OF_A_STATE: Final = (
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.AuthenticationError,
    redis.exceptions.NoPermissionError,
    # The slot is elsewhere, on its way, or nobody's.
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,
)


def is_state_of_server(error: Exception) -> bool:
    """Says whether Redis refused because of its own state: out of memory, loading, read-only, busy, another's slot.

    It has run nothing then, and another server may stand in its place by now.
    """
    return isinstance(error, _OF_A_STATE) or str(error).startswith(("BUSY", "MISCONF", "NOREPLICAS"))
