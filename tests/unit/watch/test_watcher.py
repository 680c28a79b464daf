"""What waits for one watcher, and the numbers of a group: which comes first, and which counts."""

from __future__ import annotations

from holdfast_server.edge.watch_frames import WatchFrames
from holdfast_server.watch.changes import Key, causes_of
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.group import Group, Parts
from holdfast_server.watch.watcher import Delivery, Owed, Watcher

KEY = Key("a", "web", "")
WEB = WatchFilter(channels=frozenset({"web"}), locations=frozenset(), skus=None)


def watcher() -> Watcher:
    return Watcher(tell_owed=lambda owed: Delivery(messages=[b"owed"], token="2"), max_age_seconds=60)


async def test_a_bookmark_does_not_take_the_place_of_what_waits() -> None:
    own = watcher()
    own.offer(Delivery(messages=[b"changes"], token="1", keys={KEY: Owed(causes_of([(1, 1)]), 1, 1)}))
    own.mark(Delivery(messages=[b"bookmark"], token="1"))
    assert await anext(own.messages()) == b"changes"


async def test_a_greeting_comes_before_what_changed_meanwhile() -> None:
    own = watcher()
    own.greet(Delivery(messages=[b"snapshot", b"synced"], token="0"))
    own.offer(Delivery(messages=[b"changes"], token="1", keys={KEY: Owed(causes_of([(1, 1)]), 1, 1)}))
    own.wake()
    messages = own.messages()
    assert [await anext(messages) for _ in range(3)] == [b"snapshot", b"synced", b"owed"]


async def test_a_token_counts_only_once_everything_before_it_was_taken() -> None:
    own = watcher()
    own.greet(Delivery(messages=[b"snapshot", b"synced"], token="0"))
    messages = own.messages()
    await anext(messages)
    await anext(messages)
    assert own.token == "", "the last message is still on its way"
    own.offer(Delivery(messages=[b"changes"], token="1"))
    await anext(messages)
    assert own.token == "0"


def test_an_older_number_never_takes_the_place_of_a_newer_one() -> None:
    group = Group(WEB, WatchFrames("main"))
    assert group.take(KEY, 5, b"five")
    assert not group.take(KEY, 4, b"four"), "it was read before, and came after"
    assert not group.take(KEY, 6, b"five"), "the same number is no change"
    assert group.take(KEY, 7, b"seven")
    (part,) = group.changes({KEY: Owed(causes_of([(1, 7)]), 1, 1)}, {})
    assert b"seven" in part


def test_a_number_is_written_once_for_all_groups_but_never_older_than_a_group_knows_it() -> None:
    here, there = Group(WEB, WatchFrames("main")), Group(WEB, WatchFrames("main"))
    parts: Parts = {}
    for group in (here, there):
        group.take(KEY, 5, b"five")
    causes = {KEY: Owed(causes_of([(1, 5)]), 1, 1)}
    assert here.changes(causes, parts)[0] is there.changes(causes, parts)[0]
    there.take(KEY, 6, b"six")
    assert b"six" in there.changes(causes, parts)[0]


def test_a_number_that_began_to_wait_at_another_time_is_written_with_its_own_causes() -> None:
    here, there = Group(WEB, WatchFrames("main")), Group(WEB, WatchFrames("main"))
    parts: Parts = {}
    for group in (here, there):
        group.take(KEY, 5, b"five")
    (once,) = here.changes({KEY: Owed(causes_of([(1, 5)]), 1, 2)}, parts)
    (twice,) = there.changes({KEY: Owed(causes_of([(1, 4), (1, 5)]), 2, 1)}, parts)
    assert once != twice
