"""What travels to Postgres arrives as it was, and a transaction is committed whole or not at all."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from holdfast_server.ledger import writer
from holdfast_server.ledger.arrays import columns_of
from holdfast_server.ledger.connections import WRITER_PLANS, connect_writer
from holdfast_server.ledger.errors import Disagreement
from holdfast_server.ledger.pipeline import run_transaction
from holdfast_server.ledger.prepared import PreparedStatement, prepare, prepared_statements
from integration.ledger.entries import KIND, SEGMENT, Ledger, entries, operation, receipt, request
from integration.ledger.test_outcomes_and_text import PROSE

VALUES: dict[str, list[Any]] = {
    "text": PROSE,
    "bytea": [b"", bytes(range(256)), b'\\x41,"', b"\x00"],
    "smallint": [0, -1, 2**15 - 1, -(2**15)],
    "integer": [0, -1, 2**31 - 1, -(2**31)],
    "bigint": [0, -1, 2**53, 2**63 - 1, -(2**63)],
    "boolean": [True, False],
}
ADD = prepare("add_sent", "INSERT INTO sent SELECT number FROM rows(number integer) AS c")
REFUSE = prepare("refuse", "SELECT holdfast_expect_rows(1, 2, 'cursor')")


def nothing() -> None:
    """What is done before a commit."""


def run(ledger: Ledger, *steps: tuple[PreparedStatement, Sequence[Sequence[Any]]]) -> None:
    run_transaction(
        ledger.connection,
        [(statement, statement.parameters({}, rows)) for statement, rows in steps],
        before_commit=nothing,
    )


def sent(ledger: Ledger) -> list[int]:
    return [row[0] for row in ledger.query("SELECT number FROM sent ORDER BY number")]


def there_and_back(ledger: Ledger, type_: str, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    ledger.query(f"CREATE TABLE IF NOT EXISTS arrived (number integer, value {type_})")
    ledger.query("DELETE FROM arrived")
    statement = prepare("arrive", f"INSERT INTO arrived SELECT * FROM rows(number integer, value {type_}) AS c")
    run(ledger, (statement, rows))
    return ledger.query("SELECT number, value FROM arrived ORDER BY number")


@pytest.mark.parametrize("type_", VALUES)
@pytest.mark.parametrize("order", [1, -1])
def test_every_type_arrives_as_it_was(ledger: Ledger, type_: str, order: int) -> None:
    rows = list(enumerate(VALUES[type_][::order]))
    assert there_and_back(ledger, type_, rows) == rows


@pytest.mark.parametrize("type_", VALUES)
def test_a_column_of_one_value_arrives_in_every_row(ledger: Ledger, type_: str) -> None:
    for value in VALUES[type_]:
        rows = [(1, value), (2, value)]
        assert there_and_back(ledger, type_, rows) == rows


def test_a_column_that_begins_and_ends_alike_is_not_taken_for_one_value() -> None:
    assert columns_of(["integer", "text"], [(1, "a"), (2, "b"), (3, "a")])[1:] == [b'{"a","b","a"}', None]


def test_what_a_refused_transaction_wrote_is_gone_and_the_next_one_goes_on(ledger: Ledger) -> None:
    ledger.query("CREATE TABLE sent (number integer)")
    with pytest.raises(psycopg.Error) as refusal:
        run(ledger, (ADD, [(1,)]), (REFUSE, ()), (ADD, [(2,)]))
    assert refusal.value.sqlstate == "HF001"
    assert refusal.value.diag.message_detail == "cursor"
    assert sent(ledger) == []
    run(ledger, (ADD, [(3,)]))
    assert sent(ledger) == [3]


def test_a_statement_behind_a_refused_one_is_prepared_when_it_is_next_needed(ledger: Ledger) -> None:
    ledger.query("CREATE TABLE sent (number integer)")
    with pytest.raises(psycopg.Error):
        run(ledger, (REFUSE, ()), (ADD, [(1,)]))
    run(ledger, (ADD, [(2,)]), (ADD, [(3,)]))
    assert sent(ledger) == [2, 3]


def test_a_transaction_that_was_rolled_back_between_them_takes_no_statement_away(ledger: Ledger) -> None:
    ledger.query("CREATE TABLE sent (number integer)")
    with connect_writer(ledger.settings) as connection:
        steps = [(ADD, ADD.parameters({}, [(1,)]))]
        run_transaction(connection, steps, before_commit=nothing)
        for _ in range(20):
            connection.execute("SELECT count(*) FROM sent")
        with connection.transaction() as transaction:
            connection.execute("DELETE FROM sent")
            raise psycopg.Rollback(transaction)
        run_transaction(connection, steps, before_commit=nothing)
    assert sent(ledger) == [1, 1]


def test_a_session_that_has_forgotten_what_it_prepared_counts_as_lost(ledger: Ledger) -> None:
    """That is nothing that the batch could be blamed for."""
    ledger.query("CREATE TABLE sent (number integer)")
    run(ledger, (ADD, [(1,)]))
    ledger.connection.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.OperationalError):
        run(ledger, (ADD, [(2,)]))
    assert ledger.connection.closed


def test_a_commit_that_fails_is_no_commit(ledger: Ledger) -> None:
    ledger.query("CREATE TABLE sent (number integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(ledger, (ADD, [(1,), (1,)]))
    assert sent(ledger) == []
    run(ledger, (ADD, [(2,)]))
    assert sent(ledger) == [2]


def test_a_connection_that_is_lost_before_the_commit_commits_nothing(ledger: Ledger) -> None:
    ledger.query("CREATE TABLE sent (number integer)")
    end = prepare("end_self", "SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(psycopg.OperationalError):
        run(ledger, (ADD, [(1,)]), (end, ()))
    assert ledger.connection.closed
    with psycopg.connect(ledger.settings.postgres_url) as another:
        assert another.execute("SELECT count(*) FROM sent").fetchone() == (0,)


def test_what_is_done_before_the_commit_sees_none(ledger: Ledger) -> None:
    ledger.query("CREATE TABLE sent (number integer)")
    seen: list[object] = []

    def look() -> None:
        with psycopg.connect(ledger.settings.postgres_url) as another:
            seen.append(another.execute("SELECT count(*) FROM sent").fetchone())

    run_transaction(ledger.connection, [(ADD, ADD.parameters({}, [(1,)]))], before_commit=look)
    assert seen == [(0,)]
    assert sent(ledger) == [1]


def test_much_at_once_does_not_block(ledger: Ledger) -> None:
    """More than the buffers between the two hold, in both directions."""
    ledger.query("CREATE TABLE sent (number integer)")
    complain = prepare(
        "complain", "DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE 'nothing new %', i; END LOOP; END $$"
    )
    many = [(number,) for number in range(1_000_000)]
    run(ledger, (complain, ()), (ADD, many), (complain, ()), (ADD, many))
    assert ledger.query("SELECT count(*) FROM sent") == [(2_000_000,)]


@pytest.mark.parametrize("reason", ["a\x00b", "a\udc80b"])
def test_text_that_postgres_cannot_hold_is_a_disagreement(ledger: Ledger, reason: str) -> None:
    batch = ledger.batch(entries([operation(1, KIND["RECEIVE"], [receipt("a", 1)], request=request("r"))]))
    first = list(batch.operations[0])
    first[first.index("test")] = reason
    batch = dataclasses.replace(batch, operations=[tuple(first)])
    with pytest.raises(Disagreement):
        ledger._writer._commit(ledger.connection, batch)
    assert ledger.query("SELECT count(*) FROM operation") == [(0,)]


KEYS = {
    "change_levels": ("segment", "sku", "location"),
    "change_levels_wide": ("segment", "sku", "location"),
    "change_reservations": ("reservation_id",),
    "change_reservation_lines": ("reservation_id", "line_number"),
    "change_documents": ("segment", "kind", "document_id"),
    "use_allotments": ("segment", "kind", "sku", "location", "channel", "name"),
    "remove_rules": ("segment", "kind", "sku", "location", "channel", "name"),
}


def test_these_are_all_statements_that_change_rows() -> None:
    texts = {name: statement.text.decode() for name, statement in prepared_statements("writer.sql").items()}
    changing = {name for name, text in texts.items() if re.search(r"^ *(UPDATE|DELETE)", text, re.MULTILINE)}
    assert changing == {*KEYS, "move_cursor"}


@pytest.mark.parametrize("rows", [0, 3, 20_000])
@pytest.mark.parametrize("name", KEYS)
def test_the_writer_finds_every_row_that_it_changes_by_its_whole_key(ledger: Ledger, name: str, rows: int) -> None:
    """However large a table is that has no statistics yet: the planner must not think of reading all of it.

    Taken out by: `level.segment = %(segment)s` in change_levels.
    """
    ledger.query(
        "INSERT INTO stock_level SELECT %s, number, 'store-1', 1, 0, 0, 0, 0, 0 FROM generate_series(1, %s) AS number",
        SEGMENT,
        rows,
    )
    for setting, value in WRITER_PLANS.items():
        ledger.query(f"SET {setting} = {value}")
    statement = prepared_statements("writer.sql")[name]
    ledger.query(f"PREPARE one AS {statement.text.decode()}")
    nulls = ", ".join(["NULL"] * len(statement.formats))
    plan = "\n".join(row[0] for row in ledger.query(f"EXPLAIN (COSTS off) EXECUTE one ({nulls})"))
    condition = re.search(r"Index Cond: \((.*)\)", plan)
    assert condition is not None, plan
    assert {part.split(" ")[0].strip('("') for part in condition[1].split(" AND ")} == set(KEYS[name]), plan


def test_plans_are_made_anew_every_so_many_commits(ledger: Ledger) -> None:
    """Taken out by: forget_plans left out of LedgerWriter._commit."""
    before = writer._COMMITS_PER_PLAN - 2
    ledger._writer._commits = before
    statement = "SELECT count(*) FROM pg_prepared_statements WHERE name = 'forget_plans'"
    ledger.write([operation(1, KIND["RECEIVE"], [receipt("a", 1)], request=request("r-1"))])
    assert ledger.query(statement) == [(0,)]
    ledger.write([operation(2, KIND["RECEIVE"], [receipt("b", 1)], request=request("r-2"))])
    assert ledger.query(statement) == [(1,)]
    assert not ledger.verdict().findings
