"""Safety stock and buffers: units that are there and not sold, by rules that hold for the next decision."""

from typing import Any

import pytest
from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.reservation_pb2 import Reservation
from holdfast.inventory.v1.rules_pb2 import Rule
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import together, until
from api.ids import some, uuid7
from api.refusals import not_found, refusal_of, short_of
from api.rules import (
    allotment,
    backorder,
    channel_buffer,
    distances,
    hold_limit_of_customer,
    removed,
    safety_stock,
    substitution,
)
from api.shop import Shop, assert_ledger_is_sound, everything, open_shop, put_channel


async def rules_of(shop: Shop, **filters: str) -> list[Rule]:
    return await everything(shop.stubs.catalog.ListRules, catalog.ListRulesRequest(**filters), "rules")


# Of a rule at the location, one of the SKU and one of both, those that are in force, and the units that count.
SCOPES: list[tuple[str, dict[str, int], int]] = [
    ("none", {}, 0),
    ("the location's", {"location": 1}, 1),
    ("the SKU's", {"sku": 2}, 2),
    ("the SKU's at the location", {"both": 3}, 3),
    ("the SKU's before the location's", {"location": 1, "sku": 2}, 2),
    ("the most particular of all", {"location": 1, "sku": 2, "both": 3}, 3),
    ("the most particular even if it is the least", {"location": 4, "sku": 5, "both": 0}, 0),
    ("the SKU's even if it is less", {"location": 4, "sku": 0}, 0),
]


@pytest.mark.parametrize(("which", "in_force", "safety"), SCOPES, ids=[row[0] for row in SCOPES])
async def test_the_most_particular_rule_counts(stubs: Any, which: str, in_force: dict[str, int], safety: int) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=10)
    keys = {
        "location": {"location": shop.location},
        "sku": {"sku": shop.sku},
        "both": {"sku": shop.sku, "location": shop.location},
    }
    if in_force:
        await shop.put_rules(*(safety_stock(units, **keys[name]) for name, units in in_force.items()))
    level = await shop.level()
    assert (level.safety_stock_quantity, level.net_quantity) == (safety, 10 - safety), which
    other_place = in_force.get("sku", 0)
    assert (await shop.level(location=shop.locations[1])).net_quantity == 10 - other_place
    assert await shop.available() == 20 - safety - other_place
    assert (await shop.level(shop.skus[1])).net_quantity == 10 - in_force.get("location", 0)


async def test_a_rule_that_is_removed_uncovers_the_one_below(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    general = safety_stock(1, location=shop.location)
    of_sku = safety_stock(2, sku=shop.sku)
    particular = safety_stock(3, sku=shop.sku, location=shop.location)
    await shop.put_rules(general, of_sku, particular)
    seen = [await shop.available()]
    for rule in (particular, of_sku, general):
        await shop.put_rules(removed(rule))
        seen.append(await shop.available())
    assert seen == [7, 8, 9, 10]
    await shop.put_rules(removed(general))
    assert await shop.available() == 10, "removing what is not there is fine"


async def test_a_rule_of_a_location_holds_for_all_its_skus_at_once(stubs: Any) -> None:
    """Three hundred SKUs, of which a third are reserved in part; no answer mixes the old and the new rule."""
    shop = await open_shop(stubs, skus=300, locations=2, units=5)
    await shop.reserve(*((sku, 4, shop.location) for sku in shop.skus[::3]))
    keys = [inventory.AvailabilityKey(sku=sku, channel=shop.channel) for sku in shop.skus]

    async def told() -> list[int]:
        request = inventory.BatchGetAvailabilityRequest(keys=keys)
        answers = (await stubs.inventory.BatchGetAvailability(request)).availabilities
        return [answer.available_to_sell_quantity for answer in answers]

    assert await told() == [6, 10, 10] * 100
    await shop.put_rules(safety_stock(2, location=shop.location))
    assert await told() == [5, 8, 8] * 100
    assert await short_of(shop.reserve((shop.skus[1], 4, shop.location))) == (shop.skus[1], shop.location, 4, 3)
    await shop.put_rules(safety_stock(0, location=shop.location))
    assert await told() == [6, 10, 10] * 100


async def test_whoever_asks_cannot_reserve_safety_stock(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    await shop.put_rules(safety_stock(3, sku=shop.sku, location=near))
    assert await short_of(shop.reserve((shop.sku, 3, near))) == (shop.sku, near, 3, 2)
    reserved = await shop.reserve((shop.sku, 3))
    assert [line.location for line in reserved.lines] == [far]
    split = await shop.reserve((shop.sku, 4), allow_split=True)
    assert [(line.location, line.quantity) for line in split.lines] == [(near, 2), (far, 2)]
    assert await shop.available() == 0


async def test_more_safety_stock_than_there_is_takes_nothing_from_other_locations(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    await shop.put_rules(safety_stock(9, sku=shop.sku, location=shop.location))
    assert (await shop.level()).net_quantity == -4
    assert await shop.available() == 5


async def test_what_was_reserved_before_the_rule_stays_reserved(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    order = await shop.order((shop.sku, 4))
    await shop.put_rules(safety_stock(3, sku=shop.sku))
    assert (await shop.level()).net_quantity == -2
    await shop.fulfill(order.reservation_id)
    assert (await shop.level()).net_quantity == -2
    await shop.receive(3)
    assert await shop.available() == 1


# What is no longer kept back.


async def waiting_of(shop: Shop, *reservations: Reservation) -> list[int]:
    """The units that each of the reservations still waits for."""
    now = [await shop.read(reservation.reservation_id) for reservation in reservations]
    return [sum(line.backordered_quantity for line in each.lines) for each in now]


async def until_waiting(shop: Shop, reservations: list[Reservation], units: list[int]) -> None:
    """Until so many units of each are waited for. A rule lets go of units in bounded steps, behind its answer."""

    async def served() -> bool:
        return await waiting_of(shop, *reservations) == units

    await until(served, f"{units} to be waited for")


def kept_by(which: str, shop: Shop, units: int) -> Rule:
    if which == "the location":
        return safety_stock(units, location=shop.location)
    return safety_stock(units, sku=shop.sku, location=shop.location if which == "the level" else "")


@pytest.mark.parametrize("how", ["less", "none", "removed"])
@pytest.mark.parametrize("which", ["the level", "the SKU", "the location"])
async def test_units_that_a_rule_lets_go_come_to_who_waited_first(stubs: Any, which: str, how: str) -> None:
    shop = await open_shop(stubs)
    rule = kept_by(which, shop, 4)
    await shop.put_rules(rule, backorder(shop.sku, shop.location, 9))
    await shop.receive(4)
    first = await shop.reserve((shop.sku, 1), allow_backorder=True)
    second = await shop.order((shop.sku, 6), allow_backorder=True)
    assert await waiting_of(shop, first, second) == [1, 6]
    lowered = {"less": kept_by(which, shop, 2), "none": kept_by(which, shop, 0), "removed": removed(rule)}[how]
    revision = await shop.put_rules(lowered)
    await until_waiting(shop, [first, second], [0, 5] if how == "less" else [0, 3])
    covers = [m for m in await shop.movements() if m.kind == MovementKind.MOVEMENT_KIND_COVER]
    assert [m.reservation_id for m in covers] == [first.reservation_id, second.reservation_id]
    assert revision.position < covers[0].revision.position < covers[1].revision.position
    assert await shop.available() == 0
    await assert_ledger_is_sound(stubs, uncovered=None)


async def test_a_rule_of_a_location_lets_go_of_units_of_all_its_skus(stubs: Any) -> None:
    """Three hundred wait, more than one step serves; where nobody waits the units are for sale."""
    shop = await open_shop(stubs, skus=301, units=1)
    *wanted, other = shop.skus
    await shop.put_rules(safety_stock(1, location=shop.location))
    await shop.put_rules(*(backorder(sku, shop.location, 9) for sku in wanted))
    waiting = [await shop.reserve((sku, 2), allow_backorder=True) for sku in wanted[::100]]
    crowd = await shop.reserve(*((sku, 1) for sku in wanted), allow_backorder=True)
    assert await waiting_of(shop, crowd, *waiting) == [300, 2, 2, 2]
    await shop.put_rules(safety_stock(0, location=shop.location))

    await until_waiting(shop, [crowd, *waiting], [3, 1, 1, 1])
    assert await shop.available(other) == 1


async def test_who_begins_to_wait_while_a_rule_is_lowered_is_served(stubs: Any) -> None:
    """Whichever is decided first: the unit is there for who asks, or comes to who waits."""
    shop = await open_shop(stubs, skus=40, units=1)
    await shop.put_rules(*(safety_stock(1, sku=sku) for sku in shop.skus))
    await shop.put_rules(*(backorder(sku, shop.location, 9) for sku in shop.skus))
    calls = [
        call
        for sku in shop.skus
        for call in (shop.reserve((sku, 1), allow_backorder=True), shop.put_rules(safety_stock(0, sku=sku)))
    ]
    reserved = [answer for answer in await together(calls) if isinstance(answer, Reservation)]
    await until_waiting(shop, reserved, [0] * 40)


async def test_more_safety_stock_takes_nothing_from_who_was_served(stubs: Any) -> None:
    shop = await open_shop(stubs, units=2)
    await shop.put_rules(backorder(shop.sku, shop.location, 9))
    served = await shop.reserve((shop.sku, 2), allow_backorder=True)
    patient = await shop.reserve((shop.sku, 1), allow_backorder=True)
    await shop.put_rules(safety_stock(3, sku=shop.sku))
    await shop.receive(3)
    assert await waiting_of(shop, served, patient) == [0, 1]
    await shop.put_rules(safety_stock(1, location=shop.location))
    assert await waiting_of(shop, patient) == [1], "the rule of the SKU counts"
    await shop.put_rules(removed(safety_stock(3, sku=shop.sku)))
    # One is kept by the rule of the location, and two are free.
    await until_waiting(shop, [patient], [0])
    assert await shop.available() == 1


# Buffers.

BUFFERS: list[tuple[str, dict[str, int], int]] = [
    ("none", {}, 10),
    ("the channel's", {"channel": 3}, 7),
    ("the SKU's on the channel", {"sku": 4}, 6),
    ("the SKU's before the channel's", {"channel": 3, "sku": 1}, 9),
    ("more than there is", {"channel": 50}, 0),
]


@pytest.mark.parametrize(("which", "in_force", "available"), BUFFERS, ids=[row[0] for row in BUFFERS])
async def test_a_channel_does_not_sell_its_buffer(
    stubs: Any, which: str, in_force: dict[str, int], available: int
) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    other = some("channel")
    await put_channel(stubs, other, shop.pool)
    keys = {"channel": {}, "sku": {"sku": shop.sku}}
    if in_force:
        await shop.put_rules(
            *(channel_buffer(units, channel=shop.channel, **keys[name]) for name, units in in_force.items())
        )
    assert await shop.available() == available, which
    assert await shop.available(channel=other) == 10, "the other channel sells everything"
    assert await shop.available(shop.skus[1]) == max(0, 10 - in_force.get("channel", 0))
    one_too_many = shop.reserve((shop.sku, available + 1), allow_split=True)
    assert await short_of(one_too_many) == (shop.sku, "", available + 1, available)
    if available:
        await shop.reserve((shop.sku, available), allow_split=True)
    assert await shop.available() == 0
    assert await shop.available(channel=other) == 10 - available


# The rules themselves.


async def test_rules_are_put_together_or_not_at_all(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    good = safety_stock(2, sku=shop.sku)
    for bad, expected in (
        (safety_stock(1, sku="nothing"), not_found("UNKNOWN_SKU", sku="nothing")),
        (safety_stock(1, location="nowhere"), not_found("UNKNOWN_LOCATION", location="nowhere")),
        (channel_buffer(1, channel="nobody"), not_found("UNKNOWN_CHANNEL", channel="nobody")),
        (channel_buffer(1, channel=shop.channel, sku="nothing"), not_found("UNKNOWN_SKU", sku="nothing")),
        (allotment("nothing", shop.channel), not_found("UNKNOWN_SKU", sku="nothing")),
        (allotment(shop.sku, "nobody"), not_found("UNKNOWN_CHANNEL", channel="nobody")),
        (backorder(shop.sku, "nowhere", 1), not_found("UNKNOWN_LOCATION", location="nowhere")),
        (substitution(shop.sku, "nothing"), not_found("UNKNOWN_SKU", sku="nothing")),
        (distances(some("region"), ("nowhere", 1)), not_found("UNKNOWN_LOCATION", location="nowhere")),
    ):
        assert await refusal_of(shop.put_rules(good, bad)) == expected
    assert await shop.available() == 5
    assert await rules_of(shop, sku=shop.sku) == []
    await shop.put_rules(removed(safety_stock(1, sku="nothing")), good)
    assert await shop.available() == 3, "a rule that is removed need not name what exists"


async def test_a_rule_replaces_the_one_with_its_key_and_reads_as_it_was_put(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2)
    first, second = shop.skus
    rules = [
        safety_stock(3, sku=first, location=shop.location),
        channel_buffer(2, channel=shop.channel, sku=first),
        allotment(first, shop.channel, guaranteed=4, cap=9),
        backorder(first, shop.location, 7, preorder_cap=3),
        substitution(first, second),
    ]
    await shop.put_rules(*rules)

    def as_text(found: list[Rule]) -> list[str]:
        return sorted(str(rule) for rule in found)

    assert as_text(await rules_of(shop, sku=first)) == as_text(rules)
    await shop.put_rules(safety_stock(5, sku=first, location=shop.location), *map(removed, rules[1:]))
    assert await rules_of(shop, sku=first) == [safety_stock(5, sku=first, location=shop.location)]


async def test_rules_are_found_by_sku_channel_and_location(stubs: Any) -> None:
    shop = await open_shop(stubs)
    safety = safety_stock(3, location=shop.location)
    buffer = channel_buffer(2, channel=shop.channel)
    cap = allotment(shop.sku, shop.channel, cap=0)
    await shop.put_rules(safety, buffer, cap, hold_limit_of_customer(some("customer"), 2))
    assert await rules_of(shop, location=shop.location) == [safety]
    assert sorted(str(rule) for rule in await rules_of(shop, channel=shop.channel)) == sorted([str(buffer), str(cap)])
    assert await rules_of(shop, sku=shop.sku) == [cap]
    assert await rules_of(shop, sku=shop.sku, channel=shop.channel) == [cap]
    assert await rules_of(shop, sku=shop.sku, location=shop.location) == []


async def test_a_rule_leaves_its_mark_in_the_history_without_moving_units(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    before = len(await shop.movements())
    first = await shop.put_rules(safety_stock(3, sku=shop.sku))
    request = catalog.PutRulesRequest(request_id=uuid7(), rules=[safety_stock(3, sku=shop.sku)])
    again = (await stubs.catalog.PutRules(request)).revision
    assert again.position > first.position
    assert len(await shop.movements()) == before
