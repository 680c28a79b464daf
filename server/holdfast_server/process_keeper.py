"""Keeps a process running beside this one: starts it, and starts it again when it dies.

A kept process gets the settings as the first line of its standard input. That pipe stays open for as long as its keeper
lives: when the keeper dies, however it dies, the pipe ends and the process with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from typing import Final

import structlog

from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.keeper")

_FIRST_BACKOFF_SECONDS: Final = 0.1
_MAX_BACKOFF_SECONDS: Final = 1.0
# A process that lived this long was well; its death begins a new count.
_WELL_AFTER_SECONDS: Final = 10.0
_SLACK_SECONDS: Final = 5.0


class ProcessKeeper:
    """Runs one process of a module of this package until stopped.

    `name` is what its events are called by. `hear` is called with every line that the process says on standard output;
    without it, the process shares the output of this one. `grace_seconds` is how long it may take to end when asked.
    """

    def __init__(
        self,
        name: str,
        module: str,
        settings: Settings,
        *,
        hear: Callable[[str], None] | None = None,
        grace_seconds: float = 0.0,
    ) -> None:
        self._name = name
        self._module = module
        self._settings = settings
        self._hear = hear
        self._stop_seconds = grace_seconds + _SLACK_SECONDS
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process; None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Runs until cancelled; the process is stopped then."""
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        try:
            while True:
                started = time.monotonic()
                process = await self._start()
                await self._listen(process)
                code = await process.wait()
                if time.monotonic() - started > _WELL_AFTER_SECONDS:
                    backoff_seconds = _FIRST_BACKOFF_SECONDS
                log.warning(f"{self._name}_died", code=code, restart_in_seconds=backoff_seconds)
                await asyncio.sleep(backoff_seconds)
                backoff_seconds = min(backoff_seconds * 2, _MAX_BACKOFF_SECONDS)
        finally:
            await asyncio.shield(self._stop())

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"holdfast_server.{self._module}",
            stdin=asyncio.subprocess.PIPE,
            stdout=None if self._hear is None else asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
        log.info(f"{self._name}_started", pid=self._process.pid, segment=self._settings.segment)
        return self._process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hands on what the process says, until it ends."""
        if self._hear is None or process.stdout is None:
            return
        # A line beyond the limit of the reader is no line of ours; what follows it is heard again.
        while True:
            with contextlib.suppress(ValueError):
                line = await process.stdout.readline()
                if not line:
                    return
                self._hear(line.decode(errors="replace").rstrip())

    async def _stop(self) -> None:
        """Closes the pipe, which asks the process to end, and ends it if it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(self._stop_seconds):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
