"""WatchMovements over several segments: the movements of each in order, those of all as they come."""

from __future__ import annotations

import contextlib
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
        async with contextlib.aclosing(self._merging.live(pb.WatchMovementsResponse, _as_it_is)) as messages:
            async for message in messages:
                yield message


async def _as_it_is(_: pb.WatchMovementsResponse) -> None:
    """Leaves a message as it is."""
