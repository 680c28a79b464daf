"""Creates reservations whose units lie in several segments. What becomes of them after: splits.py."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server import failpoints, records
from holdfast_server.decide.answers import SplitMoved, TooLate
from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge import conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.split_parts import (
    Part,
    fill_in_whole,
    is_told,
    parts_of,
    plan_command,
    probe_command,
)
from holdfast_server.edge.front.split_plan import DemandedLine, Source, SplitPlan, Supply, plan_split
from holdfast_server.edge.front.split_search import SupplySearch
from holdfast_server.edge.front.split_steps import IN_DOUBT, PlanGivenUp, SplitSteps, is_of_plan
from holdfast_server.edge.requests import reservations as commands
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.phases import SplitPhase
from holdfast_server.records import Document
from holdfast_server.refusals import (
    InsufficientStock,
    LocationNotInPool,
    Refusal,
    SequencerUnavailable,
    SpansSegments,
    UnknownDocument,
)
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.splits")


class _PartsRefused(PlanGivenUp):
    """A plan was given up for some of its parts: what each was refused with."""

    def __init__(self, refusals: Sequence[tuple[str, BaseException]]) -> None:
        super().__init__(refusals)
        self.too_few = [(segment, one) for segment, one in refusals if isinstance(one, InsufficientStock)]
        self.for_good = next(
            (one for _, one in refusals if isinstance(one, Refusal) and not isinstance(one, InsufficientStock)), None
        )
        """A refusal that another plan would meet too."""

        self.too_late = [segment for segment, one in refusals if isinstance(one, TooLate)]
        """Segments whose clocks say that the plan is too old."""


class _SettledElsewhere(Exception):
    """All parts of a plan are there: another attempt of the same request was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """A request, who asks, and where it may be filled from."""

    home: SegmentServices
    request: pb.CreateReservationRequest
    caller: Caller
    sellers: list[str]
    place_of: dict[str, str]

    @property
    def may_be_of_home_alone(self) -> bool:
        return set(self.place_of.values()) <= {self.home.segment}

    @property
    def is_partial(self) -> bool:
        return self.request.fill_policy == pb.FILL_POLICY_PARTIAL and not is_told(self.request)

    @property
    def lines(self) -> list[DemandedLine]:
        return [DemandedLine(line.sku, line.location, line.quantity) for line in self.request.lines]


class SplitDemand:
    """Creates reservations over several segments: whole in one of them if it can be.

    A request takes effect at its home, once: as a reservation there, or when all parts of a plan are there.
    """

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

        `home_refusal` is what the home said already when it was asked for all of it, if it was.
        """
        demand = await self._demand(home, request, caller)
        if home_refusal is None:
            try:
                said = await self._ask_home(demand)
            except IN_DOUBT:
                raise
            except Refusal as refusal:
                return await self._begun_before(demand, refusal)
            if isinstance(said, Decision):
                return await self._answered(demand, said)
            home_refusal = said
        if is_told(request):
            return await self._book(demand)
        search = SupplySearch()
        if home_refusal is not None:
            search.refused(home.segment, home_refusal)
        return await self._find_units(demand, search)

    async def for_home(
        self, home: SegmentServices, request: pb.CreateReservationRequest, caller: Caller
    ) -> Command | None:
        """Returns the command that reserves all of a demand out of what the home has; what else it allows comes later.

        None if the home cannot have all of it, or the demand is told of. Raises what is wrong with it.
        """
        return _for_home(await self._demand(home, request, caller))

    async def _demand(self, home: SegmentServices, request: pb.CreateReservationRequest, caller: Caller) -> _Demand:
        named = [line.location for line in request.lines if line.location]
        places = await self._steps.directory.places(PlacedKind.LOCATION, named)
        sellers = await self._steps.directory.sells_from(request.channel)
        demand = _Demand(
            home=home,
            request=request,
            caller=caller,
            sellers=[one.segment for one in sellers],
            place_of={location: segment.segment for location, segment in places.items()},
        )
        if is_told(request):
            _check_told(demand)
        return demand

    async def _check_places(self, demand: _Demand) -> None:
        """Raises LocationNotInPool: what has nothing of a line is not asked about it, and could not say so."""
        sold_from = await self._steps.directory.locations_of_channel(demand.request.channel)
        for line in demand.request.lines:
            if line.location and line.location not in sold_from:
                raise LocationNotInPool(demand.request.channel, line.location)

    async def _ask_home(self, demand: _Demand) -> Decision | InsufficientStock | None:
        """Asks the home for all of a demand, or, if it cannot have it, what the request came to before, if anything."""
        home, request, caller = demand.home, demand.request, demand.caller
        command = _for_home(demand) or probe_command(request, caller, home.segment)
        try:
            return await home.authority.decide(command, request)
        except InsufficientStock as refusal:
            return refusal
        except UnknownDocument:
            return None

    async def _begun_before(self, demand: _Demand, refusal: Refusal) -> pb.CreateReservationResponse:
        """Goes on with a plan that was begun before the home had this refusal; raises that if there is none."""
        plan = await self._steps.plan_of(demand.home, demand.request)
        if plan is None:
            raise refusal
        try:
            return await self._drive(demand, plan)
        except PlanGivenUp:
            raise refusal from None
        except _SettledElsewhere:
            # Asked once more, the home has the answer.
            raise SequencerUnavailable(demand.home.segment) from None

    async def _book(self, demand: _Demand) -> pb.CreateReservationResponse:
        """Books what has been sold, whole in one segment: the first that has all of it, else the home.

        If the channel does not sell from its home, the first segment that it does sell from stands in for the home.
        """
        home, request, caller = demand.home, demand.request, demand.caller
        supply, _ = await self._supply(demand, SupplySearch())
        plan = plan_split(demand.lines, supply, allow_split=request.allow_split, partial=False)
        segment = next(iter(plan.parts)) if len(plan.parts) == 1 and not plan.short else home.segment
        if segment == home.segment and not demand.place_of and demand.sellers and segment not in demand.sellers:
            segment = demand.sellers[0]
        if segment == home.segment:
            return await self._answered(demand, await self._decide_at_home(demand))
        # What it would be refused with is said before anything is noted: from then on it is booked, however late.
        await self._steps.check(segment, request, caller)
        booked = SplitPlan(parts={segment: demand.lines}, short=[])
        noted = await home.authority.decide(plan_command(request, caller, home.segment, booked), request)
        return await self._answered(demand, noted)

    async def _decide_at_home(self, demand: _Demand) -> Decision:
        """Has the home decide with all that the request allows."""
        authority = demand.home.authority
        command = commands.create_reservation(demand.request, demand.caller, authority.settings)
        return await authority.decide(command, demand.request)

    async def _find_units(self, demand: _Demand, search: SupplySearch) -> pb.CreateReservationResponse:
        """Plans a demand until a plan succeeds, or there is too little.

        Two plans may take from each other what both want: each gives back what it has, and looks again after a while.
        So is one made anew for which there is too little only since others took the units that it was planned with: for
        if they cannot have all of theirs, they give them back.
        """
        refusal: Refusal = SequencerUnavailable(demand.home.segment)
        if not demand.may_be_of_home_alone:
            await self._check_places(demand)
        plan: Document | None = None
        has_looked = False
        for _ in range(self._settings.max_split_plans_per_call):
            try:
                return await (self._fill(demand, search) if plan is None else self._drive(demand, plan))
            except InsufficientStock as short:
                refusal = short
                if not has_looked:
                    # A plan that was begun before, and broken off, may hold what is missing.
                    has_looked = True
                    plan = await self._steps.plan_of(demand.home, demand.request)
                    if plan is not None:
                        continue
                if not search.has_learned():
                    if not search.may_look_again():
                        break
                    await self._pause()
            except _SettledElsewhere:
                said = await self._ask_home(demand)
                if isinstance(said, Decision):
                    return await self._answered(demand, said)
            except _PartsRefused as given_up:
                refusal = _learn(given_up, search)
                if not search.has_learned():
                    await self._pause()
            except PlanGivenUp:
                pass
            plan = None
        raise refusal

    async def _pause(self) -> None:
        """Lets others finish: those that hold what this one wants, each for another time."""
        await asyncio.sleep(self._settings.split_pause_seconds * random.random())

    async def _fill(self, demand: _Demand, search: SupplySearch) -> pb.CreateReservationResponse:
        """Fills a demand with what there is now. Raises InsufficientStock, and PlanGivenUp if others were faster."""
        supply, silent = await self._supply(demand, search)
        is_partial = demand.is_partial
        plan = plan_split(demand.lines, supply, allow_split=demand.request.allow_split, partial=is_partial)
        is_enough = bool(plan.parts) and (is_partial or not plan.short)
        if demand.may_be_of_home_alone and (not is_enough or set(plan.parts) <= {demand.home.segment}):
            try:
                return await self._answered(demand, await self._decide_at_home(demand))
            except InsufficientStock as refusal:
                search.refused(demand.home.segment, refusal)
                # What is short elsewhere too is said of all together.
                raise silent or InsufficientStock(list(plan.short or refusal.short_lines), refusal.offers) from None
        if not is_enough:
            # A segment that does not answer may have what is short: then nobody knows.
            raise silent or InsufficientStock(list(plan.short))
        command = plan_command(demand.request, demand.caller, demand.home.segment, plan)
        noted = await demand.home.authority.decide(command, demand.request)
        return await self._drive(demand, records.unpack_document(noted.extra))

    async def _supply(self, demand: _Demand, search: SupplySearch) -> tuple[Supply, Refusal | None]:
        """Returns the supply with what each segment says that it has for the lines.

        A segment that cannot answer now counts as one that has nothing; its refusal is returned too.
        """
        sources = {
            Source(segment, line.sku, line.location)
            for line in demand.request.lines
            for segment in ([demand.place_of[line.location]] if line.location else demand.sellers)
        }
        segments = sorted({one.segment for one in sources})
        answers = await asyncio.gather(
            *(self._ask(segment, sources, demand) for segment in segments), return_exceptions=True
        )
        units: dict[Source, int] = {}
        silent: Refusal | None = None
        for name, answer in zip(segments, answers, strict=True):
            if isinstance(answer, IN_DOUBT):
                silent = answer
            elif isinstance(answer, BaseException):
                raise answer
            else:
                for one in answer.availabilities:
                    units[Source(name, one.sku, one.location)] = one.available_to_sell_quantity
        search.heard(units)
        found = Supply(sellers=demand.sellers, units=units, place_of=demand.place_of, at_most=search.at_most())
        return found, silent

    async def _ask(self, segment: str, sources: Collection[Source], demand: _Demand) -> pb.BatchGetAvailabilityResponse:
        """Asks a segment what it has, at a location or for the channel."""
        question = pb.BatchGetAvailabilityRequest()
        for one in sources:
            if one.segment == segment:
                at = {"location": one.location} if one.location else {"channel": demand.request.channel}
                question.keys.add(sku=one.sku, **at)
        return await self._steps.directory.segment(segment).availability(question, demand.caller)

    async def _drive(self, demand: _Demand, split: Document) -> pb.CreateReservationResponse:
        """Carries a plan out. Raises PlanGivenUp if it came to nothing."""
        parts = parts_of(split)
        answers = await self._reserve(demand, split, parts)
        held = [answer for answer in answers if isinstance(answer, Decision)]
        if len(held) < len(parts):
            refused = [
                (part.segment, answer)
                for part, answer in zip(parts, answers, strict=True)
                if not isinstance(answer, Decision)
            ]
            raise await self._give_up(demand, split, refused)
        if await self._has_ended(demand, parts, held):
            await self._steps.give_up(demand.home, split, demand.caller)
            raise PlanGivenUp
        settled = await self._steps.settle(demand.home, split, demand.request, demand.caller)
        failpoints.reach("split_settled")
        if not is_of_plan(settled, split):
            # Another attempt of the same request was answered already, with other units.
            await self._steps.give_up(demand.home, split, demand.caller)
            return await self._answered(demand, settled)
        return self._response(demand, records.unpack_document(settled.extra), parts, held, replayed=settled.replayed)

    async def _has_ended(self, demand: _Demand, parts: Sequence[Part], held: Sequence[Decision]) -> bool:
        """Says whether the only part of a plan that was begun before was released by who found it, or has expired."""
        if len(parts) > 1 or not held[0].replayed or is_told(demand.request):
            return False
        return bool(await self._steps.has_been_given_back(parts[0]))

    async def _answered(self, demand: _Demand, decision: Decision) -> pb.CreateReservationResponse:
        """Returns the answer to a request that has taken effect at its home, now or before."""
        if decision.reservation:
            return demand.home.inventory.created(decision)
        split = records.unpack_document(decision.extra)
        parts = parts_of(split)
        # Each remembers its part as long as the home the whole. What was sold is booked only now, or has been.
        answers = await self._reserve(demand, split, parts)
        held = [answer for answer in answers if isinstance(answer, Decision)]
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, IN_DOUBT):
                raise answer
            if not isinstance(answer, Decision):
                # It has taken effect at the home, so it is not the caller's to give up.
                log.error("part_waits", part=part.reservation_id, reason=type(answer).__name__)
                raise SequencerUnavailable(part.segment)
        if SplitPhase(split.resolution) is SplitPhase.PLANNED:
            settled = await self._steps.settle(demand.home, split, demand.request, demand.caller)
            split = records.unpack_document(settled.extra)
        return self._response(demand, split, parts, held, replayed=decision.replayed)

    async def _reserve(self, demand: _Demand, split: Document, parts: Sequence[Part]) -> list[Decision | BaseException]:
        """Asks for all parts at once, each as often as one likes: it is reserved once."""
        failpoints.reach("split_planned")
        answers = await asyncio.gather(
            *(self._steps.reserve(part, demand.request, demand.caller, split, alone=len(parts) == 1) for part in parts),
            return_exceptions=True,
        )
        failpoints.reach("split_parts_held")
        return answers

    def _response(
        self, demand: _Demand, split: Document, parts: Sequence[Part], held: Sequence[Decision], *, replayed: bool
    ) -> pb.CreateReservationResponse:
        home = demand.home.segment
        if len(parts) == 1:
            response = self._steps.directory.segment(parts[0].segment).inventory.created(held[0])
        else:
            response = pb.CreateReservationResponse()
            fill_in_whole(response.reservation, split, parts, held, home=home)
            conversion.fill_revision(response.revision, home, split.position)
        response.replayed = replayed
        response.shortfalls.extend(_shortfalls(demand.request, parts))
        return response

    async def _give_up(
        self, demand: _Demand, split: Document, refused: Sequence[tuple[str, BaseException]]
    ) -> BaseException:
        """Ends a plan of which parts were refused, and gives back what the others hold; returns what to raise.

        One that was refused for good ends the plan, whatever is in doubt about another. If all are in doubt nothing is
        ended: who asks again, and the upkeep, go on with the plan.
        """
        for_good = [one for one in refused if _is_final(one[1])]
        if not for_good:
            return refused[0][1]
        try:
            await self._steps.give_up(demand.home, split, demand.caller)
        except SplitMoved:
            return _SettledElsewhere()
        return _PartsRefused(for_good)


def _learn(given_up: _PartsRefused, search: SupplySearch) -> Refusal:
    """Takes in why a plan came to nothing, and returns it as a refusal. Raises what another plan would meet too."""
    if given_up.for_good is not None:
        raise given_up.for_good
    for segment in given_up.too_late:
        # Once, that may be a slow step; else the segment's clock is ahead of the home's.
        if search.was_late(segment):
            log.error("segment_clock_is_ahead", segment=segment)
            raise SequencerUnavailable(segment)
    for segment, too_few in given_up.too_few:
        search.refused(segment, too_few)
    return given_up.too_few[0][1] if given_up.too_few else SequencerUnavailable(given_up.too_late[0])


def _for_home(demand: _Demand) -> Command | None:
    if is_told(demand.request) or not demand.may_be_of_home_alone:
        return None
    return commands.create_reservation(demand.request, demand.caller, demand.home.authority.settings, only_all=True)


def _is_final(error: BaseException) -> bool:
    """Says whether a part that was refused so was surely not reserved, and will not be by asking again."""
    return isinstance(error, TooLate) or (isinstance(error, Refusal) and not isinstance(error, IN_DOUBT))


def _check_told(demand: _Demand) -> None:
    """Raises SpansSegments if what has been sold names locations of several segments: none can book it whole."""
    first = ""
    for number, line in enumerate(demand.request.lines):
        place = demand.place_of.get(line.location, "")
        first = first or place
        if place and place != first:
            raise SpansSegments(f"lines[{number}].location", f"{first},{place}")


def _shortfalls(asked: pb.CreateReservationRequest, parts: Sequence[Part]) -> list[pb.Shortfall]:
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
