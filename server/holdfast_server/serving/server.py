"""One server process: one event loop, the parts of every segment, and the gRPC server in front of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from holdfast_server import demo
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.front.services import FrontServices
from holdfast_server.edge.server import EdgeServer
from holdfast_server.edge.services import Services
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.refusals import Refusal
from holdfast_server.serving.output import progress
from holdfast_server.serving.segment_parts import SegmentParts
from holdfast_server.serving.tasks import NamedTask, begin, cancel_all, wait_for
from holdfast_server.settings import Settings
from holdfast_server.telemetry import tune_memory

log = structlog.get_logger("holdfast.server")

Ready = Callable[[int], None]

_OPEN_POLL_SECONDS: Final = 0.02
_PROGRESS_SECONDS: Final = 5.0


class Server:
    """Serves the segments of the settings until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader = LedgerReader(settings, name="reader", threads=settings.reader_threads)
        self._engine_reader = LedgerReader(settings, name="engine", threads=settings.engine_threads)

    async def run(self, stop: asyncio.Event, beside: Sequence[NamedTask], ready: Ready) -> None:
        """Serves until told to stop, with other tasks beside; calls `ready` with the port once every segment is open.

        Raises OSError if the port is taken, and what ended a task that should not end.
        """
        segments = [
            SegmentParts(self._settings.of_segment(name), reader=self._reader, engine_reader=self._engine_reader)
            for name in self._settings.segment_names
        ]
        services = [one.services for one in segments]
        front: Services = services[0]
        between: list[NamedTask] = []
        if len(services) > 1:
            several = FrontServices(services, self._settings, self._reader)
            front = several
            between = [("splits", several.split_upkeep.run())]
        edge = EdgeServer(settings=self._settings, segments=services, front=front)
        port = await edge.start()
        tune_memory()
        parts = [task for one in segments for task in one.tasks()]
        tasks = begin([*beside, *parts, *between, ("health", edge.run_health())])
        stopped = asyncio.create_task(stop.wait(), name="stop")
        welcome = asyncio.create_task(self._when_open(segments, port, ready), name="welcome")
        try:
            await wait_for(stopped, tasks)
        finally:
            welcome.cancel()
            await edge.stop()
            stopped.cancel()
            await cancel_all(tasks)
            for one in segments:
                await one.close()
            self._reader.close()
            self._engine_reader.close()

    async def _when_open(self, segments: Sequence[SegmentParts], port: int, ready: Ready) -> None:
        for one in segments:
            await _wait_until_open(one)
        if self._settings.demo:
            await _load_demo(segments[0].authority)
        ready(port)


async def _wait_until_open(one: SegmentParts) -> None:
    told = time.monotonic()
    while (closed := one.commits.why_closed()) is not None:
        await asyncio.sleep(_OPEN_POLL_SECONDS)
        if time.monotonic() - told > _PROGRESS_SECONDS:
            told = time.monotonic()
            progress(f"waiting for segment {one.settings.segment} to open: {closed!r}")


async def _load_demo(authority: Authority) -> None:
    try:
        if await demo.load_demo(authority):
            progress("loaded a small demo catalogue")
    except Refusal as refusal:
        progress(f"could not load the demo catalogue ({type(refusal).__name__}); the next start tries again")
