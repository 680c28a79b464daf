"""Puts a server process together from its parts, runs it, and takes it apart again."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import structlog

from holdfast_server import demo, failpoints
from holdfast_server.decide.connections import check_redis, decider_connection
from holdfast_server.decide.decider import Decider
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.movement_frames import MovementFrames
from holdfast_server.edge.movement_source import LedgerMovements
from holdfast_server.edge.parked import command_again
from holdfast_server.edge.server import EdgeServer
from holdfast_server.edge.watch_frames import WatchFrames
from holdfast_server.edge.watch_source import AuthoritySource
from holdfast_server.embedded.supervisor import Supervisor
from holdfast_server.ledger.commits import CommitWatch
from holdfast_server.ledger.connections import check_postgres
from holdfast_server.ledger.migrate import migrate
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings
from holdfast_server.telemetry import configure_logs, configure_traces, tune_memory
from holdfast_server.upkeep.expiry import expire_for_ever
from holdfast_server.upkeep.parking import Parking
from holdfast_server.upkeep.retention import forget_for_ever
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.movement_feed import MovementFeed
from holdfast_server.writer_keeper import WriterKeeper

log = structlog.get_logger("holdfast.server")

_CHECK_SECONDS: Final = 0.5
_CANCEL_SECONDS: Final = 3.0
_CANCEL_TRIES: Final = 3
_OPEN_POLL_SECONDS: Final = 0.02
_PROGRESS_SECONDS: Final = 5.0


def progress(line: str) -> None:
    """Prints one line about a long step, for the person who waits for it."""
    print(f"holdfast: {line}", flush=True)  # noqa: T201 - what is printed here is the user's to read


def run(settings: Settings) -> None:
    """Runs a server process until it is told to stop. Raises EmbeddedError, OSError or RuntimeError with one line."""
    configure_logs(settings)
    configure_traces(settings)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
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


def _serve(settings: Settings, supervisor: Supervisor | None) -> None:
    check_postgres(settings)
    check_redis(settings)
    migrate(settings.postgres_url)
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        runner.run(_Server(settings, supervisor).run())


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """Returns a loop of uvloop, which takes a tenth off the CPU of a call; of Python's own on a platform without it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _cancel_all(tasks: list[asyncio.Task[None]]) -> None:
    """Ends tasks. One that loses a cancellation, as a library in between may do, is cancelled again and named."""
    pending = set(tasks)
    for _ in range(_CANCEL_TRIES):
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_SECONDS)
        if not pending:
            return
        for task in pending:
            where = [f"{frame.f_code.co_filename}:{frame.f_lineno}" for frame in task.get_stack(limit=3)]
            log.warning("task_does_not_end", task=task.get_name(), where=where)


class _Server:
    def __init__(self, settings: Settings, supervisor: Supervisor | None) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._reader = LedgerReader(settings, name="reader", threads=settings.reader_threads)
        # What decisions need to read never waits behind what callers read.
        self._engine_reader = LedgerReader(settings, name="engine", threads=settings.engine_threads)
        self._commits = CommitWatch(settings=settings, reader=self._engine_reader)
        self._writer = WriterKeeper(settings)

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        connection = decider_connection(self._settings)
        decider = Decider(
            settings=self._settings, connection=connection, commits=self._commits, reader=self._engine_reader
        )
        refused_again: dict[str, str] = {}
        authority = Authority(
            settings=self._settings, decider=decider, reader=self._reader, refused_again=refused_again
        )
        parking = Parking(
            reader=self._engine_reader,
            decider=decider,
            command_again=functools.partial(command_again, authority),
            refused=refused_again,
            settings=self._settings,
        )
        hub = AvailabilityHub(
            settings=self._settings, source=AuthoritySource(authority), frames=WatchFrames(self._settings.segment)
        )
        feed = MovementFeed(
            settings=self._settings,
            source=LedgerMovements(authority),
            frames=MovementFrames(self._settings.segment),
        )
        self._commits.listeners += [hub.notice, feed.notice]
        edge = EdgeServer(settings=self._settings, authority=authority, commits=self._commits, hub=hub, feed=feed)
        port = await edge.start()
        tune_memory()
        tasks = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in (
                ("writer-keeper", self._writer.run()),
                ("commit-watch", self._commits.run()),
                ("decider", decider.run()),
                ("expiry", expire_for_ever(decider, self._settings)),
                ("parking", parking.run()),
                ("retention", forget_for_ever(self._engine_reader, self._settings)),
                ("watch", hub.run()),
                ("movements", feed.run()),
                ("health", edge.run_health()),
                ("supervisor", self._check_embedded_for_ever()),
            )
        ]
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            welcome = asyncio.create_task(self._welcome(authority, port), name="welcome")
            await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            welcome.cancel()
            for task in tasks:
                if task.done():
                    # None of them ever ends by itself, so this raises what went wrong.
                    await task
        finally:
            await edge.stop()
            stopped.cancel()
            await _cancel_all(tasks)
            await connection.aclose()
            self._reader.close()
            self._engine_reader.close()

    async def _check_embedded_for_ever(self) -> None:
        """Has the bundled servers looked after; without them it only waits."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            if self._supervisor is not None:
                await asyncio.to_thread(self._supervisor.check)

    async def _welcome(self, authority: Authority, port: int) -> None:
        """Says that the server is ready, once it is, with three commands to try."""
        await self._wait_until_open()
        if self._settings.demo:
            await self._load_demo(authority)
        address = f"{self._settings.host}:{port}"
        for line in self._what_runs_where():
            progress(line)
        progress(f"listening on {address}")
        command = Path(sys.executable).parent / "holdfast"
        target = "" if port == Settings.model_fields["port"].default else f" --target {address}"
        progress("try, in another terminal:")
        for words in (
            f"availability LAST-ONE --channel WEB{target}",
            f"reserve LAST-ONE=1 --channel WEB --commit{target}",
            f"verify{target}",
        ):
            progress(f"    {command} {words}")

    async def _load_demo(self, authority: Authority) -> None:
        try:
            if await demo.load_demo(authority):
                progress("loaded a small demo catalogue")
        except Refusal as refusal:
            progress(f"could not load the demo catalogue ({type(refusal).__name__}); the next start tries again")

    def _what_runs_where(self) -> list[str]:
        if self._supervisor is None:
            return ["Postgres and Redis are your own (HOLDFAST_POSTGRES_URL, HOLDFAST_REDIS_URL)"]
        lines = [f"data is under {self._settings.data_directory.resolve()}"]
        for name, pid in (
            ("PostgreSQL", self._supervisor.postgres_pid),
            ("Valkey", self._supervisor.valkey_pid),
            ("ledger writer", self._writer.pid),
            ("gRPC server", os.getpid()),
        ):
            if pid is not None:
                lines.append(f"{name} runs as process {pid}")
        return lines

    async def _wait_until_open(self) -> None:
        told = time.monotonic()
        while self._commits.why_closed() is not None:
            await asyncio.sleep(_OPEN_POLL_SECONDS)
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                progress(f"waiting for the segment to open: {self._commits.why_closed()!r}")
