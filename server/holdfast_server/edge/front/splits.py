"""Demand that lies in several segments: decided at its home, done to its parts after.

The home notes a plan before any other segment is asked (presumed abort). Each part is held in its segment; once all
are, the home says HELD, under the id of the request, and only then is the demand answered. A part that is refused ends
the plan. Later steps go the same way: the home decides, of which exactly one wins, and the parts follow. Every step has
an id that follows from the plan, so whoever goes on with it, a caller that asks again or the upkeep of any server, does
nothing twice. What the home decided can always be done to the parts: they do not expire by themselves meanwhile.

Promises: AllOrNothing, Once, NoUndersell.
"""

from __future__ import annotations

from typing import Any

from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import reservation_pb2

from holdfast_server import failpoints, records
from holdfast_server.decide.answers import SplitMoved, time_text, why_not_live
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.split_parts import (
    as_one,
    fill_in_whole,
    is_only_part,
    is_part,
    move_command,
    parts_of,
    split_ids_of,
    state_of,
)
from holdfast_server.edge.front.split_steps import UPKEEP, SplitSteps
from holdfast_server.edge.requests.mutation import microseconds_of
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger import queries
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document
from holdfast_server.refusals import (
    AlreadyCommitted,
    AlreadyReleased,
    DocumentClosed,
    Refusal,
    ReservationExpired,
    SpansSegments,
    UnknownDocument,
    UnknownReservation,
)


class Splits:
    """Commits, extends, releases and shows reservations whose units lie in several segments."""

    def __init__(self, steps: SplitSteps, reader: LedgerReader) -> None:
        self._steps = steps
        self._reader = reader

    async def commit(
        self, home: SegmentServices, request: pb.CommitReservationRequest, caller: Caller
    ) -> pb.CommitReservationResponse:
        """Commits all parts. Raises what a commit of one reservation would."""
        command = move_command(request, caller, request.reservation_id, SplitPhase.COMMITTING)
        decision = await self._decided(home, command, request, request.reservation_id)
        split = records.unpack_document(decision.extra)
        failpoints.reach("split_committing")
        held = await self._steps.commit_parts(split, caller)
        await self._steps.finish(home, split, caller, SplitPhase.COMMITTED)
        response = pb.CommitReservationResponse(replayed=decision.replayed)
        fill_in_whole(response.reservation, split, parts_of(split), held, home=home.segment, phase=SplitPhase.COMMITTED)
        conversion.fill_revision(response.revision, home.segment, decision.position)
        return response

    async def release(
        self, home: SegmentServices, request: pb.ReleaseReservationRequest, caller: Caller
    ) -> pb.ReleaseReservationResponse:
        """Releases all parts of a hold. What is committed, or only some lines, is released part by part."""
        if request.lines:
            split = await self._steps.find(home, request.reservation_id)
            raise SpansSegments("lines", ",".join(part.segment for part in parts_of(split)))
        command = move_command(request, caller, request.reservation_id, SplitPhase.RELEASING, reason=request.reason)
        try:
            decision = await self._decided(home, command, request, request.reservation_id)
        except AlreadyCommitted:
            # Its parts live on by themselves.
            split = await self._steps.find(home, request.reservation_id)
            raise SpansSegments("reservation_id", ",".join(part.segment for part in parts_of(split))) from None
        split = records.unpack_document(decision.extra)
        failpoints.reach("split_releasing")
        given_back = await self._steps.release_parts(split, caller, reason=request.reason)
        await self._steps.finish(home, split, caller, SplitPhase.RELEASED)
        response = pb.ReleaseReservationResponse(replayed=decision.replayed)
        fill_in_whole(
            response.reservation, split, parts_of(split), given_back, home=home.segment, phase=SplitPhase.RELEASED
        )
        conversion.fill_revision(response.revision, home.segment, decision.position)
        return response

    async def extend(
        self, home: SegmentServices, request: pb.ExtendReservationRequest, caller: Caller
    ) -> pb.ExtendReservationResponse:
        """Gives a hold more time: first its parts, which must outlive it."""
        split = await self._steps.find(home, request.reservation_id)
        ttl_us = microseconds_of(request.ttl)
        held = await self._steps.each(split, lambda part: self._steps.extend_part(part, request, caller, ttl_us))
        command = move_command(request, caller, request.reservation_id, SplitPhase.HELD, time_us=ttl_us)
        decision = await self._decided(home, command, request, request.reservation_id)
        moved = records.unpack_document(decision.extra)
        response = pb.ExtendReservationResponse(replayed=decision.replayed)
        fill_in_whole(response.reservation, moved, parts_of(moved), held, home=home.segment)
        conversion.fill_revision(response.revision, home.segment, decision.position)
        return response

    async def show(self, home: SegmentServices, reservation_id: str) -> reservation_pb2.Reservation:
        """Returns a reservation as the ledger has it."""
        split = await self._steps.find(home, reservation_id)
        parts = {}
        for part in parts_of(split):
            found = await self._reader.ask(queries.find_reservation, part.segment, part.reservation_id)
            if found is None:
                # It was never held, or its history was retired: there is nothing to show either way.
                raise UnknownReservation(reservation_id)
            parts[part.reservation_id] = conversion.reservation(part.segment, found)
        state = state_of(SplitPhase(split.resolution), list(parts.values()))
        if state is None:
            raise UnknownReservation(reservation_id)
        return as_one(split, parts, state, home=home.segment)

    async def _decided(self, home: SegmentServices, command: Command, request: Any, split_id: str) -> Decision:
        """Has the home move a demand on; raises what stands in the way as if it were one reservation."""
        try:
            return await home.authority.decide(command, request)
        except (SplitMoved, DocumentClosed, UnknownDocument) as error:
            split = await self._steps.find(home, split_id)
            phase = error.phase if isinstance(error, SplitMoved) else SplitPhase(split.resolution)
            if phase is SplitPhase.EXPIRING and split.resolution == SplitPhase.HELD:
                await self._steps.expire(home, split)
            raise self._why_not(split, phase) from None

    def _why_not(self, split: Document, phase: SplitPhase) -> Refusal:
        state = state_of(phase, [])
        when = time_text(split.update_us)
        name = split.document_id
        if state is None:
            return why_not_live(name, None)
        if phase in (SplitPhase.EXPIRING, SplitPhase.EXPIRED):
            return ReservationExpired(name, "EXPIRED", when)
        if phase in (SplitPhase.RELEASING, SplitPhase.RELEASED):
            return AlreadyReleased(name, "RELEASED", when)
        return AlreadyCommitted(name, "COMMITTED", when)

    async def check_part(self, reservation_id: str) -> None:
        """Raises SpansSegments if a reservation is a part of one that must be taken on as a whole."""
        if is_part(reservation_id):
            split = await self._split_of(reservation_id)
            if split is not None and SplitPhase(split.resolution) < SplitPhase.COMMITTED:
                raise SpansSegments("reservation_id", ",".join(part.segment for part in parts_of(split)))

    async def before_commit(self, reservation_id: str) -> None:
        """Raises as check_part does, and sees to it that what is committed is what its request comes to.

        Who lists reservations may find the only part of a plan that broke off. Then either the request comes to that
        now, or it has come to something else, and this one holds nothing any more.
        """
        if not is_only_part(reservation_id):
            await self.check_part(reservation_id)
            return
        split = await self._split_of(reservation_id)
        if split is None:
            return
        phase = SplitPhase(split.resolution)
        if phase not in (SplitPhase.PLANNED, SplitPhase.ABORTING, SplitPhase.ABORTED):
            return
        given_back = await self._steps.has_been_given_back(parts_of(split)[0])
        if given_back is None:
            raise UnknownReservation(reservation_id)
        if given_back:
            # Its segment says so.
            return
        if phase is SplitPhase.PLANNED:
            home = self._steps.directory.of_reservation(split.document_id)
            await self._steps.settle_found(home, split, await self._steps.noted(home, split))
        else:
            await self._steps.release_parts(split, UPKEEP)

    async def _split_of(self, reservation_id: str) -> Document | None:
        """Returns the demand of which a reservation is a part, whoever is its home."""
        ids = split_ids_of(self._steps.directory.names, reservation_id)
        split = await self._reader.ask(queries.find_split, self._steps.directory.names, ids)
        if split is None or reservation_id not in (part.reservation_id for part in parts_of(split)):
            return None
        return split
