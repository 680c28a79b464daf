"""Measures what the ledger writer and its Postgres session cost per reservation, by the size of a commit.

    python scripts/measure_writer.py                       1, 40 and 700 reservations in a commit
    python scripts/measure_writer.py --sizes 20 --skus 1   only 20, all of one SKU
    python scripts/measure_writer.py --drop operation_by_caller operation_by_channel
                                                           what it would cost without these indexes

A journal is made up, without a sequencer, and written to a ledger of its own in a temporary directory, as fast as the
writer can. What it prints is CPU time, so that other load on the machine matters little. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import msgpack
import psycopg
from psycopg import sql

from holdfast_server import layouts
from holdfast_server.embedded.supervisor import Supervisor
from holdfast_server.ledger.batch import build_batch
from holdfast_server.ledger.connections import connect_writer
from holdfast_server.ledger.journal import Journal, JournalEntry, Rebuilder
from holdfast_server.ledger.migrate import migrate
from holdfast_server.ledger.segments import Cursor, SegmentStore
from holdfast_server.ledger.writer import LedgerWriter
from holdfast_server.records import NOBODY
from holdfast_server.settings import Settings
from holdfast_server.telemetry import tune_memory

SEGMENT: Final = "measured"
CLOCK_US: Final = 1_800_000_000_000_000
PLENTY: Final = 1_000_000_000
SECONDS_OF_EACH: Final = 4.0
ALL_LEVELS: Final = 40_000
"""The levels of the ledger, most of which nobody reserves."""

_MICROSECONDS: Final = 1e6
_NANOSECONDS: Final = 1e9


class Sales:
    """An endless journal: reservations of one unit each, spread over some SKUs."""

    def __init__(self, epoch: int, chain_hash: str, skus: int) -> None:
        self._epoch = epoch
        self._chain_hash = chain_hash
        self._skus = skus
        self._held: dict[int, int] = {}
        self._position = 0

    def stock(self) -> Iterator[JournalEntry]:
        """Yields the receipts that make the levels."""
        for start in range(0, ALL_LEVELS, 1_000):
            receipt = [
                (layouts.MOVEMENT_KINDS["RECEIVE"], 0, f"SKU-{sku}", "STORE", PLENTY, 0, 0, 0, 0, 1, PLENTY, 0, 0, 0, 0)
                for sku in range(start, start + 1_000)
            ]
            yield self._entry([(layouts.OPERATION_KINDS["RECEIVE"], b"", receipt)])

    def reservations(self, count: int) -> JournalEntry:
        return self._entry([self._reservation(self._position + number) for number in range(1, count + 1)])

    def _reservation(self, position: int) -> tuple[int, bytes, list[Any]]:
        number = position * 7919 % self._skus
        held = self._held[number] = self._held.get(number, 0) + 1
        sku, kind = f"SKU-{number}", layouts.MOVEMENT_KINDS["RESERVE"]
        fields = {"sku": sku, "location": "STORE", "quantity": 1, "sourcing": 2, "open": 1}
        line = [fields.get(name, "" if name == "ordered_sku" else 0) for name in layouts.LINE]
        image = (f"{SEGMENT}-{uuid.uuid4().hex}", 1, 1, "WEB", uuid.uuid4().hex[:12], CLOCK_US, CLOCK_US, CLOCK_US)
        packed = _pack((*image, position, position, "", "", 0, [line]))
        return kind, packed, [(kind, 1, sku, "STORE", 0, 0, 0, 1, 0, held + 1, PLENTY, 0, 0, held, 0)]

    def _entry(self, operations: list[tuple[int, bytes, list[Any]]]) -> JournalEntry:
        first = self._position + 1
        self._position += len(operations)
        rows: list[tuple[Any, ...]] = [
            (position, kind, _request(), image, movements, [], b"", [])
            for position, (kind, image, movements) in enumerate(operations, start=first)
        ]
        packed = _pack((layouts.SCRIPT_FORMAT, self._epoch, first, self._position, CLOCK_US, rows, []))
        chained = hashlib.sha1(self._chain_hash.encode() + packed, usedforsecurity=False)
        self._chain_hash = chained.hexdigest()
        return JournalEntry(last_position=self._position, chain_hash=self._chain_hash, packed=packed)


def _pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=False)
    return packed


def _request() -> bytes:
    return NOBODY._replace(
        request_id=str(uuid.uuid4()),
        method="CreateReservation",
        caller="measured",
        fingerprint=os.urandom(16),
        body=os.urandom(96),
    ).packed()


def used(connection: psycopg.Connection[Any]) -> tuple[float, float]:
    """Returns the CPU seconds that this process and its session in Postgres have used so far."""
    nanoseconds = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]
    return time.process_time(), int(nanoseconds) / _NANOSECONDS


def logged(connection: psycopg.Connection[Any]) -> int:
    """Returns the bytes that Postgres has written to its log so far."""
    row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


def measure(connection: psycopg.Connection[Any], writer: LedgerWriter, sizes: list[int], skus: int) -> None:
    """Writes commits of each size for some seconds, and prints what a reservation cost."""
    store = SegmentStore(connection, SEGMENT)
    store.ensure()
    store.open(store.fence("measured"))
    cursor = store.read()
    sales = Sales(cursor.segment.epoch, cursor.segment.chain_hash, skus)
    for entry in sales.stock():
        cursor = write(connection, writer, cursor, entry)
    sys.stdout.write(f"{'in a commit':>12} {'writer us':>10} {'Postgres us':>12} {'log bytes':>10}\n")
    for size in sizes:
        writer_seconds = postgres_seconds = 0.0
        commits, logged_before, until = 0, logged(connection), time.monotonic() + SECONDS_OF_EACH
        while time.monotonic() < until:
            entry = sales.reservations(size)
            before = used(connection)
            cursor = write(connection, writer, cursor, entry)
            after = used(connection)
            writer_seconds += after[0] - before[0]
            postgres_seconds += after[1] - before[1]
            commits += 1
        each = _MICROSECONDS / commits / size
        log_bytes = (logged(connection) - logged_before) / commits / size
        sys.stdout.write(
            f"{size:>12} {writer_seconds * each:>10.1f} {postgres_seconds * each:>12.1f} {log_bytes:>10.0f}\n"
        )


def write(connection: psycopg.Connection[Any], writer: LedgerWriter, cursor: Cursor, entry: JournalEntry) -> Cursor:
    batch = build_batch(cursor, [entry])
    writer._commit(connection, batch)
    return batch.cursor_after(cursor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 40, 700], help="reservations in a commit")
    parser.add_argument("--skus", type=int, default=1_000, help="that are reserved; at most the levels of the ledger")
    parser.add_argument("--drop", nargs="+", default=[], metavar="INDEX", help="indexes that are dropped before")
    options = parser.parse_args()
    if not 1 <= options.skus <= ALL_LEVELS or min(options.sizes) < 1:
        parser.error(f"--skus must be 1 to {ALL_LEVELS}, and every size at least 1")
    directory = Path(tempfile.mkdtemp(prefix="holdfast-measure-"))
    # Under root the database runs as another user, who must get in.
    directory.chmod(0o755)
    supervisor = Supervisor(data_directory=directory, progress=lambda _: None)
    try:
        endpoints = supervisor.start()
        migrate(endpoints.postgres_url)
        settings = Settings(postgres_url=endpoints.postgres_url, redis_url=endpoints.redis_url, segment=SEGMENT)
        no_journal, no_rebuilder = cast(Journal, None), cast(Rebuilder, None)
        writer = LedgerWriter(settings=settings, journal=no_journal, rebuilder=no_rebuilder, stop=threading.Event())
        tune_memory()
        with connect_writer(settings) as connection:
            for index in options.drop:
                connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
            measure(connection, writer, options.sizes, options.skus)
    finally:
        supervisor.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
