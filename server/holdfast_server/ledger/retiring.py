"""The steps of a retirement: each moves the boundary of one segment a little, in one transaction.

A step reads a bounded stretch after the boundary, proves it (the audit chain, and that the movements lead from the
opening balances to the balances that they tell), carries the opening balances forward, removes what lies below, and
writes it to the archive if there is one. A crash at any instruction leaves the boundary where it was, or where the step
moved it to. What cannot be proved is not removed.
"""

from __future__ import annotations

import enum
import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import msgpack
import psycopg
import structlog

from holdfast_server import failpoints
from holdfast_server.ledger import audit
from holdfast_server.ledger.archive import Stretch, add_to_archive
from holdfast_server.ledger.connections import bound_transactions, check_durability, connection_arguments
from holdfast_server.ledger.errors import LedgerLost
from holdfast_server.ledger.retirement import RETIREMENT_LOCK_CLASS
from holdfast_server.ledger.statements import load_statements
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.retirement")

NO_BALANCES: Final = bytes(32)
"""The digest of no opening balances at all."""

DIGEST_RANGE: Final = 2**256

# The columns of a movement, as the statement `movements` selects them.
_SKU, _LOCATION, _VERSION = 4, 5, 11
_EARLY_DELTAS, _EARLY_BALANCE = slice(6, 11), slice(12, 17)
_LATE_DELTAS, _LATE_BALANCE = slice(17, 19), slice(19, 21)
_RESERVATION_ID, _DECIDE_US = 4, 2

_Level = tuple[str, str]


class BrokenHistory(Exception):
    """A stretch is not as it was written, so it is not retired. The text names the row."""


class Step(enum.Enum):
    """What a step came to."""

    MOVED = enum.auto()
    ENDED = enum.auto()
    """A retirement has come to its end."""
    HELD_BACK = enum.auto()
    """Somebody still needs what would go next."""
    NOTHING = enum.auto()
    """No retirement is under way, or somebody else takes its steps."""


@dataclass(slots=True)
class _Fold:
    """What a stretch does to one level."""

    count: int = 0
    deltas: list[int] = field(default_factory=lambda: [0] * 7)
    version: int = 0
    balance: tuple[int, ...] = ()

    def add(self, movement: Sequence[Any]) -> None:
        self.count += 1
        for number, delta in enumerate((*movement[_EARLY_DELTAS], *movement[_LATE_DELTAS])):
            self.deltas[number] += delta
        self.version = movement[_VERSION]
        self.balance = (*movement[_EARLY_BALANCE], *movement[_LATE_BALANCE])


def balance_digest(rows: Sequence[Sequence[Any]]) -> int:
    """Returns the digest of opening balances (sku, location, version, balance...).

    It is a sum, so that rows can be exchanged. As the audit chain does, it shows an altered row to anyone who kept a
    later digest.
    """
    return sum(int.from_bytes(hashlib.sha256(msgpack.packb(list(row))).digest()) for row in rows) % DIGEST_RANGE


def carry_out(settings: Settings, stop: threading.Event) -> None:
    """Takes steps until there is none to take, or until it is stopped.

    Raises BrokenHistory if a stretch cannot be proved, OSError if it cannot be archived, LedgerLost if Postgres breaks
    off.
    """
    arguments = connection_arguments(settings, name=f"retirement-{settings.segment}")
    try:
        with psycopg.connect(**arguments, autocommit=True) as connection:
            check_durability(connection)
            bound_transactions(connection, settings.statement_timeout_seconds)
            retirer = Retirer(connection, settings)
            if retirer.take_lock():
                _take_steps(retirer, settings, stop)
    except psycopg.Error as error:
        raise LedgerLost(str(error)) from error


def _take_steps(retirer: Retirer, settings: Settings, stop: threading.Event) -> None:
    while not stop.is_set():
        began = time.monotonic()
        step = retirer.step()
        if step is Step.ENDED:
            log.info("retirement_ended", segment=settings.segment)
        if step in (Step.HELD_BACK, Step.NOTHING):
            return
        # Decisions get the time in between, and autovacuum as well.
        stop.wait((time.monotonic() - began) * (1 / settings.retirement_share - 1))


class Retirer:
    """Takes the steps of one segment, over one connection in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._segment = settings.segment
        self._sql = load_statements("retirement.sql")

    def take_lock(self) -> bool:
        """Returns whether nobody else takes the steps; it spares two the work, and correctness does not rest on it."""
        row = self._connection.execute(
            "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (RETIREMENT_LOCK_CLASS, self._segment)
        ).fetchone()
        return row is not None and bool(row[0])

    def step(self) -> Step:
        """Takes one step of the retirement that goes farthest."""
        self._run("begin", audit_hash=audit.GENESIS, balance_hash=NO_BALANCES)
        grace_us = int(self._settings.retirement_grace_seconds * 1_000_000)
        number = 0
        try:
            with self._connection.transaction():
                boundary = self._run("lock").fetchone()
                due = self._run("due", grace_us=grace_us).fetchone()
                if boundary is None or due is None:
                    return Step.NOTHING
                number, wanted, archive, archive_bytes = due
                if wanted <= boundary[0]:
                    self._run("end")
                    return Step.ENDED
                bound = self._run("bound", kept=self._settings.min_kept_operations).fetchone()
                until = min(wanted, bound[0]) if bound is not None else 0
                if until <= boundary[0]:
                    return Step.HELD_BACK
                stretch = self._retire(boundary, until)
                if archive:
                    archive_bytes = add_to_archive(Path(archive), archive_bytes, stretch)
                self._count(number, stretch, archive_bytes)
                failpoints.reach("before_retirement_commit")
        except BrokenHistory as error:
            self._run("stop", number=number, reason=str(error))
            raise
        failpoints.reach("after_retirement_commit")
        return Step.MOVED

    def _run(self, statement: str, **parameters: Any) -> psycopg.Cursor[Any]:
        return self._connection.execute(self._sql[statement], {"segment": self._segment, **parameters})

    def _count(self, number: int, stretch: Stretch, archive_bytes: int) -> None:
        self._run(
            "count",
            number=number,
            operations=len(stretch.operations),
            movements=len(stretch.movements),
            reservations=len(stretch.reservations),
            documents=len(stretch.documents),
            archive_bytes=archive_bytes,
        )

    def _retire(self, boundary: Sequence[Any], until: int) -> Stretch:
        after, _, audit_hash, balance_hash, *_ = boundary
        movements, until = self._movements(after, min(until, after + self._settings.max_operations_retired_per_step))
        operations = self._run("operations", after=after, until=until).fetchall()
        self._check_chain(audit_hash, after, until, operations, movements)
        old, new = self._balances(movements)
        stretch = {"after": after, "until": until}
        (oversold,) = self._run("oversold", **stretch).fetchone() or (0,)
        if new:
            columns = {f"c{number}": list(column) for number, column in enumerate(zip(*new, strict=True))}
            self._run("put_opening_balances", **columns)
        rules = self._run("remove_rule_changes", **stretch).fetchall()
        self._run("remove_movements", **stretch)
        self._run("remove_operations", **stretch)
        self._run("remove_entries", **stretch)
        ids = sorted({operation[_RESERVATION_ID] for operation in operations} - {""})
        reservations = [row for (row,) in self._run("remove_reservations", ids=ids, until=until).fetchall()]
        documents = [row for (row,) in self._run("remove_documents", **stretch).fetchall()]
        digest = (int.from_bytes(balance_hash) - balance_digest(old) + balance_digest(new)) % DIGEST_RANGE
        last = operations[-1]
        self._run(
            "move_boundary",
            **stretch,
            decide_us=last[_DECIDE_US],
            audit_hash=last[-1],
            balance_hash=digest.to_bytes(32),
            oversold=oversold,
        )
        return Stretch(
            segment=self._segment,
            after=after,
            until=until,
            audit_hash=audit_hash,
            operations=operations,
            movements=movements,
            rules=rules,
            reservations=reservations,
            documents=documents,
        )

    def _movements(self, after: int, until: int) -> tuple[list[tuple[Any, ...]], int]:
        """Returns the movements of whole operations after a position, bounded, and the position that they go up to."""
        most = self._settings.max_movements_retired_per_step
        found = self._run("movements", after=after, until=until, limit=most + 1).fetchall()
        if len(found) <= most:
            return found, until
        # The last operation may not be whole.
        last = found[-1][0]
        whole = [movement for movement in found if movement[0] < last]
        if whole:
            return whole, last - 1
        return self._run("movements", after=last - 1, until=last, limit=None).fetchall(), last

    def _check_chain(
        self,
        previous: bytes,
        after: int,
        until: int,
        operations: Sequence[Sequence[Any]],
        movements: Sequence[Sequence[Any]],
    ) -> None:
        own = {position: list(rows) for position, rows in groupby(movements, key=itemgetter(0))}
        expected = after
        for *operation, stored in operations:
            expected += 1
            if operation[0] != expected:
                break
            rows = [audit.trimmed_movement(row[1:]) for row in own.pop(expected, [])]
            if audit.digest(previous, audit.trimmed_operation(operation), rows) != stored:
                raise BrokenHistory(f"operation {self._segment}/{expected} is not as it was written")
            previous = stored
        if expected != until or len(operations) != until - after:
            raise BrokenHistory(f"operation {self._segment}/{expected} is missing")
        if own:
            raise BrokenHistory(f"movement {self._segment}/{min(own)} belongs to no operation")

    def _balances(self, movements: Sequence[Sequence[Any]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Returns the opening balances that a stretch replaces, and those that it leads to."""
        folds: dict[_Level, _Fold] = {}
        for movement in movements:
            folds.setdefault((movement[_SKU], movement[_LOCATION]), _Fold()).add(movement)
        old = self._run(
            "opening_balances", skus=[sku for sku, _ in folds], locations=[location for _, location in folds]
        ).fetchall()
        before = {(sku, location): balance for sku, location, *balance in old}
        new = []
        for (sku, location), fold in sorted(folds.items()):
            version, *balance = before.get((sku, location), [0] * 8)
            led_to = tuple(one + delta for one, delta in zip(balance, fold.deltas, strict=True))
            if version + fold.count != fold.version or led_to != fold.balance:
                raise BrokenHistory(f"the movements of {sku} at {location} do not lead to the balance that they tell")
            new.append((sku, location, fold.version, *fold.balance))
        return old, new
