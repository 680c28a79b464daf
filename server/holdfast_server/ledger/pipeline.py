"""One transaction in one round trip: prepared statements of the ledger writer, sent together with their commit.

It speaks to libpq directly. What psycopg's cursors do around each statement cost the writer more than the statements.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq

from holdfast_server.ledger.arrays import Parameter
from holdfast_server.ledger.prepared import PreparedStatement

Step = tuple[PreparedStatement, Sequence[Parameter]]

# Of one command at most so many answers mean nothing before the connection counts as lost.
_MAX_EMPTY_ANSWERS: Final = 3

# What each connection is known to have prepared.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


def run_transaction(
    connection: psycopg.Connection[Any], steps: Sequence[Step], *, before_commit: Callable[[], None]
) -> None:
    """Runs statements as one transaction over a connection in autocommit mode, and commits it.

    What is sent before one sync is one transaction of Postgres, without a BEGIN and a COMMIT: they would be two more
    statements. Postgres bounds how long it takes (statement_timeout, transaction_timeout), and keepalives how long a
    dead peer is waited for.

    Raises what psycopg raises. The connection is closed unless it was Postgres that refused a statement.
    """
    pgconn = connection.pgconn
    known = _prepared.setdefault(connection, set())
    try:
        pgconn.enter_pipeline_mode()
        prepares = _send(pgconn, steps, known)
        _flush(pgconn)
        before_commit()
        pgconn.pipeline_sync()
        _flush(pgconn)
        refusal = _receive(pgconn, prepares, known)
        pgconn.exit_pipeline_mode()
    except BaseException:
        connection.close()
        raise
    if isinstance(refusal, psycopg.errors.InvalidSqlStatementName):
        # Somebody had the session forget it, or handed on another one.
        connection.close()
        raise psycopg.OperationalError(str(refusal)) from refusal
    if refusal is not None:
        raise refusal


def _send(pgconn: pq.abc.PGconn, steps: Sequence[Step], known: set[bytes]) -> list[bytes]:
    """Sends statements. Returns what each command prepares: a name, or nothing if it runs a statement."""
    prepares = []
    for statement, parameters in steps:
        name = statement.name
        if name not in known and name not in prepares:
            pgconn.send_prepare(name, statement.text)
            prepares.append(name)
        pgconn.send_query_prepared(name, parameters, param_formats=statement.formats)
        prepares.append(b"")
    return prepares


def _flush(pgconn: pq.abc.PGconn) -> None:
    while pgconn.flush():
        # Postgres may wait for its answers to be read before it reads on.
        if _wait(pgconn, select.POLLIN | select.POLLOUT) & select.POLLIN:
            pgconn.consume_input()


def _wait(pgconn: pq.abc.PGconn, events: int) -> int:
    poll = select.poll()
    poll.register(pgconn.socket, events)
    return poll.poll()[0][1]


def _receive(pgconn: pq.abc.PGconn, prepares: Sequence[bytes], known: set[bytes]) -> psycopg.Error | None:
    """Takes the answers up to that of the sync. Returns the first refusal, with which the transaction ended."""
    refusal: psycopg.Error | None = None
    for name in prepares:
        while (result := _next(pgconn)) is not None:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                refusal = refusal or psycopg.errors.error_from_result(result)
            elif name and result.status == pq.ExecStatus.COMMAND_OK:
                known.add(name)
    empty = 0
    # A commit that fails is an error before the answer to the sync.
    while (result := _next(pgconn)) is None or result.status != pq.ExecStatus.PIPELINE_SYNC:
        empty += result is None
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            refusal = refusal or psycopg.errors.error_from_result(result)
        if pgconn.status != pq.ConnStatus.OK or empty > _MAX_EMPTY_ANSWERS:
            raise refusal or psycopg.OperationalError("the connection was lost before the commit was answered")
    return refusal


def _next(pgconn: pq.abc.PGconn) -> pq.abc.PGresult | None:
    while pgconn.is_busy():
        _wait(pgconn, select.POLLIN)
        pgconn.consume_input()
    return pgconn.get_result()
