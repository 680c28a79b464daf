"""Shows the report of the watch benchmark to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_ROWS: Final = (
    ("changes_per_second", "changes a second"),
    ("messages_per_second", "messages a second, to all together"),
    ("lag_p50_ms", "lag from decision to the watcher's hands, median, ms"),
    ("lag_p99_ms", "the same, 99 of 100, ms"),
    ("memory_per_watcher_kib", "memory of the server per watcher, KiB"),
    ("reserve_p99_ms", "a call of ten reservations, 99 of 100, ms"),
    ("reserve_alone_p99_ms", "the same without watchers, ms"),
    ("reserve_p99_ratio", "the ratio of these two"),
    ("converged", "everybody holds the truth in the end"),
    ("gaps", "operations that were missed or told twice"),
    ("duplicates_applied", "numbers that went back"),
)


def show_watch(report: dict[str, Any], console: Console, *, where: Path) -> None:
    """Prints a report."""
    table = Table(title="watchers beside a sale", title_justify="left")
    table.add_column("what")
    for count in report["crowds"]:
        table.add_column(f"{int(count):,} watchers", justify="right")
    for name, what in _ROWS:
        table.add_row(what, *(str(figures[name]) for figures in report["crowds"].values()))
    console.print(table)
    for name, target in report.get("targets", {}).items():
        word = "met" if target["met"] else "not met"
        console.print(f"{name} is {report[name]}; the target is at most {target['at_most']}: {word}.")
    costs = ", ".join(f"{cost} with {count}" for count, cost in report["cost_per_change_us"].items())
    console.print(f"CPU microseconds of the server per change, by watchers: {costs}.", soft_wrap=True)
    if whole := report.get("whole_catalogue"):
        console.print(
            f"One watcher of {whole['numbers']:,} numbers: snapshot in {whole['snapshot_seconds']} s "
            f"({whole['numbers_per_second']:,}/s), again in {whole['snapshot_again_seconds']} s; resumed after "
            f"{whole['resume_after_seconds']} s in {whole['resume_seconds']} s ({whole['resume_numbers']:,} numbers).",
            soft_wrap=True,
        )
    console.print(f"the whole report: {where}", soft_wrap=True)


def is_true(report: dict[str, Any]) -> bool:
    """Says whether every watcher held the truth in the end, and was told every operation once."""
    return all(
        figures["converged"] and not (figures["gaps"] or figures["duplicates_applied"] or figures["errors"])
        for figures in report["crowds"].values()
    )
