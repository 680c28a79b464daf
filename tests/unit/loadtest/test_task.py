"""What travels between the bench and its load processes."""

import pytest

from holdfast_loadtest.task import Outcome, Task, together


def _task(in_flight: int) -> Task:
    return Task(kind="unary", in_flight=in_flight, warm_seconds=0.5, seconds=3.0, target="127.0.0.1:1", seed=5)


def _outcome(**changes: float | None) -> Outcome:
    values = {
        "measured": 100,
        "seconds": 2.0,
        "acknowledged": 120,
        "refused": 0,
        "unknown": 0,
        "p50_ms": 5.0,
        "p99_ms": 9.0,
        "client_cpu_seconds": 0.25,
    }
    return Outcome(**{**values, **changes})  # type: ignore[arg-type]


def test_a_task_and_an_outcome_travel_as_one_line() -> None:
    task, outcome = _task(3), _outcome(p50_ms=None)
    assert "\n" not in task.to_line() + outcome.to_line()
    assert Task.from_line(task.to_line()) == task
    assert Outcome.from_line(outcome.to_line()) == outcome


@pytest.mark.parametrize(("in_flight", "of"), [(64, 2), (65, 2), (3, 2), (256, 1)])
def test_the_shares_of_a_task_have_all_its_callers(in_flight: int, of: int) -> None:
    shares = [_task(in_flight).share(number, of) for number in range(of)]
    assert sum(share.in_flight for share in shares) == in_flight
    assert all(share.in_flight > 0 for share in shares)


def test_no_two_callers_draw_the_same_skus() -> None:
    first, second = (_task(10).share(number, 2) for number in range(2))
    assert first.seed + first.in_flight <= second.seed


def test_the_rate_counts_only_what_was_measured() -> None:
    assert _outcome().rate == 50.0


def test_outcomes_side_by_side_add_up_and_the_worst_percentile_stands() -> None:
    both = together([_outcome(p50_ms=4.0, p99_ms=None), _outcome(unknown=1)])
    assert (both.measured, both.acknowledged, both.unknown) == (200, 240, 1)
    assert (both.seconds, both.rate) == (2.0, 100.0)
    assert (both.p50_ms, both.p99_ms) == (5.0, 9.0)
    assert both.client_cpu_seconds == 0.5
