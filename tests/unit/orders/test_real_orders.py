"""The real file, where it lies beside the repository, is made of what is known of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from holdfast_client.csv_import.patience import Patience
from holdfast_client.orders.driver import Pace
from holdfast_client.orders.mapping import load_mapping
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.plan import Adjustment, Cancellation, Order, Plan
from holdfast_client.orders.reading import RowKind
from holdfast_client.orders.replay import Replay, ReplaySettings, plan_file
from unit.orders.scripted_authority import ScriptedAuthority

_FILE = Path(__file__).parents[4] / "shared" / "data" / "online_retail_2010_12.csv.gz"
_NAMES = RunNames(run_id="R1", location_count=2)

pytestmark = pytest.mark.skipif(not _FILE.exists(), reason="needs online_retail_2010_12.csv.gz")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_file(_FILE, mapping=load_mapping(), names=_NAMES, limit=None)


def test_every_row_of_the_real_file_is_accounted_for(plan: Plan) -> None:
    assert plan.counts.rows_read == 31_102
    assert plan.counts.rows_rejected == 0
    assert plan.counts.skipped_no_stock == 123
    assert plan.counts.lines_by_kind == {
        RowKind.SALE: 30_371,
        RowKind.CANCELLATION: 485,
        RowKind.WRITE_OFF: 68,
        RowKind.STOCK_FOUND: 55,
    }
    assert [plan.events_of(kind) for kind in (Order, Cancellation, Adjustment)] == [1_115, 196, 123]
    assert len(plan.channels) == 20


async def test_a_replay_of_the_real_file_is_clean_against_a_service_that_keeps_its_promises(
    plan: Plan,
) -> None:
    settings = ReplaySettings(
        names=_NAMES, stock_share=Fraction("0.8"), seed=1, concurrency=64, pace=Pace(speed=None), partial=False
    )
    replay = Replay(plan=plan, settings=settings, patience=Patience(seconds=60))
    report = await replay.run(ScriptedAuthority())
    outcomes = report.outcomes
    assert report.verdict.clean
    assert outcomes.refused["INSUFFICIENT_STOCK"] == 1_115 - outcomes.reserved > 0
    assert outcomes.cancellation_lines == 485
    assert outcomes.released > 0
