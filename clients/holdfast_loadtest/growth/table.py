"""Shows the report of the growth benchmark to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_UNKNOWN: Final = "-"
_RATIOS: Final = (
    ("batch_500", "batches of 500, the same SKUs on both sides"),
    ("unary_256", "single reservations, 256 under way, the same SKUs on both sides"),
    ("batch_500_wide", "batches of 500, all SKUs of the grown catalogue"),
    ("unary_256_wide", "single reservations, 256 under way, all SKUs of the grown catalogue"),
)


def show_growth(report: dict[str, Any], console: Console, *, where: Path) -> None:
    """Prints a report."""
    rates = Table(title="measured, medians of the rounds", title_justify="left")
    for heading in ("phase", "per second", "p50 ms", "p99 ms", "Postgres us", "writer us"):
        rates.add_column(heading, justify="left" if heading == "phase" else "right")
    for phase, rate in report["rates"].items():
        latency, costs = report["latency_ms"][phase], report["costs_us"][phase]
        rates.add_row(
            phase,
            _number(rate, 0),
            _number(latency["p50"], 1),
            _number(latency["p99"], 1),
            _number(costs.get("postgres"), 0),
            _number(costs.get("ledger_writer"), 0),
        )
    ratios = Table(title="grown to empty", title_justify="left")
    ratios.add_column("what")
    ratios.add_column("ratio", justify="right")
    for name, what in _RATIOS:
        ratios.add_row(what, _number(report["ratios"][name], 2))
    console.print(rates)
    console.print(ratios)
    for sentence in sentences(report):
        console.print(sentence, soft_wrap=True)
    console.print(f"the whole report: {where}", soft_wrap=True)


def sentences(report: dict[str, Any]) -> list[str]:
    """Returns what a run came to, the verdict last."""
    target = report["targets"]["grown_vs_empty"]
    word = {True: "met", False: "not met", None: "not measured"}[target["met"]]
    rebuild, memory, history, start = report["rebuild"], report["memory"], report["history"], report["start"]
    truth, retired = report["truth"], report["retirement"]
    return [
        f"A grown ledger sells at {_number(report['grown_vs_empty'], 2)} of an empty one's rate; the target is at "
        f"least {target['at_least']}: {word}.",
        f"{history['movements']:,} movements at {history['levels']:,} levels were written in "
        f"{_number(history['seconds'], 0)} s ({_number(history['movements_per_second'], 0)}/s); a movement takes "
        f"{_number(report['disk']['bytes_per_movement'], 0)} bytes on disk, with all that belongs to it.",
        f"When Valkey has lost everything, {rebuild['levels']:,} levels are loaded in "
        f"{_number(rebuild['load_seconds'], 1)} s ({_number(rebuild['levels_per_second'], 0)}/s, "
        f"{_number(rebuild['share_of_bare_pipeline'], 2)} of a bare pipeline); it sells again after "
        f"{_number(rebuild['seconds'], 1)} s. It sells {_number(start['grown_seconds'], 1)} s after its start; an "
        f"empty one {_number(start['empty_seconds'], 1)} s.",
        f"{retired['movements']:,} movements of {retired['operations']:,} operations were retired in "
        f"{_number(retired['seconds'], 0)} s, {_number(retired['movements_per_second'], 0)}/s of them beside a sale; "
        f"99 of 100 of its calls took {_number(retired['sale_p99_ratio'], 2)} times as long as without.",
        f"Valkey holds {_number(memory['bytes_per_level'], 0)} bytes per level, "
        f"{_number(memory['bytes_per_open_reservation'], 0)} per open reservation, and for some minutes "
        f"{_number(memory['bytes_per_remembered_outcome'], 0)} per outcome.",
        f"The check of {truth['grown']['movements']:,} movements took {_number(truth['grown']['seconds'], 0)} s: "
        f"{'sound' if truth['sound'] else 'broken'}.",
    ]


def _number(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:,.{digits}f}"
