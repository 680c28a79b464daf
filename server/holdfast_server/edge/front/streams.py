"""The streams of InventoryService in front of several segments.

A stream of one segment is that segment's own, as if there were no other. One of several is put together of a stream of
each (merged_watch.py, merged_movements.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from typing import TypeVar

import grpc
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.merged_movements import MergedMovements
from holdfast_server.edge.front.merged_watch import MergedWatch
from holdfast_server.edge.front.merging import Feed, Merging
from holdfast_server.edge.front.outgrown import OpenWatches
from holdfast_server.edge.front.routes import FrontCalls
from holdfast_server.edge.front.stream_places import MovementsBegin, NumbersBegin, StreamPlaces
from holdfast_server.edge.front.subscriptions import KeptEverywhere
from holdfast_server.edge.rpc import abandon, watching
from holdfast_server.edge.services import SegmentServices
from holdfast_server.refusals import Refusal, WatchEnded
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.movement_stream import MovementStream
from holdfast_server.watch.movements import MovementSelection
from holdfast_server.watch.watcher import Watcher

_Opened = TypeVar("_Opened")
_GiveUp = Callable[[Refusal], None]


class Streams:
    """What opens streams."""

    def __init__(self, directory: Directory, subscriptions: KeptEverywhere, watches: OpenWatches) -> None:
        self._directory = directory
        self._first = directory.first.subscribed
        self._subscriptions = subscriptions
        self._watches = watches
        self._places = StreamPlaces(directory)

    @contextlib.asynccontextmanager
    async def numbers(
        self, request: pb.WatchAvailabilityRequest, give_up: _GiveUp
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Opens a stream of numbers. Raises what refuses it."""
        await self._subscriptions.complete(request.subscription)
        of, _ = await self._first.numbers(request)
        if request.subscription and not request.resume_token:
            begin = await self._places.numbers_of(request, of)
        else:
            begin = await self._places.numbers_from(request.resume_token, of)
        watchers, reset = await self._watchers(of, begin, request.resume_token)
        try:
            with self._first.open(request.subscription), self._watches.open(of, watchers):
                messages = await self._of_numbers(watchers, begin, reset, give_up)
                async with contextlib.aclosing(messages):
                    yield messages
        finally:
            for segment, watcher in watchers:
                segment.hub.leave(watcher)

    async def _watchers(
        self, of: WatchFilter, begin: NumbersBegin, token: str
    ) -> tuple[list[tuple[SegmentServices, Watcher]], int]:
        """Returns a watcher of each segment, and why all of them begin anew; 0 if they go on as they were to."""

        async def watch(segment: SegmentServices, text: str) -> tuple[SegmentServices, Watcher]:
            try:
                return segment, await segment.hub.watch(of, text)
            except WatchEnded as ended:
                raise WatchEnded(ended.cause, token if ended.resume_token else "") from ended

        def leave(opened: tuple[SegmentServices, Watcher]) -> None:
            opened[0].hub.leave(opened[1])

        tokens = begin.tokens
        watchers = await _opened([watch(one, tokens.get(one.segment, "")) for one in begin.segments], leave)
        reset = next((watcher.reset for _, watcher in watchers if watcher.reset), 0)
        if not reset or len(watchers) == 1:
            return watchers, begin.reset
        # One that cannot go on tells all of its numbers; so must the others, for they are added up.
        for opened in watchers:
            leave(opened)
        return await _opened([watch(one, "") for one in begin.segments], leave), reset

    async def _of_numbers(
        self, watchers: list[tuple[SegmentServices, Watcher]], begin: NumbersBegin, reset: int, give_up: _GiveUp
    ) -> AsyncGenerator[bytes]:
        if len(watchers) == 1 and not reset:
            ((_, watcher),) = watchers
            watcher.give_up = give_up
            return watcher.messages()
        signer = await self._first.signer()
        for segment, _ in watchers:
            await segment.hub.come_to_head()
        is_resumed = bool(begin.tokens) and not reset
        feeds = []
        for segment, watcher in watchers:
            token = begin.tokens[segment.segment] if is_resumed else ""
            position = signer.token_of(token).position if token else None
            feeds.append(Feed(segment.segment, watcher, watcher.messages(), token=token, position=position))
        merging = Merging(feeds, give_up)
        hubs = [(segment.hub, watcher) for segment, watcher in watchers]
        return MergedWatch(merging, hubs, is_resumed=is_resumed, reset=reset).messages()

    @contextlib.asynccontextmanager
    async def movements(
        self, request: pb.WatchMovementsRequest, give_up: _GiveUp
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Opens a stream of movements. Raises what refuses it."""
        await self._subscriptions.complete(request.subscription)
        of, _ = await self._first.movements(request)
        if request.resume_token:
            begin = await self._places.movements_from(request.resume_token, of)
        else:
            begin = await self._places.movements_of(request, of)
        streams = await self._movement_streams(of, begin, request.resume_token)
        try:
            with self._first.open(request.subscription):
                messages = _of_movements(streams, begin, give_up)
                async with contextlib.aclosing(messages):
                    yield messages
        finally:
            for segment, stream in streams:
                segment.feed.leave(stream)

    async def _movement_streams(
        self, of: MovementSelection, begin: MovementsBegin, token: str
    ) -> list[tuple[SegmentServices, MovementStream]]:
        async def follow(segment: SegmentServices) -> tuple[SegmentServices, MovementStream]:
            name = segment.segment
            try:
                return segment, await segment.feed.watch(
                    of, resume_token=begin.tokens.get(name, ""), after=begin.after.get(name)
                )
            except WatchEnded as ended:
                raise WatchEnded(ended.cause, token) from ended

        return await _opened(
            [follow(segment) for segment in begin.segments], lambda opened: opened[0].feed.leave(opened[1])
        )


def _of_movements(
    streams: list[tuple[SegmentServices, MovementStream]], begin: MovementsBegin, give_up: _GiveUp
) -> AsyncGenerator[bytes]:
    if len(streams) == 1 and not begin.resets:
        ((_, stream),) = streams
        stream.give_up = give_up
        return stream.messages()
    # Each says by its first bookmark where it begins, after a reset if there is one.
    feeds = [Feed(segment.segment, stream, stream.messages(), token="", position=None) for segment, stream in streams]
    return MergedMovements(Merging(feeds, give_up), begin.resets).messages()


async def _opened(calls: Iterable[Coroutine[None, None, _Opened]], close: Callable[[_Opened], None]) -> list[_Opened]:
    """Returns what all calls open. If one of them cannot, what the others have opened is closed."""
    tasks = [asyncio.create_task(call, name="open-stream") for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and task.exception() is None:
                close(task.result())
        raise


class FrontStreamCalls(FrontCalls):
    """Serves the streams."""

    _streams: Streams

    @watching
    @contextlib.asynccontextmanager
    async def WatchAvailability(
        self, request: pb.WatchAvailabilityRequest, _: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        async with self._streams.numbers(request, abandon(context, self.settings.watch_stall_seconds)) as messages:
            yield messages

    @watching
    @contextlib.asynccontextmanager
    async def WatchMovements(
        self, request: pb.WatchMovementsRequest, _: Caller, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        async with self._streams.movements(request, abandon(context, self.settings.watch_stall_seconds)) as messages:
            yield messages
