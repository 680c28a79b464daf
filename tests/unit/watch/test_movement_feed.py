"""The feed of movements by itself: who reads what of the ledger, how often, and what becomes of a ledger that fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from holdfast_server.refusals import LedgerUnavailable, Overloaded, Refusal, StaleRevision, WatchEnded
from holdfast_server.settings import Settings
from holdfast_server.watch.changes import LedgerHead
from holdfast_server.watch.movement_feed import MovementFeed
from holdfast_server.watch.movement_stream import MovementStream
from holdfast_server.watch.movements import MovementPage, MovementSelection, PackedMovement

ALL = MovementSelection()
ONLY_B = MovementSelection(skus=frozenset({"B"}))
PAGE = 10


class Ledger:
    """A ledger with one movement for each operation, of A and B in turn, that is read in pages of ten operations."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.lineage = "one"
        self.reads: list[tuple[int, MovementSelection]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most_under_way = 0

    async def token_key(self) -> bytes:
        return b"key"

    async def head(self) -> LedgerHead:
        return LedgerHead(self.lineage, 1, self.position)

    async def movements_after(self, position: int, of: MovementSelection) -> MovementPage:
        self.reads.append((position, of))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            if self.failure is not None:
                raise self.failure
        finally:
            self.under_way -= 1
        reached = max(position, min(self.position, position + PAGE))
        every = [
            PackedMovement(position=at, sku="AB"[at % 2], location="L", channel="C", packed=b"%d" % at)
            for at in range(position + 1, reached + 1)
        ]
        return MovementPage(
            lineage=self.lineage,
            epoch=1,
            head=self.position,
            after=position,
            reached=reached,
            movements=[one for one in every if of.passes(one)],
        )


class Frames:
    """Writes what can be read again."""

    def movements(self, batch: Sequence[bytes], token: str, position: int | None) -> bytes:
        return b"m " + b" ".join(batch)

    def bookmark(self, token: str, position: int) -> bytes:
        return b"b %d" % position

    def reset(self, reason: int, position: int) -> bytes:
        return b"r %d" % position


class Reader:
    """Takes what a stream tells, as fast as it comes."""

    def __init__(self, stream: MovementStream) -> None:
        self.positions: list[int] = []
        self.refusal: Refusal | None = None
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read(stream))

    async def _read(self, stream: MovementStream) -> None:
        try:
            async with contextlib.aclosing(stream.messages()) as messages:
                async for message in messages:
                    kind, *rest = message.split()
                    if kind == b"m":
                        self.positions += map(int, rest)
                        self._news.set()
        except Refusal as refusal:
            self.refusal = refusal

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.positions) < count:
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def feeding(ledger: Ledger, **limits: int) -> AsyncIterator[MovementFeed]:
    settings = Settings(watch_step_seconds=0.001, **limits)  # type: ignore[arg-type]
    feed = MovementFeed(settings=settings, source=ledger, frames=Frames())
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        running.cancel()
        await asyncio.wait([running])
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, "a task was left behind"


def commit(ledger: Ledger, feed: MovementFeed, count: int = 1) -> None:
    ledger.position += count
    feed.notice(ledger.position)


async def leave(feed: MovementFeed, stream: MovementStream, reader: Reader) -> None:
    reader.task.cancel()
    await asyncio.wait([reader.task])
    feed.leave(stream)


async def test_what_is_committed_is_read_once_for_all_who_are_in_step() -> None:
    ledger = Ledger(100)
    async with feeding(ledger) as feed:
        streams = [await feed.watch(of) for of in (ALL, ONLY_B) * 20]
        readers = [Reader(stream) for stream in streams]
        for _ in range(5):
            commit(ledger, feed, 2)
            await readers[0].until(ledger.position - 100)
            await readers[1].until((ledger.position - 100) // 2)
        assert readers[0].positions == list(range(101, 111))
        assert readers[1].positions == [101, 103, 105, 107, 109]
        assert {of for _, of in ledger.reads} == {ALL}
        assert [after for after, _ in ledger.reads] == sorted({after for after, _ in ledger.reads}), "each stretch once"
        for stream, reader in zip(streams, readers, strict=True):
            await leave(feed, stream, reader)


async def test_nothing_is_read_while_nobody_watches() -> None:
    ledger = Ledger(100)
    async with feeding(ledger) as feed:
        commit(ledger, feed)
        await asyncio.sleep(0.02)
        assert not ledger.reads


async def test_whoever_is_behind_reads_pages_of_its_own_and_then_shares() -> None:
    ledger = Ledger(1_000)
    async with feeding(ledger) as feed:
        near, far = await feed.watch(ALL), await feed.watch(ONLY_B, after=900)
        readers = Reader(near), Reader(far)
        await readers[1].until(50)
        own = [after for after, of in ledger.reads if of == ONLY_B]
        assert own == list(range(900, 1_000, PAGE))
        commit(ledger, feed, 4)
        await readers[0].until(4)
        await readers[1].until(52)
        assert readers[0].positions == [1_001, 1_002, 1_003, 1_004]
        assert readers[1].positions == list(range(901, 1_004, 2))
        assert len([of for _, of in ledger.reads if of == ONLY_B]) == len(own), "it is in step now"
        for stream, reader in zip((near, far), readers, strict=True):
            await leave(feed, stream, reader)


async def test_only_so_many_read_pages_of_their_own_at_a_time_and_the_others_are_told_meanwhile() -> None:
    ledger = Ledger(1_000)
    async with feeding(ledger, max_concurrent_page_reads=2) as feed:
        near = await feed.watch(ALL)
        near_reader = Reader(near)
        ledger.gate.clear()
        far = [await feed.watch(ONLY_B, after=0) for _ in range(10)]
        far_readers = [Reader(stream) for stream in far]
        await asyncio.sleep(0.02)
        assert ledger.under_way == 2
        ledger.gate.set()
        await asyncio.gather(*(reader.until(500) for reader in far_readers))
        assert ledger.most_under_way == 2
        commit(ledger, feed)
        await near_reader.until(1)
        for stream, reader in zip([near, *far], [near_reader, *far_readers], strict=True):
            assert reader.positions == sorted(set(reader.positions))
            await leave(feed, stream, reader)


@pytest.mark.parametrize("after", [None, 50], ids=["in step", "behind"])
async def test_a_ledger_that_cannot_be_read_is_waited_for(after: int | None) -> None:
    ledger = Ledger(100)
    async with feeding(ledger) as feed:
        stream = await feed.watch(ALL, after=after)
        ledger.failure = LedgerUnavailable("main")
        reader = Reader(stream)
        commit(ledger, feed)
        await asyncio.sleep(0.05)
        assert not reader.positions
        ledger.failure = None
        await reader.until(101 - stream.place)
        assert reader.positions == list(range((after or 100) + 1, 102))
        await leave(feed, stream, reader)


async def test_a_fault_ends_the_streams_and_not_the_feed() -> None:
    ledger = Ledger(100)
    async with feeding(ledger) as feed:
        stream = await feed.watch(ALL)
        reader = Reader(stream)
        ledger.failure = RuntimeError("nobody foresaw this")
        commit(ledger, feed)
        await asyncio.wait([reader.task], timeout=10)
        assert isinstance(reader.refusal, WatchEnded)
        assert reader.refusal.cause == "FAULT"
        feed.leave(stream)
        ledger.failure = None
        stream = await feed.watch(ALL, resume_token=reader.refusal.resume_token)
        again = Reader(stream)
        await again.until(1)
        assert again.positions == [101]
        await leave(feed, stream, again)


async def test_a_history_that_is_given_up_is_noticed_though_the_new_one_is_shorter() -> None:
    ledger = Ledger(100)
    async with feeding(ledger) as feed:
        stream = await feed.watch(ALL)
        reader = Reader(stream)
        commit(ledger, feed, 5)
        await reader.until(5)
        ledger.lineage, ledger.position = "two", 90
        commit(ledger, feed)
        await asyncio.wait([reader.task], timeout=10)
        assert isinstance(reader.refusal, WatchEnded)
        assert reader.refusal.cause == "OTHER_LINEAGE"
        assert reader.positions == [101, 102, 103, 104, 105]
        feed.leave(stream)


async def test_streams_are_limited_and_none_begins_while_the_server_stops() -> None:
    ledger = Ledger(100)
    async with feeding(ledger, max_movement_watchers=2) as feed:
        with pytest.raises(StaleRevision):
            await feed.watch(ALL, after=101)
        streams = await asyncio.gather(*(feed.watch(ALL) for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(one, Overloaded) for one in streams) == 3
        feed.stop()
        with pytest.raises(WatchEnded):
            await feed.watch(ALL)
