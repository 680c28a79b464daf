"""The calls of InventoryService that ask what may be sold, in front of several segments.

What a channel may sell is the sum of what it may sell from each segment. Buffers, allotments and caps belong to
channels that sell from one segment only (catalog.py), so nothing is taken off twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import revision_pb2, stock_pb2

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.routes import FrontCalls, ask
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.refusals import UnknownChannel, UnknownLocation


class FrontAvailabilityCalls(FrontCalls):
    """Asks the segments that a key is about, and adds up what they say."""

    @unary
    async def GetAvailability(self, request: pb.GetAvailabilityRequest, caller: Caller) -> pb.GetAvailabilityResponse:
        answer = await self.available([request.key], caller)
        return pb.GetAvailabilityResponse(
            availability=answer.availabilities[0], revision=answer.revision, revisions=answer.revisions
        )

    @unary
    async def BatchGetAvailability(
        self, request: pb.BatchGetAvailabilityRequest, caller: Caller
    ) -> pb.BatchGetAvailabilityResponse:
        at_least = None
        if request.HasField("min_revision"):
            at_least = request.min_revision
            self._directory.segment(at_least.segment)
        return await self.available(request.keys, caller, min_revision=at_least)

    async def available(
        self, keys: Sequence[pb.AvailabilityKey], caller: Caller, *, min_revision: revision_pb2.Revision | None = None
    ) -> pb.BatchGetAvailabilityResponse:
        """Returns what may be sold of each key. Raises what the first segment that refuses says."""
        asked: dict[SegmentServices, list[int]] = {}
        for number, key in enumerate(keys):
            for segment in await self._segments_of(key):
                asked.setdefault(segment, []).append(number)
        answers: list[pb.BatchGetAvailabilityResponse] = await asyncio.gather(
            *(
                ask(
                    "inventory",
                    "BatchGetAvailability",
                    segment,
                    _question(segment, keys, numbers, min_revision),
                    caller,
                )
                for segment, numbers in asked.items()
            )
        )
        found: list[stock_pb2.Availability | None] = [None] * len(keys)
        for numbers, answer in zip(asked.values(), answers, strict=True):
            for number, availability in zip(numbers, answer.availabilities, strict=True):
                before = found[number]
                found[number] = availability if before is None else together(before, availability)
        return pb.BatchGetAvailabilityResponse(
            availabilities=[one for one in found if one is not None],
            revision=answers[0].revision,
            revisions=[answer.revision for answer in answers],
        )

    async def _segments_of(self, key: pb.AvailabilityKey) -> list[SegmentServices]:
        if key.location:
            found = (await self._directory.places(PlacedKind.LOCATION, [key.location])).get(key.location)
            if found is None:
                raise UnknownLocation(key.location)
            return [found]
        home = (await self._directory.places(PlacedKind.CHANNEL, [key.channel])).get(key.channel)
        if home is None:
            raise UnknownChannel(key.channel)
        return await self._directory.sells_from(key.channel) or [home]


def _question(
    segment: SegmentServices,
    keys: Sequence[pb.AvailabilityKey],
    numbers: Sequence[int],
    min_revision: revision_pb2.Revision | None,
) -> pb.BatchGetAvailabilityRequest:
    question = pb.BatchGetAvailabilityRequest(keys=[keys[number] for number in numbers])
    if min_revision is not None and min_revision.segment == segment.segment:
        question.min_revision.CopyFrom(min_revision)
    return question


def together(one: stock_pb2.Availability, other: stock_pb2.Availability) -> stock_pb2.Availability:
    """Returns what a channel may sell from two segments. Each number is a sum over locations, so they add up."""
    return stock_pb2.Availability(
        sku=one.sku,
        channel=one.channel,
        available_to_sell_quantity=one.available_to_sell_quantity + other.available_to_sell_quantity,
        backorder_quantity=one.backorder_quantity + other.backorder_quantity,
        available_to_promise_quantity=one.available_to_promise_quantity + other.available_to_promise_quantity,
    )
