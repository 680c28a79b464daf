"""Asks where the ledger of a segment stands: the proof that an answer without an entry is as new as can be.

Every tick of questions and refusals needs one, and in a flash sale nearly everybody is refused. So it has a connection
of its own on the server's loop: a question through the threads of LedgerReader costs seven times as much, and holds the
loop up besides.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import structlog

from holdfast_server.ledger.connections import connection_arguments
from holdfast_server.ledger.statements import load_statements
from holdfast_server.refusals import LedgerUnavailable
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.ledger_cursor")


class LedgerCursor:
    """Reads the cursor of one segment. One at a time may ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._statement = load_statements("segments.sql")["place"]
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def read(self, *, at_least: tuple[int, int]) -> tuple[int, int]:
        """Returns the epoch and the position at which the ledger stands now.

        Raises LedgerUnavailable if it does not say so in time, or stands before where it was seen already: then this is
        a copy that lags behind, or a ledger that has lost something.
        """
        try:
            async with asyncio.timeout(
                min(self._settings.statement_timeout_seconds, self._settings.commit_wait_seconds)
            ):
                row = await self._ask()
            if row is None or (row[0], row[1]) < at_least:
                raise psycopg.OperationalError(f"it stands at {row}, and stood at {at_least}")
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning(
                "cursor_not_read", segment=self._settings.segment, error=f"{type(error).__name__}: {error}".strip()
            )
            await self.close()
            raise LedgerUnavailable(self._settings.segment) from error
        epoch, position, _, _ = row
        return epoch, position

    async def _ask(self) -> tuple[Any, ...] | None:
        if self._connection is not None:
            try:
                return await self._ask_over(self._connection)
            except psycopg.OperationalError:
                # It may have ended while nobody asked, and Postgres be well.
                await self.close()
        arguments = connection_arguments(self._settings, name=f"cursor-{self._settings.segment}")
        # A standby may not have heard of the newest commits.
        self._connection = await psycopg.AsyncConnection.connect(
            **arguments, target_session_attrs="primary", autocommit=True
        )
        return await self._ask_over(self._connection)

    async def _ask_over(self, connection: psycopg.AsyncConnection[Any]) -> tuple[Any, ...] | None:
        asked = await connection.execute(self._statement, {"segment": self._settings.segment}, prepare=True)
        return await asked.fetchone()

    async def close(self) -> None:
        """Closes the connection; the next question makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
