"""The demand that a run puts on the authority."""

from holdfast_loadtest.demand import (
    CHANNEL,
    HOT_SKUS,
    POOL_SIZES,
    SPREAD_SKUS,
    Demand,
    channel_of_pool,
    skus_of_pool,
)


def test_every_request_is_one_unit_under_an_id_of_its_own() -> None:
    demand = Demand(hot=False, seed=1)
    requests = [demand.next() for _ in range(200)]
    assert len({request.request_id for request in requests}) == 200
    assert len({request.order_id for request in requests}) == 200
    assert all(request.channel == CHANNEL for request in requests)
    assert all([line.quantity for line in request.lines] == [1] for request in requests)


def test_spread_demand_goes_to_many_skus_and_hot_demand_to_one() -> None:
    spread, hot = Demand(hot=False, seed=1), Demand(hot=True, seed=1)
    assert len({spread.next().lines[0].sku for _ in range(500)}) > 100
    assert {hot.next().lines[0].sku for _ in range(50)} == set(HOT_SKUS)


def test_each_pool_has_a_channel_and_skus_of_its_own() -> None:
    drawn = {}
    for size in POOL_SIZES:
        demand = Demand(pool_size=size, seed=1)
        requests = [demand.next() for _ in range(500)]
        assert {request.channel for request in requests} == {channel_of_pool(size)}
        drawn[size] = {request.lines[0].sku for request in requests}
        assert drawn[size] == set(skus_of_pool(size))
    assert not set.intersection(*drawn.values())
    assert len({len(skus) for skus in drawn.values()}) == 1


def test_the_same_seed_draws_the_same_skus() -> None:
    one, other = Demand(hot=False, seed=7), Demand(hot=False, seed=7)
    drawn = [one.next().lines[0].sku for _ in range(50)]
    assert drawn == [other.next().lines[0].sku for _ in range(50)]
    assert set(drawn) <= set(SPREAD_SKUS)
