"""How demand is filled from several segments."""

from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from holdfast_server.edge.front.split_plan import (
    DemandedLine,
    Source,
    SplitPlan,
    Supply,
    plan_split,
    summed,
)

SEGMENTS = ("north", "south", "west")
PLACES = {"loc-n": "north", "loc-s": "south"}


def supply(units: Mapping[str, Mapping[str, int]], **options: Any) -> Supply:
    """Units by segment, and by SKU or by SKU@location."""
    return Supply(
        sellers=SEGMENTS,
        units={
            Source(segment, *key.split("@")): count for segment, keys in units.items() for key, count in keys.items()
        },
        place_of=PLACES,
        **options,
    )


def planned(
    lines: list[tuple[str, int] | tuple[str, int, str]],
    units: Mapping[str, Mapping[str, int]],
    *,
    allow_split: bool = False,
    partial: bool = False,
    **options: Any,
) -> tuple[dict[str, list[tuple[str, int]]], list[tuple[str, int, int]]]:
    """What is taken where, and what is short: (SKU, requested, available)."""
    demanded = [DemandedLine(line[0], "".join(line[2:]), line[1]) for line in lines]
    plan: SplitPlan = plan_split(demanded, supply(units, **options), allow_split=allow_split, partial=partial)
    parts = {segment: [(one.sku, one.quantity) for one in taken] for segment, taken in plan.parts.items()}
    return parts, [(one.sku, one.requested, one.available) for one in plan.short]


@pytest.mark.parametrize(
    ("lines", "units", "options", "parts", "short"),
    [
        pytest.param([("a", 2)], {"north": {"a": 2}, "south": {"a": 9}}, {}, {"north": [("a", 2)]}, [], id="first"),
        pytest.param([("a", 3)], {"north": {"a": 2}, "south": {"a": 9}}, {}, {"south": [("a", 3)]}, [], id="whole"),
        pytest.param(
            [("a", 1), ("b", 1)],
            {"north": {"a": 1}, "south": {"b": 1}, "west": {"a": 1, "b": 1}},
            {},
            {"west": [("a", 1), ("b", 1)]},
            [],
            id="one-segment-rather-than-two",
        ),
        pytest.param(
            [("a", 1), ("b", 1)],
            {"north": {"a": 1}, "south": {"b": 1}},
            {},
            {"north": [("a", 1)], "south": [("b", 1)]},
            [],
            id="line-by-line",
        ),
        pytest.param(
            [("a", 3)],
            {"north": {"a": 2}, "south": {"a": 2}},
            {"allow_split": True},
            {"north": [("a", 2)], "south": [("a", 1)]},
            [],
            id="a-line-split",
        ),
        pytest.param([("a", 3)], {"north": {"a": 2}, "south": {"a": 2}}, {}, {}, [("a", 3, 2)], id="not-split"),
        pytest.param(
            [("a", 5)],
            {"north": {"a": 2}, "south": {"a": 2}},
            {"allow_split": True},
            {},
            [("a", 5, 4)],
            id="too-few-everywhere",
        ),
        pytest.param(
            [("a", 5)],
            {"north": {"a": 1}, "south": {"a": 3}},
            {"partial": True},
            {"south": [("a", 3)]},
            [("a", 5, 3)],
            id="partial-whole-lines",
        ),
        pytest.param(
            [("a", 5)],
            {"north": {"a": 1}, "south": {"a": 3}},
            {"partial": True, "allow_split": True},
            {"north": [("a", 1)], "south": [("a", 3)]},
            [("a", 5, 4)],
            id="partial-split",
        ),
        pytest.param(
            [("a", 1, "loc-s"), ("b", 1)],
            {"north": {"b": 9}, "south": {"b": 1, "a@loc-s": 1}},
            {},
            {"south": [("a", 1), ("b", 1)]},
            [],
            id="to-where-a-location-is-named",
        ),
        pytest.param(
            [("a", 1, "loc-s"), ("a", 1, "loc-n")],
            {"north": {"a@loc-n": 1}, "south": {"a@loc-s": 1}},
            {},
            {"north": [("a", 1)], "south": [("a", 1)]},
            [],
            id="two-named",
        ),
        pytest.param(
            [("a", 2, "loc-s"), ("a", 2, "loc-n")],
            {"north": {"a@loc-n": 1}, "south": {"a@loc-s": 2}},
            {},
            {"south": [("a", 2)]},
            [("a", 2, 1)],
            id="two-named-of-which-one-is-not-there",
        ),
        pytest.param(
            [("a", 1, "loc-n"), ("a", 2)],
            {"north": {"a": 2, "a@loc-n": 2}, "south": {"a": 1}},
            {"allow_split": True},
            {"north": [("a", 1), ("a", 1)], "south": [("a", 1)]},
            [],
            id="what-is-named-is-not-there-for-others",
        ),
        pytest.param(
            [("a", 2, "loc-s"), ("a", 2, "loc-n"), ("b", 1, "loc-n")],
            {"north": {"a@loc-n": 1}, "south": {"a@loc-s": 2}},
            {"partial": True},
            {"north": [("a", 1)], "south": [("a", 2)]},
            [("a", 2, 1), ("b", 1, 0)],
            id="two-named-in-part",
        ),
        pytest.param(
            [("a", 2, "loc-n"), ("b", 1)],
            {"north": {"a@loc-n": 1, "b": 1}, "south": {"b": 1}},
            {"partial": True},
            {"north": [("a", 1), ("b", 1)]},
            [("a", 2, 1)],
            id="not-whole-from-where-it-is-named",
        ),
        pytest.param(
            [("a", 3)],
            {"north": {"a": 9}, "south": {"a": 9}},
            {"at_most": {Source("north", "a"): 2}},
            {"south": [("a", 3)]},
            [],
            id="learned",
        ),
    ],
)
def test_plans(
    lines: list[Any], units: Mapping[str, Any], options: Mapping[str, Any], parts: Mapping[str, Any], short: list[Any]
) -> None:
    assert planned(lines, units, **options) == (parts, short)


_lines = strategies.lists(
    strategies.tuples(strategies.sampled_from("abc"), strategies.integers(1, 5)), min_size=1, max_size=5
)
_units = strategies.dictionaries(
    strategies.sampled_from(SEGMENTS),
    strategies.dictionaries(strategies.sampled_from("abc"), strategies.integers(0, 6)),
)


@hypothesis.given(_lines, _units, strategies.booleans(), strategies.booleans())
def test_a_plan_takes_what_is_there_and_all_that_was_asked_for_unless_it_says_so(
    lines: list[tuple[str, int]], units: dict[str, dict[str, int]], allow_split: bool, partial: bool
) -> None:
    demanded = [DemandedLine(sku, "", quantity) for sku, quantity in lines]
    plan = plan_split(demanded, supply(units), allow_split=allow_split, partial=partial)
    short = {one.sku for one in plan.short}
    for segment, taken in plan.parts.items():
        for line in taken:
            assert 0 < line.quantity <= units[segment][line.sku]
    for line in summed(demanded):
        pieces = [one.quantity for taken in plan.parts.values() for one in taken if one.sku == line.sku]
        assert (sum(pieces) == line.quantity) == (line.sku not in short)
        assert sum(pieces) <= line.quantity
        assert allow_split or len(pieces) <= 1
    for one in plan.short:
        there = [units.get(segment, {}).get(one.sku, 0) for segment in SEGMENTS]
        assert one.available == (sum(there) if allow_split else max(there)) < one.requested
