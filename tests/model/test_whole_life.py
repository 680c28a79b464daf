"""Rules, told demand, backorders and what follows a reservation, held against cases worked out by hand."""

from typing import Any

import pytest

from model import formula, requests, words
from model.authority import ModelAuthority
from model.requests import CreateReservation, DemandLine, Rule
from model.words import Answer, Refused

DAY = words.DAY // words.SECOND


class Trade:
    """Web and app sell from near and far, the till from far alone; A is at both, B is nearly out, K is 1 A and 2 B."""

    def __init__(self) -> None:
        self.model = ModelAuthority()
        self.model.tell_time(10 * words.DAY)
        parts = (requests.KitPart(sku="A", quantity=1), requests.KitPart(sku="B", quantity=2))
        items = (*(requests.Item(sku=sku) for sku in "ABC"), requests.Item(sku="K", parts=parts))
        pools = (
            requests.Pool(pool="net", locations=("near", "far")),
            requests.Pool(pool="shop", locations=("far",)),
        )
        places = tuple(requests.Location(location=place) for place in ("near", "far", "away"))
        channels = tuple(
            requests.Channel(channel=c, pool=p) for c, p in (("web", "net"), ("app", "net"), ("till", "shop"))
        )
        self.do(requests.PutItems, items=items)
        self.do(requests.PutLocations, locations=places)
        self.do(requests.PutPools, pools=pools)
        self.do(requests.PutChannels, channels=channels)
        self.receive(("A", "near", 3), ("A", "far", 5), ("B", "near", 4))

    def do(self, kind: type, **parts: Any) -> Answer:
        return self.model.decide(kind(request_id=f"request-{len(self.model.outcomes)}", **parts))

    def receive(self, *stock: tuple[str, str, int], **parts: Any) -> Answer:
        lines = tuple(requests.ReceiptLine(sku=sku, location=place, quantity=units) for sku, place, units in stock)
        return self.do(requests.ReceiveStock, lines=lines, **parts)

    def put(self, *rules: requests.AnyRule) -> None:
        names = {
            requests.SafetyStock: "safety_stock",
            requests.ChannelBuffer: "channel_buffer",
            requests.Allotment: "allotment",
            requests.BackorderRule: "backorder",
            requests.SubstitutionRule: "substitution",
            requests.HoldLimit: "hold_limit",
            requests.Distances: "distances",
        }
        made: Any = [{names[type(rule)]: rule} for rule in rules]
        self.do(requests.PutRules, rules=tuple(Rule(**one) for one in made))

    def reserve(self, *lines: tuple[str, int] | tuple[str, int, str], **parts: Any) -> words.Reservation:
        demand = tuple(DemandLine(sku=line[0], quantity=line[1], location="".join(line[2:])) for line in lines)
        answer = self.do(CreateReservation, lines=demand, **{"channel": "web", "allow_split": True} | parts)
        assert answer.reservation is not None
        return answer.reservation

    def tell(self, *lines: tuple[str, int] | tuple[str, int, str], **parts: Any) -> words.Reservation:
        return self.reserve(*lines, demand=words.TOLD, ttl=None, fill_policy="", **parts)

    def of(self, reservation: words.Reservation) -> words.Reservation:
        return self.model.reservations[reservation.reservation_id]

    def available(self, sku: str) -> tuple[int, int, int]:
        """To web, app and till."""
        web, app, till = (self.model.available_to(sku, channel) for channel in ("web", "app", "till"))
        return web, app, till

    @property
    def last_document(self) -> words.Document:
        return list(self.model.state.documents.values())[-1]


@pytest.fixture
def trade() -> Trade:
    return Trade()


def places(reservation: words.Reservation) -> list[tuple[str, str, int, int]]:
    """SKU, location, open units and those that wait, by line."""
    return [(line.sku, line.location, line.open, line.backordered) for line in reservation.lines]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), (8, 8, 5)),
        ((requests.SafetyStock(sku="A", quantity=1),), (6, 6, 4)),
        ((requests.SafetyStock(location="far", quantity=4),), (4, 4, 1)),
        (
            (requests.SafetyStock(sku="A", quantity=4), requests.SafetyStock(sku="A", location="far", quantity=0)),
            (5, 5, 5),
        ),
        ((requests.ChannelBuffer(channel="web", quantity=2),), (6, 8, 5)),
        (
            (requests.ChannelBuffer(channel="web", quantity=2), requests.ChannelBuffer(channel="web", sku="A")),
            (8, 8, 5),
        ),
        ((requests.Allotment(sku="A", channel="web", guaranteed_quantity=2),), (8, 6, 3)),
        # What the shop is guaranteed it must have: 5 units are kept at most, however many were promised.
        ((requests.Allotment(sku="A", channel="till", guaranteed_quantity=7),), (3, 3, 5)),
        ((requests.Allotment(sku="A", channel="app", cap_quantity=3),), (8, 3, 5)),
    ],
)
def test_what_a_channel_may_sell_follows_the_rules(
    trade: Trade, rules: tuple[requests.AnyRule, ...], expected: tuple[int, int, int]
) -> None:
    if rules:
        trade.put(*rules)
    assert trade.available("A") == expected


def test_a_kit_is_as_many_as_its_scarcest_part_allows(trade: Trade) -> None:
    assert trade.available("K") == (2, 2, 0)
    assert trade.model.available_at("K", "near") == 2
    assert places(trade.reserve(("K", 2))) == [("A", "near", 2, 0), ("B", "near", 4, 0)]
    with pytest.raises(Refused) as refusal:
        trade.reserve(("K", 1))
    assert refusal.value.short_lines == (words.ShortLine(sku="K", location="", requested=1, available=0),)


def test_what_another_pool_is_guaranteed_is_not_taken_from_their_common_location(trade: Trade) -> None:
    trade.put(requests.Allotment(sku="A", channel="till", guaranteed_quantity=4))
    assert places(trade.reserve(("A", 4))) == [("A", "near", 3, 0), ("A", "far", 1, 0)]
    with pytest.raises(Refused, match="INSUFFICIENT_STOCK"):
        trade.reserve(("A", 1))


def test_an_allotment_is_used_by_what_is_reserved_after_it_and_freed_again(trade: Trade) -> None:
    early = trade.reserve(("A", 1))
    trade.put(requests.Allotment(sku="A", channel="web", guaranteed_quantity=3, cap_quantity=3))
    late = trade.reserve(("A", 2))
    assert trade.model.state.shares["A", "web"].used == 2
    assert trade.available("A") == (1, 4, 4)
    for reservation in (early, late):
        trade.do(requests.ReleaseReservation, reservation_id=reservation.reservation_id)
    assert trade.model.state.shares["A", "web"].used == 0


@pytest.mark.parametrize(
    ("order", "expected"),
    [(words.POOL, "near"), (words.NEAREST, "far"), (words.MOST_STOCK, "far")],
)
def test_the_order_decides_where_a_line_comes_from(trade: Trade, order: str, expected: str) -> None:
    far = requests.LocationDistance(location="far", distance=7)
    trade.put(requests.Distances(destination="north", locations=(far,)))
    destination = "north" if order == words.NEAREST else ""
    sourcing = requests.Sourcing(order=order, destination=destination)
    reservation = trade.reserve(("A", 1), sourcing=sourcing)
    assert reservation.lines[0].location == expected


def test_one_location_that_has_everything_is_preferred(trade: Trade) -> None:
    trade.receive(("B", "far", 1))
    together = requests.Sourcing(prefer_ship_complete=True)
    reservation = trade.reserve(("A", 4), ("B", 1), sourcing=together)
    assert places(reservation) == [("A", "far", 4, 0), ("B", "far", 1, 0)]
    assert {line.sourcing for line in reservation.lines} == {words.SHIP_COMPLETE}


def test_what_is_missing_is_substituted_whole_or_offered(trade: Trade) -> None:
    trade.put(requests.SubstitutionRule(sku="B", substitute_skus=("C", "A")))
    with pytest.raises(Refused) as refusal:
        trade.reserve(("B", 5))
    assert refusal.value.offers == (words.Offer(sku="B", substitute_sku="A", available=8),)
    reservation = trade.reserve(("B", 5), allow_substitution=True, fill_policy=words.PARTIAL)
    assert places(reservation) == [("B", "near", 4, 0), ("A", "near", 1, 0)]
    assert reservation.lines[1].ordered_sku == "B"


def test_a_backorder_waits_and_is_covered_first_come_first_served(trade: Trade) -> None:
    time = requests.Time(seconds=20 * DAY)
    trade.put(requests.BackorderRule(sku="B", location="near", backorder_cap=4, expected_time=time))
    first = trade.reserve(("B", 6), allow_backorder=True)
    assert places(first) == [("B", "near", 4, 0), ("B", "near", 2, 2)]
    assert first.lines[1].expected_time == time.us
    second = trade.reserve(("B", 2), allow_backorder=True)
    with pytest.raises(Refused, match="INSUFFICIENT_STOCK"):
        trade.reserve(("B", 1), allow_backorder=True)
    before = trade.model.position
    answer = trade.receive(("B", "near", 3))
    assert answer.stock_levels[0].backordered == 4
    assert trade.model.position == before + 3, "the receipt, and a cover for each of the two"
    assert (places(trade.of(first))[1], places(trade.of(second))) == (("B", "near", 2, 0), [("B", "near", 2, 1)])


def test_told_demand_takes_safety_stock_and_opens_an_incident_for_the_rest(trade: Trade) -> None:
    trade.put(requests.SafetyStock(sku="B", quantity=3))
    reservation = trade.tell(("B", 6))
    assert places(reservation) == [("B", "near", 1, 0), ("B", "near", 3, 0), ("B", "near", 2, 2)]
    incident = trade.last_document
    assert (incident.incident_kind, incident.state) == (words.OVERSELL, words.OPEN)
    assert [(line.line_number, line.quantity) for line in incident.lines] == [(3, 2)]
    resolve = {"incident_id": incident.document_id, "resolution": words.SUBSTITUTE, "substitute_sku": "A"}
    answer = trade.do(requests.ResolveIncident, **resolve)
    assert answer.reservation is not None
    assert places(answer.reservation)[2:] == [("B", "near", 0, 0), ("A", "near", 2, 0)]


def test_no_more_can_be_told_than_a_level_can_have(trade: Trade) -> None:
    trade.tell(("B", words.MAX_QUANTITY, "far"))
    with pytest.raises(Refused, match="QUANTITY_OVERFLOW"):
        trade.tell(("B", 1, "far"))
    with pytest.raises(Refused, match="QUANTITY_OVERFLOW"):
        trade.tell(("K", words.MAX_QUANTITY, "near"))


def test_a_short_pick_is_sourced_anew_as_far_as_there_are_units(trade: Trade) -> None:
    reservation = trade.reserve(("A", 3, "near"))
    trade.reserve(("A", 4, "far"))
    trade.do(requests.CommitReservation, reservation_id=reservation.reservation_id)
    missing = requests.FulfillmentLine(line_number=1, quantity=1, missing_quantity=2)
    answer = trade.do(
        requests.PostFulfillment,
        reservation_id=reservation.reservation_id,
        lines=(missing,),
        source_missing_anew=True,
    )
    assert answer.reservation is not None
    assert places(answer.reservation) == [("A", "near", 1, 1), ("A", "far", 1, 0)]
    assert trade.last_document.document_id == answer.incident_id == f"main-incident-{answer.position}"
    assert trade.model.level("A", "near") == words.StockLevel(
        sku="A", location="near", backordered=1, version=trade.model.level("A", "near").version
    )


def test_nobody_waits_beside_units_that_are_kept_from_him(trade: Trade) -> None:
    rule = requests.BackorderRule(sku="A", location="far", backorder_cap=50)
    trade.put(rule, requests.Allotment(sku="A", channel="till", guaranteed_quantity=5))
    assert formula.backorder_room(trade.model.state, "A", "web") == 0
    with pytest.raises(Refused) as refusal:
        trade.reserve(("A", 9), allow_backorder=True)
    assert refusal.value.short_lines[0].available == 3
    assert places(trade.reserve(("A", 9), allow_backorder=True, fill_policy=words.PARTIAL)) == [("A", "near", 3, 0)]
    trade.reserve(("A", 5), channel="till")
    assert formula.backorder_room(trade.model.state, "A", "web") == 50
    assert places(trade.reserve(("A", 9), allow_backorder=True)) == [("A", "far", 9, 9)]


def test_what_waits_counts_against_the_cap_in_the_basket_too(trade: Trade) -> None:
    rule = requests.BackorderRule(sku="C", location="near", backorder_cap=50)
    trade.put(rule, requests.Allotment(sku="C", channel="web", cap_quantity=3))
    trade.receive(("C", "far", 5))
    lines = (("C", 2, "near"), ("C", 2))
    with pytest.raises(Refused) as refusal:
        trade.reserve(*lines, allow_backorder=True)
    assert refusal.value.short_lines == (words.ShortLine(sku="C", location="", requested=2, available=1),)
    taken = trade.reserve(*lines, allow_backorder=True, fill_policy=words.PARTIAL)
    assert places(taken) == [("C", "near", 2, 2), ("C", "far", 1, 0)]
    assert formula.backorder_room(trade.model.state, "C", "web") == 0


@pytest.mark.parametrize("turn", [1, -1])
def test_units_that_leave_from_elsewhere_are_not_found_for_those_that_are_missing(trade: Trade, turn: int) -> None:
    order = trade.tell(("B", 4, "near"), ("C", 1, "near"), ("B", 2, "far"))
    trade.receive(("B", "far", 2), ("C", "near", 1))
    trade.receive(("B", "away", 3))
    trade.do(requests.PutPools, pools=(requests.Pool(pool="net", locations=("near", "away", "far")),))
    lines = (
        requests.FulfillmentLine(line_number=1, quantity=1, missing_quantity=3),
        requests.FulfillmentLine(line_number=3, quantity=2, location="away"),
    )
    answer = trade.do(
        requests.PostFulfillment,
        reservation_id=order.reservation_id,
        lines=lines[::turn],
        source_missing_anew=True,
    )
    assert answer.reservation is not None
    assert places(answer.reservation) == [
        ("B", "near", 2, 2),
        ("C", "near", 1, 0),
        ("B", "far", 0, 0),
        ("B", "away", 1, 0),
    ]


@pytest.mark.parametrize("turn", [1, -1])
def test_own_units_of_a_line_leave_what_is_free_to_another(trade: Trade, turn: int) -> None:
    order = trade.reserve(("A", 2, "near"), ("A", 1, "far"))
    trade.do(requests.CommitReservation, reservation_id=order.reservation_id)
    lines = tuple(requests.FulfillmentLine(line_number=number, location="near") for number in (1, 2))
    trade.do(requests.PostFulfillment, reservation_id=order.reservation_id, lines=lines[::turn])
    assert trade.of(order).state == words.FULFILLED
    assert trade.available("A") == (5, 5, 5)


def test_an_incident_settles_its_own_units_once(trade: Trade) -> None:
    order = trade.tell(("B", 4, "near"), ("C", 3, "near"))
    oversell = trade.last_document.document_id
    pick = {"reservation_id": order.reservation_id}
    missing = requests.FulfillmentLine(line_number=1, missing_quantity=2)
    first, second = (trade.do(requests.PostFulfillment, **pick, lines=(missing,)).incident_id for _ in range(2))
    for _ in range(2):
        document = trade.do(requests.ResolveIncident, incident_id=first, resolution=words.CANCEL).document
        assert document is not None
        assert [(line.quantity, line.open) for line in document.lines] == [(2, 0)]
    assert places(trade.of(order))[0] == ("B", "near", 2, 2)
    trade.do(requests.ResolveIncident, incident_id=second, resolution=words.CANCEL)
    trade.receive(("C", "near", 3))
    missing = requests.FulfillmentLine(line_number=2, missing_quantity=3)
    trade.do(requests.PostFulfillment, **pick, lines=(missing,))
    trade.do(requests.ResolveIncident, incident_id=oversell, resolution=words.CANCEL)
    assert places(trade.of(order)) == [("B", "near", 0, 0), ("C", "near", 3, 3)]


def test_less_safety_stock_lets_units_come_to_those_who_wait(trade: Trade) -> None:
    trade.put(requests.BackorderRule(sku="B", location="near", backorder_cap=9))
    trade.put(requests.SafetyStock(location="near", quantity=4))
    first, second = (trade.reserve(("B", 3), allow_backorder=True) for _ in range(2))
    before = trade.model.position
    trade.put(requests.SafetyStock(sku="B", quantity=0))
    assert trade.model.position == before + 3, "the rule, and a cover for each of the two"
    assert [places(trade.of(each))[0][3] for each in (first, second)] == [0, 2]


@pytest.mark.parametrize("stays", [True, False])
def test_a_part_becomes_a_kit_only_if_no_kit_is_made_of_it_any_more(trade: Trade, *, stays: bool) -> None:
    def kit(sku: str, part: str) -> requests.Item:
        return requests.Item(sku=sku, parts=(requests.KitPart(sku=part, quantity=1),))

    trade.do(requests.PutItems, items=(kit("K", "C"),))
    items = (kit("C", "A"), kit("K", "C" if stays else "A"))
    if not stays:
        trade.do(requests.PutItems, items=items)
        assert trade.available("K") == trade.available("C") == (8, 8, 5)
        return
    with pytest.raises(Refused) as refusal:
        trade.do(requests.PutItems, items=items)
    assert refusal.value.metadata == {"sku": "C", "rule": "NOT_NESTED"}


def test_a_count_is_not_booked_on_top_of_a_later_one(trade: Trade) -> None:
    then = requests.Revision(segment="main", position=trade.model.position)
    line = requests.CountLine(sku="A", location="near", counted_quantity=2)
    first = trade.do(requests.CountStock, lines=(line,), as_of_revision=then)
    with pytest.raises(Refused) as refusal:
        trade.do(requests.CountStock, lines=(line,), as_of_revision=then)
    assert refusal.value.reason == "COUNTED_SINCE"
    assert refusal.value.metadata["counted"] == str(first.position)
    damaged = requests.CountLine(sku="A", location="near", counted_quantity=2, status=words.DAMAGED)
    trade.do(requests.CountStock, lines=(damaged,), as_of_revision=then)


def test_units_come_back_once_and_are_sellable_after_inspection(trade: Trade) -> None:
    reservation = trade.tell(("B", 2, "near"))
    trade.do(requests.PostFulfillment, reservation_id=reservation.reservation_id)
    assert trade.of(reservation).state == words.FULFILLED
    back = {
        "location": "far",
        "reservation_id": reservation.reservation_id,
        "lines": (requests.ReturnLine(line_number=1, quantity=2),),
    }
    trade.do(requests.ProcessReturn, return_id="rma", receipt=requests.ReturnReceipt(**back))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="RETURN_EXCEEDS_FULFILLED"):
        trade.do(requests.ProcessReturn, return_id="again", receipt=requests.ReturnReceipt(**back))  # type: ignore[arg-type]
    assert trade.model.available_at("B", "far") == 0
    found = requests.InspectionLine(line_number=1, sellable_quantity=1, vendor_quantity=1)
    answer = trade.do(requests.ProcessReturn, return_id="rma", inspection=requests.ReturnInspection(lines=(found,)))
    assert answer.document is not None
    assert answer.document.state == words.INSPECTED
    assert trade.model.available_at("B", "far") == 1


def test_a_count_of_the_past_keeps_what_has_moved_since(trade: Trade) -> None:
    then = requests.Revision(segment="main", position=trade.model.position)
    trade.receive(("A", "near", 4))
    line = requests.CountLine(sku="A", location="near", counted_quantity=2)
    answer = trade.do(requests.CountStock, lines=(line,), as_of_revision=then)
    assert (answer.booked_deltas, answer.stock_levels[0].sellable) == ((-1,), 6)


def test_a_promise_counts_what_comes_in_time_and_not_what_is_owed_later(trade: Trade) -> None:
    def promise(day: int) -> int:
        return formula.promisable_at(trade.model.state, "B", "near", day * words.DAY)

    line = requests.InboundLine(sku="B", quantity=10)
    plan = {"inbound_id": "po", "location": "near", "expected_time": requests.Time(seconds=13 * DAY)}
    trade.do(requests.PlanInbound, lines=(line,), **plan)
    assert (promise(10), promise(12), promise(13), promise(30)) == (4, 4, 14, 14)
    later = requests.Time(seconds=20 * DAY)
    trade.put(requests.BackorderRule(sku="B", location="near", backorder_cap=9, expected_time=later))
    trade.reserve(("B", 10), allow_backorder=True)
    assert (promise(10), promise(13), promise(20)) == (0, 4, 4)
    trade.do(requests.PlanInbound, lines=(), **plan)
    assert promise(13) == 0


def test_units_on_their_way_are_nowhere_and_arrive_or_are_lost(trade: Trade) -> None:
    line = requests.TransferLine(sku="A", quantity=3)
    trade.do(requests.ShipTransfer, transfer_id="t", from_location="near", to_location="away", lines=(line,))
    assert (trade.available("A"), trade.model.level("A", "away").in_transit) == ((5, 5, 5), 3)
    some = requests.TransferReceiptLine(sku="A", received_quantity=1, lost_quantity=1)
    trade.do(requests.ReceiveTransfer, transfer_id="t", lines=(some,))
    answer = trade.do(requests.ReceiveTransfer, transfer_id="t")
    assert answer.document is not None
    assert answer.document.state == words.COMPLETED
    assert (trade.model.level("A", "away").in_transit, trade.model.available_at("A", "away")) == (0, 2)


def test_a_request_about_unknown_items_waits_or_is_refused(trade: Trade) -> None:
    with pytest.raises(Refused, match="UNKNOWN_SKU"):
        trade.receive(("Z", "near", 1))
    answer = trade.receive(("Z", "near", 1), park_unknown=True)
    assert answer.parked_id == f"main-parked-{answer.position}"
    discarded = trade.do(requests.DiscardParkedRequest, parked_id=answer.parked_id).document
    assert discarded is not None
    assert discarded.state == words.DISCARDED


KIT_RECEIPT = requests.ReceiptLine(sku="K", location="near", quantity=1)
STOCKED_KIT = requests.Item(sku="A", parts=(requests.KitPart(sku="B", quantity=1),))
UNKNOWN_NEAREST = requests.Sourcing(order=words.NEAREST, destination="atlantis")


@pytest.mark.parametrize(
    ("kind", "parts", "reason"),
    [
        (
            requests.MoveAllotment,
            {"sku": "A", "from_channel": "web", "to_channel": "app", "quantity": 1},
            "ALLOTMENT_TOO_SMALL",
        ),
        (requests.ReceiveTransfer, {"transfer_id": "none"}, "UNKNOWN_DOCUMENT"),
        (requests.PostFulfillment, {"reservation_id": "none"}, "UNKNOWN_RESERVATION"),
        (requests.ReceiveStock, {"lines": (KIT_RECEIPT,)}, "KIT_CONFLICT"),
        (requests.PutItems, {"items": (STOCKED_KIT,)}, "KIT_CONFLICT"),
        (
            CreateReservation,
            {"channel": "web", "lines": (DemandLine(sku="A", quantity=1),), "sourcing": UNKNOWN_NEAREST},
            "UNKNOWN_DESTINATION",
        ),
    ],
)
def test_what_is_refused_changes_nothing(trade: Trade, kind: type, parts: dict[str, Any], reason: str) -> None:
    before = (trade.model.position, dict(trade.model.levels))
    with pytest.raises(Refused, match=reason):
        trade.do(kind, **parts)
    assert (trade.model.position, trade.model.levels) == before


def test_a_holder_of_too_many_holds_gets_no_more(trade: Trade) -> None:
    trade.put(requests.HoldLimit(scope=words.CUSTOMER, max_open_holds=1))
    held = trade.reserve(("A", 1), customer_id="ann")
    with pytest.raises(Refused, match="HOLD_LIMIT_REACHED"):
        trade.reserve(("A", 1), customer_id="ann")
    trade.reserve(("A", 1), customer_id="bob")
    trade.do(requests.CommitReservation, reservation_id=held.reservation_id)
    trade.reserve(("A", 1), customer_id="ann")
