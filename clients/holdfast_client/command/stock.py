"""`holdfast receive` and `holdfast adjust`: units that came in, and corrections."""

from collections.abc import Iterable
from typing import Annotated

import typer
from holdfast.inventory.v1 import stock_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

Reference = Annotated[str, typer.Option("--reference", help="Your own document, such as a goods receipt.")]


def receive(
    *,
    receipts: Annotated[
        list[str],
        typer.Argument(metavar="SKU=QUANTITY@LOCATION", help="What came in.", show_default=False),
    ],
    reference: Reference = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Book units that came in, sellable; all lines or none.

    Example: holdfast receive 85123A=100@LONDON 84029G=20@LONDON --reference GR-1042
    """
    lines = [asking.quantity_at(receipt, location_required=True) for receipt in receipts]

    async def work(client: HoldfastClient) -> int:
        answer = await client.receive_stock(
            [(line.sku, line.quantity, line.location) for line in lines],
            reference=reference,
            reason=reason,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
        else:
            _print_levels(answer.stock_levels)
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
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")],
    reference: Reference = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Correct sellable units on hand by a difference; all lines or none.

    Example: holdfast adjust 85123A=-3@LONDON --reason breakage
    """
    lines = [asking.quantity_at(correction, location_required=True, signed=True) for correction in corrections]

    async def work(client: HoldfastClient) -> int:
        answer = await client.adjust_stock(
            [(line.sku, line.quantity, line.location) for line in lines],
            reason=reason,
            reference=reference,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
        else:
            _print_levels(answer.stock_levels)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _print_levels(levels: Iterable[stock_pb2.StockLevel]) -> None:
    asking.print_table(
        ("SKU", "location", "sellable", "quality hold", "damaged", "held", "committed", "net"),
        [
            (
                level.sku,
                level.location,
                level.sellable_quantity,
                level.quality_hold_quantity,
                level.damaged_quantity,
                level.held_quantity,
                level.committed_quantity,
                level.net_quantity,
            )
            for level in levels
        ],
    )
