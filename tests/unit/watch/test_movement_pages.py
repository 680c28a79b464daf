"""Pages of movements: what goes into one message, which pages are kept, and which streams they serve."""

from __future__ import annotations

import pytest

from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.movements import (
    MAX_MOVEMENTS_PER_BATCH,
    MovementPage,
    MovementSelection,
    PackedMovement,
    batches_of,
)
from holdfast_server.watch.tail import Tail


def movements_of(position: int, count: int = 1, size: int = 1, **of: str) -> list[PackedMovement]:
    named = {"sku": "A", "location": "L", "channel": "C"} | of
    return [PackedMovement(position=position, packed=b"x" * size, **named)] * count


def page(after: int, reached: int, movements: int = 1) -> MovementPage:
    return MovementPage(
        lineage="one",
        epoch=1,
        head=reached,
        after=after,
        reached=reached,
        movements=movements_of(reached, movements) if movements else [],
    )


def batches(*operations: list[PackedMovement], reached: int = 99) -> list[tuple[int, int | None]]:
    every = [movement for operation in operations for movement in operation]
    return [(len(batch), position) for batch, position in batches_of(every, reached)]


def test_what_fits_goes_into_one_message_that_bears_the_end_of_the_page() -> None:
    assert batches(movements_of(3, 400), movements_of(4, 600)) == [(1_000, 99)]
    assert batches() == []


def test_a_message_ends_between_two_operations() -> None:
    assert batches(movements_of(3, 400), movements_of(4, 601)) == [(400, 3), (601, 99)]


def test_an_operation_is_cut_only_if_it_is_longer_than_a_message() -> None:
    told = batches(movements_of(3, 5), movements_of(4, 2 * MAX_MOVEMENTS_PER_BATCH + 7), movements_of(6, 3))
    assert told == [(5, 3), (1_000, None), (1_000, None), (10, 99)]
    assert batches(movements_of(4, 2 * MAX_MOVEMENTS_PER_BATCH)) == [(1_000, None), (1_000, 99)]


def test_a_long_message_ends_early_but_not_within_an_operation() -> None:
    half = 600 * 1024
    assert batches(movements_of(3, 1, half), movements_of(4, 1, half)) == [(1, 3), (1, 99)]
    assert batches(movements_of(3, 4, half)) == [(4, 99)]


def test_streams_find_the_page_that_holds_what_follows_their_place() -> None:
    tail = Tail(max_movements=100)
    tail.restart(10)
    first, second = page(10, 14), page(14, 15)
    assert tail.add(first)
    assert tail.add(second)
    assert tail.end == 15
    assert [tail.page_after(place) for place in (9, 10, 13, 14, 15)] == [None, first, first, second, None]
    assert not tail.is_newest(first)
    assert tail.is_newest(second)


def test_the_oldest_pages_are_given_up_and_there_is_never_a_gap() -> None:
    tail = Tail(max_movements=10)
    tail.restart(0)
    for number in range(8):
        assert tail.add(page(number, number + 1, movements=4))
    assert [tail.page_after(place) is not None for place in range(8)] == [False] * 6 + [True] * 2
    assert not tail.add(page(9, 10)), "8 to 9 is missing"
    assert not tail.add(page(8, 8, movements=0)), "nothing was read"
    assert tail.add(page(8, 20, movements=50)), "one page is kept however long it is"
    assert tail.page_after(8) is not None
    assert tail.page_after(7) is None


def test_a_tail_that_begins_anew_takes_no_page_of_before() -> None:
    tail = Tail(max_movements=10)
    tail.restart(0)
    tail.add(page(0, 5))
    tail.restart(3)
    assert tail.end == 3
    assert tail.page_after(2) is None
    assert not tail.add(page(5, 6))


def test_what_was_written_for_all_is_kept_for_the_newest_page_only() -> None:
    tail = Tail(max_movements=100)
    tail.restart(0)
    first = page(0, 1)
    tail.add(first)
    first.told[b"digest"] = [(b"message", "token")]
    tail.add(page(1, 2))
    assert not first.told


@pytest.mark.parametrize(
    ("parts", "passes"),
    [
        ({}, True),
        ({"skus": {"A", "B"}}, True),
        ({"skus": {"B"}}, False),
        ({"skus": {"A"}, "locations": {"L"}, "channels": {"C"}}, True),
        ({"skus": {"A"}, "locations": {"M"}}, False),
        ({"channels": {"D"}}, False),
    ],
)
def test_a_movement_passes_all_parts_of_a_selection(parts: dict[str, set[str]], passes: bool) -> None:
    selection = MovementSelection(**{name: frozenset(ids) for name, ids in parts.items()})
    assert selection.passes(movements_of(1)[0]) == passes
    assert selection.is_all == (not parts)


def test_no_two_selections_have_the_same_digest() -> None:
    ids = ("A", "skus", "locations", "channels", "movements")
    every = [MovementSelection()]
    for part in ("skus", "locations", "channels"):
        every += [MovementSelection(**{part: frozenset({one})}) for one in ids]
        every += [MovementSelection(**{part: frozenset(ids)})]
    every.append(MovementSelection(skus=frozenset({"A"}), locations=frozenset({"A"})))
    assert len({one.digest() for one in every}) == len(every)


def test_no_two_filters_of_availability_have_the_same_digest_nor_that_of_a_selection() -> None:
    ids = ("A", "skus", "locations", "channels", "availability")
    every: list[WatchFilter | MovementSelection] = [MovementSelection()]
    for one in (frozenset({name}) for name in ids):
        for skus in (None, frozenset({"A"}), frozenset({"A", "skus"})):
            every.append(WatchFilter(channels=one, locations=frozenset(), skus=skus))
            every.append(WatchFilter(channels=frozenset(), locations=one, skus=skus))
            every.append(WatchFilter(channels=one, locations=one, skus=skus))
        every += [MovementSelection(channels=one), MovementSelection(channels=one, locations=one, skus=one)]
    assert len({one.digest() for one in every}) == len(every)
