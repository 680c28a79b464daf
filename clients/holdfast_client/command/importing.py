"""`holdfast import`: items and stock out of CSV files."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.csv_import.columns import MappingError, load_columns, parse_map_option
from holdfast_client.csv_import.field_rules import IDENTIFIER_MAX_LENGTH, identifier_fault
from holdfast_client.csv_import.importing import (
    DEFAULT_CONCURRENCY,
    MAX_CONCURRENCY,
    Import,
    ImportSource,
    items_send,
    items_source,
    stock_send,
    stock_source,
)
from holdfast_client.csv_import.patience import Patience
from holdfast_client.csv_import.progress import HowFar, progress_shown
from holdfast_client.csv_import.reading import CsvFile, UnreadableFileError
from holdfast_client.csv_import.report import ImportReport
from holdfast_client.csv_import.rows import M
from holdfast_client.csv_import.sending import Send
from holdfast_client.policy import RetryPolicy

_CALLER = "holdfast-import"
_NAMED_IN_TERMINAL = 50

_HELP = f"""Bring items or stock in from a CSV file, plain or gzip, UTF-8, with a header line.

Rows that break a rule, and rows that the authority refuses, are named with line number and reason while all
others go in.

Both can be run again. Items are put anew: the last run counts. Stock is not booked twice: each request carries an
id made from the content of the file and of the batch, so what went in before is told as such, for as long as the
authority remembers (30 days unless configured otherwise). After an UNKNOWN_SKU put the item and run the same import
of stock again: only what is missing goes in. A file that was edited, or the same with other columns, location or
reference, is another import. Two deliveries that look the same need a --reference each.

Ends with 0 if all rows went in, 3 if some were rejected, 1 if none could be brought in.

Ids have 1 to {IDENTIFIER_MAX_LENGTH} letters, digits or . _ - : / + # ~ and start with a letter or digit.
"""

import_app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(metavar="FILE.csv[.gz]", help="The file.", show_default=False)]
Map = Annotated[
    str,
    typer.Option("--map", metavar="FIELD=COLUMN,...", help="Which column holds which field. Else the one called so."),
]
MappingFile = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE.toml", help="The same as a table [columns] of FIELD = COLUMN."),
]
Delimiter = Annotated[str, typer.Option("--delimiter", help="What separates the columns; \\t is a tab.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check the form of every row and send nothing; what exists is not asked.")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, max=MAX_CONCURRENCY, help="The batches under way at a time.")
]
PatienceSeconds = Annotated[
    float,
    typer.Option("--patience", min=0, help="Seconds to go on asking, per call, while there is no answer."),
]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.json", help="Where the report is written, if anywhere."),
]


@import_app.command("items")
def items(
    *,
    file: File,
    mapped: Map = "",
    mapping: MappingFile = None,
    delimiter: Delimiter = ",",
    dry_run: DryRun = False,
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    patience: PatienceSeconds = 60,
    report: Report = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Create items, or replace those that exist. Fields: sku, display_name, base_unit, scale.

    An item that is replaced is what the file says of it: active and without parts; see items put for the rest.
    A second row with the same SKU is passed over if it says the same, and rejected if it says something else.

    Example: holdfast import items items.csv --map sku=StockCode,display_name=Description --dry-run
    """
    _import(
        lambda: items_source(CsvFile(file, delimiter=delimiter_told(delimiter)), mapped=columns_told(mapped, mapping)),
        items_send,
        path=file,
        dry_run=dry_run,
        concurrency=concurrency,
        patience=patience,
        report_path=report,
        target=target,
        as_json=as_json,
    )


@import_app.command("stock")
def stock(
    *,
    file: File,
    location: Annotated[
        str, typer.Option("--location", metavar="ID", help="The location of rows that name none.")
    ] = "",
    reference: Annotated[str, typer.Option("--reference", help="Your own document, such as a goods receipt.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")] = "import",
    mapped: Map = "",
    mapping: MappingFile = None,
    delimiter: Delimiter = ",",
    dry_run: DryRun = False,
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    patience: PatienceSeconds = 60,
    report: Report = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Book units that came in. Fields: sku, quantity, location, status (sellable, quality_hold or damaged).

    Every row is a receipt of its own: rows of the same SKU add up.

    Example: holdfast import stock receipts.csv --location LONDON --map sku=StockCode,quantity=Units
    """
    if location and (fault := identifier_fault(location)):
        raise typer.BadParameter(fault, param_hint="--location")
    _import(
        lambda: stock_source(
            CsvFile(file, delimiter=delimiter_told(delimiter)),
            mapped=columns_told(mapped, mapping),
            default_location=location,
            reference=reference,
            reason=reason,
        ),
        lambda client: stock_send(client, reference=reference, reason=reason),
        path=file,
        dry_run=dry_run,
        concurrency=concurrency,
        patience=patience,
        report_path=report,
        target=target,
        as_json=as_json,
    )


def _import(
    source: Callable[[], ImportSource[M]],
    send: Callable[[HoldfastClient], Send[M]],
    *,
    path: Path,
    dry_run: bool,
    concurrency: int,
    patience: float,
    report_path: Path | None,
    target: str | None,
    as_json: bool,
) -> None:
    try:
        work = Import(source(), path=path, dry_run=dry_run)
        if dry_run:
            result = work.check()
        else:
            result = asyncio.run(
                _send(work, send, target=target, patience=patience, concurrency=concurrency, quiet=as_json)
            )
    except (UnreadableFileError, MappingError) as error:
        asking.complain(str(error))
        raise typer.Exit(1) from error
    if report_path is not None:
        result.write(report_path)
    if as_json:
        asking.print_json(result.as_json())
    else:
        print_report(result)
    raise typer.Exit(result.exit_code)


async def _send(
    work: Import[M],
    send: Callable[[HoldfastClient], Send[M]],
    *,
    target: str | None,
    patience: float,
    concurrency: int,
    quiet: bool,
) -> ImportReport:
    # The import's own patience repeats what was not answered, and counts it.
    retry = RetryPolicy(max_tries=1)
    async with (
        HoldfastClient(target, caller=_CALLER, retry=retry) as client,
        progress_shown(lambda: _how_far(work.report), quiet=quiet),
    ):
        return await work.send(send(client), patience=Patience(seconds=patience), concurrency=concurrency)


def _how_far(report: ImportReport) -> HowFar:
    remark = f"{report.rows_accepted:,} in, {report.rows_rejected:,} rejected"
    return HowFar(stage=f"importing {report.kind}", done=report.rows_read, remark=remark)


def columns_told(option: str, file: Path | None = None) -> dict[str, str]:
    """The columns that the options name, by field."""
    return {**(load_columns(file) if file is not None else {}), **parse_map_option(option)}


def delimiter_told(delimiter: str) -> str:
    """The delimiter that the option names; a tab can be written in letters."""
    return "\t" if delimiter == "\\t" else delimiter


def print_report(report: ImportReport) -> None:
    """Print the rows that stayed out, and what became of all."""
    rejections = report.rejections_in_order
    if rejections:
        asking.print_table(
            ("line", "column", "value", "why"),
            [
                (broken.line_number, broken.column, broken.value, broken.reason)
                for broken in rejections[:_NAMED_IN_TERMINAL]
            ],
            title="rejected rows",
        )
    if len(rejections) > _NAMED_IN_TERMINAL:
        asking.print_words(f"... and {report.rows_rejected - _NAMED_IN_TERMINAL} more; --report names them")
    asking.print_words(
        f"{report.rows_read} rows of {report.kind}: {_accepted_words(report)}, "
        f"{report.rows_repeated} repeated others, {report.rows_rejected} rejected."
    )
    if report.kind == "stock" and report.rows_replayed:
        asking.print_words(
            "What went in before was not booked again; if it came in once more, say another --reference."
        )


def _accepted_words(report: ImportReport) -> str:
    if report.dry_run:
        return f"{report.rows_accepted} would go in, as far as their form tells"
    if report.kind == "items":
        return f"{report.rows_accepted} went in"
    return f"{report.rows_accepted - report.rows_replayed} went in, {report.rows_replayed} went in before"
