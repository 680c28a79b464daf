"""What the commands share: how they read arguments, ask, print, and report a refusal."""

import asyncio
import getpass
import json
import re
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf import json_format, timestamp_pb2
from google.protobuf import message as protobuf_message
from holdfast.inventory.v1 import revision_pb2, stock_pb2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast_client.client import HoldfastClient
from holdfast_client.csv_import.field_rules import BY_MEASURE_WORDS
from holdfast_client.errors import HoldfastError, InsufficientStock
from holdfast_client.policy import RetryPolicy

CALLER = "holdfast-command"


def _not_empty(request_id: str | None) -> str | None:
    """Refuse an id that is empty, as a shell variable is that was never set: asked again it would take effect again."""
    if request_id is not None and not request_id.strip():
        raise typer.BadParameter("the request id is empty; leave the option out to get a new one")
    return request_id


Target = Annotated[
    str | None,
    typer.Option(
        "--target", envvar="HOLDFAST_TARGET", metavar="HOST:PORT", help="The authority; else 127.0.0.1:50051."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
RequestId = Annotated[
    str | None,
    typer.Option(
        "--request-id",
        metavar="ID",
        help="Ask under this id, at most once in effect. Else a new one.",
        callback=_not_empty,
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]
NeededReason = Annotated[str, typer.Option("--reason", help="Why, for the audit.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", min=0, help="The most to show; 0 shows all.")]

PAGE_SIZE = 1_000
DEFAULT_LIMIT = 1_000

_Element = TypeVar("_Element", bound=protobuf_message.Message)

# Where the output is no terminal there is no width to keep to; a table is as wide as it needs to be, up to
# this.
_WIDTH_WITHOUT_TERMINAL = 400
_GREATEST_QUANTITY = 10**12
_QUANTITY_AT = re.compile(r"(?P<sku>.+)=(?P<quantity>[+-]?[0-9]+)(?:@(?P<location>.+))?")
_QUANTITY_OF = re.compile(r"(?P<sku>.+)=(?P<quantity>[0-9]+)")
_DECIMAL_QUANTITY = re.compile(r".+=[+-]?[0-9]*[.,][0-9]+(?:@.+)?")
_REVISION = re.compile(r"(?P<segment>.+)/(?P<position>[0-9]{1,18})")
_LINE = re.compile(r"(?P<line_number>[0-9]+)(?:=(?P<quantity>[0-9]+))?")


class Status(StrEnum):
    """The statuses in which units lie on hand."""

    SELLABLE = "sellable"
    QUALITY_HOLD = "quality_hold"
    DAMAGED = "damaged"

    @property
    def number(self) -> stock_pb2.StockStatus:
        """The status as the contract names it."""
        number: stock_pb2.StockStatus = stock_pb2.StockStatus.Value(f"STOCK_STATUS_{self.name}")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityAt:
    """What SKU=QUANTITY@LOCATION says; the location is empty if it was left out."""

    sku: str
    quantity: int
    location: str


def quantity_at(argument: str, *, location_required: bool = False, signed: bool = False) -> QuantityAt:
    """Read SKU=QUANTITY@LOCATION. A quantity is above 0, or with `signed` anything but 0."""
    form = "SKU=QUANTITY@LOCATION" if location_required else "SKU=QUANTITY or SKU=QUANTITY@LOCATION"
    parts = _QUANTITY_AT.fullmatch(argument)
    if parts is None:
        _refuse_decimal(argument)
    if parts is None or (location_required and parts["location"] is None):
        raise typer.BadParameter(f"{argument!r} is not of the form {form}")
    quantity = int(parts["quantity"])
    if quantity == 0 or (quantity < 0 and not signed) or abs(quantity) > _GREATEST_QUANTITY:
        least = "a whole number other than 0" if signed else "a whole number above 0"
        raise typer.BadParameter(f"the quantity in {argument!r} must be {least}, at most 10^12")
    return QuantityAt(sku=parts["sku"], quantity=quantity, location=parts["location"] or "")


def quantity_of(argument: str) -> tuple[str, int]:
    """Read SKU=QUANTITY."""
    parts = _QUANTITY_OF.fullmatch(argument)
    if parts is None:
        _refuse_decimal(argument)
        raise typer.BadParameter(f"{argument!r} is not of the form SKU=QUANTITY")
    quantity = int(parts["quantity"])
    if not 0 < quantity <= _GREATEST_QUANTITY:
        raise typer.BadParameter(f"the quantity in {argument!r} must be a whole number above 0, at most 10^12")
    return parts["sku"], quantity


def _refuse_decimal(argument: str) -> None:
    if _DECIMAL_QUANTITY.fullmatch(argument):
        raise typer.BadParameter(f"the quantity in {argument!r} must be a whole number; {BY_MEASURE_WORDS}")


def moment(argument: str) -> datetime:
    """Read a day, such as 2026-03-01, as its beginning in UTC; or a time with its zone: 2026-03-01T12:00:00Z."""
    try:
        read = datetime.fromisoformat(argument)
    except ValueError:
        raise typer.BadParameter(
            f"{argument!r} is neither a day, such as 2026-03-01, nor a time, such as 2026-03-01T12:00:00Z"
        ) from None
    if read.tzinfo is None:
        if "T" in argument or " " in argument:
            raise typer.BadParameter(f"{argument!r} must say its time zone, such as {argument}Z")
        read = read.replace(tzinfo=UTC)
    return read


def revision(argument: str) -> revision_pb2.Revision:
    """Read SEGMENT/POSITION."""
    parts = _REVISION.fullmatch(argument)
    if parts is None:
        raise typer.BadParameter(f"{argument!r} is not a revision, SEGMENT/POSITION, such as main/1204")
    return revision_pb2.Revision(segment=parts["segment"], position=int(parts["position"]))


def place_of(revision: revision_pb2.Revision) -> str:
    """The revision as SEGMENT/POSITION, as it can be given back."""
    return f"{revision.segment}/{revision.position}"


def line_and_quantity(argument: str) -> tuple[int, int]:
    """Read NUMBER=QUANTITY."""
    line_number, quantity = line(argument)
    if not quantity:
        raise typer.BadParameter(f"{argument!r} is not of the form NUMBER=QUANTITY with a quantity above 0")
    return line_number, quantity


def line(argument: str) -> tuple[int, int]:
    """Read NUMBER or NUMBER=QUANTITY; a quantity of 0 is all that is open."""
    parts = _LINE.fullmatch(argument)
    if parts is None or not 0 < int(parts["line_number"]) < 2**31:
        raise typer.BadParameter(f"{argument!r} is not of the form NUMBER or NUMBER=QUANTITY")
    quantity = int(parts["quantity"] or 0)
    if quantity > _GREATEST_QUANTITY:
        raise typer.BadParameter(f"the quantity in {argument!r} must be at most 10^12")
    return int(parts["line_number"]), quantity


def ask(
    work: Callable[[HoldfastClient], Awaitable[int]],
    *,
    target: str | None,
    as_json: bool,
    retry: RetryPolicy | None = None,
) -> None:
    """Do the work with a client and end the command with the exit code it returns; 1 if it is refused."""

    async def with_client() -> int:
        async with HoldfastClient(target, caller=CALLER, on_behalf_of=_person(), retry=retry) as client:
            return await work(client)

    try:
        code = asyncio.run(with_client())
    except HoldfastError as error:
        report(error, as_json=as_json)
        code = 1
    raise typer.Exit(code)


async def show(
    every: AsyncGenerator[_Element, None],
    *,
    limit: int,
    as_json: bool,
    print_page: Callable[[Sequence[_Element]], None],
    words_for_none: str = "",
) -> int:
    """Print a listing as it comes, up to the limit, and return the exit code. A page is the unit of memory.

    Nothing at all is no failure, unless there are words for it.
    """
    shown: list[_Element] = []
    count = 0
    more = False
    async with aclosing(every):
        async for element in every:
            if limit and count == limit:
                more = True
                break
            count += 1
            if as_json:
                print_json(element)
                continue
            shown.append(element)
            if len(shown) == PAGE_SIZE:
                print_page(shown)
                shown.clear()
    if words_for_none and not count:
        complain(words_for_none)
        return 1
    if shown or (not count and not as_json):
        print_page(shown)
    if more:
        complain(f"there are more than the {limit} shown; see --limit")
    return 0


def report(error: HoldfastError, *, as_json: bool) -> None:
    """Say in one line on stderr what was refused and why."""
    if as_json:
        sys.stderr.write(json.dumps({"error": _as_dict(error)}) + "\n")
    else:
        complain(_in_words(error))


def complain(words: str) -> None:
    """Write one line on stderr."""
    sys.stderr.write(f"holdfast: {printable(words)}\n")


def printable(words: str) -> str:
    """The words as one line, without characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def print_json(message: protobuf_message.Message | dict[str, Any]) -> None:
    """Print one line of JSON: a message as proto3 JSON, with the field names of the protos and all fields."""
    sys.stdout.write(json.dumps(message if isinstance(message, dict) else as_dict(message)) + "\n")
    sys.stdout.flush()


def as_dict(message: protobuf_message.Message) -> dict[str, Any]:
    """The message as proto3 JSON has it: units, being 64 bit, as strings."""
    fields: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return fields


def print_words(words: str) -> None:
    """Print one line."""
    sys.stdout.write(printable(words) + "\n")


def short_name(enum: Any, number: int) -> str:
    """The name of an enum's value without the prefix that says of which enum it is; empty for the unspecified one."""
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return enum.Name(number).removeprefix(prefix) if number in enum.values() and number else ""


def short_time(time: timestamp_pb2.Timestamp) -> str:
    """The time in RFC 3339; empty if there is none."""
    return str(time.ToJsonString()) if time.ToNanoseconds() else ""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table; numbers stand to the right. Nothing is cut off; a column without a word is left out."""
    table = Table(title=title, title_justify="left")
    told = [index for index in range(len(columns)) if not rows or any(row[index] != "" for row in rows)]
    for index in told:
        column = columns[index]
        numbers = bool(rows) and all(isinstance(row[index], int) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(row[index]))) for index in told))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_WITHOUT_TERMINAL)
    console.print(table)


def _person() -> str:
    """Who works at this terminal, as far as it can be told."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return ""
    return name if name.isascii() and name.isprintable() else ""


def _in_words(error: HoldfastError) -> str:
    facts = [f"{violation.field}: {violation.description}" for violation in error.violations]
    if isinstance(error, InsufficientStock) and error.short_lines:
        facts = [
            f"{short.sku}{' at ' + short.location if short.location else ''}: "
            f"requested {short.requested}, available {short.available}"
            for short in error.short_lines
        ]
        facts += [f"instead of {offer.sku}: {offer.available} of {offer.substitute_sku}" for offer in error.offers]
    if not facts:
        facts = [f"{key}={value}" for key, value in sorted(error.metadata.items()) if key != "request_id"]
    if error.request_id:
        facts.append(f"request_id={error.request_id}")
    return f"{error}" + (f" ({'; '.join(facts)})" if facts else "")


def _as_dict(error: HoldfastError) -> dict[str, Any]:
    short_lines = error.short_lines if isinstance(error, InsufficientStock) else ()
    offers = error.offers if isinstance(error, InsufficientStock) else ()
    return {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "violations": [{"field": each.field, "description": each.description} for each in error.violations],
        "short_lines": [
            {
                "sku": each.sku,
                "location": each.location,
                "requested": each.requested,
                "available": each.available,
            }
            for each in short_lines
        ],
        "offers": [
            {"sku": each.sku, "substitute_sku": each.substitute_sku, "available": each.available} for each in offers
        ],
        "retry_delay_seconds": error.retry_delay_seconds,
        "request_id": error.request_id,
    }
