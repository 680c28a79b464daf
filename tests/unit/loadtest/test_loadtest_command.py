"""`holdfast loadtest` refuses what cannot be before anything is started."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast_client import command
from holdfast_loadtest.workload.options import chosen
from holdfast_loadtest.workload.scenarios import SCENARIOS

NOWHERE = ("--target", "127.0.0.1:1")


def _refused(*words: str) -> str:
    result = CliRunner().invoke(command.build(), ["loadtest", *words, *NOWHERE])
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("no-such-sale",), "SCENARIO"),
        (("flash-sale", "--buyers", "-1"), "--buyers"),
        (("flash-sale", "--seconds", "0"), "--seconds"),
        (("flash-sale", "--rate", "10"), "--rate"),
        (("flash-sale", "--orders", "orders.csv"), "--orders"),
        (("hot-set", "--lines", "3"), "--lines"),
        (("flash-sale", "--buyers", "0"), "--buyers"),
        (("hot-set", "--rate", "0"), "--rate"),
        (("hot-set", "--rate", "0", "--buyers", "10"), "--rate"),
        (("hot-set", "--rate", "10", "--closed", "2"), "--rate"),
        (("hot-set", "--skus", "1000000", "--locations", "64"), "--skus"),
        (("hot-set", "--rate", "1000000", "--seconds", "3600"), "--rate"),
        (("hot-set", "--duplicates", "1.5"), "--duplicates"),
        (("hot-set", "--batch", "1001"), "--batch"),
        (("hot-set", "--in-flight", "0"), "--in-flight"),
        (("hot-set", "--channels", "65"), "--channels"),
        (("hot-set", "--run-id", "a b"), "--run-id"),
        (("real-orders",), "--orders"),
        (("real-orders", "--orders", "orders.csv", "--processes", "2"), "--processes"),
        (("baskets", "--report", "/dev/null/report.json"), "--report"),
    ],
)
def test_an_option_that_cannot_be_is_refused_and_named(words: tuple[str, ...], option: str) -> None:
    assert f"Invalid value for {option}:" in _refused(*words)


@pytest.mark.parametrize(
    ("given", "in_flight"),
    [
        ({}, 256),
        ({"batch": 10}, 256),
        ({"batch": 500}, 2_000),
        ({"batch": 500, "in_flight": 9}, 9),
        ({"closed": 400}, 400),
    ],
)
def test_whole_batches_and_all_callers_fit_into_what_may_be_under_way(given: dict[str, int], in_flight: int) -> None:
    options = chosen("flash-sale", SCENARIOS["flash-sale"].defaults, {"run_id": "T1", **given})
    assert options.in_flight == in_flight


def test_a_page_without_what_draws_it_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find = importlib.util.find_spec

    def found(name: str, *rest: Any) -> Any:
        return None if name == "matplotlib" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    words = _refused("flash-sale", "--html", str(tmp_path / "sale.html"))
    assert "--html: needs matplotlib; pip install 'holdfast[loadtest]' brings it" in words


def test_a_file_that_cannot_be_read_is_named() -> None:
    result = CliRunner().invoke(command.build(), ["loadtest", "real-orders", "--orders", "no-such.csv", *NOWHERE])
    assert result.exit_code == 1
    assert "no-such.csv" in result.output


def test_nobody_there_is_no_verdict() -> None:
    result = CliRunner().invoke(command.build(), ["loadtest", "flash-sale", "--buyers", "1", *NOWHERE])
    assert result.exit_code == 1
    assert "UNAVAILABLE" in result.output


def test_so_many_levels_that_no_machine_could_hold_them_are_refused_in_clear_words() -> None:
    words = _refused("hot-set", "--skus", "500001", "--locations", "2")
    assert "--skus: with --locations makes 1,000,002 stock levels; at most 1,000,000" in words


def test_as_many_levels_as_may_be_are_accepted() -> None:
    given = {"run_id": "T1", "skus": 500_000, "locations": 2}
    assert chosen("hot-set", SCENARIOS["hot-set"].defaults, given).skus == 500_000


def test_a_closed_loop_needs_neither_buyers_nor_a_rate() -> None:
    for scenario in ("flash-sale", "hot-set"):
        options = chosen(scenario, SCENARIOS[scenario].defaults, {"run_id": "T1", "closed": 2, "buyers": 0})
        assert (options.closed, options.buyers) == (2, 0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_help_has_an_example_of_every_scenario(name: str) -> None:
    result = CliRunner().invoke(command.build(), ["loadtest", "--help"])
    assert f"Example: holdfast loadtest {name} " in " ".join(result.output.split())
