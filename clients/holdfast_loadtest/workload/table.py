"""Shows a report in a terminal: what was asked and answered, how long it took, by channel, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

PERCENTILES: Final = (("p50", "p50"), ("p90", "p90"), ("p95", "p95"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max"))
_UNKNOWN: Final = "-"
_NAMED_IN_TERMINAL: Final = 10


def show(report: Mapping[str, Any], console: Console) -> None:
    """Prints a report."""
    for table in (_latencies(report), _channels(report), _verdict(report)):
        console.print(table)
    for finding in report["verdict"]["findings"][:_NAMED_IN_TERMINAL]:
        console.print(f"{finding['subject']}: {finding['what']}", style="red", markup=False, soft_wrap=True)
    console.print(report["sentence"], style="bold" if report["sound"] else "bold red", markup=False, soft_wrap=True)


def _table(title: str, words: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(words)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def rows_of_latency(report: Mapping[str, Any]) -> Iterator[tuple[str, int | None, Mapping[str, float | None]]]:
    """Yields what was measured, how often, and its percentiles in milliseconds."""
    figures = report["figures"]
    yield "reservations", figures["answered"], figures["latency_ms"]
    yield "  granted", figures["granted"], figures["latency_granted_ms"]
    yield "  refused", figures["refused"], figures["latency_refused_ms"]
    for kind, latency in figures["latency_by_kind_ms"].items():
        if kind != "reserve":
            yield f"to {kind}", None, latency
    yield "sent late by", None, figures["generator"]["sent_late_ms"]
    yield "  own fault", None, figures["generator"]["own_late_ms"]


def _latencies(report: Mapping[str, Any]) -> Table:
    figures = report["figures"]
    rate = number(figures["answered_per_second"])
    title = f"{report['scenario']}: {number(figures['offered'])} asked, {rate} answered a second; milliseconds"
    table = _table(title, "", "count", *(heading for _, heading in PERCENTILES))
    for words, count, latency in rows_of_latency(report):
        values = (number(latency[name], 1) for name, _ in PERCENTILES)
        table.add_row(words, "" if count is None else number(count), *values)
    return table


def _channels(report: Mapping[str, Any]) -> Table:
    table = _table("by channel", "channel", "asked", "granted", "refused", "units", "p50 ms", "p99 ms")
    for channel, of in report["figures"]["channels"].items():
        table.add_row(
            channel,
            *(number(of[name]) for name in ("asked", "granted", "refused", "granted_units")),
            *(number(of["latency_ms"][name], 1) for name in ("p50", "p99")),
        )
    return table


def rows_of_verdict(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields what was judged and what was found, in words."""
    verdict, figures = report["verdict"], report["figures"]
    left, duplicates = verdict["left"], verdict["duplicates"]
    yield "asked for, in stock, sold", _slashed(verdict["demand"], verdict["stock"], verdict["sold"])
    yield "SKUs predicted exactly", number(verdict["exactly_predicted_skus"])
    if verdict["at_least_predicted_skus"]:
        yield "SKUs predicted from below", number(verdict["at_least_predicted_skus"])
    yield "refusals checked", number(verdict["refusals_checked"])
    yield "oversold, leaked, missing", _slashed(verdict["oversold"], verdict["leaked"], verdict["missing"])
    yield (
        "sent twice, replayed, refused twice",
        _slashed(*(duplicates[name] for name in ("sent", "replayed", "refused"))),
    )
    yield "took effect twice", number(duplicates["applied"])
    yield "asked again, unknown in the end", _slashed(figures["asked_again"], verdict["unknown"])
    yield "left: unsold, held, committed", _slashed(left["unsold"], left["held"], left["committed"])
    yield "left: fulfilled", number(left["fulfilled"])
    yield "came back: released, expired", _slashed(left["released"], left["expired"])
    yield "movements read back", number(verdict["movements"])
    yield "whole ledger", {True: "sound", False: "NOT SOUND", None: "not checked"}[verdict["ledger_verified"]]
    yield "were to come, and never asked", number(figures["not_begun"])


def _verdict(report: Mapping[str, Any]) -> Table:
    table = _table("verdict", "", "found")
    for words, found in rows_of_verdict(report):
        table.add_row(words, found)
    return table


def number(value: float | None, digits: int = 0) -> str:
    """Returns a number for people."""
    return _UNKNOWN if value is None else f"{value:,.{digits}f}"


def _slashed(*values: int) -> str:
    return " / ".join(number(value) for value in values)
