"""A way between two parts that can be closed, cut, half-opened, made slow, or led elsewhere: a TCP proxy.

Runs in the event loop of the test, so what it does happens exactly when the test says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit, urlunsplit

_PORTION_BYTES = 64 * 1024
_SLOW_BYTES = 512


class Mode(enum.Enum):
    """What the gate does with what comes."""

    OPEN = "passes everything on"
    HELD = "takes everything and passes nothing on, both ways: a cable that was pulled out"
    DEAF = "passes on what is asked, and nothing of what is answered: half open"
    SLOW = "passes on a little at a time"
    CLOSED = "takes no connection"


class Gate:
    """Stands before a target. Every connection is passed on as the mode says at that moment."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self.mode = Mode.OPEN
        self.port = 0
        self.seen: Callable[[bytes], None] = lambda _: None
        """Is shown whatever is asked, before it is passed on."""

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def open(self) -> Gate:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def url(self, url: str) -> str:
        """Returns a URL of the target as one that leads through the gate."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}"))

    def set(self, mode: Mode) -> None:
        """Changes what is done with all that comes from now on, on connections that exist too."""
        self.mode = mode
        self._changed.set()
        self._changed = asyncio.Event()

    def lead_to(self, host: str, port: int) -> None:
        """Leads new connections elsewhere, and cuts those that exist."""
        self._target = (host, port)
        self.cut()

    def cut(self) -> None:
        """Ends every connection at once, in the middle of whatever is on its way."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.set(Mode.OPEN)
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode is Mode.CLOSED:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(there_writer)
        try:
            await asyncio.gather(
                self._pass(reader, there_writer, is_asked=True), self._pass(there_reader, writer, is_asked=False)
            )
        finally:
            writer.transport.abort()
            there_writer.transport.abort()
            self._writers -= {writer, there_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_asked: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while portion := await reader.read(_SLOW_BYTES if self.mode is Mode.SLOW else _PORTION_BYTES):
                if is_asked:
                    self.seen(portion)
                while self.mode is Mode.HELD or (self.mode is Mode.DEAF and not is_asked):
                    await self._changed.wait()
                if self.mode is Mode.SLOW:
                    await asyncio.sleep(0.01)
                writer.write(portion)
                await writer.drain()
        writer.transport.abort()


class Gates(Gate):
    """Several gates that do the same, each before a target of its own, as before the nodes of a cluster."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        super().__init__("127.0.0.1", 9)
        self._gates = gates

    async def open(self) -> Gates:
        for gate in self._gates:
            await gate.open()
        return self

    @property
    def ports(self) -> list[int]:
        return [gate.port for gate in self._gates]

    def set(self, mode: Mode) -> None:
        super().set(mode)
        for gate in self._gates:
            gate.set(mode)

    def cut(self) -> None:
        for gate in self._gates:
            gate.cut()

    async def close(self) -> None:
        for gate in self._gates:
            await gate.close()


async def gate_before(url: str) -> Gate:
    """Opens a gate before the server of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return await Gate(parts.hostname, parts.port).open()
