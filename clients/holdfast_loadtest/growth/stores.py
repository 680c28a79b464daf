"""What the stores of an authority hold and take, asked of them directly: rows, bytes on disk, bytes in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from holdfast_loadtest.authority import Authority
from holdfast_loadtest.valkey_wire import ValkeyConnection

_QUIET_SECONDS: Final = 180.0
_POLL_SECONDS: Final = 0.5
_PIPELINE_DEPTH: Final = 1_000
_BULK_FIELDS: Final = 5_000
"""The fields that the authority sets with one command when it loads."""

# A level as the sequencer keeps it: the length of its field and of its value are those of the catalogue's levels.
_FIELD: Final = b"CATALOGUE-%06d|GROWN-AT-%02d"
_VALUE: Final = b"v" * 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The bytes of the ledger's tables with their indexes."""

    by_table: dict[str, int]
    movements: int

    @property
    def total(self) -> int:
        return sum(self.by_table.values())


def settle(authority: Authority) -> None:
    """Waits until what a quick fill left behind is done: reservations that expire, vacuum, statistics, a checkpoint."""
    import psycopg

    until = time.monotonic() + _QUIET_SECONDS
    live = "SELECT count(*) FROM reservation WHERE state IN (1, 2)"
    with psycopg.connect(authority.postgres_url, autocommit=True) as connection:
        while time.monotonic() < until and connection.execute(live).fetchone() != (0,):
            time.sleep(_POLL_SECONDS)
        for table in ("movement", "operation", "stock_level", "reservation", "reservation_line", "outcome"):
            connection.execute(f"VACUUM (ANALYZE) {table}".encode())
        connection.execute("CHECKPOINT")
        while time.monotonic() < until:
            row = connection.execute("SELECT count(*) FROM pg_stat_progress_vacuum").fetchone()
            if not row or not row[0]:
                return
            time.sleep(_POLL_SECONDS)


def disk(authority: Authority) -> Disk:
    """Returns what the ledger takes on disk."""
    import psycopg

    with psycopg.connect(authority.postgres_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
        ).fetchall()
        count = connection.execute("SELECT count(*) FROM movement").fetchone()
    return Disk(by_table={str(name): int(size) for name, size in rows}, movements=int(count[0]) if count else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What Valkey holds, in bytes: altogether, and of that the outcomes that it remembers and the journal."""

    used: int
    outcomes: int
    journal: int

    @property
    def lasting(self) -> int:
        """What does not go by itself after some minutes."""
        return self.used - self.outcomes - self.journal


def memory(authority: Authority) -> Memory:
    """Returns what Valkey holds."""
    with authority.valkey() as valkey:
        by_name = {"outcomes": 0, "journal": 0}
        for key in _keys(valkey):
            for name in by_name:
                if f":{name}".encode() in key:
                    size = valkey.call("MEMORY", "USAGE", key, "SAMPLES", 0)
                    by_name[name] += size if isinstance(size, int) else 0
        info = valkey.call("INFO", "memory")
    text = info.decode() if isinstance(info, bytes) else ""
    used = next(line for line in text.splitlines() if line.startswith("used_memory:"))
    return Memory(used=int(used.split(":")[1]), **by_name)


def _keys(valkey: ValkeyConnection) -> list[bytes]:
    found = valkey.call("KEYS", "holdfast:*")
    return [key for key in found if isinstance(key, bytes)] if isinstance(found, list) else []


def bare_pipeline_rate(port: int, levels: int) -> tuple[float, float]:
    """Returns how many levels a bare Valkey takes in a second: one by one in a pipeline, and thousands to a command."""
    fields = [(_FIELD % divmod(number, 10), _VALUE) for number in range(levels)]
    with ValkeyConnection(port) as valkey:
        singly = [
            b"".join(_command(b"HSET", b"levels", *pair) for pair in fields[start : start + _PIPELINE_DEPTH])
            for start in range(0, levels, _PIPELINE_DEPTH)
        ]
        one_by_one = _send(valkey, singly, levels)
        bulk = [
            _command(b"HSET", b"bulk", *(part for pair in fields[start : start + _BULK_FIELDS] for part in pair))
            for start in range(0, levels, _BULK_FIELDS)
        ]
        in_bulk = _send(valkey, bulk, len(bulk))
        valkey.call("FLUSHALL")
    return levels / one_by_one, levels / in_bulk


def _command(*parts: bytes) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def _send(valkey: ValkeyConnection, pieces: list[bytes], replies: int) -> float:
    """Sends pieces, each before the replies to the one before were read, and returns the seconds that it took."""
    began = time.perf_counter()
    taken = 0
    for number, piece in enumerate(pieces, start=1):
        valkey.socket.sendall(piece)
        due = replies * (number - 1) // len(pieces)
        taken += valkey.skip_replies(due - taken)
    valkey.skip_replies(replies - taken)
    return time.perf_counter() - began
