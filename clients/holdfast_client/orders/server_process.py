"""A server of one's own for the time of a run: started as a process, asked to end when the run is over.

The client does not import the server. It starts `python -m holdfast_server` and waits for the line in which
the server says where it listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

START_SECONDS = 180.0
"""How long the server may take until it listens. A first start makes a database."""

STOP_SECONDS = 60.0
"""How long the server may take to end when asked; then it is killed."""

OUTPUT_LINES = 40
"""The last lines of the server's output, which are shown if it does not start."""

_OTHER_STORES = frozenset({"HOLDFAST_POSTGRES_URL", "HOLDFAST_REDIS_URL"})

_LISTENING = re.compile(r"\bholdfast: listening on (\S+:[0-9]+)\s*$")


class ServerNotStartedError(Exception):
    """The server ended, or did not say where it listens in time. The message has its last lines."""


def _new_directory() -> Path:
    """Makes a directory that every user can enter: under root the bundled servers run as another one."""
    directory = Path(tempfile.mkdtemp(prefix="holdfast-replay-"))
    directory.chmod(0o755)
    return directory


@asynccontextmanager
async def embedded_server(
    data_directory: Path | None,
    *,
    command: Sequence[str] = (sys.executable, "-m", "holdfast_server"),
    environment: Mapping[str, str] = MappingProxyType({}),
    apart: bool = False,
) -> AsyncIterator[str]:
    """Runs a server and yields its target.

    Without a data directory it gets one that is removed afterwards. `environment` is added to that of this process, and
    may name other stores than those of its own. With `apart` the terminal's Ctrl-C does not reach it: the caller goes
    on to use it after that, and must end the block itself.
    """
    directory = data_directory or _new_directory()
    process = await asyncio.create_subprocess_exec(
        *command,
        "--data-directory",
        str(directory),
        "--port",
        "0",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**_environment(), **environment},
        process_group=0 if apart else None,
    )
    output: deque[str] = deque(maxlen=OUTPUT_LINES)
    target: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(_read_output(process, output, target))
    try:
        yield await _target(process, output, target)
    finally:
        await _stop(process)
        await reading
        if data_directory is None:
            shutil.rmtree(directory, ignore_errors=True)


def _environment() -> dict[str, str]:
    """The environment without what would lead the server to somebody else's stores."""
    kept = {name: value for name, value in os.environ.items() if name not in _OTHER_STORES}
    return {**kept, "PYTHONUNBUFFERED": "1"}


async def _target(process: asyncio.subprocess.Process, output: deque[str], target: asyncio.Future[str]) -> str:
    try:
        return await asyncio.wait_for(target, START_SECONDS)
    except TimeoutError:
        what = f"did not say where it listens within {START_SECONDS:.0f} seconds"
    except EOFError:
        what = f"ended with code {await process.wait()} before it listened"
    raise ServerNotStartedError("\n".join([f"the server {what}; its last lines:", *output]))


async def _read_output(process: asyncio.subprocess.Process, output: deque[str], target: asyncio.Future[str]) -> None:
    """Reads to the end, so that the server never waits for a full pipe."""
    assert process.stdout is not None
    while True:
        try:
            line = (await process.stdout.readline()).decode("utf-8", "replace")
        except ValueError:
            # The line was longer than the stream's buffer, which has dropped it.
            continue
        if not line:
            break
        output.append(line.rstrip())
        listening = _LISTENING.search(line)
        if listening and not target.done():
            target.set_result(listening[1])
    if not target.done():
        target.set_exception(EOFError())
        # Nobody may be waiting any more.
        target.exception()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
