"""Runs reads of the ledger on a bounded set of threads, so that no RPC ever owns a connection.

A cancelled RPC drops its future; the read ends by itself, or by the statement timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy
import structlog
from sqlalchemy import exc

from holdfast_server.ledger.connections import connection_arguments
from holdfast_server.ledger.migrate import sqlalchemy_url
from holdfast_server.refusals import LedgerUnavailable, Overloaded
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.ledger_reader")

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


class LedgerReader:
    """Answers questions to the ledger; raises LedgerUnavailable if Postgres cannot, Overloaded if too many wait."""

    def __init__(self, settings: Settings, *, name: str, threads: int) -> None:
        self._settings = settings
        self._waiting = 0
        arguments = connection_arguments(settings, name=name)
        del arguments["conninfo"]
        self.engine = sqlalchemy.create_engine(
            sqlalchemy_url(settings.postgres_url),
            connect_args=arguments,
            pool_size=threads,
            max_overflow=0,
            pool_timeout=settings.statement_timeout_seconds,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
        )
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix=f"ledger-{name}")

    async def ask(
        self,
        question: Callable[Concatenate[sqlalchemy.Connection, _Parameters], _Answer],
        /,
        *arguments: _Parameters.args,
        **options: _Parameters.kwargs,
    ) -> _Answer:
        """Runs a question of queries.py and returns its answer."""
        if self._waiting >= self._settings.max_queued_reads:
            raise Overloaded("max_queued_reads", self._settings.max_queued_reads)

        def run() -> _Answer:
            with self.engine.connect() as connection:
                return question(connection, *arguments, **options)

        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, run)
        except (exc.OperationalError, exc.InterfaceError) as error:
            log.warning("ledger_read_failed", question=question.__name__, error=str(error.orig).strip())
            raise LedgerUnavailable(self._settings.segment) from error
        except (exc.TimeoutError, OSError) as error:
            # An OSError is no answer of Postgres: this process has no file descriptor left to ask with, for example.
            log.warning("ledger_read_failed", question=question.__name__, error=str(error))
            raise LedgerUnavailable(self._settings.segment) from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the threads and closes the connections."""
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.engine.dispose()
