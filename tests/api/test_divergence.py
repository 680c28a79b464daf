"""Books that are compared: what another system has and we have not is given the change that it comes from."""

from typing import Any

import pytest
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1.stock_pb2 import MovementKind, StockStatus

from api.calls import together
from api.refusals import invalid, refusal_of
from api.shop import Shop, left, open_shop

LATE = reconciliation.DIVERGENCE_CAUSE_LATE
MISSED = reconciliation.DIVERGENCE_CAUSE_CHANGE_MISSED
DOUBLED = reconciliation.DIVERGENCE_CAUSE_CHANGE_DOUBLED
UNEXPLAINED = reconciliation.DIVERGENCE_CAUSE_UNEXPLAINED
NONE = reconciliation.DIVERGENCE_CAUSE_UNSPECIFIED
HOLD = StockStatus.STOCK_STATUS_QUALITY_HOLD


def line(shop: Shop, theirs: int, *, sku: str = "", location: str = "", status: int = 0) -> reconciliation.ComparedLine:
    return reconciliation.ComparedLine(
        sku=sku or shop.sku,
        location=location or shop.location,
        their_quantity=theirs,
        status=status,  # type: ignore[arg-type]
    )


async def compare(shop: Shop, *lines: reconciliation.ComparedLine) -> list[reconciliation.Divergence]:
    request = reconciliation.CompareStockRequest(lines=lines)
    return list((await shop.stubs.reconciliation.CompareStock(request)).divergences)


async def test_equal_books_differ_in_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    (found,) = await compare(shop, line(shop, 10))
    assert found == reconciliation.Divergence(
        sku=shop.sku,
        location=shop.location,
        status=StockStatus.STOCK_STATUS_SELLABLE,
        our_quantity=10,
        their_quantity=10,
    )


@pytest.mark.parametrize(
    ("theirs", "cause", "reference"),
    [
        # Ours went 100, 103, 120, 80; a copy that has not heard of the last change, of the last two, of all three.
        (120, LATE, "third"),
        (103, LATE, "second"),
        (100, LATE, "first"),
        # All but the receipt of 3; all but the receipt of 17.
        (77, MISSED, "first"),
        (63, MISSED, "second"),
        # One of the three twice.
        (83, DOUBLED, "first"),
        (97, DOUBLED, "second"),
        (40, DOUBLED, "third"),
        (99, UNEXPLAINED, ""),
        (-4, UNEXPLAINED, ""),
    ],
)
async def test_a_difference_is_given_the_change_it_comes_from(
    stubs: Any, theirs: int, cause: int, reference: str
) -> None:
    shop = await open_shop(stubs, units=100)
    await shop.receive(3, reference="first")
    await shop.receive(17, reference="second")
    await shop.adjust(-40, reference="third")
    (found,) = await compare(shop, line(shop, theirs))
    assert (found.our_quantity, found.divergence_quantity, found.cause) == (80, 80 - theirs, cause)
    assert found.movement.reference == reference
    assert found.HasField("movement") == bool(reference)


async def test_the_order_whose_fulfillment_was_not_booked_there_is_named(stubs: Any) -> None:
    """Who reads it needs no second question: it is the movement as the history shows it."""
    shop = await open_shop(stubs, units=10)
    order = await shop.order((shop.sku, 4), order_id="536365")
    await shop.fulfill(order.reservation_id, left(1))
    await shop.receive(1)
    (found,) = await compare(shop, line(shop, 11))
    assert found.cause == MISSED
    assert (found.movement.kind, found.movement.order_id) == (MovementKind.MOVEMENT_KIND_FULFILL, "536365")
    assert found.movement in await shop.movements()


async def test_the_changes_of_a_level_are_found_among_many_reservations(stubs: Any) -> None:
    """Reservations change nothing on hand, and a hot level has thousands of them."""
    shop = await open_shop(stubs, units=2000)
    await shop.receive(5, reference="delivery")
    await together(shop.reserve((shop.sku, 1)) for _ in range(500))
    (found,) = await compare(shop, line(shop, 2000))
    assert (found.cause, found.movement.reference) == (LATE, "delivery")


async def test_beyond_the_last_two_hundred_changes_nothing_is_concluded(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    for units in (1000, *[2] * 199):
        await shop.receive(units)
    (found,) = await compare(shop, line(shop, 399))
    assert found.cause == MISSED
    await shop.receive(2)
    (found,) = await compare(shop, line(shop, 401))
    assert found.cause == UNEXPLAINED


async def test_each_status_has_its_own_books(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    await shop.move_status(4, StockStatus.STOCK_STATUS_SELLABLE, HOLD)
    sellable, held = await compare(shop, line(shop, 10), line(shop, 4, status=HOLD))
    assert (sellable.cause, sellable.our_quantity) == (LATE, 6)
    assert sellable.movement.kind == MovementKind.MOVEMENT_KIND_MOVE_STATUS
    assert (held.cause, held.our_quantity) == (NONE, 4)


async def test_what_was_never_here_is_zero_units(stubs: Any) -> None:
    """The other system may know things that we do not: that is a divergence, not a bad request."""
    shop = await open_shop(stubs, units=1)
    nothing, something = await compare(shop, line(shop, 0, sku="no-such-thing"), line(shop, 3, sku="no-such-thing-2"))
    assert (nothing.our_quantity, nothing.cause) == (0, NONE)
    assert (something.our_quantity, something.cause) == (0, UNEXPLAINED)


async def test_what_was_answered_is_compared(stubs: Any) -> None:
    """The books that are compared are those of the moment of the question."""
    shop = await open_shop(stubs, units=0)
    for units in range(1, 30):
        await shop.receive(1)
        (found,) = await compare(shop, line(shop, units))
        assert (found.our_quantity, found.cause) == (units, NONE)


async def test_comparing_books_nothing(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    before = await shop.movements()
    await compare(shop, line(shop, 7))
    assert await shop.movements() == before


async def test_a_level_is_compared_once(stubs: Any) -> None:
    shop = await open_shop(stubs, units=1)
    sellable = StockStatus.STOCK_STATUS_SELLABLE
    request = reconciliation.CompareStockRequest(lines=[line(shop, 1), line(shop, 2, status=sellable)])
    assert await refusal_of(shop.stubs.reconciliation.CompareStock(request)) == invalid("lines[1].sku")
    empty = reconciliation.CompareStockRequest()
    assert await refusal_of(shop.stubs.reconciliation.CompareStock(empty)) == invalid("lines")
