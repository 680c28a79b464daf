"""Makes the report of a run: plain data, ready for JSON. Pure.

A figure that could not be measured on this machine is null; no key is ever missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast_loadtest import phases
from holdfast_loadtest.baselines.lean_script import CALLS_PER_RESERVATION
from holdfast_loadtest.figures import median, median_of_ratios, ratio, total
from holdfast_loadtest.phases import Measurements, Phase
from holdfast_loadtest.truth import Truth

TARGETS: Final = {
    "batch_vs_script": 0.6,
    "unary_vs_echo": 0.6,
    "sdk_vs_unary": 4.0,
    "hot_vs_spread": 0.95,
    "hot_vs_row_lock": 30.0,
    "unary_vs_row_lock_server": 4.0,
}
"""The least that each ratio should be. A ratio below is said and changes nothing else: speed is no promise."""

TARGETS_OF_MORE_CORES: Final = {"processes_2_vs_1": 1.3}
"""The same, where a second server process has a core to run on."""

COST_TARGETS: Final = {"pool_2000_vs_2": 1.5, "p50_alone_vs_floor": 3.0}
"""The most that each ratio of costs should be."""

SOUND: Final = "sound"
"""The verdict of a run in which nothing was wrong; speed has no part in it."""

_CORES_OF_ONE_PROCESS: Final = 2
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where and how a run took place."""

    machine: dict[str, Any]
    tuning: dict[str, Any]
    seconds: float
    quick: bool


def make_report(
    measurements: Measurements, truth: Truth, flash_sale: Mapping[str, Any], circumstances: Circumstances
) -> dict[str, Any]:
    """Returns the report of a run."""
    ratios = _ratios(measurements)
    return {
        **{name: _rounded(value) for name, value in ratios.items()},
        "flash_sale": dict(flash_sale),
        "ratios_by_cpu": {name: _rounded(value) for name, value in _ratios_by_cpu(measurements).items()},
        "rates": {phase.name: _rounded(median(measurements.rates(phase)), 1) for phase in phases.PHASES},
        "rates_of_rounds": {
            phase.name: [_rounded(rate, 1) for rate in measurements.rates(phase)] for phase in phases.PHASES
        },
        "latency_ms": {phase.name: _latency(measurements, phase) for phase in phases.PHASES},
        "floor_ms": {
            "redis_round_trip": _rounded(median([floor.redis_ms for floor in measurements.floors])),
            "postgres_commit": _rounded(median([floor.postgres_ms for floor in measurements.floors])),
        },
        "costs_us": _costs(measurements),
        "targets": _targets(ratios, cores=circumstances.machine.get("cores") or 1),
        "truth": truth.to_json(),
        "verdict": SOUND if truth.sound and flash_sale["sound"] else "broken",
        "machine": circumstances.machine,
        "tuning": circumstances.tuning,
        "quick": circumstances.quick,
        "seconds": _rounded(circumstances.seconds, 1),
    }


def _ratios(measurements: Measurements) -> dict[str, float | None]:
    rates = measurements.rates
    alone = measurements.p50s_ms(phases.ALONE)
    floors = [floor.together_ms for floor in measurements.floors] or [None] * len(alone)
    return {
        "unary_vs_echo": median_of_ratios(rates(phases.UNARY_256), rates(phases.ECHO_256)),
        "unary_vs_echo_64": median_of_ratios(rates(phases.UNARY_64), rates(phases.ECHO_64)),
        "sdk_vs_unary": median_of_ratios(rates(phases.SDK_256), rates(phases.UNARY_256)),
        "unary_vs_row_lock_server": median_of_ratios(rates(phases.UNARY_64_HOT), rates(phases.ROW_LOCK_SERVER)),
        "batch_vs_script": median_of_ratios(rates(phases.BATCH_500), rates(phases.SCRIPT)),
        "hot_vs_spread": median_of_ratios(rates(phases.BATCH_500_HOT), rates(phases.BATCH_500)),
        "hot_vs_row_lock": median_of_ratios(rates(phases.BATCH_500_HOT), rates(phases.ROW_LOCK_HOT)),
        "hot_vs_row_lock_few": median_of_ratios(rates(phases.BATCH_500_HOT), rates(phases.ROW_LOCK_FEW)),
        "spread_vs_row_lock": median_of_ratios(rates(phases.BATCH_500), rates(phases.ROW_LOCK_1000)),
        "processes_2_vs_1": median_of_ratios(rates(phases.PROCESSES_2), rates(phases.PROCESSES_1)),
        # The time of one reservation is the inverse of the rate.
        "pool_2000_vs_2": median_of_ratios(rates(phases.POOL_2), rates(phases.POOL_2000)),
        "p50_alone_ms": median(alone),
        "p50_alone_vs_floor": median_of_ratios(alone, floors),
    }


def _ratios_by_cpu(measurements: Measurements) -> dict[str, float | None]:
    """Returns what the ratios would be if CPU time alone set the rates: other work on the machine hardly moves these.

    Both sides are counted with their client. A script's Valkey works alone, and most of what pgbench costs in a short
    run is connecting, so these have no ratio here.
    """

    def by_cpu(one: Phase, other: Phase) -> float | None:
        return ratio(total([*measurements.costs_us(other).values()]), total([*measurements.costs_us(one).values()]))

    return {
        "unary_vs_echo": by_cpu(phases.UNARY_256, phases.ECHO_256),
        "unary_vs_echo_64": by_cpu(phases.UNARY_64, phases.ECHO_64),
        "sdk_vs_unary": by_cpu(phases.SDK_256, phases.UNARY_256),
        "unary_vs_row_lock_server": by_cpu(phases.UNARY_64_HOT, phases.ROW_LOCK_SERVER),
        "hot_vs_spread": by_cpu(phases.BATCH_500_HOT, phases.BATCH_500),
        "processes_2_vs_1": by_cpu(phases.PROCESSES_2, phases.PROCESSES_1),
        "pool_2000_vs_2": by_cpu(phases.POOL_2, phases.POOL_2000),
    }


def _targets(ratios: Mapping[str, float | None], *, cores: int) -> dict[str, dict[str, Any]]:
    least = TARGETS | (TARGETS_OF_MORE_CORES if cores > _CORES_OF_ONE_PROCESS else {})
    return {
        **{name: {"at_least": bound, "met": _met(ratios[name], bound)} for name, bound in least.items()},
        **{name: {"at_most": bound, "met": _met(bound, ratios[name])} for name, bound in COST_TARGETS.items()},
    }


def _latency(measurements: Measurements, phase: Phase) -> dict[str, float | None]:
    return {
        "p50": _rounded(median(measurements.p50s_ms(phase)), 3),
        "p99": _rounded(median(measurements.p99s_ms(phase)), 3),
    }


def _costs(measurements: Measurements) -> dict[str, Any]:
    """Returns microseconds per reservation: CPU time by process, and the time within scripts by Valkey's own figures.

    Valkey reads a clock, so on a busy machine its figures hold the pauses too.
    """
    by_process = {
        phase.name: {name: _rounded(cost, 1) for name, cost in measurements.costs_us(phase).items()}
        for phase in phases.PHASES
    }
    ticks = measurements.samples.get(phases.BATCH_500.name, [])
    lean = measurements.samples.get(phases.SCRIPT.name, [])
    return {
        **by_process,
        "lean_script": {
            "valkey_script": _rounded(median([sample.script_us() for sample in lean]), 2),
            "redis_calls": CALLS_PER_RESERVATION,
        },
        "tick_script": {
            "valkey_script": _rounded(median([sample.script_us() for sample in ticks]), 2),
            "redis_calls": _rounded(median([sample.script_calls() for sample in ticks]), 2),
        },
    }


def _met(value: float | None, least: float | None) -> bool | None:
    return None if value is None or least is None else value >= least


def _rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    return None if value is None else round(value, digits)
