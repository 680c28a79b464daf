"""The hub by itself, before a scripted ledger: what a slow watcher is owed, and no place ahead of what is told.

The real sources are in the API tests; here every step is taken by hand, so that races are forced and not waited for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from holdfast.inventory.v1 import watch_pb2 as pb
from holdfast.inventory.v1.stock_pb2 import Availability

from holdfast_server import layouts
from holdfast_server.edge.watch_frames import WatchFrames
from holdfast_server.refusals import LedgerUnavailable, Overloaded, Refusal, WatchEnded
from holdfast_server.settings import Settings
from holdfast_server.watch.changes import Catalogue, ChangedRule, Key, LedgerChanges, LedgerHead, Moved
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.hub import AvailabilityHub
from holdfast_server.watch.watcher import Watcher

RESERVE = layouts.OPERATION_KINDS["RESERVE"]
PUT_RULES = layouts.OPERATION_KINDS["PUT_RULES"]
WEB = WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=frozenset({"a", "b"}))


class ScriptedLedger:
    """A ledger of reservations of one unit each at one location, and the numbers after them."""

    def __init__(self) -> None:
        self.lineage = "history-1"
        self.sold: list[str] = []
        self.rules: dict[int, str] = {}
        self.units = {"a": 100, "b": 100}
        self.refusal: Refusal | None = None
        self.releases: list[tuple[int, str]] = []
        self.released: list[str] = []
        self.reads = 0
        self.may_read = asyncio.Event()
        self.may_read.set()

    @property
    def position(self) -> int:
        return len(self.sold)

    def sell(self, *skus: str) -> None:
        self.sold += skus

    def change_rule(self, sku: str, units: int) -> None:
        """A rule that leaves so many units to be sold."""
        self.sold.append("")
        self.rules[self.position] = sku
        self.units[sku] = units + self.sold.count(sku)

    async def token_key(self) -> bytes:
        return b"key"

    async def head(self) -> LedgerHead:
        return LedgerHead(self.lineage, 1, self.position)

    async def changes_after(self, position: int, limit: int) -> LedgerChanges:
        until = min(self.position, position + limit)
        places: dict[str, list[int]] = {}
        for number in range(position + 1, until + 1):
            if self.sold[number - 1]:
                places.setdefault(self.sold[number - 1], []).append(number)
        safety = layouts.RULE_KINDS["SAFETY_STOCK"]
        return LedgerChanges(
            lineage=self.lineage,
            epoch=1,
            head=self.position,
            reached=until,
            moved=[Moved(sku, "here", RESERVE, numbers, numbers) for sku, numbers in places.items()],
            rules=[
                ChangedRule(number, PUT_RULES, safety, sku, "", "")
                for number, sku in self.rules.items()
                if position < number <= until
            ],
            items=[],
            places=[],
        )

    async def catalogue(self, released_us: int) -> Catalogue:
        return Catalogue(
            locations=frozenset({"here"}),
            locations_of={"web": frozenset({"here"})},
            channels_at={"here": ("web",)},
            releases=tuple(one for one in self.releases if one[0] > released_us),
        )

    async def released_since(self, position: int) -> list[str]:
        return self.released

    async def read(self, keys: Sequence[Key]) -> tuple[int, list[bytes | None]]:
        await self.may_read.wait()
        if self.refusal is not None:
            raise self.refusal
        self.reads += len(keys)
        return self.position, [
            Availability(
                sku=key.sku,
                channel=key.channel,
                available_to_sell_quantity=self.units[key.sku] - self.sold.count(key.sku),
            ).SerializeToString()
            if key.sku in self.units
            else None
            for key in keys
        ]

    async def skus(self, channel: str, location: str) -> AsyncIterator[list[str]]:
        yield sorted(self.units)


class Reader:
    """Takes messages one by one, when the test says so."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._messages = watcher.messages()
        self.token = self.token_before = ""

    async def take(self) -> pb.WatchAvailabilityResponse:
        async with asyncio.timeout(5):
            response = pb.WatchAvailabilityResponse.FromString(await anext(self._messages))
        self.token_before = self.token
        for place in (response.synced, response.changes, response.bookmark):
            self.token = place.resume_token or self.token
        return response

    async def take_changes(self) -> pb.AvailabilityChanges:
        """Takes what comes until it is changes."""
        while True:
            response = await self.take()
            if response.HasField("changes"):
                return response.changes


class Rig:
    def __init__(self, hub: AvailabilityHub, ledger: ScriptedLedger) -> None:
        self.hub, self.ledger = hub, ledger

    def sell(self, *skus: str) -> None:
        self.ledger.sell(*skus)
        self.hub.notice(self.ledger.position)

    async def told(self, position: int | None = None) -> None:
        """Waits until the hub has told of all that was committed, or of all up to a position."""
        async with asyncio.timeout(5):
            while self.hub.position < (self.ledger.position if position is None else position):  # noqa: ASYNC110 - the hub tells nobody but watchers
                await asyncio.sleep(0.002)

    async def watch(self, token: str = "", of: WatchFilter = WEB) -> Reader:
        return Reader(await self.hub.watch(of, token))

    async def synced(self, of: WatchFilter = WEB) -> Reader:
        """A reader that has taken its snapshot."""
        reader = await self.watch(of=of)
        while not (await reader.take()).HasField("synced"):
            pass
        return reader


@asynccontextmanager
async def rig(ledger: ScriptedLedger | None = None, **settings: object) -> AsyncIterator[Rig]:
    quick: dict[str, object] = {
        "watch_step_seconds": 0.001,
        "watch_portion_seconds": 0.001,
        "watch_slowest_step_seconds": 0.02,
    }
    ledger = ledger or ScriptedLedger()
    hub = AvailabilityHub(
        settings=Settings(**(quick | settings)),  # type: ignore[arg-type]
        source=ledger,
        frames=WatchFrames("main"),
    )
    running = asyncio.create_task(hub.run())
    try:
        yield Rig(hub, ledger)
    finally:
        running.cancel()
        await asyncio.wait([running])


def numbers(changes: pb.AvailabilityChanges) -> dict[str, int]:
    return {c.availability.sku: c.availability.available_to_sell_quantity for c in changes.changes}


async def test_a_slow_watcher_is_told_the_latest_numbers_and_what_was_left_out() -> None:
    async with rig() as at:
        slow = await at.synced()
        for _ in range(5):
            at.sell("a")
            await at.told()
        first = await slow.take_changes()
        assert numbers(first) == {"a": 95}, "what it did not come to in time is told as it is now"
        (change,) = first.changes
        assert [(c.operation, c.operation_count) for c in change.causes] == [("RESERVE", 5)]
        assert change.skipped_count == 4
        assert first.revision.position == 5


async def test_what_is_being_written_is_not_overtaken_but_followed_by_the_rest() -> None:
    async with rig() as at:
        reader = await at.synced()
        at.sell("a")
        await at.told()
        first = await reader.take_changes()
        at.sell("a", "b")
        await at.told()
        at.sell("b")
        await at.told()
        second = await reader.take_changes()
        assert numbers(first) == {"a": 99}
        assert numbers(second) == {"a": 98, "b": 98}
        assert {c.availability.sku: c.skipped_count for c in second.changes} == {"a": 0, "b": 1}
        assert (first.revision.position, second.revision.position) == (1, 4)


async def test_those_who_keep_up_share_one_message() -> None:
    async with rig() as at:
        readers = [await at.synced() for _ in range(3)]
        at.sell("a")
        await at.told()
        taken = [await anext(reader._messages) for reader in readers]
        assert taken[0] is taken[1] is taken[2]


async def test_a_watch_that_is_resumed_counts_what_it_missed_exactly_once() -> None:
    async with rig() as at:
        reader = await at.synced()
        token = reader.token
        at.hub.leave(reader.watcher)
        at.sell("a", "a", "b")
        await at.told()
        again = await at.watch(token)
        at.sell("a")
        await at.told()
        changes = await again.take_changes()
        counted = {c.availability.sku: sum(cause.operation_count for cause in c.causes) for c in changes.changes}
        assert counted == {"a": 3, "b": 1}
        assert numbers(changes) == {"a": 97, "b": 99}
        assert changes.revision.position == 4


async def test_what_is_committed_but_not_told_yet_is_counted_once_too() -> None:
    """The ledger is ahead of what the hub has heard of when the watch is resumed."""
    async with rig() as at:
        reader = await at.synced()
        at.hub.leave(reader.watcher)
        at.sell("a")
        await at.told()
        at.ledger.sell("a", "b")
        again = await at.watch(reader.token)
        at.hub.notice(at.ledger.position)
        counted: Counter[str] = Counter()
        position = 0
        while position < at.ledger.position:
            changes = await again.take_changes()
            position = changes.revision.position
            for change in changes.changes:
                counted[change.availability.sku] += sum(cause.operation_count for cause in change.causes)
        assert counted == {"a": 2, "b": 1}


async def test_a_watch_that_was_away_too_long_to_count_is_told_all_numbers() -> None:
    async with rig(watch_max_resume_operations=10) as at:
        reader = await at.synced()
        token = reader.token
        at.hub.leave(reader.watcher)
        at.sell(*["a"] * 11)
        await at.told()
        changes = await (await at.watch(token)).take_changes()
        assert numbers(changes) == {"a": 89, "b": 100}
        assert not any(change.causes for change in changes.changes)


async def test_a_change_that_comes_while_the_snapshot_is_read_is_told() -> None:
    async with rig() as at:
        at.ledger.may_read.clear()
        joining = asyncio.create_task(at.watch())
        await asyncio.sleep(0.01)
        at.sell("a")
        at.ledger.may_read.set()
        reader = Reader((await joining).watcher)
        latest: dict[str, int] = {}
        while latest.get("a") != 99:
            response = await reader.take()
            for change in (*response.snapshot.values, *response.changes.changes):
                latest[change.availability.sku] = change.availability.available_to_sell_quantity


async def test_changes_wait_for_a_sequencer_that_is_away_and_none_is_lost() -> None:
    async with rig() as at:
        reader = await at.synced()
        at.ledger.refusal = LedgerUnavailable("main")
        at.sell("a")
        await asyncio.sleep(0.05)
        at.sell("b")
        await asyncio.sleep(0.05)
        assert at.hub.position == 0, "no place lies ahead of what was told"
        at.ledger.refusal = None
        await at.told()
        changes = await reader.take_changes()
        assert numbers(changes) == {"a": 99, "b": 99}
        assert [cause.operation_count for c in changes.changes for cause in c.causes] == [1, 1]


async def test_a_rule_is_told_only_where_it_changes_a_number() -> None:
    async with rig() as at:
        reader = await at.synced()
        at.ledger.change_rule("a", 100)
        at.ledger.change_rule("b", 40)
        at.hub.notice(at.ledger.position)
        await at.told()
        changes = await reader.take_changes()
        assert numbers(changes) == {"b": 40}
        assert [cause.operation for cause in changes.changes[0].causes] == ["PUT_RULES"]


async def test_a_bookmark_comes_while_nothing_changes_and_not_before_what_waits() -> None:
    async with rig(watch_bookmark_seconds=0.01) as at:
        reader = await at.synced()
        bookmark = await reader.take()
        assert bookmark.bookmark.revision.position == 0
        at.sell("a")
        await at.told()
        await asyncio.sleep(1.2)
        following = [await reader.take(), await reader.take()]
        assert [r.WhichOneof("event") for r in following] == ["changes", "bookmark"]
        assert [r.changes.revision.position or r.bookmark.revision.position for r in following] == [1, 1]


async def test_another_history_ends_every_watch_and_its_tokens_begin_anew() -> None:
    async with rig() as at:
        reader = await at.synced()
        token = reader.token
        at.ledger.lineage = "history-2"
        at.sell("a")
        with pytest.raises(WatchEnded) as ended:
            await reader.take()
        assert ended.value.cause == "OTHER_LINEAGE"
        at.hub.leave(reader.watcher)
        again = await at.watch(token)
        first = await again.take()
        assert first.reset.reason == pb.WATCH_RESET_REASON_OTHER_LINEAGE
        assert (await again.take()).snapshot.values[0].availability.sku in ("a", "b")


async def test_a_token_of_the_future_begins_anew() -> None:
    async with rig() as at:
        at.sell("a", "a")
        reader = await at.synced()
        at.hub.leave(reader.watcher)
        at.ledger.sold.pop()
    async with rig() as later:
        later.sell("a")
        again = await later.watch(reader.token)
        assert (await again.take()).reset.reason == pb.WATCH_RESET_REASON_FROM_THE_FUTURE


async def test_a_watcher_that_is_behind_in_another_process_is_waited_for() -> None:
    async with rig() as ahead:
        ahead.sell("a", "a")
        reader = await ahead.synced()
        async with rig() as behind:
            behind.ledger.sold = ahead.ledger.sold
            behind_reader = await behind.synced()
            behind.hub.leave(behind_reader.watcher)
            ahead.sell("b")
            await ahead.told()
            changes = await reader.take_changes()
            again = await behind.watch(changes.resume_token)
            assert behind.hub.position == 3
            response = await again.take()
            assert response.bookmark.revision.position == 3


async def test_places_are_given_back_and_numbers_are_forgotten() -> None:
    async with rig(max_watchers=2, watch_linger_seconds=0.0) as at:
        readers = [await at.synced(), await at.synced()]
        with pytest.raises(Overloaded):
            await at.watch()
        for reader in readers:
            at.hub.leave(reader.watcher)
        await asyncio.sleep(1.2)
        assert not at.hub._groups
        reads = at.ledger.reads
        at.sell("a")
        await asyncio.sleep(0.05)
        assert at.ledger.reads == reads, "nobody watches, so nothing is asked"
        assert (await at.synced()).token


async def test_what_a_slow_watcher_is_owed_is_bounded_by_its_numbers() -> None:
    async with rig() as at:
        reader = await at.synced()
        for _ in range(50):
            at.sell(*["a", "b"] * 20)
            await at.told()
        changes = await reader.take_changes()
        assert len(changes.changes) == 2
        assert [sum(c.operation_count for c in change.causes) for change in changes.changes] == [1000, 1000]


async def test_a_hub_that_stops_ends_every_watch_with_its_token_and_takes_no_new_one() -> None:
    async with rig() as at:
        reader = await at.synced()
        at.sell("a")
        await at.told()
        changes = await reader.take_changes()
        for _ in range(3):
            at.sell("a")
            await at.told()
        at.hub.stop()
        with pytest.raises(WatchEnded) as ended:
            await reader.take()
        assert (ended.value.cause, ended.value.resume_token) == ("SHUTDOWN", reader.token_before)
        with pytest.raises(WatchEnded):
            await at.watch(changes.resume_token)
