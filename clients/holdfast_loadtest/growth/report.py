"""Makes the report of a growth run: plain data, ready for JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast_loadtest.figures import median, median_of_ratios, ratio
from holdfast_loadtest.growth.filling import Filled
from holdfast_loadtest.growth.stores import Disk
from holdfast_loadtest.phases import Measurements, Phase

TARGETS: Final = {"grown_vs_empty": 0.9}
"""The least that each ratio should be."""

_DIGITS: Final = 4


def _phase(name: str, kind: str, in_flight: int, batch_size: int) -> Phase:
    return Phase(
        name=name,
        side="authority",
        kind="batch" if kind == "batch" else "unary",
        in_flight=in_flight,
        batch_size=batch_size,
    )


_BATCH_EMPTY: Final = _phase("batch_500_empty", "batch", 3, 500)
_BATCH_GROWN: Final = _phase("batch_500_grown", "batch", 3, 500)
_BATCH_WIDE: Final = _phase("batch_500_wide", "batch", 3, 500)
_UNARY_EMPTY: Final = _phase("unary_256_empty", "unary", 256, 1)
_UNARY_GROWN: Final = _phase("unary_256_grown", "unary", 256, 1)
_UNARY_WIDE: Final = _phase("unary_256_wide", "unary", 256, 1)

EMPTY_PHASES: Final = (_BATCH_EMPTY, None, _UNARY_EMPTY, None)
GROWN_PHASES: Final = (_BATCH_GROWN, _BATCH_WIDE, _UNARY_GROWN, _UNARY_WIDE)
"""What is compared stands side by side. The same thousand SKUs are asked for on both sides; wide demand is for all SKUs
of the grown catalogue alike, which an empty authority does not have."""

_RATIOS: Final = {
    "batch_500": (_BATCH_GROWN, _BATCH_EMPTY),
    "unary_256": (_UNARY_GROWN, _UNARY_EMPTY),
    "batch_500_wide": (_BATCH_WIDE, _BATCH_EMPTY),
    "unary_256_wide": (_UNARY_WIDE, _UNARY_EMPTY),
}
_OF_THE_TARGET: Final = ("batch_500", "unary_256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """How long it took after Valkey had lost everything."""

    levels: int
    load_seconds: float
    """The time for which the segment was being loaded."""
    seconds: float
    """From the loss until a unit was sold again."""
    bare_per_second: float = 0.0
    """The levels that a bare Valkey takes in a second, one command each, in a pipeline."""
    bare_bulk_per_second: float = 0.0
    """The same with thousands of them in a command, as the authority does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """How old history was retired beside a sale."""

    movements: int
    operations: int
    seconds: float
    """From the wish to the end of all of it."""
    movements_per_second: float
    """While the sale lasted."""
    was_beside: bool
    """It was not over before the sale was."""
    sale_p99_ms: float
    sale_alone_p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The time from the start of an authority until it sells."""

    empty_seconds: float
    grown_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the check of a whole ledger found."""

    operations: int
    movements: int
    seconds: float
    is_clean: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """All that a run measured."""

    levels: int
    filled: Filled
    measurements: Measurements
    rebuild: Rebuild
    bytes_per_level: float
    per_open_reservation: Mapping[str, float]
    disk: Disk
    retirement: Retirement
    starts: Start
    truths: Mapping[str, Truth]


def make_report(growth: Growth, *, machine: Mapping[str, Any], quick: bool, seconds: float) -> dict[str, Any]:
    """Returns the report of a run."""
    rates = growth.measurements.rates
    ratios = {name: median_of_ratios(rates(grown), rates(empty)) for name, (grown, empty) in _RATIOS.items()}
    compared = [ratios[name] for name in _OF_THE_TARGET]
    grown_vs_empty = None if None in compared else min(value for value in compared if value is not None)
    return {
        "grown_vs_empty": _rounded(grown_vs_empty),
        "ratios": {name: _rounded(value) for name, value in ratios.items()},
        "rates": {phase.name: _rounded(median(rates(phase)), 1) for phase in _phases()},
        "rates_of_rounds": {phase.name: [_rounded(rate, 1) for rate in rates(phase)] for phase in _phases()},
        "latency_ms": {
            phase.name: {
                "p50": _rounded(median(growth.measurements.p50s_ms(phase)), 2),
                "p99": _rounded(median(growth.measurements.p99s_ms(phase)), 2),
            }
            for phase in _phases()
        },
        "costs_us": {
            phase.name: {name: _rounded(cost, 1) for name, cost in growth.measurements.costs_us(phase).items()}
            for phase in _phases()
        },
        "rebuild": _rebuild(growth.rebuild),
        "memory": {
            "bytes_per_level": _rounded(growth.bytes_per_level, 1),
            **{name: _rounded(value, 1) for name, value in growth.per_open_reservation.items()},
        },
        "disk": {
            "bytes": growth.disk.total,
            "bytes_per_movement": _rounded(ratio(growth.disk.total, growth.disk.movements), 1),
            "by_table": {name: size for name, size in growth.disk.by_table.items() if size},
        },
        "retirement": {
            "operations": growth.retirement.operations,
            "movements": growth.retirement.movements,
            "seconds": _rounded(growth.retirement.seconds, 1),
            "movements_per_second": _rounded(growth.retirement.movements_per_second, 1),
            "was_beside_the_sale": growth.retirement.was_beside,
            "sale_p99_ms": _rounded(growth.retirement.sale_p99_ms, 2),
            "sale_alone_p99_ms": _rounded(growth.retirement.sale_alone_p99_ms, 2),
            "sale_p99_ratio": _rounded(ratio(growth.retirement.sale_p99_ms, growth.retirement.sale_alone_p99_ms), 3),
        },
        "start": {
            "empty_seconds": _rounded(growth.starts.empty_seconds, 2),
            "grown_seconds": _rounded(growth.starts.grown_seconds, 2),
        },
        "history": {
            "levels": growth.levels,
            "movements": growth.filled.movements,
            "seconds": _rounded(growth.filled.seconds, 1),
            "movements_per_second": _rounded(ratio(growth.filled.movements, growth.filled.seconds), 1),
        },
        "targets": {
            name: {"at_least": least, "met": None if grown_vs_empty is None else grown_vs_empty >= least}
            for name, least in TARGETS.items()
        },
        "truth": {
            "sound": all(truth.is_clean for truth in growth.truths.values()),
            **{
                name: {
                    "operations": truth.operations,
                    "movements": truth.movements,
                    "clean": truth.is_clean,
                    "seconds": _rounded(truth.seconds, 1),
                }
                for name, truth in growth.truths.items()
            },
        },
        "machine": dict(machine),
        "quick": quick,
        "seconds": _rounded(seconds, 1),
    }


def _phases() -> list[Phase]:
    return [phase for pair in zip(EMPTY_PHASES, GROWN_PHASES, strict=True) for phase in pair if phase is not None]


def _rebuild(rebuild: Rebuild) -> dict[str, Any]:
    per_second = ratio(rebuild.levels, rebuild.load_seconds)
    return {
        "levels": rebuild.levels,
        "seconds": _rounded(rebuild.seconds, 2),
        "load_seconds": _rounded(rebuild.load_seconds, 2),
        "levels_per_second": _rounded(per_second, 1),
        "bare_pipeline_per_second": _rounded(rebuild.bare_per_second, 1),
        "bare_bulk_per_second": _rounded(rebuild.bare_bulk_per_second, 1),
        "share_of_bare_pipeline": _rounded(ratio(per_second, rebuild.bare_per_second)),
    }


def _rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    return None if value is None else round(value, digits)
