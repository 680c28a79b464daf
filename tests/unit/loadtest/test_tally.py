"""The rate of a task: what was answered, over the time from answer to answer."""

import pytest

from holdfast_loadtest.tally import Tally


def _tally() -> Tally:
    """A tally whose measured time is from 10 to 20."""
    return Tally(10.0, 20.0)


def test_answers_in_lumps_have_the_rate_of_their_lumps() -> None:
    tally = _tally()
    for end in (3.0, 9.0, 15.0, 21.0):
        tally.answered(600, end - 6.0, now=end)
    outcome = tally.outcome(client_cpu_seconds=0.0)
    assert (outcome.measured, outcome.seconds, outcome.rate) == (600, 6.0, 100.0)


def test_without_an_answer_before_the_time_begins_when_it_was_said() -> None:
    tally = _tally()
    tally.answered(50, 10.5, now=15.0)
    assert tally.seconds == 5.0


def test_without_any_answer_the_rate_is_nothing() -> None:
    outcome = _tally().outcome(client_cpu_seconds=0.0)
    assert (outcome.measured, outcome.seconds, outcome.rate) == (0, 10.0, 0.0)
    assert outcome.p50_ms is None


def test_what_is_answered_too_early_or_too_late_does_not_count() -> None:
    tally = _tally()
    for end in (9.9, 20.0, 25.0):
        tally.answered(1, end - 1.0, now=end)
    assert tally.measured == 0
    assert tally.latencies == []


def test_percentiles_are_of_the_time_from_asking_to_answer() -> None:
    tally = _tally()
    for number in range(1, 5):
        tally.answered(1, 11.0, now=11.0 + number)
    outcome = tally.outcome(client_cpu_seconds=0.25)
    assert outcome.p50_ms == pytest.approx(2_000.0)
    assert outcome.p99_ms == pytest.approx(4_000.0)
    assert outcome.client_cpu_seconds == 0.25
