"""Lets parked requests take effect as soon as every item that they name exists.

Any number of servers may do so at once: the request that is asked again has an id of its own, and so takes effect once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from holdfast_server.decide.commands import Command
from holdfast_server.decide.decider import Decider
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.records import ParkedRequest
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.parking")

_MAX_PER_ROUND: Final = 100
_MAX_REMEMBERED_REFUSALS: Final = 10_000


class Parking:
    """Asks parked requests again. One that is refused goes on waiting and is tried again, ever more seldom."""

    def __init__(
        self,
        *,
        reader: LedgerReader,
        decider: Decider,
        command_again: Callable[[ParkedRequest], Awaitable[Command]],
        refused: dict[str, str],
        settings: Settings,
    ) -> None:
        self._reader = reader
        self._decider = decider
        self._command_again = command_again
        self._refused = refused
        self._settings = settings
        # Rounds go through what is ready by id and begin anew at its end, so that what is refused keeps nobody waiting.
        self._after = ""
        # Of what was refused: how long it is left alone before the next try, and until when.
        self._left_alone: dict[str, tuple[float, float]] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(self._settings.expiry_interval_seconds)
            try:
                await self._ask_again()
            except Refusal as refusal:
                log.info("parking_skipped", error=str(refusal))

    async def _ask_again(self) -> None:
        ready = await self._reader.ask(
            queries.ready_parked_requests, self._settings.segment, after=self._after, limit=_MAX_PER_ROUND
        )
        self._after = ready[-1].parked_id if len(ready) == _MAX_PER_ROUND else ""
        for parked in ready:
            _, until = self._left_alone.get(parked.parked_id, (0.0, 0.0))
            if until <= time.monotonic():
                await self._apply(parked)

    async def _apply(self, parked: ParkedRequest) -> None:
        try:
            answer = await self._decider.decide(await self._command_again(parked))
        except Exception as error:
            # A refusal of the request, or a fault that nobody foresaw: neither may keep the others from their turn.
            self._note(parked, error)
        else:
            self._refused.pop(parked.parked_id, None)
            self._left_alone.pop(parked.parked_id, None)
            log.info("parked_applied", parked_id=parked.parked_id, position=answer.position)

    def _note(self, parked: ParkedRequest, error: Exception) -> None:
        """Remembers why a request still waits, logs it if that is news, and leaves the request alone for a while."""
        facts = error.facts() if isinstance(error, Refusal) else {}
        words = " ".join([type(error).__name__, *(f"{name}={value}" for name, value in facts.items())])
        if self._refused.get(parked.parked_id) != words:
            log.warning(
                "parked_refused",
                parked_id=parked.parked_id,
                method=parked.method,
                refusal=words,
                exc_info=None if isinstance(error, Refusal) else error,
            )
        before, _ = self._left_alone.get(parked.parked_id, (0.0, 0.0))
        pause = min(
            max(before * 2, self._settings.expiry_interval_seconds), self._settings.housekeeping_interval_seconds
        )
        for remembered in (self._refused, self._left_alone):
            while len(remembered) >= _MAX_REMEMBERED_REFUSALS:
                del remembered[next(iter(remembered))]
        self._refused[parked.parked_id] = words
        self._left_alone[parked.parked_id] = (pause, time.monotonic() + pause)
