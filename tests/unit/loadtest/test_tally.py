"""The rate of a task: what was answered within the measured time, over all of that time."""

import pytest

from holdfast_loadtest.tally import Tally


def _tally(from_time: float = 10.0, to_time: float = 20.0) -> Tally:
    """A tally whose measured time is from 10 to 20."""
    return Tally(from_time, to_time)


def test_answers_in_lumps_have_the_rate_of_their_lumps() -> None:
    tally = _tally()
    for end in (3.0, 9.0, 15.0, 21.0, 27.0):
        tally.answered(600, end - 6.0, now=end)
    outcome = tally.outcome(client_cpu_seconds=0.0)
    assert (outcome.measured, outcome.seconds, outcome.rate) == (1_000, 10.0, 100.0)


@pytest.mark.parametrize("phase", [0.0, 0.1, 1.0, 3.0, 5.9])
def test_the_rate_of_lumps_does_not_depend_on_where_the_time_begins(phase: float) -> None:
    tally = _tally()
    for number in range(1, 8):
        tally.answered(600, 0.0, now=phase + 6.0 * number - 6.0)
    assert tally.outcome(client_cpu_seconds=0.0).rate == pytest.approx(100.0)


@pytest.mark.parametrize("later", [(), (23.5, 24.0), (80.0,)])
def test_a_stall_at_the_end_belongs_to_the_time(later: tuple[float, ...]) -> None:
    """A thousand answers in the first second of three, then silence, whenever it ends."""
    tally = _tally(20.0, 23.0)
    for number in range(1_000):
        tally.answered(1, 19.9, now=20.0 + number / 1_000)
    for end in later:
        tally.answered(1, 20.9, now=end)
    outcome = tally.outcome(client_cpu_seconds=0.0)
    assert outcome.seconds == 3.0
    assert outcome.rate == pytest.approx(333.3, abs=0.4)


def test_a_stall_at_the_beginning_belongs_to_the_time() -> None:
    tally = _tally()
    tally.answered(50, 0.0, now=9.9)
    tally.answered(50, 9.9, now=19.0)
    assert tally.outcome(client_cpu_seconds=0.0).rate == pytest.approx(5.0, abs=0.1)


def test_without_an_answer_before_the_time_begins_when_it_was_said() -> None:
    tally = _tally()
    tally.answered(50, 10.5, now=15.0)
    outcome = tally.outcome(client_cpu_seconds=0.0)
    assert (outcome.measured, outcome.seconds) == (50, 10.0)


def test_without_any_answer_the_rate_is_nothing() -> None:
    outcome = _tally().outcome(client_cpu_seconds=0.0)
    assert (outcome.measured, outcome.seconds, outcome.rate) == (0, 10.0, 0.0)
    assert outcome.p50_ms is None


def test_what_is_answered_too_early_or_too_late_does_not_count() -> None:
    tally = _tally()
    for end in (9.8, 9.9, 10.0):
        tally.answered(1_000, end - 1.0, now=end)
    for end in (20_000.0, 20_001.0):
        tally.answered(1_000, 10.0, now=end)
    assert tally.outcome(client_cpu_seconds=0.0).measured == 1
    assert tally.latencies == [1.0]


def test_percentiles_are_of_the_time_from_asking_to_answer() -> None:
    tally = _tally()
    for number in range(1, 5):
        tally.answered(1, 11.0, now=11.0 + number)
    outcome = tally.outcome(client_cpu_seconds=0.25)
    assert outcome.p50_ms == pytest.approx(2_000.0)
    assert outcome.p99_ms == pytest.approx(4_000.0)
    assert outcome.client_cpu_seconds == 0.25
