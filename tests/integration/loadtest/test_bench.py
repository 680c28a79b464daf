"""A whole run of the benchmark, as short as can be: every phase is measured, and the ledger is sound."""

import json

from holdfast_loadtest import phases
from holdfast_loadtest.bench import run_bench
from holdfast_loadtest.pace import Pace

_SHORTEST = Pace(
    rounds=1,
    warm_seconds=0.1,
    seconds=0.2,
    tuning_seconds=0.05,
    tuning_turns=0,
    buyers=1_500,
    buyers_seconds=0.5,
)


async def test_a_run_measures_every_figure_and_ends_sound() -> None:
    said: list[str] = []
    report = await run_bench(_SHORTEST, say=said.append)
    json.dumps(report)
    assert report["verdict"] == "sound", report["truth"]
    # On a busy machine nothing may have been answered in so short a time; but every phase was there.
    assert all(len(rates) == 1 for rates in report["rates_of_rounds"].values())
    assert set(report["costs_us"]["processes_2"]) == {"client", "server", "ledger_writer", "valkey", "postgres"}
    sale = report["flash_sale"]
    assert (sale["sold"], sale["oversold"], sale["leaked"]) == (1_000, 0, 0)
    for phase in phases.PHASES:
        assert [line for line in said if f"  {phase.name} " in line]
