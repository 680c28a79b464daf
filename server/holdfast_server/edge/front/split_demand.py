"""Creates reservations whose units lie in several segments. What becomes of them after: splits.py."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from typing import Final

from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server import failpoints, records
from holdfast_server.decide.answers import SplitMoved, TooLate
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.split_parts import (
    Part,
    fill_in_whole,
    numbered,
    numbered_id,
    parts_of,
    plan_command,
)
from holdfast_server.edge.front.split_plan import (
    DemandedLine,
    Source,
    SplitPlan,
    Supply,
    plan_as_demanded,
    plan_split,
)
from holdfast_server.edge.front.split_search import SupplySearch
from holdfast_server.edge.front.split_steps import PlanGivenUp, SplitSteps
from holdfast_server.edge.requests import reservations as commands
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger import queries
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document
from holdfast_server.refusals import (
    BacklogFull,
    InsufficientStock,
    LedgerUnavailable,
    LimitExceeded,
    Overloaded,
    Refusal,
    SegmentLoading,
    SegmentQuarantined,
    SegmentStopped,
    SequencerUnavailable,
    SpansSegments,
)
from holdfast_server.settings import Settings

# A part that is refused so may be reserved all the same, or by asking again.
_IN_DOUBT: Final = (
    BacklogFull,
    LedgerUnavailable,
    Overloaded,
    SegmentLoading,
    SegmentQuarantined,
    SegmentStopped,
    SequencerUnavailable,
)


class _PartRefused(PlanGivenUp):
    """A plan was given up for a part; what that was refused with, None if it came too late."""

    def __init__(self, refusal: Refusal | None, segment: str) -> None:
        super().__init__(refusal)
        self.refusal = refusal
        self.segment = segment


class _SettledElsewhere(Exception):
    """All parts of a plan are there: another attempt of the same request was faster."""


class SplitDemand:
    """Creates reservations over several segments: whole in one of them if it can be."""

    def __init__(self, steps: SplitSteps, settings: Settings) -> None:
        self._steps = steps
        self._settings = settings

    async def create(
        self,
        home: SegmentServices,
        request: pb.CreateReservationRequest,
        caller: Caller,
        *,
        home_refusal: InsufficientStock | None = None,
    ) -> pb.CreateReservationResponse:
        """Returns what a demand came to. Raises its refusal, as one segment would.

        A plan that is overtaken by another demand is made anew a few times. So is a demand for which there is too
        little only since others took the units that it was planned with: if they cannot have all of theirs, they give
        them back, and two that took from each other what both wanted must not both go without.
        """
        search = SupplySearch(home_refusal)
        refusal: Refusal = LimitExceeded("max_split_plans_per_request", self._settings.max_split_plans_per_request)
        number = tries = 0
        while number < self._settings.max_split_plans_per_request and tries < self._settings.max_split_plans_per_call:
            asked = numbered(request, number)
            try:
                decision = await self._at_home(home, asked, caller, search)
            except InsufficientStock as short:
                if not search.has_moved:
                    raise
                refusal = short
                tries += 1
                await self._pause()
                continue
            if decision.reservation:
                return home.inventory.created(decision)
            try:
                return await self._drive(home, records.unpack_document(decision.extra), asked, caller, decision)
            except _SettledElsewhere:
                # Asked once more, the home has the answer.
                refusal = SequencerUnavailable(home.segment)
                tries += 1
            except PlanGivenUp as given_up:
                if isinstance(given_up, _PartRefused):
                    refusal = given_up.refusal or refusal
                    learn = search.refused_now if decision.replayed else search.refused_as_planned
                    if not learn(given_up.segment, given_up.refusal):
                        break
                if decision.replayed:
                    number = number + 1 if number else await self._last_number(home, request)
                    continue
                number += 1
                tries += 1
                if tries > 1:
                    await self._pause()
        raise refusal

    async def _last_number(self, home: SegmentServices, request: pb.CreateReservationRequest) -> int:
        """Returns the number of the last attempt of others after the first; so nobody goes through all before it."""
        ids = {
            numbered_id(request.request_id, number): number
            for number in range(1, self._settings.max_split_plans_per_request)
        }
        _, outcomes = await home.authority.reader.ask(queries.find_outcomes, home.segment, list(ids))
        return max((ids[one] for one in outcomes), default=1)

    async def _pause(self) -> None:
        """Lets others finish: those that hold what this one wants, each for another time."""
        await asyncio.sleep(self._settings.split_pause_seconds * random.random())

    async def for_home(
        self, home: SegmentServices, asked: pb.CreateReservationRequest, caller: Caller
    ) -> Command | None:
        """Returns the command that reserves all of a demand out of what the home has; what else it allows comes later.

        None if the home cannot have all of it, or the demand is told of. Raises what is wrong with it.
        """
        if asked.demand == pb.DEMAND_KIND_TOLD:
            return None
        places = (await self._places(asked)).place_of.values()
        if not set(places) <= {home.segment}:
            return None
        return commands.create_reservation(asked, caller, home.authority.settings, only_all=True)

    async def _at_home(
        self,
        home: SegmentServices,
        asked: pb.CreateReservationRequest,
        caller: Caller,
        search: SupplySearch,
    ) -> Decision:
        """Returns what the home decided: a reservation of its own, or a plan. Both are remembered under the same id."""
        told = asked.demand == pb.DEMAND_KIND_TOLD
        supply = await self._places(asked)
        _check_told(asked, supply)
        refusal = search.take_home_refusal()
        if refusal is None and (command := await self.for_home(home, asked, caller)):
            try:
                return await home.authority.decide(command, asked)
            except InsufficientStock as short:
                refusal = short
        search.refused_now(home.segment, refusal)
        supply, silent = await self._supply(asked, supply, caller, search)
        lines = [DemandedLine(line.sku, line.location, line.quantity) for line in asked.lines]
        partial = asked.fill_policy == pb.FILL_POLICY_PARTIAL and not told
        plan = plan_split(lines, supply, allow_split=asked.allow_split, partial=partial)
        is_enough = bool(plan.parts) and (partial or not plan.short)
        if set(supply.place_of.values()) <= {home.segment}:
            # What has been sold is booked in one segment, so that it is booked whole or not at all.
            if not is_enough or set(plan.parts) <= {home.segment} or (told and len(plan.parts) > 1):
                return await self._home_alone(home, asked, caller, plan, silent)
        elif not is_enough:
            if search.has_planned:
                raise silent or InsufficientStock(list(plan.short))
            plan = plan_as_demanded(lines, supply, home.segment)
        search.has_planned = True
        return await home.authority.decide(plan_command(asked, caller, home.segment, plan), asked)

    async def _home_alone(
        self,
        home: SegmentServices,
        asked: pb.CreateReservationRequest,
        caller: Caller,
        plan: SplitPlan,
        silent: Refusal | None,
    ) -> Decision:
        """Has the home decide with all that the request allows; what is short elsewhere too is said of all together.

        A segment that does not answer may have what is short: then nobody knows, and its refusal is given.
        """
        command = commands.create_reservation(asked, caller, home.authority.settings)
        try:
            return await home.authority.decide(command, asked)
        except InsufficientStock as refusal:
            if silent is not None:
                raise silent from refusal
            if not plan.short:
                raise
            raise InsufficientStock(list(plan.short), refusal.offers) from refusal

    async def _places(self, asked: pb.CreateReservationRequest) -> Supply:
        places = await self._steps.directory.places(
            PlacedKind.LOCATION, [line.location for line in asked.lines if line.location]
        )
        sellers = await self._steps.directory.sells_from(asked.channel)
        return Supply(
            sellers=[one.segment for one in sellers],
            units={},
            place_of={location: segment.segment for location, segment in places.items()},
        )

    async def _supply(
        self,
        asked: pb.CreateReservationRequest,
        supply: Supply,
        caller: Caller,
        search: SupplySearch,
    ) -> tuple[Supply, Refusal | None]:
        """Returns the supply with what each segment says that it has for the lines.

        A segment that cannot answer now counts as one that has nothing; its refusal is returned too.
        """
        sources = {
            Source(segment, line.sku, line.location)
            for line in asked.lines
            for segment in ([supply.place_of[line.location]] if line.location else supply.sellers)
        }
        segments = sorted({one.segment for one in sources})
        answers = await asyncio.gather(
            *(self._ask(segment, sources, asked.channel, caller) for segment in segments), return_exceptions=True
        )
        units: dict[Source, int] = {}
        silent: Refusal | None = None
        for name, answer in zip(segments, answers, strict=True):
            if isinstance(answer, _IN_DOUBT):
                silent = answer
            elif isinstance(answer, BaseException):
                raise answer
            else:
                for one in answer.availabilities:
                    units[Source(name, one.sku, one.location)] = one.available_to_sell_quantity
        search.heard(units)
        found = Supply(
            sellers=supply.sellers,
            units=units,
            place_of=supply.place_of,
            was_refused=search.has_planned,
            at_most=search.at_most(),
        )
        return found, silent

    async def _ask(
        self, segment: str, sources: Collection[Source], channel: str, caller: Caller
    ) -> pb.BatchGetAvailabilityResponse:
        """Asks a segment what it has, at a location or for the channel."""
        question = pb.BatchGetAvailabilityRequest()
        for one in sources:
            if one.segment == segment:
                at = {"location": one.location} if one.location else {"channel": channel}
                question.keys.add(sku=one.sku, **at)
        return await self._steps.directory.segment(segment).availability(question, caller)

    async def _drive(
        self,
        home: SegmentServices,
        split: Document,
        asked: pb.CreateReservationRequest,
        caller: Caller,
        decision: Decision,
    ) -> pb.CreateReservationResponse:
        """Carries a plan out, or finds again what it came to. Raises PlanGivenUp if it came to nothing."""
        parts = parts_of(split)
        is_referred = len(parts) == 1
        failpoints.reach("split_planned")
        answers = await asyncio.gather(
            *(self._steps.reserve(part, asked, caller, split, alone=is_referred) for part in parts),
            return_exceptions=True,
        )
        failpoints.reach("split_parts_held")
        refused = [
            (part, answer) for part, answer in zip(parts, answers, strict=True) if not isinstance(answer, Decision)
        ]
        if refused:
            # One that was refused for good ends the plan, whatever is in doubt about another.
            part, error = next((one for one in refused if _is_final(one[1])), refused[0])
            raise await self._give_up(home, split, caller, error, part)
        held = [answer for answer in answers if isinstance(answer, Decision)]
        phase = SplitPhase.REFERRED if is_referred else SplitPhase.HELD
        moved = await self._steps.settle(home, split, caller, phase, ttl_us=commands.ttl_us_of(asked, self._settings))
        failpoints.reach("split_settled")
        if is_referred:
            response = self._steps.directory.segment(parts[0].segment).inventory.created(held[0])
        else:
            response = pb.CreateReservationResponse()
            fill_in_whole(response.reservation, moved, parts, held, home=home.segment)
            conversion.fill_revision(response.revision, home.segment, moved.position)
        response.replayed = decision.replayed
        response.shortfalls.extend(_shortfalls(asked, parts))
        return response

    async def _give_up(
        self, home: SegmentServices, split: Document, caller: Caller, error: BaseException, part: Part
    ) -> BaseException:
        """Ends a plan of which a part was refused, and gives back what the others hold; returns what to raise.

        Of a part that nobody knows about nothing is ended: who asks again, and the upkeep, go on with the plan.
        """
        if not _is_final(error):
            return error
        try:
            await self._steps.abort(home, split, caller)
        except SplitMoved:
            return _SettledElsewhere()
        await self._steps.release_parts(split, caller)
        return _PartRefused(error if isinstance(error, Refusal) else None, part.segment)


def _is_final(error: BaseException | Decision) -> bool:
    """Says whether a part that was refused so was surely not reserved, and will not be by asking again."""
    return isinstance(error, TooLate) or (isinstance(error, Refusal) and not isinstance(error, _IN_DOUBT))


def _check_told(asked: pb.CreateReservationRequest, supply: Supply) -> None:
    """Raises SpansSegments if what has been sold names locations of several segments: none can book it whole."""
    if asked.demand != pb.DEMAND_KIND_TOLD:
        return
    first = ""
    for number, line in enumerate(asked.lines):
        place = supply.place_of.get(line.location, "")
        first = first or place
        if place and place != first:
            raise SpansSegments(f"lines[{number}].location", f"{first},{place}")


def _shortfalls(asked: pb.CreateReservationRequest, parts: list[Part]) -> list[pb.Shortfall]:
    """Returns what a partial demand got too little of."""
    wanted: dict[tuple[str, str], int] = {}
    got: dict[tuple[str, str], int] = {}
    for line in asked.lines:
        wanted[line.sku, line.location] = wanted.get((line.sku, line.location), 0) + line.quantity
    for part in parts:
        for planned in part.lines:
            got[planned.sku, planned.location] = got.get((planned.sku, planned.location), 0) + planned.quantity
    return [
        pb.Shortfall(
            sku=sku, location=location, requested_quantity=units, reserved_quantity=got.get((sku, location), 0)
        )
        for (sku, location), units in wanted.items()
        if got.get((sku, location), 0) < units
    ]
