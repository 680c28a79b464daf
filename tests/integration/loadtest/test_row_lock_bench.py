"""The row lock that pgbench drives: it takes no unit too many, and leaves nothing behind."""

from pathlib import Path

import psycopg
import pytest

from holdfast_loadtest.baselines import row_lock_bench as baseline
from holdfast_loadtest.baselines.row_lock_bench import CHECKED_FORM, FORMS, RowLockBench, row_lock_bench
from holdfast_loadtest.processes import ProcessFailedError
from holdfast_loadtest.task import Outcome
from support.servers import Servers


async def _run(bench: RowLockBench | None, *, form: str = CHECKED_FORM, rows: int = 1, units: int = 10**9) -> Outcome:
    assert bench is not None
    return await bench.run(form=form, rows=rows, clients=4, warm_seconds=0.1, seconds=0.2, units=units)


@pytest.mark.parametrize("rows", [1, 10])
@pytest.mark.parametrize("form", FORMS)
async def test_each_form_takes_a_unit_for_each_reservation(
    servers: Servers, tmp_path: Path, form: str, rows: int
) -> None:
    async with row_lock_bench(servers.postgres_url, tmp_path) as bench:
        outcome = await _run(bench, form=form, rows=rows)
    assert 0 < outcome.measured < outcome.acknowledged
    assert outcome.refused == 0
    assert outcome.p50_ms is not None
    assert outcome.p99_ms is not None
    assert 0 < outcome.p50_ms <= outcome.p99_ms


async def test_the_checked_form_sells_exactly_what_there_is(servers: Servers, tmp_path: Path) -> None:
    async with row_lock_bench(servers.postgres_url, tmp_path) as bench:
        outcome = await _run(bench, rows=2, units=5)
    assert outcome.acknowledged == 10
    assert outcome.refused > 0


async def test_every_run_begins_with_all_units(servers: Servers, tmp_path: Path) -> None:
    async with row_lock_bench(servers.postgres_url, tmp_path) as bench:
        assert [(await _run(bench, units=5)).acknowledged for _ in range(2)] == [5, 5]


async def test_a_form_that_loses_a_reservation_is_found_out(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = FORMS["transaction"].replace("INSERT", "-- INSERT").replace("VALUES", "-- VALUES")
    monkeypatch.setitem(baseline.FORMS, "lost", "\n".join(one for one in lost.splitlines() if "-- " not in one))
    async with row_lock_bench(servers.postgres_url, tmp_path) as bench:
        with pytest.raises(ProcessFailedError, match="units for 0 reservations"):
            await _run(bench, form="lost")


async def test_a_script_that_fails_ends_the_run(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(baseline.FORMS, "wrong", "SELECT no_such_function();\n")
    async with row_lock_bench(servers.postgres_url, tmp_path) as bench:
        with pytest.raises(ProcessFailedError, match="ended with code"):
            await _run(bench, form="wrong")


async def test_the_schema_is_gone_afterwards(servers: Servers, tmp_path: Path) -> None:
    def schemas() -> int:
        with psycopg.connect(servers.postgres_url) as connection:
            found = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (baseline.SCHEMA,))
            row = found.fetchone()
            assert row is not None
            return int(row[0])

    async with row_lock_bench(servers.postgres_url, tmp_path):
        assert schemas() == 1
    assert schemas() == 0


async def test_without_pgbench_there_is_nothing_to_run(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baseline, "_WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    async with row_lock_bench(servers.postgres_url, tmp_path) as bench:
        assert bench is None
