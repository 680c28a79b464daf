"""`holdfast trace` and `note-posting`: the life of an order's units, step by step, up to the books of other systems."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer
from holdfast.inventory.v1 import audit_service_pb2, posting_pb2, stock_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.audit import change_of
from holdfast_client.command.retiring import note_what_is_gone


def note_posting(
    *,
    reservation: Annotated[str, typer.Argument(metavar="ID", help="The reservation's id.", show_default=False)],
    system: Annotated[str, typer.Option("--system", help="The system that booked it, such as netsuite.")],
    document: Annotated[str, typer.Option("--document", help="The number of the document there.")],
    booked: Annotated[
        str, typer.Option("--booked", metavar="SEGMENT/POSITION", help="The revision of what was booked.")
    ] = "",
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="When it was booked, on the clock of that system.")
    ] = "",
    reason: asking.Reason = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Note that another system has booked what a reservation did, so that `holdfast trace` tells of it.

    Example: holdfast note-posting main-00000000000000000001 --system netsuite --document INV-1204 --booked main/88
    """
    booked_revision = asking.revision(booked) if booked else None
    booked_time = asking.moment(at) if at else None

    async def work(client: HoldfastClient) -> int:
        answer = await client.note_posting(
            reservation,
            system=system,
            document=document,
            booked_revision=booked_revision,
            booked_time=booked_time,
            reason=reason,
            request_id=request_id,
        )
        if as_json:
            asking.print_json(answer)
        else:
            again = " (the first answer again)" if answer.replayed else ""
            asking.print_words(f"{answer.posting.posting_id}: {posting_words(answer.posting)}{again}")
        return 0

    asking.ask(work, target=target, as_json=as_json)


def posting_words(posting: posting_pb2.Posting) -> str:
    """What was booked, where and when, in a few words."""
    words = f"{posting.system} {posting.document}"
    if posting.HasField("booked_revision"):
        words += f" of {posting.booked_revision.segment}/{posting.booked_revision.position}"
    if posting.HasField("booked_time"):
        words += f" at {asking.short_time(posting.booked_time)}"
    return words


_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def trace(
    *,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order.", show_default=False)],
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Tell the life of an order's units: what was done, when, how long after the step before, and by whom.

    Ends with 1 if the ledger knows no such order.

    Example: holdfast trace 536365
    """

    async def work(client: HoldfastClient) -> int:
        every = client.trace_order(order, on_retired=note_what_is_gone, page_size=asking.PAGE_SIZE)
        return await asking.show(
            every,
            limit=limit,
            as_json=as_json,
            print_page=_print_steps,
            words_for_none=f"the ledger knows no order {order}",
        )

    asking.ask(work, target=target, as_json=as_json)


def since_previous(step: audit_service_pb2.TraceStep) -> str:
    """The time since the step before, in the two greatest units; empty in the first step."""
    if not step.HasField("since_previous"):
        return ""
    seconds = step.since_previous.ToNanoseconds() / 1e9
    if seconds < 60:
        return f"+{seconds:.3f} s" if seconds < 10 else f"+{seconds:.0f} s"
    whole = round(seconds)
    words = []
    for name, length in _UNITS:
        count, whole = divmod(whole, length)
        if count:
            words.append(f"{count} {name}")
    if whole:
        words.append(f"{whole} s")
    return "+" + " ".join(words[:2])


def _print_steps(steps: Sequence[audit_service_pb2.TraceStep]) -> None:
    asking.print_table(_COLUMNS, [row for step in steps for row in _rows(step)])


_COLUMNS: Final = (
    "revision",
    "time",
    "since previous",
    "operation",
    "SKU",
    "location",
    "change",
    "reservation",
    "document",
    "caller",
    "reason",
)


def _rows(step: audit_service_pb2.TraceStep) -> Iterator[tuple[str, ...]]:
    """A row for every movement of the step; what holds for the whole step stands in the first.

    A movement of another kind than its operation, such as a short pick in a fulfillment, says so; beside it the
    others say theirs.
    """
    place = f"{step.revision.segment}/{step.revision.position}"
    before = (place, asking.short_time(step.decide_time), since_previous(step), step.operation)
    words = " ".join(filter(None, (step.reason, step.reference and f"[{step.reference}]")))
    on_behalf_of = next((movement.on_behalf_of for movement in step.movements if movement.on_behalf_of), "")
    caller = f"{step.caller} for {on_behalf_of}" if on_behalf_of else step.caller
    document = posting_words(step.posting) if step.HasField("posting") else step.document_id
    behind = (step.reservation_id, document, caller, words)
    kinds = [asking.short_name(stock_pb2.MovementKind, movement.kind) for movement in step.movements]
    mixed = any(kind != step.operation for kind in kinds)
    if not step.movements:
        yield (*before, "", "", "", *behind)
    for number, movement in enumerate(step.movements):
        moved = (movement.balance.sku, movement.balance.location, change_of(movement))
        if number == 0:
            own = f": {kinds[0]}" if kinds[0] not in ("", step.operation) else ""
            yield (*before[:3], f"{step.operation}{own}", *moved, *behind)
            continue
        yield ("", "", "", kinds[number] if mixed else "", *moved, "", "", "", "")
