"""The report as one page for a browser: the verdict on top, then how the run was made, plots, and tables.

It needs nothing but itself: no script, no font, no picture from elsewhere. It follows the reader's choice of light or
dark.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from holdfast_loadtest.workload.plots import milliseconds, plots
from holdfast_loadtest.workload.table import PERCENTILES, number, rows_of_latency, rows_of_verdict

_STYLE_FILE = "page.css"


def write_page(report: Mapping[str, Any], path: Path) -> None:
    """Writes the page."""
    path.write_text(page(report), encoding="utf-8")


def page(report: Mapping[str, Any]) -> str:
    """Returns the page."""
    style = resources.files(__package__).joinpath(_STYLE_FILE).read_text(encoding="utf-8")
    title = f"Load test: {report['scenario']}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{_text(title)}</title><style>\n{style}</style></head><body><main>",
        *_head(report, title),
        *_circumstances(report),
        *(
            f"<figure><figcaption><h2>{_text(plot.title)}</h2><p>{_text(plot.caption)}</p></figcaption>"
            f'<div class="plot" role="img" aria-label="{_text(plot.title)}">{plot.svg}</div></figure>'
            for plot in plots(report)
        ),
        *_latencies(report),
        *_channels(report),
        *_verdict(report),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(report: Mapping[str, Any], title: str) -> Iterator[str]:
    sound, verdict, figures = report["sound"], report["verdict"], report["figures"]
    yield f"<header><h1>{_text(title)}</h1>"
    word = "Sound" if sound else "Not sound"
    yield f'<p class="verdict {"sound" if sound else "unsound"}"><strong>{word}</strong></p>'
    yield f'<p class="sentence">{_text(report["sentence"])}</p></header>'
    if report["interrupted"]:
        yield '<p class="note">The run was interrupted; this is about what was asked until then.</p>'
    cards = (
        ("sold of stock", f"{number(verdict['sold'])} / {number(verdict['stock'])}", False),
        ("oversold", number(verdict["oversold"]), bool(verdict["oversold"])),
        ("leaked", number(verdict["leaked"]), bool(verdict["leaked"])),
        ("took effect twice", number(verdict["duplicates"]["applied"]), bool(verdict["duplicates"]["applied"])),
        ("answered a second", number(figures["answered_per_second"]), False),
        ("latency p50", _duration(figures["latency_ms"]["p50"]), False),
        ("latency p99", _duration(figures["latency_ms"]["p99"]), False),
        ("asked", number(figures["offered"]), False),
    )
    yield '<dl class="cards">'
    for words, value, bad in cards:
        mark = ' class="bad"' if bad else ""
        yield f"<div{mark}><dt>{_text(words)}</dt><dd>{_text(value)}</dd></div>"
    yield "</dl>"


def _circumstances(report: Mapping[str, Any]) -> Iterator[str]:
    options, figures, generator = report["options"], report["figures"], report["figures"]["generator"]
    loop = f"closed, {number(options['closed'])} callers" if options["closed"] else "open"
    loads = options["processes"]
    machine = ", ".join(f"{key} {value}" for key, value in report["machine"].items() if value is not None)
    stages = ", ".join(f"{stage} {seconds:,.1f} s" for stage, seconds in report["stages"].items())
    used = {name: value for name, value in options.items() if value not in ("", 0, 0.0) and name != "scenario"}
    cpu = ", ".join(
        f"{name.replace('_', ' ')} {number(seconds, 1)} s" for name, seconds in report["authority_cpu_seconds"].items()
    )
    rows = [
        ("ended", report["time"]),
        ("loop", f"{loop}; {loads} load process{'' if loads == 1 else 'es'}; {number(options['in_flight'])} in flight"),
        ("options", ", ".join(f"{name} {value}" for name, value in used.items())),
        ("machine", machine),
        ("stages", stages),
        ("CPU of the authority", cpu),
        (
            "generator",
            f"late by its own fault: p99 {_duration(generator['own_late_ms']['p99'])}; sent late in all: p99 "
            f"{_duration(generator['sent_late_ms']['p99'])}; {number(generator['held_back'])} found as many under way "
            f"as may be; {number(generator['cpu_seconds'], 1)} s of CPU; {number(figures['not_begun'])} never asked",
        ),
    ]
    yield f'<section><h2>How it was made</h2><pre class="command"><code>{_text(report["command"])}</code></pre>'
    yield '<table class="facts"><tbody>'
    for words, value in rows:
        if value:
            yield f'<tr><th scope="row">{_text(words)}</th><td>{_text(value)}</td></tr>'
    yield "</tbody></table></section>"


def _latencies(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (words.strip(), "" if count is None else number(count), *(_duration(latency[name]) for name, _ in PERCENTILES))
        for words, count, latency in rows_of_latency(report)
    ]
    yield from _table("Latency", ("", "count", *(heading for _, heading in PERCENTILES)), rows)


def _channels(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (
            channel,
            *(number(of[name]) for name in ("asked", "granted", "refused", "granted_units")),
            *(_duration(of["latency_ms"][name]) for name in ("p50", "p99")),
        )
        for channel, of in report["figures"]["channels"].items()
    ]
    yield from _table("Channels", ("channel", "asked", "granted", "refused", "units", "p50", "p99"), rows)


def _verdict(report: Mapping[str, Any]) -> Iterator[str]:
    yield from _table("Verdict", ("judged", "found"), list(rows_of_verdict(report)))
    findings = report["verdict"]["findings"]
    if findings:
        count = report["verdict"]["findings_count"]
        rows = [(finding["subject"], finding["what"]) for finding in findings]
        yield from _table(f"Findings: {number(len(findings))} of {number(count)}", ("of", "what"), rows, words=2)


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> Iterator[str]:
    """Yields a table; behind the first columns, which are words, stand numbers."""
    yield f'<section><h2>{_text(title)}</h2><div class="wide"><table><thead><tr>'
    yield "".join(f'<th scope="col">{_text(heading)}</th>' for heading in headings) + "</tr></thead><tbody>"
    for row in rows:
        first, *others = (_text(value) for value in row)
        cells = "".join(f"<td{'' if place + 1 < words else NUMBER}>{value}</td>" for place, value in enumerate(others))
        yield f'<tr><th scope="row">{first}</th>{cells}</tr>'
    yield "</tbody></table></div></section>"


NUMBER = ' class="number"'


def _duration(value: float | None) -> str:
    return "-" if value is None else milliseconds(float(f"{value:.3g}"))


def _text(value: object) -> str:
    return html.escape(str(value))
