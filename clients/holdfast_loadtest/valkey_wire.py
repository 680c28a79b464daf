"""Just enough of the Redis protocol to ask a Valkey for its figures and to feed it scripts. Knows no driver."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_TIMEOUT_SECONDS = 10.0

Reply = int | bytes | None | list["Reply"]


class ValkeyError(OSError):
    """Valkey answered with an error, or broke off."""


def packed(*parts: str | bytes | int) -> bytes:
    """Returns a command as it goes over the wire."""
    encoded = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in encoded)


class ValkeyConnection:
    """One blocking connection."""

    def __init__(self, port: int, *, password: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self.socket.makefile("rb")
        if password:
            self.call("AUTH", password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._replies.close()
        self.socket.close()

    def call(self, *parts: str | bytes | int) -> Reply:
        """Sends a command and returns its reply. Raises ValkeyError for an error."""
        self.socket.sendall(packed(*parts))
        return self._reply()

    def _reply(self) -> Reply:
        line = self._replies.readline()
        if not line:
            raise ValkeyError("Valkey closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise ValkeyError(rest.decode(errors="replace"))
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        length = int(rest)
        if length < 0:
            return None
        if kind == b"$":
            return self._replies.read(length + 2)[:-2]
        return [self._reply() for _ in range(length)]

    def skip_replies(self, count: int) -> int:
        """Reads the replies of one line each to commands that were sent, and returns how many. Raises for an error."""
        for _ in range(count):
            line = self._replies.readline()
            if line[:1] not in (b":", b"+"):
                raise ValkeyError(line.decode(errors="replace").strip() or "Valkey closed the connection")
        return count

    def command_stats(self) -> dict[str, CommandStats]:
        """Returns what every command has cost since the start, by its name in lower case."""
        answer = self.call("INFO", "commandstats")
        return parse_command_stats(answer.decode() if isinstance(answer, bytes) else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStats:
    """How often a command was called, and the microseconds that it ran, all calls together."""

    calls: int = 0
    microseconds: int = 0


def parse_command_stats(text: str) -> dict[str, CommandStats]:
    """Returns the figures of INFO commandstats."""
    stats = {}
    for line in text.splitlines():
        name, colon, figures = line.partition(":")
        if colon and name.startswith("cmdstat_"):
            values = dict(figure.split("=", 1) for figure in figures.split(",") if "=" in figure)
            stats[name.removeprefix("cmdstat_")] = CommandStats(
                calls=int(values["calls"]), microseconds=int(values["usec"])
            )
    return stats


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptCost:
    """What scripts cost between two readings of the figures."""

    scripts: int
    microseconds: int
    calls_within: int
    """The commands that ran within the scripts or beside them, whatever they were."""


_OF_CONNECTIONS = frozenset({"info", "auth", "hello", "ping", "client|setname", "client|setinfo", "script|load"})


def script_cost(before: dict[str, CommandStats], after: dict[str, CommandStats]) -> ScriptCost:
    """Returns what EVALSHA cost between two readings, and how many commands ran besides it."""
    scripts = microseconds = calls = 0
    for name, stats in after.items():
        earlier = before.get(name, CommandStats())
        if name == "evalsha":
            scripts = stats.calls - earlier.calls
            microseconds = stats.microseconds - earlier.microseconds
        elif name not in _OF_CONNECTIONS:
            calls += stats.calls - earlier.calls
    return ScriptCost(scripts=scripts, microseconds=microseconds, calls_within=calls)
