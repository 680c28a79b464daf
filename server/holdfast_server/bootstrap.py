"""Finds or starts the servers that the authority stands on, and runs it: in one process, or in several on one port."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final, NoReturn

from holdfast_server import failpoints
from holdfast_server.decide.connections import check_redis
from holdfast_server.embedded.supervisor import Supervisor
from holdfast_server.ledger.connections import check_postgres
from holdfast_server.ledger.migrate import migrate
from holdfast_server.process_keeper import ProcessKeeper
from holdfast_server.serving.host import Host, kept, writer_keepers
from holdfast_server.serving.output import progress, welcome
from holdfast_server.serving.server import Server
from holdfast_server.serving.tasks import check_embedded_for_ever, run_in_loop
from holdfast_server.settings import Settings
from holdfast_server.telemetry import configure_logs, configure_traces

# What a shell calls the end by a signal: this, and the signal's number.
_SIGNALLED: Final = 128


def run(settings: Settings) -> None:
    """Runs the authority until it is told to stop. Raises EmbeddedError, OSError or RuntimeError with one line."""
    configure_logs(settings)
    configure_traces(settings)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    signal.signal(signal.SIGTERM, _end_what_was_started)
    if settings.postgres_url and settings.redis_url:
        _serve(settings, supervisor=None)
        return
    supervisor = Supervisor(
        data_directory=settings.data_directory,
        progress=progress,
        with_postgres=not settings.postgres_url,
        with_valkey=not settings.redis_url,
    )
    with supervisor:
        endpoints = supervisor.start()
        found = settings.model_copy(
            update={
                "postgres_url": settings.postgres_url or endpoints.postgres_url,
                "redis_url": settings.redis_url or endpoints.redis_url,
            }
        )
        _serve(found, supervisor)
    progress("stopped; what was acknowledged is on disk")


def _end_what_was_started(number: int, _: object) -> NoReturn:
    """Leaves as Ctrl-C does, through every `with`, until the loop listens itself: so no bundled server is left."""
    raise SystemExit(_SIGNALLED + number)


def _serve(settings: Settings, supervisor: Supervisor | None) -> None:
    check_postgres(settings)
    check_redis(settings)
    migrate(settings.postgres_url)
    run_in_loop(_run(settings, supervisor))


async def _run(settings: Settings, supervisor: Supervisor | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if settings.processes > 1:
        where = _where(settings, supervisor, [])
        await Host(settings, supervisor).run(stop, lambda port: welcome(f"{settings.host}:{port}", where()))
        return
    writers = writer_keepers(settings)
    where = _where(settings, supervisor, writers)
    beside = [*kept("writer", writers), ("supervisor", check_embedded_for_ever(supervisor))]
    await Server(settings).run(stop, beside, lambda port: welcome(f"{settings.host}:{port}", where()))


def _where(settings: Settings, supervisor: Supervisor | None, writers: list[ProcessKeeper]) -> Callable[[], list[str]]:
    """Returns what says which part of the authority runs where, once it does."""

    def lines() -> list[str]:
        if supervisor is None:
            found = ["Postgres and Redis are your own (HOLDFAST_POSTGRES_URL, HOLDFAST_REDIS_URL)"]
        else:
            found = [f"data is under {settings.data_directory.resolve()}"]
        running = [
            ("PostgreSQL", None if supervisor is None else supervisor.postgres_pid),
            ("Valkey", None if supervisor is None else supervisor.valkey_pid),
            *(("ledger writer", one.pid) for one in writers if supervisor is not None),
            ("gRPC server" if settings.processes == 1 else f"host of {settings.processes} gRPC servers", os.getpid()),
        ]
        return found + [f"{name} runs as process {pid}" for name, pid in running if pid is not None]

    return lines
