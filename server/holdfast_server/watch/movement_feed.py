"""The feed of movements: one per server process. Reads what is committed, once for all streams that are in step.

The end of the ledger is read when a commit is heard, and kept for a while: streams that stand anywhere in it share what
was read. A stream that is further behind reads pages of its own, a bounded number of such reads at a time; it catches
up, or it does not, and nobody waits for it.

Promises: Ordered, Complete, Resumable, Bookmarkable, Durable reads, Bounded. Knows revisions and streams, and nothing
of gRPC, Redis or Postgres.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from holdfast_server.refusals import HistoryRetired, Overloaded, Refusal, StaleRevision, WatchEnded
from holdfast_server.settings import Settings
from holdfast_server.watch.changes import LedgerHead
from holdfast_server.watch.life import max_age_seconds_of
from holdfast_server.watch.movement_stream import MovementStream
from holdfast_server.watch.movements import MovementPage, MovementSelection, Told, batches_of
from holdfast_server.watch.ports import MovementFrames, MovementSource
from holdfast_server.watch.tail import Tail
from holdfast_server.watch.token import FROM_THE_FUTURE, OTHER_FILTER, OTHER_LINEAGE, ResumeToken, TokenSigner

log = structlog.get_logger("holdfast.watch")

_ALL: Final = MovementSelection()
_ROUND_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.2
# So many streams are woken before other work gets a turn: writing a message costs a stream about 0.1 ms.
_WAKES_PER_TURN: Final = 16


class MovementFeed:
    """Tells streams of one segment every movement."""

    def __init__(self, *, settings: Settings, source: MovementSource, frames: MovementFrames) -> None:
        self._settings = settings
        self._source = source
        self._frames = frames
        self._signer: TokenSigner | None = None
        self._streams: set[MovementStream] = set()
        self._tail = Tail(settings.watch_recent_movements)
        self._following = False
        self._lineage, self._epoch = "", 0
        self._heard = 0
        self._news = asyncio.Event()
        self._reads = asyncio.Semaphore(settings.max_concurrent_page_reads)
        self._is_stopping = False

    def notice(self, position: int) -> None:
        """Hears that the ledger has come to a position. Cheap: it is called for every commit."""
        self._heard = position
        if self._following and position > self._tail.end:
            self._news.set()

    # Joining and leaving.

    async def watch(self, of: MovementSelection, *, resume_token: str = "", after: int | None = None) -> MovementStream:
        """Returns a new stream: from a token, after a position, or from now on. The caller brings it back by `leave`.

        Raises InvalidField for a token that nobody gave out, StaleRevision for a position that the ledger has not
        reached, Overloaded if there are too many streams, WatchEnded if the server stops, and what the source raises.
        """
        if self._signer is None:
            self._signer = TokenSigner(await self._source.token_key())
        token = self._signer.token_of(resume_token) if resume_token else None
        head = await self._source.head()
        # From here on nothing is awaited, so what is checked stays true.
        if self._is_stopping:
            raise WatchEnded("SHUTDOWN", resume_token)
        if len(self._streams) >= self._settings.max_movement_watchers:
            raise Overloaded("max_movement_watchers", self._settings.max_movement_watchers)
        if after is not None and after > head.position:
            raise StaleRevision(self._settings.segment, after, head.position)
        self._follow(head)
        reset = _why_reset(token, head, of)
        wanted = token.position if token is not None else head.position if after is None else after
        stream = self._new_stream(of, min(wanted, head.position))
        if reset:
            stream.greeting.append((self._frames.reset(reset, stream.place), stream.token))
        stream.greeting.append(self._bookmark(stream))
        self._streams.add(stream)
        return stream

    def leave(self, stream: MovementStream) -> None:
        """Takes a stream out."""
        self._streams.discard(stream)

    def _new_stream(self, of: MovementSelection, place: int) -> MovementStream:
        stream = MovementStream(
            of=of,
            place=place,
            page_after=self._page_after,
            tell=self._tell,
            bookmark=self._bookmark,
            max_age_seconds=max_age_seconds_of(self._settings),
        )
        stream.token = self._token(stream, place)
        return stream

    def _follow(self, head: LedgerHead) -> None:
        """Begins to follow the ledger if nobody watches yet, and takes in where it stands."""
        if self._following and head.lineage != self._lineage:
            self._end_history()
        if not self._following:
            self._tail.restart(head.position)
            self._following = True
        self._lineage, self._epoch = head.lineage, head.epoch
        if head.position > self._tail.end:
            self._news.set()

    # What a stream is told.

    async def _page_after(self, stream: MovementStream) -> MovementPage | None:
        """Returns what follows the place of a stream; None if nothing does yet, then it is woken."""
        if stream.place >= self._tail.end:
            return None
        page = self._tail.page_after(stream.place)
        if page is not None:
            return page
        async with self._reads:
            page = await self._source.movements_after(stream.place, stream.of)
        self._take_in(page)
        # A ledger that has fallen back has nothing to tell until it is where it was.
        return page if page.reached > stream.place else None

    def _take_in(self, page: MovementPage) -> None:
        """Takes in where the ledger stands. If another history is there now, all streams end."""
        if page.lineage != self._lineage:
            self._end_history()
        else:
            self._epoch = page.epoch

    def _tell(self, page: MovementPage, stream: MovementStream) -> Sequence[Told]:
        """Returns the messages of what follows the place of a stream in a page, as far as it passes."""
        if page.after != stream.place or not self._tail.is_newest(page):
            return list(self._written(page, stream))
        told = page.told.get(stream.digest)
        if told is None:
            told = page.told[stream.digest] = list(self._written(page, stream))
        return told

    def _written(self, page: MovementPage, stream: MovementStream) -> Iterator[Told]:
        movements = page.movements
        if page.after < stream.place:
            movements = [movement for movement in movements if movement.position > stream.place]
        if not stream.of.is_all:
            movements = [movement for movement in movements if stream.of.passes(movement)]
        for batch, position in batches_of(movements, page.reached):
            token = "" if position is None else self._token(stream, position)
            yield self._frames.movements(batch, token, position), token

    def _bookmark(self, stream: MovementStream) -> Told:
        token = self._token(stream, stream.place)
        return self._frames.bookmark(token, stream.place), token

    def _token(self, stream: MovementStream, position: int) -> str:
        assert self._signer is not None, "nobody watches"
        token = ResumeToken(lineage=self._lineage, epoch=self._epoch, position=position, filter_digest=stream.digest)
        return self._signer.text_of(token)

    # Following the ledger.

    async def run(self) -> None:
        """Follows the ledger until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_for_ever(), name="movements-follow")
            tasks.create_task(self._look_after_for_ever(), name="movements-look-after")

    async def _follow_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if not self._following:
                continue
            began = time.monotonic()
            try:
                await self._step()
            except HistoryRetired:
                # This server stood still for so long that what it has not read is gone.
                self._following = False
                self._end_all("FAULT")
            except Refusal as refusal:
                log.info("movements_wait", segment=self._settings.segment, reason=type(refusal).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
                self._news.set()
            except Exception:
                # Nobody foresaw this one. It ends the streams, which begin anew, and not the server.
                log.exception("movements_fault", segment=self._settings.segment)
                self._end_all("FAULT")
            # Movements gather meanwhile: a message with several costs little more than one with one.
            await asyncio.sleep(max(0.0, began + self._settings.watch_step_seconds - time.monotonic()))

    async def _step(self) -> None:
        """Reads the ledger to its end, and lets those who wait there have it."""
        is_behind = True
        while is_behind and self._following:
            page = await self._source.movements_after(self._tail.end, _ALL)
            self._take_in(page)
            is_behind = page.reached < page.head
            if self._following and self._tail.add(page):
                await self._wake([stream for stream in self._streams if stream.place < page.reached])

    @staticmethod
    async def _wake(streams: Sequence[MovementStream]) -> None:
        for number, stream in enumerate(streams, start=1):
            stream.wake()
            if number % _WAKES_PER_TURN == 0:
                await asyncio.sleep(0)

    # Looking after.

    async def _look_after_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            now = time.monotonic()
            for stream in list(self._streams):
                is_free = stream.look_after(now, self._settings)
                if is_free and now - stream.idle_since > self._settings.watch_bookmark_seconds:
                    stream.mark()
            if not self._streams:
                self._following = False
                self._tail.restart(0)
            elif 0 < self._heard < self._tail.end:
                # The ledger stands before what was told of it: perhaps its history was given up.
                self._news.set()

    def _end_history(self) -> None:
        """The history that was told was given up: everybody begins anew."""
        log.warning("followed_history_ended", segment=self._settings.segment)
        self._following = False
        self._end_all("OTHER_LINEAGE")

    def stop(self) -> None:
        """Ends every stream with its token, and lets no new one begin."""
        self._is_stopping = True
        self._end_all("SHUTDOWN")

    def _end_all(self, cause: str) -> None:
        for stream in self._streams:
            stream.end(lambda token: WatchEnded(cause, token))


def _why_reset(token: ResumeToken | None, head: LedgerHead, of: MovementSelection) -> int:
    """Returns why a stream cannot go on from a token as it is; 0 if it can."""
    if token is None:
        return 0
    if token.lineage != head.lineage:
        return OTHER_LINEAGE
    if token.position > head.position:
        return FROM_THE_FUTURE
    return 0 if token.filter_digest == of.digest() else OTHER_FILTER
