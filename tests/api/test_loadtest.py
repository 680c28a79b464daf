"""The load test against the real authority: what it predicts comes true, and its audit reads the real ledger."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.ids import some
from holdfast_client import command
from holdfast_loadtest.workload.flash_sale import run_flash_sale
from holdfast_loadtest.workload.options import chosen
from holdfast_loadtest.workload.run import Result, Run
from holdfast_loadtest.workload.scenarios import SCENARIOS
from holdfast_loadtest.workload.trade import RunIdInUseError
from support.authority import TestAuthority, wait_until

ORDERS = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,22423,KETTLE,6,01/12/2010 08:00,2.55,17850,United Kingdom
1,85123A,LAMP,2,01/12/2010 08:00,3.39,17850,United Kingdom
2,22423,KETTLE,4,01/12/2010 08:05,2.55,13047,France
C3,22423,KETTLE,-3,01/12/2010 08:06,2.55,17850,United Kingdom
4,22423,KETTLE,5,01/12/2010 08:07,2.55,13047,France
"""


async def _run(authority: TestAuthority, scenario: str, **given: Any) -> Result:
    options = chosen(scenario, SCENARIOS[scenario].defaults, {"run_id": f"T{some('r')[-12:]}", **given})
    result = await Run(options=options, verify=True).run(authority.target)
    assert result.verdict.findings == ()
    assert result.verdict.ledger_verified
    return result


@pytest.mark.parametrize("batch", [1, 50])
async def test_a_flash_sale_sells_exactly_what_there_is_through_every_channel(
    authority: TestAuthority, batch: int
) -> None:
    result = await _run(authority, "flash-sale", buyers=600, units=40, seconds=1.0, duplicates=0.2, batch=batch)
    verdict, figures = result.verdict, result.figures
    assert (verdict.demand, verdict.sold, verdict.exactly_predicted_skus) == (600, 40, 1)
    assert (verdict.oversold, verdict.leaked, verdict.missing, verdict.unknown) == (0, 0, 0, 0)
    assert (figures["granted"], figures["refused"]) == (40, 560)
    assert sum(of["granted_units"] for of in figures["channels"].values()) == 40
    assert len(figures["channels"]) == 4
    assert verdict.duplicates.sent > 60
    assert verdict.duplicates.sent == verdict.duplicates.replayed + verdict.duplicates.refused
    assert verdict.duplicates.replayed > 0
    assert verdict.left.held == 40
    assert (figures["batches"] > 0) == (batch > 1)


async def test_a_flash_sale_of_two_load_processes_has_every_buyer_once(authority: TestAuthority) -> None:
    result = await _run(authority, "flash-sale", buyers=301, units=50, seconds=0.5, processes=2)
    assert (result.figures["offered"], result.verdict.sold) == (301, 50)


async def test_a_mixed_life_ends_in_every_way_and_every_unit_is_accounted_for(authority: TestAuthority) -> None:
    result = await _run(authority, "mixed-life", skus=20, units=6, rate=150.0, seconds=2.0, duplicates=0.1)
    verdict = result.verdict
    left = verdict.left
    assert min(left.held, left.committed, left.fulfilled, left.released, left.expired) > 0
    assert left.unsold + left.held + left.committed + left.fulfilled == verdict.stock
    assert verdict.sold == left.held + left.committed + left.fulfilled + left.released + left.expired
    assert verdict.exactly_predicted_skus + verdict.at_least_predicted_skus == 20
    assert verdict.at_least_predicted_skus > 0


@pytest.mark.parametrize(
    ("scenario", "given"),
    [
        ("hot-set", {"skus": 30, "units": 10, "rate": 300.0}),
        ("wide-catalogue", {"skus": 2_500, "rate": 300.0}),
        ("baskets", {"skus": 30, "units": 20, "rate": 100.0, "lines": 5}),
        ("baskets", {"skus": 30, "units": 20, "buyers": 100, "lines": 5, "closed": 8}),
    ],
)
async def test_every_scenario_comes_out_as_predicted(
    authority: TestAuthority, scenario: str, given: dict[str, Any]
) -> None:
    result = await _run(authority, scenario, seconds=1.0, **given)
    verdict = result.verdict
    assert verdict.sold > 0
    assert verdict.refusals_checked > 0
    assert scenario == "baskets" or verdict.exactly_predicted_skus > 10


async def test_real_orders_are_reserved_committed_and_cancelled(authority: TestAuthority, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(ORDERS.encode()))
    result = await _run(authority, "real-orders", orders=str(path), seconds=3.0, stock_share=0.75, duplicates=1.0)
    verdict, left = result.verdict, result.verdict.left
    # Of the 11 kettles 10 are sold, 3 come back, and so there are 4 for the last order, which wants 5.
    assert (verdict.demand, verdict.stock, left.released, left.unsold) == (17, 13, 3, 4)
    assert (left.held, left.committed) == (0, 9)
    assert result.figures["refused_by_reason"] == {"reserve": {"INSUFFICIENT_STOCK": 1}}
    assert (verdict.duplicates.sent, verdict.duplicates.applied) == (6, 0)


async def test_a_sequencer_that_is_lost_meanwhile_costs_patience_and_no_unit(killable: TestAuthority) -> None:
    given = {"buyers": 600, "units": 400, "seconds": 2.0, "run_id": f"T{some('r')[-12:]}"}
    run = Run(options=chosen("flash-sale", SCENARIOS["flash-sale"].defaults, given), verify=True)
    running = asyncio.create_task(run.run(killable.target))
    await asyncio.to_thread(wait_until, lambda: run.counters.answered >= 50, "the sale began")
    killable.kill_valkey()
    result = await running
    assert result.verdict.findings == ()
    assert (result.verdict.sold, result.verdict.unknown) == (400, 0)
    assert result.figures["asked_again"] > 0


async def test_a_run_id_is_used_once(authority: TestAuthority) -> None:
    given = {"run_id": some("run")[:20].replace("_", "-"), "buyers": 5, "units": 2, "seconds": 0.2}
    await _run(authority, "flash-sale", **given)
    with pytest.raises(RunIdInUseError):
        await _run(authority, "flash-sale", **given)


async def test_a_flash_sale_is_one_measurement_among_others(authority: TestAuthority) -> None:
    sale = await run_flash_sale(authority.target, buyers=200, units=30, seconds=0.5)
    assert (sale.sound, sale.sold, sale.oversold, sale.leaked) == (True, 30, 0, 0)
    assert sale.p50_ms is not None
    assert sale.p99_ms is not None
    assert 0 < sale.p50_ms <= sale.p99_ms <= 1000 * sale.seconds


def test_the_command_writes_its_report_and_its_page(authority: TestAuthority, tmp_path: Path) -> None:
    report, page = tmp_path / "new" / "sale.json", tmp_path / "sale.html"
    words = ["flash-sale", "--buyers", "100", "--units", "10", "--seconds", "0.5", "--target", authority.target]
    result = CliRunner().invoke(
        command.build(), ["loadtest", *words, "--report", str(report), "--html", str(page)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert "Sound: 10 units sold of 10, with 100 asked for" in result.output
    written = json.loads(report.read_text())
    assert written["sound"] is True
    assert written["verdict"]["sold"] == 10
    assert "<strong>Sound</strong>" in page.read_text()


async def test_ctrl_c_ends_the_asking_and_the_verdict_is_about_what_was_asked(authority: TestAuthority) -> None:
    command_line = (sys.executable, "-m", "holdfast_loadtest", "run", "hot-set", "--skus", "20", "--rate", "100")
    process = await asyncio.create_subprocess_exec(
        *command_line,
        "--seconds",
        "600",
        "--max-seconds",
        "600",
        "--target",
        authority.target,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while not (await process.stderr.readline()).startswith(b"asking"):
            pass
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"Sound:" in output
