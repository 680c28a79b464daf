"""What the growth benchmark makes of what it measured."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from holdfast_loadtest.demand import Demand, catalogue_skus
from holdfast_loadtest.growth.filling import Filled
from holdfast_loadtest.growth.report import (
    EMPTY_PHASES,
    GROWN_PHASES,
    TARGETS,
    Growth,
    Rebuild,
    Retirement,
    Start,
    Truth,
    make_report,
)
from holdfast_loadtest.growth.size import FULL, QUICK, SOLD_SKUS, Size
from holdfast_loadtest.growth.stores import Disk, Memory
from holdfast_loadtest.growth.table import sentences, show_growth
from holdfast_loadtest.phases import Measurements, Sample
from holdfast_loadtest.task import Outcome

_RATES = {
    "batch_500_empty": (8_000.0, 10_000.0, 9_000.0),
    "batch_500_grown": (7_600.0, 9_500.0, 8_550.0),
    "batch_500_wide": (4_000.0, 5_000.0, 4_500.0),
    "unary_256_empty": (2_000.0, 2_000.0, 1_000.0),
    "unary_256_grown": (1_840.0, 1_840.0, 900.0),
    "unary_256_wide": (1_000.0, 1_000.0, 500.0),
}


def _outcome(rate: float) -> Outcome:
    return Outcome(
        measured=int(rate),
        seconds=1.0,
        acknowledged=int(rate),
        refused=0,
        unknown=0,
        p50_ms=1.0,
        p99_ms=9.0,
        client_cpu_seconds=0.1,
    )


def _report(*, clean: bool = True, **changed: tuple[float, ...]) -> dict[str, Any]:
    measurements = Measurements()
    for phase in filter(None, (*EMPTY_PHASES, *GROWN_PHASES)):
        for rate in (_RATES | changed)[phase.name]:
            measurements.add(phase, Sample(outcome=_outcome(rate), cpu_seconds={"postgres": 0.2}))
    growth = Growth(
        levels=1_000,
        filled=Filled(movements=10_000, seconds=4.0),
        measurements=measurements,
        rebuild=Rebuild(levels=1_000, load_seconds=0.5, seconds=0.8, bare_per_second=8_000.0),
        bytes_per_level=180.0,
        per_open_reservation={
            "bytes_per_open_reservation": 350.0,
            "bytes_per_remembered_outcome": 300.0,
            "journal_bytes_per_operation": 250.0,
        },
        disk=Disk(by_table={"movement": 4_000_000, "operation": 1_000_000, "pool": 0}, movements=10_000),
        retirement=Retirement(
            movements=9_000,
            operations=90,
            seconds=3.0,
            movements_per_second=4_000.0,
            was_beside=True,
            sale_p99_ms=30.0,
            sale_alone_p99_ms=20.0,
        ),
        starts=Start(empty_seconds=1.5, grown_seconds=2.5),
        truths={
            "empty": Truth(operations=10, movements=20, seconds=0.1, is_clean=True),
            "grown": Truth(operations=100, movements=10_500, seconds=2.0, is_clean=clean),
        },
    )
    return make_report(growth, machine={"cores": 2}, quick=True, seconds=60.0)


def test_the_ratio_is_that_of_the_rounds_and_the_worse_of_both_kinds_of_call() -> None:
    report = _report()
    assert report["ratios"]["batch_500"] == pytest.approx(0.95)
    assert report["ratios"]["unary_256"] == pytest.approx(0.92)
    assert report["grown_vs_empty"] == pytest.approx(0.92)
    assert report["targets"]["grown_vs_empty"] == {"at_least": TARGETS["grown_vs_empty"], "met": True}


def test_wide_demand_is_told_and_no_part_of_the_target() -> None:
    report = _report()
    assert report["ratios"]["batch_500_wide"] == pytest.approx(0.5)
    assert report["grown_vs_empty"] > report["ratios"]["batch_500_wide"]


def test_a_slow_grown_ledger_misses_the_target() -> None:
    report = _report(batch_500_grown=(6_000.0, 7_000.0, 6_500.0))
    assert report["targets"]["grown_vs_empty"]["met"] is False
    assert "not met" in sentences(report)[0]


def test_what_was_not_measured_is_null_and_no_target_is_met() -> None:
    report = _report(**dict.fromkeys(_RATES, ()))
    assert report["grown_vs_empty"] is None
    assert report["targets"]["grown_vs_empty"]["met"] is None
    assert "not measured" in sentences(report)[0]


def test_a_rebuild_is_counted_by_the_time_of_loading_and_compared_with_a_bare_pipeline() -> None:
    rebuild = _report()["rebuild"]
    assert rebuild["levels_per_second"] == 2_000.0
    assert rebuild["share_of_bare_pipeline"] == 0.25
    assert rebuild["seconds"] == 0.8


def test_a_retirement_is_told_by_its_rate_and_by_what_it_does_to_a_sale() -> None:
    report = _report()
    assert report["retirement"]["sale_p99_ratio"] == 1.5
    assert any(
        "9,000 movements of 90 operations" in sentence and "1.50 times" in sentence for sentence in sentences(report)
    )


def test_disk_is_told_per_movement_and_by_table() -> None:
    disk = _report()["disk"]
    assert disk["bytes_per_movement"] == 500.0
    assert disk["by_table"] == {"movement": 4_000_000, "operation": 1_000_000}


def test_one_ledger_that_is_not_clean_makes_the_run_unsound() -> None:
    assert _report()["truth"]["sound"] is True
    report = _report(clean=False)
    assert report["truth"]["sound"] is False
    assert sentences(report)[-1].endswith("broken.")


def test_the_report_is_json_and_can_be_shown() -> None:
    report = _report()
    assert json.loads(json.dumps(report)) == report
    console = Console(width=200, file=io.StringIO(), record=True)
    show_growth(report, console, where=Path("build/growth.json"))
    assert "build/growth.json" in console.export_text()


def test_memory_that_goes_by_itself_is_no_part_of_what_lasts() -> None:
    assert Memory(used=1_000, outcomes=300, journal=200).lasting == 500


@pytest.mark.parametrize("size", [FULL, QUICK])
def test_the_parts_of_a_history_add_up(size: Size) -> None:
    assert size.levels + 2 * size.reservations + size.adjustments == size.movements
    assert size.adjustments > 0
    assert size.sold_every * SOLD_SKUS == size.skus


def test_a_quick_run_has_a_twentieth_of_the_history() -> None:
    assert QUICK.levels * 20 == FULL.levels
    assert QUICK.movements * 20 == FULL.movements


def test_demand_of_a_catalogue_is_for_skus_that_are_spread_over_it() -> None:
    sold = catalogue_skus(10, every=7)
    assert sold[:2] == ("CATALOGUE-000000", "CATALOGUE-000007")
    assert set(sold) < set(catalogue_skus(64))
    demand = Demand(catalogue=(10, 7), seed=3)
    assert {demand.next().lines[0].sku for _ in range(400)} == set(sold)
