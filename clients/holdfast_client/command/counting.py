"""`holdfast count`: units on hand set to what was counted, a few at the shelf or a whole snapshot out of a file."""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from holdfast.inventory.v1 import revision_pb2, stock_pb2, supply_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.importing import Delimiter, Map, columns_told, delimiter_told
from holdfast_client.command.stock import LEVEL_COLUMNS, PARKED_WORDS, Park, Reference, level_cells
from holdfast_client.csv_import.columns import MappingError
from holdfast_client.csv_import.counts import CountedRow, CountedTerms, CountFile
from holdfast_client.csv_import.progress import HowFar, progress_shown
from holdfast_client.csv_import.reading import CsvFile, UnreadableFileError
from holdfast_client.errors import CountedSince
from holdfast_client.moments import Moment

_COUNTED = r"(?P<counted>[0-9]{1,13})(?:/(?P<expected>[0-9]{1,13}))?"
_COUNTS = (
    re.compile(rf"(?P<sku>[^=]+)={_COUNTED}@(?P<location>.+)"),
    re.compile(rf"(?P<sku>.+)@(?P<location>[^@]+)={_COUNTED}"),
)
"""The form of the other commands is understood as well."""

_COUNTED_SINCE_WORDS = (
    "a later count has booked what this one found; where the books are wrong still, count anew with a new --as-of"
)


def count(
    *,
    counts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SKU@LOCATION=UNITS[/EXPECTED]",
            help="What was counted, reserved units included; and what the books should say now, to be refused if not.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE.csv[.gz]", help="Count what a file says, row by row."),
    ] = None,
    mapped: Map = "",
    delimiter: Delimiter = ",",
    location: Annotated[
        str, typer.Option("--location", metavar="ID", help="The location of rows of the file that name none.")
    ] = "",
    status: Annotated[
        asking.Status, typer.Option("--status", help="The status that was counted, where the file names none.")
    ] = asking.Status.SELLABLE,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of", metavar="TIME|REVISION", help="When it was counted, such as 2026-03-01T18:00:00Z or main/1204."
        ),
    ] = "",
    park: Park = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the form of every row of the file and send nothing."),
    ] = False,
    reason: asking.Reason = "",
    reference: Reference = "",
    request_id: asking.RequestId = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Set units on hand to what was counted. What moved since the count is kept.

    Arguments are decided together, all or none. The rows of a --file are streamed and decided one by one; each gets
    a result, and the command ends with 0 if none was refused, 3 if some were, 1 if all were. The fields of a file
    are sku, location, counted_quantity, and if it has them status and expected_quantity; --map names other columns.

    A file with --as-of can be counted again, corrected or not, under the same options: a row that says what it said
    before is answered as before and books nothing, only rows that are new or were changed are counted. A row whose
    units were counted again since that moment is refused as COUNTED_SINCE: the later count has booked what it found.
    Without --as-of each run is a new count, of now. A row that stands in the file twice is passed over; two rows that
    count the same units otherwise cannot both be right, and the second is refused.

    Example: holdfast count 85123A@LONDON=97 84029G@LONDON=20/21 --reference "list 14"

    Example: holdfast count --file snapshot.csv --map counted_quantity=Units --as-of 2026-03-01T18:00:00Z
    """
    if (file is None) == (not counts):
        raise typer.BadParameter("give either counts or a --file")
    if dry_run and file is None:
        raise typer.BadParameter("--dry-run is about a --file")
    moment = _as_of(as_of)
    if file is None:
        lines = [count_line(argument, status) for argument in counts or ()]
        _count_lines(
            lines,
            moment,
            park=park,
            reason=reason,
            reference=reference,
            request_id=request_id,
            target=target,
            as_json=as_json,
        )
        return
    if request_id is not None:
        raise typer.BadParameter("the rows of a --file have request ids of their own")
    terms = CountedTerms(
        location=location,
        status=status.number,
        as_of=moment,
        park_unknown=park,
        reason=reason,
        reference=reference,
        seed="" if as_of else secrets.token_hex(16),
    )
    counted = count_file(file, delimiter=delimiter, mapped=mapped, terms=terms)
    if dry_run:
        _check_file(counted, as_json=as_json)
    _count_file(counted, target=target, as_json=as_json)


def count_file(file: Path, *, delimiter: str, mapped: str, terms: CountedTerms) -> CountFile:
    """Open a file of counts; one that cannot be counted ends the command with 1 and says why."""
    try:
        return CountFile(CsvFile(file, delimiter=delimiter_told(delimiter)), mapped=columns_told(mapped), terms=terms)
    except (UnreadableFileError, MappingError) as error:
        asking.complain(str(error))
        raise typer.Exit(1) from error


def _count_lines(
    lines: Sequence[supply_pb2.CountLine],
    as_of: revision_pb2.Revision | Moment | None,
    *,
    park: bool,
    reason: str,
    reference: str,
    request_id: str | None,
    target: str | None,
    as_json: bool,
) -> None:
    async def work(client: HoldfastClient) -> int:
        try:
            answer = await client.count_stock(
                lines, as_of=as_of, reason=reason, reference=reference, park_unknown=park, request_id=request_id
            )
        except CountedSince as refusal:
            asking.report(refusal, as_json=as_json)
            if not as_json:
                asking.complain(_COUNTED_SINCE_WORDS)
            return 1
        if as_json:
            asking.print_json(answer)
        elif answer.parked_id:
            asking.print_words(PARKED_WORDS.format(answer.parked_id))
        else:
            _print_booked(lines, answer)
        return 0

    asking.ask(work, target=target, as_json=as_json)


def _print_booked(lines: Sequence[supply_pb2.CountLine], answer: supply_pb2.CountStockResponse) -> None:
    asking.print_table(
        ("SKU", "location", "status", "counted", "booked"),
        [
            (line.sku, line.location, _status_of(line), line.counted_quantity, f"{delta:+}")
            for line, delta in zip(lines, answer.booked_deltas, strict=False)
        ],
    )
    asking.print_table(LEVEL_COLUMNS, [level_cells(level) for level in answer.stock_levels])


def _check_file(counted: CountFile, *, as_json: bool) -> NoReturn:
    shown: list[CountedRow] = []
    for row in counted.check():
        if as_json:
            asking.print_json(row.as_json())
        else:
            shown.append(row)
        if len(shown) == asking.PAGE_SIZE:
            print_rows(shown)
            shown.clear()
    if not as_json:
        print_rows(shown)
        asking.print_words(
            f"{counted.rows_checked + counted.rows_repeated + counted.rows_refused} rows: {counted.rows_checked} would "
            f"be counted, as far as their form tells, {counted.rows_repeated} passed over as duplicates, "
            f"{counted.rows_refused} refused."
        )
    raise typer.Exit(counted.exit_code)


def _count_file(counted: CountFile, *, target: str | None, as_json: bool) -> None:
    async def work(client: HoldfastClient) -> int:
        shown: list[CountedRow] = []
        try:
            async with progress_shown(lambda: _how_far(counted), quiet=as_json):
                async for row in counted.send(client):
                    if as_json:
                        asking.print_json(row.as_json())
                        continue
                    shown.append(row)
                    if len(shown) == asking.PAGE_SIZE:
                        print_rows(shown)
                        shown.clear()
        finally:
            # What was answered before a break is told all the same.
            if not as_json:
                print_rows(shown)
                _print_summary(counted)
        return counted.exit_code

    asking.ask(work, target=target, as_json=as_json)


def _how_far(counted: CountFile) -> HowFar:
    remark = f"{counted.rows_booked:,} booked, {counted.rows_refused:,} not"
    return HowFar(stage="counting", done=counted.rows_booked + counted.rows_refused, remark=remark)


def print_rows(rows: Sequence[CountedRow]) -> None:
    """Print what became of rows of a file, by their numbers."""
    if rows:
        asking.print_table(
            ("row", "SKU", "location", "status", "counted", "booked", "result"),
            [
                (
                    row.line_number,
                    *_counted_cells(row.line),
                    "" if row.booked_delta is None else f"{row.booked_delta:+}",
                    row.result,
                )
                for row in sorted(rows, key=lambda row: row.line_number)
            ],
        )


def _counted_cells(line: supply_pb2.CountLine | None) -> tuple[object, ...]:
    if line is None:
        return ("", "", "", "")
    return (line.sku, line.location, _status_of(line), line.counted_quantity)


def _print_summary(counted: CountFile) -> None:
    differing = (
        f" ({counted.rows_differing} differed: {counted.units_found} units more, {counted.units_lost} fewer)"
        if counted.rows_differing
        else ""
    )
    words = [
        f"{counted.rows_booked - counted.rows_replayed - counted.rows_parked} booked{differing}",
        f"{counted.rows_replayed} booked before",
        f"{counted.rows_parked} wait for their items",
        f"{counted.rows_repeated} passed over as duplicates",
        f"{counted.rows_refused} refused",
    ]
    asking.print_words(
        f"{counted.rows_booked + counted.rows_repeated + counted.rows_refused} rows: {', '.join(words)}."
    )
    if counted.rows_counted_since:
        asking.print_words(
            f"{counted.rows_counted_since} of the refused were counted again since this count (COUNTED_SINCE): "
            f"{_COUNTED_SINCE_WORDS}."
        )


def _status_of(line: supply_pb2.CountLine) -> str:
    return asking.short_name(stock_pb2.StockStatus, line.status).lower() or asking.Status.SELLABLE


def count_line(argument: str, status: asking.Status) -> supply_pb2.CountLine:
    """Read SKU@LOCATION=UNITS, with /EXPECTED behind it if it is there."""
    parts = next(filter(None, (form.fullmatch(argument) for form in _COUNTS)), None)
    if parts is None:
        raise typer.BadParameter(f"{argument!r} is not of the form SKU@LOCATION=UNITS or SKU@LOCATION=UNITS/EXPECTED")
    return supply_pb2.CountLine(
        sku=parts["sku"],
        location=parts["location"],
        counted_quantity=int(parts["counted"]),
        status=status.number,
        expected_quantity=None if parts["expected"] is None else int(parts["expected"]),
    )


def _as_of(argument: str) -> revision_pb2.Revision | Moment | None:
    """Read a time, or SEGMENT/POSITION; nothing is now."""
    if not argument:
        return None
    if "/" in argument:
        return asking.revision(argument)
    try:
        return asking.moment(argument)
    except typer.BadParameter as wrong:
        raise typer.BadParameter(f"{wrong}; a revision, such as main/1204, will do too") from None
