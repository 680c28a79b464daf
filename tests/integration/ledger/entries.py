"""Journal entries made by hand, and a ledger that they are written to without a Redis."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgpack
import psycopg
import sqlalchemy

from holdfast_server import layouts
from holdfast_server.decide.connections import writer_connection
from holdfast_server.decide.journal import RedisJournal
from holdfast_server.decide.loader import Loader
from holdfast_server.ledger.batch import Batch, build_batch
from holdfast_server.ledger.journal import JournalEntry
from holdfast_server.ledger.migrate import sqlalchemy_url
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
    kind: int,
    sku: str,
    deltas: Sequence[int],
    version: int,
    balance: Sequence[int],
    *,
    line: int = 0,
    location: str = "store-1",
) -> tuple[Any, ...]:
    """A movement; deltas and balance are (sellable, quality_hold, damaged, held, committed), or that and
    (backordered, in_transit)."""
    return (kind, line, sku, location, *deltas[:5], version, *balance[:5], *deltas[5:], *balance[5:])


def receipt(sku: str, quantity: int, *, version: int = 1, before: int = 0) -> tuple[Any, ...]:
    """The movement of units that came in."""
    return movement(KIND["RECEIVE"], sku, (quantity, 0, 0, 0, 0), version, (before + quantity, 0, 0, 0, 0))


def request(request_id: str, **fields: Any) -> bytes:
    """A request as it travels in the journal."""
    named = {"request_id": request_id, "fingerprint": b"\xff\x00", "caller": "test"} | fields
    return NOBODY._replace(**named).packed()


def line(
    sku: str,
    quantity: int,
    *,
    location: str = "store-1",
    ordered_sku: str = "",
    sourcing: int = layouts.SOURCING_REASONS["POOL_ORDER"],
    **units: int,
) -> tuple[Any, ...]:
    """A line of a reservation; all of its units are open unless `units` says otherwise."""
    fields = {"open": quantity} | units
    named = {
        "sku": sku,
        "location": location,
        "quantity": quantity,
        "ordered_sku": ordered_sku,
        "sourcing": sourcing,
    } | fields
    return tuple(named.get(name, 0) for name in layouts.LINE)


def reservation(
    reservation_id: str,
    *,
    version: int,
    state: int,
    lines: Sequence[Sequence[Any]],
    position: int,
    told: int = 0,
    channel: str = "web",
) -> bytes:
    """The image of a reservation; lines are in the order of layouts.LINE."""
    head = (reservation_id, version, state, channel, "order-1", CLOCK_US, CLOCK_US + 1, CLOCK_US, position)
    return pack((*head, position, "customer-1", "till", told, list(lines)))


def document(
    kind: str, document_id: str, *, version: int, position: int, lines: Sequence[Sequence[Any]], **fields: Any
) -> bytes:
    """The image of a document; lines are in the order of layouts.DOCUMENT_LINES."""
    named = {
        "kind": layouts.DOCUMENT_KINDS[kind],
        "document_id": document_id,
        "version": version,
        "state": 1,
        "create_us": CLOCK_US,
        "update_us": CLOCK_US,
        "position": position,
        "lines": list(lines),
    } | fields
    texts = {"location", "origin", "channel", "order_id", "reservation_id", "note"}
    return pack([named.get(name, "" if name in texts else 0) for name in layouts.DOCUMENT])


def operation(
    position: int,
    kind: int,
    movements: Sequence[tuple[Any, ...]] = (),
    *,
    request: bytes = b"",
    reservation: bytes = b"",
    catalog: Sequence[Any] = (),
    extra: bytes = b"",
    documents: Sequence[bytes] = (),
) -> tuple[Any, ...]:
    return (position, kind, request, reservation, list(movements), list(catalog), extra, list(documents))


def rule(
    kind: str, values: Sequence[Any] = (), *, removed: bool = False, used: int = 0, start_position: int = 0, **key: str
) -> tuple[Any, ...]:
    """A rule in the order of layouts.RULE; values are in the order of layouts.RULE_VALUES."""
    names = [key.get(name, "") for name in ("sku", "location", "channel", "name")]
    return (layouts.RULE_KINDS[kind], *names, removed, used, start_position, list(values))


def entry(
    operations: Sequence[tuple[Any, ...]],
    *,
    after: str,
    epoch: int = 1,
    format_: int = layouts.SCRIPT_FORMAT,
    clock_us: int = CLOCK_US,
    allotments: Sequence[tuple[str, str, int]] = (),
) -> JournalEntry:
    """An entry that continues a chain hash."""
    first, last = operations[0][0], operations[-1][0]
    packed = pack((format_, epoch, first, last, clock_us, list(operations), list(allotments)))
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

    def use(self, operations: Sequence[tuple[Any, ...]], allotments: Sequence[tuple[str, str, int]]) -> None:
        """Writes one entry that tells what is used of allotments after it."""
        made = entry(operations, after=self.store.read().segment.chain_hash, allotments=allotments)
        self._writer._commit(self.connection, self.batch([made]))

    @contextmanager
    def reading(self) -> Iterator[sqlalchemy.Connection]:
        """A connection as the questions of queries.py get it."""
        engine = sqlalchemy.create_engine(
            sqlalchemy_url(self.settings.postgres_url), isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
        )
        with engine.connect() as connection:
            yield connection
        engine.dispose()

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def verdict(self) -> Verdict:
        found = verify_ledger(self.settings, Progress())
        assert found is not None
        return found

    def close(self) -> None:
        self.connection.close()
