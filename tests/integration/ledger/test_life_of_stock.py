"""Backorders, transfers, documents and rules arrive in the ledger; what does not fit is a disagreement."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_server import layouts
from holdfast_server.ledger import queries
from holdfast_server.ledger.errors import Disagreement
from holdfast_server.ledger.snapshot import open_snapshot
from holdfast_server.ledger.verify import Verdict
from holdfast_server.records import (
    AllotmentStanding,
    DocumentKind,
    Rule,
    RuleKind,
    StockLevel,
    level_of,
    pack_document,
    pack_reservation,
    unpack_allotments,
    unpack_count,
    unpack_document,
    unpack_incident_id,
    unpack_levels,
    unpack_parked_id,
    unpack_reservation,
    unpack_shortfalls,
)
from integration.ledger.entries import (
    CLOCK_US,
    KIND,
    SEGMENT,
    STATE,
    Ledger,
    document,
    line,
    movement,
    operation,
    pack,
    receipt,
    request,
    reservation,
    rule,
)

LEVEL = "SELECT version, sellable, held, committed, backordered, in_transit FROM stock_level WHERE sku = %s"


def oversold(ledger: Ledger) -> None:
    """Two units come in and five are told: two are covered, three wait under an incident."""
    told = reservation(
        "r-1",
        version=1,
        state=STATE["COMMITTED"],
        lines=[line("sku-1", 5, backordered=3, wait_position=2, sourcing=1)],
        position=2,
        told=1,
    )
    cover = movement(KIND["RESERVE"], "sku-1", (0, 0, 0, 0, 2), 2, (2, 0, 0, 0, 2), line=1)
    wait = movement(KIND["BACKORDER"], "sku-1", (0, 0, 0, 0, 0, 3, 0), 3, (2, 0, 0, 0, 2, 3, 0), line=1)
    incident = document(
        "INCIDENT",
        "paper-incident-2",
        version=1,
        position=2,
        lines=[(1, "sku-1", "store-1", 3, 3)],
        flag=1,
        channel="web",
        order_id="order-1",
        reservation_id="r-1",
        seen_position=1,
    )
    ledger.write(
        [operation(1, KIND["RECEIVE"], [receipt("sku-1", 2)])],
        [operation(2, KIND["RESERVE"], [cover, wait], reservation=told, documents=[incident])],
    )


def test_narrow_and_wide_movements_mix_in_one_batch(ledger: Ledger) -> None:
    oversold(ledger)
    assert ledger.query(LEVEL, "sku-1") == [(3, 2, 0, 2, 3, 0)]
    assert ledger.verdict() == Verdict()

    more = movement(KIND["RECEIVE"], "sku-1", (4, 0, 0, 0, 0, 0, 0), 4, (6, 0, 0, 0, 2, 3, 0))
    covered = movement(KIND["COVER"], "sku-1", (0, 0, 0, 0, 3, -3, 0), 5, (6, 0, 0, 0, 5, 0, 0), line=1)
    take = movement(KIND["ADJUST"], "sku-1", (-1, 0, 0, 0, 0), 6, (5, 0, 0, 0, 5))
    image = reservation(
        "r-1",
        version=2,
        state=STATE["COMMITTED"],
        lines=[line("sku-1", 5, wait_position=2, sourcing=1)],
        position=4,
        told=1,
    )
    ledger.write(
        [operation(3, KIND["RECEIVE"], [more]), operation(4, KIND["COVER"], [covered], reservation=image)],
        [operation(5, KIND["ADJUST"], [take]), operation(6, KIND["RECEIVE"], [receipt("sku-2", 1)])],
    )
    assert ledger.query(LEVEL, "sku-1") == [(6, 5, 0, 5, 0, 0)]
    assert ledger.query(LEVEL, "sku-2") == [(1, 1, 0, 0, 0, 0)]
    assert ledger.query("SELECT backordered FROM movement ORDER BY position, line_number") == [
        (0,),
        (0,),
        (3,),
        (3,),
        (0,),
        (0,),
        (0,),
    ]
    assert ledger.verdict() == Verdict()


def test_four_fields_that_say_nothing_are_as_good_as_left_out(ledger: Ledger) -> None:
    spelt_out = movement(KIND["RECEIVE"], "sku-1", (2, 0, 0, 0, 0, 0, 0), 1, (2, 0, 0, 0, 0, 0, 0))
    ledger.write([operation(1, KIND["RECEIVE"], [spelt_out])])
    assert ledger.verdict() == Verdict()


@pytest.mark.parametrize("column", ["backordered", "in_transit"])
def test_a_narrow_change_of_a_level_that_is_not_narrow_is_a_disagreement(ledger: Ledger, column: str) -> None:
    ledger.write([operation(1, KIND["RECEIVE"], [receipt("sku-1", 2)])])
    ledger.query(f"UPDATE stock_level SET {column} = 1")
    with pytest.raises(Disagreement, match="stock levels"):
        ledger.write([operation(2, KIND["RECEIVE"], [receipt("sku-1", 2, version=2, before=2)])])


def test_a_wide_change_from_another_number_of_waiting_units_is_a_disagreement(ledger: Ledger) -> None:
    oversold(ledger)
    more = movement(KIND["BACKORDER"], "sku-1", (0, 0, 0, 0, 0, 1, 0), 4, (2, 0, 0, 0, 2, 5, 0))
    with pytest.raises(Disagreement, match="stock levels"):
        ledger.write([operation(3, KIND["BACKORDER"], [more])])


def test_a_transfer_gives_a_reservation_lines_that_it_did_not_have(ledger: Ledger) -> None:
    oversold(ledger)
    there = movement(KIND["RECEIVE"], "sku-1", (3, 0, 0, 0, 0), 1, (3, 0, 0, 0, 0), location="store-2")
    leave = movement(KIND["TRANSFER_RESERVATION"], "sku-1", (0, 0, 0, 0, 0, -3, 0), 4, (2, 0, 0, 0, 2, 0, 0), line=1)
    arrive = movement(
        KIND["TRANSFER_RESERVATION"], "sku-1", (0, 0, 0, 0, 3), 2, (3, 0, 0, 0, 3), line=2, location="store-2"
    )
    gone = movement(KIND["FULFILL"], "sku-1", (-3, 0, 0, 0, -3), 3, (0, 0, 0, 0, 0), line=2, location="store-2")
    first = line("sku-1", 5, open=2, transferred=3, sourcing=1)
    moved = line("sku-1", 3, location="store-2", sourcing=7)
    images = [
        reservation("r-1", version=2, state=STATE["COMMITTED"], lines=[first, moved], position=4),
        reservation(
            "r-1",
            version=3,
            state=STATE["COMMITTED"],
            lines=[first, line("sku-1", 3, location="store-2", open=0, fulfilled=3, sourcing=7)],
            position=5,
        ),
    ]
    ledger.write(
        [
            operation(3, KIND["RECEIVE"], [there]),
            operation(4, KIND["TRANSFER_RESERVATION"], [leave, arrive], reservation=images[0]),
        ]
    )
    assert ledger.verdict() == Verdict()
    ledger.write([operation(5, KIND["FULFILL"], [gone], reservation=images[1])])
    assert ledger.verdict() == Verdict()
    with ledger.reading() as connection:
        found = queries.find_reservation(connection, SEGMENT, "r-1")
    assert found is not None
    assert [(one.location, one.transferred, one.fulfilled, one.sourcing) for one in found.lines] == [
        ("store-1", 3, 0, 1),
        ("store-2", 0, 3, 7),
    ]
    assert (found.create_position, found.customer_id, found.holder, found.told) == (2, "customer-1", "till", True)


def test_a_line_that_must_exist_and_does_not_is_a_disagreement(ledger: Ledger) -> None:
    oversold(ledger)
    ledger.query("DELETE FROM reservation_line")
    give = movement(KIND["RELEASE"], "sku-1", (0, 0, 0, 0, 0, -3, 0), 4, (2, 0, 0, 0, 2, 0, 0), line=1)
    image = reservation(
        "r-1", version=2, state=STATE["COMMITTED"], lines=[line("sku-1", 5, open=2, released=3)], position=3
    )
    with pytest.raises(Disagreement, match="reservation lines"):
        ledger.write([operation(3, KIND["RELEASE"], [give], reservation=image)])


def plan(version: int, position: int, open_: int, state: int = 1) -> bytes:
    """An inbound plan of ten units."""
    return document(
        "INBOUND",
        "po-1",
        version=version,
        position=position,
        state=state,
        lines=[("sku-1", 10, open_, 10 - open_)],
        location="store-1",
        expected_us=CLOCK_US + 9,
    )


def test_a_document_goes_from_version_to_version(ledger: Ledger) -> None:
    first, second, third = plan(1, 1, 10), plan(2, 2, 4), plan(3, 3, 0, state=2)
    ledger.write([operation(1, KIND["PLAN_INBOUND"], documents=[first])])
    with ledger.reading() as connection:
        assert queries.find_recalled(connection, SEGMENT, DocumentKind.INBOUND, "po-1") == (1, first)
    ledger.write(
        [operation(2, KIND["RECEIVE"], [receipt("sku-1", 6)], documents=[second])],
        [operation(3, KIND["RECEIVE"], [receipt("sku-1", 4, version=2, before=6)], documents=[third])],
    )
    with ledger.reading() as connection:
        assert queries.find_recalled(connection, SEGMENT, DocumentKind.INBOUND, "po-1") == (3, third)
        found = queries.find_document(connection, SEGMENT, DocumentKind.INBOUND, "po-1")
    assert found == unpack_document(third)
    assert found is not None
    assert pack_document(found) == third
    assert found.named_lines() == [{"sku": "sku-1", "quantity": 10, "open": 0, "received": 10}]
    assert ledger.query("SELECT document_id FROM operation") == [("po-1",)] * 3
    assert ledger.verdict() == Verdict()


@pytest.mark.parametrize("version", [1, 3])
def test_a_document_version_that_does_not_fit_is_a_disagreement_and_leaves_nothing(
    ledger: Ledger, version: int
) -> None:
    ledger.write([operation(1, KIND["PLAN_INBOUND"], documents=[plan(1, 1, 10)])])
    before = ledger.query("SELECT * FROM segment, document")
    with pytest.raises(Disagreement, match="document"):
        ledger.write([operation(2, KIND["PLAN_INBOUND"], documents=[plan(version, 2, 10)])])
    assert ledger.query("SELECT * FROM segment, document") == before


def test_versions_of_a_document_or_a_reservation_that_leave_a_gap_in_a_batch_are_a_disagreement(
    ledger: Ledger,
) -> None:
    with pytest.raises(Disagreement, match="document po-1 goes from version 1 to 3"):
        ledger.write(
            [
                operation(1, KIND["PLAN_INBOUND"], documents=[plan(1, 1, 10)]),
                operation(2, KIND["PLAN_INBOUND"], documents=[plan(3, 2, 10)]),
            ]
        )
    images = [reservation("r-1", version=version, state=1, lines=[line("sku-1", 1)], position=1) for version in (1, 3)]
    with pytest.raises(Disagreement, match="reservation r-1 goes from version 1 to 3"):
        ledger.write([operation(number, KIND["EXTEND"], reservation=image) for number, image in enumerate(images, 1)])


def test_an_operation_takes_order_and_channel_from_its_document_if_it_has_no_reservation(ledger: Ledger) -> None:
    oversold(ledger)
    closed = document(
        "INCIDENT",
        "paper-incident-2",
        version=2,
        position=3,
        state=3,
        lines=[(1, "sku-1", "store-1", 3, 3)],
        channel="web",
        order_id="order-1",
        note="found them",
    )
    ledger.write([operation(3, KIND["CLOSE_INCIDENT"], documents=[closed])])
    assert ledger.query("SELECT document_id, order_id, channel FROM operation WHERE position = 3") == [
        ("paper-incident-2", "order-1", "web")
    ]
    assert ledger.query("SELECT state, note, create_position, position, flag FROM document") == [
        (3, "found them", 2, 3, 0)
    ]
    assert ledger.verdict() == Verdict()


def item(sku: str, inactive: bool = False, parts: tuple[tuple[str, int], ...] = ()) -> tuple[object, ...]:
    return (sku, sku.title(), "piece", 0, inactive, parts)


def test_kits_rules_and_what_is_used_of_allotments_arrive_and_are_loaded_again(ledger: Ledger) -> None:
    share: Any = {"sku": "part-1", "channel": "web"}
    ledger.use(
        [
            operation(1, KIND["PUT_ITEMS"], catalog=[item("part-1"), item("kit-1", True, (("part-1", 2),))]),
            operation(
                2,
                KIND["PUT_RULES"],
                catalog=[
                    rule("ALLOTMENT", (7, -1, 0), start_position=2, **share),
                    rule("SUBSTITUTION", (["b", "a"],), sku="part-1"),
                    rule("DISTANCES", ([("store-2", 1), ("store-1", 5)],), name="SE"),
                    rule("SAFETY_STOCK", (3,), location="store-1"),
                ],
            ),
        ],
        [("part-1", "web", 4)],
    )
    kept = [
        Rule(
            kind=kind, sku=sku, location=location, channel=channel, name=name, used=used, start_position=start, values=v
        )
        for kind, sku, location, channel, name, used, start, v in [
            (RuleKind.SAFETY_STOCK, "", "store-1", "", "", 0, 0, (3,)),
            (RuleKind.ALLOTMENT, "part-1", "", "web", "", 4, 2, (7, -1, 0)),
            (RuleKind.SUBSTITUTION, "part-1", "", "", "", 0, 0, (("b", "a"),)),
            (RuleKind.DISTANCES, "", "", "", "SE", 0, 0, ((("store-2", 1), ("store-1", 5)),)),
        ]
    ]
    with open_snapshot(ledger.settings) as snapshot:
        assert sorted(snapshot.rules(), key=lambda one: one.key) == kept
        assert {one.sku: (one.inactive, one.parts) for one in snapshot.items()} == {
            "part-1": (False, ()),
            "kit-1": (True, (("part-1", 2),)),
        }
    with ledger.reading() as connection:
        everything = queries.RuleFilter()
        assert queries.list_rules(connection, SEGMENT, everything, after=None, limit=9) == kept
        assert queries.list_rules(connection, SEGMENT, everything, after=kept[1].key, limit=1) == [kept[2]]
        only = queries.RuleFilter(sku="part-1", channel="web")
        assert queries.list_rules(connection, SEGMENT, only, after=None, limit=9) == [kept[1]]
        found = queries.find_item(connection, SEGMENT, "kit-1")
        assert found is not None
        assert queries.list_items(connection, SEGMENT, after="", limit=1) == [found]

    ended = rule("ALLOTMENT", removed=True, **share)
    ledger.write([operation(3, KIND["END_ALLOTMENT"], catalog=[ended])])
    assert ledger.query("SELECT count(*) FROM rule WHERE kind = 3") == [(0,)]


def test_an_allotment_that_is_used_and_not_there_is_a_disagreement(ledger: Ledger) -> None:
    with pytest.raises(Disagreement, match="allotments"):
        ledger.use([operation(1, KIND["PUT_RULES"])], [("part-1", "web", 4)])


def test_an_allotment_that_is_used_and_ends_in_one_batch_is_gone(ledger: Ledger) -> None:
    share: Any = {"sku": "part-1", "channel": "web"}
    put = rule("ALLOTMENT", (7, -1, 0), start_position=1, **share)
    ledger.use([operation(1, KIND["PUT_RULES"], catalog=[put])], [("part-1", "web", 4)])
    again = rule("ALLOTMENT", (9, 9, 0), used=4, start_position=1, **share)
    ledger.write(
        [operation(2, KIND["PUT_RULES"], catalog=[rule("ALLOTMENT", removed=True, **share)])],
        [operation(3, KIND["PUT_RULES"], catalog=[again])],
    )
    assert ledger.query('SELECT used, "values" FROM rule') == [
        (4, dict(zip(layouts.RULE_VALUES["ALLOTMENT"], (9, 9, 0), strict=True)))
    ]


def test_live_documents_are_loaded_again_and_ended_ones_are_not(ledger: Ledger) -> None:
    def paper(kind: str, state: int) -> bytes:
        return document(kind, f"{kind}-{state}", version=1, position=1, state=state, lines=[])

    states = {kind: sorted(layouts.DOCUMENT_STATES[kind].values()) for kind in layouts.DOCUMENT_KINDS}
    papers = [paper(kind, state) for kind, known in states.items() for state in known]
    ledger.write([operation(1, KIND["PLAN_INBOUND"], documents=papers)])
    with open_snapshot(ledger.settings) as snapshot:
        live = {one.document_id for one in snapshot.live_documents()}
    assert live == {"INBOUND-1", "TRANSFER-1", "RETURN-1", "INCIDENT-1", "INCIDENT-2", "PARKED-1", "SPLIT-1"}


def test_a_parked_request_is_ready_when_its_last_item_exists(ledger: Ledger) -> None:
    parked = document(
        "PARKED", "paper-parked-1", version=1, position=1, origin="ReceiveStock", lines=[("sku-1",), ("sku-2",)]
    )
    ledger.write(
        [operation(1, KIND["PARK"], request=request("in-1", body=b"\x00the request"), documents=[parked])],
        [operation(2, KIND["PUT_ITEMS"], catalog=[item("sku-1")])],
    )
    with ledger.reading() as connection:
        assert queries.ready_parked_requests(connection, SEGMENT, after="", limit=9) == []
    ledger.write([operation(3, KIND["PUT_ITEMS"], catalog=[item("sku-2")])])
    with ledger.reading() as connection:
        (ready,) = queries.ready_parked_requests(connection, SEGMENT, after="", limit=9)
        assert queries.ready_parked_requests(connection, SEGMENT, after="paper-parked-1", limit=9) == []
    assert (ready.parked_id, ready.method, ready.body, ready.caller) == (
        "paper-parked-1",
        "ReceiveStock",
        b"\x00the request",
        "test",
    )


def shipped(ledger: Ledger) -> None:
    """Three units are on their way from one store to the other."""
    leave = movement(KIND["SHIP_TRANSFER"], "sku-1", (-3, 0, 0, 0, 0), 2, (2, 0, 0, 0, 0))
    come = movement(KIND["SHIP_TRANSFER"], "sku-1", (0, 0, 0, 0, 0, 0, 3), 1, (0, 0, 0, 0, 0, 0, 3), location="store-2")
    paper = document(
        "TRANSFER",
        "t-1",
        version=1,
        position=2,
        lines=[("sku-1", 3, 3, 0, 0)],
        location="store-2",
        origin="store-1",
    )
    ledger.write(
        [operation(1, KIND["RECEIVE"], [receipt("sku-1", 5)])],
        [operation(2, KIND["SHIP_TRANSFER"], [leave, come], documents=[paper])],
    )


def test_units_in_transit_that_no_transfer_knows_are_found(ledger: Ledger) -> None:
    shipped(ledger)
    assert ledger.verdict() == Verdict()
    ledger.query("UPDATE document SET state = 2")
    found = ledger.verdict()
    assert not found.reserved_equals_open_lines
    assert {finding.row for finding in found.findings} == {"stock level sku-1 at store-2", "transfer t-1 line 1"}


def test_units_that_nobody_waits_for_are_found(ledger: Ledger) -> None:
    oversold(ledger)
    ledger.query("UPDATE reservation_line SET backordered = 2")
    (finding,) = ledger.verdict().findings
    assert finding.description == (
        "committed 2, but its live reservations have 3, backordered 3, but its live reservations have 2"
    )
    ledger.query("UPDATE reservation_line SET backordered = 0, open = 2, released = 3")
    assert ledger.verdict().leaked == 3


def test_the_first_wide_movement_that_was_altered_is_named(ledger: Ledger) -> None:
    oversold(ledger)
    ledger.query("UPDATE movement SET backordered_delta = 4 WHERE kind = %s", KIND["BACKORDER"])
    rows = [finding.row for finding in ledger.verdict().findings]
    assert rows[0] == "movement paper/2/1"


def test_units_reserved_although_somebody_waits_for_them_are_oversold(ledger: Ledger) -> None:
    oversold(ledger)
    ledger.query("ALTER TABLE movement DROP CONSTRAINT movement_never_oversells")
    ledger.query("UPDATE movement SET backordered = 1 WHERE position = 2 AND line_number = 0")
    assert ledger.verdict().oversold == 1


def test_records_come_back_as_they_were_packed() -> None:
    image = reservation(
        "r-1", version=1, state=1, lines=[line("sku-1", 5, ordered_sku="kit", backordered=2)], position=2
    )
    assert pack_reservation(unpack_reservation(image)) == image
    narrow = level_of("s", "l", [1, 9, 0, 0, 2, 3])
    wide = level_of("s", "l", [1, 9, 0, 0, 2, 3, 4, 5], safety=1)
    assert (narrow.net, wide.net, wide.in_transit) == (4, -1, 5)
    rows = [("s", "l", [1, 9, 0, 0, 2, 3])]
    assert unpack_levels(pack(rows)) == (narrow,)
    assert unpack_count(pack([rows, [-2]])) == ((narrow,), (-2,))
    standings = unpack_allotments(pack([(1, -1, 0, 1), (2, 3, 4, 0)]))
    assert standings == (AllotmentStanding(1, -1, 0, 1), AllotmentStanding(2, 3, 4, 0))


def test_an_extra_says_what_was_short_parked_or_missing_and_else_nothing() -> None:
    parked, missing = pack({"parked": "p-1"}), pack({"incident": "i-1"})
    assert unpack_parked_id(parked) == "p-1"
    assert (unpack_levels(parked), unpack_count(parked), unpack_parked_id(pack([]))) == ((), ((), ()), "")
    assert (unpack_incident_id(missing), unpack_incident_id(pack("i-2")), unpack_incident_id(b"")) == ("i-1", "i-2", "")
    assert (unpack_shortfalls(missing), unpack_shortfalls(b""), unpack_incident_id(pack({"shortfalls": []}))) == (
        (),
        (),
        "",
    )
    (short,) = unpack_shortfalls(pack({"shortfalls": [("s", "l", 3, 1)]}))
    assert (short.sku, short.requested, short.reserved) == ("s", 3, 1)
    assert (
        StockLevel(sku="s", location="l", version=1, sellable=1, quality_hold=0, damaged=0, held=0, committed=0).net
        == 1
    )
