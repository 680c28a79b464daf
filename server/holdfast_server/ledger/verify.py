"""The check of the ledger against itself: the chain, the levels, the reserved units. Bounded memory, one snapshot."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import psycopg
import structlog

from holdfast_server import layouts
from holdfast_server.ledger import audit
from holdfast_server.ledger.connections import connection_arguments
from holdfast_server.ledger.retirement import Retired
from holdfast_server.ledger.retiring import DIGEST_RANGE, balance_digest
from holdfast_server.ledger.statements import load_statements
from holdfast_server.records import DocumentKind
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.verify")

_MAX_FINDINGS: Final = 100
_CHUNK_ROWS: Final = 2_000
_CANCEL_SECONDS: Final = 1.0
_CANCEL_PAUSE_SECONDS: Final = 0.2
_CANCEL_TRIES: Final = 50
_RESERVED_FIELDS: Final = ("held", "committed", "backordered")


@dataclass(slots=True)
class Progress:
    """How far a check is. The one who asked calls `abandon` when it no longer wants the verdict."""

    operations: int = 0
    movements: int = 0
    levels: int = 0
    all_operations: int = 0
    abandoned: bool = False
    connection: psycopg.Connection[Any] | None = None

    def abandon(self) -> None:
        """Ends the check soon, the statement that it may be waiting for included."""
        self.abandoned = True
        # A cancellation that comes between two statements ends neither, so it is repeated until the check has ended.
        for _ in range(_CANCEL_TRIES):
            connection = self.connection
            if connection is None:
                return
            with contextlib.suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CANCEL_SECONDS)
            time.sleep(_CANCEL_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row that is wrong, and what is wrong with it."""

    row: str
    description: str


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What the check found. Quantities are units, summed over all levels."""

    chain_verified: bool = True
    levels_equal_movements: bool = True
    reserved_equals_open_lines: bool = True
    oversold: int = 0
    leaked: int = 0
    uncovered: int = 0
    retired: Retired | None = None
    """What was retired, and so is not there to be checked; the check began after it."""
    findings: list[Finding] = field(default_factory=list)

    def find(self, row: str, description: str) -> None:
        """Notes a finding; beyond the bound only the flags tell."""
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(row=row, description=description))


class _Abandoned(Exception):
    pass


def verify_ledger(settings: Settings, progress: Progress) -> Verdict | None:
    """Checks the whole ledger and returns the verdict; None if Postgres broke off or nobody wants it any more."""
    arguments = connection_arguments(settings, name="verify")
    try:
        with psycopg.connect(**arguments) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL statement_timeout = 0")
            progress.connection = connection
            return _Check(connection, settings.segment, progress).run()
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        log.warning("verify_broke_off", error=str(error).strip())
        return None
    except (_Abandoned, psycopg.errors.QueryCanceled):
        return None
    finally:
        progress.connection = None


class _Check:
    def __init__(self, connection: psycopg.Connection[Any], segment: str, progress: Progress) -> None:
        self._connection = connection
        self._segment = segment
        self._progress = progress
        self._sql = load_statements("verify.sql")
        self._verdict = Verdict()

    def run(self) -> Verdict:
        position, audit_hash, after, begin_hash, balance_hash, decide_us = self._one("segment")
        if after is not None:
            self._verdict.retired = Retired(position=after, decide_us=decide_us, retire_us=0)
            self._check_opening_balances(balance_hash)
        self._progress.all_operations = position - (after or 0)
        self._check_chain(after or 0, begin_hash or audit.GENESIS, position, audit_hash)
        self._check_levels()
        self._check_reserved()
        self._check_in_transit()
        (self._verdict.oversold,) = self._one("oversold")
        (self._verdict.uncovered,) = self._one("uncovered")
        return self._verdict

    def _rows(self, statement: str, **parameters: object) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor(name=statement) as cursor:
            cursor.itersize = _CHUNK_ROWS
            cursor.execute(self._sql[statement], {"segment": self._segment, **parameters})
            for row in cursor:
                if self._progress.abandoned:
                    raise _Abandoned
                yield row

    def _one(self, statement: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(
            self._sql[statement], {"segment": self._segment}
        ).fetchone()
        if row is None:
            raise psycopg.OperationalError(f"no row for {statement}")
        return row

    def _check_opening_balances(self, balance_hash: bytes) -> None:
        """Recomputes the digest of the opening balances, as the last step of a retirement left it."""
        found = 0
        for row in self._rows("opening_balances"):
            found += balance_digest([row])
        if (found % DIGEST_RANGE).to_bytes(32) != balance_hash:
            self._verdict.levels_equal_movements = False
            self._verdict.find(f"opening balances of segment {self._segment}", "are not as they were written")

    def _check_chain(self, after: int, begin_hash: bytes, last_position: int, last_hash: bytes) -> None:
        """Recomputes the chain. After a wrong row it goes on from what is stored, so that each wrong row is named."""
        previous, expected = begin_hash, after + 1
        by_position = groupby(self._rows("movements"), key=itemgetter(0))
        movements_at, movements = next(by_position, (None, iter(())))
        for operation in self._rows("operations"):
            *columns, stored = operation
            position = columns[0]
            while movements_at is not None and movements_at < position:
                self._broken(f"movement {self._segment}/{movements_at}", "belongs to no operation")
                movements_at, movements = next(by_position, (None, iter(())))
            own: list[Sequence[Any]] = []
            if movements_at == position:
                own = [audit.trimmed_movement(row[1:]) for row in movements]
                movements_at, movements = next(by_position, (None, iter(())))
            if position <= after:
                self._broken(f"operation {self._segment}/{position}", "was retired, and is there")
                continue
            if position != expected:
                self._broken(f"operation {self._segment}/{expected}", f"is missing before {position}")
            if audit.digest(previous, audit.trimmed_operation(columns), own) != stored:
                self._name_what_was_altered(position)
            previous, expected = stored, position + 1
            self._progress.operations += 1
            self._progress.movements += len(own)
        if movements_at is not None:
            self._broken(f"movement {self._segment}/{movements_at}", "belongs to no operation")
        if expected != last_position + 1 or previous != last_hash:
            self._broken(f"segment {self._segment}", f"the chain does not end at position {last_position}")

    def _name_what_was_altered(self, position: int) -> None:
        lines = self._connection.execute(
            self._sql["movements_that_do_not_add_up"], {"segment": self._segment, "position": position}
        ).fetchall()
        for (line,) in lines:
            self._broken(f"movement {self._segment}/{position}/{line}", "does not add up with the one before it")
        if not lines:
            self._broken(f"operation {self._segment}/{position}", "it or one of its movements is not as it was written")

    def _broken(self, row: str, description: str) -> None:
        self._verdict.chain_verified = False
        self._verdict.find(row, description)

    def _check_levels(self) -> None:
        for sku, location, level, sums in self._rows("levels_that_differ", limit=_MAX_FINDINGS):
            self._verdict.levels_equal_movements = False
            differing = ", ".join(
                f"{name} is {is_}, its movements give {should}"
                for name, is_, should in zip(layouts.LEVEL, level, sums, strict=True)
                if is_ != should
            )
            self._verdict.find(f"stock level {sku} at {location}", differing)
        (self._progress.levels,) = self._one("level_count")

    def _check_reserved(self) -> None:
        verdict = self._verdict
        for sku, location, reserved, still_open in self._rows("reserved_that_differs"):
            verdict.reserved_equals_open_lines = False
            verdict.leaked += max(0, sum(reserved) - sum(still_open))
            differing = ", ".join(
                f"{name} {is_}, but its live reservations have {should}"
                for name, is_, should in zip(_RESERVED_FIELDS, reserved, still_open, strict=True)
                if is_ != should
            )
            verdict.find(f"stock level {sku} at {location}", differing)
        for reservation_id, line, units in self._rows("ended_with_open_lines", limit=_MAX_FINDINGS):
            verdict.reserved_equals_open_lines = False
            verdict.find(f"reservation {reservation_id} line {line}", f"has ended but {units} units are open")

    def _check_in_transit(self) -> None:
        verdict = self._verdict
        for sku, location, in_transit, still_open in self._rows("in_transit_that_differs"):
            verdict.reserved_equals_open_lines = False
            verdict.find(
                f"stock level {sku} at {location}", f"in transit {in_transit}, but its open transfers have {still_open}"
            )
        for kind, document_id, line, units in self._rows("ended_documents_with_open_lines", limit=_MAX_FINDINGS):
            verdict.reserved_equals_open_lines = False
            name = DocumentKind(kind).name.lower()
            verdict.find(f"{name} {document_id} line {line}", f"has ended but {units} units are open")
