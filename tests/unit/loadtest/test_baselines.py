"""Which baselines there are on a machine, and what becomes of a phase whose baseline is missing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast_loadtest import phases
from holdfast_loadtest.baselines import row_lock_bench
from holdfast_loadtest.pace import QUICK
from holdfast_loadtest.processes import ProcessFailedError
from holdfast_loadtest.sides import Sides
from holdfast_loadtest.task import Outcome, Task


def _wheel(monkeypatch: pytest.MonkeyPatch, folder: Path, *installations: str) -> None:
    """Has a wheel of Postgres be installed there, with such versions."""
    for name in installations:
        (folder / name / "bin").mkdir(parents=True)
        (folder / name / "bin" / "pgbench").touch()
    found = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr(row_lock_bench.importlib.util, "find_spec", lambda _: found)


@pytest.mark.parametrize(
    "installations", [("pginstall", "pginstall18", "pginstall9"), ("pginstall18", "pginstall"), ("pginstall18",)]
)
def test_the_newest_pgbench_of_the_wheel_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installations: tuple[str, ...]
) -> None:
    _wheel(monkeypatch, tmp_path, *installations)
    assert row_lock_bench.find_pgbench() == str(tmp_path / "pginstall18" / "bin" / "pgbench")


def test_without_the_wheel_the_machine_s_pgbench_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(row_lock_bench.importlib.util, "find_spec", lambda _: None)
    program = tmp_path / "pgbench"
    program.touch()
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert row_lock_bench.find_pgbench() == str(program)
    program.unlink()
    assert row_lock_bench.find_pgbench() is None


def test_only_phases_of_a_missing_baseline_are_left_out() -> None:
    nothing: Any = None
    sides = Sides(
        authority=nothing, echo=nothing, valkey=nothing, callers=(), row_lock_server=None, row_lock_bench=None
    )
    left_out = {phase for phase in phases.PHASES if not sides.can_load(phase)}
    assert left_out == {phases.ROW_LOCK_SERVER, phases.ROW_LOCK_HOT, phases.ROW_LOCK_FEW, phases.ROW_LOCK_1000}
    sides.row_lock_server = sides.row_lock_bench = Any
    assert all(sides.can_load(phase) for phase in phases.PHASES)


@pytest.mark.parametrize("count", [{"refused": 3}, {"unknown": 3}])
async def test_a_baseline_that_does_not_do_what_it_is_asked_for_ends_the_run(count: dict[str, int]) -> None:
    class Caller:
        async def run(self, task: Task) -> Outcome:
            return Outcome(
                **{"refused": 0, "unknown": 0, **count},
                measured=100,
                seconds=1.0,
                acknowledged=100,
                p50_ms=1.0,
                p99_ms=1.0,
                client_cpu_seconds=0.1,
            )

    caller: Any = Caller()
    echo: Any = SimpleNamespace(target="127.0.0.1:1", pid=1)
    authority: Any = SimpleNamespace(usage=lambda: SimpleNamespace(cpu={}))
    nothing: Any = None
    sides = Sides(
        authority=authority, echo=echo, valkey=nothing, callers=(caller,), row_lock_server=None, row_lock_bench=None
    )
    with pytest.raises(ProcessFailedError, match="echo_64"):
        await sides.load(QUICK, phases.ECHO_64)
