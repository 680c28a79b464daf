"""What the methods of the whole life of stock are told reaches the authority as the contract words it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import message as protobuf_message
from google.protobuf import timestamp_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    fulfillment_pb2,
    inventory_service_pb2,
    reconciliation_service_pb2,
    reservation_pb2,
    revision_pb2,
    rules_pb2,
    stock_pb2,
    supply_pb2,
)

from holdfast_client import (
    HoldfastClient,
    availability_key,
    count_request,
    reservation_request,
    rules,
    sourcing_order,
)
from unit.client.scripted import ScriptedAuthority

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_STAMP = timestamp_pb2.Timestamp(seconds=1_772_366_400)
REVISION = revision_pb2.Revision(segment="main", position=900)
DAMAGED, SELLABLE = stock_pb2.STOCK_STATUS_DAMAGED, stock_pb2.STOCK_STATUS_SELLABLE
Fulfilled = fulfillment_pb2.FulfillmentLine
Moved = fulfillment_pb2.ReservationTransferLine
CountLine = supply_pb2.CountLine

Call = Callable[[HoldfastClient], Awaitable[protobuf_message.Message]]


def case(call: Call, request: Any, response: Any) -> Any:
    name = request.DESCRIPTOR.name.removesuffix("Request")
    return pytest.param(call, request, response, id=name)


CASES = [
    case(
        lambda client: client.post_fulfillment(
            "main-1",
            lines=[1, (2, 5), (3, 1, "STORE-7"), Fulfilled(line_number=4, missing_quantity=1)],
            source_missing_anew=True,
            release_rest=True,
            take_reserved=True,
            reason="picked",
            reference="DN-1",
            request_id="r",
        ),
        fulfillment_pb2.PostFulfillmentRequest(
            request_id="r",
            reservation_id="main-1",
            lines=[
                Fulfilled(line_number=1),
                Fulfilled(line_number=2, quantity=5),
                Fulfilled(line_number=3, quantity=1, location="STORE-7"),
                Fulfilled(line_number=4, missing_quantity=1),
            ],
            source_missing_anew=True,
            release_rest=True,
            take_reserved=True,
            reason="picked",
            reference="DN-1",
        ),
        fulfillment_pb2.PostFulfillmentResponse(incident_id="main-incident-1"),
    ),
    case(
        lambda client: client.transfer_reservation(
            "main-1",
            [(1, "STORE-7"), (2, 3, "LEEDS"), Moved(line_number=3, pool="UK")],
            reason="closer",
            request_id="r",
        ),
        fulfillment_pb2.TransferReservationRequest(
            request_id="r",
            reservation_id="main-1",
            lines=[
                Moved(line_number=1, location="STORE-7"),
                Moved(line_number=2, quantity=3, location="LEEDS"),
                Moved(line_number=3, pool="UK"),
            ],
            reason="closer",
        ),
        fulfillment_pb2.TransferReservationResponse(),
    ),
    case(
        lambda client: client.receive_return(
            "RMA-7",
            location="LONDON",
            reservation_id="main-1",
            lines=[(1, 2), ("B", 1), fulfillment_pb2.ReturnLine(line_number=3, quantity=4)],
            accept_blind=True,
            reason="too small",
            request_id="r",
        ),
        fulfillment_pb2.ProcessReturnRequest(
            request_id="r",
            return_id="RMA-7",
            receipt=fulfillment_pb2.ReturnReceipt(
                location="LONDON",
                reservation_id="main-1",
                lines=[
                    fulfillment_pb2.ReturnLine(line_number=1, quantity=2),
                    fulfillment_pb2.ReturnLine(sku="B", quantity=1),
                    fulfillment_pb2.ReturnLine(line_number=3, quantity=4),
                ],
                accept_blind=True,
            ),
            reason="too small",
        ),
        fulfillment_pb2.ProcessReturnResponse(),
    ),
    case(
        lambda client: client.inspect_return("RMA-7", [(1, 2), (2, 1, 1), (3, 0, 0, 4)], reason="seen", request_id="r"),
        fulfillment_pb2.ProcessReturnRequest(
            request_id="r",
            return_id="RMA-7",
            inspection=fulfillment_pb2.ReturnInspection(
                lines=[
                    fulfillment_pb2.InspectionLine(line_number=1, sellable_quantity=2),
                    fulfillment_pb2.InspectionLine(line_number=2, sellable_quantity=1, damaged_quantity=1),
                    fulfillment_pb2.InspectionLine(line_number=3, vendor_quantity=4),
                ]
            ),
            reason="seen",
        ),
        fulfillment_pb2.ProcessReturnResponse(),
    ),
    case(
        lambda client: client.move_status(
            [("A", 2, "LONDON", SELLABLE, DAMAGED)], reason="wet", reference="Q-1", request_id="r"
        ),
        fulfillment_pb2.MoveStatusRequest(
            request_id="r",
            lines=[
                fulfillment_pb2.StatusMoveLine(
                    sku="A", quantity=2, location="LONDON", from_status=SELLABLE, to_status=DAMAGED
                )
            ],
            reason="wet",
            reference="Q-1",
        ),
        fulfillment_pb2.MoveStatusResponse(),
    ),
    case(
        lambda client: client.count_stock(
            [("A", 97, "LONDON"), CountLine(sku="B", location="LONDON", counted_quantity=0, expected_quantity=1)],
            as_of=NOON,
            reason="yearly",
            reference="list 14",
            park_unknown=True,
            request_id="r",
        ),
        supply_pb2.CountStockRequest(
            request_id="r",
            lines=[
                CountLine(sku="A", location="LONDON", counted_quantity=97),
                CountLine(sku="B", location="LONDON", counted_quantity=0, expected_quantity=1),
            ],
            as_of_time=NOON_STAMP,
            reason="yearly",
            reference="list 14",
            park_unknown=True,
        ),
        supply_pb2.CountStockResponse(booked_deltas=[-3, 0]),
    ),
    case(
        lambda client: client.plan_inbound(
            "PO-88",
            location="LONDON",
            expected_time=NOON,
            lines=[("A", 100), supply_pb2.InboundLine(sku="B", quantity=2)],
            reason="ordered",
            request_id="r",
        ),
        supply_pb2.PlanInboundRequest(
            request_id="r",
            inbound_id="PO-88",
            location="LONDON",
            expected_time=NOON_STAMP,
            lines=[supply_pb2.InboundLine(sku="A", quantity=100), supply_pb2.InboundLine(sku="B", quantity=2)],
            reason="ordered",
        ),
        supply_pb2.PlanInboundResponse(),
    ),
    case(
        lambda client: client.ship_transfer(
            "T-1",
            from_location="LONDON",
            to_location="STORE-7",
            lines=[("A", 10)],
            expected_time=NOON_STAMP,
            reason="refill",
            request_id="r",
        ),
        supply_pb2.ShipTransferRequest(
            request_id="r",
            transfer_id="T-1",
            from_location="LONDON",
            to_location="STORE-7",
            lines=[supply_pb2.TransferLine(sku="A", quantity=10)],
            expected_time=NOON_STAMP,
            reason="refill",
        ),
        supply_pb2.ShipTransferResponse(),
    ),
    case(
        lambda client: client.receive_transfer("T-1", lines=[("A", 9), ("B", 3, 1)], reason="here", request_id="r"),
        supply_pb2.ReceiveTransferRequest(
            request_id="r",
            transfer_id="T-1",
            lines=[
                supply_pb2.TransferReceiptLine(sku="A", received_quantity=9),
                supply_pb2.TransferReceiptLine(sku="B", received_quantity=3, lost_quantity=1),
            ],
            reason="here",
        ),
        supply_pb2.ReceiveTransferResponse(),
    ),
    case(
        lambda client: client.put_rules(
            [rules.safety_stock(5, sku="A"), rules_pb2.Rule(substitution=rules.substitution("A", ["B"]))],
            remove=[rules.channel_buffer("OUTLET")],
            reason="season",
            request_id="r",
        ),
        catalog_service_pb2.PutRulesRequest(
            request_id="r",
            rules=[
                rules_pb2.Rule(safety_stock=rules_pb2.SafetyStock(sku="A", quantity=5)),
                rules_pb2.Rule(substitution=rules_pb2.SubstitutionRule(sku="A", substitute_skus=["B"])),
                rules_pb2.Rule(removed=True, channel_buffer=rules_pb2.ChannelBuffer(channel="OUTLET")),
            ],
            reason="season",
        ),
        catalog_service_pb2.PutRulesResponse(),
    ),
    case(
        lambda client: client.move_allotment("A", 5, from_channel="WEB", to_channel="APP", reason="x", request_id="r"),
        catalog_service_pb2.MoveAllotmentRequest(
            request_id="r", sku="A", quantity=5, from_channel="WEB", to_channel="APP", reason="x"
        ),
        catalog_service_pb2.MoveAllotmentResponse(),
    ),
    case(
        lambda client: client.resolve_incident(
            "main-incident-1",
            resolution=reconciliation_service_pb2.RESOLUTION_SUBSTITUTE,
            substitute_sku="B",
            reason="agreed",
            request_id="r",
        ),
        reconciliation_service_pb2.ResolveIncidentRequest(
            request_id="r",
            incident_id="main-incident-1",
            resolution=reconciliation_service_pb2.RESOLUTION_SUBSTITUTE,
            substitute_sku="B",
            reason="agreed",
        ),
        reconciliation_service_pb2.ResolveIncidentResponse(),
    ),
    case(
        lambda client: client.close_incident("main-incident-1", reason="found", request_id="r"),
        reconciliation_service_pb2.CloseIncidentRequest(request_id="r", incident_id="main-incident-1", reason="found"),
        reconciliation_service_pb2.CloseIncidentResponse(),
    ),
    case(
        lambda client: client.compare_stock(
            [reconciliation_service_pb2.ComparedLine(sku="A", location="LONDON", their_quantity=7)]
        ),
        reconciliation_service_pb2.CompareStockRequest(
            lines=[reconciliation_service_pb2.ComparedLine(sku="A", location="LONDON", their_quantity=7)]
        ),
        reconciliation_service_pb2.CompareStockResponse(
            divergences=[
                reconciliation_service_pb2.Divergence(
                    sku="A",
                    location="LONDON",
                    our_quantity=9,
                    their_quantity=7,
                    divergence_quantity=2,
                    cause=reconciliation_service_pb2.DIVERGENCE_CAUSE_LATE,
                )
            ]
        ),
    ),
    case(
        lambda client: client.note_posting(
            "main-1",
            system="netsuite",
            document="INV-7",
            booked_revision=revision_pb2.Revision(segment="main", position=8),
            booked_time=datetime(2026, 3, 1, tzinfo=UTC),
            reason="late",
            request_id="r",
        ),
        reconciliation_service_pb2.NotePostingRequest(
            request_id="r",
            reservation_id="main-1",
            system="netsuite",
            document="INV-7",
            booked_revision=revision_pb2.Revision(segment="main", position=8),
            booked_time=timestamp_pb2.Timestamp(seconds=1_772_323_200),
            reason="late",
        ),
        reconciliation_service_pb2.NotePostingResponse(),
    ),
    case(
        lambda client: client.discard_parked_request("main-parked-1", reason="typo", request_id="r"),
        reconciliation_service_pb2.DiscardParkedRequestRequest(
            request_id="r", parked_id="main-parked-1", reason="typo"
        ),
        reconciliation_service_pb2.DiscardParkedRequestResponse(),
    ),
]


@pytest.mark.parametrize(("call", "request_", "response"), CASES)
async def test_a_method_asks_for_what_it_was_told(
    authority: ScriptedAuthority,
    client: HoldfastClient,
    call: Call,
    request_: protobuf_message.Message,
    response: protobuf_message.Message,
) -> None:
    method = request_.DESCRIPTOR.name.removesuffix("Request")
    authority.will_answer(method, response)
    assert await call(client) == response
    assert authority.heard(method)[0].request == request_


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.post_fulfillment("main-1"),
        lambda client: client.receive_transfer("T-1"),
        lambda client: client.count_stock([("A", 1, "LONDON")]),
        lambda client: client.put_rules([rules.safety_stock(1, sku="A")]),
    ],
)
async def test_a_mutation_without_an_id_gets_one(
    authority: ScriptedAuthority, client: HoldfastClient, call: Call
) -> None:
    for method, response in (
        ("PostFulfillment", fulfillment_pb2.PostFulfillmentResponse()),
        ("ReceiveTransfer", supply_pb2.ReceiveTransferResponse()),
        ("CountStock", supply_pb2.CountStockResponse()),
        ("PutRules", catalog_service_pb2.PutRulesResponse()),
    ):
        authority.will_answer(method, response)
    await call(client)
    (heard,) = authority.all_heard()
    assert heard.request.request_id


def test_a_demand_that_was_told_leaves_the_authority_no_choice() -> None:
    request = reservation_request(channel="WEB", lines=[("A", 2)], told=True, seen_revision=REVISION)
    assert request.demand == inventory_service_pb2.DEMAND_KIND_TOLD
    assert request.fill_policy == inventory_service_pb2.FILL_POLICY_UNSPECIFIED
    assert request.seen_revision == REVISION
    assert not request.HasField("ttl")


def test_a_demand_says_what_may_be_done_where_there_is_too_little() -> None:
    request = reservation_request(
        channel="WEB",
        lines=[("A", 2)],
        customer_id="C-7",
        allow_backorder=True,
        allow_substitution=True,
        sourcing=sourcing_order(nearest_to="SCOTLAND", ship_complete=True),
    )
    assert (request.customer_id, request.allow_backorder, request.allow_substitution) == ("C-7", True, True)
    assert request.sourcing == reservation_pb2.Sourcing(
        order=reservation_pb2.SOURCING_ORDER_NEAREST, destination="SCOTLAND", prefer_ship_complete=True
    )
    assert request.demand == inventory_service_pb2.DEMAND_KIND_UNSPECIFIED


def test_locations_are_drawn_from_in_one_order() -> None:
    assert sourcing_order().order == reservation_pb2.SOURCING_ORDER_POOL
    assert sourcing_order(most_stock=True).order == reservation_pb2.SOURCING_ORDER_MOST_STOCK
    with pytest.raises(ValueError):
        sourcing_order(nearest_to="SCOTLAND", most_stock=True)


async def test_stock_of_an_unknown_item_may_wait_and_belong_to_a_plan(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("ReceiveStock", inventory_service_pb2.ReceiveStockResponse(parked_id="main-parked-1"))
    authority.will_answer("AdjustStock", inventory_service_pb2.AdjustStockResponse())
    answer = await client.receive_stock([("A", 5, "LONDON")], inbound_id="PO-88", park_unknown=True)
    await client.adjust_stock([("A", 5, "LONDON")], reason="found", park_unknown=True)
    assert answer.parked_id == "main-parked-1"
    received = authority.heard("ReceiveStock")[0].request
    assert (received.inbound_id, received.park_unknown) == ("PO-88", True)
    assert authority.heard("AdjustStock")[0].request.park_unknown


async def test_availability_is_asked_for_a_day(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("GetAvailability", *[inventory_service_pb2.GetAvailabilityResponse()] * 2)
    await client.get_availability("A", channel="WEB", promise_time=NOON)
    await client.get_availability("A", channel="WEB")
    asked, bare = (call.request.key for call in authority.heard("GetAvailability"))
    assert asked.promise_time == NOON_STAMP
    assert not bare.HasField("promise_time")


def test_a_time_without_a_zone_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        availability_key("A", channel="WEB", promise_time=datetime(2026, 3, 1))


def test_a_count_is_of_a_revision_or_of_a_time_or_of_now() -> None:
    lines = [("A", 1, "LONDON")]
    assert count_request(lines, as_of=REVISION).as_of_revision == REVISION
    assert count_request(lines, as_of=NOON_STAMP).as_of_time == NOON_STAMP
    assert count_request(lines).WhichOneof("as_of") is None


def test_an_allotment_without_a_cap_has_none() -> None:
    assert not rules.allotment("A", "WEB", guaranteed=5).HasField("cap_quantity")
    capped = rules.allotment("A", "WEB", cap=0, expire_time=NOON)
    assert (capped.HasField("cap_quantity"), capped.cap_quantity, capped.expire_time) == (True, 0, NOON_STAMP)


def test_making_a_rule_for_removal_leaves_the_rule_as_it_was() -> None:
    rule = rules_pb2.Rule(safety_stock=rules.safety_stock(5, sku="A"))
    assert rules.rule_of(rule, removed=True).removed
    assert not rule.removed


async def test_the_life_of_an_order_is_told_page_after_page(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    page = audit_service_pb2.TraceOrderResponse
    answers = page(steps=[{"operation": "RESERVE"}], next_page_token="2"), page(steps=[{"operation": "COMMIT"}])
    authority.will_answer("TraceOrder", *answers, answers[1])
    assert [step.operation async for step in client.trace_order("536365", page_size=1)] == ["RESERVE", "COMMIT"]
    assert await client.trace_order_page("536365", page_token="2") == answers[1]
    asked = [(call.request.order_id, call.request.page_token) for call in authority.heard("TraceOrder")]
    assert asked == [("536365", ""), ("536365", "2"), ("536365", "2")]


async def test_what_is_listed_is_restricted_as_told(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    returned, expected = fulfillment_pb2.RETURN_STATE_INSPECTED, supply_pb2.INBOUND_STATE_EXPECTED
    moving, opened = supply_pb2.TRANSFER_STATE_IN_TRANSIT, reconciliation_service_pb2.INCIDENT_STATE_OPEN
    waiting = reconciliation_service_pb2.PARKED_STATE_WAITING
    told: list[tuple[str, dict[str, Any], Any]] = [
        ("list_returns", {"state": returned, "order_id": "1"}, fulfillment_pb2.ListReturnsRequest),
        ("list_inbounds", {"state": expected, "location": "LONDON"}, supply_pb2.ListInboundsRequest),
        ("list_transfers", {"state": moving, "to_location": "LEEDS"}, supply_pb2.ListTransfersRequest),
        ("list_rules", {"sku": "A", "channel": "WEB", "location": "LONDON"}, catalog_service_pb2.ListRulesRequest),
        (
            "list_incidents",
            {"state": opened, "channel": "WEB", "order_id": "1"},
            reconciliation_service_pb2.ListIncidentsRequest,
        ),
        ("list_parked_requests", {"state": waiting}, reconciliation_service_pb2.ListParkedRequestsRequest),
    ]
    for method, restriction, request in told:
        rpc = request.DESCRIPTOR.name.removesuffix("Request")
        authority.will_answer(rpc, *[catalog_service_pb2.ListItemsResponse()] * 2)
        assert [each async for each in getattr(client, method)(**restriction)] == []
        await getattr(client, f"{method}_page")(**restriction)
        assert [call.request for call in authority.heard(rpc)] == [request(**restriction)] * 2, method
