"""Subscriptions: who follows what, how far each has come, and streams that go on from there."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import psycopg
import pytest
from google.protobuf.message import Message
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.subscription_service_pb2 import (
    AcknowledgeRevisionRequest,
    DeleteSubscriptionRequest,
    GetSubscriptionRequest,
    ListSubscriptionsRequest,
    PutSubscriptionRequest,
    Subscription,
)
from holdfast.inventory.v1.watch_pb2 import (
    AvailabilityFilter,
    MovementFilter,
    WatchAvailabilityRequest,
    WatchMovementsRequest,
)

from api.calls import patiently, stubs_of, until
from api.following import Follower, booked, following, of, trade
from api.ids import some
from api.refusals import exhausted, invalid, not_found, read_error, refusal_of
from api.shop import Shop, everything, open_shop
from holdfast_server.watch.token import TokenSigner
from support.authority import TestAuthority
from support.servers import Servers


async def put(stubs: Any, name: str, **said: Any) -> Subscription:
    return (await stubs.subscriptions.PutSubscription(PutSubscriptionRequest(name=name, **said))).subscription


async def get(stubs: Any, name: str) -> Subscription:
    return (await stubs.subscriptions.GetSubscription(GetSubscriptionRequest(name=name))).subscription


async def acknowledge(stubs: Any, name: str, token: str) -> Subscription:
    request = AcknowledgeRevisionRequest(name=name, resume_token=token)
    return (await stubs.subscriptions.AcknowledgeRevision(request)).subscription


async def followed(stubs: Any, end: int, **asked: Any) -> Follower:
    """What a stream tells until it stands at a position."""
    follower = Follower(of=asked.pop("filter", MovementFilter()))
    async with following(stubs, follower, **asked) as stream:
        await stream.until(lambda told: told.position >= end)
    return follower


# What is kept.


async def test_a_subscription_says_who_follows_what(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=1)
    name = some("follower")
    asked = AvailabilityFilter(channels=[shop.channel], locations=shop.locations, skus=shop.skus)
    created = await put(stubs, name, description="the marketplace's feed", availability=asked)
    assert created.description == "the marketplace's feed"
    assert created.WhichOneof("follows") == "availability"
    assert created.availability.channels == [shop.channel]
    assert sorted(created.availability.skus) == sorted(shop.skus)
    assert sorted(created.availability.locations) == sorted(shop.locations)
    assert not created.HasField("acknowledged_revision")
    assert not created.HasField("acknowledge_time")
    assert created.resume_token
    assert created.create_time == created.update_time
    assert (await get(stubs, name)).create_time == created.create_time


async def test_putting_the_same_again_changes_nothing(stubs: Any) -> None:
    name = some("follower")
    created = await put(stubs, name, description="one", movements=MovementFilter(skus=["A", "B"]))
    again = await put(stubs, name, description="one", movements=MovementFilter(skus=["B", "A"]))
    for kept in ("resume_token", "create_time", "update_time", "movements"):
        assert getattr(again, kept) == getattr(created, kept)
    reworded = await put(stubs, name, description="two", movements=MovementFilter(skus=["A", "B"]))
    assert reworded.description == "two"
    assert reworded.resume_token == created.resume_token
    assert reworded.update_time.ToNanoseconds() > created.update_time.ToNanoseconds()


async def test_another_filter_keeps_the_name_and_drops_the_place(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    name = some("follower")
    await put(stubs, name, movements=of(shop))
    await trade(shop, 2)
    end = (await shop.revision()).position
    follower = await followed(stubs, end, subscription=name)
    acknowledged = await acknowledge(stubs, name, follower.token)
    assert acknowledged.acknowledged_revision.position >= end
    changed = await put(stubs, name, movements=MovementFilter(skus=[shop.sku], channels=[shop.channel]))
    assert not changed.HasField("acknowledged_revision")
    assert changed.resume_token != acknowledged.resume_token
    assert changed.create_time == acknowledged.create_time
    refusal = await refusal_of(acknowledge(stubs, name, follower.token))
    assert refusal == invalid("resume_token"), "a place in the one stream is none in the other"


async def test_subscriptions_are_listed_by_name_in_pages(stubs: Any) -> None:
    prefix = some("follower")
    names = [f"{prefix}-{number}" for number in range(5)]
    for name in reversed(names):
        await put(stubs, name, movements=MovementFilter())
    listed: list[str] = []
    token = ""
    while True:
        page = await stubs.subscriptions.ListSubscriptions(ListSubscriptionsRequest(page_size=2, page_token=token))
        assert len(page.subscriptions) <= 2
        listed += [one.name for one in page.subscriptions]
        token = page.next_page_token
        if not token:
            break
    assert listed == sorted(listed)
    assert [name for name in listed if name.startswith(prefix)] == names
    whole = await everything(stubs.subscriptions.ListSubscriptions, ListSubscriptionsRequest(), "subscriptions")
    assert [one.name for one in whole] == listed


async def test_a_page_of_long_subscriptions_ends_early(narrow_stubs: Any) -> None:
    names = [some("follower") for _ in range(8)]
    long = MovementFilter(skus=[f"{number:064d}" for number in range(10_000)])
    try:
        for name in names:
            await put(narrow_stubs, name, movements=long)
        first = await narrow_stubs.subscriptions.ListSubscriptions(ListSubscriptionsRequest(page_size=1_000))
        assert first.next_page_token, "a gRPC client takes 4 MiB unless told otherwise"
        request = ListSubscriptionsRequest()
        listed = await everything(narrow_stubs.subscriptions.ListSubscriptions, request, "subscriptions")
        assert [one.name for one in listed if one.name in names] == sorted(names)
    finally:
        for name in names:
            await narrow_stubs.subscriptions.DeleteSubscription(DeleteSubscriptionRequest(name=name))


async def test_a_deleted_subscription_is_unknown(stubs: Any) -> None:
    name = some("follower")
    await put(stubs, name, movements=MovementFilter())
    await stubs.subscriptions.DeleteSubscription(DeleteSubscriptionRequest(name=name))
    expected = not_found("UNKNOWN_SUBSCRIPTION", subscription=name)
    request = AcknowledgeRevisionRequest(name=name, resume_token=await a_token(stubs))
    for call in (
        stubs.subscriptions.GetSubscription(GetSubscriptionRequest(name=name)),
        stubs.subscriptions.DeleteSubscription(DeleteSubscriptionRequest(name=name)),
        stubs.subscriptions.AcknowledgeRevision(request),
        stubs.inventory.WatchMovements(WatchMovementsRequest(subscription=name)).read(),
        stubs.inventory.WatchAvailability(WatchAvailabilityRequest(subscription=name)).read(),
    ):
        assert await refusal_of(call) == expected


async def a_token(stubs: Any) -> str:
    """The token of a stream of all movements."""
    follower = Follower()
    async with following(stubs, follower) as stream:
        await stream.until(lambda told: told.places)
    return follower.token


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({}, ("follows",)),
        ({"name": "no good", "movements": MovementFilter()}, ("name",)),
        ({"availability": AvailabilityFilter(skus=["A"])}, ("availability.channels",)),
        ({"movements": MovementFilter(skus=["A", "A"])}, ("movements.skus[1]",)),
        ({"movements": MovementFilter(), "description": "a\nb"}, ("description",)),
    ],
    ids=["nothing", "an odd name", "no scope", "twice", "odd words"],
)
async def test_a_subscription_that_cannot_be_is_refused(stubs: Any, said: Any, fields: tuple[str, ...]) -> None:
    request = PutSubscriptionRequest(**({"name": some("follower")} | said))
    assert await refusal_of(stubs.subscriptions.PutSubscription(request)) == invalid(*fields)


async def test_there_are_only_so_many_subscriptions(servers: Servers) -> None:
    own = TestAuthority(servers, database="few", segment="few", environment={"HOLDFAST_MAX_SUBSCRIPTIONS": "5"})
    own.start_server()
    try:
        async with stubs_of(own.target) as stubs:
            await open_shop(stubs)
            requests = [PutSubscriptionRequest(name=f"follower-{n}", movements=MovementFilter()) for n in range(20)]
            answers = await asyncio.gather(
                *(stubs.subscriptions.PutSubscription(request) for request in requests), return_exceptions=True
            )
            refusals = [read_error(answer) for answer in answers if not isinstance(answer, Message)]  # type: ignore[arg-type]
            assert refusals == [exhausted("LIMIT_EXCEEDED", limit="max_subscriptions", value="5")] * 15
            kept = await everything(stubs.subscriptions.ListSubscriptions, ListSubscriptionsRequest(), "subscriptions")
            await put(stubs, kept[0].name, description="is there already", movements=MovementFilter())
            await stubs.subscriptions.DeleteSubscription(DeleteSubscriptionRequest(name=kept[0].name))
            await put(stubs, "another", movements=MovementFilter())
    finally:
        own.close()


# How far each has come.


async def test_the_backlog_is_what_was_not_acknowledged(stubs: Any) -> None:
    shop = await open_shop(stubs, units=99)
    name = some("follower")
    await put(stubs, name, movements=of(shop))
    await trade(shop, 4)
    end = (await shop.revision()).position
    behind = await get(stubs, name)
    assert behind.backlog_operation_count >= 8
    assert behind.backlog_age.ToNanoseconds() > 0
    follower = await followed(stubs, end, subscription=name)
    (token, position, _) = follower.places[-1]
    await trade(shop, 4)
    end = (await shop.revision()).position
    half = await acknowledge(stubs, name, token)
    assert half.acknowledged_revision.position == position
    assert half.acknowledge_time.ToNanoseconds() > half.create_time.ToNanoseconds()
    assert half.backlog_operation_count >= end - position >= 8
    later = await get(stubs, name)
    assert later.backlog_age.ToNanoseconds() > half.backlog_age.ToNanoseconds(), "it grows by itself"
    assert later.acknowledge_time == half.acknowledge_time


async def test_whoever_has_acknowledged_all_has_no_backlog(killable: Any) -> None:
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=9)
        name = some("follower")
        await put(stubs, name, movements=MovementFilter())
        await trade(shop, 2)
        end = (await shop.revision()).position
        follower = await followed(stubs, end, subscription=name)
        done = await acknowledge(stubs, name, follower.token)
        assert (done.backlog_operation_count, done.backlog_age.ToNanoseconds()) == (0, 0)


async def test_a_place_never_goes_back(stubs: Any) -> None:
    shop = await open_shop(stubs, units=99)
    name = some("follower")
    await put(stubs, name, movements=of(shop))
    follower = Follower()
    async with following(stubs, follower, subscription=name) as stream:
        for _ in range(4):
            held = await shop.reserve((shop.sku, 1))
            await stream.until(lambda told, held=held: told.position >= held.revision.position)  # type: ignore[misc]
    assert len(follower.places) >= 4
    last = await acknowledge(stubs, name, follower.token)
    for token, _, _ in follower.places:
        older = await acknowledge(stubs, name, token)
        assert older.acknowledged_revision == last.acknowledged_revision
        assert older.acknowledge_time == last.acknowledge_time
        assert older.resume_token == follower.token
    await asyncio.gather(*(acknowledge(stubs, name, token) for token, _, _ in follower.places * 3))
    assert (await get(stubs, name)).resume_token == follower.token


async def test_only_a_token_of_its_own_stream_is_acknowledged(narrow: TestAuthority, narrow_stubs: Any) -> None:
    shop = await open_shop(narrow_stubs, units=9)
    name = some("follower")
    begin = await put(narrow_stubs, name, movements=of(shop))
    others = await a_token(narrow_stubs)
    for token in ("made-up", begin.resume_token[:-4] + "AAA=", others):
        assert await refusal_of(acknowledge(narrow_stubs, name, token)) == invalid("resume_token"), token
    with psycopg.connect(narrow.postgres_url) as connection:
        ((key,),) = connection.execute("SELECT key FROM token_key").fetchall()
    signer = TokenSigner(bytes(key))
    known = signer.token_of(begin.resume_token)
    for other in ({"lineage": "of another"}, {"position": known.position + 1_000_000}):
        token = signer.text_of(dataclasses.replace(known, **other))  # type: ignore[arg-type]
        assert await refusal_of(acknowledge(narrow_stubs, name, token)) == invalid("resume_token"), other
    assert not (await get(narrow_stubs, name)).HasField("acknowledged_revision")
    kept = await acknowledge(narrow_stubs, name, begin.resume_token)
    assert kept.HasField("acknowledged_revision"), "the place at which it was put is a place of its own"


async def test_an_acknowledgement_outlives_a_crash(killable: Any) -> None:
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=9)
        name = some("follower")
        await put(stubs, name, movements=of(shop))
        await trade(shop, 1)
        end = (await shop.revision()).position
        follower = await followed(stubs, end, subscription=name)
        kept = await acknowledge(stubs, name, follower.token)
        await asyncio.to_thread(killable.kill_postgres)
        found = (await patiently(stubs.subscriptions.GetSubscription, GetSubscriptionRequest(name=name))).subscription
        assert (found.resume_token, found.acknowledge_time) == (kept.resume_token, kept.acknowledge_time)


# Streams of a subscription.


async def test_a_stream_goes_on_from_what_was_acknowledged(stubs: Any) -> None:
    shop = await open_shop(stubs, units=99)
    name = some("follower")
    await put(stubs, name, movements=of(shop))
    start = (await shop.revision()).position
    await trade(shop, 3)
    end = (await shop.revision()).position
    first = await followed(stubs, end, subscription=name)
    assert first.movements == await booked(shop, after=start), "from where it was put, though no stream was open then"
    token, position, count = first.places[-2]
    await acknowledge(stubs, name, token)
    await trade(shop, 2)
    end = (await shop.revision()).position
    second = await followed(stubs, end, subscription=name, filter=of(shop))
    assert second.movements == await booked(shop, after=position)
    assert second.movements[: len(first.movements) - count] == first.movements[count:]
    third = await followed(stubs, end, subscription=name, resume_token=second.places[0][0])
    assert third.movements == second.movements
    segment = (await shop.revision()).segment
    whole = await followed(stubs, end, subscription=name, after_revision=Revision(segment=segment, position=start))
    assert whole.movements == await booked(shop, after=start)
    assert not [*first.resets, *second.resets, *third.resets, *whole.resets]


async def test_a_watch_of_availability_goes_on_from_what_was_acknowledged(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    name = some("follower")
    await put(stubs, name, availability=AvailabilityFilter(channels=[shop.channel], skus=shop.skus))

    async def events(end: int, **asked: Any) -> tuple[list[str], str]:
        call = stubs.inventory.WatchAvailability(WatchAvailabilityRequest(subscription=name, **asked))
        told, token, position = [], "", -1
        while position < end:
            response = await call.read()
            told.append(str(response.WhichOneof("event")))
            place = getattr(response, told[-1])
            if told[-1] != "snapshot" and place.resume_token:
                token, position = place.resume_token, place.revision.position
        call.cancel()
        return told, token

    told, token = await events((await shop.revision()).position)
    assert told == ["snapshot", "synced"]
    taken = await shop.reserve((shop.sku, 1))
    told, _ = await events(taken.revision.position)
    assert told[0] == "snapshot", "nothing was acknowledged, so nothing was taken in"
    await acknowledge(stubs, name, token)
    told, _ = await events(taken.revision.position, filter=AvailabilityFilter())
    assert set(told) <= {"changes", "bookmark"}


async def test_a_stream_that_is_not_of_its_subscription_is_refused(stubs: Any) -> None:
    numbers, movements = some("follower"), some("follower")
    await put(stubs, numbers, availability=AvailabilityFilter(channels=["WEB"]))
    await put(stubs, movements, movements=MovementFilter(skus=["A"]))
    for call, field in (
        (stubs.inventory.WatchMovements(WatchMovementsRequest(subscription=numbers)), "subscription"),
        (stubs.inventory.WatchAvailability(WatchAvailabilityRequest(subscription=movements)), "subscription"),
        (
            stubs.inventory.WatchMovements(
                WatchMovementsRequest(subscription=movements, filter=MovementFilter(skus=["B"]))
            ),
            "filter",
        ),
        (
            stubs.inventory.WatchAvailability(
                WatchAvailabilityRequest(subscription=numbers, filter=AvailabilityFilter(channels=["APP"]))
            ),
            "filter",
        ),
        (stubs.inventory.WatchAvailability(WatchAvailabilityRequest()), "filter"),
    ):
        assert await refusal_of(call.read()) == invalid(field)


async def test_the_streams_that_are_open_are_counted(stubs: Any) -> None:
    shop = await open_shop(stubs, units=9)
    name = some("follower")
    await put(stubs, name, movements=of(shop))
    one, other = Follower(), Follower()
    async with following(stubs, one, subscription=name) as first:
        await first.until(lambda told: told.places)
        async with following(stubs, other, subscription=name) as second:
            await second.until(lambda told: told.places)
            assert (await get(stubs, name)).open_stream_count == 2

    async def none_is_open() -> bool:
        return (await get(stubs, name)).open_stream_count == 0

    await until(none_is_open, "the streams to be closed")


async def test_every_server_knows_the_place(pair: TestAuthority) -> None:
    async with stubs_of(pair.targets[0]) as here, stubs_of(pair.targets[1]) as there:
        shop: Shop = await open_shop(here, units=9)
        name = some("follower")
        await put(here, name, movements=of(shop))
        await trade(shop, 2)
        end = (await shop.revision()).position
        follower = await followed(there, end, subscription=name)
        await acknowledge(there, name, follower.token)
        assert (await get(here, name)).resume_token == follower.token
        again = await followed(here, end, subscription=name)
        assert not again.movements
