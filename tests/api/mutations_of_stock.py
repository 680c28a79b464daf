"""The mutations that follow a reservation, move stock, set rules and settle incidents; see mutations.py."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import catalog_service_pb2 as catalog
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.stock_pb2 import StockStatus

from api.ids import some
from api.mutation import ONE_LINE_LESS, REASON, Mutation, setting
from api.rules import allotment, channel_buffer, hold_limit_of_customer, safety_stock
from api.shop import Shop, from_now, left, put_channel, put_item, put_locations

SELLABLE = StockStatus.STOCK_STATUS_SELLABLE
QUALITY_HOLD = StockStatus.STOCK_STATUS_QUALITY_HOLD
DAMAGED = StockStatus.STOCK_STATUS_DAMAGED


async def another_place(shop: Shop, units: int = 0) -> str:
    """A location that is in no pool, with that many units of the first SKU."""
    place = some("place")
    await put_locations(shop.stubs, place)
    if units:
        await shop.receive(units, location=place)
    return place


async def transfer_of_a_reservation(shop: Shop) -> Any:
    held = await shop.reserve((shop.sku, 2))
    line = fulfillment.ReservationTransferLine(line_number=1, quantity=1, location=await another_place(shop, 5))
    return fulfillment.TransferReservationRequest(reservation_id=held.reservation_id, lines=[line])


async def departure(shop: Shop) -> Any:
    order = await shop.order((shop.sku, 2))
    return fulfillment.PostFulfillmentRequest(
        reservation_id=order.reservation_id, lines=[left(1, 1)], reference="delivery 7"
    )


async def customer_return(shop: Shop) -> Any:
    order = await shop.order((shop.sku, 2))
    await shop.fulfill(order.reservation_id)
    line = fulfillment.ReturnLine(line_number=1, quantity=1)
    receipt = fulfillment.ReturnReceipt(location=shop.location, reservation_id=order.reservation_id, lines=[line])
    return fulfillment.ProcessReturnRequest(return_id=some("return"), receipt=receipt)


async def change_of_status(shop: Shop) -> Any:
    line = fulfillment.StatusMoveLine(
        sku=shop.sku, location=shop.location, from_status=SELLABLE, to_status=QUALITY_HOLD, quantity=1
    )
    return fulfillment.MoveStatusRequest(lines=[line], reason="suspicious")


async def inspection(shop: Shop) -> Any:
    returned = await shop.take_back((shop.sku, 2), accept_blind=True)
    line = fulfillment.InspectionLine(line_number=1, sellable_quantity=1)
    found = fulfillment.ReturnInspection(lines=[line])
    return fulfillment.ProcessReturnRequest(return_id=returned.return_id, inspection=found)


def as_a_receipt(request: Any) -> None:
    line = fulfillment.ReturnLine(sku="another-sku", quantity=1)
    receipt = fulfillment.ReturnReceipt(location="another-location", lines=[line], accept_blind=True)
    request.receipt.CopyFrom(receipt)


async def stocktake(shop: Shop) -> Any:
    """Of damaged units, so that it takes nothing away from the other mutations."""
    line = supply.CountLine(sku=shop.sku, location=shop.location, counted_quantity=3, status=DAMAGED)
    return supply.CountStockRequest(lines=[line], as_of_revision=await shop.revision(), reference="list 7")


async def plan(shop: Shop) -> Any:
    return supply.PlanInboundRequest(
        inbound_id=some("inbound"),
        location=shop.location,
        expected_time=from_now(days=3),
        lines=[supply.InboundLine(sku=shop.sku, quantity=4)],
    )


async def shipment(shop: Shop) -> Any:
    return supply.ShipTransferRequest(
        transfer_id=some("transfer"),
        from_location=shop.location,
        to_location=await another_place(shop),
        lines=[supply.TransferLine(sku=shop.sku, quantity=2)],
    )


async def arrival(shop: Shop) -> Any:
    transfer = await shop.ship((shop.sku, 2), to=await another_place(shop))
    line = supply.TransferReceiptLine(sku=shop.sku, received_quantity=1)
    return supply.ReceiveTransferRequest(transfer_id=transfer.transfer_id, lines=[line])


async def rules(shop: Shop) -> Any:
    safety = safety_stock(1, sku=shop.sku, location=shop.location)
    return catalog.PutRulesRequest(rules=[safety, hold_limit_of_customer(some("customer"), 3)], reason="winter")


def as_a_buffer(request: Any) -> None:
    request.rules[0].CopyFrom(channel_buffer(1, channel="another-channel"))


async def move_of_an_allotment(shop: Shop) -> Any:
    sku, other = await put_item(shop.stubs), some("channel")
    await put_channel(shop.stubs, other, shop.pool)
    await shop.put_rules(allotment(sku, shop.channel, guaranteed=5), allotment(sku, other, guaranteed=1))
    return catalog.MoveAllotmentRequest(sku=sku, from_channel=shop.channel, to_channel=other, quantity=2)


async def incident_of(shop: Shop) -> str:
    """A sale of units of another SKU, of which there are none."""
    return (await shop.told((await put_item(shop.stubs), 2))).incident_id


async def resolution(shop: Shop) -> Any:
    return reconciliation.ResolveIncidentRequest(
        incident_id=await incident_of(shop), resolution=reconciliation.RESOLUTION_CANCEL
    )


def as_a_transfer(request: Any) -> None:
    request.resolution = reconciliation.RESOLUTION_TRANSFER
    request.to_location = "another-location"


async def close(shop: Shop) -> Any:
    return reconciliation.CloseIncidentRequest(incident_id=await incident_of(shop), reason="settled")


async def posting(shop: Shop) -> Any:
    order = await shop.order((shop.sku, 1))
    return reconciliation.NotePostingRequest(
        reservation_id=order.reservation_id,
        system="netsuite",
        document="invoice-7",
        booked_revision=order.revision,
        booked_time=Timestamp(seconds=1_700_000_000),
    )


async def discard(shop: Shop) -> Any:
    parked = await shop.stubs.inventory.ReceiveStock(shop.receipt(some("sku"), shop.location, 1, park_unknown=True))
    return reconciliation.DiscardParkedRequestRequest(parked_id=parked.parked_id)


def _another_line(request: Any) -> None:
    request.lines.append(supply.InboundLine(sku="another-sku", quantity=1))


STOCK_MUTATIONS = (
    Mutation(
        service="inventory",
        rpc="TransferReservation",
        make=transfer_of_a_reservation,
        changes=(
            setting("reservation_id", "another-reservation"),
            setting("lines[0].line_number", 2),
            setting("lines[0].quantity", 2),
            setting("lines[0].location", "another-location"),
            ("lines[0].location", lambda request: setattr(request.lines[0], "pool", "another-pool")),
            REASON,
        ),
    ),
    Mutation(
        service="inventory",
        rpc="PostFulfillment",
        make=departure,
        changes=(
            setting("lines[0].quantity", 2),
            setting("lines[0].location", "another-location"),
            setting("lines[0].missing_quantity", 1),
            ONE_LINE_LESS,
            setting("source_missing_anew", True),
            setting("release_rest", True),
            setting("take_reserved", True),
            REASON,
            setting("reference", "delivery 8"),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="ProcessReturn",
        make=customer_return,
        changes=(
            setting("return_id", "another-return"),
            setting("receipt.location", "another-location"),
            setting("receipt.lines[0].quantity", 2),
            setting("receipt.accept_blind", True),
            REASON,
        ),
    ),
    Mutation(
        service="inventory",
        rpc="MoveStatus",
        make=change_of_status,
        changes=(
            setting("lines[0].to_status", DAMAGED),
            setting("lines[0].quantity", 2),
            REASON,
            setting("reference", "note 8"),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="ProcessReturn",
        make=inspection,
        changes=(
            setting("inspection.lines[0].sellable_quantity", 2),
            setting("inspection.lines[0].damaged_quantity", 1),
            setting("inspection.lines[0].vendor_quantity", 1),
            ("receipt", as_a_receipt),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="CountStock",
        make=stocktake,
        changes=(
            setting("lines[0].counted_quantity", 4),
            setting("lines[0].status", QUALITY_HOLD),
            setting("lines[0].expected_quantity", 0),
            setting("as_of_revision.position", 1),
            ("as_of_revision", lambda request: request.ClearField("as_of_revision")),
            setting("reference", "list 8"),
            setting("park_unknown", True),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="PlanInbound",
        make=plan,
        changes=(
            setting("inbound_id", "another-inbound"),
            setting("location", "another-location"),
            setting("expected_time.seconds", 4_000_000_000),
            setting("lines[0].quantity", 7),
            ("lines", _another_line),
            ONE_LINE_LESS,
        ),
    ),
    Mutation(
        service="inventory",
        rpc="ShipTransfer",
        make=shipment,
        changes=(
            setting("transfer_id", "another-transfer"),
            setting("from_location", "another-location"),
            setting("to_location", "another-location"),
            setting("lines[0].quantity", 1),
            ("expected_time", lambda request: request.expected_time.CopyFrom(from_now(days=1))),
        ),
    ),
    Mutation(
        service="inventory",
        rpc="ReceiveTransfer",
        make=arrival,
        changes=(
            setting("lines[0].received_quantity", 2),
            setting("lines[0].lost_quantity", 1),
            setting("lines[0].status", DAMAGED),
            ONE_LINE_LESS,
        ),
    ),
    Mutation(
        service="catalog",
        rpc="PutRules",
        make=rules,
        changes=(
            setting("rules[0].removed", True),
            setting("rules[0].safety_stock.quantity", 2),
            setting("rules[0].safety_stock.location", "another-location"),
            ("rules[0].safety_stock", as_a_buffer),
            setting("rules[1].hold_limit.max_open_holds", 4),
            ("rules", lambda request: request.rules.pop()),
            REASON,
        ),
    ),
    Mutation(
        service="catalog",
        rpc="MoveAllotment",
        make=move_of_an_allotment,
        changes=(
            setting("sku", "another-sku"),
            setting("from_channel", "another-channel"),
            setting("to_channel", "another-channel"),
            setting("quantity", 3),
        ),
    ),
    Mutation(
        service="reconciliation",
        rpc="ResolveIncident",
        make=resolution,
        changes=(
            setting("incident_id", "another-incident"),
            setting("resolution", reconciliation.RESOLUTION_BACKORDER),
            ("resolution", as_a_transfer),
            REASON,
        ),
    ),
    Mutation(
        service="reconciliation",
        rpc="CloseIncident",
        make=close,
        changes=(setting("incident_id", "another-incident"), REASON),
    ),
    Mutation(
        service="reconciliation",
        rpc="NotePosting",
        make=posting,
        changes=(
            setting("reservation_id", "another-reservation"),
            setting("system", "another-system"),
            setting("document", "another-document"),
            setting("booked_revision.position", 1),
            ("booked_revision", lambda request: request.ClearField("booked_revision")),
            setting("booked_time.seconds", 1_700_000_001),
            REASON,
        ),
    ),
    Mutation(
        service="reconciliation",
        rpc="DiscardParkedRequest",
        make=discard,
        changes=(setting("parked_id", "another-request"), REASON),
    ),
)


async def sale(shop: Shop) -> Any:
    request = shop.sale((shop.sku, 1), order_id=some("order"), seen_revision=await shop.revision())
    request.ClearField("request_id")
    return request


# Told demand is CreateReservation too, with fields of its own; it stands apart from the other in the list.
TOLD = Mutation(
    service="inventory",
    rpc="CreateReservation",
    make=sale,
    changes=(
        setting("lines[0].quantity", 2),
        setting("order_id", "another-order"),
        setting("customer_id", "another-customer"),
        setting("seen_revision.position", 1),
        ("seen_revision", lambda request: request.ClearField("seen_revision")),
    ),
)
