"""A ledger that was written before a migration is read, proved and continued after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

import msgpack
import psycopg
import pytest

from holdfast_server.ledger import audit
from holdfast_server.ledger.migrate import migrate
from holdfast_server.ledger.snapshot import open_snapshot
from holdfast_server.ledger.verify import Verdict
from holdfast_server.records import unpack_reservation, unpack_shortfalls
from integration.ledger.entries import CLOCK_US, KIND, SEGMENT, STATE, Ledger, line, movement, operation, reservation
from support.servers import Servers

_VERSIONS = resources.files("holdfast_server.ledger").joinpath("migrations", "versions")

# What the first form of the ledger held: ten units came in, four were reserved, one hold of two had been given back.
OPERATIONS = [
    (1, KIND["RECEIVE"], CLOCK_US, "in-1", "", "", "", "delivery", "", "wms", "", ""),
    (2, KIND["RESERVE"], CLOCK_US, "order-1", "r-1", "order-1", "web", "", "", "shop", "", ""),
    (3, KIND["RESERVE"], CLOCK_US, "order-2", "r-2", "order-2", "web", "", "", "shop", "", ""),
    (4, KIND["RELEASE"], CLOCK_US, "give-2", "r-2", "order-2", "web", "", "", "shop", "", ""),
    (5, KIND["EXTEND"], CLOCK_US, "more-1", "r-1", "order-1", "web", "", "", "shop", "", ""),
]
MOVEMENTS = {
    1: [(0, KIND["RECEIVE"], 0, "sku-1", "store-1", 10, 0, 0, 0, 0, 1, 10, 0, 0, 0, 0)],
    2: [(0, KIND["RESERVE"], 1, "sku-1", "store-1", 0, 0, 0, 4, 0, 2, 10, 0, 0, 4, 0)],
    3: [(0, KIND["RESERVE"], 1, "sku-1", "store-1", 0, 0, 0, 2, 0, 3, 10, 0, 0, 6, 0)],
    4: [(0, KIND["RELEASE"], 1, "sku-1", "store-1", 0, 0, 0, -2, 0, 4, 10, 0, 0, 4, 0)],
}
STATE_ROWS = f"""
INSERT INTO stock_level VALUES ('{SEGMENT}', 'sku-1', 'store-1', 4, 10, 0, 0, 4, 0);
INSERT INTO reservation VALUES ('{SEGMENT}', 'r-1', 2, 1, 'web', 'order-1', {CLOCK_US}, {CLOCK_US + 1}, {CLOCK_US}, 5);
INSERT INTO reservation VALUES ('{SEGMENT}', 'r-2', 2, 4, 'web', 'order-2', {CLOCK_US}, {CLOCK_US + 1}, {CLOCK_US}, 4);
INSERT INTO reservation_line VALUES ('r-1', 1, 'sku-1', 'store-1', 4, 4, 0, 0, 0);
INSERT INTO reservation_line VALUES ('r-2', 1, 'sku-1', 'store-1', 2, 0, 2, 0, 0);
INSERT INTO item VALUES ('{SEGMENT}', 'sku-1', 'Shirt', 'piece', 0);
"""


def insert(connection: psycopg.Connection[Any], table: str, row: Sequence[object]) -> None:
    places = ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO {table} VALUES ({places})".encode(), row)


def write_as_it_was(postgres_url: str) -> None:
    """Makes the first form of the ledger, and writes to it what its writer wrote."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute(_VERSIONS.joinpath("0001_ledger.sql").read_bytes())
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        digest = audit.GENESIS
        for columns in OPERATIONS:
            movements = MOVEMENTS.get(columns[0], [])
            digest = hashlib.sha256(digest + msgpack.packb((columns, movements))).digest()
            insert(connection, "operation", (SEGMENT, *columns, digest))
            for fields in movements:
                insert(connection, "movement", (SEGMENT, columns[0], *fields))
        for statement in STATE_ROWS.strip().splitlines():
            connection.execute(statement.encode())
        connection.execute(
            "INSERT INTO segment VALUES (%s, gen_random_uuid(), 1, '', 0, 0, 5, %s, %s, %s, now())",
            (SEGMENT, "0" * 40, digest, CLOCK_US),
        )


@pytest.fixture
def upgraded(servers: Servers) -> Iterator[Ledger]:
    """A ledger of the first form, after every migration."""
    postgres_url = servers.new_database("ledger_of_old")
    write_as_it_was(postgres_url)
    migrate(postgres_url)
    ledger = Ledger(postgres_url=postgres_url, redis_url=servers.redis_url)
    yield ledger
    ledger.close()


def test_a_ledger_from_before_the_migration_is_proved_and_continued_after_it(upgraded: Ledger) -> None:
    assert upgraded.verdict() == Verdict()

    with open_snapshot(upgraded.settings) as snapshot:
        ((level,), (kept,), (item,)) = (
            list(snapshot.levels()),
            list(snapshot.live_reservations()),
            list(snapshot.items()),
        )
    assert (level.sellable, level.held, level.backordered, level.in_transit) == (10, 4, 0, 0)
    assert (kept.reservation_id, kept.create_position, kept.told, kept.lines[0].open) == ("r-1", 2, False, 4)
    assert (item.inactive, item.parts) == (False, ())

    give = movement(KIND["RELEASE"], "sku-1", (0, 0, 0, -4, 0), 5, (10, 0, 0, 0, 0), line=1)
    image = reservation(
        "r-1", version=3, state=STATE["RELEASED"], lines=[line("sku-1", 4, open=0, released=4)], position=6
    )
    upgraded.write([operation(6, KIND["RELEASE"], [give], reservation=image)])
    assert upgraded.verdict() == Verdict()
    upgraded.query("UPDATE operation SET document_id = 'forged' WHERE position = 3")
    upgraded.query("UPDATE movement SET in_transit = 1 WHERE position = 4")
    assert {finding.row for finding in upgraded.verdict().findings} == {"operation paper/3", "movement paper/4/0"}


def test_an_answer_that_was_stored_before_the_migration_can_still_be_given_again() -> None:
    image = msgpack.packb(("r-1", 2, 1, "web", "order-1", 5, 6, 7, 8, [("sku-1", "store-1", 4, 1, 2, 0, 1)]))
    known = unpack_reservation(image)
    assert (known.position, known.create_position, known.customer_id, known.told) == (8, 8, "", False)
    assert (known.lines[0].open, known.lines[0].released, known.lines[0].fulfilled) == (1, 2, 1)
    (shortfall,) = unpack_shortfalls(msgpack.packb([("sku-1", "store-1", 4, 3)]))
    assert (shortfall.requested, shortfall.reserved) == (4, 3)
