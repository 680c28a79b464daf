"""`holdfast receive`, `adjust` and `move-status`: units that came in, corrections, and changes of status."""

from typing import Annotated, Final

import typer
from holdfast.inventory.v1 import fulfillment_pb2, inventory_service_pb2, stock_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

InStatus = Annotated[asking.Status, typer.Option("--status", help="The status of the units.")]
Park = Annotated[
    bool, typer.Option("--park", help="If a SKU is unknown, wait until the item exists instead of being refused.")
]
Reference = Annotated[str, typer.Option("--reference", help="Your own document, such as a goods receipt.")]


def receive(
    *,
    receipts: Annotated[
        list[str],
        typer.Argument(metavar="SKU=QUANTITY@LOCATION", help="What came in.", show_default=False),
    ],
    status: InStatus = asking.Status.SELLABLE,
    inbound: Annotated[str, typer.Option("--inbound", metavar="ID", help="The inbound plan that they came on.")] = "",
    park: Park = False,
    reference: Reference = "",
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Book units that came in; all lines or none.

    Example: holdfast receive 85123A=100@LONDON 84029G=20@LONDON --reference GR-1042 --inbound PO-88
    """
    lines = [asking.quantity_at(receipt, location_required=True) for receipt in receipts]

    async def work(client: HoldfastClient) -> int:
        answer = await client.receive_stock(
            [
                inventory_service_pb2.ReceiptLine(
                    sku=line.sku, location=line.location, quantity=line.quantity, status=status.number
                )
                for line in lines
            ],
            reference=reference,
            reason=reason,
            inbound_id=inbound,
            park_unknown=park,
            request_id=request_id,
        )
        print_levels(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def adjust(
    *,
    corrections: Annotated[
        list[str],
        typer.Argument(
            metavar="SKU=+-QUANTITY@LOCATION",
            help="The units to add, or with a minus to take away.",
            show_default=False,
        ),
    ],
    reason: asking.NeededReason,
    status: InStatus = asking.Status.SELLABLE,
    park: Park = False,
    reference: Reference = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Correct units on hand by a difference; all lines or none.

    Example: holdfast adjust 85123A=-3@LONDON --reason breakage
    """
    lines = [asking.quantity_at(correction, location_required=True, signed=True) for correction in corrections]

    async def work(client: HoldfastClient) -> int:
        answer = await client.adjust_stock(
            [
                inventory_service_pb2.AdjustmentLine(
                    sku=line.sku, location=line.location, delta_quantity=line.quantity, status=status.number
                )
                for line in lines
            ],
            reason=reason,
            reference=reference,
            park_unknown=park,
            request_id=request_id,
        )
        print_levels(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def move_status(
    *,
    moves: Annotated[
        list[str],
        typer.Argument(metavar="SKU=QUANTITY@LOCATION", help="The units.", show_default=False),
    ],
    from_status: Annotated[asking.Status, typer.Option("--from", help="The status that they have.")],
    to_status: Annotated[asking.Status, typer.Option("--to", help="The status that they get.")],
    reason: asking.NeededReason,
    reference: Reference = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Change the status of units where they lie; all lines or none.

    Example: holdfast move-status 85123A=2@LONDON --from sellable --to damaged --reason "wet box"
    """
    lines = [asking.quantity_at(move, location_required=True) for move in moves]

    async def work(client: HoldfastClient) -> int:
        answer = await client.move_status(
            [(line.sku, line.quantity, line.location, from_status.number, to_status.number) for line in lines],
            reason=reason,
            reference=reference,
            request_id=request_id,
        )
        print_levels(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def print_levels(
    answer: inventory_service_pb2.ReceiveStockResponse
    | inventory_service_pb2.AdjustStockResponse
    | fulfillment_pb2.MoveStatusResponse,
    *,
    as_json: bool,
) -> None:
    """Print the levels after a change, or that it waits for its items."""
    if as_json:
        asking.print_json(answer)
    elif not isinstance(answer, fulfillment_pb2.MoveStatusResponse) and answer.parked_id:
        asking.print_words(PARKED_WORDS.format(answer.parked_id))
    else:
        asking.print_table(LEVEL_COLUMNS, [level_cells(level) for level in answer.stock_levels])


PARKED_WORDS: Final = "waits for items that do not exist yet, as {}; see holdfast parked list"

LEVEL_COLUMNS: Final = (
    "SKU",
    "location",
    "sellable",
    "quality hold",
    "damaged",
    "held",
    "committed",
    "backordered",
    "in transit",
    "net",
)


def level_cells(level: stock_pb2.StockLevel) -> tuple[object, ...]:
    """The cells of a level under LEVEL_COLUMNS."""
    return (
        level.sku,
        level.location,
        level.sellable_quantity,
        level.quality_hold_quantity,
        level.damaged_quantity,
        level.held_quantity,
        level.committed_quantity,
        level.backordered_quantity,
        level.in_transit_quantity,
        level.net_quantity,
    )
