"""Streams of two segments put together, before two scripted ledgers: what seldom happens elsewhere is forced here."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

import pytest
from holdfast.inventory.v1 import watch_pb2 as pb
from holdfast.inventory.v1.revision_pb2 import Revision

from holdfast_server.edge import watch_frames
from holdfast_server.edge.front.merged_movements import MergedMovements
from holdfast_server.edge.front.merging import Feed, Merging
from holdfast_server.edge.front.outgrown import OpenWatches
from holdfast_server.edge.front.streams import Streams
from holdfast_server.edge.front.subscriptions import KeptEverywhere
from holdfast_server.edge.subscribed import watch_filter_of
from holdfast_server.refusals import LedgerUnavailable, Refusal, WatchEnded, WatcherTooSlow
from holdfast_server.settings import Settings
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.life import Life
from holdfast_server.watch.token import TokenSigner, joined_token, parts_of_token
from unit.watch.test_hub import ScriptedLedger

NAMES = ("north", "south")
WEB = pb.AvailabilityFilter(channels=["web"], skus=["a", "b"])


class Segment:
    """What streams need of the services of a segment; nobody subscribes."""

    def __init__(self, name: str, ledger: ScriptedLedger, settings: Settings) -> None:
        self.segment, self.ledger = name, ledger
        self.hub = AvailabilityHub(settings=settings, source=ledger, frames=watch_frames.WatchFrames(name))
        self.subscribed = self

    async def numbers(self, request: pb.WatchAvailabilityRequest) -> Any:
        return watch_filter_of(request.filter), request.resume_token

    async def signer(self) -> TokenSigner:
        return TokenSigner(await self.ledger.token_key())

    def open(self, name: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def hear(self) -> None:
        self.hub.notice(self.ledger.position)


class Directory:
    """Says that the channel sells from the segments that the test says."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        self.segments = self.selling = tuple(segments)
        self.names = NAMES
        self.first = self.segments[0]

    async def places(self, *_: object) -> dict[str, Any]:
        return {}

    async def sell_from(self, channels: Iterable[str]) -> dict[str, list[Segment]]:
        return {channel: list(self.selling) for channel in channels}


class Reader:
    """Takes messages one by one, when the test says so."""

    def __init__(self, messages: AsyncGenerator[bytes]) -> None:
        self._messages = messages
        self.token = ""
        self.versions: dict[str, int] = {}

    async def take(self) -> pb.WatchAvailabilityResponse:
        async with asyncio.timeout(5):
            response = pb.WatchAvailabilityResponse.FromString(await anext(self._messages))
        for change in (*response.snapshot.values, *response.changes.changes):
            sku = change.availability.sku
            assert change.version >= self.versions.get(sku, 0), f"{sku} goes back"
            self.versions[sku] = change.version
        for place in (response.synced, response.changes, response.bookmark):
            self.token = place.resume_token or self.token
        return response

    async def take_changes(self) -> pb.AvailabilityChanges:
        while not (response := await self.take()).HasField("changes"):
            pass
        return response.changes

    async def ended(self) -> WatchEnded:
        """Takes all that is left, and returns what the stream ended with."""
        try:
            while True:
                await self.take()
        except WatchEnded as ended:
            return ended

    async def take_until_synced(self) -> list[str]:
        events: list[str] = []
        while "synced" not in events:
            events.append(str((await self.take()).WhichOneof("event")))
        return events


def numbers(changes: pb.AvailabilityChanges) -> dict[str, int]:
    return {c.availability.sku: c.availability.available_to_sell_quantity for c in changes.changes}


class Server:
    """The hubs of one server process on both ledgers."""

    def __init__(self, ledgers: Iterable[ScriptedLedger], settings: Settings) -> None:
        self.segments = [Segment(name, ledger, settings) for name, ledger in zip(NAMES, ledgers, strict=True)]
        self.directory: Any = Directory(self.segments)
        self.watches = OpenWatches(self.directory)
        self.streams = Streams(self.directory, KeptEverywhere(self.directory), self.watches)
        self.stack = contextlib.AsyncExitStack()
        self.gave_up: list[Refusal] = []

    def hear(self) -> None:
        for segment in self.segments:
            segment.hear()

    async def told(self) -> None:
        """Waits until the hubs have told of all that was committed."""
        self.hear()
        for segment in self.segments:
            while segment.hub.position < segment.ledger.position:  # noqa: ASYNC110 - a hub tells nobody but watchers
                await asyncio.sleep(0.002)

    async def watch(self, token: str = "", of: pb.AvailabilityFilter = WEB) -> Reader:
        request = pb.WatchAvailabilityRequest(filter=of, resume_token=token)
        return Reader(await self.stack.enter_async_context(self.streams.numbers(request, self.gave_up.append)))

    async def synced(self) -> Reader:
        reader = await self.watch()
        await reader.take_until_synced()
        return reader


class Trade:
    """Two ledgers, and servers on them."""

    def __init__(self, **settings: object) -> None:
        quick: dict[str, object] = {
            "watch_step_seconds": 0.001,
            "watch_portion_seconds": 0.001,
            "watch_slowest_step_seconds": 0.02,
            "commit_wait_seconds": 2.0,
        }
        self.settings = Settings(**(quick | settings))  # type: ignore[arg-type]
        self.north, self.south = self.ledgers = (ScriptedLedger(), ScriptedLedger())
        self.north.lineage, self.south.lineage = NAMES
        self.stack = contextlib.AsyncExitStack()

    async def server(self) -> Server:
        server = Server(self.ledgers, self.settings)
        for segment in server.segments:
            await self.stack.enter_async_context(_running(segment.hub))
        await self.stack.enter_async_context(server.stack)
        return server


@contextlib.asynccontextmanager
async def _running(hub: AvailabilityHub) -> AsyncIterator[None]:
    task = asyncio.create_task(hub.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextlib.asynccontextmanager
async def trading(**settings: object) -> AsyncIterator[Trade]:
    trade = Trade(**settings)
    async with trade.stack:
        yield trade


async def test_a_sum_has_what_is_so_in_the_other_segment_and_is_told_again_when_that_changes() -> None:
    async with trading() as at:
        server = await at.server()
        reader = await server.synced()
        at.north.sell("a")
        server.hear()
        assert numbers(await reader.take_changes()) == {"a": 199}
        at.south.sell("a", "a")
        server.hear()
        changes = await reader.take_changes()
        assert numbers(changes) == {"a": 197}
        assert changes.revision == Revision(segment="south", position=2)
        assert list(changes.revisions) == [Revision(segment="north", position=1), changes.revision]


async def test_a_slow_reader_is_told_the_latest_sum_and_every_cause() -> None:
    async with trading() as at:
        server = await at.server()
        reader = await server.synced()
        for _ in range(20):
            for ledger in at.ledgers:
                ledger.sell("a")
                await server.told()
        told = 0
        messages = 0
        skipped = 0
        while told < 40:
            changes = await reader.take_changes()
            messages += 1
            for change in changes.changes:
                told += sum(cause.operation_count for cause in change.causes)
                skipped += change.skipped_count
        assert told == 40
        assert numbers(changes) == {"a": 160}
        assert messages <= 6, "what one segment's hub has for it, and what its feed holds already"
        assert skipped == 40 - messages


async def test_a_version_does_not_go_back_from_a_server_that_has_read_ahead_to_one_that_is_behind() -> None:
    async with trading() as at:
        at.south.sell("b", "b")
        behind = await at.server()
        first = await behind.synced()
        token, versions = first.token, first.versions
        at.north.sell("a")
        ahead = await at.server()
        reader = await ahead.watch(token)
        reader.versions = versions
        # The sum is read when the south is further than what its hub was told of.
        at.south.sell("b", "b", "b")
        changes = await reader.take_changes()
        assert numbers(changes) == {"a": 199}
        assert changes.changes[0].version == 1 + 5
        at.north.sell("a")
        back = await behind.watch(reader.token)
        back.versions = reader.versions
        told = {}
        while told.get("a") != 198:
            told |= numbers(await back.take_changes())


async def test_what_a_segment_does_not_have_is_not_asked_for_again_with_every_change() -> None:
    async with trading() as at:
        first = await (await at.server()).synced()
        del at.south.units["a"]
        at.north.sell("a")
        server = await at.server()
        reader = await server.watch(first.token)
        assert numbers(await reader.take_changes()) == {"a": 99}, "the south knows nothing of it"
        reads = at.south.reads
        await asyncio.sleep(1.2)  # the load behind the return comes within a second
        assert at.south.reads > reads
        reads = at.south.reads
        at.north.sell("a")
        server.hear()
        assert numbers(await reader.take_changes()) == {"a": 98}
        assert at.south.reads == reads


@pytest.mark.parametrize("name", NAMES)
async def test_if_one_history_ends_the_stream_does_and_all_begins_anew(name: str) -> None:
    async with trading() as at:
        server = await at.server()
        reader = await server.synced()
        token = reader.token
        at.north.sell("a")
        server.hear()
        await reader.take_changes()
        number = NAMES.index(name)
        at.ledgers[number].lineage = "another"
        at.ledgers[number].sell("b")
        server.hear()
        end = await reader.ended()
        assert (end.cause, end.resume_token) == ("OTHER_LINEAGE", reader.token)
        again = await server.watch(token)
        assert (await again.take()).reset.reason == pb.WATCH_RESET_REASON_OTHER_LINEAGE
        again.versions.clear()
        assert await again.take_until_synced() == ["snapshot", "synced"]
        server.hear()


async def test_a_stream_that_cannot_be_opened_in_one_segment_leaves_nothing_in_the_other() -> None:
    async with trading(max_watchers=1) as at:
        server = await at.server()
        at.south.refusal = LedgerUnavailable("south")
        with pytest.raises(LedgerUnavailable):
            await server.watch()
        at.south.refusal = None
        await server.synced()


async def test_whoever_leaves_leaves_nothing_behind() -> None:
    async with trading(max_watchers=1) as at:
        server = await at.server()
        await server.synced()
        await server.stack.aclose()
        await asyncio.sleep(0)
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not {name for name in names if name.startswith("feed-")}
        await server.synced()


async def test_a_watch_of_one_segment_is_ended_when_its_channel_sells_from_both() -> None:
    async with trading() as at:
        server = await at.server()
        server.directory.selling = server.segments[:1]
        reader = await server.synced()
        assert parts_of_token(reader.token) is None
        await server.watches.look()
        ended = asyncio.create_task(reader.ended())
        await asyncio.sleep(0.01)
        assert not ended.done()
        server.directory.selling = server.segments
        await server.watches.look()
        end = await ended
        assert (end.cause, end.resume_token) == ("OTHER_SEGMENTS", reader.token)
        again = await server.watch(reader.token)
        assert (await again.take()).reset.reason == pb.WATCH_RESET_REASON_OTHER_SEGMENTS
        server.directory.selling = server.segments[1:]
        await server.watches.look()
        assert await again.take_until_synced() == ["snapshot", "synced"], "it tells of more than is needed"


async def test_changes_that_belong_together_are_not_parted_by_another_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_frames, "_MAX_MESSAGE_BYTES", 1)
    async with trading() as at:
        server = await at.server()
        reader = await server.synced()
        for _ in range(3):
            for ledger in at.ledgers:
                ledger.sell("a", "b")
            await server.told()
        last: dict[str, int] = {}
        together: set[str] = set()
        parts = 0
        while last.get("a") != 194 or last.get("b") != 194 or together:
            changes = await reader.take_changes()
            last |= numbers(changes)
            together |= {cause.revision.segment for change in changes.changes for cause in change.causes}
            assert len(together) == 1
            parts += not changes.resume_token
            if changes.resume_token:
                together = set()
        assert parts, "they came in parts"


async def test_a_watch_goes_on_while_its_channels_sell_from_what_it_tells_of() -> None:
    segments: list[Any] = [object(), object(), object()]
    directory: Any = Directory(segments)
    watches = OpenWatches(directory)
    told_of: list[Any] = [(segment, Life(max_age_seconds=60)) for segment in segments[:2]]
    with watches.open(watch_filter_of(WEB), told_of):
        for selling, expected in ((segments[:2], 0), (segments[:1], 0), ([], 0), (segments[1:], 2)):
            directory.selling = selling
            await watches.look()
            assert sum(life._end is not None for _, life in told_of) == expected
    await watches.look()


# The streams by themselves.


def movements(segment: str, position: int, *, goes_on: bool = False) -> bytes:
    batch = pb.MovementBatch(movements=[{"revision": Revision(segment=segment, position=position)}])
    if not goes_on:
        batch.resume_token = "AAAA"
        batch.revision.CopyFrom(Revision(segment=segment, position=position))
    return pb.WatchMovementsResponse(movements=batch).SerializeToString()


def bookmark(segment: str, position: int) -> bytes:
    place = pb.WatchBookmark(resume_token="AAAA", revision=Revision(segment=segment, position=position))
    return pb.WatchMovementsResponse(bookmark=place).SerializeToString()


async def messages(*told: bytes) -> AsyncGenerator[bytes]:
    for one in told:
        yield one
    await asyncio.Event().wait()


def feed(segment: str, *told: bytes) -> Feed:
    return Feed(segment, Life(max_age_seconds=60), messages(*told), token="", position=None)


async def test_the_movements_of_one_operation_are_not_parted_by_another_segment() -> None:
    parts = [movements(name, at, goes_on=at % 3 != 0) for name in NAMES for at in range(1, 7)]
    feeds = [feed(name, bookmark(name, 0), *(part for part in parts if name.encode() in part)) for name in NAMES]
    stream = MergedMovements(Merging(feeds, lambda _: None), []).messages()
    async with asyncio.timeout(5), contextlib.aclosing(stream):
        first = pb.WatchMovementsResponse.FromString(await anext(stream))
        assert first.bookmark.resume_token == joined_token(dict.fromkeys(NAMES, "AAAA"))
        told = [pb.WatchMovementsResponse.FromString(await anext(stream)).movements for _ in range(12)]
    order = [(one.movements[0].revision.segment, one.movements[0].revision.position) for one in told]
    assert order == [(name, at) for begin in (1, 4) for name in NAMES for at in range(begin, begin + 3)], (
        "they take turns, but not in the middle"
    )
    assert [bool(one.resume_token) for one in told] == [False, False, True] * 4
    assert [len(one.revisions) for one in told] == [0, 0, 2] * 4


async def test_whose_message_waits_behind_others_is_not_stuck_while_those_are_taken() -> None:
    async with trading() as at:
        waiting, telling = (feed(name) for name in NAMES)
        gave_up: list[Refusal] = []
        merging = Merging([waiting, telling], gave_up.append)
        waiting.life.writing_since = time.monotonic() - at.settings.watch_stall_seconds - 1
        merging.told("")
        waiting.life.look_after(time.monotonic(), at.settings)
        assert not gave_up
        merging.told("the token of both")
        waiting.life.token = "its own"
        telling.life.writing_since = time.monotonic() - at.settings.watch_stall_seconds - 1
        telling.life.look_after(time.monotonic(), at.settings)
        (refusal,) = gave_up
        assert isinstance(refusal, WatcherTooSlow)
        assert refusal.resume_token == "the token of both"
