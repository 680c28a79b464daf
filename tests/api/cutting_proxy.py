"""A way to the authority that is cut again and again, at moments that nobody chooses well."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

_PORTION_BYTES = 4096


class CuttingProxy:
    """Passes bytes on, both ways, until it is told to cut what there is."""

    def __init__(self, target: str) -> None:
        self._target = target.rpartition(":")
        self._writers: set[asyncio.StreamWriter] = set()
        self._accepted: set[asyncio.Task[Any]] = set()
        self.connections = 0
        """The connections that were made so far."""
        self.target = ""

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def lead_to(self, target: str) -> None:
        """Passes the connections that are made from now on to another target."""
        self._target = target.rpartition(":")

    def cut(self) -> None:
        """Ends every connection at once, in the middle of whatever is on its way."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def end(self) -> None:
        """Ends every connection, and returns when nothing is left of them."""
        self.cut()
        await asyncio.gather(*self._accepted)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._accepted.add(task)
        task.add_done_callback(self._accepted.discard)
        self.connections += 1
        try:
            there_reader, there_writer = await asyncio.open_connection(self._target[0], int(self._target[2]))
        except ConnectionError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        self._writers -= {writer, there_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while portion := await reader.read(_PORTION_BYTES):
                writer.write(portion)
                await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def cutting_proxy(target: str) -> AsyncIterator[CuttingProxy]:
    """A proxy before the target."""
    proxy = CuttingProxy(target)
    server = await proxy.serve()
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
