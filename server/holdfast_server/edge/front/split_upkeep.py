"""Goes on with demand over several segments that nobody goes on with: whoever did has died, or has given up."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from holdfast_server.decide.answers import SplitMoved
from holdfast_server.edge.front.split_parts import ends_after_us, is_told, parts_of
from holdfast_server.edge.front.split_steps import IN_DOUBT, UPKEEP, PlanGivenUp, SplitSteps
from holdfast_server.edge.requests.mutation import MICROSECONDS
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.splits")

# The place before all others: a time and an id.
_FROM_THE_OLDEST: Final = (0, "")
_AT_A_TIME: Final = 8
_ENDING: Final = (SplitPhase.RELEASING, SplitPhase.EXPIRING)


class SplitUpkeep:
    """Ends what is due and does to the parts what their home has decided. Any number of servers may do so at once."""

    def __init__(self, steps: SplitSteps, settings: Settings, reader: LedgerReader) -> None:
        self._steps = steps
        self._settings = settings
        self._reader = reader

    async def run(self) -> None:
        """Runs until cancelled. No home waits for another one."""
        async with asyncio.TaskGroup() as tasks:
            for home in self._steps.directory.segments:
                tasks.create_task(self._settle_for_ever(home), name=f"splits-{home.segment}")

    async def _settle_for_ever(self, home: SegmentServices) -> None:
        after: tuple[int, str] = _FROM_THE_OLDEST
        while True:
            if after == _FROM_THE_OLDEST:
                await asyncio.sleep(self._settings.expiry_interval_seconds)
            try:
                after = await self.settle_overdue(home, after)
            except Refusal as refusal:
                log.info("splits_wait", segment=home.segment, reason=type(refusal).__name__)
                after = _FROM_THE_OLDEST

    async def settle_overdue(self, home: SegmentServices, after: tuple[int, str] = _FROM_THE_OLDEST) -> tuple[int, str]:
        """Ends what is due, and does to the parts what the home has decided: of those after a place, the oldest first.

        Returns the place to go on from, for what cannot go on now must not keep the others from their turn.
        """
        limit = self._settings.max_splits_per_round
        overdue = await self._reader.ask(
            queries.overdue_splits,
            home.segment,
            plan_us=ends_after_us(self._settings),
            idle_us=int(self._settings.split_idle_seconds * MICROSECONDS),
            after=after,
            limit=limit,
        )
        for start in range(0, len(overdue), _AT_A_TIME):
            await asyncio.gather(*(self._try_one(home, split) for split in overdue[start : start + _AT_A_TIME]))
        if len(overdue) < limit:
            return _FROM_THE_OLDEST
        return overdue[-1].update_us, overdue[-1].document_id

    async def _try_one(self, home: SegmentServices, split: Document) -> None:
        try:
            await self._settle_one(home, split)
        except (SplitMoved, PlanGivenUp) as moved:
            log.info("split_waits", split=split.document_id, reason=type(moved).__name__)
        except Refusal as refusal:
            # What is refused for good is tried again all the same, for the home has decided it: but somebody must look.
            note = log.info if isinstance(refusal, IN_DOUBT) else log.error
            note("split_waits", split=split.document_id, reason=type(refusal).__name__)
        except Exception:
            # Nobody foresaw this one. It is this demand's alone.
            log.exception("split_fault", segment=home.segment, split=split.document_id)

    async def _settle_one(self, home: SegmentServices, split: Document) -> None:
        phase = SplitPhase(split.resolution)
        if phase is SplitPhase.PLANNED:
            await self._end_plan(home, split)
        elif phase is SplitPhase.HELD:
            await self._steps.expire(home, split)
        elif phase is SplitPhase.COMMITTING:
            await self._steps.commit_parts(split, UPKEEP)
            await self._steps.finish(home, split, UPKEEP, SplitPhase.COMMITTED)
        elif phase in _ENDING:
            await self._steps.release_parts(split, UPKEEP)
            end = SplitPhase.RELEASED if phase is SplitPhase.RELEASING else SplitPhase.EXPIRED
            await self._steps.finish(home, split, UPKEEP, end)
        else:
            # No part can be reserved any more, so what is released now stays released.
            await self._steps.release_parts(split, UPKEEP)
            await self._steps.finish(home, split, UPKEEP, SplitPhase.ABORTED, time_us=ends_after_us(self._settings))

    async def _end_plan(self, home: SegmentServices, split: Document) -> None:
        """Ends a plan that nobody has carried out in time.

        No part of what was asked for can be reserved any more, so it is given up. But if its only part is there, that
        is all that was asked for: so the request comes to it, unless it came to something else. And what has been sold
        is booked, however late.
        """
        parts = parts_of(split)
        if len(parts) > 1:
            await self._steps.give_up(home, split, UPKEEP)
            return
        noted = await self._steps.noted(home, split)
        if is_told(noted.request):
            await self._steps.reserve(parts[0], noted.request, noted.caller, split, alone=True)
        elif await self._steps.has_been_given_back(parts[0]) is not False:
            await self._steps.give_up(home, split, UPKEEP)
            return
        await self._steps.settle_found(home, split, noted)
