"""The command of the load test: `python -m holdfast_loadtest bench`, or `run` and a scenario."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated

import grpc
import typer
from rich.console import Console

from holdfast_client.command.loadtest import loadtest
from holdfast_client.errors import HoldfastError
from holdfast_client.orders.server_process import ServerNotStartedError
from holdfast_loadtest.bench import run_bench
from holdfast_loadtest.growth.bench import run_growth_bench
from holdfast_loadtest.growth.size import FULL as GROWN
from holdfast_loadtest.growth.size import QUICK as GROWN_A_LITTLE
from holdfast_loadtest.growth.table import show_growth
from holdfast_loadtest.pace import FULL, QUICK
from holdfast_loadtest.processes import ProcessFailedError
from holdfast_loadtest.report import SOUND
from holdfast_loadtest.scaling.bench import run_scaling_bench
from holdfast_loadtest.scaling.table import show_scaling
from holdfast_loadtest.table import show
from holdfast_loadtest.watch.bench import run_watch_bench
from holdfast_loadtest.watch.table import is_true, show_watch

app = typer.Typer(help="Put load on an authority of its own, and judge its ledger afterwards.", no_args_is_help=True)


@app.callback()
def _commands() -> None:
    """Has SIGTERM end a run as Ctrl-C does: with all that it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


app.command("run")(loadtest)


@app.command()
def bench(
    *,
    report: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the result is written.")] = Path(
        "build/bench.json"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Less than a minute, less exact, the same figures.")] = False,
) -> None:
    """Measure durable decisions per second on this machine.

    Starts the embedded authority in a temporary directory and measures it in turns with what it is compared with,
    each at its best: a bare echo of the same messages, the bare reserve script on a Valkey of its own, a row lock in
    Postgres driven by pgbench, a gRPC server of the usual design with such a lock, a Redis round trip and a Postgres
    commit. Then one server process with two, a pool of 2,000 locations with one of 2, and a flash sale.
    What else runs on the machine disturbs both sides alike, so the ratios are what counts.

    Ends with 0 if the ledger and the flash sale are sound, whatever the speed; with 1 if not, or if the run broke off.

    Example: python -m holdfast_loadtest bench --quick --report build/bench.json
    """
    progress = Console(stderr=True, highlight=False)
    try:
        result = asyncio.run(run_bench(QUICK if quick else FULL, say=progress.print))
    except (HoldfastError, ServerNotStartedError, ProcessFailedError, OSError) as error:
        progress.print(f"the run broke off: {error}", style="bold red", markup=False)
        raise typer.Exit(1) from error
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(result, Console(highlight=False), where=report)
    if result["verdict"] != SOUND:
        raise typer.Exit(1)


@app.command("bench-watch")
def bench_watch(
    *,
    report: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the result is written.")] = Path(
        "build/watch.json"
    ),
    seconds: Annotated[float, typer.Option(help="How long a sale lasts beside the watchers.")] = 20.0,
    quick: Annotated[bool, typer.Option("--quick", help="Only 1,000 watchers, and no large catalogue.")] = False,
) -> None:
    """Measure the watch: how late a change is in a watcher's hands, and what many watchers cost.

    Starts the embedded authority in a temporary directory. A sale of about 1,000 changes a second runs beside.

    Ends with 0 if every watcher held the truth in the end and missed nothing, whatever the speed; otherwise with 1.

    Example: python -m holdfast_loadtest bench-watch --quick --seconds 10
    """
    progress = Console(stderr=True, highlight=False)
    try:
        result = asyncio.run(
            run_watch_bench(
                seconds=seconds,
                crowds=(1_000,) if quick else (1_000, 5_000),
                whole_catalogue=not quick,
                say=progress.print,
            )
        )
    except (HoldfastError, ServerNotStartedError, ProcessFailedError, OSError) as error:
        progress.print(f"the run broke off: {error}", style="bold red", markup=False)
        raise typer.Exit(1) from error
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show_watch(result, Console(highlight=False), where=report)
    if not is_true(result):
        raise typer.Exit(1)


@app.command("bench-growth")
def bench_growth(
    *,
    report: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the result is written.")] = Path(
        "build/growth.json"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="A twentieth of the history.")] = False,
) -> None:
    """Measure what a long history costs: 10 million movements at 1 million stock levels, beside an empty ledger.

    Starts two embedded authorities in a temporary directory, gives one a history, and measures both by turns: durable
    reservations in batches and one by one, the loading of the sequencer, memory, disk, and the start. Needs 24 GiB of
    free space and about a quarter of an hour; with --quick 4 GiB and two minutes.

    Ends with 0 if both ledgers are sound, whatever the speed; with 1 if one is not, or if the run broke off.

    Example: python -m holdfast_loadtest bench-growth --quick
    """
    progress = Console(stderr=True, highlight=False)
    try:
        result = asyncio.run(run_growth_bench(GROWN_A_LITTLE if quick else GROWN, say=progress.print))
    except (HoldfastError, ServerNotStartedError, ProcessFailedError, OSError) as error:
        progress.print(f"the run broke off: {error}", style="bold red", markup=False)
        raise typer.Exit(1) from error
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show_growth(result, Console(highlight=False), where=report)
    if not result["truth"]["sound"]:
        raise typer.Exit(1)


@app.command("bench-scaling")
def bench_scaling(
    *,
    report: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the result is written.")] = Path(
        "build/scaling.json"
    ),
    rounds: Annotated[int, typer.Option(min=1, max=20, help="How often each way is measured, by turns.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="How long each time.")] = 4.0,
) -> None:
    """Measure what segments cost: one segment, one of two, and demand over both of them.

    Starts two embedded authorities in a temporary directory, one of one segment and one of two, and has 64 callers
    reserve in each way, by turns.

    Ends with 0 if both ledgers are sound, whatever the speed; with 1 if one is not, or if the run broke off.

    Example: python -m holdfast_loadtest bench-scaling --rounds 2 --seconds 2
    """
    progress = Console(stderr=True, highlight=False)
    try:
        result = asyncio.run(run_scaling_bench(rounds=rounds, seconds=seconds, say=progress.print))
    except (HoldfastError, ServerNotStartedError, ProcessFailedError, OSError, grpc.RpcError) as error:
        progress.print(f"the run broke off: {error}", style="bold red", markup=False)
        raise typer.Exit(1) from error
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show_scaling(result, Console(highlight=False), where=report)
    if not result["truth"]["sound"]:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
