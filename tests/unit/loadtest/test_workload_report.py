"""The figures of a run, its report and its page."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from holdfast_loadtest.workload.account import account_of
from holdfast_loadtest.workload.figures import figures
from holdfast_loadtest.workload.history import Outcome
from holdfast_loadtest.workload.options import chosen
from holdfast_loadtest.workload.page import page
from holdfast_loadtest.workload.report import make_report
from holdfast_loadtest.workload.run import Result, load_processes
from holdfast_loadtest.workload.scenarios import SCENARIOS
from holdfast_loadtest.workload.share import Ending
from holdfast_loadtest.workload.table import show
from unit.loadtest.audited import LOCATION, SKU, Audited

DOCUMENT = (Path(__file__).parents[3] / "docs" / "loadtest.md").read_text()


def _sale() -> Audited:
    """Eight buyers, one every second; the first two get a unit. Answers take 10, 20, 30 ... ms."""
    run = Audited.sold_out(buyers=8, units=2)
    for number, record in enumerate(run.history):
        record.due = float(number)
        record.sent = record.due + 0.001
        record.answered = record.due + 0.01 * (number + 1)
    return run


def _report(run: Audited, **changes: Any) -> dict[str, Any]:
    books = run.books()
    account = account_of(run.history, opening={(SKU, LOCATION): run.units}, taken=books.taken)
    late = dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max"), 1.0)
    ending = Ending(begun=8, not_begun=1, held_back=2, own_late_ms=late, batches=0, cpu_seconds=0.5)
    result = Result(
        options=chosen("flash-sale", SCENARIOS["flash-sale"].defaults, {"run_id": "T1", **changes}),
        figures=figures(run.history, account, books, ending, stock=run.units),
        verdict=run.judge(),
        stages={"asking": 8.0},
        authority_cpu_seconds={"server": 1.5, "valkey": None},
        interrupted=False,
    )
    return make_report(
        result,
        words=["holdfast", "loadtest", "flash-sale", "--html", "<b>&"],
        machine={"cores": 2},
        time=datetime(2026, 3, 1, tzinfo=UTC),
    )


def test_latency_counts_from_when_a_buyer_meant_to_ask() -> None:
    told = _report(_sale())["figures"]
    assert told["latency_ms"]["p50"] == pytest.approx(40.0)
    assert told["latency_ms"]["max"] == pytest.approx(80.0)
    assert told["latency_granted_ms"]["max"] == pytest.approx(20.0)
    assert told["generator"]["sent_late_ms"]["max"] == pytest.approx(1.0)


def test_what_was_never_answered_has_no_latency_and_is_counted() -> None:
    run = _sale()
    run.history[7].outcome = Outcome.UNKNOWN
    told = _report(run)["figures"]
    assert (told["offered"], told["answered"], told["unknown"]) == (8, 7, 1)
    assert told["latency_ms"]["max"] == pytest.approx(70.0)


def test_the_timeline_has_every_buyer_once_and_equal_columns() -> None:
    told = _report(_sale())["figures"]
    timeline = told["timeline"]
    columns = [value for value in timeline.values() if isinstance(value, list)]
    assert len({len(column) for column in columns}) == 1
    assert (sum(timeline["offered"]), sum(timeline["granted"]), sum(timeline["refused"])) == (8, 2, 6)
    assert sum(timeline["refused_by_reason"]["INSUFFICIENT_STOCK"]) == 6
    second = int(1 / timeline["step_seconds"])
    assert [timeline["p50"][number * second] for number in range(8)] == pytest.approx([10.0 * n for n in range(1, 9)])


def test_remaining_units_fall_with_the_ledger_and_the_moment_of_the_last_one_is_told() -> None:
    run = _sale()
    for movement, second in zip(run.movements, (0, 100, 103), strict=True):
        movement.decide_time.FromSeconds(1_000_000 + second)
    told = _report(run)["figures"]
    assert told["units"] == 2
    assert told["sold_out_seconds"] == pytest.approx(3.001)
    units = told["remaining"]["units"]
    assert units == sorted(units, reverse=True)
    assert {*units} == {1, 0}


def test_shares_side_by_side_add_up_and_the_worst_percentile_stands() -> None:
    one = Ending(begun=1, not_begun=2, held_back=3, own_late_ms={"p99": 1.0}, batches=4, cpu_seconds=0.5)
    other = Ending(begun=10, not_begun=0, held_back=0, own_late_ms={"p99": None}, batches=0, cpu_seconds=0.25)
    both = Ending.together([one, other])
    assert (both.begun, both.not_begun, both.held_back, both.batches, both.cpu_seconds) == (11, 2, 3, 4, 0.75)
    assert both.own_late_ms == {"p99": 1.0}


@pytest.mark.parametrize(("cores", "processes"), [(1, 1), (2, 1), (4, 1), (8, 3), (1_000, 64)])
def test_there_are_more_load_processes_where_there_are_cores_for_them(cores: int, processes: int) -> None:
    assert load_processes(cores) == processes


def test_every_key_of_the_report_is_documented() -> None:
    report = _report(_sale())
    keys = {*report, *report["figures"], *report["verdict"], *report["figures"]["timeline"]}
    assert not {key for key in keys if f"`{key}`" not in DOCUMENT}


def test_every_option_of_a_scenario_is_in_the_report_and_no_other() -> None:
    options = _report(_sale())["options"]
    assert options["buyers"] == 50_000
    assert not {"orders", "exponent", "rate"} & options.keys()


def test_a_report_is_shown_with_its_verdict() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    run = _sale()
    show(_report(run), console)
    assert "Sound: 2 units sold of 2, with 8 asked for" in console.export_text()
    run.held += 1
    show(_report(run), console)
    shown = console.export_text()
    assert "NOT SOUND" in shown
    assert "held: 2 by the answers, 3 in the level" in shown


class _Reader(HTMLParser):
    """Keeps what a page refers to, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "data") and value is not None:
                self.references.append(value)
            if name == "id" and value is not None:
                self.ids.append(value)


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    return reader


def test_the_page_stands_on_its_own() -> None:
    text = page(_report(_sale()))
    reader = _read(text)
    assert reader.references
    assert all(reference.startswith("#") for reference in reader.references)
    assert len(reader.ids) == len(set(reader.ids))
    assert {reference[1:] for reference in reader.references} <= set(reader.ids)
    assert not {"script", "link", "img", "iframe"} & reader.tags
    assert not re.search(r"@import|url\((?!#)", text)


def test_the_page_has_its_verdict_its_command_and_a_plot_of_each_kind() -> None:
    text = page(_report(_sale()))
    assert "<strong>Sound</strong>" in text
    assert "holdfast loadtest flash-sale --html &#x27;&lt;b&gt;&amp;&#x27;" in text
    assert text.count("<svg") == 6
    assert "#0a00" not in text


def test_the_page_of_a_run_that_is_not_sound_says_so_and_names_what_was_found() -> None:
    run = _sale()
    run.held += 1
    text = page(_report(run))
    assert "<strong>Not sound</strong>" in text
    assert "held: 2 by the answers, 3 in the level" in text


def test_a_page_without_an_answer_can_be_made_all_the_same() -> None:
    run = Audited(units=2)
    assert page(_report(run)).count("<svg") == 0
