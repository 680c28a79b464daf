"""`holdfast compare`: another system's books beside ours, and where each difference comes from."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer
from holdfast.inventory.v1 import reconciliation_service_pb2, stock_pb2, supply_pb2

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.command.audit import change_of
from holdfast_client.command.counting import count_file, count_line, print_rows
from holdfast_client.command.importing import Delimiter, Map
from holdfast_client.csv_import.counts import CountedTerms, CountFile

_WORDS: Final = {
    reconciliation_service_pb2.DIVERGENCE_CAUSE_UNSPECIFIED: "equal",
    reconciliation_service_pb2.DIVERGENCE_CAUSE_LATE: "late since",
    reconciliation_service_pb2.DIVERGENCE_CAUSE_CHANGE_MISSED: "lack",
    reconciliation_service_pb2.DIVERGENCE_CAUSE_CHANGE_DOUBLED: "doubled",
    reconciliation_service_pb2.DIVERGENCE_CAUSE_UNEXPLAINED: "no one change explains it",
}


def compare(
    *,
    theirs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SKU@LOCATION=UNITS",
            help="What the other system has on hand, reserved units included.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE.csv[.gz]", help="Compare what a file says, as count --file takes it."),
    ] = None,
    mapped: Map = "",
    delimiter: Delimiter = ",",
    location: Annotated[
        str, typer.Option("--location", metavar="ID", help="The location of rows of the file that name none.")
    ] = "",
    status: Annotated[
        asking.Status, typer.Option("--status", help="The status that is compared, where the file names none.")
    ] = asking.Status.SELLABLE,
    everything: Annotated[bool, typer.Option("--all", help="Show the levels that are equal, too.")] = False,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Compare another system's books with ours, and tell which change each difference comes from.

    Books nothing. A difference is explained by one of the last 200 changes of its level: their copy is late since
    that change, or they lack it, or they have booked it twice. `count` sets our books right; theirs are set right
    there. Ends with 0 if the books are equal, else with 1.

    Example: holdfast compare 85123A@LONDON=97 84029G@LONDON=20

    Example: holdfast compare --file erp.csv --map counted_quantity=OnHand --location LONDON
    """
    if (file is None) == (not theirs):
        raise typer.BadParameter("give either what the other system has or a --file")
    read = None
    if file is not None:
        terms = CountedTerms(location=location, status=status.number)
        read = count_file(file, delimiter=delimiter, mapped=mapped, terms=terms)
    lines = _lines_of_arguments(theirs or (), status) if read is None else read.lines()

    async def work(client: HoldfastClient) -> int:
        causes: Counter[reconciliation_service_pb2.DivergenceCause] = Counter()
        for page in _pages(lines):
            answer = await client.compare_stock(page)
            causes.update(each.cause for each in answer.divergences)
            _print([each for each in answer.divergences if everything or each.divergence_quantity], as_json=as_json)
            _print_not_compared(read, as_json=as_json)
        _print_not_compared(read, as_json=as_json)
        refused = 0 if read is None else read.rows_refused
        if not as_json:
            found = ", ".join(f"{number} {_summary_word(cause)}" for cause, number in sorted(causes.items()))
            asking.print_words(f"{causes.total()} levels compared: {found or 'none'}; {refused} rows cannot be read.")
        equal = causes[reconciliation_service_pb2.DIVERGENCE_CAUSE_UNSPECIFIED]
        return 0 if equal == causes.total() and not refused else 1

    asking.ask(work, target=target, as_json=as_json)


def _lines_of_arguments(arguments: Sequence[str], status: asking.Status) -> Iterator[supply_pb2.CountLine]:
    lines = [count_line(argument, status) for argument in arguments]
    if any(line.HasField("expected_quantity") for line in lines):
        raise typer.BadParameter("what is compared has the form SKU@LOCATION=UNITS")
    return iter(lines)


def _pages(lines: Iterable[supply_pb2.CountLine]) -> Iterator[list[reconciliation_service_pb2.ComparedLine]]:
    compared = (
        reconciliation_service_pb2.ComparedLine(
            sku=line.sku, location=line.location, status=line.status, their_quantity=line.counted_quantity
        )
        for line in lines
    )
    while page := list(islice(compared, asking.PAGE_SIZE)):
        yield page


def _print(divergences: Sequence[reconciliation_service_pb2.Divergence], *, as_json: bool) -> None:
    if as_json:
        for each in divergences:
            asking.print_json(each)
    elif divergences:
        asking.print_table(
            ("SKU", "location", "status", "theirs", "ours", "difference", "where it comes from"),
            [
                (
                    each.sku,
                    each.location,
                    asking.short_name(stock_pb2.StockStatus, each.status).lower(),
                    each.their_quantity,
                    each.our_quantity,
                    f"{each.divergence_quantity:+}" if each.divergence_quantity else "0",
                    cause_of(each),
                )
                for each in divergences
            ],
        )


def cause_of(divergence: reconciliation_service_pb2.Divergence) -> str:
    """Where a difference comes from, in words: the cause, then the change with its time, order, caller and reason."""
    words = _WORDS.get(divergence.cause, str(divergence.cause))
    if not divergence.HasField("movement"):
        return words
    movement = divergence.movement
    kind = asking.short_name(stock_pb2.MovementKind, movement.kind)
    parts = [
        f"{words} {movement.revision.segment}/{movement.revision.position}",
        asking.short_time(movement.decide_time),
        f"{kind} {change_of(movement)}",
        movement.order_id and f"order {movement.order_id}",
        movement.caller and f"by {movement.caller}",
        movement.reason,
        movement.reference and f"[{movement.reference}]",
    ]
    return ", ".join(filter(None, parts))


def _summary_word(cause: reconciliation_service_pb2.DivergenceCause) -> str:
    if cause == reconciliation_service_pb2.DIVERGENCE_CAUSE_UNSPECIFIED:
        return "equal"
    return asking.short_name(reconciliation_service_pb2.DivergenceCause, cause).lower().replace("_", " ")


def _print_not_compared(read: CountFile | None, *, as_json: bool) -> None:
    """Tell of the rows that were read by now and are broken, or say again what an earlier row says."""
    rows = [] if read is None else read.take_not_sent()
    if not as_json:
        print_rows(rows)
        return
    for row in rows:
        asking.print_json(row.as_json())
