"""Takes the streams of several segments as one: whichever tells something is taken, one message at a time.

Nothing is gathered here. While a message is on its way to a reader, each stream holds what comes next, and the hub or
feed of its segment keeps what comes after it, as it does for any reader that is slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

from holdfast.inventory.v1 import revision_pb2
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.conversion import revision
from holdfast_server.edge.packed_fields import packed
from holdfast_server.refusals import Refusal, WatchEnded, WatcherTooSlow
from holdfast_server.watch.life import Life
from holdfast_server.watch.token import joined_token

# A status carries so much beside what else is in it; whoever watches has the token of the last message anyway.
_MAX_TOKEN_OF_STATUS: Final = 4_096

_Response = TypeVar("_Response", pb.WatchAvailabilityResponse, pb.WatchMovementsResponse)
Place = pb.WatchSynced | pb.AvailabilityChanges | pb.WatchBookmark | pb.MovementBatch


class Feed:
    """The stream of one segment, as a part of another."""

    def __init__(
        self, segment: str, life: Life, messages: AsyncGenerator[bytes], *, token: str, position: int | None
    ) -> None:
        """`token` and `position` are the place that it goes on from; without one it begins anew."""
        self.segment = segment
        self.life = life
        self.messages = messages
        self.token = token
        """Where it stands, with all that was taken from it; empty if it has told nothing yet."""
        self.revision = None if position is None else revision(segment, position)
        """The same place."""
        self.coming: asyncio.Task[bytes] | None = None

    def begin(self) -> asyncio.Task[bytes]:
        """Lets the next message come."""
        if self.coming is None:
            self.coming = asyncio.create_task(self._next(), name=f"feed-{self.segment}")
        return self.coming

    async def _next(self) -> bytes:
        return await anext(self.messages)

    @property
    def has_come(self) -> bool:
        """The next message waits."""
        return self.coming is not None and self.coming.done()

    async def take(self) -> bytes:
        """Returns the next message. Raises the refusal that the stream is ended with."""
        message = await self.begin()
        self.coming = None
        return message

    def stand(self, place: Place) -> None:
        """Notes where the stream stands with what was taken from it."""
        self.token, self.revision = place.resume_token, revision_pb2.Revision()
        self.revision.CopyFrom(place.revision)

    async def close(self) -> None:
        """Takes nothing more."""
        if self.coming is not None:
            self.coming.cancel()
            await asyncio.wait([self.coming])
            if not self.coming.cancelled():
                self.coming.exception()
        await self.messages.aclose()


class Merging:
    """The feeds of one stream of several segments, and where that stream stands."""

    def __init__(self, feeds: Sequence[Feed], give_up: Callable[[Refusal], None]) -> None:
        """`give_up` ends the call while it is stuck in writing a message."""
        self.feeds = list(feeds)
        self.token = self.place()
        """The last token that the stream gave out, or was given; empty if it begins anew."""
        self._turns = list(feeds)
        for feed in feeds:
            feed.life.give_up = lambda refusal: give_up(self._of_all(refusal))

    def place(self) -> str:
        """Returns the token of what was taken from all feeds; empty if one of them has told nothing yet."""
        if not all(feed.token for feed in self.feeds):
            return ""
        return joined_token({feed.segment: feed.token for feed in self.feeds})

    def _stand(self, feed: Feed, place: Place) -> str:
        """Takes in where a feed stands, and writes into it where all do. Returns the token; empty if there is none."""
        if not place.resume_token:
            return ""
        feed.stand(place)
        return self.say_place(place)

    def say_place(self, place: Place) -> str:
        """Writes the place of all feeds into what says that of one. Returns the token."""
        place.resume_token = self.place()
        place.revisions.extend(self.revisions())
        return place.resume_token

    def revisions(self) -> list[revision_pb2.Revision]:
        """Returns the place of all feeds that have told anything."""
        return [feed.revision for feed in self.feeds if feed.revision is not None]

    async def _next(self) -> tuple[Feed, bytes]:
        """Waits for the next message of any feed; they take turns. Raises the refusal that one is ended with."""
        coming = [feed.begin() for feed in self.feeds]
        await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
        feed = next(feed for feed in self._turns if feed.has_come)
        self._turns.remove(feed)
        self._turns.append(feed)
        return feed, await feed.take()

    def told(self, token: str) -> None:
        """Notes that a message was taken by the reader, with its token if it had one."""
        self.token = token or self.token
        for feed in self.feeds:
            feed.life.wait_for_turn()

    async def live(
        self, kind: type[_Response], complete: Callable[[_Response], Awaitable[None]]
    ) -> AsyncGenerator[bytes]:
        """Yields what the feeds tell, each message completed, and with the place of all feeds instead of its own."""
        feed, is_whole = self.feeds[0], True
        while True:
            # What belongs together stays together.
            feed, message = await self._next() if is_whole else (feed, await feed.take())
            response = kind.FromString(message)
            await complete(response)
            event = response.WhichOneof("event") or ""
            token = self._stand(feed, getattr(response, event))
            is_whole = bool(token)
            if event == "bookmark" and any(each.has_come for each in self.feeds):
                continue  # The next message says it too.
            yield packed(response)
            self.told(token)

    async def ended_as_one(self, messages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yields messages. What a feed is ended with ends the stream of all."""
        try:
            async for message in messages:
                yield message
        except Refusal as refusal:
            raise self._of_all(refusal) from refusal
        finally:
            await messages.aclose()
            for feed in self.feeds:
                await feed.close()

    def _of_all(self, refusal: Refusal) -> Refusal:
        token = self.token if len(self.token) <= _MAX_TOKEN_OF_STATUS else ""
        if isinstance(refusal, WatchEnded):
            return WatchEnded(refusal.cause, token)
        if isinstance(refusal, WatcherTooSlow):
            return WatcherTooSlow(refusal.limit, refusal.value, token)
        return refusal
