"""Connections to Postgres, set so that a commit is durable and no wait is endless."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from holdfast_server.settings import Settings

# A dead peer is noticed within about ten seconds even when no packet says so.
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": 5,
}


def connection_arguments(settings: Settings, *, name: str) -> dict[str, Any]:
    """Returns the arguments of psycopg.connect for a connection of this name."""
    timeout_ms = int(settings.statement_timeout_seconds * 1000)
    options = f"-c synchronous_commit=on -c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}"
    return {
        **_KEEPALIVE,
        "conninfo": settings.postgres_url,
        "application_name": f"holdfast-{name}",
        "options": options,
    }


def check_durability(connection: psycopg.Connection[Any]) -> None:
    """Refuses a server on which a commit is not durable. Raises RuntimeError with one line that says what to change."""
    for setting, bad in (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")):
        row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
        if row is not None and row[0] == bad:
            raise RuntimeError(f"Postgres runs with {setting} = off: an acknowledged order could be lost. Turn it on.")
