"""The flash sale of a run: far more buyers than units, judged by the auditor of the load test."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any, Final

from holdfast_loadtest.pace import Pace
from holdfast_loadtest.workload.options import chosen
from holdfast_loadtest.workload.run import Result, Run, load_processes
from holdfast_loadtest.workload.scenarios.flash_sale import FLASH_SALE

_RUN_ID: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashSale:
    """What came of it. Latency counts from when a buyer meant to ask, however late the request went out."""

    buyers: int
    units: int
    sold: int
    oversold: int
    leaked: int
    sound: bool
    """Exactly as many units as there were went to buyers, each request took effect once, and no answer is unknown."""
    answered_per_second: float | None
    p50_ms: float | None
    p99_ms: float | None

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


async def run_flash_sale(target: str, pace: Pace) -> FlashSale:
    """Runs it once, against an authority that is there.

    Raises ProcessFailedError, and HoldfastError if the authority cannot be stocked up or read.
    """
    wanted = {
        "run_id": _RUN_ID,
        "buyers": pace.buyers,
        "seconds": pace.buyers_seconds,
        "processes": load_processes(os.cpu_count() or 1),
    }
    run = Run(options=chosen(FLASH_SALE.name, FLASH_SALE.defaults, wanted))
    try:
        return _flash_sale(await run.run(target))
    except ExceptionGroup as failures:
        raise _first(failures) from failures


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    """Returns the first error within groups of groups."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


def _flash_sale(result: Result) -> FlashSale:
    latency = result.figures["latency_ms"]
    return FlashSale(
        buyers=result.options.buyers,
        units=result.options.units,
        sold=result.verdict.sold,
        oversold=result.verdict.oversold,
        leaked=result.verdict.leaked,
        sound=result.verdict.sound,
        answered_per_second=result.figures["answered_per_second"],
        p50_ms=latency["p50"],
        p99_ms=latency["p99"],
    )
