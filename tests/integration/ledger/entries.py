"""Journal entries made by hand, and a ledger that they are written to without a Redis."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import msgpack
import psycopg

from holdfast_server import layouts
from holdfast_server.decide.connections import writer_connection
from holdfast_server.decide.journal import RedisJournal
from holdfast_server.decide.loader import Loader
from holdfast_server.ledger.batch import Batch, build_batch
from holdfast_server.ledger.journal import JournalEntry
from holdfast_server.ledger.segments import GENESIS_CHAIN_HASH, SegmentStore
from holdfast_server.ledger.verify import Progress, Verdict, verify_ledger
from holdfast_server.ledger.writer import LedgerWriter
from holdfast_server.records import NOBODY
from holdfast_server.settings import Settings

SEGMENT = "paper"
CLOCK_US = 1_800_000_000_000_000
KIND = layouts.OPERATION_KINDS
STATE = layouts.STATES


def pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=False)
    return packed


def movement(
    kind: int, sku: str, deltas: Sequence[int], version: int, balance: Sequence[int], *, line: int = 0
) -> tuple[Any, ...]:
    """A movement at the one store; deltas and balance are (sellable, quality_hold, damaged, held, committed)."""
    return (kind, line, sku, "store-1", *deltas, version, *balance)


def receipt(sku: str, quantity: int, *, version: int = 1, before: int = 0) -> tuple[Any, ...]:
    """The movement of units that came in."""
    return movement(KIND["RECEIVE"], sku, (quantity, 0, 0, 0, 0), version, (before + quantity, 0, 0, 0, 0))


def request(request_id: str, **fields: Any) -> bytes:
    """A request as it travels in the journal."""
    return NOBODY._replace(request_id=request_id, fingerprint=b"\xff\x00", caller="test", **fields).packed()


def reservation(
    reservation_id: str, *, version: int, state: int, lines: Sequence[Sequence[Any]], position: int
) -> bytes:
    """The image of a reservation; a line is (sku, location, quantity, open, released, expired, fulfilled)."""
    return pack(
        (reservation_id, version, state, "web", "order-1", CLOCK_US, CLOCK_US + 1, CLOCK_US, position, list(lines))
    )


def operation(
    position: int,
    kind: int,
    movements: Sequence[tuple[Any, ...]] = (),
    *,
    request: bytes = b"",
    reservation: bytes = b"",
    catalog: Sequence[Any] = (),
    extra: bytes = b"",
) -> tuple[Any, ...]:
    return (position, kind, request, reservation, list(movements), list(catalog), extra)


def entry(
    operations: Sequence[tuple[Any, ...]],
    *,
    after: str,
    epoch: int = 1,
    format_: int = layouts.SCRIPT_FORMAT,
    clock_us: int = CLOCK_US,
) -> JournalEntry:
    """An entry that continues a chain hash."""
    first, last = operations[0][0], operations[-1][0]
    packed = pack((format_, epoch, first, last, clock_us, list(operations), []))
    chain_hash = hashlib.sha1(after.encode() + packed, usedforsecurity=False).hexdigest()
    return JournalEntry(last_position=last, chain_hash=chain_hash, packed=packed)


def entries(*groups: Sequence[tuple[Any, ...]], after: str = GENESIS_CHAIN_HASH) -> list[JournalEntry]:
    """A chain of entries."""
    made = []
    for operations in groups:
        made.append(entry(operations, after=after))
        after = made[-1].chain_hash
    return made


class Ledger:
    """The Postgres half of one segment."""

    def __init__(self, *, postgres_url: str, redis_url: str) -> None:
        self.settings = Settings(postgres_url=postgres_url, redis_url=redis_url, segment=SEGMENT)
        self.connection = psycopg.connect(postgres_url, autocommit=True)
        self.store = SegmentStore(self.connection, SEGMENT)
        self.store.ensure()
        self.store.open(self.store.fence("test"))
        redis = writer_connection(self.settings)
        self._writer = LedgerWriter(
            settings=self.settings,
            journal=RedisJournal(settings=self.settings, connection=redis),
            rebuilder=Loader(settings=self.settings, connection=redis),
            stop=threading.Event(),
        )

    def batch(self, made: Sequence[JournalEntry]) -> Batch:
        return build_batch(self.store.read(), made)

    def write(self, *groups: Sequence[tuple[Any, ...]]) -> None:
        """Writes operations, grouped into entries, as one batch."""
        self._writer._commit(self.connection, self.batch(entries(*groups, after=self.store.read().segment.chain_hash)))

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def verdict(self) -> Verdict:
        found = verify_ledger(self.settings, Progress())
        assert found is not None
        return found

    def close(self) -> None:
        self.connection.close()
