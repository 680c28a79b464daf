"""`holdfast fulfill` and `holdfast transfer`: reserved units that leave, or are reserved elsewhere."""

import re
from typing import Annotated

import typer
from holdfast.inventory.v1 import fulfillment_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.reservations import ReservationId, print_incident, print_reservation
from holdfast_client.command.stock import Reference

_LINE_AT = re.compile(r"(?P<line>[^@]+)(?:@(?P<location>.+))?")


def fulfill(
    *,
    reservation_id: ReservationId,
    lines: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="NUMBER[=QUANTITY][@LOCATION]",
            help="Only this line, or so many units of it, or from another location. May be repeated.",
        ),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            "--missing", metavar="NUMBER=QUANTITY", help="Units of a line that could not be found. May be repeated."
        ),
    ] = None,
    source_anew: Annotated[
        bool, typer.Option("--source-anew", help="Reserve missing units elsewhere in the pool, if there are any.")
    ] = False,
    release_rest: Annotated[
        bool, typer.Option("--release-rest", help="Give back whatever is open after this.")
    ] = False,
    take_reserved: Annotated[
        bool,
        typer.Option("--take-reserved", help="Book units that left from elsewhere even if others had reserved them."),
    ] = False,
    reason: asking.Reason = "",
    reference: Reference = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Report that units of a committed reservation left for the customer: all that are there, or some lines.

    Example: holdfast fulfill main-00000000000000000001 --reference DN-5001

    Example: holdfast fulfill main-00000000000000000001 --line 1=2 --line 2=1@STORE-7 --missing 1=1 --source-anew
    """
    told = _fulfillment_lines(lines or [], missing or [])

    async def work(client: HoldfastClient) -> int:
        answer = await client.post_fulfillment(
            reservation_id,
            lines=told,
            source_missing_anew=source_anew,
            release_rest=release_rest,
            take_reserved=take_reserved,
            reason=reason,
            reference=reference,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
        else:
            print_reservation(answer.reservation, replayed=answer.replayed)
            print_incident(answer.incident_id)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def transfer(
    *,
    reservation_id: ReservationId,
    lines: Annotated[
        list[str],
        typer.Option(
            "--line",
            metavar="NUMBER[=QUANTITY]",
            help="The line, or so many units of it. May be repeated.",
            show_default=False,
        ),
    ],
    to: Annotated[str, typer.Option("--to", metavar="LOCATION", help="Reserve them at this location.")] = "",
    to_pool: Annotated[
        str, typer.Option("--to-pool", metavar="POOL", help="Reserve them in this pool, in its order.")
    ] = "",
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Reserve open units of a reservation elsewhere; all lines or none.

    Example: holdfast transfer main-00000000000000000001 --line 1 --line 2=3 --to STORE-7
    """
    if bool(to) == bool(to_pool):
        raise typer.BadParameter("give exactly one of --to and --to-pool")
    destination = {"location": to} if to else {"pool": to_pool}
    told = [
        fulfillment_pb2.ReservationTransferLine(line_number=number, quantity=quantity, **destination)
        for number, quantity in map(asking.line, lines)
    ]

    async def work(client: HoldfastClient) -> int:
        answer = await client.transfer_reservation(reservation_id, told, reason=reason, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            print_reservation(answer.reservation, replayed=answer.replayed)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _fulfillment_lines(lines: list[str], missing: list[str]) -> list[fulfillment_pb2.FulfillmentLine]:
    """One line for each number: what left of it, and what was missing."""
    found: dict[int, fulfillment_pb2.FulfillmentLine] = {}
    for argument in lines:
        parts = _LINE_AT.fullmatch(argument)
        if parts is None:
            raise typer.BadParameter(f"{argument!r} is not of the form NUMBER[=QUANTITY][@LOCATION]")
        number, quantity = asking.line(parts["line"])
        if number in found:
            raise typer.BadParameter(f"line {number} is named twice")
        found[number] = fulfillment_pb2.FulfillmentLine(
            line_number=number, quantity=quantity, location=parts["location"] or ""
        )
    for argument in missing:
        number, quantity = asking.line_and_quantity(argument)
        line = found.setdefault(number, fulfillment_pb2.FulfillmentLine(line_number=number))
        line.missing_quantity += quantity
    return [*found.values()]
