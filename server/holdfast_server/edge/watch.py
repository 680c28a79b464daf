"""The call of InventoryService that tells what may be sold as it changes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import grpc
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.rpc import abandon, watching
from holdfast_server.edge.subscribed import Subscribed
from holdfast_server.watch.hub import AvailabilityHub


class WatchCalls(Calls):
    """Serves what the hub tells."""

    def __init__(self, authority: Authority, hub: AvailabilityHub, subscribed: Subscribed) -> None:
        super().__init__(authority)
        self._hub = hub
        self._subscribed = subscribed

    @watching
    @contextlib.asynccontextmanager
    async def WatchAvailability(
        self, request: pb.WatchAvailabilityRequest, _: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        of, resume_token = await self._subscribed.numbers(request)
        watcher = await self._hub.watch(of, resume_token)
        watcher.give_up = abandon(context, self.settings.watch_stall_seconds)
        try:
            with self._subscribed.open(request.subscription):
                async with contextlib.aclosing(watcher.messages()) as messages:
                    yield messages
        finally:
            self._hub.leave(watcher)
