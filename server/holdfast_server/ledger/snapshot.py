"""Reads the ledger for a rebuild of the sequencer: one consistent state, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from holdfast_server.ledger.connections import connection_arguments
from holdfast_server.ledger.errors import LedgerLost
from holdfast_server.ledger.rows import (
    DOCUMENT_COLUMNS,
    ITEM_COLUMNS,
    LINE_COLUMNS,
    RESERVATION_COLUMNS,
    RULE_COLUMNS,
    document_of,
    item_of,
    reservation_of,
    rule_of,
)
from holdfast_server.records import Channel, Document, Item, Location, Pool, Reservation, Rule, StockLevel, level_of
from holdfast_server.settings import Settings

_LIVE_RESERVATIONS: Final = f"""SELECT {", ".join(f"r.{column}" for column in RESERVATION_COLUMNS)},
    {", ".join(f"array_agg(l.{column} ORDER BY l.line_number)" for column in LINE_COLUMNS)}
FROM reservation AS r JOIN reservation_line AS l USING (reservation_id)
WHERE r.segment = %(segment)s AND r.state IN (1, 2) GROUP BY r.reservation_id"""
_LIVE_DOCUMENTS: Final = f"""SELECT {", ".join(DOCUMENT_COLUMNS)} FROM document
WHERE segment = %(segment)s AND (state = 1 OR (kind = 4 AND state = 2))"""
_ITEMS: Final = f"""SELECT {", ".join(ITEM_COLUMNS)} FROM item WHERE segment = %(segment)s"""
_RULES: Final = f"""SELECT {", ".join(f'"{column}"' for column in RULE_COLUMNS)} FROM rule
WHERE segment = %(segment)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a request came to."""

    request_id: str
    position: int
    effective_us: int
    fingerprint: bytes
    reservation: bytes
    extra: bytes


class LedgerSnapshot:
    """One state of the ledger. Every iterator reads in chunks, over a cursor on the server."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings) -> None:
        self._connection = connection
        self._segment = settings.segment
        self._chunk_rows = settings.load_chunk_rows
        row = connection.execute(
            "SELECT epoch, position, chain_hash, clock_us FROM segment WHERE segment = %s", (self._segment,)
        ).fetchone()
        if row is None:
            raise LedgerLost(f"segment {self._segment} does not exist")
        self.epoch, self.position, self.chain_hash, self.clock_us = row

    def _rows(self, name: str, query: str, **parameters: object) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor(name=name) as cursor:
            cursor.itersize = self._chunk_rows
            cursor.execute(query, {"segment": self._segment, **parameters})
            yield from cursor

    def levels(self) -> Iterator[StockLevel]:
        """Yields every stock level."""
        query = """SELECT sku, location, version, sellable, quality_hold, damaged, held, committed, backordered,
            in_transit FROM stock_level WHERE segment = %(segment)s"""
        for sku, location, *fields in self._rows("levels", query):
            yield level_of(sku, location, fields)

    def live_reservations(self) -> Iterator[Reservation]:
        """Yields every reservation that is held or committed, with its lines."""
        fields = len(RESERVATION_COLUMNS)
        for row in self._rows("reservations", _LIVE_RESERVATIONS):
            yield reservation_of(row[:fields], zip(*row[fields:], strict=True))

    def live_documents(self) -> Iterator[Document]:
        """Yields every document that has not ended."""
        for row in self._rows("documents", _LIVE_DOCUMENTS):
            yield document_of(row)

    def rules(self) -> Iterator[Rule]:
        """Yields every rule."""
        for row in self._rows("rules", _RULES):
            yield rule_of(row)

    def newest_outcomes(self, since_us: int, limit: int) -> Iterator[Outcome]:
        """Yields outcomes whose effective time is after `since_us`, the newest first, at most `limit`."""
        query = """SELECT request_id, position, effective_us, fingerprint, reservation, extra FROM outcome
            WHERE segment = %(segment)s AND effective_us > %(since_us)s
            ORDER BY effective_us DESC, position DESC LIMIT %(limit)s"""
        for row in self._rows("outcomes", query, since_us=since_us, limit=limit):
            request_id, position, effective_us, fingerprint, reservation, extra = row
            yield Outcome(
                request_id=request_id,
                position=position,
                effective_us=effective_us,
                fingerprint=fingerprint,
                reservation=reservation,
                extra=extra,
            )

    def items(self) -> Iterator[Item]:
        """Yields every item."""
        for row in self._rows("items", _ITEMS):
            yield item_of(row)

    def kits(self) -> Iterator[Item]:
        """Yields every item that has parts."""
        for row in self._rows("kits", f"{_ITEMS} AND parts <> '[]'"):
            yield item_of(row)

    def locations(self) -> Iterator[Location]:
        """Yields every location."""
        query = "SELECT location, display_name, kind FROM location WHERE segment = %(segment)s"
        for location, display_name, kind in self._rows("locations", query):
            yield Location(location=location, display_name=display_name, kind=kind)

    def pools(self) -> Iterator[tuple[Pool, int]]:
        """Yields every pool with its version."""
        query = "SELECT pool, display_name, locations, version FROM pool WHERE segment = %(segment)s"
        for pool, display_name, locations, version in self._rows("pools", query):
            yield Pool(pool=pool, display_name=display_name, locations=tuple(locations)), version

    def channels(self) -> Iterator[Channel]:
        """Yields every channel."""
        query = "SELECT channel, display_name, pool FROM channel WHERE segment = %(segment)s ORDER BY channel"
        for channel, display_name, pool in self._rows("channels", query):
            yield Channel(channel=channel, display_name=display_name, pool=pool)


@contextmanager
def open_snapshot(settings: Settings) -> Iterator[LedgerSnapshot]:
    """Opens one state of the ledger for reading. Raises LedgerLost if Postgres cannot be reached or breaks off."""
    arguments = connection_arguments(settings, name=f"snapshot-{settings.segment}")
    try:
        with psycopg.connect(**arguments) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute(f"SET LOCAL statement_timeout = {int(settings.load_timeout_seconds * 1000)}")
            yield LedgerSnapshot(connection, settings)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise LedgerLost(str(error)) from error
