"""`holdfast segments`: retiring the oldest part of a history, and what was retired."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from holdfast.inventory.v1 import audit_service_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking

_HELP = """The history of a segment: how far back it is kept, and retiring the oldest part of it."""

_POLL_SECONDS = 2.0

segments_app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)

Segment = Annotated[
    str, typer.Option("--segment", metavar="SEGMENT", help="The segment; may be left out where there is only one.")
]


@segments_app.command("retire")
def retire(
    *,
    before: Annotated[
        str,
        typer.Option(
            "--before",
            metavar="TIME|POSITION",
            help="Retire what was decided before a day or a time, or lies before a position.",
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")],
    segment: Segment = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be retired.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until all of it is gone; Ctrl-C stops only this.")] = False,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Have the oldest part of the history removed. It cannot be taken back.

    The authority does it by itself, in small steps. What is kept is still proved: opening balances stand for what is
    gone. What a subscription has not acknowledged, and the newest operations, stay. If the server has a directory for
    archives (HOLDFAST_LEDGER_ARCHIVE_DIRECTORY), nothing is removed that is not in a file there.

    Example: holdfast segments retire --before 2026-01-01 --reason "kept for two years" --dry-run
    """
    position = int(before) if before.isdecimal() else None
    if position is not None and not 1 < position < 2**53:
        raise typer.BadParameter("the position must be above 1")
    moment = None if position is not None else asking.moment(before)

    async def work(client: HoldfastClient) -> int:
        name = segment or await _only_segment(client)
        answer = await client.retire_history(
            name,
            until_position=None if position is None else position - 1,
            before_time=moment,
            reason=reason,
            validate_only=dry_run,
        )
        retirement = answer.retirement
        if wait and not dry_run:
            retirement = await _until_ended(client, retirement)
        if as_json:
            asking.print_json(retirement if wait and not dry_run else answer)
        else:
            verb = "would be retired" if dry_run else "are retired" if wait else "will be retired"
            place = asking.place_of(retirement.until_revision)
            asking.print_words(f"{answer.operation_count} operations {verb}, up to {place}")
            _print_why(retirement)
        return 1 if retirement.stop_reason else 0

    asking.ask(work, target=target, as_json=as_json)


@segments_app.command("retirements")
def retirements(
    *,
    segment: Segment = "",
    limit: asking.Limit = asking.DEFAULT_LIMIT,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Show who had what retired, when and why, the newest first, and how far each is.

    Example: holdfast segments retirements
    """

    async def work(client: HoldfastClient) -> int:
        name = segment or await _only_segment(client)
        every = client.list_retirements(name, page_size=asking.PAGE_SIZE)
        return await asking.show(every, limit=limit, as_json=as_json, print_page=_print_retirements)

    asking.ask(work, target=target, as_json=as_json)


def note_what_is_gone(retired: audit_service_pb2.RetiredHistory) -> None:
    """Says on standard error that a part of the history is not shown, because it was retired."""
    place, time = asking.place_of(retired.revision), asking.short_time(retired.decide_time)
    asking.complain(f"what was decided up to {place} ({time}) was retired, and is not shown")


async def _only_segment(client: HoldfastClient) -> str:
    names = [segment.segment async for segment in client.list_segments()]
    if len(names) != 1:
        raise typer.BadParameter(f"--segment must say which one: {', '.join(names)}")
    return names[0]


async def _until_ended(client: HoldfastClient, asked: audit_service_pb2.Retirement) -> audit_service_pb2.Retirement:
    """Waits until a retirement has come to its end, or was given up; says meanwhile how far it is."""
    said = -1
    while True:
        async for one in client.list_retirements(asked.segment):
            if one.number == asked.number:
                break
        else:
            return asked
        if one.HasField("end_time") or one.stop_reason:
            return one
        if one.operation_count != said:
            said = one.operation_count
            asking.complain(f"{said} operations are gone")
            _print_why(one)
        await asyncio.sleep(_POLL_SECONDS)


def _print_why(retirement: audit_service_pb2.Retirement) -> None:
    if retirement.stop_reason:
        asking.complain(f"it was given up: {retirement.stop_reason}")
    elif retirement.held_back_by:
        asking.complain(f"it waits for {retirement.held_back_by}")


def _print_retirements(retirements: Sequence[audit_service_pb2.Retirement]) -> None:
    asking.print_table(
        ("number", "until", "asked", "ended", "operations", "movements", "caller", "reason", "archive", "waits for"),
        [
            (
                one.number,
                asking.place_of(one.until_revision),
                asking.short_time(one.create_time),
                asking.short_time(one.end_time) if one.HasField("end_time") else "",
                one.operation_count,
                one.movement_count,
                f"{one.caller} for {one.on_behalf_of}" if one.on_behalf_of else one.caller,
                one.reason,
                one.archive,
                one.stop_reason or one.held_back_by,
            )
            for one in retirements
        ],
    )
