"""Every reason of refusal is produced by one row of the error table, and tested by somebody."""

import re
from collections import Counter
from pathlib import Path

import pytest
from holdfast.inventory.v1.error_reason_pb2 import ErrorReason

from holdfast_server import refusals
from holdfast_server.edge.errors import TABLE

TESTS = Path(__file__).parents[1]
# Tests of the text and of the client name reasons too, but nobody refuses anything there.
NO_SERVER = {"tidy", "client"}
REASONS = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.DESCRIPTOR.values_by_name}
REASONS.remove("UNSPECIFIED")
# A fault is no refusal; it has its own function beside the table.
FAULT = "INTERNAL"


def test_every_reason_has_one_row_in_the_error_table() -> None:
    rows = Counter(row.reason for row in TABLE.values())
    assert rows == dict.fromkeys(REASONS - {FAULT}, 1)


def test_every_refusal_of_the_core_has_a_row() -> None:
    def leaves(kind: type[refusals.Refusal]) -> set[type[refusals.Refusal]]:
        below = kind.__subclasses__()
        return {leaf for each in below for leaf in leaves(each)} if below else {kind}

    assert set(TABLE) == leaves(refusals.Refusal)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_is_named_by_a_test_with_a_server(reason: str) -> None:
    named = [
        path
        for path in TESTS.rglob("test_*.py")
        if not NO_SERVER & set(path.relative_to(TESTS).parts) and re.search(rf"\b{reason}\b", path.read_text())
    ]
    assert named
