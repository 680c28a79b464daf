"""What a call learns of the supply while it looks for its units."""

import pytest

from holdfast_server.edge.front.split_plan import Source
from holdfast_server.edge.front.split_search import SupplySearch
from holdfast_server.refusals import InsufficientStock, ShortLine

KEY = Source("north", "a")


def short(available: int, *, requested: int = 3, location: str = "") -> InsufficientStock:
    return InsufficientStock([ShortLine(sku="a", location=location, requested=requested, available=available)], [])


@pytest.mark.parametrize("location", ["", "loc-n"])
def test_a_source_that_says_and_refuses_the_same_twice_cannot_give_it(location: str) -> None:
    source = Source("north", "a", location)
    search = SupplySearch()
    for learns in (False, True):
        search.heard({source: 5})
        assert search.at_most() == {}
        search.refused("north", short(2, location=location))
        assert search.has_learned() == learns
    assert search.at_most() == {source: 2}
    assert not search.has_learned(), "it is news once"
    assert not search.may_look_again(), "nobody took anything"


def test_what_was_learned_counts_as_long_as_the_source_says_the_same() -> None:
    search = SupplySearch()
    for _ in range(2):
        search.heard({KEY: 5})
        search.refused("north", short(2))
    search.heard({KEY: 5})
    assert search.at_most() == {KEY: 2}
    search.heard({KEY: 4})
    assert search.at_most() == {}


def test_who_was_overtaken_looks_again_a_few_times() -> None:
    search = SupplySearch()
    search.heard({KEY: 3})
    assert not search.may_look_again()
    search.refused("north", short(0))
    assert [search.may_look_again() for _ in range(4)] == [True, True, True, False]
    # Units came back, and were taken again: it is worth looking once more.
    search.heard({KEY: 4})
    search.refused("north", short(0))
    assert search.may_look_again()
    assert not search.has_learned()


def test_too_little_that_was_told_before_is_nothing_new() -> None:
    search = SupplySearch()
    search.heard({KEY: 2})
    search.refused("north", short(2))
    assert not search.has_learned()
    assert not search.may_look_again()


def test_a_refusal_before_anybody_said_what_there_is_is_compared_with_what_is_said_next() -> None:
    search = SupplySearch()
    search.refused("north", short(3))
    search.heard({KEY: 5})
    assert search.at_most() == {}, "it may have been given back in between"
    # Fewer than were asked for, whatever was told.
    search.refused("north", short(3))
    assert search.has_learned()
    assert search.at_most() == {KEY: 2}


def test_a_segment_that_is_late_again_and_again_is_told_from_one_slow_step() -> None:
    search = SupplySearch()
    assert [search.was_late(segment) for segment in ("north", "south", "north")] == [False, False, True]
