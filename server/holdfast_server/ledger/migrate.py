"""Brings a database to the newest form of the ledger."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

# Any number will do; it keeps two servers that start together from migrating at once.
_MIGRATION_LOCK = 4_701_205_001


def sqlalchemy_url(postgres_url: str) -> str:
    """Returns the URL that makes SQLAlchemy use psycopg, from one that libpq understands."""
    for scheme in ("postgresql://", "postgres://"):
        if postgres_url.startswith(scheme):
            return "postgresql+psycopg://" + postgres_url.removeprefix(scheme)
    return postgres_url


def migrate(postgres_url: str) -> None:
    """Runs every migration that the database lacks. Safe to run from several processes at once.

    A crash half-way leaves the database at one of the migrations: each runs in its own transaction.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = sqlalchemy.create_engine(sqlalchemy_url(postgres_url), poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
    engine.dispose()
