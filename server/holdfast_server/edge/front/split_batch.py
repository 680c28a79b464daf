"""Creates the reservations of a batch that more than one segment may have to do with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server.decide.commands import Command, Decision
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.split_demand import SplitDemand
from holdfast_server.edge.services import SegmentServices
from holdfast_server.refusals import InsufficientStock, Refusal
from holdfast_server.settings import Settings

Created = pb.CreateReservationResponse | Exception


class Demand(NamedTuple):
    """A request, who asks, and the segment that is asked first."""

    home: SegmentServices
    request: pb.CreateReservationRequest
    caller: Caller


class SplitBatch:
    """Has the homes decide first, each about all of its demands in one go. What they have too little of is planned."""

    def __init__(self, demand: SplitDemand, settings: Settings) -> None:
        self._demand = demand
        self._settings = settings

    async def create(self, demands: Sequence[Demand]) -> list[Created]:
        """Returns what each demand came to. Those that are planned are planned at the same time, in no order."""
        said: dict[int, Decision | Exception] = {}
        commands: dict[SegmentServices, dict[int, Command]] = {}
        for number, one in enumerate(demands):
            try:
                command = await self._demand.for_home(one.home, one.request, one.caller)
            except Refusal as refusal:
                said[number] = refusal
            else:
                if command is not None:
                    commands.setdefault(one.home, {})[number] = command
        for answers in await asyncio.gather(*(_ask(home, its, demands) for home, its in commands.items())):
            said.update(answers)
        room = asyncio.Semaphore(self._settings.max_split_plans_at_once)
        return await asyncio.gather(*(self._finish(one, said.get(number), room) for number, one in enumerate(demands)))

    async def _finish(self, demand: Demand, said: Decision | Exception | None, room: asyncio.Semaphore) -> Created:
        """Returns the home's answer, or plans what it has too little of, or what it has planned before."""
        if isinstance(said, Decision) and said.reservation:
            return demand.home.inventory.created(said)
        too_little = said if isinstance(said, InsufficientStock) else None
        if isinstance(said, Exception) and too_little is None:
            return said
        async with room:
            try:
                return await self._demand.create(*demand, home_refusal=too_little)
            except Exception as error:
                return error


async def _ask(
    home: SegmentServices, commands: Mapping[int, Command], demands: Sequence[Demand]
) -> dict[int, Decision | Exception]:
    """Returns what a home says to demands, by their numbers."""
    requests = [demands[number].request for number in commands]
    answers = await home.authority.decide_all(list(commands.values()), requests)
    return dict(zip(commands, answers, strict=True))
