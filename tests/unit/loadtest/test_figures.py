"""The arithmetic of the report."""

import pytest

from holdfast_loadtest.figures import median, median_of_ratios, microseconds_each, percentile, ratio, total


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    values = list(range(100, 0, -1))
    assert percentile(values, share) == expected


def test_of_one_value_every_percentile_is_that_value() -> None:
    assert [percentile([7.0], share) for share in (0.0, 0.5, 1.0)] == [7.0] * 3


def test_of_no_values_there_is_no_percentile_and_no_median() -> None:
    assert percentile([], 0.5) is None
    assert median([]) is None
    assert median([None]) is None


def test_a_median_leaves_out_what_is_unknown() -> None:
    assert median([1.0, None, 3.0, 100.0]) == 3.0


def test_a_ratio_without_both_parts_is_unknown() -> None:
    assert ratio(None, 2.0) is None
    assert ratio(2.0, None) is None
    assert ratio(2.0, 0.0) is None
    assert ratio(1.0, 2.0) == 0.5


def test_ratios_are_taken_within_a_round_before_their_median() -> None:
    # The machine was ten times slower in the second round; within each round the ratio holds.
    assert median_of_ratios([50.0, 5.0, 40.0], [100.0, 10.0, 100.0]) == 0.5


def test_rounds_must_be_of_one_number() -> None:
    with pytest.raises(ValueError):
        median_of_ratios([1.0], [1.0, 2.0])


def test_a_total_in_seconds_is_shared_out_in_microseconds() -> None:
    assert microseconds_each(2.0, 1_000) == 2_000.0
    assert microseconds_each(2.0, 0) is None
    assert microseconds_each(None, 10) is None


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert total([1.0, 2.0]) == 3.0
    assert total([1.0, None]) is None
    assert total([]) is None
