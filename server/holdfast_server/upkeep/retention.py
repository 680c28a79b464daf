"""Forgets the outcomes of requests that are older than the published retention."""

from __future__ import annotations

import asyncio
import time

import structlog

from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.retention")

# An id is refused by its own time on the segment's clock; its outcome outlives that by a day, whatever the clocks say.
_SLACK_SECONDS = 86_400


async def forget_for_ever(reader: LedgerReader, settings: Settings) -> None:
    """Runs until cancelled, in bounded steps."""
    removed = 0
    while True:
        is_behind = removed == settings.max_outcomes_removed_per_round
        await asyncio.sleep(0 if is_behind else settings.housekeeping_interval_seconds)
        before_us = int((time.time() - settings.request_retention_seconds - _SLACK_SECONDS) * 1_000_000)
        try:
            removed = await reader.ask(
                queries.remove_outcomes_before,
                settings.segment,
                before_us,
                settings.max_outcomes_removed_per_round,
            )
        except Refusal as error:
            log.info("retention_skipped", error=str(error))
            removed = 0
            continue
        if removed:
            log.info("outcomes_forgotten", count=removed)
