"""The growth benchmark holds what was acknowledged against what the ledger holds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast_loadtest.growth.bench import _Bench
from holdfast_loadtest.growth.report import GROWN_PHASES
from holdfast_loadtest.growth.size import QUICK
from holdfast_loadtest.processes import ProcessFailedError
from holdfast_loadtest.task import Outcome

ACKNOWLEDGED = 100


class Caller:
    async def run(self, _: Any) -> Outcome:
        return Outcome(
            measured=ACKNOWLEDGED,
            seconds=1.0,
            acknowledged=ACKNOWLEDGED,
            refused=0,
            unknown=0,
            p50_ms=1.0,
            p99_ms=1.0,
            client_cpu_seconds=0.1,
        )


def _side(*positions: int) -> Any:
    """An authority whose ledger stands there, one time after the other."""
    left = iter(positions)

    async def batch_get_availability(_: Any) -> Any:
        return SimpleNamespace(revision=SimpleNamespace(position=next(left)))

    authority = SimpleNamespace(target="nowhere", usage=lambda: SimpleNamespace(cpu={}))
    return SimpleNamespace(authority=authority, client=SimpleNamespace(batch_get_availability=batch_get_availability))


async def test_what_was_acknowledged_and_is_not_in_the_ledger_ends_the_run() -> None:
    caller: Any = Caller()
    bench = _Bench(size=QUICK, say=lambda _: None, directory=Path(), caller=caller)
    phase = GROWN_PHASES[0]
    assert phase is not None
    await bench._load(phase, _side(40, 40 + ACKNOWLEDGED))
    with pytest.raises(ProcessFailedError, match="100 were acknowledged, and the ledger holds 99 more"):
        await bench._load(phase, _side(40, 40 + ACKNOWLEDGED - 1))
