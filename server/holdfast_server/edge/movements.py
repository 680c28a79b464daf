"""The call of InventoryService that tells every movement."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import grpc
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.requests.reservations import position_in
from holdfast_server.edge.rpc import abandon, watching
from holdfast_server.edge.subscribed import Subscribed
from holdfast_server.watch.movement_feed import MovementFeed


class MovementCalls(Calls):
    """Serves what the feed tells."""

    _feed: MovementFeed
    _subscribed: Subscribed

    @watching
    @contextlib.asynccontextmanager
    async def WatchMovements(
        self, request: pb.WatchMovementsRequest, _: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        after = position_in(self._segment, request.after_revision) if request.HasField("after_revision") else None
        of, resume_token = await self._subscribed.movements(request)
        stream = await self._feed.watch(of, resume_token=resume_token, after=after)
        stream.give_up = abandon(context, self.settings.watch_stall_seconds)
        try:
            with self._subscribed.open(request.subscription):
                async with contextlib.aclosing(stream.messages()) as messages:
                    yield messages
        finally:
            self._feed.leave(stream)
