"""What the flash sale of the benchmark makes of its run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from holdfast_loadtest.workload import flash_sale


@pytest.mark.parametrize(
    ("buyers", "units", "sold", "sound"),
    [(50, 10, 10, True), (5, 10, 5, True), (50, 10, 9, False), (5, 10, 4, False)],
)
async def test_a_sale_whose_buyers_did_not_all_get_to_ask_is_not_sound(
    monkeypatch: pytest.MonkeyPatch, buyers: int, units: int, sold: int, sound: bool
) -> None:
    """The verdict knows only of those who asked, and is content with them."""

    class Run:
        def __init__(self, **_: Any) -> None:
            pass

        async def run(self, _: str) -> Any:
            verdict = SimpleNamespace(sound=True, sold=sold, oversold=0, leaked=0)
            return SimpleNamespace(verdict=verdict, figures={"latency_ms": {"p50": 1.0, "p99": 2.0}, "seconds": 1.0})

    monkeypatch.setattr(flash_sale, "Run", Run)
    assert (await flash_sale.run_flash_sale("nowhere", buyers=buyers, units=units)).sound is sound
