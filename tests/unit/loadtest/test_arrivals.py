"""When buyers come, and what they want."""

import itertools
import random

import pytest

from holdfast_loadtest.workload.arrivals import Popularity, burst, steady
from holdfast_loadtest.workload.demand import Copy, Wish, with_copies
from holdfast_loadtest.workload.options import Options, chosen
from holdfast_loadtest.workload.scenarios import SCENARIOS

OF_WISHES = sorted(set(SCENARIOS) - {"real-orders"})


def _options(name: str, **given: object) -> Options:
    return chosen(name, SCENARIOS[name].defaults, {"run_id": "T1", **given})


def _wishes(options: Options, count: int) -> list[Wish]:
    scenario = SCENARIOS[options.scenario]
    drawn = list(itertools.islice(scenario.all_wishes(options, scenario.trade(options)), count))
    assert all(isinstance(wish, Wish) for wish in drawn)
    return drawn  # type: ignore[return-value]


def test_a_burst_has_all_its_buyers_in_order_and_most_of_them_at_the_beginning() -> None:
    moments = list(burst(10_000, 20.0, random.Random(1)))
    assert len(moments) == 10_000
    assert moments == sorted(moments)
    assert 0 <= moments[0] < moments[-1] <= 20.0
    by_fifth = [sum(4 * fifth <= moment < 4 * fifth + 4 for moment in moments) for fifth in range(5)]
    assert by_fifth == sorted(by_fifth, reverse=True)
    assert 0.60 < by_fifth[0] / 10_000 < 0.67


def test_steady_arrivals_come_at_their_rate_and_independently_of_each_other() -> None:
    moments = list(steady(500.0, 20.0, random.Random(1)))
    assert moments == sorted(moments)
    assert moments[-1] < 20.0
    assert 9_600 < len(moments) < 10_400
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    spread = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    # Of gaps that know nothing of each other the deviation is the mean; of a metronome it would be 0.
    assert 0.9 < spread**0.5 / mean < 1.1


def test_popularity_falls_with_the_rank() -> None:
    popularity = Popularity("abcd", 1.0, random.Random(1))
    drawn = [popularity.draw() for _ in range(20_000)]
    shares = [drawn.count(thing) / len(drawn) for thing in "abcd"]
    whole = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert shares == pytest.approx([1 / rank / whole for rank in range(1, 5)], abs=0.02)


@pytest.mark.parametrize("name", OF_WISHES)
def test_the_same_seed_gives_the_same_run_and_another_one_another(name: str) -> None:
    one, same, other = _options(name, seed=1), _options(name, seed=1), _options(name, seed=2)
    assert _wishes(one, 300) == _wishes(same, 300) != _wishes(other, 300)
    moments = [list(SCENARIOS[name].all_moments(options)) for options in (one, same, other)]
    assert moments[0] == moments[1] != moments[2]


@pytest.mark.parametrize("name", OF_WISHES)
def test_whatever_is_wanted_is_of_the_trade(name: str) -> None:
    options = _options(name)
    trade = SCENARIOS[name].trade(options)
    for wish in _wishes(options, 500):
        assert wish.channel in trade.channels
        assert {sku for sku, _ in wish.lines} <= set(trade.skus)
        assert all(units > 0 for _, units in wish.lines)
    assert set(trade.units().values()) == {options.units}
    assert {wish.channel for wish in _wishes(options, 500)} == set(trade.channels)


def test_a_basket_has_one_to_so_many_lines() -> None:
    sizes = {len(wish.lines) for wish in _wishes(_options("baskets", lines=7), 2_000)}
    assert sizes == set(range(1, 8))


def test_a_mixed_life_ends_in_every_way() -> None:
    wishes = _wishes(_options("mixed-life"), 2_000)
    ways = {(tuple(step.kind for step in wish.steps), wish.runs_out) for wish in wishes}
    assert ways == {
        ((), False),
        ((), True),
        (("release",), False),
        (("commit",), False),
        (("commit",), True),
        (("commit", "release"), False),
        (("commit", "fulfill"), False),
    }


def test_units_are_spread_over_locations_and_none_is_lost() -> None:
    trade = SCENARIOS["hot-set"].trade(_options("hot-set", units=8, skus=3, locations=3))
    assert sorted(trade.stock[trade.skus[0], location] for location in trade.locations) == [2, 3, 3]
    assert set(trade.units().values()) == {8}


def test_a_share_of_all_is_sent_twice_half_of_it_at_once() -> None:
    wish = Wish(channel="C", lines=(("S", 1),))
    copies = [copy for _, copy in with_copies(iter([wish] * 20_000), 0.1, 1)]
    assert copies.count(Copy.AT_ONCE) / 20_000 == pytest.approx(0.05, abs=0.01)
    assert copies.count(Copy.AFTERWARDS) / 20_000 == pytest.approx(0.05, abs=0.01)
    assert {copy for _, copy in with_copies(iter([wish] * 100), 0.0, 1)} == {Copy.NONE}
