"""What the report says of measurements and of truth."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from holdfast_loadtest import phases
from holdfast_loadtest.baselines.floor import Floor
from holdfast_loadtest.phases import Measurements, Phase, Sample, order_of_round
from holdfast_loadtest.report import COST_TARGETS, TARGETS, Circumstances, make_report
from holdfast_loadtest.table import sentences, show
from holdfast_loadtest.task import Outcome
from holdfast_loadtest.truth import Truth
from holdfast_loadtest.valkey_wire import ScriptCost

_SOUND = Truth(
    acknowledged=5_000,
    sold=5_000,
    unknown=0,
    unexpected_refusals=0,
    scarce_units=1_000,
    scarce_sold=1_000,
    phases_checked=14,
    phases_that_differed=(),
    ledger_operations=6_010,
    ledger_clean=True,
    oversold=0,
    leaked=0,
    findings=(),
)
_SALE = {
    "buyers": 50_000,
    "units": 1_000,
    "sound": True,
    "sold": 1_000,
    "oversold": 0,
    "leaked": 0,
    "p50_ms": 5.0,
    "p99_ms": 250.0,
    "seconds": 10.0,
}
_CIRCUMSTANCES = Circumstances(machine={"cores": 2}, tuning={}, seconds=12.34, quick=True)
_RATES = {
    phases.ECHO_64: 4_000.0,
    phases.UNARY_64: 1_600.0,
    phases.ECHO_256: 4_000.0,
    phases.UNARY_256: 2_000.0,
    phases.SCRIPT: 100_000.0,
    phases.BATCH_100: 8_000.0,
    phases.BATCH_100_HOT: 8_000.0,
    phases.BATCH_500: 10_000.0,
    phases.BATCH_500_HOT: 11_000.0,
    phases.POOL_2: 9_000.0,
    phases.POOL_2000: 7_500.0,
    phases.ALONE: 200.0,
    phases.SDK_256: 9_000.0,
    phases.UNARY_64_HOT: 1_500.0,
    phases.ROW_LOCK_SERVER: 500.0,
    phases.ROW_LOCK_HOT: 1_000.0,
    phases.ROW_LOCK_FEW: 4_000.0,
    phases.ROW_LOCK_1000: 20_000.0,
    phases.PROCESSES_1: 2_000.0,
    phases.PROCESSES_2: 3_000.0,
}


def _sample(rate: float, *, postgres: float | None = None) -> Sample:
    outcome = Outcome(
        measured=int(rate),
        seconds=1.0,
        acknowledged=int(rate) * 2,
        refused=0,
        unknown=0,
        p50_ms=1_000.0 / rate,
        p99_ms=2_000.0 / rate,
        client_cpu_seconds=0.1,
    )
    return Sample(
        outcome=outcome,
        cpu_seconds={"server": 0.5, "postgres": postgres},
        script_cost=ScriptCost(scripts=3, microseconds=int(rate) * 20, calls_within=int(rate) * 8),
    )


def _measurements(slower: float = 1.0) -> Measurements:
    """Two rounds, the second on a machine that is slower as a whole."""
    measurements = Measurements(floors=[Floor(redis_ms=0.05, postgres_ms=0.45)] * 2)
    for phase, rate in _RATES.items():
        measurements.add(phase, _sample(rate))
        measurements.add(phase, _sample(rate / slower))
    return measurements


def _report(
    truth: Truth = _SOUND,
    slower: float = 1.0,
    cores: int = 2,
    sale: Mapping[str, Any] = _SALE,
    quick: bool = False,
) -> dict[str, Any]:
    circumstances = dataclasses.replace(_CIRCUMSTANCES, machine={"cores": cores}, quick=quick)
    return make_report(_measurements(slower), truth, sale, circumstances)


@pytest.mark.parametrize("slower", [1.0, 4.0])
def test_ratios_do_not_depend_on_the_speed_of_the_machine(slower: float) -> None:
    report = _report(slower=slower)
    assert report["unary_vs_echo"] == 0.5
    assert report["unary_vs_echo_64"] == 0.4
    assert report["batch_vs_script"] == 0.1
    assert report["hot_vs_spread"] == 1.1
    assert report["pool_2000_vs_2"] == 1.2
    assert report["sdk_vs_unary"] == 4.5
    assert report["unary_vs_row_lock_server"] == 3.0
    assert report["hot_vs_row_lock"] == 11.0
    assert report["hot_vs_row_lock_few"] == 2.75
    assert report["spread_vs_row_lock"] == 0.5
    assert report["processes_2_vs_1"] == 1.5


def test_every_phase_has_a_rate_of_its_own() -> None:
    assert set(_RATES) == set(phases.PHASES)
    assert len({phase.name for phase in phases.PHASES}) == len(phases.PHASES)


def test_a_baseline_that_is_not_there_leaves_its_figures_unknown_and_all_others_stand() -> None:
    whole = _measurements()
    for missing in (phases.ROW_LOCK_HOT, phases.ROW_LOCK_SERVER):
        del whole.samples[missing.name]
    report, full = make_report(whole, _SOUND, _SALE, _CIRCUMSTANCES), _report()
    unknown = {"hot_vs_row_lock", "unary_vs_row_lock_server"}
    assert {name for name in full["targets"] if report[name] is None} == unknown
    assert {name for name, target in report["targets"].items() if target["met"] is None} == unknown
    assert report["rates"]["row_lock_hot"] is None
    assert report["rates_of_rounds"]["row_lock_hot"] == []
    assert report.keys() == full.keys()


def test_each_target_is_held_against_its_bound() -> None:
    targets = _report()["targets"]
    assert {name: target["met"] for name, target in targets.items()} == {
        "batch_vs_script": False,
        "unary_vs_echo": False,
        "sdk_vs_unary": True,
        "hot_vs_spread": True,
        "hot_vs_row_lock": False,
        "unary_vs_row_lock_server": False,
        "pool_2000_vs_2": True,
        "p50_alone_vs_floor": False,
    }


def test_a_second_process_must_gain_only_where_it_has_a_core() -> None:
    assert "processes_2_vs_1" not in _report(cores=2)["targets"]
    assert _report(cores=4)["targets"]["processes_2_vs_1"] == {"at_least": 1.3, "met": True}
    assert _report(cores=2)["processes_2_vs_1"] == 1.5


def test_one_caller_is_held_against_a_round_trip_and_a_commit() -> None:
    report = _report()
    assert report["p50_alone_ms"] == 5.0
    assert report["p50_alone_vs_floor"] == 10.0


def test_costs_are_per_reservation_and_an_unknown_one_stays_unknown() -> None:
    costs = _report()["costs_us"]
    assert costs["unary_256"] == {"client": 25.0, "server": 125.0, "postgres": None}
    assert costs["tick_script"] == {"valkey_script": 10.0, "redis_calls": 4.0}


def test_the_costs_of_the_bare_script_are_its_own() -> None:
    assert _report()["costs_us"]["lean_script"] == {"valkey_script": 10.0, "redis_calls": 15}


def test_ratios_by_cpu_count_every_process_and_need_them_all() -> None:
    measurements = _measurements()
    assert make_report(measurements, _SOUND, _SALE, _CIRCUMSTANCES)["ratios_by_cpu"]["unary_vs_echo"] is None
    known = Measurements()
    known.add(phases.ECHO_256, _sample(4_000.0, postgres=0.0))
    known.add(phases.UNARY_256, _sample(2_000.0, postgres=0.6))
    assert make_report(known, _SOUND, _SALE, _CIRCUMSTANCES)["ratios_by_cpu"]["unary_vs_echo"] == 0.25


def test_the_cost_of_a_great_pool_is_told_by_time_and_by_cpu_and_held_against_its_bound() -> None:
    dear = Measurements()
    dear.add(phases.POOL_2, _sample(8_000.0, postgres=0.4))
    dear.add(phases.POOL_2000, _sample(4_000.0, postgres=0.4))
    report = make_report(dear, _SOUND, _SALE, _CIRCUMSTANCES)
    assert report["pool_2000_vs_2"] == 2.0
    assert report["ratios_by_cpu"]["pool_2000_vs_2"] == 2.0
    assert report["targets"]["pool_2000_vs_2"] == {"at_most": 1.5, "met": False}


def test_a_run_without_any_measurement_has_the_same_keys() -> None:
    empty = make_report(Measurements(), _SOUND, _SALE, _CIRCUMSTANCES)
    full = _report()
    assert empty.keys() == full.keys()
    assert empty["rates"].keys() == full["rates"].keys()
    assert empty["unary_vs_echo"] is None
    assert all(target["met"] is None for target in empty["targets"].values())


def test_a_report_can_be_written_and_shown(tmp_path: Path) -> None:
    for report in (_report(), make_report(Measurements(), _SOUND, _SALE, _CIRCUMSTANCES)):
        console = Console(record=True, width=100)
        show(json.loads(json.dumps(report)), console, where=tmp_path)
        assert "unary_256" in console.export_text()


@pytest.mark.parametrize("cores", [2, 4])
def test_every_target_gets_its_sentence(cores: int) -> None:
    report = _report(cores=cores)
    of_targets = dict(zip(report["targets"], sentences(report), strict=False))
    assert set(TARGETS) | set(COST_TARGETS) <= set(of_targets)
    assert len(sentences(report)) == len(of_targets) + 3
    for name, target in report["targets"].items():
        assert f" {report[name]:.2f} " in of_targets[name]
        assert of_targets[name].endswith(": met." if target["met"] else ": not met.")
    assert "1.20 times as long" in of_targets["pool_2000_vs_2"]
    assert "is at most 1.5: met." in of_targets["pool_2000_vs_2"]
    assert "is at most 1.5: met, as far as so short a run can tell." in " ".join(sentences(_report(quick=True)))
    assert sentences(report)[-1].endswith("sound.")


@pytest.mark.parametrize(
    "lie",
    [
        {"sold": 4_999},
        {"sold": 5_001},
        {"unknown": 1},
        {"unexpected_refusals": 1},
        {"scarce_sold": 999},
        {"scarce_sold": 1_001},
        {"phases_that_differed": ("unary_64 of round 1",)},
        {"ledger_clean": False},
        {"oversold": 1},
        {"leaked": 1},
    ],
)
def test_whatever_is_wrong_breaks_the_verdict(lie: dict[str, Any]) -> None:
    report = _report(dataclasses.replace(_SOUND, **lie))
    assert report["verdict"] == "broken"
    assert report["truth"]["sound"] is False


def test_a_flash_sale_tells_its_figures_and_has_its_sentence() -> None:
    report = _report()
    assert {name: report["flash_sale"][name] for name in ("sold", "oversold", "leaked", "p99_ms")} == {
        "sold": 1_000,
        "oversold": 0,
        "leaked": 0,
        "p99_ms": 250.0,
    }
    assert report["verdict"] == "sound"
    assert "1,000 of 1,000 units went to 50,000 buyers" in sentences(report)[-2]
    assert "within 250 ms" in sentences(report)[-2]


def test_a_flash_sale_that_is_not_sound_breaks_the_verdict() -> None:
    report = _report(sale=_SALE | {"sold": 1_001, "oversold": 1, "sound": False})
    assert report["verdict"] == "broken"
    assert report["truth"]["sound"] is True
    assert "NOT SOUND" in sentences(report)[-2]
    assert sentences(report)[-1].endswith("broken.")


def test_every_other_round_runs_backwards() -> None:
    forwards = list(order_of_round(phases.PHASES, 0))
    assert forwards == list(phases.PHASES)
    assert list(order_of_round(phases.PHASES, 1)) == forwards[::-1]
    assert list(order_of_round(phases.PHASES, 2)) == forwards


def test_what_is_compared_stands_side_by_side() -> None:
    def apart(one: Phase, other: Phase) -> int:
        return abs(phases.PHASES.index(one) - phases.PHASES.index(other))

    assert apart(phases.ECHO_64, phases.UNARY_64) == 1
    assert apart(phases.ECHO_256, phases.UNARY_256) == 1
    assert apart(phases.SCRIPT, phases.BATCH_500) == 1
    assert apart(phases.BATCH_500, phases.BATCH_500_HOT) == 1
    assert apart(phases.POOL_2, phases.POOL_2000) == 1
    assert apart(phases.SDK_256, phases.UNARY_256) == 1
    assert apart(phases.UNARY_64_HOT, phases.ROW_LOCK_SERVER) == 1
    assert apart(phases.BATCH_500_HOT, phases.ROW_LOCK_HOT) == 1
    assert apart(phases.PROCESSES_1, phases.PROCESSES_2) == 1
