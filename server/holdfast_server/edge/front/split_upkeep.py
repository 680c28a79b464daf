"""Goes on with demand over several segments that nobody goes on with: whoever did has died, or has given up."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server.decide.answers import SplitMoved
from holdfast_server.decide.commands import Decision
from holdfast_server.edge.front.split_demand import SplitDemand
from holdfast_server.edge.front.split_steps import UPKEEP, PlanGivenUp, SplitSteps
from holdfast_server.edge.requests.mutation import MICROSECONDS
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.splits")

_ENDING: Final = (SplitPhase.RELEASING, SplitPhase.EXPIRING)


class SplitUpkeep:
    """Ends what is due and does to the parts what their home has decided. Any number of servers may do so at once."""

    def __init__(self, steps: SplitSteps, demand: SplitDemand, settings: Settings, reader: LedgerReader) -> None:
        self._steps = steps
        self._demand = demand
        self._settings = settings
        self._reader = reader

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(self._settings.expiry_interval_seconds)
            for home in self._steps.directory.segments:
                try:
                    await self.settle_overdue(home)
                except Refusal as refusal:
                    log.info("splits_wait", segment=home.segment, reason=type(refusal).__name__)
                except Exception:
                    log.exception("split_fault", segment=home.segment)

    async def settle_overdue(self, home: SegmentServices) -> None:
        """Ends what is due, and does to the parts what the home has decided."""
        overdue = await self._reader.ask(
            queries.overdue_splits,
            home.segment,
            plan_us=int(self._settings.split_plan_seconds * 2 * MICROSECONDS),
            idle_us=int(self._settings.split_idle_seconds * MICROSECONDS),
            limit=self._settings.max_splits_per_round,
        )
        for split in overdue:
            try:
                await self._settle_one(home, split)
            except (Refusal, SplitMoved, PlanGivenUp) as refusal:
                # One that cannot go on now must not keep the others from their turn.
                log.info("split_waits", split=split.document_id, reason=type(refusal).__name__)

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
            await self._steps.finish(home, split, UPKEEP, SplitPhase.ABORTED)

    async def _end_plan(self, home: SegmentServices, split: Document) -> None:
        """Gives up a plan that nobody has carried out in time; demand that was told is carried out."""
        if split.flag:
            await self._carry_out(home, split)
            return
        await self._steps.abort(home, split, UPKEEP)
        await self._steps.release_parts(split, UPKEEP)

    async def _carry_out(self, home: SegmentServices, split: Document) -> None:
        _, outcomes = await self._reader.ask(queries.find_outcomes, home.segment, [split.note])
        if split.note not in outcomes:
            log.error("split_without_request", split=split.document_id)
            return
        asked = pb.CreateReservationRequest.FromString(outcomes[split.note].body)
        await self._demand.drive(home, split, asked, UPKEEP, Decision(position=split.position, replayed=True))
