"""A schema of a baseline's own in the authority's Postgres, for the time of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from holdfast_loadtest.processes import ProcessFailedError

if TYPE_CHECKING:
    from psycopg import AsyncConnection


@asynccontextmanager
async def own_schema(postgres_url: str, name: str) -> AsyncIterator[AsyncConnection]:
    """Makes an empty schema, yields a connection that commits each statement, and drops the schema with all in it.

    Raises ProcessFailedError for whatever goes wrong with Postgres.
    """
    from psycopg import AsyncConnection, Error

    drop = f"DROP SCHEMA IF EXISTS {name} CASCADE".encode()
    try:
        async with await AsyncConnection.connect(postgres_url, autocommit=True) as connection:
            await connection.execute(drop)
            await connection.execute(f"CREATE SCHEMA {name}".encode())
            try:
                yield connection
            finally:
                await connection.execute(drop)
    except Error as error:
        raise ProcessFailedError(f"a baseline in Postgres failed: {error}") from error
