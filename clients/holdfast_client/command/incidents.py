"""`holdfast incidents` and `holdfast parked`: what went wrong between the books and the world, and settling it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.reservations import print_reservation

_INCIDENTS_HELP = """Units that were sold or promised and are not there: see them with their cause, and settle them."""

_PARKED_HELP = """Requests that name SKUs which nobody knows. Each takes effect by itself as soon as its items exist."""

incidents_app = typer.Typer(help=_INCIDENTS_HELP, no_args_is_help=True, rich_markup_mode=None)
parked_app = typer.Typer(help=_PARKED_HELP, no_args_is_help=True, rich_markup_mode=None)

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident's id.", show_default=False)]


class IncidentState(StrEnum):
    """The states of an incident."""

    OPEN = "open"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ParkedState(StrEnum):
    """The states of a parked request."""

    WAITING = "waiting"
    APPLIED = "applied"
    DISCARDED = "discarded"


@incidents_app.command("list")
def list_incidents(
    *,
    state: Annotated[IncidentState | None, typer.Option("--state", help="Only incidents in this state.")] = None,
    channel: Annotated[str, typer.Option("--channel", help="Only incidents of this channel.")] = "",
    order: Annotated[str, typer.Option("--order", help="Only incidents of this order.")] = "",
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show incidents with their causes: whether the channel was late, sold knowingly, or the units never were there.

    Example: holdfast incidents list --state open --channel MARKETPLACE
    """
    wanted = None if state is None else reconciliation.IncidentState.Value(f"INCIDENT_STATE_{state.name}")

    async def work(client: HoldfastClient) -> int:
        every = client.list_incidents(state=wanted, channel=channel, order_id=order, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_incidents)

    asking.ask(work, target=target, as_json=as_json)


@incidents_app.command("resolve")
def resolve(
    *,
    incident_id: IncidentId,
    cancel: Annotated[bool, typer.Option("--cancel", help="The customer does not get them.")] = False,
    backorder: Annotated[bool, typer.Option("--backorder", help="The customer waits.")] = False,
    substitute: Annotated[
        str, typer.Option("--substitute", metavar="SKU", help="The customer gets this instead.")
    ] = "",
    transfer: Annotated[
        str, typer.Option("--transfer", metavar="LOCATION", help="They are reserved at this location instead.")
    ] = "",
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Decide what becomes of the units of an incident that are still backordered, and carry it out.

    Example: holdfast incidents resolve main-incident-1204 --substitute KETTLE-BLUE --reason "customer agreed"
    """
    ways = {
        reconciliation.RESOLUTION_CANCEL: cancel,
        reconciliation.RESOLUTION_BACKORDER: backorder,
        reconciliation.RESOLUTION_SUBSTITUTE: bool(substitute),
        reconciliation.RESOLUTION_TRANSFER: bool(transfer),
    }
    chosen = [way for way, said in ways.items() if said]
    if len(chosen) != 1:
        raise typer.BadParameter("give exactly one of --cancel, --backorder, --substitute and --transfer")

    async def work(client: HoldfastClient) -> int:
        answer = await client.resolve_incident(
            incident_id,
            resolution=chosen[0],
            substitute_sku=substitute,
            to_location=transfer,
            reason=reason,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
            return 0
        _print_incidents([answer.incident])
        if answer.HasField("reservation"):
            print_reservation(answer.reservation, replayed=answer.replayed)
        return 0

    asking.ask(work, target=target, as_json=as_json)


@incidents_app.command("close")
def close(
    *,
    incident_id: IncidentId,
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Close an incident. One that is open is closed without a resolution.

    Example: holdfast incidents close main-incident-1204 --reason "found behind the shelf"
    """

    async def work(client: HoldfastClient) -> int:
        answer = await client.close_incident(incident_id, reason=reason, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            _print_incidents([answer.incident])
        return 0

    asking.ask(work, target=target, as_json=as_json)


@parked_app.command("list")
def list_parked(
    *,
    state: Annotated[ParkedState | None, typer.Option("--state", help="Only requests in this state.")] = None,
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show requests that wait, or waited, for their items.

    Example: holdfast parked list --state waiting
    """
    wanted = None if state is None else reconciliation.ParkedState.Value(f"PARKED_STATE_{state.name}")

    async def work(client: HoldfastClient) -> int:
        every = client.list_parked_requests(state=wanted, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_parked)

    asking.ask(work, target=target, as_json=as_json)


@parked_app.command("discard")
def discard(
    *,
    parked_id: Annotated[str, typer.Argument(metavar="ID", help="The parked request's id.", show_default=False)],
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Give up a request that waits for its items.

    Example: holdfast parked discard main-parked-1310 --reason "a typing error"
    """

    async def work(client: HoldfastClient) -> int:
        answer = await client.discard_parked_request(parked_id, reason=reason, request_id=request_id)
        if as_json:
            asking.print_json(answer)
        else:
            _print_parked([answer.parked_request])
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _print_incidents(incidents: Sequence[reconciliation.Incident]) -> None:
    asking.print_table(
        (
            "incident",
            "kind",
            "state",
            "channel",
            "order",
            "reservation",
            "missing",
            "cause",
            "units went at",
            "opened",
            "resolution",
            "note",
        ),
        [
            (
                incident.incident_id,
                asking.short_name(reconciliation.IncidentKind, incident.kind),
                asking.short_name(reconciliation.IncidentState, incident.state),
                incident.channel,
                incident.order_id,
                incident.reservation_id,
                ", ".join(f"{line.sku}={line.quantity}@{line.location}" for line in incident.lines),
                asking.short_name(reconciliation.IncidentCause, incident.cause),
                _cause_time(incident),
                asking.short_time(incident.create_time),
                asking.short_name(reconciliation.Resolution, incident.resolution),
                incident.note,
            )
            for incident in incidents
        ],
    )


def _cause_time(incident: reconciliation.Incident) -> str:
    if not incident.HasField("cause_revision"):
        return ""
    revision = incident.cause_revision
    return f"{revision.segment}/{revision.position} {asking.short_time(incident.cause_time)}"


def _print_parked(requests: Sequence[reconciliation.ParkedRequest]) -> None:
    asking.print_table(
        ("parked", "state", "RPC", "unknown SKUs", "since", "note"),
        [
            (
                parked.parked_id,
                asking.short_name(reconciliation.ParkedState, parked.state),
                parked.method,
                ", ".join(parked.unknown_skus),
                asking.short_time(parked.create_time),
                parked.note,
            )
            for parked in requests
        ],
    )
