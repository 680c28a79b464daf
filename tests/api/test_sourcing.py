"""Sourcing: from where lines come that name no location, and why; every line says it."""

from typing import Any

import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.reservation_pb2 import Reservation, Sourcing, SourcingOrder, SourcingReason

from api.ids import some
from api.refusals import not_found, refusal_of, short_of
from api.rules import distances, removed
from api.shop import Shop, open_shop, put_item

NAMED = SourcingReason.SOURCING_REASON_NAMED_LOCATION
POOL_ORDER = SourcingReason.SOURCING_REASON_POOL_ORDER
NEAREST = SourcingReason.SOURCING_REASON_NEAREST
MOST_STOCK = SourcingReason.SOURCING_REASON_MOST_STOCK
SHIP_COMPLETE = SourcingReason.SOURCING_REASON_SHIP_COMPLETE
BY_POOL = Sourcing(order=SourcingOrder.SOURCING_ORDER_POOL)
BY_STOCK = Sourcing(order=SourcingOrder.SOURCING_ORDER_MOST_STOCK)
COMPLETE = Sourcing(prefer_ship_complete=True)


def to(destination: str, **options: Any) -> Sourcing:
    return Sourcing(order=SourcingOrder.SOURCING_ORDER_NEAREST, destination=destination, **options)


def drawn(shop: Shop, reservation: Reservation) -> list[tuple[int, int, int]]:
    """Of each line the place of its location in the pool, the units, and the reason."""
    return [(shop.locations.index(ln.location), ln.quantity, ln.sourcing_reason) for ln in reservation.lines]


async def stocked(stubs: Any, *units: int) -> Shop:
    """One SKU with so many units at each of the locations, in the order of the pool."""
    shop = await open_shop(stubs, locations=len(units))
    for location, there in zip(shop.locations, units, strict=True):
        if there:
            await shop.receive(there, location=location)
    return shop


# Units at the locations, units asked for, whether split, the order, and what is drawn from where.
CASES: list[tuple[str, tuple[int, ...], int, bool, Sourcing | None, list[tuple[int, int]], int]] = [
    ("nothing is said: the pool's order", (2, 5), 2, False, None, [(0, 2)], POOL_ORDER),
    ("the pool's order", (2, 5), 2, False, BY_POOL, [(0, 2)], POOL_ORDER),
    ("the first that has enough", (2, 5), 3, False, BY_POOL, [(1, 3)], POOL_ORDER),
    ("split in the pool's order", (2, 0, 5), 4, True, BY_POOL, [(0, 2), (2, 2)], POOL_ORDER),
    ("the one with the most", (2, 5, 9), 2, False, BY_STOCK, [(2, 2)], MOST_STOCK),
    ("of two with as many the first", (2, 9, 9), 2, False, BY_STOCK, [(1, 2)], MOST_STOCK),
    ("split from the fullest down", (2, 5, 9), 15, True, BY_STOCK, [(2, 9), (1, 5), (0, 1)], MOST_STOCK),
]


@pytest.mark.parametrize(
    ("what", "there", "units", "split", "sourcing", "expected", "reason"), CASES, ids=[row[0] for row in CASES]
)
async def test_lines_are_drawn_in_the_order_that_was_asked_for(
    stubs: Any,
    what: str,
    there: tuple[int, ...],
    units: int,
    split: bool,
    sourcing: Sourcing | None,
    expected: list[tuple[int, int]],
    reason: int,
) -> None:
    shop = await stocked(stubs, *there)
    reserved = await shop.reserve((shop.sku, units), allow_split=split, sourcing=sourcing)
    assert drawn(shop, reserved) == [(place, some_units, reason) for place, some_units in expected], what


# The nearest.


async def test_the_nearest_location_comes_first(stubs: Any) -> None:
    """The third is nearest, then the first; the second is not declared, so it is farther than both."""
    shop = await stocked(stubs, 4, 4, 4)
    first, _, third = shop.locations
    region = some("region")
    await shop.put_rules(distances(region, (first, 300), (third, 20)))
    reserved = await shop.reserve((shop.sku, 2), sourcing=to(region))
    assert drawn(shop, reserved) == [(2, 2, NEAREST)]
    split = await shop.reserve((shop.sku, 9), sourcing=to(region), allow_split=True)
    assert drawn(shop, split) == [(2, 2, NEAREST), (0, 4, NEAREST), (1, 3, NEAREST)]


async def test_of_two_as_near_the_first_of_the_pool_comes_first(stubs: Any) -> None:
    shop = await stocked(stubs, 4, 4)
    first, second = shop.locations
    region = some("region")
    await shop.put_rules(distances(region, (second, 7), (first, 7)))
    assert drawn(shop, await shop.reserve((shop.sku, 1), sourcing=to(region))) == [(0, 1, NEAREST)]


async def test_a_near_location_of_another_pool_is_not_drawn_from(stubs: Any) -> None:
    shop = await stocked(stubs, 4)
    elsewhere = (await open_shop(stubs)).location
    await shop.receive(4, location=elsewhere)
    region = some("region")
    await shop.put_rules(distances(region, (elsewhere, 1)))
    assert drawn(shop, await shop.reserve((shop.sku, 4), sourcing=to(region))) == [(0, 4, NEAREST)]


async def test_distances_can_be_declared_anew(stubs: Any) -> None:
    shop = await stocked(stubs, 4, 4)
    first, second = shop.locations
    region = some("region")
    await shop.put_rules(distances(region, (first, 1), (second, 2)))
    await shop.put_rules(distances(region, (second, 1)))
    assert drawn(shop, await shop.reserve((shop.sku, 1), sourcing=to(region))) == [(1, 1, NEAREST)]
    await shop.put_rules(removed(distances(region)))
    refusal = await refusal_of(shop.reserve((shop.sku, 1), sourcing=to(region)))
    assert refusal == not_found("UNKNOWN_DESTINATION", destination=region)


async def test_an_unknown_destination_is_told_before_an_unknown_sku(stubs: Any) -> None:
    shop = await stocked(stubs, 4)
    refusal = await refusal_of(shop.reserve(("nothing", 1), sourcing=to("atlantis")))
    assert refusal == not_found("UNKNOWN_DESTINATION", destination="atlantis")


# Ship complete.


async def basket_of_two(stubs: Any, *units: tuple[int, int]) -> Shop:
    """Two SKUs with so many units of each at each location."""
    shop = await open_shop(stubs, skus=2, locations=len(units))
    for location, there in zip(shop.locations, units, strict=True):
        for sku, some_units in zip(shop.skus, there, strict=True):
            if some_units:
                await shop.receive(some_units, sku=sku, location=location)
    return shop


# Units of two SKUs at each location, units asked of each, and what is drawn from where.
BASKETS: list[tuple[str, list[tuple[int, int]], tuple[int, int], list[tuple[int, int, int]]]] = [
    ("the first has it all", [(3, 3), (3, 3)], (2, 2), [(0, 2, SHIP_COMPLETE), (0, 2, SHIP_COMPLETE)]),
    ("only the second has it all", [(3, 1), (3, 3)], (2, 2), [(1, 2, SHIP_COMPLETE), (1, 2, SHIP_COMPLETE)]),
    ("no location has it all", [(3, 0), (0, 3)], (2, 2), [(0, 2, POOL_ORDER), (1, 2, POOL_ORDER)]),
    ("one has all kinds and too few", [(3, 0), (1, 3)], (2, 2), [(0, 2, POOL_ORDER), (1, 2, POOL_ORDER)]),
]


@pytest.mark.parametrize(("what", "there", "asked", "expected"), BASKETS, ids=[row[0] for row in BASKETS])
async def test_a_basket_comes_from_one_location_if_one_has_it_all(
    stubs: Any,
    what: str,
    there: list[tuple[int, int]],
    asked: tuple[int, int],
    expected: list[tuple[int, int, int]],
) -> None:
    shop = await basket_of_two(stubs, *there)
    reserved = await shop.reserve(*zip(shop.skus, asked, strict=True), sourcing=COMPLETE)
    assert drawn(shop, reserved) == expected, what


async def test_a_basket_that_does_not_ask_for_it_is_drawn_line_by_line(stubs: Any) -> None:
    shop = await basket_of_two(stubs, (3, 1), (3, 3))
    first, second = shop.skus
    reserved = await shop.reserve((first, 2), (second, 2))
    assert drawn(shop, reserved) == [(0, 2, POOL_ORDER), (1, 2, POOL_ORDER)]


async def test_ship_complete_goes_through_the_order_that_was_asked_for(stubs: Any) -> None:
    shop = await basket_of_two(stubs, (3, 3), (3, 3), (9, 3))
    first, second = shop.skus
    region = some("region")
    await shop.put_rules(distances(region, (shop.locations[1], 5)))
    near = await shop.reserve((first, 1), (second, 1), sourcing=to(region, prefer_ship_complete=True))
    assert drawn(shop, near) == [(1, 1, SHIP_COMPLETE), (1, 1, SHIP_COMPLETE)]
    by_stock = Sourcing(order=SourcingOrder.SOURCING_ORDER_MOST_STOCK, prefer_ship_complete=True)
    full = await shop.reserve((first, 1), (second, 1), sourcing=by_stock)
    assert drawn(shop, full) == [(2, 1, SHIP_COMPLETE), (2, 1, SHIP_COMPLETE)]


async def test_a_named_line_is_placed_first_and_the_others_together(stubs: Any) -> None:
    shop = await basket_of_two(stubs, (3, 3), (3, 3))
    first, second = shop.skus
    near, _ = shop.locations
    reserved = await shop.reserve((first, 2), (second, 2), (first, 2, near), sourcing=COMPLETE)
    assert drawn(shop, reserved) == [(0, 2, NAMED), (1, 2, SHIP_COMPLETE), (1, 2, SHIP_COMPLETE)]


async def test_kits_and_other_items_come_from_one_location(stubs: Any) -> None:
    shop = await basket_of_two(stubs, (3, 1), (3, 4))
    first, second = shop.skus
    kit = await put_item(stubs, parts=((first, 1), (second, 1)))
    reserved = await shop.reserve((kit, 1), (second, 2), sourcing=COMPLETE)
    assert drawn(shop, reserved) == [(1, 1, SHIP_COMPLETE), (1, 1, SHIP_COMPLETE), (1, 2, SHIP_COMPLETE)]


async def test_what_is_short_is_told_whatever_the_order(stubs: Any) -> None:
    shop = await stocked(stubs, 2, 5)
    region = some("region")
    await shop.put_rules(distances(region, (shop.location, 1)))
    for sourcing in (BY_POOL, BY_STOCK, COMPLETE, to(region)):
        assert await short_of(shop.reserve((shop.sku, 6), sourcing=sourcing)) == (shop.sku, "", 6, 5)
        split = shop.reserve((shop.sku, 8), sourcing=sourcing, allow_split=True)
        assert await short_of(split) == (shop.sku, "", 8, 7)
    policy = inventory.FILL_POLICY_PARTIAL
    reserved = await shop.create((shop.sku, 6), sourcing=to(region), fill_policy=policy)
    assert drawn(shop, reserved.reservation) == [(1, 5, NEAREST)]
