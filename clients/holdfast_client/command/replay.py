"""`holdfast replay`: real orders as traffic, with a verdict from the ledger at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from holdfast_client.client import HoldfastClient
from holdfast_client.command import asking
from holdfast_client.csv_import.patience import NoAnswerError, Patience
from holdfast_client.csv_import.progress import HowFar, progress_shown
from holdfast_client.csv_import.reading import UnreadableFileError
from holdfast_client.errors import HoldfastError
from holdfast_client.orders.driver import MAX_CONCURRENCY, Pace
from holdfast_client.orders.mapping import MappingError, load_mapping
from holdfast_client.orders.names import MAX_LOCATIONS, RunNames, run_id_from
from holdfast_client.orders.plan import Plan, TooManyRowsError
from holdfast_client.orders.replay import Replay, ReplaySettings, Stage, plan_file
from holdfast_client.orders.report import ReplayReport
from holdfast_client.orders.server_process import ServerNotStartedError, embedded_server
from holdfast_client.orders.stocking import RunIdInUseError
from holdfast_client.policy import RetryPolicy

_CALLER = "holdfast-replay"
_CALLERS_PER_CONNECTION = 16
_MOST_CONNECTIONS = 8
_NAMED_IN_TERMINAL = 10


def replay(
    *,
    orders: Annotated[
        Path, typer.Argument(metavar="ORDERS.csv[.gz]", help="The file of order lines.", show_default=False)
    ],
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE.toml", help="What the columns and rows mean. Else Online Retail."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first rows of the file.")] = None,
    stock_share: Annotated[
        str,
        typer.Option("--stock-share", help="The opening stock, as a share of what the file sells of each SKU."),
    ] = "0.8",
    locations: Annotated[
        int,
        typer.Option("--locations", min=1, max=MAX_LOCATIONS, help="The locations that the stock lies at."),
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", help="Decides how each SKU's stock is cut between them.")] = 1,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", help="The prefix of the run's SKUs and orders. Else one made from the time."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=MAX_CONCURRENCY, help="The callers at a time.")
    ] = 64,
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Times as fast as in the file; 0 is as fast as it goes.")
    ] = 0,
    partial: Annotated[
        bool, typer.Option("--partial", help="Orders take what there is, instead of all or nothing.")
    ] = False,
    patience: Annotated[
        float,
        typer.Option("--patience", min=0, help="Seconds to go on asking, per call, while there is no answer."),
    ] = 60,
    report: Annotated[Path, typer.Option("--report", metavar="FILE.json", help="Where the result is written.")] = Path(
        "build/replay.json"
    ),
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Start a server for this run and stop it afterwards.")
    ] = False,
    data_directory: Annotated[
        Path | None,
        typer.Option("--data-directory", help="With --embedded: where the server keeps its data. Else temporary."),
    ] = None,
    target: asking.Target = None,
    as_json: asking.AsJson = False,
) -> None:
    """Replay a file of orders as traffic, and judge the ledger afterwards.

    Orders are reserved and committed, cancellations release what the same customer ordered before (the
    newest order first), write-offs and found units are adjustments. Lines without stock, such as postage,
    are skipped. The file is read as "Online Retail" of the UCI Machine Learning Repository unless --mapping
    says otherwise.

    All SKUs and orders of the run carry its run id: a second replay on the same server starts from nothing, and
    every unit of the verdict is one of this run. Only the service's own check covers its whole ledger: if that
    finds the chain broken, or units oversold or leaked by anybody, the verdict is not clean either.

    Ends with 0 only if the verdict is clean, and with 1 if it is not or there is none.

    Example: holdfast replay orders.csv.gz --embedded --stock-share 0.8
    """
    if data_directory is not None and not embedded:
        raise typer.BadParameter("--data-directory goes with --embedded")
    try:
        names = RunNames(run_id=run_id or run_id_from(datetime.now(UTC)), location_count=locations)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    settings = ReplaySettings(
        names=names,
        stock_share=_share(stock_share),
        seed=seed,
        concurrency=concurrency,
        pace=Pace(speed=speed or None),
        partial=partial,
    )
    try:
        plan = plan_file(orders, mapping=load_mapping(mapping), names=names, limit=limit)
        if not plan.events:
            asking.complain(f"{orders} has no order, cancellation or adjustment; {_rejections_in_words(plan)}")
            raise typer.Exit(1)
        result = asyncio.run(
            _run(
                Replay(plan=plan, settings=settings, patience=Patience(seconds=patience)),
                target=target,
                embedded=embedded,
                data_directory=data_directory,
                quiet=as_json,
            )
        )
    except HoldfastError as error:
        asking.report(error, as_json=as_json)
        raise typer.Exit(1) from error
    except NoAnswerError as error:
        asking.complain(f"there is no verdict, because the service does not answer: {error}")
        raise typer.Exit(1) from error
    except (
        UnreadableFileError,
        MappingError,
        TooManyRowsError,
        RunIdInUseError,
        ServerNotStartedError,
    ) as error:
        for line in str(error).splitlines():
            asking.complain(line)
        raise typer.Exit(1) from error
    result.write(report)
    if as_json:
        asking.print_json(result.as_json())
    else:
        _print_report(result)
        asking.print_words(result.sentence)
    raise typer.Exit(0 if result.verdict.clean else 1)


async def _run(
    replay: Replay, *, target: str | None, embedded: bool, data_directory: Path | None, quiet: bool
) -> ReplayReport:
    connections = min(_MOST_CONNECTIONS, -(-replay.settings.concurrency // _CALLERS_PER_CONNECTION))
    async with (
        progress_shown(lambda: _how_far(replay), quiet=quiet),
        _server(target, embedded=embedded, data_directory=data_directory) as where,
        HoldfastClient(
            where,
            caller=_CALLER,
            on_behalf_of=replay.settings.names.run_id,
            # The replay's own patience repeats what was not answered, and counts it.
            retry=RetryPolicy(max_tries=1),
            channel_count=connections,
        ) as client,
    ):
        return await replay.run(client)


@asynccontextmanager
async def _server(target: str | None, *, embedded: bool, data_directory: Path | None) -> AsyncIterator[str | None]:
    if not embedded:
        yield target
        return
    async with embedded_server(data_directory) as own:
        yield own


def _how_far(replay: Replay) -> HowFar:
    outcomes = replay.outcomes
    total = len(replay.plan.events)
    if replay.stage is not Stage.DRIVING:
        return HowFar(stage=replay.stage.value)
    refused = sum(outcomes.refused.values())
    remark = f"{outcomes.reserved:,} reserved, {refused:,} refused, {outcomes.released:,} released"
    if replay.patience.repetitions:
        remark += f", {replay.patience.repetitions:,} asked again"
    return HowFar(stage=replay.stage.value, done=outcomes.events_done, total=total, remark=remark)


def _share(text: str) -> Fraction:
    try:
        share = Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text!r} is no number", param_hint="--stock-share") from error
    if not (share.is_finite() and 0 <= share <= 1_000):
        raise typer.BadParameter("the share must be 0 to 1000", param_hint="--stock-share")
    return Fraction(share)


def _print_report(result: ReplayReport) -> None:
    outcomes, verdict, counts = result.outcomes, result.verdict, result.counts
    asking.print_table(
        ("", "count", "of which"),
        [
            (
                "rows",
                counts.rows_read,
                f"{counts.rows_rejected} broken, {counts.skipped_no_stock} without stock",
            ),
            ("orders", outcomes.orders, f"{outcomes.lines} lines, {outcomes.units_asked} units"),
            (
                "reserved",
                outcomes.reserved,
                f"{outcomes.units_reserved} units, {outcomes.reserved_in_part} in part",
            ),
            ("refused", sum(outcomes.refused.values()), _by(outcomes.refused)),
            ("cancelled lines", outcomes.cancellation_lines, f"in {outcomes.cancellations} cancellations"),
            (
                "released",
                outcomes.released,
                f"{outcomes.units_released} units, {outcomes.released_in_part} in part",
            ),
            (
                "unmatched",
                sum(outcomes.cancellations_unmatched.values()),
                _by(outcomes.cancellations_unmatched),
            ),
            ("adjusted", outcomes.adjusted, f"{outcomes.units_adjusted:+} units"),
            (
                "adjustments refused",
                sum(outcomes.adjustments_refused.values()),
                _by(outcomes.adjustments_refused),
            ),
        ],
        title=f"run {result.run_id}",
    )
    asking.print_table(
        ("verdict", "found"),
        [
            ("chain verified", _yes(verdict.chain_verified)),
            ("levels equal movements", _yes(verdict.levels_equal_movements)),
            ("reserved equals open lines", _yes(verdict.reserved_equals_open_lines)),
            ("oversold", f"{verdict.oversold} units"),
            ("leaked", f"{verdict.leaked} units"),
            ("missing", f"{verdict.missing} units"),
            ("uncovered by write-offs", f"{verdict.uncovered} units"),
            ("unsettled", f"{verdict.unsettled} events"),
            ("asked again", f"{result.unavailable_retries} times"),
        ],
    )
    for finding in verdict.findings[:_NAMED_IN_TERMINAL]:
        asking.print_words(f"{finding.subject}: {finding.what}")
    for broken in result.rejections[:_NAMED_IN_TERMINAL]:
        asking.print_words(f"line {broken.line_number}: {broken.column} {broken.value!r} {broken.reason}")


def _by(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in sorted(counts.items()))


def _yes(kept: bool) -> str:
    return "yes" if kept else "NO"


def _rejections_in_words(plan: Plan) -> str:
    counts = plan.counts
    first = f"; line {plan.rejections[0].line_number}: {plan.rejections[0].reason}" if plan.rejections else ""
    return f"of {counts.rows_read} rows {counts.rows_rejected} are broken{first}"
