"""Two who watch, and something that happens just between: nothing may be swallowed, and no place lie ahead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server import layouts
from holdfast_server.refusals import WatchEnded
from holdfast_server.watch.changes import ChangedRule, Key, LedgerChanges, LedgerHead
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.token import ResumeToken, TokenSigner
from unit.watch.test_hub import PUT_RULES, WEB, Reader, Rig, ScriptedLedger, numbers, rig

ALL = WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=None)
OTHER = WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=frozenset({"a"}))


async def all_told(reader: Reader, until: int) -> dict[str, int]:
    """What a reader is told until it stands at a position."""
    latest: dict[str, int] = {}
    position = -1
    while position < until:
        response = await reader.take()
        for change in (*response.snapshot.values, *response.changes.changes):
            latest[change.availability.sku] = change.availability.available_to_sell_quantity
        for place in (response.synced, response.changes, response.bookmark):
            if place.resume_token:
                position = place.revision.position
    return latest


async def end_of(reader: Reader) -> WatchEnded:
    """Takes all that is left, and returns what the watch ended with."""
    try:
        while True:
            await reader.take()
    except WatchEnded as ended:
        return ended


def hear(at: Rig) -> None:
    at.hub.notice(at.ledger.position)


async def test_a_rule_that_another_watchers_return_has_read_first_is_told_to_all() -> None:
    async with rig() as at:
        steady, gone = await at.synced(), await at.synced()
        at.hub.leave(gone.watcher)
        at.sell("a")
        await at.told()
        assert numbers(await steady.take_changes()) == {"a": 99}
        at.ledger.change_rule("a", 7)
        await at.watch(gone.token)
        hear(at)
        assert (await all_told(steady, 2))["a"] == 7


async def test_a_rule_that_the_load_behind_a_return_has_read_first_is_told() -> None:
    async with rig() as at:
        token = (await at.synced()).token
    async with rig() as fresh:
        returned = await fresh.watch(token)
        assert (await returned.take()).HasField("bookmark")
        fresh.ledger.change_rule("a", 7)
        await asyncio.sleep(1.2)  # the load, which comes within a second, has read it
        hear(fresh)
        assert (await all_told(returned, 1))["a"] == 7


async def test_a_rule_that_a_step_has_read_ahead_is_told_to_those_who_came_back_before_its_own_step() -> None:
    async with rig() as other:
        elsewhere = await other.synced()
        other.sell("a")
        assert numbers(await elsewhere.take_changes()) == {"a": 99}
    async with rig() as at:
        await at.synced()
        at.ledger.may_read.clear()
        at.sell("a")
        await asyncio.sleep(0.1)  # the step of the sale has begun to read
        at.ledger.change_rule("a", 7)
        at.ledger.may_read.set()
        await at.told(1)
        returned = await at.watch(elsewhere.token)
        hear(at)
        assert (await all_told(returned, 2))["a"] == 7


async def test_a_rule_that_a_first_load_has_read_ahead_is_told_to_those_who_came_back() -> None:
    async with rig() as other:
        elsewhere = await other.synced()
    async with rig() as at:
        await at.synced(WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=frozenset({"b"})))
        at.ledger.change_rule("a", 7)  # the hub has not heard of it
        await at.synced()
        returned = await at.watch(elsewhere.token)
        hear(at)
        assert (await all_told(returned, 1))["a"] == 7


async def test_a_step_whose_reading_was_overtaken_by_a_return_tells_the_newer_number_again() -> None:
    key = Key("a", "web", "")
    async with rig() as at:
        await at.synced()
        group = at.hub._groups[WEB]
        group.take_aside(key, 110, b"new", told=100)
        assert group.take_to_tell(key, 105, b"old", reached=105)
        assert group.take_to_tell(key, 111, b"new", reached=111)
        assert not group.take_to_tell(key, 112, b"new", reached=112)


async def test_a_rule_that_came_and_went_in_what_a_step_has_read_ahead_is_told_all_the_same() -> None:
    async with rig() as other:
        elsewhere = await other.synced()
        other.sell("a")
        assert numbers(await elsewhere.take_changes()) == {"a": 99}
        other.ledger.change_rule("a", 7)
        hear(other)
        assert numbers(await elsewhere.take_changes()) == {"a": 7}
    async with rig() as at:
        steady = await at.synced()
        at.sell("a")
        assert numbers(await steady.take_changes()) == {"a": 99}
        at.ledger.may_read.clear()
        at.ledger.change_rule("a", 7)
        hear(at)
        await asyncio.sleep(0.1)  # the step of the first rule has begun to read
        at.ledger.change_rule("a", 99)
        at.ledger.may_read.set()
        await at.told(2)
        returned = await at.watch(elsewhere.token)
        hear(at)
        assert (await all_told(returned, 3))["a"] == 99


async def test_what_changes_while_all_are_away_is_told_though_something_waited_when_the_last_one_left() -> None:
    async with rig(watch_portion_seconds=0.9) as at:
        gone = await at.synced()
        at.sell("a")
        assert numbers(await gone.take_changes()) == {"a": 99}
        at.sell("b")
        await at.told()  # taken in; the next portion is not due yet
        at.hub.leave(gone.watcher)
        at.sell("a")
        await at.told()
        returned = await at.watch(gone.token)
        latest = await all_told(returned, 3)
        assert (latest["a"], latest["b"]) == (98, 99)


async def test_a_bookmark_never_overtakes_what_a_return_is_owed() -> None:
    async with rig(watch_bookmark_seconds=0.01) as at:
        gone = await at.synced()
        at.hub.leave(gone.watcher)
        at.sell("a")
        await at.told()
        at.ledger.may_read.clear()
        returning = asyncio.create_task(at.watch(gone.token))
        await asyncio.sleep(1.2)
        at.ledger.may_read.set()
        assert (await (await returning).take()).HasField("changes")


async def test_a_rule_and_a_sale_in_one_step_are_both_causes() -> None:
    async with rig() as at:
        reader = await at.synced()
        at.ledger.sell("a")
        at.ledger.change_rule("a", 7)
        hear(at)
        changes = await reader.take_changes()
        assert {c.operation for one in changes.changes for c in one.causes} == {"RESERVE", "PUT_RULES"}


async def test_a_preorder_that_is_released_while_a_step_reads_is_told() -> None:
    async with rig() as at:
        at.ledger.releases = [(int(time.time() * 1e6) + 50_000, "a")]
        reader = await at.synced()
        at.ledger.may_read.clear()
        at.sell("b")
        at.ledger.units["a"] = 55
        await asyncio.sleep(2.5)
        at.ledger.may_read.set()
        latest = await all_told(reader, 1)
        while "a" not in latest:
            latest |= await all_told(reader, 1)
        assert latest["a"] == 55


async def test_a_preorder_that_is_released_before_the_catalogue_is_read_again_is_told() -> None:
    async with rig() as at:
        at.ledger.releases = [(int(time.time() * 1e6) + 100_000, "a")]
        reader = await at.synced()
        await asyncio.sleep(0.2)
        at.ledger.units["a"] = 55
        at.ledger.change_rule("b", 40)
        hear(at)
        latest = await all_told(reader, 1)
        while "a" not in latest:
            latest |= await all_told(reader, 1)
        assert latest == {"a": 55, "b": 40}


async def test_a_preorder_that_was_released_while_a_watcher_was_away_is_told() -> None:
    async with rig() as at:
        token = (await at.synced()).token
    async with rig() as later:
        later.ledger.released = ["a"]
        later.ledger.units["a"] = 55
        assert numbers(await (await later.watch(token)).take_changes()) == {"a": 55}


async def test_what_is_owed_of_an_old_history_is_never_told_with_a_place_of_the_new() -> None:
    async with rig() as at:
        slow = await at.synced()
        for _ in range(3):
            at.sell("a")
            await at.told()
        at.ledger.lineage = "history-2"
        at.sell("a")
        await asyncio.sleep(0.05)
        await at.synced(OTHER)
        again = await at.watch((await end_of(slow)).resume_token)
        assert (await again.take()).WhichOneof("event") in ("reset", "snapshot")


async def test_a_new_history_that_begins_further_back_ends_every_watch() -> None:
    async with rig(commit_wait_seconds=0.5) as at:
        at.sell(*["a"] * 5)
        reader = await at.synced()
        at.ledger.lineage = "history-2"
        del at.ledger.sold[2:]
        at.sell("a")
        with pytest.raises(WatchEnded):
            await reader.take()
        at.hub.leave(reader.watcher)
        assert (await at.watch()).watcher, "and lets new ones begin"


async def test_a_token_of_a_new_history_is_not_answered_with_the_old() -> None:
    async with rig() as at:
        await at.synced()
        at.ledger.lineage = "history-2"
        at.ledger.sell("a")
        token = TokenSigner(b"key").text_of(
            ResumeToken(lineage="history-2", epoch=1, position=1, filter_digest=WEB.digest())
        )
        with pytest.raises(WatchEnded):
            await at.watch(token)
        assert not (await (await at.watch(token)).take()).HasField("reset")


async def test_a_load_that_is_taken_away_ends_the_watch_and_does_not_cancel_its_caller() -> None:
    async with rig() as at:
        await at.synced()
        at.ledger.may_read.clear()
        joining = asyncio.create_task(at.hub.watch(OTHER, ""))
        await asyncio.sleep(0.02)
        at.ledger.lineage = "history-2"
        at.sell("a")
        with pytest.raises(WatchEnded):
            async with asyncio.timeout(5):
                await joining


async def test_a_watcher_that_always_has_something_waiting_ends_when_it_is_told_to() -> None:
    async with rig() as at:
        reader = await at.synced()
        at.sell("a")
        await at.told()
        at.hub.stop()
        with pytest.raises(WatchEnded):
            await reader.take()


async def test_a_stop_while_the_first_watch_begins_is_not_missed() -> None:
    async with rig() as at:
        go = asyncio.Event()
        head = at.ledger.head

        async def slow_head() -> LedgerHead:
            await go.wait()
            return await head()

        at.ledger.head = slow_head  # type: ignore[method-assign]
        joining = asyncio.create_task(at.hub.watch(WEB, ""))
        await asyncio.sleep(0.01)
        at.hub.stop()
        go.set()
        with pytest.raises(WatchEnded):
            await joining


async def test_those_who_come_first_together_are_no_more_than_may_watch() -> None:
    async with rig(max_watchers=1) as at:
        came = await asyncio.gather(*(at.hub.watch(WEB, "") for _ in range(10)), return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in came) == 1


async def test_a_token_of_another_authority_begins_the_watch_anew() -> None:
    async with rig() as at:
        token = ResumeToken(lineage="history-1", epoch=1, position=0, filter_digest=WEB.digest())
        again = await at.watch(TokenSigner(b"another key").text_of(token))
        assert (await again.take()).reset.reason == pb.WATCH_RESET_REASON_OTHER_LINEAGE


async def test_a_return_that_ends_before_its_first_place_keeps_the_one_it_came_with() -> None:
    async with rig() as at:
        gone = await at.synced()
        at.hub.leave(gone.watcher)
        at.sell("a")
        await at.told()
        again = await at.watch(gone.token)
        at.hub.stop()
        with pytest.raises(WatchEnded) as ended:
            await again.take()
        assert ended.value.resume_token == gone.token


class ChannelRule(ScriptedLedger):
    """Its rules are of the whole channel."""

    async def changes_after(self, position: int, limit: int) -> LedgerChanges:
        changes = await super().changes_after(position, limit)
        buffer = layouts.RULE_KINDS["CHANNEL_BUFFER"]
        rules = [ChangedRule(rule.position, PUT_RULES, buffer, "", "", "web") for rule in changes.rules]
        return replace(changes, rules=rules)


async def test_a_rule_of_a_whole_channel_reaches_numbers_that_are_not_loaded_yet() -> None:
    async with rig(ledger=ChannelRule()) as at:
        token = (await at.synced(ALL)).token
    async with rig(ledger=ChannelRule()) as fresh:
        returned = await fresh.watch(token, ALL)
        fresh.ledger.change_rule("a", 7)
        hear(fresh)
        assert (await all_told(returned, 1))["a"] == 7


class Unreadable(ScriptedLedger):
    """Breaks in a way that nobody foresaw."""

    broken = False

    async def read(self, keys: Sequence[Key]) -> tuple[int, list[bytes | None]]:
        if self.broken:
            raise RuntimeError("broken")
        return await super().read(keys)


async def test_a_fault_that_nobody_foresaw_ends_the_watches_and_not_the_hub() -> None:
    ledger = Unreadable()
    async with rig(ledger=ledger) as at:
        reader = await at.synced()
        ledger.broken = True
        at.sell("a")
        with pytest.raises(WatchEnded) as ended:
            await reader.take()
        assert (ended.value.cause, ended.value.resume_token) == ("FAULT", reader.token)
        ledger.broken = False
        at.hub.leave(reader.watcher)
        assert numbers(await (await at.watch(reader.token)).take_changes()) == {"a": 99}


async def test_nothing_is_left_behind_when_the_hub_ends() -> None:
    async with rig() as at:
        await at.synced()
        at.ledger.may_read.clear()
        joining = asyncio.create_task(at.hub.watch(OTHER, ""))
        await asyncio.sleep(0.02)
        joining.cancel()
        await asyncio.wait([joining])
    await asyncio.sleep(0)
    assert not [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("watch-")]


async def test_who_returns_while_a_step_is_under_way_is_told_what_that_step_has_read() -> None:
    """The step has read the ledger before anybody watched "b". Taken out by: `_come_to(self._heard)` in _greet."""
    async with rig() as at:
        of = {
            sku: WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=frozenset({sku})) for sku in "ab"
        }
        gone = await at.synced(of["b"])
        at.hub.leave(gone.watcher)
        at.hub._forget(of["b"], at.hub._groups[of["b"]])
        await at.synced(of["a"])
        at.ledger.may_read.clear()
        at.ledger.sell("a", "b")
        at.hub._news.set()
        await asyncio.sleep(0.02)
        returning = asyncio.create_task(at.watch(gone.token, of=of["b"]))
        await asyncio.sleep(0.02)
        at.ledger.may_read.set()
        assert (await all_told(await returning, 2))["b"] == 99


async def test_who_returns_is_told_no_release_that_does_not_pass_its_filter() -> None:
    async with rig() as at:
        only_a = WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=frozenset({"a"}))
        await at.synced()
        gone = await at.synced(only_a)
        at.hub.leave(gone.watcher)
        at.ledger.released = ["b"]
        returned = await at.watch(gone.token, of=only_a)
        assert (await returned.take()).HasField("bookmark")
