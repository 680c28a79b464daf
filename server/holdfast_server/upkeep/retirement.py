"""Has old history retired: notes a retirement by age if that is wanted, and starts the process that carries it out."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Final

import structlog

from holdfast_server.ledger import history, retirement
from holdfast_server.ledger.archive import archive_path
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.refusals import HistoryRetired, Refusal
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.retirement")

_STOP_SECONDS: Final = 5.0
_MICROSECONDS: Final = 1_000_000
_DAY_SECONDS: Final = 86_400
_CALLER: Final = "holdfast"


async def retire_for_ever(reader: LedgerReader, settings: Settings) -> None:
    """Runs until cancelled. The work itself is done in another process, so that no decision waits for it."""
    aged_at = float("-inf")
    while True:
        await asyncio.sleep(settings.retirement_interval_seconds)
        try:
            if settings.ledger_retention_days and time.monotonic() - aged_at >= settings.housekeeping_interval_seconds:
                aged_at = time.monotonic()
                await _ask_by_age(reader, settings)
            is_due = await reader.ask(
                retirement.is_due,
                settings.segment,
                kept=settings.min_kept_operations,
                grace_seconds=settings.retirement_grace_seconds,
            )
        except Refusal as error:
            log.info("retirement_skipped", error=str(error))
            continue
        if is_due:
            await _carry_out(settings)


async def _ask_by_age(reader: LedgerReader, settings: Settings) -> None:
    segment = settings.segment
    oldest_us = int((time.time() - settings.ledger_retention_days * _DAY_SECONDS) * _MICROSECONDS)
    retired = await reader.ask(retirement.read_retired, segment)
    newest = await reader.ask(retirement.list_retirements, segment, before=None, limit=1)
    if newest and (not newest[0].end_us or time.time() - newest[0].create_us / _MICROSECONDS < _DAY_SECONDS):
        # One a day is enough; and one that waits for somebody, or was stopped, is not to be followed by others.
        return
    try:
        until = await reader.ask(history.position_at, segment, oldest_us)
    except HistoryRetired:
        return
    bound = await reader.ask(retirement.bound, segment, settings.min_kept_operations)
    until = min(until, bound.position)
    if until <= (retired.position if retired else 0):
        return
    number = await reader.ask(
        retirement.ask_retirement,
        segment,
        until=until,
        caller=_CALLER,
        on_behalf_of="",
        reason=f"older than {settings.ledger_retention_days} days (HOLDFAST_LEDGER_RETENTION_DAYS)",
        archive=archive_path(settings, until),
    )
    log.info("retirement_asked", segment=segment, number=number, until=until)


async def _carry_out(settings: Settings) -> None:
    """Runs the process until it has done what there is to do. It ends with this server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast_server.retirement_process",
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(settings.model_dump_json().encode() + b"\n")
    try:
        code = await process.wait()
        if code:
            log.warning("retirement_broke_off", code=code)
    finally:
        if process.returncode is None:
            process.stdin.close()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
