"""The commands of a reservation's life: reserve, commit, extend, release, and a look at it."""

from typing import Annotated

import typer
from holdfast.inventory.v1 import inventory_service_pb2, reservation_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_LONGEST_TTL_SECONDS = 604_800

ReservationId = Annotated[
    str, typer.Argument(metavar="ID", help="The reservation's id, as reserve printed it.", show_default=False)
]


def reserve(
    *,
    demands: Annotated[
        list[str],
        typer.Argument(
            metavar="SKU=QUANTITY[@LOCATION]",
            help="The units. Without a location they are sourced from the channel's pool.",
            show_default=False,
        ),
    ],
    channel: Annotated[str, typer.Option("--channel", help="The channel whose demand it is.")],
    order: Annotated[str, typer.Option("--order", help="The order, to find the reservation by.")] = "",
    ttl: Annotated[
        float | None,
        typer.Option(
            "--ttl",
            metavar="SECONDS",
            min=1,
            max=_LONGEST_TTL_SECONDS,
            help="How long the hold lasts unless it is committed; else 15 minutes.",
        ),
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="A line may be drawn from several locations.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Reserve what there is of each line.")] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the reservation at once.")] = False,
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Set units aside; all lines or none.

    Example: holdfast reserve 85123A=2 84029G=1@STORE-7 --channel WEB --order 536365 --ttl 600
    """
    lines = [asking.quantity_at(demand) for demand in demands]

    async def work(client: HoldfastClient) -> int:
        answer = await client.create_reservation(
            channel=channel,
            lines=[
                inventory_service_pb2.DemandLine(sku=line.sku, quantity=line.quantity, location=line.location)
                for line in lines
            ],
            order_id=order,
            ttl_seconds=ttl,
            allow_split=split,
            partial=partial,
            request_id=request_id,
        )
        # Printed before the commit, so that its id is known should the commit fail.
        if as_json:
            asking.print_json(answer)
        else:
            _print_reservation(answer.reservation, replayed=answer.replayed)
            _print_shortfalls(answer.shortfalls)
        if commit:
            committed = await client.commit_reservation(answer.reservation.reservation_id)
            if as_json:
                asking.print_json(committed)
            else:
                asking.print_words("committed")
        return 0

    asking.ask(work, target=target, as_json=as_json)


def commit(
    *,
    reservation_id: ReservationId,
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Turn a hold into a reservation without a time limit, for an order that stands.

    Example: holdfast commit main-00000000000000000001
    """

    async def work(client: HoldfastClient) -> int:
        answer = await client.commit_reservation(reservation_id, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            _print_reservation(answer.reservation, replayed=answer.replayed)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def extend(
    *,
    reservation_id: ReservationId,
    ttl: Annotated[
        float,
        typer.Option(
            "--ttl",
            metavar="SECONDS",
            min=1,
            max=_LONGEST_TTL_SECONDS,
            help="How long the hold lasts from now.",
        ),
    ],
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Give a hold more time. Never shortens it.

    Example: holdfast extend main-00000000000000000001 --ttl 900
    """

    async def work(client: HoldfastClient) -> int:
        answer = await client.extend_reservation(reservation_id, ttl_seconds=ttl, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            _print_reservation(answer.reservation, replayed=answer.replayed)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def release(
    *,
    reservation_id: ReservationId,
    lines: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="NUMBER[=QUANTITY]",
            help="Give back only this line, or so many units of it. May be repeated.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Give reserved units back: all of them, whole lines, or parts of lines.

    Example: holdfast release main-00000000000000000001 --line 2 --line 3=1 --reason "customer changed the
    order"
    """
    released = [asking.release_line(line) for line in lines or ()]

    async def work(client: HoldfastClient) -> int:
        answer = await client.release_reservation(reservation_id, lines=released, reason=reason, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            _print_reservation(answer.reservation, replayed=answer.replayed)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def reservation(
    *,
    reservation_id: ReservationId,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show one reservation, live or ended.

    Example: holdfast reservation main-00000000000000000001
    """

    async def work(client: HoldfastClient) -> int:
        answer = await client.get_reservation(reservation_id)
        if as_json:
            asking.print_json(answer.reservation)
        else:
            _print_reservation(answer.reservation, replayed=False)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _print_reservation(reservation: reservation_pb2.Reservation, *, replayed: bool) -> None:
    state = reservation_pb2.ReservationState.Name(reservation.state).removeprefix("RESERVATION_STATE_")
    words = [reservation.reservation_id, state, f"channel {reservation.channel}"]
    if reservation.order_id:
        words.append(f"order {reservation.order_id}")
    if reservation.HasField("expire_time"):
        words.append(f"until {reservation.expire_time.ToJsonString()}")
    if replayed:
        words.append("(the first answer again)")
    asking.print_words("  ".join(words))
    asking.print_table(
        ("line", "SKU", "location", "quantity", "open", "released", "expired", "fulfilled"),
        [
            (
                line.line_number,
                line.sku,
                line.location,
                line.quantity,
                line.open_quantity,
                line.released_quantity,
                line.expired_quantity,
                line.fulfilled_quantity,
            )
            for line in reservation.lines
        ],
    )


def _print_shortfalls(shortfalls: list[inventory_service_pb2.Shortfall]) -> None:
    for short in shortfalls:
        place = f" at {short.location}" if short.location else ""
        asking.print_words(
            f"short: {short.sku}{place}, requested {short.requested_quantity}, reserved {short.reserved_quantity}"
        )
