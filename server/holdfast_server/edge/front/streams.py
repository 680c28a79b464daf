"""The streams of InventoryService in front of several segments: each is about one of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.routes import FrontCalls
from holdfast_server.edge.rpc import watching
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.refusals import SpansSegments


class FrontStreamCalls(FrontCalls):
    """Passes streams on."""

    @watching
    @contextlib.asynccontextmanager
    async def WatchAvailability(
        self, request: pb.WatchAvailabilityRequest, caller: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        async with self._opened("WatchAvailability", request, caller, context) as messages:
            yield messages

    @watching
    @contextlib.asynccontextmanager
    async def WatchMovements(
        self, request: pb.WatchMovementsRequest, caller: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        async with self._opened("WatchMovements", request, caller, context) as messages:
            yield messages

    @contextlib.asynccontextmanager
    async def _opened(
        self, method: str, request: Any, caller: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        servicer = (await self._segment_of(request)).inventory
        handler = getattr(type(servicer), method).__wrapped__
        async with handler(servicer, request, caller, context) as messages:
            yield messages

    async def _segment_of(self, request: Any) -> SegmentServices:
        """Returns the segment that a filter is about. Raises SpansSegments if there are several."""
        found: dict[SegmentServices, None] = {}
        if request.HasField("after_revision") if hasattr(request, "after_revision") else False:
            return self._directory.segment(request.after_revision.segment)
        places = await self._directory.places(PlacedKind.LOCATION, request.filter.locations)
        found.update(dict.fromkeys(places.values()))
        for channel in request.filter.channels:
            found.update(dict.fromkeys(await self._directory.sells_from(channel)))
        if not found:
            found.update(dict.fromkeys(self._directory.segments))
        if len(found) > 1:
            raise SpansSegments("filter", ",".join(one.segment for one in self._directory.segments if one in found))
        (segment,) = found
        return segment
