"""`holdfast movements` and `holdfast verify`: how the stock came to be as it is, and the proof."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated

import typer
from holdfast.inventory.v1 import audit_service_pb2, stock_pb2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.retiring import note_what_is_gone
from holdfast_client.ledger_verdict import is_verified

_DELTAS = ("sellable", "quality_hold", "damaged", "held", "committed", "backordered", "in_transit")


def movements(
    *,
    sku: Annotated[str, typer.Option("--sku", help="Only of this SKU.")] = "",
    location: Annotated[str, typer.Option("--location", help="Only at this location.")] = "",
    order: Annotated[str, typer.Option("--order", help="Only of this order.")] = "",
    reservation: Annotated[str, typer.Option("--reservation", help="Only of this reservation.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="Only on the demand of this channel.")] = "",
    caller: Annotated[str, typer.Option("--caller", help="Only what this program called for.")] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Only what was decided then or later; a day or a time.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Only what was decided before; a day or a time.")
    ] = "",
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show the movements of the ledger, the oldest first.

    Example: holdfast movements --sku 85123A --location LONDON --since 2026-03-01
    """
    start_time, end_time = (asking.moment(time) if time else None for time in (since, until))

    async def work(client: HoldfastClient) -> int:
        every = client.list_movements(
            sku=sku,
            location=location,
            order_id=order,
            reservation_id=reservation,
            channel=channel,
            caller=caller,
            start_time=start_time,
            end_time=end_time,
            on_retired=note_what_is_gone,
            page_size=asking.PAGE_SIZE,
        )
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_movements)

    asking.ask(work, target=target, as_json=as_json)


def verify(target: asking.Target = None, as_json: asking.AsJson = False) -> None:
    """Check the whole ledger against itself. Ends with 1 if anything is wrong.

    Example: holdfast verify
    """

    async def work(client: HoldfastClient) -> int:
        verdict: audit_service_pb2.LedgerVerdict | None = None
        progress = Progress(
            TextColumn("operations"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=as_json or not Console(stderr=True).is_terminal,
        )
        with progress:
            task = progress.add_task("operations", total=None)
            async with aclosing(client.verify_ledger()) as responses:
                async for response in responses:
                    progress.update(task, total=response.operation_count, completed=response.checked_operation_count)
                    if as_json:
                        asking.print_json(response)
                    if response.HasField("verdict"):
                        verdict = response.verdict
        if verdict is None:
            asking.complain("the check ended without a verdict")
            return 1
        if not as_json:
            _print_verdict(response)
        return 0 if is_verified(verdict) else 1

    asking.ask(work, target=target, as_json=as_json)


def _print_movements(movements: Sequence[stock_pb2.Movement]) -> None:
    asking.print_table(
        (
            "revision",
            "time",
            "kind",
            "SKU",
            "location",
            "change",
            "net after",
            "reservation",
            "order",
            "document",
            "caller",
            "reason",
        ),
        [
            (
                f"{movement.revision.segment}/{movement.revision.position}",
                movement.decide_time.ToJsonString(),
                asking.short_name(stock_pb2.MovementKind, movement.kind),
                movement.balance.sku,
                movement.balance.location,
                change_of(movement),
                movement.balance.net_quantity,
                movement.reservation_id,
                movement.order_id,
                movement.document_id,
                f"{movement.caller} for {movement.on_behalf_of}" if movement.on_behalf_of else movement.caller,
                movement.reason,
            )
            for movement in movements
        ],
    )


def change_of(movement: stock_pb2.Movement) -> str:
    """What a movement did to its level, in words."""
    changes = ((name, getattr(movement, f"{name}_delta")) for name in _DELTAS)
    return ", ".join(f"{name} {units:+}" for name, units in changes if units)


def _print_verdict(last: audit_service_pb2.VerifyLedgerResponse) -> None:
    verdict = last.verdict
    said = {True: "yes", False: "NO"}
    asking.print_table(
        ("check", "result"),
        [
            ("operations checked", f"{last.checked_operation_count} of {last.operation_count}"),
            ("movements checked", str(last.checked_movement_count)),
            ("stock levels checked", str(last.checked_stock_level_count)),
            ("the chain is whole", said[verdict.chain_verified]),
            ("levels equal their movements", said[verdict.levels_equal_movements]),
            ("reserved equals open lines", said[verdict.reserved_equals_open_lines]),
            ("units oversold", str(verdict.oversold_quantity)),
            ("units leaked", str(verdict.leaked_quantity)),
            ("verified", said[is_verified(verdict)]),
        ],
    )
    if verdict.HasField("retired"):
        place, time = asking.place_of(verdict.retired.revision), asking.short_time(verdict.retired.decide_time)
        asking.print_words(f"what was decided up to {place} ({time}) was retired; opening balances stand for it")
    if verdict.findings:
        asking.print_table(
            ("row", "what is wrong"), [(finding.row, finding.description) for finding in verdict.findings]
        )
