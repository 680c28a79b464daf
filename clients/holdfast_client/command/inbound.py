"""`holdfast inbound`: units that are expected at a location."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from holdfast.inventory.v1 import supply_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_HELP = """Announce units that are expected, and see what is. What is expected can be promised for its day.

Book what comes in with `holdfast receive SKU=QUANTITY@LOCATION --inbound ID`.
"""

inbound_app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)


class InboundState(StrEnum):
    """The states of an inbound plan."""

    EXPECTED = "expected"
    CLOSED = "closed"


@inbound_app.command("plan")
def plan(
    *,
    inbound_id: Annotated[
        str, typer.Argument(metavar="ID", help="Your id of the plan, such as a purchase order.", show_default=False)
    ],
    units: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SKU=QUANTITY",
            help="What is expected altogether, what came in already included.",
            show_default=False,
        ),
    ] = None,
    location: Annotated[str, typer.Option("--location", help="The location; it cannot be changed later.")],
    expected: Annotated[
        str, typer.Option("--expected", metavar="TIME", help="When they are expected; a day of UTC or a time.")
    ],
    close: Annotated[bool, typer.Option("--close", help="Nothing more is expected: name no units then.")] = False,
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Announce units that are expected at a location, or change what was announced. What came in is kept.

    Example: holdfast inbound plan PO-88 85123A=100 84029G=20 --location LONDON --expected 2026-03-10
    """
    lines = [asking.quantity_of(each) for each in units or []]
    if bool(lines) == close:
        raise typer.BadParameter("name the units that are expected, or --close")
    expected_time = asking.moment(expected)

    async def work(client: HoldfastClient) -> int:
        answer = await client.plan_inbound(
            inbound_id,
            location=location,
            expected_time=expected_time,
            lines=lines,
            reason=reason,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
        else:
            _print_inbounds([answer.inbound])
        return 0

    asking.ask(work, target=target, as_json=as_json)


@inbound_app.command("list")
def list_inbounds(
    *,
    state: Annotated[InboundState | None, typer.Option("--state", help="Only plans in this state.")] = None,
    location: Annotated[str, typer.Option("--location", help="Only plans for this location.")] = "",
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show inbound plans, and what came in on them.

    Example: holdfast inbound list --state expected --location LONDON
    """
    wanted = None if state is None else supply_pb2.InboundState.Value(f"INBOUND_STATE_{state.name}")

    async def work(client: HoldfastClient) -> int:
        every = client.list_inbounds(state=wanted, location=location, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_inbounds)

    asking.ask(work, target=target, as_json=as_json)


def _print_inbounds(inbounds: Sequence[supply_pb2.Inbound]) -> None:
    asking.print_table(
        ("inbound", "state", "location", "expected", "SKU", "quantity", "received", "still expected"),
        [
            (
                inbound.inbound_id,
                asking.short_name(supply_pb2.InboundState, inbound.state),
                inbound.location,
                asking.short_time(inbound.expected_time),
                line.sku,
                line.quantity,
                line.received_quantity,
                line.open_quantity,
            )
            for inbound in inbounds
            for line in inbound.lines
        ],
    )
