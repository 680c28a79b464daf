"""Connections to Postgres, set so that a commit is durable and no wait is endless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg

from holdfast_server.settings import Settings

_OLDEST_POSTGRES: Final = 15
# The first that looks at the time of a whole transaction, and so between the messages of a pipeline.
_BOUNDS_TRANSACTIONS: Final = 170_000

# A dead peer is noticed within about ten seconds even when no packet says so.
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": 5,
}
# The same on the side of Postgres: a session whose host vanished without a word ends, with the locks that it holds.
_SERVER_KEEPALIVE: Final = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000"
)


# Every statement of the ledger writer adds rows, or finds each row by its whole primary key. Left to itself the planner
# reads a table that has no statistics yet from end to end, and plans anew for every array.
WRITER_PLANS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


def connection_arguments(settings: Settings, *, name: str, plans: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Returns the arguments of psycopg.connect for a connection of this name; `plans` are settings of the planner."""
    timeout_ms = int(settings.statement_timeout_seconds * 1000)
    bounds = {"synchronous_commit": "on", "statement_timeout": timeout_ms, "lock_timeout": timeout_ms}
    options = " ".join(f"-c {setting}={value}" for setting, value in (bounds | dict(plans or {})).items())
    return {
        **_KEEPALIVE,
        "conninfo": settings.postgres_url,
        "application_name": f"holdfast-{name}",
        "options": f"{options} {_SERVER_KEEPALIVE}",
    }


def connect_writer(settings: Settings) -> psycopg.Connection[Any]:
    """Connects for the transactions of pipeline.py.

    What psycopg prepares by itself is turned off: after a rollback it has the session forget all that is prepared, what
    the pipeline prepared too.
    """
    arguments = connection_arguments(settings, name=f"writer-{settings.segment}", plans=WRITER_PLANS)
    connection: psycopg.Connection[Any] = psycopg.connect(**arguments, autocommit=True, prepare_threshold=None)
    bound_transactions(connection, settings.writer_transaction_seconds)
    return connection


def bound_transactions(connection: psycopg.Connection[Any], seconds: float) -> None:
    """Has Postgres end this session if it stands still in a transaction, so that nobody waits for its locks for longer.

    A process that is stopped, with its machine perhaps, keeps its connection alive for as long as it is stopped. Before
    version 17 Postgres looks only between whole statements, and not within a pipeline.
    """
    names = ["idle_in_transaction_session_timeout"]
    if connection.info.server_version >= _BOUNDS_TRANSACTIONS:
        names.append("transaction_timeout")
    for name in names:
        connection.execute("SELECT set_config(%s, %s, false)", (name, f"{int(seconds * 1000)}ms"))


def check_durability(connection: psycopg.Connection[Any]) -> None:
    """Refuses a server on which a commit is not durable. Raises RuntimeError with one line that says what to change."""
    for setting, bad in (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")):
        row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
        if row is not None and row[0] == bad:
            raise RuntimeError(f"Postgres runs with {setting} = off: an acknowledged order could be lost. Turn it on.")


def check_postgres(settings: Settings) -> None:
    """Looks at Postgres before anything is built on it. Raises RuntimeError with one line that says what to change."""
    try:
        with psycopg.connect(**connection_arguments(settings, name="check")) as connection:
            check_durability(connection)
            if connection.info.server_version < _OLDEST_POSTGRES * 10_000:
                raise RuntimeError(f"Postgres {_OLDEST_POSTGRES} or newer is needed")
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise RuntimeError(f"Postgres does not answer ({reason}): is HOLDFAST_POSTGRES_URL right?") from error
