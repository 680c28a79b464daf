"""A server process among several of a host.

It is started by the host (host.py), which keeps its pipe open, and shares the host's port with its like. What it says
on standard output is for the host to hear.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Final

# The host's other processes are started by forks while gRPC runs here; see __main__.py.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from holdfast_server import failpoints
from holdfast_server.serving.server import Server
from holdfast_server.serving.tasks import run_in_loop
from holdfast_server.settings import Settings
from holdfast_server.telemetry import configure_logs, configure_traces

READY: Final = "ready"


def main() -> None:
    settings = Settings.model_validate_json(sys.stdin.readline())
    configure_logs(settings)
    configure_traces(settings)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    run_in_loop(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await _stop_with_host(stop)
    await Server(settings).run(stop, [], lambda _: print(READY, flush=True))  # noqa: T201 - the host listens


async def _stop_with_host(stop: asyncio.Event) -> None:
    """Sets the event when the host's pipe ends."""

    class _Pipe(asyncio.Protocol):
        def connection_lost(self, _: Exception | None) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(_Pipe, sys.stdin)


if __name__ == "__main__":
    main()
