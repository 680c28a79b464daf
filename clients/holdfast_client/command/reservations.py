"""The commands of a reservation's life: reserve, commit, extend, release, and a look at it."""

import hashlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer
from holdfast.inventory.v1 import inventory_service_pb2, reservation_pb2

from holdfast_client.client import HoldfastClient, sourcing_order
from holdfast_client.command import asking

_LONGEST_TTL_SECONDS = 604_800

ReservationId = Annotated[
    str, typer.Argument(metavar="ID", help="The reservation's id, as reserve printed it.", show_default=False)
]


reservations_app = typer.Typer(
    help="Find reservations; holdfast reservation ID shows one of them whole.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class ReservationState(StrEnum):
    """The states of a reservation."""

    HELD = "held"
    COMMITTED = "committed"
    FULFILLED = "fulfilled"
    RELEASED = "released"
    EXPIRED = "expired"


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
    told: Annotated[
        bool,
        typer.Option(
            "--told", help="The channel has sold already: never refused for stock; what is missing is an incident."
        ),
    ] = False,
    seen: Annotated[
        str,
        typer.Option(
            "--seen",
            metavar="REVISION",
            help="The revision that the channel had seen when it sold, such as main/1204; with --told. It tells the "
            "cause of an incident.",
        ),
    ] = "",
    customer: Annotated[str, typer.Option("--customer", help="The customer, for the limit on open holds.")] = "",
    allow_backorder: Annotated[
        bool, typer.Option("--allow-backorder", help="Promise units that are not there, as far as the rule allows.")
    ] = False,
    allow_substitution: Annotated[
        bool, typer.Option("--allow-substitution", help="Reserve a substitute for what is missing.")
    ] = False,
    nearest_to: Annotated[
        str, typer.Option("--nearest-to", metavar="DESTINATION", help="Draw from the nearest location first.")
    ] = "",
    most_stock: Annotated[
        bool, typer.Option("--most-stock", help="Draw from the location with the most units first.")
    ] = False,
    ship_complete: Annotated[
        bool, typer.Option("--ship-complete", help="Take all lines from one location, if one has them all.")
    ] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the reservation at once.")] = False,
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Set units aside; all lines or none. Or, with --told, book what a channel has sold already.

    Example: holdfast reserve 85123A=2 84029G=1@STORE-7 --channel WEB --order 536365 --ttl 600

    Example: holdfast reserve 85123A=2 --channel MARKETPLACE --order 026-7 --told --seen main/1204

    The revision is that which availability told the channel, or the answer that it had last.
    """
    lines = [asking.quantity_at(demand) for demand in demands]
    if nearest_to and most_stock:
        raise typer.BadParameter("give at most one of --nearest-to and --most-stock")
    if told and (partial or commit or ttl is not None):
        raise typer.BadParameter("what was sold already is committed whole: leave out --partial, --commit and --ttl")
    if seen and not told:
        raise typer.BadParameter("--seen is about a sale that is done: give it with --told")
    seen_revision = asking.revision(seen) if seen else None
    sourcing = None
    if nearest_to or most_stock or ship_complete:
        sourcing = sourcing_order(nearest_to=nearest_to, most_stock=most_stock, ship_complete=ship_complete)

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
            told=told,
            customer_id=customer,
            allow_backorder=allow_backorder,
            allow_substitution=allow_substitution,
            sourcing=sourcing,
            seen_revision=seen_revision,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
        if commit:
            await _commit_at_once(client, answer, request_id=request_id, as_json=as_json)
        elif not as_json:
            _print_reserved(answer)
        return 0

    asking.ask(work, target=target, as_json=as_json)


async def _commit_at_once(
    client: HoldfastClient,
    answer: inventory_service_pb2.CreateReservationResponse,
    *,
    request_id: str | None,
    as_json: bool,
) -> None:
    # Who says a request id and asks again is to get both answers again, so the commit's id comes from it.
    commit_id = f"commit-{hashlib.sha256(request_id.encode()).hexdigest()[:48]}" if request_id else None
    try:
        committed = await client.commit_reservation(answer.reservation.reservation_id, request_id=commit_id)
    except BaseException:
        # The hold is there all the same, and its id must be known.
        if not as_json:
            _print_reserved(answer)
        raise
    if as_json:
        asking.print_json(committed)
        return
    print_reservation(committed.reservation, replayed=committed.replayed)
    _print_shortfalls(answer.shortfalls)


def _print_reserved(answer: inventory_service_pb2.CreateReservationResponse) -> None:
    print_reservation(answer.reservation, replayed=answer.replayed)
    _print_shortfalls(answer.shortfalls)
    print_incident(answer.incident_id)


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
            print_reservation(answer.reservation, replayed=answer.replayed)
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
            print_reservation(answer.reservation, replayed=answer.replayed)
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
    released = [asking.line(line) for line in lines or ()]

    async def work(client: HoldfastClient) -> int:
        answer = await client.release_reservation(reservation_id, lines=released, reason=reason, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            print_reservation(answer.reservation, replayed=answer.replayed)
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
            print_reservation(answer.reservation, replayed=False)
        return 0

    asking.ask(work, target=target, as_json=as_json)


@reservations_app.command("list")
def list_reservations(
    *,
    state: Annotated[ReservationState | None, typer.Option("--state", help="Only those in this state.")] = None,
    order: Annotated[str, typer.Option("--order", help="Only those of this order.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="Only those of this channel.")] = "",
    sku: Annotated[str, typer.Option("--sku", help="Only those with a line of this SKU.")] = "",
    location: Annotated[str, typer.Option("--location", help="Only those with a line at this location.")] = "",
    unsettled: Annotated[
        bool,
        typer.Option("--unsettled", help="Only those with open units whose location may yet be chosen."),
    ] = False,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show reservations, the newest first, with their lines. What is left out does not restrict.

    This is how the id is found that commit, fulfill, release and return ask for.

    Example: holdfast reservations list --order 536365

    Example: holdfast reservations list --state held --sku 85123A --location LONDON

    Example: holdfast reservations list --unsettled --state committed
    """
    wanted = None if state is None else reservation_pb2.ReservationState.Value(f"RESERVATION_STATE_{state.name}")

    async def work(client: HoldfastClient) -> int:
        every = client.list_reservations(
            state=wanted,
            order_id=order,
            channel=channel,
            sku=sku,
            location=location,
            location_unsettled=unsettled,
            page_size=asking.PAGE_SIZE,
        )
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_reservations)

    asking.ask(work, target=target, as_json=as_json)


def _print_reservations(reservations: Sequence[reservation_pb2.Reservation]) -> None:
    asking.print_table(
        ("reservation", "state", "channel", "order", "until", "line", "SKU", "location", "quantity", "open", "waiting"),
        [
            (
                reservation.reservation_id,
                asking.short_name(reservation_pb2.ReservationState, reservation.state),
                reservation.channel,
                reservation.order_id,
                asking.short_time(reservation.expire_time),
                line.line_number,
                line.sku,
                line.location,
                line.quantity,
                line.open_quantity,
                line.backordered_quantity,
            )
            for reservation in reservations
            for line in reservation.lines
        ],
    )


def print_reservation(reservation: reservation_pb2.Reservation, *, replayed: bool) -> None:
    """Print a reservation: what is known of it in one line, and its lines as a table."""
    words = [
        reservation.reservation_id,
        asking.short_name(reservation_pb2.ReservationState, reservation.state),
        f"channel {reservation.channel}",
    ]
    if reservation.order_id:
        words.append(f"order {reservation.order_id}")
    if reservation.customer_id:
        words.append(f"customer {reservation.customer_id}")
    if reservation.told:
        words.append("told")
    if reservation.HasField("expire_time"):
        words.append(f"until {reservation.expire_time.ToJsonString()}")
    if replayed:
        words.append("(the first answer again)")
    asking.print_words("  ".join(words))
    columns = [*_COLUMNS, *(column for column in _RARE_COLUMNS if any(column[1](line) for line in reservation.lines))]
    asking.print_table(
        [name for name, _ in columns], [[value(line) for _, value in columns] for line in reservation.lines]
    )


def print_incident(incident_id: str) -> None:
    """Print the incident that was opened, if one was."""
    if incident_id:
        asking.print_words(f"opened the incident {incident_id}: units were promised that are not there")


_Column = tuple[str, Callable[[reservation_pb2.ReservationLine], object]]

_COLUMNS: Final[tuple[_Column, ...]] = (
    ("line", lambda line: line.line_number),
    ("SKU", lambda line: line.sku),
    ("location", lambda line: line.location),
    ("quantity", lambda line: line.quantity),
    ("open", lambda line: line.open_quantity),
)
# Shown only where a line has something to say there.
_RARE_COLUMNS: Final[tuple[_Column, ...]] = (
    ("backordered", lambda line: line.backordered_quantity),
    ("released", lambda line: line.released_quantity),
    ("expired", lambda line: line.expired_quantity),
    ("fulfilled", lambda line: line.fulfilled_quantity),
    ("transferred", lambda line: line.transferred_quantity),
    ("returned", lambda line: line.returned_quantity),
    ("ordered as", lambda line: line.ordered_sku),
    ("expected", lambda line: asking.short_time(line.expected_time)),
    ("why there", lambda line: asking.short_name(reservation_pb2.SourcingReason, line.sourcing_reason)),
    ("unsettled", lambda line: "yes" if line.location_unsettled else ""),
)


def _print_shortfalls(shortfalls: Sequence[inventory_service_pb2.Shortfall]) -> None:
    for short in shortfalls:
        place = f" at {short.location}" if short.location else ""
        asking.print_words(
            f"short: {short.sku}{place}, requested {short.requested_quantity}, reserved {short.reserved_quantity}"
        )
