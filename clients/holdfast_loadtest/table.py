"""Shows a report to a person: a table, one sentence per target, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_SENTENCES: Final = {
    "batch_vs_script": "Durable reservations in batches of 500 run at {value} of the bare script's rate",
    "unary_vs_echo": "Durable single reservations run at {value} of a bare echo's rate",
    "sdk_vs_unary": "256 callers of one SDK client reserve {value} times as fast as 256 that call one by one",
    "hot_vs_spread": "In batches of 500, one SKU sells at {value} of the rate of 1,000 SKUs",
    "hot_vs_row_lock": "In batches of 500, one SKU sells {value} times as fast as by a row lock in bare Postgres",
    "unary_vs_row_lock_server": "One by one, one SKU sells {value} times as fast as by a row lock behind a gRPC server",
    "processes_2_vs_1": "Two server processes take {value} times as many single reservations as one",
    "pool_2000_vs_2": "A reservation from a pool of 2,000 locations takes {value} times as long as from a pool of 2",
    "p50_alone_vs_floor": "One caller alone waits {value} times as long as for a round trip to Redis and a commit",
}
_RATIOS: Final = (
    ("unary_vs_echo", "single reservations, 256 under way, to echo"),
    ("unary_vs_echo_64", "single reservations, 64 under way, to echo"),
    ("sdk_vs_unary", "256 callers of one SDK client to 256 single reservations under way"),
    ("unary_vs_row_lock_server", "single reservations of one SKU, 64 under way, to a gRPC server with a row lock"),
    ("batch_vs_script", "batches of 500 to the bare script"),
    ("hot_vs_spread", "batches of 500 on one SKU to 1,000 SKUs"),
    ("hot_vs_row_lock", "batches of 500 on one SKU to a row lock in Postgres, 64 clients"),
    ("hot_vs_row_lock_few", "the same to so few clients that they hardly wait for each other"),
    ("spread_vs_row_lock", "batches of 500 on 1,000 SKUs to row locks in Postgres, 64 clients"),
    ("processes_2_vs_1", "single reservations through two server processes to one"),
    ("pool_2000_vs_2", "time of a reservation from a pool of 2,000 locations to one of 2; less is better"),
    ("p50_alone_vs_floor", "median of one caller to a round trip and a commit; less is better"),
)
_PROCESSES: Final = {
    "client": "client",
    "server": "server",
    "ledger_writer": "ledger writer",
    "valkey": "Valkey",
    "postgres": "Postgres",
}
_UNKNOWN: Final = "-"


def show(report: dict[str, Any], console: Console, *, where: Path) -> None:
    """Prints a report."""
    for table in (_rates(report), _costs(report), _ratios(report)):
        console.print(table)
    for sentence in sentences(report):
        console.print(sentence, soft_wrap=True)
    console.print(f"the whole report: {where}", soft_wrap=True)


def _table(title: str, words: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(words)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _rates(report: dict[str, Any]) -> Table:
    table = _table("measured, medians of the rounds", "phase", "per second", "p50 ms", "p99 ms")
    for phase, rate in report["rates"].items():
        latency = report["latency_ms"][phase]
        table.add_row(phase, _number(rate, 0), _number(latency["p50"], 1), _number(latency["p99"], 1))
    return table


def _costs(report: dict[str, Any]) -> Table:
    table = _table("CPU microseconds per reservation", "phase", *(process for process in _PROCESSES.values()))
    for phase, costs in report["costs_us"].items():
        if phase in report["rates"]:
            table.add_row(phase, *(_number(costs.get(process), 0) for process in _PROCESSES))
    return table


def _ratios(report: dict[str, Any]) -> Table:
    table = _table("ratios within this run", "what", "ratio", "by CPU time")
    for name, what in _RATIOS:
        table.add_row(what, _number(report[name], 2), _number(report["ratios_by_cpu"].get(name), 2))
    return table


def sentences(report: dict[str, Any]) -> list[str]:
    """Returns one sentence per target, then what a reservation costs in Valkey, the flash sale, and the verdict."""
    found = []
    for name, target in report["targets"].items():
        fact = _SENTENCES[name].format(value=_number(report[name], 2))
        word = {True: "met", False: "not met", None: "not measured"}[target["met"]]
        if report["quick"]:
            word += ", as far as so short a run can tell"
        bound = f"at least {target['at_least']}" if "at_least" in target else f"at most {target['at_most']}"
        found.append(f"{fact}; the target is {bound}: {word}.")
    truth = report["truth"]
    costs = report["costs_us"]
    found.append(
        f"A reservation takes {_number(costs['batch_500'].get('valkey'), 1)} us of Valkey's CPU in batches of 500, "
        f"{_number(costs['script'].get('valkey'), 1)} us in the bare script."
    )
    sale = report["flash_sale"]
    found.append(
        f"In a flash sale {sale['sold']:,} of {sale['units']:,} units went to {sale['buyers']:,} buyers, oversold "
        f"{sale['oversold']:,}, leaked {sale['leaked']:,}; 99 of 100 had their answer within "
        f"{_number(sale['p99_ms'], 0)} ms of wanting to ask: {'sound' if sale['sound'] else 'NOT SOUND'}."
    )
    found.append(
        f"Sold {truth['sold']:,} of {truth['acknowledged']:,} acknowledged, oversold {truth['oversold']:,}, "
        f"leaked {truth['leaked']:,}; the last {truth['scarce_units']:,} units of a SKU went to "
        f"{truth['scarce_sold']:,} buyers: {report['verdict']}."
    )
    return found


def _number(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:,.{digits}f}"
