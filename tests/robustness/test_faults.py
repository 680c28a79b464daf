"""Some faults in their shorter form; all of them with HOLDFAST_ALL_FAULTS=1. `make robustness` runs them at length."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from robustness.faults import Fault, all_faults
from robustness.suite import profile_of, run_fault

OPERATIONS = 1_000
SEED = 1
# One of each kind: a process, the sequencer, the ledger, a network, an entry, a version.
SHORTER_FORM = frozenset({2, 4, 9, 12, 17, 22})


@pytest.mark.parametrize("fault", all_faults(), ids=lambda fault: f"{fault.number:02d}")
async def test_every_promise_outlives_the_fault(fault: Fault, tmp_path: Path) -> None:
    if fault.number not in SHORTER_FORM and not os.environ.get("HOLDFAST_ALL_FAULTS"):
        pytest.skip("not in the shorter form: set HOLDFAST_ALL_FAULTS=1")
    if reason := fault.why_skipped(on_cluster=False):
        pytest.skip(f"fault {fault.number}: {reason}")
    verdict = await run_fault(
        fault, seed=SEED, operations=OPERATIONS, profile=profile_of(fault.number), reports=tmp_path
    )
    assert not verdict.broke_off
    assert {figure: found for figure, found in verdict.found.items() if found} == {}
    assert verdict.operations >= OPERATIONS


def test_every_fault_of_the_list_is_there() -> None:
    assert [fault.number for fault in all_faults()] == list(range(1, 26))
