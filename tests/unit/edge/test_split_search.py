"""What a call learns of the supply while it looks for its units."""

import pytest

from holdfast_server.edge.front.split_plan import Source
from holdfast_server.edge.front.split_search import SupplySearch
from holdfast_server.refusals import InsufficientStock, ItemInactive, Refusal, ShortLine

KEY = Source("north", "a")
NAMED = Source("north", "a", "loc-n")


def short(available: int, *, requested: int = 3, location: str = "") -> InsufficientStock:
    return InsufficientStock([ShortLine(sku="a", location=location, requested=requested, available=available)], [])


@pytest.mark.parametrize(("says_now", "has_moved"), [(2, False), (1, True), (3, True)])
def test_what_others_took_is_told_from_what_no_location_has_whole(says_now: int, has_moved: bool) -> None:
    search = SupplySearch(None)
    search.heard({KEY: 2})
    assert search.refused_as_planned("north", short(1))
    search.heard({KEY: says_now})
    assert search.has_moved == has_moved
    # It counts only as long as the segment says the same; and no more once it has said something else.
    assert search.at_most() == ({} if has_moved else {KEY: 1})
    search.heard({KEY: 2})
    assert search.at_most() == ({} if has_moved else {KEY: 1})


def test_what_is_refused_before_anybody_said_what_there_is_counts_with_what_is_said_next() -> None:
    search = SupplySearch(None)
    search.refused_now("north", short(3))
    search.heard({KEY: 5})
    # Fewer than were asked for, whatever was told.
    assert search.at_most() == {KEY: 2}
    assert not search.has_moved
    search.heard({KEY: 6})
    assert search.has_moved


@pytest.mark.parametrize(("said", "has_moved"), [(2, False), (3, True)])
def test_a_location_that_had_enough_has_it_no_more_because_others_took_it(said: int, has_moved: bool) -> None:
    search = SupplySearch(None)
    search.heard({NAMED: said})
    assert search.refused_as_planned("north", short(1, location="loc-n"))
    assert search.has_moved == has_moved


@pytest.mark.parametrize(("refusal", "may_come_to_more"), [(None, True), (short(0), True), (ItemInactive("a"), False)])
def test_another_plan_comes_to_more_only_if_units_were_missing(refusal: Refusal | None, may_come_to_more: bool) -> None:
    assert SupplySearch(None).refused_as_planned("north", refusal) == may_come_to_more
    assert SupplySearch(None).refused_now("north", refusal) == may_come_to_more


def test_the_home_says_once_what_it_has_said() -> None:
    refusal = short(0)
    search = SupplySearch(refusal)
    assert (search.take_home_refusal(), search.take_home_refusal()) == (refusal, None)
