"""Whose turn it is: nobody is overtaken, nobody waits too long, and what waits is told whole and with its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from holdfast_server.edge.watch_frames import WatchFrames
from holdfast_server.refusals import LedgerUnavailable
from holdfast_server.settings import Settings
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.group import Group
from holdfast_server.watch.token import ResumeToken
from holdfast_server.watch.turns import Turns
from holdfast_server.watch.watcher import Delivery, Owed, Watcher
from unit.watch.test_hub import Reader, Rig, numbers, rig

ONE = {sku: WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=frozenset({sku})) for sku in "ab"}


def nothing_owed(owed: Mapping[object, Owed]) -> Delivery:
    return Delivery(messages=[], token="")


def group_of(watchers: int) -> Group:
    group = Group(ONE["a"], WatchFrames("main"))
    group.watchers |= {Watcher(tell_owed=nothing_owed, max_age_seconds=60) for _ in range(watchers)}
    return group


def turns_of(*groups: Group, **settings: float) -> Turns:
    turns = Turns(Settings(watch_portion_seconds=0.1, watch_seconds_per_message=0.01, **settings))  # type: ignore[arg-type]
    for group in groups:
        turns.add(group)
    return turns


def test_who_has_waited_longest_comes_first_and_keeps_its_place_until_it_is_told() -> None:
    groups = [group_of(4) for _ in range(5)]
    turns = turns_of(*groups)
    turns.add(groups[0])
    assert turns.next() == turns.next() == groups[:3], "ten messages have room in a portion: 4 + 4, and one more group"
    for group in groups[:3]:
        turns.remove(group)
    turns.add(groups[0])
    assert turns.next() == [*groups[3:], groups[0]]


def test_a_group_that_is_larger_than_a_portion_has_its_turn_too() -> None:
    large, other = group_of(50), group_of(1)
    assert turns_of(large, other).next() == [large]
    assert turns_of(other, large).next() == [other, large]


@pytest.mark.parametrize(("waiting", "told"), [(40, 10), (400, 40)])
def test_nobody_waits_longer_than_the_slowest_step_however_many_wait(waiting: int, told: int) -> None:
    turns = turns_of(*(group_of(1) for _ in range(waiting)), watch_slowest_step_seconds=1.0)
    assert len(turns.next()) == told


def token_at(at: Rig, position: int, of: WatchFilter) -> str:
    """A token that another process gave out."""
    assert at.hub._signer is not None
    token = ResumeToken(lineage=at.ledger.lineage, epoch=1, position=position, filter_digest=of.digest())
    return at.hub._signer.text_of(token)


@asynccontextmanager
async def one_message_a_second() -> AsyncIterator[tuple[Rig, str, Reader]]:
    """A hub, and the SKU and the reader of a group whose turn has not come, after one unit of each SKU was sold."""
    settings = {"watch_portion_seconds": 1.0, "watch_seconds_per_message": 1.0, "watch_slowest_step_seconds": 2.5}
    async with rig(**settings) as at:
        readers = {sku: await at.synced(of) for sku, of in ONE.items()}
        at.sell("a", "b")
        await at.told()
        ((sku, reader),) = [(sku, reader) for sku, reader in readers.items() if reader.watcher._ready is None]
        yield at, sku, reader


async def test_changes_gather_while_others_have_their_turn() -> None:
    async with one_message_a_second() as (at, sku, waiting):
        at.sell(sku, sku)
        await at.told()
        changes = await waiting.take_changes()
        assert numbers(changes) == {sku: 97}
        assert [cause.operation_count for cause in changes.changes[0].causes] == [3]
        assert changes.changes[0].skipped_count == 1
        assert changes.revision.position == 4


async def test_several_values_that_waited_are_told_as_one_that_says_how_many_were_left_out() -> None:
    async with rig() as at:
        reader = await at.synced(ONE["a"])
        for _ in range(3):
            at.ledger.sell("a")
            await at.hub._take_in_news()
        changes = await reader.take_changes()
        (change,) = changes.changes
        assert [cause.operation_count for cause in change.causes] == [3]
        assert change.skipped_count == 2
        assert changes.revision.position == 3


async def test_a_place_is_never_ahead_of_what_still_waits() -> None:
    """Taken out by: `return head` in Group.place."""
    async with one_message_a_second() as (at, sku, waiting):
        group = at.hub._groups[ONE[sku]]
        assert at.hub.position == 2
        taking = asyncio.create_task(waiting.take())
        await asyncio.sleep(0)
        waiting.watcher.mark(at.hub._bookmark(group))
        waiting.watcher.wake()
        assert (await taking).bookmark.revision.position == 0
        again = await waiting.take_changes()
        assert (numbers(again), again.revision.position) == ({sku: 99}, 2)


async def test_who_joins_while_something_waits_is_told_it_with_the_others() -> None:
    async with one_message_a_second() as (at, sku, waiting):
        joined = await at.watch(of=ONE[sku])
        (value,) = (await joined.take()).snapshot.values
        assert value.availability.available_to_sell_quantity == 99
        assert (await joined.take()).synced.revision.position == 0
        for reader in (waiting, joined):
            changes = await reader.take_changes()
            assert [cause.operation_count for cause in changes.changes[0].causes] == [1]
            assert changes.revision.position == 2


async def test_who_returns_from_where_the_others_are_not_yet_is_not_told_it_again() -> None:
    """Another process was faster. Taken out by: no `_hand_out` in AvailabilityHub._resume."""
    async with one_message_a_second() as (at, sku, waiting):
        returned = await at.watch(token_at(at, 2, ONE[sku]), of=ONE[sku])
        assert waiting.watcher._ready is not None, "the others are told at once"
        assert (await returned.take()).bookmark.revision.position == 2


async def test_what_was_taken_in_is_told_while_nothing_more_can_be() -> None:
    async with one_message_a_second() as (at, sku, waiting):
        at.ledger.refusal = LedgerUnavailable("main")
        at.sell(sku)
        changes = await waiting.take_changes()
        assert (numbers(changes), changes.revision.position) == ({sku: 99}, 2)


async def test_a_portion_takes_as_long_as_its_messages_however_large_a_group_is() -> None:
    turns = turns_of(group_of(30))
    began = time.monotonic()
    turns.next()
    await turns.end_portion(began, [])
    assert time.monotonic() - began >= 0.3


async def test_nobody_waits_for_a_watcher_that_had_not_taken_what_it_was_told_before() -> None:
    async with rig() as at:
        reader = await at.synced(ONE["a"])
        (group,) = at.hub._groups.values()
        at.sell("a")
        await at.told()
        await asyncio.sleep(0.05)
        at.ledger.sell("a")
        await at.hub._take_in_news()
        woken, kept_up = at.hub._hand_out([group])
        assert (woken, kept_up) == ([reader.watcher], [])
