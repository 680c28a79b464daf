"""What the ledger says in the end, read from its tables: the other half of the evidence."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psycopg


class Operation(NamedTuple):
    position: int
    request_id: str
    reservation_id: str


class Movement(NamedTuple):
    """What a movement changed. `asked` says that it reserved units for demand that may be refused."""

    position: int
    sku: str
    location: str
    reservation_id: str
    asked: bool
    sellable: int
    held: int
    committed: int
    backordered: int


@dataclass(slots=True)
class Books:
    """One segment of a ledger."""

    operations: list[Operation] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    levels: dict[tuple[str, str], tuple[int, int, int, int]] = field(default_factory=dict)
    """By SKU and location: sellable, held, committed and backordered units."""
    live: dict[tuple[str, str], int] = field(default_factory=dict)
    """By SKU and location: the open units of live reservations."""
    reserved: dict[str, dict[str, int]] = field(default_factory=dict)
    """By reservation and SKU: the units that its lines are of."""
    verdict: str = ""
    """What VerifyLedger found; empty if nothing."""

    @property
    def head(self) -> int:
        return self.operations[-1].position if self.operations else 0

    def save(self, path: Path) -> None:
        rows: dict[str, Any] = {
            "operations": self.operations,
            "movements": self.movements,
            "levels": [[*key, *level] for key, level in self.levels.items()],
            "live": [[*key, units] for key, units in self.live.items()],
            "reserved": self.reserved,
            "verdict": self.verdict,
        }
        path.write_text(json.dumps(rows, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Books:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            operations=[Operation(*row) for row in rows["operations"]],
            movements=[Movement(*row) for row in rows["movements"]],
            levels={(sku, location): tuple(rest) for sku, location, *rest in rows["levels"]},
            live={(sku, location): units for sku, location, units in rows["live"]},
            reserved=rows["reserved"],
            verdict=rows["verdict"],
        )


def read_books(postgres_url: str, segment: str) -> Books:
    """Reads a segment of a ledger that stands still."""
    books = Books()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SET default_transaction_read_only = on")
        for row in connection.execute(
            "SELECT position, request_id, reservation_id FROM operation WHERE segment = %s ORDER BY position",
            (segment,),
        ):
            books.operations.append(Operation(*row))
        for row in connection.execute(
            "SELECT m.position, m.sku, m.location, o.reservation_id,"
            " m.kind IN (1, 17) AND m.held_delta + m.committed_delta > 0 AND coalesce(r.told, 0) = 0,"
            " m.sellable_delta, m.held_delta, m.committed_delta, m.backordered_delta"
            " FROM movement AS m JOIN operation AS o USING (segment, position)"
            " LEFT JOIN reservation AS r USING (reservation_id)"
            " WHERE m.segment = %s ORDER BY m.position, m.line_number",
            (segment,),
        ):
            books.movements.append(Movement(*row))
        for sku, location, *counters in connection.execute(
            "SELECT sku, location, sellable, held, committed, backordered FROM stock_level WHERE segment = %s",
            (segment,),
        ):
            books.levels[sku, location] = tuple(counters)
        for sku, location, units in connection.execute(
            "SELECT l.sku, l.location, sum(l.open)::bigint FROM reservation_line AS l JOIN reservation AS r"
            " USING (reservation_id) WHERE r.segment = %s AND r.state IN (1, 2) GROUP BY 1, 2",
            (segment,),
        ):
            books.live[sku, location] = units
        reserved: dict[str, dict[str, int]] = defaultdict(dict)
        for reservation_id, sku, units in connection.execute(
            "SELECT l.reservation_id, l.sku, sum(l.quantity - l.transferred)::bigint FROM reservation_line AS l"
            " JOIN reservation AS r USING (reservation_id) WHERE r.segment = %s GROUP BY 1, 2",
            (segment,),
        ):
            reserved[reservation_id][sku] = units
        books.reserved = dict(reserved)
    return books
