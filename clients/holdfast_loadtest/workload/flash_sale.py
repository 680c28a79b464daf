"""The flash sale as one measurement among others, against an authority that runs already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from holdfast_loadtest.workload.options import chosen
from holdfast_loadtest.workload.run import Run
from holdfast_loadtest.workload.scenarios.flash_sale import FLASH_SALE


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashSale:
    """What a flash sale came to."""

    sound: bool
    """Exactly min(buyers, units) were sold, and the auditor found nothing wrong."""
    sold: int
    oversold: int
    leaked: int
    p50_ms: float | None
    """From when a buyer meant to ask until the answer."""
    p99_ms: float | None
    seconds: float
    """From the first buyer to the last answer."""


async def run_flash_sale(
    target: str,
    *,
    buyers: int,
    units: int,
    channels: int = 4,
    seconds: float = 10.0,
    batch: int = 1,
    in_flight: int | None = None,
    duplicates: float = 0.02,
    verify: bool = False,
    seed: int = 1,
) -> FlashSale:
    """Runs a flash sale of a new SKU with one load process, and audits it.

    Buyers come within `seconds`, most of them at the beginning; `batch` is the most reservations of one call. The SKU
    stays behind with its units held. Raises OptionError, ProcessFailedError, or HoldfastError.
    """
    given = {
        "buyers": buyers,
        "units": units,
        "channels": channels,
        "seconds": seconds,
        "batch": batch,
        "in_flight": in_flight,
        "duplicates": duplicates,
        "seed": seed,
        "run_id": f"F{datetime.now(UTC):%Y%m%d-%H%M%S-%f}",
    }
    result = await Run(options=chosen(FLASH_SALE.name, FLASH_SALE.defaults, given), verify=verify).run(target)
    verdict, latency = result.verdict, result.figures["latency_ms"]
    return FlashSale(
        # Of those who never got to ask the verdict knows nothing.
        sound=verdict.sound and verdict.sold == min(buyers, units),
        sold=verdict.sold,
        oversold=verdict.oversold,
        leaked=verdict.leaked,
        p50_ms=latency["p50"],
        p99_ms=latency["p99"],
        seconds=result.figures["seconds"],
    )
