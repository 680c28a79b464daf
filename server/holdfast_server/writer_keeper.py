"""Keeps a ledger writer running beside a server: starts it, and starts it again when it dies."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import structlog

from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.writer_keeper")

_FIRST_BACKOFF_SECONDS: Final = 0.1
_MAX_BACKOFF_SECONDS: Final = 1.0
# A writer that lived this long was well; its death begins a new count.
_WELL_AFTER_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0


class WriterKeeper:
    """Runs one ledger writer process until stopped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the writer; None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Runs until cancelled; the writer is stopped then."""
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        try:
            while True:
                started = time.monotonic()
                process = await self._start()
                code = await process.wait()
                if time.monotonic() - started > _WELL_AFTER_SECONDS:
                    backoff_seconds = _FIRST_BACKOFF_SECONDS
                log.warning("writer_died", code=code, restart_in_seconds=backoff_seconds)
                await asyncio.sleep(backoff_seconds)
                backoff_seconds = min(backoff_seconds * 2, _MAX_BACKOFF_SECONDS)
        finally:
            await asyncio.shield(self._stop())

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "holdfast_server.writer_process",
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
        log.info("writer_started", pid=self._process.pid)
        return self._process

    async def _stop(self) -> None:
        """Closes the pipe, which asks the writer to end its round, and ends it if it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
