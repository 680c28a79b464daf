"""The account knows what may be cancelled, and where a correction is booked."""

from __future__ import annotations

import pytest

from holdfast_client.orders.account import Account, ReservedLine


def _account(*levels: tuple[str, int, int]) -> Account:
    """An account with these locations, units received and units reserved of the SKU A."""
    account = Account()
    for number, (location, received, reserved) in enumerate(levels, 1):
        account.received("A", location, received)
        account.reserved([ReservedLine(line_number=number, sku="A", location=location, quantity=reserved)])
    return account


def test_a_claim_takes_the_newest_order_first_and_nothing_of_a_later_one() -> None:
    account = Account()
    for sequence in (1, 2, 9):
        line = ReservedLine(line_number=1, sku="A", location="L", quantity=3)
        account.stands(sequence=sequence, customer="C", reservation_id=f"R{sequence}", lines=[line])
    claims = account.claim(customer="C", sku="A", quantity=4, before=5)
    assert [(claim.reservation_id, claim.quantity) for claim in claims] == [("R2", 3), ("R1", 1)]
    again = account.claim(customer="C", sku="A", quantity=4, before=5)
    assert [(claim.reservation_id, claim.quantity) for claim in again] == [("R1", 2)]
    account.handed_back(claims)
    assert sum(claim.quantity for claim in account.claim(customer="C", sku="A", quantity=9, before=5)) == 4
    assert account.claim(customer="D", sku="A", quantity=1, before=5) == []


def test_only_what_was_asked_for_before_counts_as_asked() -> None:
    account = Account()
    account.asked(sequence=3, customer="C", skus=["A"])
    assert account.has_asked(customer="C", sku="A", before=4)
    assert not account.has_asked(customer="C", sku="A", before=3)
    assert not account.has_asked(customer="C", sku="K", before=4)


@pytest.mark.parametrize(
    ("delta", "booked"),
    [
        (5, [("L1", 5)]),  # Found units go to the first location.
        (-2, [("L1", -2)]),  # Free in the first.
        (-3, [("L2", -3)]),  # Free as a whole in the second only.
        (-6, [("L1", -2), ("L2", -4)]),  # Free in both together.
        (-8, [("L1", -4), ("L2", -4)]),  # Reserved units too.
        (-99, [("L1", -93), ("L2", -6)]),  # More than there is: for the service to refuse.
    ],
)
def test_a_correction_is_booked_where_it_disturbs_least(delta: int, booked: list[tuple[str, int]]) -> None:
    account = _account(("L1", 10, 8), ("L2", 6, 2))
    assert account.spread("A", delta, locations=("L1", "L2")) == booked
