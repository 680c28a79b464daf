"""A host of several server processes on one port, with a ledger writer per segment beside them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Callable, Iterator
from typing import Final

from holdfast_server.embedded.supervisor import Supervisor
from holdfast_server.process_keeper import ProcessKeeper
from holdfast_server.serving.output import progress
from holdfast_server.serving.server_process import READY
from holdfast_server.serving.tasks import NamedTask, begin, cancel_all, check_embedded_for_ever, wait_for
from holdfast_server.settings import Settings

# What a kept process may take to end beyond the grace of its calls.
_END_SECONDS: Final = 10.0


def writer_keepers(settings: Settings) -> list[ProcessKeeper]:
    """Returns what keeps a ledger writer for every segment."""
    return [ProcessKeeper("writer", "writer_process", settings.of_segment(name)) for name in settings.segment_names]


def kept(name: str, keepers: list[ProcessKeeper]) -> list[NamedTask]:
    """Returns the tasks of keepers."""
    return [(f"{name}-{number}", keeper.run()) for number, keeper in enumerate(keepers)]


class Host:
    """Runs the server processes of the settings until told to stop."""

    def __init__(self, settings: Settings, supervisor: Supervisor | None) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._ready: set[int] = set()
        self._all_ready = asyncio.Event()

    async def run(self, stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        """Serves until told to stop; calls `ready` with the port once every process serves.

        Raises OSError if the port is taken.
        """
        with reserved_port(self._settings.host, self._settings.port) as port:
            writers = begin(
                [
                    *kept("writer", writer_keepers(self._settings)),
                    ("supervisor", check_embedded_for_ever(self._supervisor)),
                ]
            )
            servers = begin(kept("server", self._server_keepers(port)))
            stopped = asyncio.create_task(stop.wait(), name="stop")
            welcome = asyncio.create_task(self._when_ready(port, ready), name="welcome")
            try:
                await wait_for(stopped, [*writers, *servers])
            finally:
                welcome.cancel()
                stopped.cancel()
                # Whoever is answered last still waits for a commit, so the writers go after the servers.
                await cancel_all(servers, seconds=self._settings.shutdown_grace_seconds + _END_SECONDS)
                await cancel_all(writers, seconds=_END_SECONDS)

    def _server_keepers(self, port: int) -> list[ProcessKeeper]:
        settings = self._settings.model_copy(update={"port": port})
        # One process loads the demo catalogue; it would be loaded once however many did.
        others = settings.model_copy(update={"demo": False})
        return [
            ProcessKeeper(
                "server",
                "serving.server_process",
                others if number else settings,
                hear=functools.partial(self._hear, number),
                grace_seconds=settings.shutdown_grace_seconds,
            )
            for number in range(settings.processes)
        ]

    def _hear(self, number: int, line: str) -> None:
        """Takes in what a server process says: that it serves, or a line for the person who waits."""
        if line != READY:
            progress(line.removeprefix("holdfast: "))
            return
        self._ready.add(number)
        if len(self._ready) >= self._settings.processes:
            self._all_ready.set()

    async def _when_ready(self, port: int, ready: Callable[[int], None]) -> None:
        await self._all_ready.wait()
        ready(port)


@contextlib.contextmanager
def reserved_port(host: str, port: int) -> Iterator[int]:
    """Keeps a port for the processes of this host and yields it. Raises OSError if somebody else has it.

    Whoever shares a port says so on its socket. So it is looked at first without: a second server that is started by
    mistake must not take half of the calls of the first.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, address = found[0]
    with socket.socket(family, socket.SOCK_STREAM) as alone:
        # Connections of a server that has ended may be in the way for a minute otherwise.
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            alone.bind(address)
        except OSError as error:
            raise OSError(f"cannot listen on {host}:{port}: is another server running there?") from error
        taken = alone.getsockname()
    with socket.socket(family, socket.SOCK_STREAM) as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(taken)
        yield int(taken[1])
