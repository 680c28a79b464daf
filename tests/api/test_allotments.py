"""Allotments: a channel's guaranteed share of a SKU and its cap, used by the very step that reserves."""

from typing import Any

import pytest
from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.rules_pb2 import Allotment

from api.calls import answer_or_refusal, together, until
from api.ids import some, uuid7
from api.refusals import Refusal, refusal_of, refused_as, short_of
from api.rules import allotment, removed
from api.shop import Shop, assert_ledger_is_sound, from_now, left, open_shop, put_channel, put_pool


async def two_channels(stubs: Any, units: int = 10, locations: int = 1) -> tuple[Shop, str]:
    """A trade of two channels that sell from the same pool."""
    shop = await open_shop(stubs, locations=locations, units=units)
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    return shop, other


async def allotments(shop: Shop) -> dict[str, tuple[int, int]]:
    """What is guaranteed and used of the first SKU, by channel."""
    page = await shop.stubs.catalog.ListRules(catalog.ListRulesRequest(sku=shop.sku))
    found = [rule.allotment for rule in page.rules if rule.HasField("allotment")]
    return {each.channel: (each.guaranteed_quantity, each.used_quantity) for each in found}


async def move(shop: Shop, from_channel: str, to_channel: str, units: int) -> tuple[Allotment, Allotment]:
    request = catalog.MoveAllotmentRequest(
        request_id=uuid7(), sku=shop.sku, from_channel=from_channel, to_channel=to_channel, quantity=units
    )
    answer = await shop.stubs.catalog.MoveAllotment(request)
    return answer.from_allotment, answer.to_allotment


# The guarantee.


async def test_the_last_unit_is_for_the_channel_that_it_was_guaranteed_to(stubs: Any) -> None:
    shop, other = await two_channels(stubs, units=1)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=1))
    assert (await shop.available(), await shop.available(channel=other)) == (0, 1)
    assert await short_of(shop.reserve((shop.sku, 1))) == (shop.sku, "", 1, 0)
    assert await short_of(shop.reserve((shop.sku, 1, shop.location))) == (shop.sku, shop.location, 1, 0)
    await shop.reserve((shop.sku, 1), channel=other)
    assert (await shop.available(), await shop.available(channel=other)) == (0, 0)


async def test_many_buyers_on_two_channels_and_a_guarantee_for_one(stubs: Any) -> None:
    """Ten units, four of them guaranteed to one channel: the other never gets more than six."""
    shop, other = await two_channels(stubs)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=4))
    demands = [shop.one_unit(channel=channel) for _ in range(30) for channel in (shop.channel, shop.channel, other)]
    outcomes = await together(answer_or_refusal(stubs.inventory.CreateReservation(demand)) for demand in demands)
    won = [o.reservation.channel for o in outcomes if not isinstance(o, Refusal)]
    assert {o.reason for o in outcomes if isinstance(o, Refusal)} == {"INSUFFICIENT_STOCK"}
    assert len(won) == 10
    assert won.count(other) >= 4
    assert (await allotments(shop))[other] == (4, won.count(other))
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_guarantee_that_is_used_up_takes_nothing_more_from_the_others(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=4))
    assert await shop.available() == 6
    await shop.reserve((shop.sku, 3), channel=other)
    assert await shop.available() == 6, "three of its own, and one is still kept for it"
    await shop.reserve((shop.sku, 3), channel=other)
    assert await shop.available() == 4
    assert await allotments(shop) == {other: (4, 6)}


async def test_a_guarantee_of_more_than_there_is_keeps_what_there_is(stubs: Any) -> None:
    shop, other = await two_channels(stubs, units=3)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=50))
    assert (await shop.available(), await shop.available(channel=other)) == (0, 3)
    await shop.receive(48)
    assert (await shop.available(), await shop.available(channel=other)) == (1, 51)


async def test_two_guarantees_stand_beside_each_other(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    third = some("channel")
    await put_channel(stubs, third, shop.pool)
    await shop.put_rules(allotment(shop.sku, shop.channel, guaranteed=3), allotment(shop.sku, other, guaranteed=4))
    assert [await shop.available(channel=channel) for channel in (shop.channel, other, third)] == [6, 7, 3]


async def test_a_guarantee_holds_against_a_channel_that_sells_from_one_of_its_locations(stubs: Any) -> None:
    """Four are guaranteed to a channel of the far location, where five lie; two of seven can be had elsewhere."""
    shop = await open_shop(stubs, locations=2)
    near, far = shop.locations
    await shop.receive(2, location=near)
    await shop.receive(5, location=far)
    store, store_pool = some("channel"), some("pool")
    await put_pool(stubs, store_pool, (far,))
    await put_channel(stubs, store, store_pool)
    await shop.put_rules(allotment(shop.sku, store, guaranteed=4))
    assert await shop.available() == 3
    assert await short_of(shop.reserve((shop.sku, 2, far))) == (shop.sku, far, 2, 1)
    reserved = await shop.reserve((shop.sku, 3), allow_split=True)
    assert [(line.location, line.quantity) for line in reserved.lines] == [(near, 2), (far, 1)]
    await shop.reserve((shop.sku, 4), channel=store)
    assert await shop.available(channel=store) == 0


async def test_an_allotment_of_one_sku_says_nothing_of_another(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, units=5)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=1))
    assert [await shop.available(sku) for sku in shop.skus] == [1, 5]


# The cap.


async def test_a_cap_is_reached_exactly_and_what_is_given_back_frees_it(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3))
    assert (await shop.available(), await shop.available(channel=other)) == (3, 10)
    held = await shop.reserve((shop.sku, 2))
    assert await short_of(shop.reserve((shop.sku, 2))) == (shop.sku, "", 2, 1)
    await shop.reserve((shop.sku, 1))
    assert await shop.available() == 0
    await shop.release(held.reservation_id, (1, 1))
    assert await shop.available() == 1
    await shop.release(held.reservation_id)
    assert await shop.available() == 2
    assert await allotments(shop) == {shop.channel: (0, 1)}


async def test_a_hold_that_expires_frees_the_cap(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3))
    await shop.reserve((shop.sku, 3), ttl_seconds=1)
    assert await shop.available() == 0

    async def freed() -> bool:
        return await shop.available() == 3

    await until(freed, "a hold that is due to free the cap")


async def test_what_left_stays_used(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3))
    order = await shop.order((shop.sku, 3))
    await shop.fulfill(order.reservation_id, left(1, 2))
    assert await shop.available() == 0
    await shop.release(order.reservation_id)
    assert await shop.available() == 1


async def test_many_buyers_never_pass_a_cap(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=3, units=10)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=7))
    demands = [shop.one_unit(allow_split=number % 2 == 0) for number in range(60)]
    batches = [inventory.BatchCreateReservationsRequest(requests=demands[start::3]) for start in range(3)]
    answers = await together(stubs.inventory.BatchCreateReservations(batch) for batch in batches)
    assert sum(result.HasField("created") for answer in answers for result in answer.results) == 7


async def test_two_lines_of_one_request_share_the_cap(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=10)
    near, far = shop.locations
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3))
    refused = shop.reserve((shop.sku, 2, near), (shop.sku, 2, far))
    assert await short_of(refused) == (shop.sku, far, 2, 1)
    partial = await shop.create((shop.sku, 2, near), (shop.sku, 2, far), fill_policy=inventory.FILL_POLICY_PARTIAL)
    assert [line.quantity for line in partial.reservation.lines] == [2, 1]


async def test_a_new_allotment_does_not_count_what_was_reserved_before(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    earlier = await shop.reserve((shop.sku, 4))
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3))
    assert await shop.available() == 3
    await shop.reserve((shop.sku, 2))
    await shop.release(earlier.reservation_id)
    assert await shop.available() == 1, "what it gave back had not been used of the allotment"
    assert await allotments(shop) == {shop.channel: (0, 2)}


async def test_an_allotment_that_is_replaced_keeps_what_is_used(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=3))
    held = await shop.reserve((shop.sku, 2))
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=5))
    assert await shop.available() == 3
    await shop.put_rules(allotment(shop.sku, shop.channel, cap=1))
    assert await shop.available() == 0
    await shop.release(held.reservation_id)
    assert await shop.available() == 1


async def test_an_allotment_that_is_removed_binds_nobody(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    rule = allotment(shop.sku, other, guaranteed=4, cap=5)
    await shop.put_rules(rule)
    await shop.reserve((shop.sku, 2), channel=other)
    await shop.put_rules(removed(rule))
    assert (await shop.available(), await shop.available(channel=other)) == (8, 8)
    assert await allotments(shop) == {}
    await shop.put_rules(rule)
    assert await allotments(shop) == {other: (4, 0)}, "a new one begins anew"


# Its end, and its move.


async def test_an_allotment_ends_at_its_time_by_itself(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    rule = allotment(shop.sku, other, guaranteed=4, cap=4, ends=from_now(seconds=1.5))
    await shop.put_rules(rule)
    assert (await shop.available(), await shop.available(channel=other)) == (6, 4)

    async def over() -> bool:
        return await shop.available() == 10

    await until(over, "an allotment to end")
    assert await shop.available(channel=other) == 10
    assert await allotments(shop) == {}


async def test_an_allotment_that_ends_in_time_cannot_hold_up_a_buyer(stubs: Any) -> None:
    """Nobody has to look first: the next decision sees that it is over."""
    shop, other = await two_channels(stubs, units=1)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=1, ends=from_now(seconds=1)))
    buyer = shop.one_unit()

    async def sold() -> bool:
        return not isinstance(await answer_or_refusal(stubs.inventory.CreateReservation(buyer)), Refusal)

    await until(sold, "the unit of an allotment that has ended")


async def test_guaranteed_units_are_moved_to_another_channel(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    await shop.put_rules(allotment(shop.sku, shop.channel, guaranteed=6), allotment(shop.sku, other, guaranteed=1))
    assert (await shop.available(), await shop.available(channel=other)) == (9, 4)
    gave, got = await move(shop, shop.channel, other, 4)
    assert (gave.channel, gave.guaranteed_quantity) == (shop.channel, 2)
    assert (got.channel, got.guaranteed_quantity) == (other, 5)
    assert (await shop.available(), await shop.available(channel=other)) == (5, 8)


async def test_only_what_is_guaranteed_and_not_used_can_be_moved(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    without = some("channel")
    await put_channel(stubs, without, shop.pool)
    await shop.put_rules(allotment(shop.sku, shop.channel, guaranteed=5), allotment(shop.sku, other))
    await shop.reserve((shop.sku, 2))

    def too_small(channel: str, requested: int, movable: int) -> Refusal:
        return refused_as(
            "ALLOTMENT_TOO_SMALL", sku=shop.sku, channel=channel, requested=str(requested), movable=str(movable)
        )

    assert await refusal_of(move(shop, shop.channel, other, 4)) == too_small(shop.channel, 4, 3)
    assert await refusal_of(move(shop, without, other, 1)) == too_small(without, 1, 0)
    refusal = await refusal_of(move(shop, shop.channel, without, 1))
    assert (refusal.reason, refusal.metadata["channel"]) == ("ALLOTMENT_TOO_SMALL", without)
    await move(shop, shop.channel, other, 3)
    assert await allotments(shop) == {shop.channel: (2, 2), other: (3, 0)}


async def test_of_many_moves_only_as_many_are_made_as_there_are_units(stubs: Any) -> None:
    shop, other = await two_channels(stubs)
    await shop.put_rules(allotment(shop.sku, shop.channel, guaranteed=5), allotment(shop.sku, other))
    outcomes = await together(answer_or_refusal(move(shop, shop.channel, other, 1)) for _ in range(12))
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 7
    assert await allotments(shop) == {shop.channel: (0, 0), other: (5, 0)}


@pytest.mark.parametrize("policy", [inventory.FILL_POLICY_ALL_OR_NOTHING, inventory.FILL_POLICY_PARTIAL])
async def test_who_may_take_part_takes_no_more_than_is_free_of_guarantees(stubs: Any, policy: int) -> None:
    shop, other = await two_channels(stubs)
    await shop.put_rules(allotment(shop.sku, other, guaranteed=4))
    request = shop.demand((shop.sku, 8), fill_policy=policy)
    outcome = await answer_or_refusal(stubs.inventory.CreateReservation(request))
    if policy == inventory.FILL_POLICY_PARTIAL:
        assert [line.quantity for line in outcome.reservation.lines] == [6]
        assert [(s.requested_quantity, s.reserved_quantity) for s in outcome.shortfalls] == [(8, 6)]
    else:
        assert outcome.metadata["available"] == "6"
    assert await shop.available(channel=other) >= 4
