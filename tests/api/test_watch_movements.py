"""WatchMovements: every movement, in order, none skipped, from any place of the past."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import grpc
import psycopg
import pytest
from holdfast.inventory.v1.audit_service_pb2 import ListMovementsRequest
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.stock_pb2 import Movement
from holdfast.inventory.v1.watch_pb2 import (
    AvailabilityFilter,
    MovementFilter,
    WatchMovementsRequest,
    WatchResetReason,
)

from api.calls import stubs_of
from api.following import Follower, Following, assert_followed_in_order, booked, following, of, trade
from api.ids import some
from api.refusals import invalid, not_found, read_error
from api.shop import everything, open_shop
from api.watching import Recorder, watching
from holdfast_server.watch.token import ResumeToken, TokenSigner
from support.authority import TestAuthority

BUYERS = 8
PURCHASES = 12


async def all_booked(stubs: Any) -> list[Movement]:
    return await everything(stubs.audit.ListMovements, ListMovementsRequest(), "movements")


# What is told.


async def test_every_movement_is_told_in_order_while_many_buy(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=500)
    start = (await shop.revision()).position
    everyones, ours = Follower(), Follower(of=of(shop))
    async with following(stubs, everyones) as whole, following(stubs, ours) as part:
        await whole.until(lambda told: told.events)
        await part.until(lambda told: told.events)
        await asyncio.gather(*(trade(shop) for _ in range(BUYERS)))
        end = (await shop.revision()).position
        await whole.until(lambda told: told.position >= end)
        await part.until(lambda told: told.position >= end)
    assert ours.movements == await booked(shop, after=start)
    assert len(ours.movements) == BUYERS * PURCHASES * 4
    for follower in (everyones, ours):
        assert_followed_in_order(follower)
    told = {(m.revision.position, m.line_number) for m in everyones.movements}
    assert told >= {(m.revision.position, m.line_number) for m in ours.movements}


async def test_the_whole_history_is_what_the_ledger_lists(narrow_stubs: Any) -> None:
    shop = await open_shop(narrow_stubs, skus=3, locations=2, units=50)
    await asyncio.gather(*(trade(shop, 5) for _ in range(3)))
    end = await shop.revision()
    follower = Follower()
    async with following(narrow_stubs, follower, after_revision=Revision(segment="narrow")) as stream:
        await stream.until(lambda told: told.position >= end.position)
    assert follower.movements == await all_booked(narrow_stubs)
    assert_followed_in_order(follower)
    assert follower.events[0] == "bookmark"
    assert follower.places[0][1] == 0


@pytest.mark.parametrize("shared", [True, False], ids=["with others in step", "alone"])
async def test_a_stream_goes_on_from_every_token_and_every_revision(narrow_stubs: Any, shared: bool) -> None:
    shop = await open_shop(narrow_stubs, skus=2, units=50)
    follower = Follower()
    async with following(narrow_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        start = follower.position
        await asyncio.gather(*(trade(shop, 2) for _ in range(3)))
        end = (await shop.revision()).position
        await stream.until(lambda told: told.position >= end)
        if not shared:
            await stream.cancel()
        for begin in (
            *({"resume_token": token} for token, _, _ in follower.places),
            *({"after_revision": Revision(segment="narrow", position=place)} for place in range(start, end + 1)),
        ):
            again = Follower()
            async with following(narrow_stubs, again, **begin) as late:
                await late.until(lambda told: told.position >= end)
            assert again.movements == [m for m in follower.movements if m.revision.position > again.places[0][1]]
            assert not again.resets


async def test_without_a_place_a_stream_begins_with_what_comes_next(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    await shop.reserve((shop.sku, 1))
    before = (await shop.revision()).position
    follower = Follower(of=of(shop))
    async with following(stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        assert follower.events == ["bookmark"]
        assert follower.position >= before
        held = await shop.reserve((shop.sku, 1))
        await stream.until(lambda told: told.movements)
        assert [m.reservation_id for m in follower.movements] == [held.reservation_id]


@pytest.mark.parametrize("kinds", ["skus", "locations", "channels", "skus locations", "skus channels", "all three"])
async def test_a_filter_lets_pass_what_passes_all_of_its_parts(narrow_stubs: Any, kinds: str) -> None:
    shop = await open_shop(narrow_stubs, skus=2, locations=2, units=9)
    start = (await shop.revision()).position
    parts = {"skus": shop.sku, "locations": shop.location, "channels": shop.channel}
    named = parts if kinds == "all three" else {kind: parts[kind] for kind in kinds.split()}
    asked = MovementFilter(**{kind: [name, some(kind)] for kind, name in named.items()})
    live, late = Follower(of=asked), Follower(of=asked)
    async with following(narrow_stubs, live) as stream:
        await stream.until(lambda told: told.events)
        await asyncio.gather(trade(shop, 3), shop.receive(3), shop.receive(2, sku=shop.skus[1]))
        end = (await shop.revision()).position
        await stream.until(lambda told: told.position >= end)
    async with following(narrow_stubs, late, after_revision=Revision(segment="narrow", position=start)) as stream:
        await stream.until(lambda told: told.position >= end)
    listed = await shop.movements(**{kind.removesuffix("s"): name for kind, name in named.items()})
    expected = [m for m in listed if m.revision.position > start]
    assert expected
    assert live.movements == expected
    assert late.movements == expected


async def test_an_operation_comes_in_one_batch(narrow_stubs: Any) -> None:
    shop = await open_shop(narrow_stubs, skus=12, units=9)
    follower = Follower(of=of(shop))
    async with following(narrow_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        held = await shop.reserve(*((sku, 1) for sku in shop.skus))
        await stream.until(lambda told: told.position >= held.revision.position)
    assert [len(batch.movements) for batch in follower.batches] == [12], "though a page holds five"


async def test_only_an_operation_of_more_than_a_thousand_movements_is_cut(narrow_stubs: Any) -> None:
    shop = await open_shop(narrow_stubs, skus=550, locations=2, units=1)
    follower = Follower(of=MovementFilter(channels=[shop.channel]))
    async with following(narrow_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        before = follower.token
        held = await shop.reserve(*((sku, 2) for sku in shop.skus), allow_split=True)
        await stream.until(lambda told: told.position >= held.revision.position)
    assert [len(batch.movements) for batch in follower.batches] == [1000, 100]
    assert [bool(batch.resume_token) for batch in follower.batches] == [False, True]
    assert_followed_in_order(follower)
    again = Follower(of=follower.of)
    async with following(narrow_stubs, again, resume_token=before) as stream:
        await stream.until(lambda told: told.position >= held.revision.position)
    assert again.movements == follower.movements


async def test_bookmarks_follow_a_stream_that_is_told_nothing(narrow_stubs: Any) -> None:
    shop = await open_shop(narrow_stubs, units=500)
    follower = Follower(of=MovementFilter(skus=[some("sku")]))
    async with following(narrow_stubs, follower) as stream:
        await stream.until(lambda told: told.events)
        for _ in range(3):
            await trade(shop, 2)
            end = (await shop.revision()).position
            await stream.until(lambda told, end=end: told.position >= end)  # type: ignore[misc]
        await stream.until(lambda told: told.position > end or len(told.events) > 5)
    assert set(follower.events) == {"bookmark"}
    async with following(narrow_stubs, follower, resume_token=follower.token) as stream:
        await stream.until(lambda told: len(told.events) > len(follower.places) - 1)
        assert not follower.resets


async def test_many_who_follow_are_told_the_same(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=500)
    followers = [Follower(of=of(shop)) for _ in range(40)]
    streams = [Following(stubs, follower) for follower in followers]
    await asyncio.gather(*(stream.until(lambda told: told.events) for stream in streams))
    await asyncio.gather(*(trade(shop, 5) for _ in range(4)))
    end = (await shop.revision()).position
    await asyncio.gather(*(stream.until(lambda told: told.position >= end) for stream in streams))
    await asyncio.gather(*(stream.cancel() for stream in streams))
    assert len(followers[0].movements) == 4 * 5 * 4
    for follower in followers:
        assert follower.movements == followers[0].movements
        assert_followed_in_order(follower)


async def test_a_follower_of_two_servers_goes_from_one_to_the_other(pair: TestAuthority) -> None:
    async with stubs_of(pair.targets[0]) as here, stubs_of(pair.targets[1]) as there:
        shop = await open_shop(here, units=100)
        start = (await shop.revision()).position
        ours = Follower(of=of(shop))
        async with following(here, ours) as stream:
            await stream.until(lambda told: told.events)
        for stubs in itertools.islice(itertools.cycle((there, here)), 6):
            async with following(stubs, ours, resume_token=ours.token) as stream:
                await trade(shop.seen_through(here if stubs is there else there), 2)
                end = (await shop.revision()).position
                await stream.until(lambda told, end=end: told.position >= end)  # type: ignore[misc]
        assert not ours.resets
        assert ours.movements == await booked(shop, after=start)


# Places that cannot be.


async def test_a_token_that_nobody_gave_out_is_refused(stubs: Any) -> None:
    for token in ("made-up", "AAAA"):
        stream = Following(stubs, Follower(), resume_token=token)
        assert read_error(await stream.ended()) == invalid("resume_token"), token


async def test_a_revision_that_cannot_be_is_refused(stubs: Any) -> None:
    shop = await open_shop(stubs)
    now = await shop.revision()
    ahead = Revision(segment=now.segment, position=now.position + 1_000_000)
    refusal = read_error(await Following(stubs, Follower(), after_revision=ahead).ended())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert refusal.metadata["expected"] == str(ahead.position)
    elsewhere = Revision(segment="north", position=1)
    refusal = read_error(await Following(stubs, Follower(), after_revision=elsewhere).ended())
    assert refusal == not_found("UNKNOWN_SEGMENT", segment="north")


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"filter": MovementFilter(skus=["A", "B", "A"])}, ("filter.skus[2]",)),
        ({"filter": MovementFilter(locations=["no good"])}, ("filter.locations[0]",)),
        ({"filter": MovementFilter(channels=[f"C{n}" for n in range(101)])}, ("filter.channels",)),
        ({"resume_token": "AAAA", "after_revision": Revision(segment="shared")}, ("after_revision",)),
        ({"after_revision": Revision()}, ("after_revision.segment",)),
    ],
    ids=["twice", "odd", "too many", "two places", "no segment"],
)
async def test_a_question_that_cannot_be_is_refused(stubs: Any, asked: Any, fields: tuple[str, ...]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stubs.inventory.WatchMovements(WatchMovementsRequest(**asked)).read()
    assert read_error(refused.value) == invalid(*fields)


async def test_with_a_token_of_another_filter_the_stream_goes_on_from_its_place(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    follower = Follower(of=of(shop))
    async with following(stubs, follower) as stream:
        await stream.until(lambda told: told.events)
    held = await shop.reserve(*((sku, 1) for sku in shop.skus))
    other = Follower(of=MovementFilter(skus=[shop.sku]))
    async with following(stubs, other, resume_token=follower.token) as stream:
        await stream.until(lambda told: told.position >= held.revision.position)
    (reset,) = other.resets
    assert other.events[:2] == ["reset", "bookmark"]
    assert reset.reason == WatchResetReason.WATCH_RESET_REASON_OTHER_FILTER
    assert reset.revision.position == follower.position == other.places[0][1]
    assert [m.balance.sku for m in other.movements] == [shop.sku]


async def test_a_token_is_good_for_one_kind_of_watch_only(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    recorder = Recorder(AvailabilityFilter(channels=[shop.channel], locations=[shop.location], skus=shop.skus))
    async with watching(stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    same = MovementFilter(channels=[shop.channel], locations=[shop.location], skus=shop.skus)
    follower = Follower(of=same)
    async with following(stubs, follower, resume_token=recorder.token) as stream:
        await stream.until(lambda told: told.places)
    assert follower.resets[0].reason == WatchResetReason.WATCH_RESET_REASON_OTHER_FILTER
    recorder.token = follower.token
    async with watching(stubs, recorder, resume=True) as stream:
        await stream.until(lambda told: told.synced)
        assert recorder.streams[-1][0].reset.reason == WatchResetReason.WATCH_RESET_REASON_OTHER_FILTER


def signed(narrow: TestAuthority, token: ResumeToken) -> str:
    """A token as another server of the same ledger might have given it out."""
    with psycopg.connect(narrow.postgres_url) as connection:
        ((key,),) = connection.execute("SELECT key FROM token_key").fetchall()
    return TokenSigner(bytes(key)).text_of(token)


def token_at(narrow: TestAuthority, follower: Follower, **other: Any) -> str:
    with psycopg.connect(narrow.postgres_url) as connection:
        ((key, lineage),) = connection.execute("SELECT key, lineage::text FROM token_key, segment").fetchall()
    known = TokenSigner(bytes(key)).token_of(follower.token)
    said = {
        "lineage": lineage,
        "epoch": known.epoch,
        "position": known.position,
        "filter_digest": known.filter_digest,
    }
    return signed(narrow, ResumeToken(**(said | other)))


@pytest.mark.parametrize("reason", ["OTHER_LINEAGE", "FROM_THE_FUTURE"])
async def test_a_token_of_another_history_says_from_where_nothing_is_left_out(
    narrow: TestAuthority, narrow_stubs: Any, reason: str
) -> None:
    shop = await open_shop(narrow_stubs, units=5)
    first = Follower(of=of(shop))
    async with following(narrow_stubs, first) as stream:
        await stream.until(lambda told: told.places)
    now = await shop.revision()
    other = {"lineage": "of another"} if reason == "OTHER_LINEAGE" else {}
    for position, expected in ((now.position + 50, now.position), (now.position - 2, now.position - 2)):
        if reason == "FROM_THE_FUTURE" and position < now.position:
            continue
        follower = Follower(of=of(shop))
        token = token_at(narrow, first, position=position, **other)
        async with following(narrow_stubs, follower, resume_token=token) as stream:
            await stream.until(lambda told: told.places)
        (reset,) = follower.resets
        assert WatchResetReason.Name(reset.reason).endswith(reason)
        assert reset.revision.position == expected == follower.places[0][1]
