"""`holdfast return`, `inspect` and `returns`: units that came back, and what was found in them."""

from collections.abc import Sequence
from typing import Annotated

import typer
from holdfast.inventory.v1 import fulfillment_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.fulfillment_requests import Returned

ReturnId = Annotated[
    str, typer.Argument(metavar="RETURN", help="Your id of the return, such as the RMA number.", show_default=False)
]


def receive_return(
    *,
    return_id: ReturnId,
    units: Annotated[
        list[str] | None,
        typer.Argument(metavar="SKU=QUANTITY", help="In a blind return: what came back.", show_default=False),
    ] = None,
    location: Annotated[str, typer.Option("--location", help="The location that they came to.")],
    reservation: Annotated[
        str, typer.Option("--reservation", metavar="ID", help="The reservation that they were sold by.")
    ] = "",
    lines: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="NUMBER=QUANTITY", help="Units of a line of the reservation. May be repeated."),
    ] = None,
    accept_blind: Annotated[
        bool,
        typer.Option("--accept-blind", help="Accept more than left, or units of no known reservation."),
    ] = False,
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Report that units came back. They lie in quality hold, not sellable, until they are inspected.

    Example: holdfast return RMA-7 --reservation main-00000000000000000001 --line 1=2 --location LONDON

    Example: holdfast return RMA-8 85123A=1 --location LONDON --accept-blind
    """
    returned: list[Returned] = [asking.line_and_quantity(line) for line in lines or []]
    returned += [asking.quantity_of(each) for each in units or []]
    if not returned:
        raise typer.BadParameter("say what came back: --line NUMBER=QUANTITY, or SKU=QUANTITY")

    async def work(client: HoldfastClient) -> int:
        answer = await client.receive_return(
            return_id,
            location=location,
            lines=returned,
            reservation_id=reservation,
            accept_blind=accept_blind,
            reason=reason,
            request_id=request_id,
        )
        _print_answer(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def inspect(
    *,
    return_id: ReturnId,
    sellable: Annotated[
        list[str] | None,
        typer.Option("--sellable", metavar="NUMBER=QUANTITY", help="Units of a line that may be sold again."),
    ] = None,
    damaged: Annotated[
        list[str] | None,
        typer.Option("--damaged", metavar="NUMBER=QUANTITY", help="Units of a line that are damaged and stay."),
    ] = None,
    vendor: Annotated[
        list[str] | None,
        typer.Option("--vendor", metavar="NUMBER=QUANTITY", help="Units of a line that go back to the vendor."),
    ] = None,
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Report what the inspection found in returned units, all of them or some. NUMBER is the line of the return.

    Example: holdfast inspect RMA-7 --sellable 1=1 --damaged 1=1
    """
    found: dict[int, fulfillment_pb2.InspectionLine] = {}
    for field, arguments in (("sellable", sellable), ("damaged", damaged), ("vendor", vendor)):
        for number, quantity in map(asking.line_and_quantity, arguments or []):
            line = found.setdefault(number, fulfillment_pb2.InspectionLine(line_number=number))
            setattr(line, f"{field}_quantity", getattr(line, f"{field}_quantity") + quantity)
    if not found:
        raise typer.BadParameter("say what was found: --sellable, --damaged or --vendor NUMBER=QUANTITY")

    async def work(client: HoldfastClient) -> int:
        answer = await client.inspect_return(return_id, found.values(), reason=reason, request_id=request_id)
        _print_answer(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def returns(
    *,
    order: Annotated[str, typer.Option("--order", help="Only returns of this order.")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Only returns that wait for inspection.")] = False,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show returns and what became of them.

    Example: holdfast returns --waiting
    """
    state = fulfillment_pb2.RETURN_STATE_IN_INSPECTION if waiting else None

    async def work(client: HoldfastClient) -> int:
        every = client.list_returns(state=state, order_id=order, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_returns)

    asking.ask(work, target=target, as_json=as_json)


def _print_answer(answer: fulfillment_pb2.ProcessReturnResponse, *, as_json: bool) -> None:
    if as_json:
        asking.print_json(answer)
        return
    if answer.replayed:
        asking.print_words("(the first answer again)")
    _print_returns([answer.customer_return])


def _print_returns(returns: Sequence[fulfillment_pb2.CustomerReturn]) -> None:
    asking.print_table(
        (
            "return",
            "state",
            "location",
            "order",
            "reservation",
            "blind",
            "line",
            "SKU",
            "quantity",
            "to inspect",
            "sellable",
            "damaged",
            "to vendor",
        ),
        [
            (
                each.return_id,
                asking.short_name(fulfillment_pb2.ReturnState, each.state),
                each.location,
                each.order_id,
                each.reservation_id,
                "yes" if each.blind else "no",
                line.line_number,
                line.sku,
                line.quantity,
                line.open_quantity,
                line.sellable_quantity,
                line.damaged_quantity,
                line.vendor_quantity,
            )
            for each in returns
            for line in each.lines
        ],
    )
