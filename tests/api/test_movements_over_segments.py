"""WatchMovements and subscriptions in front of two segments: the movements of each in order, none missing."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psycopg
import pytest
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.stock_pb2 import Movement
from holdfast.inventory.v1.subscription_service_pb2 import (
    AcknowledgeRevisionRequest,
    DeleteSubscriptionRequest,
    GetSubscriptionRequest,
    ListSubscriptionsRequest,
    PutSubscriptionRequest,
    Subscription,
)
from holdfast.inventory.v1.watch_pb2 import AvailabilityFilter, MovementFilter, WatchResetReason

from api.calls import stubs_of, until
from api.following import Follower, Following, assert_followed_in_order, booked, following, of
from api.ids import some
from api.refusals import invalid, not_found, read_error, refusal_of
from api.regions import NORTH, SEGMENTS, SOUTH, Regions, open_regions, trade_in_both
from api.shop import everything
from api.watching import Recorder, Watch, watching
from holdfast_server.watch.token import joined_token, parts_of_token
from support.authority import TestAuthority

TRADERS = 4


def as_set(movements: list[Movement]) -> set[tuple[str, int, int]]:
    return {(m.revision.segment, m.revision.position, m.line_number) for m in movements}


def reasons(follower: Follower) -> list[str]:
    prefix = "WATCH_RESET_REASON_"
    return [WatchResetReason.Name(reset.reason).removeprefix(prefix) for reset in follower.resets]


async def in_step(stream: Following, shop: Regions) -> None:
    now = await shop.heads()
    await stream.until(lambda told: told.knows(now))


async def trading(shop: Regions, steps: int = 15) -> None:
    await asyncio.gather(*(trade_in_both(shop, random.Random(number), steps) for number in range(TRADERS)))


# Movements.


async def test_the_movements_of_both_are_told_in_order_and_none_is_missing(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=40, south=40)
    before = as_set(await booked(shop))
    ours, everyones = Follower(of=of(shop)), Follower()
    async with following(segmented_stubs, ours) as part, following(segmented_stubs, everyones) as whole:
        await part.until(lambda told: told.events)
        await whole.until(lambda told: told.events)
        assert ours.events == ["bookmark"]
        assert set(ours.segments[0]) == set(SEGMENTS)
        await trading(shop)
        await in_step(part, shop)
        await in_step(whole, shop)
    for follower in (ours, everyones):
        assert_followed_in_order(follower)
    assert as_set(ours.movements) == as_set(await booked(shop)) - before
    assert {m.revision.segment for m in ours.movements} == set(SEGMENTS)
    assert as_set(everyones.movements) >= as_set(ours.movements)


async def test_a_stream_goes_on_from_any_token_of_it(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, skus=2, north=40, south=40)
    follower = Follower(of=of(shop))
    async with following(segmented_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        await trading(shop, 8)
        await in_step(stream, shop)
    for token, _, count in follower.places:
        again = Follower(of=of(shop))
        async with following(segmented_stubs, again, resume_token=token) as stream:
            await in_step(stream, shop)
        assert_followed_in_order(again)
        assert as_set(again.movements) == as_set(follower.movements[count:])
        assert not again.resets


async def test_one_segment_is_wound_back_and_the_other_begins_with_what_comes(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    await trade_in_both(shop, random.Random(1), 10)
    at = {one.segment: one for one in await shop.heads()}
    follower = Follower(of=of(shop))
    async with following(segmented_stubs, follower, after_revision=Revision(segment=SOUTH, position=0)) as stream:
        await stream.until(lambda told: told.events)
        assert follower.segments[0] == {NORTH: at[NORTH].position, SOUTH: 0}
        await shop.receive(1, location=shop.locations[0])
        await in_step(stream, shop)
    assert_followed_in_order(follower)
    wanted = {one for one in as_set(await booked(shop)) if one[0] == SOUTH or one[1] > at[NORTH].position}
    assert as_set(follower.movements) == wanted
    for segment, only in (("west", MovementFilter()), (NORTH, MovementFilter(locations=shop.locations[1:]))):
        revision = Revision(segment=segment, position=0)
        stream = Following(segmented_stubs, Follower(of=only), after_revision=revision)
        assert read_error(await stream.ended()) == not_found("UNKNOWN_SEGMENT", segment=segment)


async def test_a_filter_of_one_segment_is_that_segments_own(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    follower = Follower(of=MovementFilter(locations=shop.locations[:1]))
    async with following(segmented_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        assert parts_of_token(follower.token) is None
        held = await shop.reserve((shop.sku, 1, shop.locations[0]))
        await stream.until(lambda told: told.knows([held.revision]))
    # What it gave out is good for both: a segment that it says nothing of is told from its beginning.
    wide = Follower(of=of(shop))
    async with following(segmented_stubs, wide, resume_token=follower.token) as stream:
        await in_step(stream, shop)
    assert reasons(wide) == ["OTHER_SEGMENTS", "OTHER_FILTER"]
    assert wide.resets[0].revision == Revision(segment=SOUTH, position=0)
    assert as_set(wide.movements) == {one for one in as_set(await booked(shop)) if one[0] == SOUTH}


async def test_a_token_of_other_segments_says_from_where_nothing_is_left_out(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    follower = Follower(of=of(shop))
    async with following(segmented_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
    parts = parts_of_token(follower.token)
    assert parts is not None
    at = follower.segments[-1]
    for token, expected in (
        (joined_token({NORTH: parts[NORTH]}), [("OTHER_SEGMENTS", SOUTH, 0)]),
        (joined_token(parts | {"west": parts[NORTH]}), [("OTHER_SEGMENTS", "west", at[NORTH])]),
        (joined_token(parts | {SOUTH: parts[NORTH]}), [("OTHER_LINEAGE", SOUTH, None)]),
    ):
        again = Follower(of=of(shop))
        async with following(segmented_stubs, again, resume_token=token) as stream:
            await stream.until(lambda told: told.places)
        assert again.events.index("bookmark") == len(expected)
        for reset, reason, (why, segment, position) in zip(again.resets, reasons(again), expected, strict=True):
            assert (reason, reset.revision.segment) == (why, segment)
            assert position is None or reset.revision.position == position
        assert set(again.segments[0]) == set(SEGMENTS)
    stream = Following(segmented_stubs, Follower(of=of(shop)), resume_token="made-up")
    assert read_error(await stream.ended()) == invalid("resume_token")


@pytest.mark.parametrize("kind", ["numbers", "movements"])
async def test_a_stream_of_both_ends_at_its_greatest_age_with_the_token_of_both(
    segmented: TestAuthority, kind: str
) -> None:
    process = segmented.start_server(HOLDFAST_WATCH_MAX_AGE_SECONDS="1")
    try:
        async with stubs_of(process.target) as stubs:
            shop = await open_regions(stubs, north=9, south=9)
            recorder, follower = Recorder(AvailabilityFilter(channels=[shop.channel])), Follower(of=of(shop))
            stream = Watch(stubs, recorder, resume_token="") if kind == "numbers" else Following(stubs, follower)
            await asyncio.gather(stream.ended(), shop.receive(1), shop.receive(1, location=shop.locations[1]))
            refusal = read_error(await stream.ended())
            told: Any = stream.recorder
            assert refusal.metadata == {"cause": "MAX_AGE", "resume_token": told.token}
            assert set(parts_of_token(told.token) or ()) == set(SEGMENTS)
    finally:
        process.stop()


# Subscriptions.


async def put(stubs: Any, name: str, **said: Any) -> Subscription:
    return (await stubs.subscriptions.PutSubscription(PutSubscriptionRequest(name=name, **said))).subscription


async def get(stubs: Any, name: str) -> Subscription:
    return (await stubs.subscriptions.GetSubscription(GetSubscriptionRequest(name=name))).subscription


async def acknowledge(stubs: Any, name: str, token: str) -> Subscription:
    request = AcknowledgeRevisionRequest(name=name, resume_token=token)
    return (await stubs.subscriptions.AcknowledgeRevision(request)).subscription


async def test_a_subscription_goes_on_in_both_where_it_was_acknowledged(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=9, south=9)
    before = as_set(await booked(shop))
    name = some("follower")
    created = await put(segmented_stubs, name, movements=of(shop), description="books")
    assert not created.acknowledged_revisions
    assert set(parts_of_token(created.resume_token) or ()) == set(SEGMENTS)
    await trade_in_both(shop, random.Random(1), 10)
    follower = Follower()
    async with following(segmented_stubs, follower, subscription=name) as stream:
        await in_step(stream, shop)

        async def is_open() -> bool:
            return (await get(segmented_stubs, name)).open_stream_count == 1

        await until(is_open, "one stream is open, though each segment has a part of it")
    begun = as_set(follower.movements)
    assert {segment for segment, _, _ in begun} == set(SEGMENTS)
    behind = await get(segmented_stubs, name)
    assert behind.backlog_operation_count >= len({one[:2] for one in begun})
    done = await acknowledge(segmented_stubs, name, follower.token)
    assert {one.segment: one.position for one in done.acknowledged_revisions} == follower.segments[-1]
    assert done.acknowledged_revision == done.acknowledged_revisions[0]
    assert done.acknowledge_time.ToNanoseconds() > 0
    assert done.resume_token == follower.token
    for location in shop.locations:
        await shop.receive(1, location=location)
    left_over = await get(segmented_stubs, name)
    assert left_over.backlog_operation_count >= 2
    assert left_over.backlog_age.ToNanoseconds() > 0
    again = Follower()
    async with following(segmented_stubs, again, subscription=name) as stream:
        await in_step(stream, shop)
    assert not again.resets
    assert as_set(again.movements) == as_set(await booked(shop)) - begun - before
    older = await acknowledge(segmented_stubs, name, follower.places[0][0])
    assert older.resume_token == follower.token, "a place never goes back"


async def test_a_watch_of_a_subscription_goes_on_from_what_was_acknowledged(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    name = some("follower")
    asked = AvailabilityFilter(channels=[shop.channel], skus=shop.skus)
    await put(segmented_stubs, name, availability=asked)
    recorder = Recorder(asked)
    async with watching(segmented_stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    parts = parts_of_token(recorder.token)
    assert parts is not None
    for token, expected in (
        # Of one segment nothing was acknowledged, so of the sum nothing is known.
        (joined_token({NORTH: parts[NORTH]}), "reset"),
        (recorder.token, "changes"),
    ):
        await acknowledge(segmented_stubs, name, token)
        held = await shop.reserve((shop.sku, 1, shop.locations[1]))
        stream = Watch(segmented_stubs, recorder, resume_token="", subscription=name)
        await stream.until(lambda told, at=held.revision: told.events and told.knows([at]))  # type: ignore[misc]
        assert recorder.available(shop.sku, channel=shop.channel) == 9
        assert expected in recorder.events
        assert ("snapshot" in recorder.events) == (expected == "reset")
        await stream.cancel()
        await shop.release(held.reservation_id)


async def test_a_subscription_of_one_segment_says_nothing_of_the_other(
    segmented: TestAuthority, segmented_stubs: Any
) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    name = some("follower")
    created = await put(segmented_stubs, name, movements=MovementFilter(locations=shop.locations[1:]))
    assert parts_of_token(created.resume_token) is None
    for _ in range(3):
        await shop.receive(1, location=shop.locations[0])
    follower = Follower()
    async with following(segmented_stubs, follower, subscription=name) as stream:
        await shop.receive(1, location=shop.locations[1])
        await stream.until(lambda told: told.movements)
    north = next(one.position for one in await shop.heads() if one.segment == NORTH)
    done = await acknowledge(segmented_stubs, name, follower.token)
    assert [one.segment for one in done.acknowledged_revisions] == [SOUTH]
    with psycopg.connect(segmented.postgres_url) as connection:
        question = "SELECT position FROM subscription WHERE segment = 'north' AND name = %s"
        ((position,),) = connection.execute(question, [name]).fetchall()
    assert position >= north, "what is nothing to it is not kept for it"
    assert done.resume_token == follower.token


async def test_subscriptions_are_listed_once_and_deleted_everywhere(
    segmented: TestAuthority, segmented_stubs: Any
) -> None:
    shop = await open_regions(segmented_stubs, north=5)
    names = sorted(some("follower") for _ in range(5))
    for name in names:
        await put(segmented_stubs, name, movements=of(shop))
    listed = await everything(
        segmented_stubs.subscriptions.ListSubscriptions, ListSubscriptionsRequest(page_size=2), "subscriptions"
    )
    ours = [one for one in listed if one.name in names]
    assert [one.name for one in ours] == names
    for one in ours:
        assert set(parts_of_token(one.resume_token) or ()) == set(SEGMENTS)
        assert one.resume_token == (await get(segmented_stubs, one.name)).resume_token
    for name in names:
        await segmented_stubs.subscriptions.DeleteSubscription(DeleteSubscriptionRequest(name=name))
        expected = not_found("UNKNOWN_SUBSCRIPTION", subscription=name)
        assert await refusal_of(get(segmented_stubs, name)) == expected
        assert await refusal_of(acknowledge(segmented_stubs, name, ours[0].resume_token)) == expected
        stream = Following(segmented_stubs, Follower(), subscription=name)
        assert read_error(await stream.ended()) == expected
        assert change_by_hand(segmented, "DELETE FROM subscription WHERE name = %s", name) == 0


async def test_only_a_token_of_its_own_stream_is_acknowledged(segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    name = some("follower")
    created = await put(segmented_stubs, name, movements=of(shop))
    parts = parts_of_token(created.resume_token)
    assert parts is not None
    other = await put(segmented_stubs, some("follower"), movements=MovementFilter(skus=["another"]))
    theirs = parts_of_token(other.resume_token)
    assert theirs is not None
    for token in (
        other.resume_token,
        joined_token({NORTH: parts[NORTH], SOUTH: theirs[SOUTH]}),
        joined_token(parts | {SOUTH: parts[NORTH]}),
        joined_token(parts | {"west": parts[NORTH]}),
        "made-up",
    ):
        assert await refusal_of(acknowledge(segmented_stubs, name, token)) == invalid("resume_token")
    assert not (await get(segmented_stubs, name)).acknowledged_revisions, "nor any part of it"


# What a crash may leave undone.


def change_by_hand(authority: TestAuthority, statement: str, name: str) -> int:
    """Returns how many rows were changed."""
    with psycopg.connect(authority.postgres_url) as connection:
        return connection.execute(statement, [name]).rowcount


async def test_a_segment_that_does_not_know_a_subscription_begins_at_its_start(
    segmented: TestAuthority, segmented_stubs: Any
) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    name = some("follower")
    await put(segmented_stubs, name, movements=of(shop))
    change = "DELETE FROM subscription WHERE segment = 'south' AND name = %s"
    assert change_by_hand(segmented, change, name) == 1
    for location in shop.locations:
        await shop.receive(1, location=location)
    follower = Follower()
    async with following(segmented_stubs, follower, subscription=name) as stream:
        await in_step(stream, shop)
    assert [m.revision.segment for m in follower.movements].count(NORTH) == 1
    assert [m.revision.segment for m in follower.movements].count(SOUTH) == 2
    assert (await acknowledge(segmented_stubs, name, follower.token)).resume_token == follower.token


async def test_a_segment_that_knows_another_filter_learns_it(segmented: TestAuthority, segmented_stubs: Any) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    name = some("follower")
    await put(segmented_stubs, name, movements=of(shop))
    change = "UPDATE subscription SET filter_digest = '\\x00' WHERE segment = 'south' AND name = %s"
    assert change_by_hand(segmented, change, name) == 1
    shown = await get(segmented_stubs, name)
    assert (await acknowledge(segmented_stubs, name, shown.resume_token)).resume_token == shown.resume_token


async def test_what_one_segment_has_left_of_a_subscription_is_no_place_of_a_new_one(
    segmented: TestAuthority, segmented_stubs: Any
) -> None:
    shop = await open_regions(segmented_stubs, north=5, south=5)
    name = some("follower")
    created = await put(segmented_stubs, name, movements=of(shop))
    await acknowledge(segmented_stubs, name, created.resume_token)
    change = "DELETE FROM subscription WHERE segment = 'north' AND name = %s"
    assert change_by_hand(segmented, change, name) == 1
    assert await refusal_of(get(segmented_stubs, name)) == not_found("UNKNOWN_SUBSCRIPTION", subscription=name)
    for location in shop.locations:
        await shop.receive(1, location=location)
    now = {one.segment: one.position for one in await shop.heads()}
    again = await put(segmented_stubs, name, movements=of(shop))
    assert not again.acknowledged_revisions
    follower = Follower()
    async with following(segmented_stubs, follower, subscription=name) as stream:
        await stream.until(lambda told: told.places)
    assert all(follower.segments[0][segment] >= now[segment] for segment in SEGMENTS)
