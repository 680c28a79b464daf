"""Substitution: what may be sold instead is offered to whoever is refused, and reserved for whoever allows it."""

from typing import Any

import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1.reservation_pb2 import Reservation

from api.refusals import refusal_of, short_of
from api.rules import allotment, backorder, removed, substitution
from api.shop import Shop, open_shop, put_item

PARTIAL = inventory.FILL_POLICY_PARTIAL


def reserved(reservation: Reservation) -> list[tuple[str, str, int]]:
    return [(line.sku, line.ordered_sku, line.quantity) for line in reservation.lines]


async def range_of_four(stubs: Any) -> Shop:
    """Two units of the first SKU, none of the second, three of the third, nine of the fourth."""
    shop = await open_shop(stubs, skus=4)
    wanted, _, third, fourth = shop.skus
    for sku, units in ((wanted, 2), (third, 3), (fourth, 9)):
        await shop.receive(units, sku=sku)
    await shop.put_rules(substitution(wanted, *shop.skus[1:]))
    return shop


async def test_whoever_is_refused_is_offered_what_there_is_instead(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted, _, third, fourth = shop.skus
    refusal = await refusal_of(shop.reserve((wanted, 3)))
    assert refusal.reason == "INSUFFICIENT_STOCK"
    assert refusal.offers == ((wanted, third, 3), (wanted, fourth, 9))
    await shop.reserve((third, 1))
    refusal = await refusal_of(shop.reserve((wanted, 3, shop.location), (third, 3)))
    assert refusal.offers == ((wanted, third, 2), (wanted, fourth, 9)), "and only for lines that have a rule"


async def test_what_is_sold_no_more_or_is_a_kit_is_not_offered(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted, second, third, fourth = shop.skus
    await put_item(stubs, third, inactive=True)
    await put_item(stubs, second, parts=((fourth, 1),))
    assert (await refusal_of(shop.reserve((wanted, 3)))).offers == ((wanted, fourth, 9),)
    instead = await shop.reserve((wanted, 3), allow_substitution=True)
    assert reserved(instead) == [(fourth, wanted, 3)]


async def test_without_a_rule_or_without_stock_nothing_is_offered(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted, second, third, _ = shop.skus
    assert (await refusal_of(shop.reserve((third, 4)))).offers == ()
    await shop.put_rules(substitution(wanted, second))
    assert (await refusal_of(shop.reserve((wanted, 3)))).offers == ()
    await shop.put_rules(removed(substitution(wanted)))
    assert (await refusal_of(shop.reserve((wanted, 3)))).offers == ()


# What is asked for, and what is reserved as (substitute's place in the range, units); 0 is the SKU itself.
APPLIED: list[tuple[str, int, int, list[tuple[int, int]]]] = [
    ("there is enough", 2, inventory.FILL_POLICY_ALL_OR_NOTHING, [(0, 2)]),
    ("the whole line is of the first that has it", 3, inventory.FILL_POLICY_ALL_OR_NOTHING, [(2, 3)]),
    ("the better one has too little", 5, inventory.FILL_POLICY_ALL_OR_NOTHING, [(3, 5)]),
    ("in part, only what is missing", 5, PARTIAL, [(0, 2), (2, 3)]),
    ("in part, what is missing comes from one", 7, PARTIAL, [(0, 2), (3, 5)]),
]


@pytest.mark.parametrize(("what", "units", "policy", "expected"), APPLIED, ids=[row[0] for row in APPLIED])
async def test_a_substitute_is_reserved_where_the_caller_allows_it(
    stubs: Any, what: str, units: int, policy: int, expected: list[tuple[int, int]]
) -> None:
    shop = await range_of_four(stubs)
    wanted = shop.sku
    answer = await shop.create((wanted, units), allow_substitution=True, fill_policy=policy)
    lines = [(shop.skus[place], wanted if place else "", some_units) for place, some_units in expected]
    assert reserved(answer.reservation) == lines, what
    assert not answer.shortfalls


async def test_if_no_substitute_has_enough_the_line_is_short_as_without_one(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted = shop.sku
    assert await short_of(shop.reserve((wanted, 12), allow_substitution=True)) == (wanted, "", 12, 2)
    partial = await shop.create((wanted, 12), allow_substitution=True, fill_policy=PARTIAL)
    assert reserved(partial.reservation) == [(wanted, "", 2)]
    assert [(s.sku, s.requested_quantity, s.reserved_quantity) for s in partial.shortfalls] == [(wanted, 12, 2)]


async def test_a_substitute_goes_before_a_backorder(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted, _, third, _ = shop.skus
    await shop.put_rules(backorder(wanted, shop.location, 50))
    both = {"allow_substitution": True, "allow_backorder": True}
    assert reserved(await shop.reserve((wanted, 3), **both)) == [(third, wanted, 3)]
    awaited = await shop.reserve((wanted, 12), **both)
    assert reserved(awaited) == [(wanted, "", 2), (wanted, "", 10)]


async def test_a_substitute_obeys_its_own_rules_and_uses_its_own_allotment(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted, _, third, fourth = shop.skus
    await shop.put_rules(allotment(third, shop.channel, cap=2), allotment(fourth, shop.channel, cap=4))
    held = await shop.reserve((wanted, 3), allow_substitution=True)
    assert reserved(held) == [(fourth, wanted, 3)]
    assert await shop.available(fourth) == 1
    await shop.release(held.reservation_id)
    assert await shop.available(fourth) == 4


async def test_two_lines_do_not_get_the_same_units_instead(stubs: Any) -> None:
    shop = await range_of_four(stubs)
    wanted, _, third, fourth = shop.skus
    both = await shop.reserve((third, 2), (wanted, 3), allow_substitution=True)
    assert reserved(both) == [(third, "", 2), (fourth, wanted, 3)]


async def test_a_substitute_comes_from_the_named_location(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2)
    wanted, instead = shop.skus
    near, far = shop.locations
    await shop.receive(5, sku=instead, location=near)
    await shop.put_rules(substitution(wanted, instead))
    assert await short_of(shop.reserve((wanted, 1, far), allow_substitution=True)) == (wanted, far, 1, 0)
    taken = await shop.reserve((wanted, 1, near), allow_substitution=True)
    assert [(line.sku, line.location) for line in taken.lines] == [(instead, near)]
