"""Requests about the life of stock that cannot be right: what one field alone cannot say is checked too."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import rules_pb2 as rules
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.reservation_pb2 import Sourcing, SourcingOrder
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.rules_pb2 import Rule

from api.ids import uuid7
from api.refusals import invalid, refusal_of
from api.requests import demand
from api.rules import allotment, channel_buffer, distances, hold_limit_of_customer, safety_stock, substitution
from api.shop import Shop, from_now, left

TOLD = inventory.DEMAND_KIND_TOLD
NEAREST = SourcingOrder.SOURCING_ORDER_NEAREST
Make = Callable[[Shop], Any]
Row = tuple[str, Make, tuple[str, ...]]


def ids() -> dict[str, str]:
    return {"request_id": uuid7(), "reservation_id": "any"}


def told(**changes: Any) -> Make:
    return demand(demand=TOLD, **changes)


def departure(*lines: fulfillment.FulfillmentLine) -> Make:
    return lambda _: fulfillment.PostFulfillmentRequest(**ids(), lines=lines)


def move(*lines: dict[str, Any]) -> Make:
    made = [fulfillment.ReservationTransferLine(**line) for line in lines]
    return lambda _: fulfillment.TransferReservationRequest(**ids(), lines=made)


def returned(*lines: dict[str, Any], **changes: Any) -> Make:
    receipt = fulfillment.ReturnReceipt(
        **({"location": "A", "lines": [fulfillment.ReturnLine(**line) for line in lines]} | changes)
    )
    return lambda _: fulfillment.ProcessReturnRequest(request_id=uuid7(), return_id="R", receipt=receipt)


def inspected(*numbers: int) -> Make:
    lines = [fulfillment.InspectionLine(line_number=number, sellable_quantity=1) for number in numbers]
    inspection = fulfillment.ReturnInspection(lines=lines)
    return lambda _: fulfillment.ProcessReturnRequest(request_id=uuid7(), return_id="R", inspection=inspection)


def status(from_status: int, to_status: int, quantity: int = 1, reason: str = "test") -> Make:
    line = fulfillment.StatusMoveLine(
        sku="A", location="B", from_status=from_status, to_status=to_status, quantity=quantity
    )
    return lambda _: fulfillment.MoveStatusRequest(request_id=uuid7(), lines=[line], reason=reason)


def counted(*lines: dict[str, Any], **changes: Any) -> Make:
    made = [supply.CountLine(**({"sku": "A", "location": "B", "counted_quantity": 1} | line)) for line in lines]
    return lambda _: supply.CountStockRequest(request_id=uuid7(), lines=made, **changes)


def plan(*skus: str, **changes: Any) -> Make:
    lines = [supply.InboundLine(sku=sku, quantity=1) for sku in skus]
    whole = {"inbound_id": "I", "location": "B", "expected_time": from_now(days=1), "lines": lines} | changes
    return lambda _: supply.PlanInboundRequest(request_id=uuid7(), **whole)


def shipment(*skus: str, **changes: Any) -> Make:
    lines = [supply.TransferLine(sku=sku, quantity=1) for sku in skus]
    whole = {"transfer_id": "T", "from_location": "A", "to_location": "B", "lines": lines} | changes
    return lambda _: supply.ShipTransferRequest(request_id=uuid7(), **whole)


def arrival(*skus: str) -> Make:
    lines = [supply.TransferReceiptLine(sku=sku, received_quantity=1) for sku in skus]
    return lambda _: supply.ReceiveTransferRequest(request_id=uuid7(), transfer_id="T", lines=lines)


def put_rules(*made: Rule) -> Make:
    return lambda _: catalog_service.PutRulesRequest(request_id=uuid7(), rules=made)


def move_allotment(from_channel: str, to_channel: str, quantity: int = 1) -> Make:
    return lambda _: catalog_service.MoveAllotmentRequest(
        request_id=uuid7(), sku="A", from_channel=from_channel, to_channel=to_channel, quantity=quantity
    )


def resolution(**fields: Any) -> Make:
    return lambda _: reconciliation.ResolveIncidentRequest(request_id=uuid7(), incident_id="I", **fields)


def posting(**fields: Any) -> Make:
    whole = {"reservation_id": "R", "system": "netsuite", "document": "INV-1"} | fields
    return lambda _: reconciliation.NotePostingRequest(request_id=uuid7(), **whole)


def kit(*parts: tuple[str, int]) -> Make:
    made = [catalog.KitPart(sku=sku, quantity=units) for sku, units in parts]
    items = [catalog.Item(sku="KIT", parts=made)]
    return lambda _: catalog_service.PutItemsRequest(request_id=uuid7(), items=items)


RESERVATIONS: list[Row] = [
    ("a ttl of what is sold", told(ttl={"seconds": 60}), ("ttl",)),
    ("a part of what is sold", told(fill_policy=inventory.FILL_POLICY_PARTIAL), ("fill_policy",)),
    ("a backorder of what is sold", told(allow_backorder=True), ("allow_backorder",)),
    ("a substitute for what is sold", told(allow_substitution=True), ("allow_substitution",)),
    ("what was seen by who asks", demand(seen_revision=Revision(segment="shared", position=1)), ("seen_revision",)),
    ("a kind of demand that is not known", demand(demand=9), ("demand",)),
    ("the nearest to nowhere", demand(sourcing=Sourcing(order=NEAREST)), ("sourcing.destination",)),
    ("a destination that nobody uses", demand(sourcing=Sourcing(destination="A")), ("sourcing.destination",)),
    ("an order that is not known", demand(sourcing=Sourcing(order=9)), ("sourcing.order",)),
    ("an odd customer", demand(customer_id="no good"), ("customer_id",)),
]
FULFILLMENTS: list[Row] = [
    ("a line that leaves twice", departure(left(1, 1), left(1, 1)), ("lines[1].line_number",)),
    ("a negative departure", departure(left(1, -1)), ("lines[0].quantity",)),
    ("negative missing units", departure(left(1, 1, missing=-1)), ("lines[0].missing_quantity",)),
    ("an odd location", departure(left(1, 1, location="no good")), ("lines[0].location",)),
    ("a move of nothing", move(), ("lines",)),
    ("a move to nowhere", move({"line_number": 1}), ("lines[0].destination",)),
    ("a move to an odd pool", move({"line_number": 1, "pool": "no good"}), ("lines[0].pool",)),
    (
        "a line that moves twice",
        move({"line_number": 1, "location": "A"}, {"line_number": 1, "location": "B"}),
        ("lines[1].line_number",),
    ),
]
RETURNS: list[Row] = [
    ("no step", lambda _: fulfillment.ProcessReturnRequest(request_id=uuid7(), return_id="R"), ("step",)),
    ("a return of nothing", returned(), ("receipt.lines",)),
    ("a return to nowhere", returned({"sku": "A", "quantity": 1}, location=""), ("receipt.location",)),
    ("no units", returned({"sku": "A"}), ("receipt.lines[0].quantity",)),
    (
        "a line and its SKU",
        returned({"line_number": 1, "sku": "A", "quantity": 1}, reservation_id="any"),
        ("receipt.lines[0].sku",),
    ),
    ("neither a line nor a SKU", returned({"quantity": 1}, reservation_id="any"), ("receipt.lines[0].line_number",)),
    ("a line of no reservation", returned({"line_number": 1, "quantity": 1}), ("receipt.lines[0].line_number",)),
    (
        "a line that comes back twice",
        returned({"line_number": 1, "quantity": 1}, {"line_number": 1, "quantity": 1}, reservation_id="any"),
        ("receipt.lines[1].line_number",),
    ),
    (
        "a SKU that comes back twice",
        returned({"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 1}, accept_blind=True),
        ("receipt.lines[1].sku",),
    ),
    ("an inspection of nothing", inspected(), ("inspection.lines",)),
    ("a line that is inspected twice", inspected(1, 1), ("inspection.lines[1].line_number",)),
]
SUPPLY: list[Row] = [
    ("a status that stays", status(1, 1), ("lines[0].to_status",)),
    ("a status from nothing", status(0, 1), ("lines[0].from_status",)),
    ("a status to nothing", status(1, 0), ("lines[0].to_status",)),
    ("no units change their status", status(1, 2, quantity=0), ("lines[0].quantity",)),
    ("a change of status without a reason", status(1, 2, reason=""), ("reason",)),
    ("a count of nothing", counted(), ("lines",)),
    ("a negative count", counted({"counted_quantity": -1}), ("lines[0].counted_quantity",)),
    ("a negative expectation", counted({"expected_quantity": -1}), ("lines[0].expected_quantity",)),
    ("a count of an unknown status", counted({"status": 9}), ("lines[0].status",)),
    ("a level that is counted twice", counted({}, {}), ("lines[1].sku",)),
    ("a status that is counted twice", counted({"status": 1}, {"status": 0}), ("lines[1].sku",)),
    ("a count as of a revision of nothing", counted({}, as_of_revision=Revision()), ("as_of_revision.segment",)),
    ("a count of tomorrow", counted({}, as_of_time=from_now(days=1)), ("as_of_time",)),
    ("a SKU that is expected twice", plan("A", "A"), ("lines[1].sku",)),
    ("a plan without a time", plan("A", expected_time=None), ("expected_time",)),
    ("a plan for a time that no clock shows", plan("A", expected_time=Timestamp(seconds=10**15)), ("expected_time",)),
    ("a plan for nowhere", plan("A", location=""), ("location",)),
    ("a transfer to where it is", shipment("A", to_location="A"), ("to_location",)),
    ("a transfer of nothing", shipment(), ("lines",)),
    ("a SKU that leaves twice", shipment("A", "A"), ("lines[1].sku",)),
    ("a SKU that arrives twice", arrival("A", "A"), ("lines[1].sku",)),
]
RULES: list[Row] = [
    ("no rules", put_rules(), ("rules",)),
    ("a rule about nothing", put_rules(Rule()), ("rules[0].kind",)),
    ("a rule about nothing that is removed", put_rules(Rule(removed=True)), ("rules[0].kind",)),
    ("a rule twice", put_rules(safety_stock(1, sku="A"), safety_stock(2, sku="A")), ("rules[1].safety_stock",)),
    ("safety stock of nothing", put_rules(safety_stock(1)), ("rules[0].safety_stock",)),
    ("negative safety stock", put_rules(safety_stock(-1, sku="A")), ("rules[0].safety_stock.quantity",)),
    ("a buffer of nobody", put_rules(channel_buffer(1, channel="")), ("rules[0].channel_buffer.channel",)),
    ("an allotment of nothing", put_rules(allotment("", "A")), ("rules[0].allotment.sku",)),
    ("a negative cap", put_rules(allotment("A", "B", cap=-1)), ("rules[0].allotment.cap_quantity",)),
    ("a limit for nobody", put_rules(Rule(hold_limit=rules.HoldLimit())), ("rules[0].hold_limit.scope",)),
    ("a limit for an odd name", put_rules(hold_limit_of_customer("Größe", 1)), ("rules[0].hold_limit.name",)),
    ("a negative limit", put_rules(hold_limit_of_customer("A", -1)), ("rules[0].hold_limit.max_open_holds",)),
    ("a substitute of itself", put_rules(substitution("A", "A")), ("rules[0].substitution.substitute_skus[0]",)),
    (
        "a substitute that is named twice",
        put_rules(substitution("A", "B", "C", "B")),
        ("rules[0].substitution.substitute_skus[2]",),
    ),
    (
        "eleven substitutes",
        put_rules(substitution("A", *(f"B{n}" for n in range(11)))),
        ("rules[0].substitution.substitute_skus",),
    ),
    (
        "a location at two distances",
        put_rules(distances("A", ("B", 1), ("B", 2))),
        ("rules[0].distances.locations[1].location",),
    ),
    ("a move to oneself", move_allotment("A", "A"), ("to_channel",)),
    ("a move of no units", move_allotment("A", "B", quantity=0), ("quantity",)),
    ("a part that is named twice", kit(("A", 1), ("A", 2)), ("items[0].parts[1].sku",)),
    ("a part of no units", kit(("A", 0)), ("items[0].parts[0].quantity",)),
    ("twenty-one parts", kit(*((f"A{n}", 1) for n in range(21))), ("items[0].parts",)),
]
INCIDENTS: list[Row] = [
    ("no resolution", resolution(), ("resolution",)),
    ("an unknown resolution", resolution(resolution=9), ("resolution",)),
    ("a substitute of nothing", resolution(resolution=3), ("substitute_sku",)),
    ("a substitute that nobody wants", resolution(resolution=1, substitute_sku="A"), ("substitute_sku",)),
    ("a transfer to nowhere", resolution(resolution=4), ("to_location",)),
    ("a location that nobody asks for", resolution(resolution=2, to_location="A"), ("to_location",)),
]
POSTINGS: list[Row] = [
    ("a posting of nothing", posting(reservation_id=""), ("reservation_id",)),
    ("a posting in no system", posting(system=""), ("system",)),
    ("a posting in an odd system", posting(system="no good"), ("system",)),
    ("a posting without a number", posting(document=""), ("document",)),
    ("a posting of no revision", posting(booked_revision=Revision(segment="no good")), ("booked_revision.segment",)),
    ("a posting before all time", posting(booked_time=Timestamp(seconds=-1)), ("booked_time",)),
    ("a posting at no time", posting(booked_time=Timestamp(seconds=-(10**12))), ("booked_time",)),
]
ROWS = [*RESERVATIONS, *FULFILLMENTS, *RETURNS, *SUPPLY, *RULES, *INCIDENTS, *POSTINGS]


def method_of(stubs: Any, request: Any) -> Any:
    rpc = request.DESCRIPTOR.name.removesuffix("Request")
    services = (stubs.inventory, stubs.catalog, stubs.reconciliation)
    return next(getattr(service, rpc) for service in services if hasattr(service, rpc))


@pytest.mark.parametrize(("what", "make", "fields"), ROWS, ids=[row[0] for row in ROWS])
async def test_a_broken_rule_is_refused_and_its_field_named(
    shop: Shop, what: str, make: Make, fields: tuple[str, ...]
) -> None:
    request = make(shop)
    assert await refusal_of(method_of(shop.stubs, request)(request)) == invalid(*fields), what
