"""`python -m robustness`: breaks an authority in every way that is known, and says whether it kept its promises."""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from pathlib import Path
from typing import Annotated

# Servers are started by a fork while gRPC runs in this process (see holdfast_server/__main__.py).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import typer
from rich.console import Console
from rich.table import Table

from robustness.faults import Fault, all_faults
from robustness.mutants import MUTANTS, find_out
from robustness.recovery import LEVELS, LOSSES, TURNS, measure
from robustness.suite import FIGURES, Verdict, as_row, judge_again, profile_of, run_fault

app = typer.Typer(help="Break an authority by real means, and hold its promises against what came of it.")
_REPORTS = Path("build/robustness")
_ENOUGH_OPERATIONS = 200_000
_FILE_WIDTH = 200


@app.command()
def run(
    *,
    operations: Annotated[int, typer.Option(min=100, help="Operations of each fault.")] = 10_000,
    only: Annotated[list[int] | None, typer.Option(help="The number of a fault; may be given again.")] = None,
    seed: Annotated[int, typer.Option(help="What chance begins with; 0 for another one each time.")] = 0,
    hours: Annotated[float, typer.Option(min=0, help="Again and again for so long; 0 for once.")] = 0,
    patience: Annotated[float, typer.Option(help="Seconds after which a call without an answer is a failure.")] = 90,
    cluster: Annotated[bool, typer.Option("--cluster", help="The segment lives on a cluster of six Valkeys.")] = False,
    report: Annotated[Path, typer.Option(metavar="FILE.json")] = Path("build/robustness.json"),
) -> None:
    """Run the faults one after the other.

    Every fault runs on servers of its own on this machine, with clients that never give up and watchers that come back.
    Ends with 0 if every promise was kept. A failure leaves a folder with its evidence below build/robustness.

    Example: python -m robustness run --only 9 --seed 42
    """
    console = Console(highlight=False)
    seed = seed or random.SystemRandom().randrange(1, 10**6)
    faults = [fault for fault in all_faults() if not only or fault.number in only]
    reasons = {fault.number: fault.why_skipped(on_cluster=cluster) for fault in faults}
    skipped = {number: reason for number, reason in reasons.items() if reason}
    verdicts: list[Verdict] = []
    until = time.monotonic() + hours * 3600
    turn = 0
    while not turn or time.monotonic() < until:
        for fault in faults:
            if fault.number not in skipped:
                verdicts.append(_run_one(fault, seed + turn, operations, patience, console, turn, cluster))
        turn += 1
        _write(report, verdicts, skipped, seed)
    _show(verdicts, skipped, console)
    console.print(f"the whole report: {report}")
    if not all(verdict.survived for verdict in verdicts):
        raise typer.Exit(1)


def _run_one(
    fault: Fault, seed: int, operations: int, patience: float, console: Console, turn: int, on_cluster: bool
) -> Verdict:
    console.print(f"{fault.number:>2}  {fault.name}  (seed {seed})")
    verdict = asyncio.run(
        run_fault(
            fault,
            seed=seed,
            operations=operations,
            profile=profile_of(fault.number + turn),
            reports=_REPORTS,
            patience_seconds=patience,
            on_cluster=on_cluster,
        )
    )
    for note in verdict.notes:
        console.print(f"      {note}", style="dim", markup=False)
    if not verdict.survived:
        console.print(f"      BROKEN, see {verdict.report}", style="bold red", markup=False)
        if verdict.broke_off:
            console.print(verdict.broke_off.splitlines()[-1][:500], style="red", markup=False)
        for figure, found in verdict.found.items():
            for one in found[:2]:
                console.print(f"      {figure}: {one}", style="red", markup=False)
    return verdict


def _write(path: Path, verdicts: list[Verdict], skipped: dict[int, str], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [as_row(verdict) for verdict in verdicts]
    totals = {figure: sum(row[figure] for row in rows) for figure in FIGURES}
    result = {
        "faults_run": len(rows),
        "faults_survived": sum(row["survived"] for row in rows),
        "skipped": {str(number): reason for number, reason in skipped.items()},
        "operations": sum(row["operations"] for row in rows),
        **totals,
        "seed": seed,
        "faults": rows,
    }
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _show(verdicts: list[Verdict], skipped: dict[int, str], console: Console) -> None:
    # In a file or a pipe there is no width to keep to.
    console = console if console.is_terminal else Console(highlight=False, width=_FILE_WIDTH)
    table = Table(title="what was broken, and what became of the promises", title_justify="left")
    for column in ("#", "fault", "survived", "operations", "seconds", *FIGURES):
        table.add_column(column.replace("_", " "), justify="left" if column == "fault" else "right")
    for verdict in verdicts:
        survived = "yes" if verdict.survived else "[bold red]NO"
        counts = (f"{verdict.operations:,}", f"{verdict.seconds:.0f}", *(str(verdict.count(one)) for one in FIGURES))
        table.add_row(str(verdict.fault), verdict.name, survived, *counts)
    console.print(table)
    for number, reason in skipped.items():
        console.print(f"fault {number} was skipped: {reason}")
    operations = sum(verdict.operations for verdict in verdicts)
    if operations < _ENOUGH_OPERATIONS:
        console.print(f"{operations:,} operations: a full run has at least {_ENOUGH_OPERATIONS:,}")


@app.command()
def mutants(
    *, only: Annotated[list[int] | None, typer.Option(help="The number of a mutant; may be given again.")] = None
) -> None:
    """Break the code itself in one place after the other: a fault must find every break out.

    Ends with 0 if all were found out.
    """
    console = Console(highlight=False)
    survivors = []
    for number, mutant in enumerate(MUTANTS, start=1):
        if only and number not in only:
            continue
        noticed = find_out(mutant)
        console.print(f"{number:>2}  {mutant.name}: {noticed or 'SURVIVES'}", markup=False)
        if not noticed:
            survivors.append(number)
    if survivors:
        raise typer.Exit(1)


@app.command()
def recovery(
    *,
    levels: Annotated[list[int] | None, typer.Option(help="How many levels there are; may be given again.")] = None,
    turns: Annotated[int, typer.Option(min=1, help="How often each loss is measured.")] = TURNS,
    report: Annotated[Path, typer.Option(metavar="FILE.json")] = Path("build/recovery.json"),
) -> None:
    """Measure how long it takes until a reservation succeeds again after each kind of loss.

    Example: python -m robustness recovery --levels 1000 --turns 3
    """
    console = Console(highlight=False)
    found = asyncio.run(measure(levels or LEVELS, turns, console.print))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = Table(title="seconds until a reservation succeeds again: median (most)", title_justify="left")
    table.add_column("loss")
    for count in found:
        table.add_column(f"{int(count):,} levels", justify="right")
    for name in LOSSES:
        times = [seconds[name] for seconds in found.values()]
        table.add_row(
            name.replace("_", " "), *(f"{statistics.median(seconds):.2f} ({max(seconds):.2f})" for seconds in times)
        )
    console.print(table)
    console.print(f"the whole report: {report}")


@app.command()
def judge(folder: Path) -> None:
    """Judge a run again, of which a failure has left the evidence in a folder."""
    console = Console(highlight=False)
    found = {figure: ones for figure, ones in judge_again(folder).items() if ones}
    for figure, ones in found.items():
        console.print(f"{figure}: {len(ones)}")
        for one in ones[:20]:
            console.print(f"  {one}", markup=False)
    if found:
        raise typer.Exit(1)
    console.print("every promise was kept")


if __name__ == "__main__":
    app()
