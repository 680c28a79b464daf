"""`holdfast transfer-stock`: units on their way from one location to another."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from holdfast.inventory.v1 import supply_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_HELP = """Move units from one location to another: ship them here, receive them there.

Units that are reserved may not leave. To reserve units of an order elsewhere there is `holdfast transfer`.
"""

transfer_app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)

TransferId = Annotated[str, typer.Argument(metavar="ID", help="Your id of the transfer.", show_default=False)]


class TransferState(StrEnum):
    """The states of a transfer."""

    IN_TRANSIT = "in_transit"
    COMPLETED = "completed"


@transfer_app.command("ship")
def ship(
    *,
    transfer_id: TransferId,
    units: Annotated[
        list[str], typer.Argument(metavar="SKU=QUANTITY", help="What leaves, each SKU once.", show_default=False)
    ],
    from_location: Annotated[str, typer.Option("--from", metavar="LOCATION", help="The location that they leave.")],
    to_location: Annotated[str, typer.Option("--to", metavar="LOCATION", help="The location that they go to.")],
    expected: Annotated[
        str,
        typer.Option(
            "--expected", metavar="TIME", help="When they will arrive; else they are promised to nobody before."
        ),
    ] = "",
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Report that units left for another location; all lines or none.

    Example: holdfast transfer-stock ship T-1 85123A=10 84029G=4 --from LONDON --to STORE-7 --expected 2026-03-05
    """
    lines = [asking.quantity_of(each) for each in units]
    expected_time = asking.moment(expected) if expected else None

    async def work(client: HoldfastClient) -> int:
        answer = await client.ship_transfer(
            transfer_id,
            from_location=from_location,
            to_location=to_location,
            lines=lines,
            expected_time=expected_time,
            reason=reason,
            request_id=request_id,
        )
        _print_answer(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


@transfer_app.command("receive")
def receive(
    *,
    transfer_id: TransferId,
    units: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SKU=QUANTITY", help="What arrived. Nothing named: all that is on its way.", show_default=False
        ),
    ] = None,
    lost: Annotated[
        list[str] | None,
        typer.Option("--lost", metavar="SKU=QUANTITY", help="Units that were lost on the way. May be repeated."),
    ] = None,
    status: Annotated[
        asking.Status, typer.Option("--status", help="The status that the named units arrived with.")
    ] = asking.Status.SELLABLE,
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Report that units of a transfer arrived, or were lost on the way; all lines or none.

    Example: holdfast transfer-stock receive T-1

    Example: holdfast transfer-stock receive T-1 85123A=9 --lost 85123A=1
    """
    found: dict[str, supply_pb2.TransferReceiptLine] = {}
    for field, arguments in (("received", units), ("lost", lost)):
        for sku, quantity in map(asking.quantity_of, arguments or []):
            line = found.setdefault(sku, supply_pb2.TransferReceiptLine(sku=sku, status=status.number))
            setattr(line, f"{field}_quantity", getattr(line, f"{field}_quantity") + quantity)
    if not found and status is not asking.Status.SELLABLE:
        raise typer.BadParameter("name the units that arrived with another status than sellable")

    async def work(client: HoldfastClient) -> int:
        answer = await client.receive_transfer(transfer_id, lines=found.values(), reason=reason, request_id=request_id)
        _print_answer(answer, as_json=as_json)
        return 0

    asking.ask(work, target=target, as_json=as_json)


@transfer_app.command("list")
def list_transfers(
    *,
    state: Annotated[TransferState | None, typer.Option("--state", help="Only transfers in this state.")] = None,
    to_location: Annotated[str, typer.Option("--to", metavar="LOCATION", help="Only transfers to this location.")] = "",
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show transfers, and what arrived of them.

    Example: holdfast transfer-stock list --state in_transit --to STORE-7
    """
    wanted = None if state is None else supply_pb2.TransferState.Value(f"TRANSFER_STATE_{state.name}")

    async def work(client: HoldfastClient) -> int:
        every = client.list_transfers(state=wanted, to_location=to_location, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_transfers)

    asking.ask(work, target=target, as_json=as_json)


def _print_answer(
    answer: supply_pb2.ShipTransferResponse | supply_pb2.ReceiveTransferResponse, *, as_json: bool
) -> None:
    if as_json:
        asking.print_json(answer)
    else:
        _print_transfers([answer.transfer])


def _print_transfers(transfers: Sequence[supply_pb2.Transfer]) -> None:
    asking.print_table(
        ("transfer", "state", "from", "to", "expected", "SKU", "quantity", "on its way", "received", "lost"),
        [
            (
                transfer.transfer_id,
                asking.short_name(supply_pb2.TransferState, transfer.state),
                transfer.from_location,
                transfer.to_location,
                asking.short_time(transfer.expected_time),
                line.sku,
                line.quantity,
                line.open_quantity,
                line.received_quantity,
                line.lost_quantity,
            )
            for transfer in transfers
            for line in transfer.lines
        ],
    )
