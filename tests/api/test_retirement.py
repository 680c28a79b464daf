"""A history of which the oldest part was retired: what is still answered, and how the rest is refused."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
import redis
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import subscription_service_pb2 as subscription
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.watch_pb2 import AvailabilityFilter

from api.calls import patiently, stubs_of, until
from api.following import Follower, booked, following, of, trade
from api.ids import some
from api.refusals import Refusal, invalid, read_error, refusal_of
from api.shop import Shop, assert_ledger_is_sound, ledger_verdict, open_shop
from api.watching import Recorder, watching
from holdfast_server.ledger.archive import check_archive
from support.authority import TestAuthority
from support.servers import Servers

KEPT = 5
"""The newest operations, which these servers never retire."""

QUICK = {
    "HOLDFAST_MIN_KEPT_OPERATIONS": str(KEPT),
    "HOLDFAST_JOURNAL_TAIL_OPERATIONS": "0",
    "HOLDFAST_RETIREMENT_INTERVAL_SECONDS": "0.1",
    "HOLDFAST_RETIREMENT_GRACE_SECONDS": "0",
    "HOLDFAST_RETIREMENT_SHARE": "1",
    "HOLDFAST_MAX_OPERATIONS_RETIRED_PER_STEP": "7",
    "HOLDFAST_WATCH_RECENT_MOVEMENTS": "1",
}
_numbers = iter(range(1, 1_000))


@contextlib.contextmanager
def authority_of(servers: Servers, **environment: str) -> Iterator[TestAuthority]:
    name = f"retiring{next(_numbers)}"
    own = TestAuthority(servers, database=name, segment=name, environment=QUICK | environment)
    own.start_server()
    try:
        yield own
    finally:
        own.close()


@pytest.fixture(scope="module")
def aging(servers: Servers) -> Iterator[TestAuthority]:
    """An authority whose history is retired as soon as that is asked for. Its tests may retire all but the newest."""
    with authority_of(servers) as own:
        yield own


@pytest.fixture
async def old(aging: TestAuthority) -> AsyncIterator[Shop]:
    """A trade with a past in the authority whose history is retired."""
    async with stubs_of(aging.target) as stubs:
        shop = await open_shop(stubs, units=1_000)
        await trade(shop, purchases=10)
        yield shop


async def newest(shop: Shop) -> int:
    return (await shop.revision()).position


async def segment_of(stubs: Any) -> audit.Segment:
    (segment,) = (await stubs.audit.ListSegments(audit.ListSegmentsRequest())).segments
    return segment


async def retirements(stubs: Any, segment: str) -> list[audit.Retirement]:
    return list((await stubs.audit.ListRetirements(audit.ListRetirementsRequest(segment=segment))).retirements)


async def retire(shop: Shop, position: int) -> audit.Retirement:
    """Has the history up to a position retired, and waits until it is gone."""
    segment = (await shop.revision()).segment
    request = audit.RetireHistoryRequest(segment=segment, until_position=position, reason="spring cleaning")
    number = (await shop.stubs.audit.RetireHistory(request)).retirement.number

    async def is_gone() -> bool:
        return (await retirements(shop.stubs, segment))[0].HasField("end_time")

    await until(is_gone, "the history was not retired")
    found = (await retirements(shop.stubs, segment))[0]
    assert found.number == number
    return found


async def grown(shop: Shop) -> int:
    """Adds what is always kept; returns the position before it, up to which all may go."""
    position = await newest(shop)
    for _ in range(KEPT):
        await shop.receive(1)
    return position


def gone(segment: str, position: int, boundary: int) -> Refusal:
    return Refusal(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason="HISTORY_RETIRED",
        metadata={"segment": segment, "position": str(position), "retired_position": str(boundary)},
    )


async def test_what_is_retired_is_gone_and_the_ledger_still_proves_itself(old: Shop) -> None:
    live = await old.order((old.sku, 3))
    before = await booked(old)
    boundary = await grown(old)
    done = await retire(old, boundary)
    assert (done.caller, done.reason, done.until_revision.position) == ("unnamed", "spring cleaning", boundary)
    assert done.operation_count > 0
    assert done.reservation_count == 5, "those that were released; half of them were committed, and live"
    assert await booked(old) == [m for m in await booked(old) if m.revision.position > boundary]
    assert before
    verdict = await ledger_verdict(old.stubs)
    assert verdict.retired.revision.position == boundary
    await assert_ledger_is_sound(old.stubs)
    assert (await segment_of(old.stubs)).retired == verdict.retired
    await old.fulfill(live.reservation_id)
    await old.take_back((1, 2), reservation_id=live.reservation_id)
    await assert_ledger_is_sound(old.stubs)


async def test_listings_and_traces_say_what_they_may_lack(old: Shop) -> None:
    order = some("order")
    await old.order((old.sku, 1), order_id=order)
    boundary = await grown(old)
    last = await old.order((old.sku, 1), order_id=order)
    await retire(old, boundary)
    listed = await old.stubs.audit.ListMovements(audit.ListMovementsRequest(sku=old.sku))
    assert listed.retired.revision.position == boundary
    late = Timestamp(seconds=listed.movements[0].decide_time.seconds, nanos=listed.movements[0].decide_time.nanos)
    assert late.ToNanoseconds() > listed.retired.decide_time.ToNanoseconds()
    from_then = await old.stubs.audit.ListMovements(audit.ListMovementsRequest(sku=old.sku, start_time=late))
    assert not from_then.HasField("retired")
    assert from_then.movements == listed.movements
    traced = await old.stubs.audit.TraceOrder(audit.TraceOrderRequest(order_id=order))
    assert {step.reservation_id for step in traced.steps} == {last.reservation_id}
    assert traced.retired == listed.retired


async def test_a_page_that_begins_in_what_was_retired_meanwhile_says_so(old: Shop) -> None:
    request = audit.ListMovementsRequest(sku=old.sku, page_size=2)
    first = await old.stubs.audit.ListMovements(request)
    boundary = await grown(old)
    await retire(old, boundary)
    request.page_token = first.next_page_token
    second = await old.stubs.audit.ListMovements(request)
    assert second.retired.revision.position == boundary
    assert all(movement.revision.position > boundary for movement in second.movements)


async def test_movements_are_followed_from_the_boundary_on_and_refused_before_it(old: Shop) -> None:
    told = Follower(of=of(old))
    async with following(old.stubs, told) as stream:
        await stream.until(lambda told: told.events)
    await old.receive(1)
    boundary = await grown(old)
    await retire(old, boundary)
    segment = (await old.revision()).segment
    beginnings: list[tuple[dict[str, Any], int]] = [
        ({"after_revision": Revision(segment=segment, position=position)}, position) for position in (0, boundary - 1)
    ]
    for begin, position in [*beginnings, ({"resume_token": told.token}, told.position)]:
        async with following(old.stubs, Follower(of=of(old)), **begin) as stream:
            assert read_error(await stream.ended()) == gone(segment, position, boundary)
    rest = Follower(of=of(old))
    async with following(old.stubs, rest, after_revision=Revision(segment=segment, position=boundary)) as stream:
        await stream.until(lambda told: len(told.movements) == KEPT)
    assert [movement.revision.position for movement in rest.movements] == list(range(boundary + 1, boundary + KEPT + 1))


async def test_availability_is_resumed_from_before_the_boundary_with_every_number(old: Shop) -> None:
    recorder = Recorder(of=AvailabilityFilter(channels=[old.channel], skus=old.skus))
    async with watching(old.stubs, recorder) as stream:
        await stream.until(lambda told: told.synced)
    await old.receive(50)
    boundary = await grown(old)
    await retire(old, boundary)
    await old.receive(7)
    async with watching(old.stubs, recorder, resume=True) as stream:
        end = await newest(old)
        await stream.until(lambda told: told.position >= end)
    (number,) = recorder.numbers.values()
    assert number.availability.available_to_sell_quantity == await old.available()
    events = [response.WhichOneof("event") for response in recorder.streams[-1]]
    assert "snapshot" not in events
    assert "reset" not in events


async def test_a_count_is_taken_as_of_the_boundary_and_refused_as_of_before_it(old: Shop) -> None:
    boundary = await grown(old)
    on_hand = (await old.level()).sellable_quantity
    await retire(old, boundary)
    segment = (await old.revision()).segment
    early = old.count(5, as_of_revision=Revision(segment=segment, position=boundary - 1))
    assert await refusal_of(early) == gone(segment, boundary - 1, boundary)
    long_ago = await refusal_of(old.count(5, as_of_time=Timestamp(seconds=1)))
    assert (long_ago.reason, long_ago.metadata["retired_position"]) == ("HISTORY_RETIRED", str(boundary))
    counted = await old.count(on_hand - KEPT - 2, as_of_revision=Revision(segment=segment, position=boundary))
    assert list(counted.booked_deltas) == [-2]
    assert (await old.level()).sellable_quantity == on_hand - 2
    await assert_ledger_is_sound(old.stubs)


async def test_a_reservation_that_ended_in_what_was_retired_is_unknown(old: Shop) -> None:
    ended = await old.order((old.sku, 1))
    await old.fulfill(ended.reservation_id)
    await retire(old, await grown(old))
    assert (await refusal_of(old.read(ended.reservation_id))).reason == "UNKNOWN_RESERVATION"
    back = old.take_back((1, 1), reservation_id=ended.reservation_id)
    assert (await refusal_of(back)).reason == "UNKNOWN_RESERVATION"
    assert ended.reservation_id not in {one.reservation_id for one in await old.reservations()}
    await assert_ledger_is_sound(old.stubs)


async def test_a_dry_run_says_how_much_and_retires_nothing(old: Shop) -> None:
    boundary = await grown(old)
    segment = await segment_of(old.stubs)
    request = audit.RetireHistoryRequest(
        segment=segment.segment, until_position=boundary, reason="what if", validate_only=True
    )
    answer = await old.stubs.audit.RetireHistory(request)
    assert answer.operation_count == boundary - segment.retired.revision.position
    assert not answer.retirement.number
    assert await segment_of(old.stubs) == segment or (await segment_of(old.stubs)).retired == segment.retired
    assert "what if" not in {one.reason for one in await retirements(old.stubs, segment.segment)}


async def test_what_was_decided_before_a_time_is_retired_but_not_the_newest(old: Shop) -> None:
    later = Timestamp()
    later.GetCurrentTime()
    later.seconds += 3_600
    segment = await segment_of(old.stubs)
    request = audit.RetireHistoryRequest(segment=segment.segment, before_time=later, reason="all of it")
    answer = await old.stubs.audit.RetireHistory(request)
    assert answer.retirement.until_revision.position == await newest(old) - KEPT


async def test_nothing_can_be_retired_twice_nor_without_saying_how_far(old: Shop) -> None:
    boundary = await grown(old)
    await retire(old, boundary)
    segment = (await old.revision()).segment
    for request in (
        audit.RetireHistoryRequest(segment=segment, until_position=boundary, reason="again"),
        audit.RetireHistoryRequest(segment=segment, before_time=Timestamp(seconds=1), reason="again"),
        audit.RetireHistoryRequest(segment=segment, reason="how far?"),
    ):
        assert await refusal_of(old.stubs.audit.RetireHistory(request)) == invalid("until")
    unknown = audit.RetireHistoryRequest(segment="north", until_position=1, reason="test")
    assert (await refusal_of(old.stubs.audit.RetireHistory(unknown))).reason == "UNKNOWN_SEGMENT"
    listing = audit.ListRetirementsRequest(segment="north")
    assert (await refusal_of(old.stubs.audit.ListRetirements(listing))).reason == "UNKNOWN_SEGMENT"


async def test_what_a_subscription_has_not_acknowledged_stays_until_it_has(servers: Servers) -> None:
    with authority_of(servers) as own:
        async with stubs_of(own.target) as stubs:
            shop = await open_shop(stubs, units=100)
            put = subscription.PutSubscriptionRequest(name="books")
            put.movements.SetInParent()
            await stubs.subscriptions.PutSubscription(put)
            place = await newest(shop)
            await trade(shop)
            boundary = await grown(shop)
            request = audit.RetireHistoryRequest(segment=own.segment, until_position=boundary, reason="test")
            answer = await stubs.audit.RetireHistory(request)
            assert answer.retirement.held_back_by == "subscription books"

            async def has_come_to(position: int) -> bool:
                return (await segment_of(stubs)).retired.revision.position == position

            await until(lambda: has_come_to(place), "what was acknowledged was not retired")
            (held,) = await retirements(stubs, own.segment)
            assert (held.held_back_by, held.HasField("end_time")) == ("subscription books", False)
            await stubs.subscriptions.DeleteSubscription(subscription.DeleteSubscriptionRequest(name="books"))
            await until(lambda: has_come_to(boundary), "nobody holds it back any more")
            await assert_ledger_is_sound(stubs)


async def test_a_sequencer_that_lost_everything_is_loaded_from_a_ledger_without_its_oldest_part(
    servers: Servers,
) -> None:
    with authority_of(servers) as own:
        async with stubs_of(own.target) as stubs:
            shop = await open_shop(stubs, units=100)
            await trade(shop)
            live = await shop.order((shop.sku, 3))
            await retire(shop, await grown(shop))
            level = await shop.level()
            epoch = (await segment_of(stubs)).epoch
            with redis.Redis.from_url(own.redis_url) as sequencer:
                for key in sequencer.keys(f"holdfast:{{{own.segment}}}:*"):
                    sequencer.delete(key)
            await patiently(stubs.inventory.CreateReservation, shop.one_unit())
            assert (await segment_of(stubs)).epoch > epoch
            assert (await shop.level()).sellable_quantity == level.sellable_quantity
            await shop.fulfill(live.reservation_id)
            await assert_ledger_is_sound(stubs)


@pytest.mark.parametrize("point", ["before_retirement_commit", "after_retirement_commit"])
async def test_a_retirement_goes_on_wherever_its_process_was_killed(
    servers: Servers, tmp_path: Path, point: str
) -> None:
    archive = {"HOLDFAST_LEDGER_ARCHIVE_DIRECTORY": str(tmp_path), "HOLDFAST_FAILPOINT": f"{point}:kill:2"}
    with authority_of(servers, **archive) as own:
        async with stubs_of(own.target) as stubs:
            shop = await open_shop(stubs, units=100)
            await trade(shop, purchases=20)
            boundary = await grown(shop)
            done = await retire(shop, boundary)
            assert sum("retirement_broke_off" in line for line in own.processes[0].lines) >= 2
            assert done.operation_count == boundary
            archived = check_archive([Path(done.archive)])
            assert (archived.after, archived.until, archived.movements) == (0, boundary, done.movement_count)
            await assert_ledger_is_sound(stubs)


async def test_a_ledger_that_is_not_as_it_was_written_is_not_retired(servers: Servers) -> None:
    with authority_of(servers) as own:
        async with stubs_of(own.target) as stubs:
            shop = await open_shop(stubs, units=100)
            boundary = await grown(shop)
            with psycopg.connect(own.postgres_url, autocommit=True) as connection:
                connection.execute("UPDATE operation SET reason = 'another' WHERE position = %s", (boundary,))
            request = audit.RetireHistoryRequest(segment=own.segment, until_position=boundary, reason="test")
            await stubs.audit.RetireHistory(request)

            async def is_given_up() -> bool:
                return bool((await retirements(stubs, own.segment))[0].stop_reason)

            await until(is_given_up, "the retirement was not given up")
            (found,) = await retirements(stubs, own.segment)
            assert found.stop_reason == f"operation {own.segment}/{boundary} is not as it was written"
            (finding,) = (await ledger_verdict(stubs)).findings
            assert finding.row == f"operation {own.segment}/{boundary}"
