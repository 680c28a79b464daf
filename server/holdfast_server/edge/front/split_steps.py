"""The steps of a demand that lies in several segments: what its home notes, and what is done to its parts.

Each has a request id that follows from the plan, so it may be taken again by anybody, and is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server import failpoints, records
from holdfast_server.decide.answers import SplitMoved
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.split_parts import (
    Part,
    id_in,
    is_told,
    move_command,
    own_id,
    part_command,
    parts_of,
    plan_id,
    request_of_plan,
    ttl_of_part,
)
from holdfast_server.edge.requests import reservations as commands
from holdfast_server.edge.requests.mutation import mutation
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document, DocumentKind, ReservationState
from holdfast_server.refusals import (
    AlreadyCommitted,
    AlreadyReleased,
    BacklogFull,
    DocumentClosed,
    LedgerUnavailable,
    Overloaded,
    Refusal,
    ReservationExpired,
    SegmentLoading,
    SegmentQuarantined,
    SegmentStopped,
    SequencerUnavailable,
    UnknownReservation,
)

log = structlog.get_logger("holdfast.splits")

_ONLY_HELD: Final = True

UPKEEP: Final = Caller(name=records.NOBODY.caller)
"""Who goes on with what nobody else goes on with."""


_GIVEN_BACK: Final = (ReservationState.RELEASED, ReservationState.EXPIRED)
_MAX_PLANS_LOOKED_AT: Final = 8

# What is refused so may have been done all the same, or will be by asking again.
IN_DOUBT: Final = (
    BacklogFull,
    LedgerUnavailable,
    Overloaded,
    SegmentLoading,
    SegmentQuarantined,
    SegmentStopped,
    SequencerUnavailable,
)


class NotedPlan(NamedTuple):
    """The request that a plan answers, and who made it."""

    request: pb.CreateReservationRequest
    caller: Caller


class PlanGivenUp(Exception):
    """A plan came to nothing."""


def is_of_plan(settled: Decision, split: Document) -> bool:
    """Says whether a request came to this plan, by what its home answered to it."""
    return not settled.reservation and records.unpack_document(settled.extra).document_id == split.document_id


class SplitSteps:
    """Takes the steps, through the segments of this server."""

    def __init__(self, directory: Directory, reader: LedgerReader) -> None:
        self.directory = directory
        self._reader = reader

    async def find(self, home: SegmentServices, split_id: str) -> Document:
        """Returns a demand as the ledger has it. Raises UnknownReservation."""
        # Whatever was answered before this call is in the ledger.
        found = await self._reader.ask(queries.find_document, home.segment, DocumentKind.SPLIT, split_id)
        if found is None:
            raise UnknownReservation(split_id)
        return found

    async def reserve(
        self, part: Part, asked: pb.CreateReservationRequest, caller: Caller, split: Document, *, alone: bool
    ) -> Decision:
        """Returns what a segment decided about its part. Raises TooLate, and its refusal."""
        segment = self.directory.segment(part.segment)
        command, request = part_command(part, asked, caller, split, segment.authority.settings, alone=alone)
        return await segment.authority.decide(command, request)

    async def plan_of(self, home: SegmentServices, request: pb.CreateReservationRequest) -> Document | None:
        """Returns a plan that somebody made for this very request and did not carry out, if there is one."""
        plans = await self._reader.ask(
            queries.plans_of_request, home.segment, request.request_id, limit=_MAX_PLANS_LOOKED_AT
        )
        for plan in plans:
            # Another request may have the same id, as long as neither has taken effect.
            if (await self.noted(home, plan)).request == request:
                return plan
        return None

    async def noted(self, home: SegmentServices, split: Document) -> NotedPlan:
        """Returns what a plan was noted with. Raises UnknownReservation if it is older than requests are kept."""
        ids = [plan_id(split.document_id), split.note]
        found = await self._reader.ask(queries.find_requests, home.segment, ids)
        for one in (found[each] for each in ids if each in found):
            caller = Caller(name=one.caller, on_behalf_of=one.on_behalf_of, trace_parent=one.trace_parent)
            return NotedPlan(request_of_plan(split, one.body), caller)
        raise UnknownReservation(split.document_id)

    async def check(self, segment: str, request: pb.CreateReservationRequest, caller: Caller) -> None:
        """Raises what a segment would refuse a demand with, whatever is in stock there."""
        authority = self.directory.segment(segment).authority
        command = commands.create_reservation(request, caller, authority.settings)
        await authority.read(Command(name="check_demand", arguments=command.arguments, line_count=command.line_count))

    async def settle(
        self, home: SegmentServices, split: Document, asked: pb.CreateReservationRequest, caller: Caller
    ) -> Decision:
        """Has the home say that all parts are there: from then on the request has taken effect.

        It is said under the request's own id, of which exactly one plan gets hold: what another one came to before is
        answered again. What has been sold has taken effect with its plan. Raises PlanGivenUp if the plan was given up.
        """
        request = asked
        if is_told(asked):
            request = pb.ExtendReservationRequest(
                request_id=own_id("settle", split.document_id), reservation_id=split.document_id
            )
        phase = SplitPhase.REFERRED if len(parts_of(split)) == 1 else SplitPhase.HELD
        ttl_us = commands.ttl_us_of(asked, home.authority.settings)
        command = move_command(request, caller, split.document_id, phase, time_us=ttl_us)
        try:
            return await home.authority.decide(command, request)
        except (SplitMoved, DocumentClosed):
            await self.release_parts(split, caller)
            raise PlanGivenUp from None
        except IN_DOUBT:
            raise
        except Refusal:
            # The id was taken for something else meanwhile, or is too old.
            await self.give_up(home, split, caller)
            raise

    async def settle_found(self, home: SegmentServices, split: Document, noted: NotedPlan) -> None:
        """Settles a plan whose only part is there. If its request came to something else, it is given up."""
        try:
            settled = await self.settle(home, split, noted.request, noted.caller)
        except IN_DOUBT:
            raise
        except (PlanGivenUp, Refusal):
            # It was given up.
            return
        if not is_of_plan(settled, split):
            await self.give_up(home, split, UPKEEP)

    async def has_been_given_back(self, part: Part) -> bool | None:
        """Says whether a part has been released or has expired, as the ledger has it; None if it was never reserved."""
        found = await self._reader.ask(queries.find_reservation, part.segment, part.reservation_id)
        return None if found is None else found.state in _GIVEN_BACK

    async def give_up(self, home: SegmentServices, split: Document, caller: Caller) -> None:
        """Ends a plan and gives back whatever it holds. Raises SplitMoved if all its parts were there before."""
        await self.abort(home, split, caller)
        await self.release_parts(split, caller)

    async def abort(self, home: SegmentServices, split: Document, caller: Caller) -> None:
        """Has the home give a plan up, if it has not yet. Raises SplitMoved if all its parts were there before."""
        request = pb.ReleaseReservationRequest(
            request_id=own_id("abort", split.document_id), reservation_id=split.document_id
        )
        try:
            await home.authority.decide(move_command(request, caller, split.document_id, SplitPhase.ABORTING), request)
        except DocumentClosed:
            phase = SplitPhase((await self.find(home, split.document_id)).resolution)
            if phase is not SplitPhase.ABORTED:
                raise SplitMoved(phase) from None
        except SplitMoved as moved:
            if moved.phase is not SplitPhase.ABORTING:
                raise
        failpoints.reach("split_aborting")

    async def expire(self, home: SegmentServices, split: Document) -> None:
        """Ends a hold whose time is over. Raises SplitMoved if it is not, or has ended already."""
        request = pb.ReleaseReservationRequest(
            request_id=own_id("expire", split.document_id, at_us=split.expected_us), reservation_id=split.document_id
        )
        command = move_command(request, UPKEEP, split.document_id, SplitPhase.EXPIRING, reason="its time was over")
        decided = records.unpack_document((await home.authority.decide(command, request)).extra)
        failpoints.reach("split_expiring")
        await self.release_parts(decided, UPKEEP, reason="its time was over")
        await self.finish(home, decided, UPKEEP, SplitPhase.EXPIRED)

    async def each(self, split: Document, step: Callable[[Part], Awaitable[Decision]]) -> list[Decision]:
        """Takes a step with all parts at once; raises the first refusal once all have been answered."""
        answers = await asyncio.gather(*(step(part) for part in parts_of(split)), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, Decision)]

    async def commit_parts(self, split: Document, caller: Caller) -> list[Decision]:
        """Commits what was decided to be committed; returns what each part came to."""

        async def commit(part: Part) -> Decision:
            request = pb.CommitReservationRequest(
                request_id=own_id("commit", part.reservation_id, at_us=split.update_us),
                reservation_id=part.reservation_id,
            )
            authority = self.directory.segment(part.segment).authority
            try:
                return await authority.decide(commands.commit_reservation(request, caller), request)
            except (AlreadyCommitted, AlreadyReleased, ReservationExpired) as refusal:
                # Only who knows no other segment can have done that to it.
                log.error("split_part_went_its_own_way", part=part.reservation_id, reason=type(refusal).__name__)
                return Decision(position=0)

        return await self.each(split, commit)

    async def release_parts(self, split: Document, caller: Caller, *, reason: str = "") -> list[Decision]:
        """Gives back whatever the parts hold; returns what each part came to, nothing of one that holds nothing."""

        async def release(part: Part) -> Decision:
            request = pb.ReleaseReservationRequest(
                request_id=own_id("release", part.reservation_id, at_us=split.update_us),
                reservation_id=part.reservation_id,
            )
            command = mutation(
                request,
                caller,
                name="release",
                arguments=(part.reservation_id, [], _ONLY_HELD),
                reservation_id=part.reservation_id,
                reason=reason,
            )
            try:
                return await self.directory.segment(part.segment).authority.decide(command, request)
            except (UnknownReservation, AlreadyReleased, ReservationExpired, AlreadyCommitted):
                # It was never held, or has ended, or somebody has found it and committed it: then it lives on.
                return Decision(position=0)

        return await self.each(split, release)

    async def extend_part(
        self, part: Part, asked: pb.ExtendReservationRequest, caller: Caller, ttl_us: int
    ) -> Decision:
        """Lets a part outlive a hold of so long."""
        request = pb.ExtendReservationRequest(
            request_id=id_in(part.segment, asked.request_id), reservation_id=part.reservation_id
        )
        request.ttl.FromMicroseconds(ttl_of_part(ttl_us))
        authority = self.directory.segment(part.segment).authority
        return await authority.decide(commands.extend_reservation(request, caller), request)

    async def finish(
        self, home: SegmentServices, split: Document, caller: Caller, phase: SplitPhase, *, time_us: int = 0
    ) -> None:
        """Has the home note that the parts have followed."""
        request = pb.ReleaseReservationRequest(
            request_id=own_id("finish", split.document_id, at_us=split.update_us), reservation_id=split.document_id
        )
        command = move_command(request, caller, split.document_id, phase, time_us=time_us)
        try:
            await home.authority.decide(command, request)
        except (SplitMoved, DocumentClosed):
            log.info("split_finished_elsewhere", split=split.document_id)
