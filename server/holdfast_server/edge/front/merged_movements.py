"""WatchMovements over several segments: the movements of each in order, those of all as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.front.merging import Merging
from holdfast_server.edge.packed_fields import packed


class MergedMovements:
    """One stream; `resets` are told first."""

    def __init__(self, merging: Merging, resets: Sequence[pb.MovementReset]) -> None:
        self._merging = merging
        self._resets = resets

    def messages(self) -> AsyncGenerator[bytes]:
        """Yields what the stream tells. Raises the refusal that it is ended with."""
        return self._merging.ended_as_one(self._messages())

    async def _messages(self) -> AsyncGenerator[bytes]:
        for reset in self._resets:
            yield packed(pb.WatchMovementsResponse(reset=reset))
            self._merging.told("")
        for feed in self._merging.feeds:
            # Each says first where it begins.
            while not (response := pb.WatchMovementsResponse.FromString(await feed.take())).HasField("bookmark"):
                yield packed(response)
                self._merging.told("")
            feed.stand(response.bookmark)
        bookmark = pb.WatchBookmark(revision=self._merging.revisions()[0])
        token = self._merging.say_place(bookmark)
        yield packed(pb.WatchMovementsResponse(bookmark=bookmark))
        self._merging.told(token)
        feed = self._merging.feeds[0]
        while True:
            # The movements of one operation stay together.
            feed, message = await self._merging.next() if token else (feed, await feed.take())
            response = pb.WatchMovementsResponse.FromString(message)
            token = self._merging.stand(feed, getattr(response, response.WhichOneof("event") or ""))
            yield packed(response)
            self._merging.told(token)
