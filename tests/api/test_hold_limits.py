"""Hold limits: nobody keeps more open holds than the rule allows, neither a customer nor a calling program."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from holdfast.inventory.v1.rules_pb2 import Rule

from api.calls import answer_or_refusal, stubs_of, together, until
from api.ids import some
from api.refusals import Refusal, exhausted, refusal_of
from api.rules import hold_limit_of_caller, hold_limit_of_customer, removed
from api.shop import Shop, open_shop


def reached(scope: str, name: str, limit: int) -> Refusal:
    return exhausted("HOLD_LIMIT_REACHED", scope=scope, name=name, max_open_holds=str(limit))


async def test_a_customer_has_no_more_open_holds_than_allowed(stubs: Any) -> None:
    shop = await open_shop(stubs, units=20)
    customer = some("customer")
    await shop.put_rules(hold_limit_of_customer(customer, 2))
    first = await shop.reserve((shop.sku, 3), customer_id=customer)
    assert first.customer_id == customer
    second = await shop.reserve((shop.sku, 1), customer_id=customer)
    third = shop.one_unit(customer_id=customer)
    assert await refusal_of(stubs.inventory.CreateReservation(third)) == reached("CUSTOMER", customer, 2)
    await shop.reserve((shop.sku, 1), customer_id=some("customer"))
    await shop.reserve((shop.sku, 1))
    await shop.release(first.reservation_id, (1, 1))
    assert await refusal_of(stubs.inventory.CreateReservation(third)) == reached("CUSTOMER", customer, 2)
    await shop.commit(second.reservation_id)
    await stubs.inventory.CreateReservation(third)
    await shop.release(first.reservation_id)
    await shop.reserve((shop.sku, 1), customer_id=customer)


async def test_a_calling_program_has_no_more_open_holds_than_allowed(stubs: Any) -> None:
    """It says who it is in the metadata; the customer does not matter for this limit."""
    shop = await open_shop(stubs, units=20)
    caller, other = some("caller"), some("caller")
    await shop.put_rules(hold_limit_of_caller(caller, 2))

    async def hold(who: str) -> Any:
        demand = shop.one_unit(customer_id=some("customer"))
        return await stubs.inventory.CreateReservation(demand, metadata=(("holdfast-caller", who),))

    first = await hold(caller)
    await hold(caller)
    assert await refusal_of(hold(caller)) == reached("CALLER", caller, 2)
    await hold(other)
    await shop.release(first.reservation.reservation_id)
    await hold(caller)


async def test_the_customers_limit_is_told_before_the_callers(stubs: Any) -> None:
    shop = await open_shop(stubs, units=20)
    customer, caller = some("customer"), some("caller")
    await shop.put_rules(hold_limit_of_customer(customer, 0), hold_limit_of_caller(caller, 0))
    metadata = (("holdfast-caller", caller),)
    both = stubs.inventory.CreateReservation(shop.one_unit(customer_id=customer), metadata=metadata)
    assert await refusal_of(both) == reached("CUSTOMER", customer, 0)
    only_caller = stubs.inventory.CreateReservation(shop.one_unit(), metadata=metadata)
    assert await refusal_of(only_caller) == reached("CALLER", caller, 0)


async def test_a_hold_that_expires_makes_room(stubs: Any) -> None:
    shop = await open_shop(stubs, units=20)
    customer = some("customer")
    await shop.put_rules(hold_limit_of_customer(customer, 1))
    await shop.reserve((shop.sku, 1), customer_id=customer, ttl_seconds=1)
    another = shop.one_unit(customer_id=customer)

    async def room() -> bool:
        return not isinstance(await answer_or_refusal(stubs.inventory.CreateReservation(another)), Refusal)

    await until(room, "a hold that is due to make room")


async def test_of_many_holds_at_once_only_as_many_are_granted(stubs: Any) -> None:
    shop = await open_shop(stubs, units=50)
    customer = some("customer")
    await shop.put_rules(hold_limit_of_customer(customer, 3))
    demands = [shop.one_unit(customer_id=customer) for _ in range(30)]
    outcomes = await together(answer_or_refusal(stubs.inventory.CreateReservation(demand)) for demand in demands)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert refused == [reached("CUSTOMER", customer, 3)] * 27
    assert await shop.available() == 47


async def test_what_was_sold_is_not_limited(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    customer = some("customer")
    await shop.put_rules(hold_limit_of_customer(customer, 0))
    await shop.told((shop.sku, 1), customer_id=customer)
    assert (await shop.level()).committed_quantity == 1


async def test_holds_from_before_the_rule_count(stubs: Any) -> None:
    shop = await open_shop(stubs, units=5)
    customer = some("customer")
    for _ in range(3):
        await shop.reserve((shop.sku, 1), customer_id=customer)
    await shop.put_rules(hold_limit_of_customer(customer, 3))
    refusal = await refusal_of(shop.reserve((shop.sku, 1), customer_id=customer))
    assert refusal == reached("CUSTOMER", customer, 3)
    await shop.put_rules(removed(hold_limit_of_customer(customer, 3)))
    await shop.reserve((shop.sku, 1), customer_id=customer)


@asynccontextmanager
async def in_force_for_everyone(shop: Shop, rule: Rule) -> AsyncIterator[None]:
    """A rule without a name touches other tests too, so it is taken away again."""
    await shop.put_rules(rule)
    try:
        yield
    finally:
        await shop.put_rules(removed(rule))


@pytest.mark.parametrize("scope", ["customer", "caller"])
async def test_the_rule_of_a_name_counts_before_the_one_for_everyone(pair: Any, scope: str) -> None:
    async with stubs_of(pair.target) as stubs:
        shop = await open_shop(stubs, units=20)
        named, unnamed = some(scope), some(scope)
        rule = hold_limit_of_customer if scope == "customer" else hold_limit_of_caller
        await shop.put_rules(rule(named, 2))

        async def hold(who: str) -> Any:
            demand = shop.one_unit(customer_id=who if scope == "customer" else "")
            metadata = (("holdfast-caller", who if scope == "caller" else some("caller")),)
            return await stubs.inventory.CreateReservation(demand, metadata=metadata)

        async with in_force_for_everyone(shop, rule("", 1)):
            await hold(unnamed)
            assert await refusal_of(hold(unnamed)) == reached(scope.upper(), unnamed, 1)
            await hold(named)
            await hold(named)
            assert await refusal_of(hold(named)) == reached(scope.upper(), named, 2)
        await hold(unnamed)
