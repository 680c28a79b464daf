"""The model itself, held against cases worked out by hand."""

import pytest

from model import requests, words
from model.authority import ModelAuthority
from model.requests import CreateReservation, DemandLine, ReceiptLine
from model.words import Refused


@pytest.fixture
def model() -> ModelAuthority:
    """Two locations in one pool, near before far, with 3 and 5 units of A and 1 and 0 units of B."""
    model = ModelAuthority()
    items = tuple(requests.Item(sku=sku) for sku in "AB")
    model.decide(requests.PutItems(request_id="items", items=items))
    locations = tuple(requests.Location(location=place) for place in ("near", "far", "away"))
    model.decide(requests.PutLocations(request_id="locations", locations=locations))
    pool = requests.Pool(pool="pool", locations=("near", "far"))
    model.decide(requests.PutPools(request_id="pools", pools=(pool,)))
    channel = requests.Channel(channel="web", pool="pool")
    model.decide(requests.PutChannels(request_id="channels", channels=(channel,)))
    stock = (("A", "near", 3), ("A", "far", 5), ("B", "near", 1))
    lines = tuple(ReceiptLine(sku=sku, location=place, quantity=units) for sku, place, units in stock)
    model.decide(requests.ReceiveStock(request_id="stock", lines=lines))
    return model


def demand(*lines: tuple[str, int, str], request_id: str = "demand", **options: object) -> CreateReservation:
    return CreateReservation(
        request_id=request_id,
        channel="web",
        lines=tuple(DemandLine(sku=sku, quantity=units, location=place) for sku, units, place in lines),
        **options,  # type: ignore[arg-type]
    )


def placed(model: ModelAuthority, request: CreateReservation) -> list[tuple[str, str, int]]:
    reservation = model.decide(request).reservation
    assert reservation is not None
    return [(line.sku, line.location, line.open) for line in reservation.lines]


def test_without_split_the_first_location_with_enough_supplies_the_line(model: ModelAuthority) -> None:
    assert placed(model, demand(("A", 4, ""))) == [("A", "far", 4)]


def test_with_split_the_pool_is_drawn_from_in_its_order(model: ModelAuthority) -> None:
    assert placed(model, demand(("A", 4, ""), allow_split=True)) == [("A", "near", 3), ("A", "far", 1)]


def test_a_line_that_names_its_location_goes_before_a_sourced_one(model: ModelAuthority) -> None:
    assert placed(model, demand(("A", 2, ""), ("A", 2, "near"))) == [("A", "near", 2), ("A", "far", 2)]


def test_a_sourced_line_may_end_beside_one_that_names_the_same_location(model: ModelAuthority) -> None:
    assert placed(model, demand(("A", 1, ""), ("A", 2, "near"))) == [("A", "near", 2), ("A", "near", 1)]


def test_lines_of_the_same_sku_are_summed_before_the_check(model: ModelAuthority) -> None:
    with pytest.raises(Refused) as refusal:
        model.decide(demand(("B", 1, ""), ("A", 1, ""), ("B", 1, "")))
    assert refusal.value.short_lines == (words.ShortLine(sku="B", location="", requested=2, available=1),)


def test_every_short_line_is_told_with_what_there_is_of_it(model: ModelAuthority) -> None:
    with pytest.raises(Refused) as refusal:
        model.decide(demand(("A", 6, ""), ("B", 1, "near"), ("A", 4, "near")))
    told = [(line.sku, line.location, line.available) for line in refusal.value.short_lines]
    assert told == [("A", "", 5), ("A", "near", 3)]
    assert model.available_to("A", "web") == 8


def test_a_partial_line_without_split_takes_the_location_that_has_most(model: ModelAuthority) -> None:
    answer = model.decide(demand(("A", 9, ""), ("B", 2, ""), fill_policy=words.PARTIAL))
    assert answer.reservation is not None
    assert [(line.sku, line.location, line.open) for line in answer.reservation.lines] == [
        ("A", "far", 5),
        ("B", "near", 1),
    ]
    assert [(short.requested, short.reserved) for short in answer.shortfalls] == [(9, 5), (2, 1)]


def test_a_partial_request_of_which_there_is_nothing_is_refused(model: ModelAuthority) -> None:
    with pytest.raises(Refused, match="INSUFFICIENT_STOCK"):
        model.decide(demand(("B", 1, "far"), fill_policy=words.PARTIAL))


def test_a_hold_that_is_due_gives_its_units_back_and_cannot_be_committed(model: ModelAuthority) -> None:
    hold = model.decide(demand(("A", 3, "near"), ttl=requests.Duration(seconds=1))).reservation
    assert hold is not None
    model.tell_time(words.SECOND - 1)
    assert model.available_at("A", "near") == 0
    model.tell_time(words.SECOND)
    assert model.available_at("A", "near") == 3
    with pytest.raises(Refused, match="RESERVATION_EXPIRED"):
        model.decide(requests.CommitReservation(request_id="commit", reservation_id=hold.reservation_id))


def test_a_second_answer_to_the_same_request_is_the_first_one(model: ModelAuthority) -> None:
    first = model.decide(demand(("A", 1, "")))
    again = model.decide(demand(("A", 1, "")))
    assert (again.replayed, again.position, again.reservation) == (True, first.position, first.reservation)
    with pytest.raises(Refused) as refusal:
        model.decide(demand(("A", 1, ""), ("B", 1, "")))
    assert refusal.value.metadata["field"] == "lines"


def test_a_shrinkage_below_what_is_reserved_leaves_nothing_to_sell(model: ModelAuthority) -> None:
    model.decide(demand(("A", 3, "near")))
    loss = requests.AdjustmentLine(sku="A", location="near", delta_quantity=-2)
    answer = model.decide(requests.AdjustStock(request_id="loss", lines=(loss,)))
    assert answer.stock_levels[0].sellable == 1
    assert model.net("A", "near") == -2
    assert model.available_to("A", "web") == 5
