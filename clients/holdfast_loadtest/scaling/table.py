"""Shows the report of the scaling benchmark to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_PARTS: Final = {"server": "server", "ledger_writer": "writers", "valkey": "Valkey", "postgres": "Postgres"}


def show_scaling(report: dict[str, Any], console: Console, *, where: Path) -> None:
    """Prints a report."""
    table = Table(title="reservations, medians of the rounds; CPU in microseconds for each", title_justify="left")
    table.add_column("filled by", min_width=30)
    for heading in ("per second", "of one segment", "p50 ms", "p99 ms", *_PARTS.values()):
        table.add_column(heading, justify="right")
    for way in report["ways"].values():
        table.add_row(
            way["what"],
            _number(way["rate"], 0),
            _number(way["share_of_one_segment"], 2),
            _number(way["p50_ms"], 1),
            _number(way["p99_ms"], 1),
            *(_number(way["cpu_us"].get(part), 0) for part in _PARTS),
        )
    console.print(table)
    console.print("sound" if report["truth"]["sound"] else "broken: a ledger is not sound")
    console.print(f"the whole report: {where}", soft_wrap=True)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
