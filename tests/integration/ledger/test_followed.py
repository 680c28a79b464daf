"""What those who follow movements read of the ledger: whole operations, page by page, and only what passes."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_server.ledger import subscriptions
from holdfast_server.ledger.followed import movements_after
from holdfast_server.ledger.subscriptions import Followed, SubscriptionKind, SubscriptionPlace
from holdfast_server.records import Movement
from holdfast_server.watch.movements import MovementPage, MovementSelection, PackedMovement
from integration.ledger.entries import KIND, SEGMENT, Ledger, movement, operation, receipt

ALL = MovementSelection()


def receipt_at(location: str, quantity: int) -> tuple[Any, ...]:
    return movement(KIND["RECEIVE"], "sku-1", (quantity, 0, 0, 0, 0), 1, (quantity, 0, 0, 0, 0), location=location)


@pytest.fixture
def written(ledger: Ledger) -> Ledger:
    """Operations of 1, 2, 0, 7 and 1 movements."""
    many = [receipt(f"many-{number}", 1) for number in range(7)]
    ledger.write(
        [operation(1, KIND["RECEIVE"], [receipt("sku-1", 1)])],
        [operation(2, KIND["RECEIVE"], [receipt("sku-2", 1), receipt_at("store-2", 4)])],
        [operation(3, KIND["PUT_ITEMS"])],
        [operation(4, KIND["RECEIVE"], many), operation(5, KIND["RECEIVE"], [receipt("sku-3", 1)])],
    )
    return ledger


def packed(one: Movement) -> PackedMovement:
    return PackedMovement(
        position=one.position, sku=one.balance.sku, location=one.balance.location, channel=one.channel, packed=b""
    )


def page(ledger: Ledger, after: int, *, of: MovementSelection = ALL, operations: int = 100, limit: int) -> MovementPage:
    with ledger.reading() as connection:
        return movements_after(connection, SEGMENT, of, after=after, operations=operations, limit=limit, pack=packed)


@pytest.mark.parametrize(
    ("after", "limit", "reached", "positions"),
    [
        (0, 100, 5, [1, 2, 2, *[4] * 7, 5]),
        (0, 3, 3, [1, 2, 2]),
        (0, 2, 1, [1]),
        (0, 1, 1, [1]),
        (1, 1, 2, [2, 2]),
        (2, 3, 4, [4] * 7),
        (3, 7, 4, [4] * 7),
        (4, 1, 5, [5]),
        (5, 1, 5, []),
        (9, 1, 9, []),
    ],
)
def test_a_page_ends_between_two_operations(
    written: Ledger, after: int, limit: int, reached: int, positions: list[int]
) -> None:
    found = page(written, after, limit=limit)
    assert [one.position for one in found.movements] == positions
    assert (found.after, found.reached, found.head) == (after, reached, 5)


def test_page_after_page_is_everything_once(written: Ledger) -> None:
    for limit in range(1, 12):
        positions: list[int] = []
        after = 0
        while after < 5:
            found = page(written, after, limit=limit, operations=2)
            assert found.reached > after
            positions += [one.position for one in found.movements]
            after = found.reached
        assert positions == [1, 2, 2, *[4] * 7, 5], limit


def test_only_what_passes_is_read_and_the_place_moves_on_all_the_same(written: Ledger) -> None:
    of = MovementSelection(skus=frozenset({"sku-1", "sku-3"}))
    found = page(written, 0, of=of, limit=2)
    assert [(one.position, one.sku) for one in found.movements] == [(1, "sku-1"), (2, "sku-1")]
    assert found.reached == 4
    nothing = page(written, 0, of=MovementSelection(locations=frozenset({"nowhere"})), limit=2, operations=3)
    assert (nothing.movements, nothing.reached) == ([], 3)
    both = MovementSelection(skus=frozenset({"sku-1"}), locations=frozenset({"store-2"}))
    assert [one.position for one in page(written, 0, of=both, limit=5).movements] == [2]
    assert not page(written, 0, of=MovementSelection(channels=frozenset({"WEB"})), limit=5).movements


def test_the_backlog_of_a_subscription_begins_with_the_first_operation_after_its_place(written: Ledger) -> None:
    followed = Followed(
        kind=SubscriptionKind.MOVEMENTS, skus=(), locations=("L",), channels=(), filter_digest=b"digest"
    )
    written.query("UPDATE operation SET decide_us = 1 WHERE position = 3")
    written.query("UPDATE operation SET decide_us = %s WHERE position = 4", 2**60)
    with written.reading() as connection:
        for name, position in (("behind", 2), ("done", 5), ("ahead", 9), ("early", 3)):
            assert subscriptions.put_subscription(
                connection,
                SEGMENT,
                name=name,
                description="",
                followed=followed,
                begin=SubscriptionPlace(lineage="one", position=position, resume_token="token"),
                max_subscriptions=4,
            )
        ahead, behind, done, early = subscriptions.list_subscriptions(connection, SEGMENT, after="", limit=10)
        assert [one.backlog_operations for one in (ahead, behind, done, early)] == [0, 3, 0, 2]
        assert [one.backlog_age_us for one in (ahead, done)] == [0, 0]
        assert behind.backlog_age_us > behind.create_us - 1_000_000
        assert early.backlog_age_us == 0, "what a clock ahead of ours decided has no age yet"
        assert behind.followed == followed
        assert subscriptions.find_subscription(connection, SEGMENT, "done") == done
