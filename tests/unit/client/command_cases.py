"""The commands of the whole life of stock: what each is told, what it asks for, and what it shows of the answer."""

from typing import Any

import pytest
from google.protobuf import message as protobuf_message
from google.protobuf import timestamp_pb2
from holdfast.inventory.v1 import (
    audit_service_pb2,
    catalog_service_pb2,
    fulfillment_pb2,
    inventory_service_pb2,
    posting_pb2,
    reconciliation_service_pb2,
    reservation_pb2,
    revision_pb2,
    rules_pb2,
    stock_pb2,
    supply_pb2,
)

NOON = timestamp_pb2.Timestamp(seconds=1_772_366_400)
REVISION = revision_pb2.Revision(segment="main", position=1204)
LEVEL = stock_pb2.StockLevel(sku="85123A", location="LONDON", sellable_quantity=97, net_quantity=97)
RESERVATION = reservation_pb2.Reservation(
    reservation_id="main-1",
    state=reservation_pb2.RESERVATION_STATE_COMMITTED,
    channel="WEB",
    customer_id="C-7",
    told=True,
    lines=[
        reservation_pb2.ReservationLine(
            line_number=1,
            sku="KETTLE-BLUE",
            ordered_sku="KETTLE-RED",
            location="LONDON",
            quantity=7,
            open_quantity=7,
            backordered_quantity=3,
            sourcing_reason=reservation_pb2.SOURCING_REASON_AWAITED,
            expected_time=NOON,
        )
    ],
)
RETURN = fulfillment_pb2.CustomerReturn(
    return_id="RMA-7",
    state=fulfillment_pb2.RETURN_STATE_IN_INSPECTION,
    location="LONDON",
    lines=[fulfillment_pb2.ReturnedUnits(line_number=1, sku="85123A", quantity=2, open_quantity=2)],
)
INBOUND = supply_pb2.Inbound(
    inbound_id="PO-88",
    state=supply_pb2.INBOUND_STATE_EXPECTED,
    location="LONDON",
    expected_time=NOON,
    lines=[supply_pb2.ExpectedUnits(sku="85123A", quantity=100, received_quantity=40, open_quantity=60)],
)
TRANSFER = supply_pb2.Transfer(
    transfer_id="T-1",
    state=supply_pb2.TRANSFER_STATE_IN_TRANSIT,
    from_location="LONDON",
    to_location="STORE-7",
    lines=[
        supply_pb2.TransferredUnits(sku="85123A", quantity=10, open_quantity=1, received_quantity=8, lost_quantity=1)
    ],
)
INCIDENT = reconciliation_service_pb2.Incident(
    incident_id="main-incident-9",
    kind=reconciliation_service_pb2.INCIDENT_KIND_OVERSELL,
    state=reconciliation_service_pb2.INCIDENT_STATE_OPEN,
    channel="MARKETPLACE",
    lines=[reconciliation_service_pb2.MissingUnits(line_number=1, sku="85123A", location="LONDON", quantity=3)],
    cause=reconciliation_service_pb2.INCIDENT_CAUSE_STALE_CHANNEL,
    cause_revision=REVISION,
    cause_time=NOON,
)
PARKED = reconciliation_service_pb2.ParkedRequest(
    parked_id="main-parked-5",
    state=reconciliation_service_pb2.PARKED_STATE_WAITING,
    method="ReceiveStock",
    unknown_skus=["NEW-1", "NEW-2"],
)

POSTING = posting_pb2.Posting(
    posting_id="main-posting-9",
    system="netsuite",
    document="INV-7",
    booked_revision=revision_pb2.Revision(segment="main", position=8),
    booked_time=NOON,
)


def case(words: str, answer: protobuf_message.Message, asked: dict[str, Any], *shown: str) -> Any:
    return pytest.param(words.split(), answer, asked, shown, id=words)


CASES = [
    case(
        "reserve KETTLE-RED=7 --channel WEB --told --customer C-7 --allow-backorder --allow-substitution "
        "--nearest-to SCOTLAND --ship-complete",
        inventory_service_pb2.CreateReservationResponse(reservation=RESERVATION, incident_id="main-incident-9"),
        {
            "demand": "DEMAND_KIND_TOLD",
            "customer_id": "C-7",
            "allow_backorder": True,
            "allow_substitution": True,
            "fill_policy": "FILL_POLICY_UNSPECIFIED",
            "sourcing": {
                "order": "SOURCING_ORDER_NEAREST",
                "destination": "SCOTLAND",
                "prefer_ship_complete": True,
            },
        },
        "told",
        "customer C-7",
        "main-incident-9",
        "KETTLE-RED",
        "AWAITED",
        "2026-03-01T12:00:00Z",
    ),
    case(
        "reserve KETTLE-RED=7 --channel WEB --most-stock",
        inventory_service_pb2.CreateReservationResponse(reservation=RESERVATION),
        {
            "demand": "DEMAND_KIND_UNSPECIFIED",
            "sourcing": {"order": "SOURCING_ORDER_MOST_STOCK", "destination": "", "prefer_ship_complete": False},
        },
    ),
    case(
        "fulfill main-1 --line 1=2 --line 2 --line 3=1@STORE-7 --missing 1=1 --source-anew --release-rest "
        "--take-reserved --reference DN-1",
        fulfillment_pb2.PostFulfillmentResponse(reservation=RESERVATION, incident_id="main-incident-9"),
        {
            "reservation_id": "main-1",
            "lines": [
                {"line_number": 1, "quantity": "2", "location": "", "missing_quantity": "1"},
                {"line_number": 2, "quantity": "0", "location": "", "missing_quantity": "0"},
                {"line_number": 3, "quantity": "1", "location": "STORE-7", "missing_quantity": "0"},
            ],
            "source_missing_anew": True,
            "release_rest": True,
            "take_reserved": True,
            "reference": "DN-1",
        },
        "COMMITTED",
        "main-incident-9",
    ),
    case("fulfill main-1", fulfillment_pb2.PostFulfillmentResponse(reservation=RESERVATION), {"lines": []}),
    case(
        "transfer main-1 --line 1 --line 2=3 --to STORE-7 --reason closer",
        fulfillment_pb2.TransferReservationResponse(reservation=RESERVATION, replayed=True),
        {
            "lines": [
                {"line_number": 1, "quantity": "0", "location": "STORE-7"},
                {"line_number": 2, "quantity": "3", "location": "STORE-7"},
            ],
            "reason": "closer",
        },
        "the first answer again",
    ),
    case(
        "transfer main-1 --line 1 --to-pool UK",
        fulfillment_pb2.TransferReservationResponse(reservation=RESERVATION),
        {"lines": [{"line_number": 1, "quantity": "0", "pool": "UK"}]},
    ),
    case(
        "return RMA-7 --reservation main-1 --line 1=2 --location LONDON",
        fulfillment_pb2.ProcessReturnResponse(customer_return=RETURN),
        {
            "return_id": "RMA-7",
            "receipt": {
                "location": "LONDON",
                "reservation_id": "main-1",
                "lines": [{"line_number": 1, "sku": "", "quantity": "2"}],
                "accept_blind": False,
            },
        },
        "RMA-7",
        "IN_INSPECTION",
    ),
    case(
        "return RMA-8 85123A=1 --location LONDON --accept-blind",
        fulfillment_pb2.ProcessReturnResponse(customer_return=RETURN),
        {
            "receipt": {
                "location": "LONDON",
                "reservation_id": "",
                "lines": [{"line_number": 0, "sku": "85123A", "quantity": "1"}],
                "accept_blind": True,
            }
        },
    ),
    case(
        "inspect RMA-7 --sellable 1=1 --damaged 1=2 --vendor 2=3",
        fulfillment_pb2.ProcessReturnResponse(customer_return=RETURN),
        {
            "inspection": {
                "lines": [
                    {"line_number": 1, "sellable_quantity": "1", "damaged_quantity": "2", "vendor_quantity": "0"},
                    {"line_number": 2, "sellable_quantity": "0", "damaged_quantity": "0", "vendor_quantity": "3"},
                ]
            }
        },
    ),
    case(
        "returns --waiting --order 536365",
        fulfillment_pb2.ListReturnsResponse(returns=[RETURN]),
        {"state": "RETURN_STATE_IN_INSPECTION", "order_id": "536365"},
        "RMA-7",
    ),
    case(
        "receive 85123A=5@LONDON --inbound PO-88 --status quality_hold --park",
        inventory_service_pb2.ReceiveStockResponse(parked_id="main-parked-5"),
        {"inbound_id": "PO-88", "park_unknown": True},
        "main-parked-5",
    ),
    case(
        "adjust 85123A=-1@LONDON --status damaged --reason found",
        inventory_service_pb2.AdjustStockResponse(stock_levels=[LEVEL]),
        {
            "lines": [
                {
                    "sku": "85123A",
                    "location": "LONDON",
                    "delta_quantity": "-1",
                    "status": "STOCK_STATUS_DAMAGED",
                }
            ]
        },
    ),
    case(
        "move-status 85123A=2@LONDON --from sellable --to damaged --reason wet",
        fulfillment_pb2.MoveStatusResponse(stock_levels=[LEVEL]),
        {
            "lines": [
                {
                    "sku": "85123A",
                    "location": "LONDON",
                    "from_status": "STOCK_STATUS_SELLABLE",
                    "to_status": "STOCK_STATUS_DAMAGED",
                    "quantity": "2",
                }
            ],
            "reason": "wet",
        },
        "97",
    ),
    case(
        "count 85123A@LONDON=97 84029G=20/21@STORE-7 --status damaged --as-of main/1204 --reference list-14",
        supply_pb2.CountStockResponse(stock_levels=[LEVEL], booked_deltas=[-3, 0]),
        {
            "lines": [
                {
                    "sku": "85123A",
                    "location": "LONDON",
                    "counted_quantity": "97",
                    "status": "STOCK_STATUS_DAMAGED",
                },
                {
                    "sku": "84029G",
                    "location": "STORE-7",
                    "counted_quantity": "20",
                    "status": "STOCK_STATUS_DAMAGED",
                    "expected_quantity": "21",
                },
            ],
            "as_of_revision": {"segment": "main", "position": "1204"},
            "reference": "list-14",
        },
        "-3",
    ),
    case(
        "count NEW-1@LONDON=4 --as-of 2026-03-01T12:00:00Z --park",
        supply_pb2.CountStockResponse(parked_id="main-parked-5"),
        {"as_of_time": "2026-03-01T12:00:00Z", "park_unknown": True},
        "main-parked-5",
    ),
    case(
        "inbound plan PO-88 85123A=100 --location LONDON --expected 2026-03-10",
        supply_pb2.PlanInboundResponse(inbound=INBOUND),
        {
            "inbound_id": "PO-88",
            "location": "LONDON",
            "expected_time": "2026-03-10T00:00:00Z",
            "lines": [{"sku": "85123A", "quantity": "100"}],
        },
        "EXPECTED",
    ),
    case(
        "inbound plan PO-88 --close --location LONDON --expected 2026-03-10",
        supply_pb2.PlanInboundResponse(inbound=INBOUND),
        {"lines": []},
    ),
    case(
        "inbound list --state expected --location LONDON",
        supply_pb2.ListInboundsResponse(inbounds=[INBOUND]),
        {"state": "INBOUND_STATE_EXPECTED", "location": "LONDON"},
        "PO-88",
        "60",
    ),
    case(
        "transfer-stock ship T-1 85123A=10 --from LONDON --to STORE-7 --expected 2026-03-05",
        supply_pb2.ShipTransferResponse(transfer=TRANSFER),
        {
            "transfer_id": "T-1",
            "from_location": "LONDON",
            "to_location": "STORE-7",
            "expected_time": "2026-03-05T00:00:00Z",
            "lines": [{"sku": "85123A", "quantity": "10"}],
        },
        "IN_TRANSIT",
    ),
    case(
        "transfer-stock receive T-1 85123A=9 --lost 85123A=1 --status quality_hold",
        supply_pb2.ReceiveTransferResponse(transfer=TRANSFER),
        {
            "lines": [
                {
                    "sku": "85123A",
                    "received_quantity": "9",
                    "lost_quantity": "1",
                    "status": "STOCK_STATUS_QUALITY_HOLD",
                }
            ]
        },
    ),
    case("transfer-stock receive T-1", supply_pb2.ReceiveTransferResponse(transfer=TRANSFER), {"lines": []}),
    case(
        "transfer-stock list --state in_transit --to STORE-7",
        supply_pb2.ListTransfersResponse(transfers=[TRANSFER]),
        {"state": "TRANSFER_STATE_IN_TRANSIT", "to_location": "STORE-7"},
        "T-1",
    ),
    case(
        "rules list --sku A --channel WEB --location LONDON",
        catalog_service_pb2.ListRulesResponse(
            rules=[
                rules_pb2.Rule(safety_stock={"sku": "A", "location": "LONDON", "quantity": 5}),
                rules_pb2.Rule(channel_buffer={"channel": "WEB", "quantity": 2}),
                rules_pb2.Rule(
                    allotment={
                        "sku": "A",
                        "channel": "WEB",
                        "guaranteed_quantity": 50,
                        "used_quantity": 7,
                        "cap_quantity": 80,
                        "expire_time": NOON,
                    }
                ),
                rules_pb2.Rule(
                    backorder={"sku": "A", "location": "LONDON", "backorder_cap": 20, "expected_time": NOON}
                ),
                rules_pb2.Rule(substitution={"sku": "A", "substitute_skus": ["B", "C"]}),
                rules_pb2.Rule(hold_limit={"scope": 1, "max_open_holds": 3}),
                rules_pb2.Rule(
                    distances={"destination": "SCOTLAND", "locations": [{"location": "LEEDS", "distance": 3}]}
                ),
            ]
        ),
        {"sku": "A", "channel": "WEB", "location": "LONDON"},
        "safety stock",
        "guaranteed 50, used 7, cap 80, until 2026-03-01T12:00:00Z",
        "up to 20 at LONDON",
        "instead: B, C",
        "customer (every one)",
        "LEEDS 3",
    ),
    case(
        "rules move-allotment 85123A=10 --from APP --to WEB",
        catalog_service_pb2.MoveAllotmentResponse(from_allotment={"sku": "85123A", "channel": "APP"}),
        {"sku": "85123A", "quantity": "10", "from_channel": "APP", "to_channel": "WEB"},
        "guaranteed 0",
    ),
    case(
        "incidents list --state open --channel MARKETPLACE --order 1",
        reconciliation_service_pb2.ListIncidentsResponse(incidents=[INCIDENT]),
        {"state": "INCIDENT_STATE_OPEN", "channel": "MARKETPLACE", "order_id": "1"},
        "OVERSELL",
        "85123A=3@LONDON",
        "STALE_CHANNEL",
        "main/1204",
    ),
    case(
        "incidents resolve main-incident-9 --substitute KETTLE-BLUE --reason agreed",
        reconciliation_service_pb2.ResolveIncidentResponse(incident=INCIDENT, reservation=RESERVATION),
        {"resolution": "RESOLUTION_SUBSTITUTE", "substitute_sku": "KETTLE-BLUE", "to_location": "", "reason": "agreed"},
        "main-1",
    ),
    case(
        "incidents resolve main-incident-9 --transfer LEEDS",
        reconciliation_service_pb2.ResolveIncidentResponse(incident=INCIDENT),
        {"resolution": "RESOLUTION_TRANSFER", "to_location": "LEEDS"},
    ),
    case(
        "incidents resolve main-incident-9 --cancel",
        reconciliation_service_pb2.ResolveIncidentResponse(incident=INCIDENT),
        {"resolution": "RESOLUTION_CANCEL"},
    ),
    case(
        "incidents close main-incident-9 --reason found",
        reconciliation_service_pb2.CloseIncidentResponse(incident=INCIDENT),
        {"incident_id": "main-incident-9", "reason": "found"},
        "main-incident-9",
    ),
    case(
        "note-posting main-1 --system netsuite --document INV-7 --booked main/8 --at 2026-03-01T12:00:00Z "
        "--reason late",
        reconciliation_service_pb2.NotePostingResponse(posting=POSTING, replayed=True),
        {
            "reservation_id": "main-1",
            "system": "netsuite",
            "document": "INV-7",
            "booked_revision": {"segment": "main", "position": "8"},
            "booked_time": "2026-03-01T12:00:00Z",
            "reason": "late",
        },
        "main-posting-9",
        "netsuite INV-7 of main/8 at",
        "again",
    ),
    case(
        "note-posting main-1 --system netsuite --document INV-7",
        reconciliation_service_pb2.NotePostingResponse(
            posting=posting_pb2.Posting(posting_id="main-posting-9", system="netsuite", document="INV-7")
        ),
        {"reservation_id": "main-1", "system": "netsuite", "document": "INV-7", "reason": ""},
        "main-posting-9: netsuite INV-7",
    ),
    case(
        "parked list --state waiting",
        reconciliation_service_pb2.ListParkedRequestsResponse(parked_requests=[PARKED]),
        {"state": "PARKED_STATE_WAITING"},
        "NEW-1, NEW-2",
    ),
    case(
        "parked discard main-parked-5 --reason typo",
        reconciliation_service_pb2.DiscardParkedRequestResponse(parked_request=PARKED),
        {"parked_id": "main-parked-5", "reason": "typo"},
        "main-parked-5",
    ),
    case(
        "movements --channel WEB --caller shop --since 2026-03-01 --until 2026-03-01T12:00:00Z",
        audit_service_pb2.ListMovementsResponse(
            movements=[
                stock_pb2.Movement(
                    revision=REVISION,
                    kind=stock_pb2.MOVEMENT_KIND_SHIP_TRANSFER,
                    in_transit_delta=4,
                    balance=LEVEL,
                    document_id="T-1",
                )
            ]
        ),
        {
            "channel": "WEB",
            "caller": "shop",
            "start_time": "2026-03-01T00:00:00Z",
            "end_time": "2026-03-01T12:00:00Z",
        },
        "SHIP_TRANSFER",
        "in_transit +4",
        "T-1",
    ),
]
