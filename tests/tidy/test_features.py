"""The page of features names tests that exist, and leaves no row out."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "features.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))
ANSWERS = {"yes", "partly", "not yet", "no"}


def features() -> list[tuple[int, list[str]]]:
    """The rows of the features, by their number: name, answer, where, tested."""
    rows = [(int(number), [cell.strip() for cell in cells.split(" | ")]) for number, cells in ROWS]
    return [(number, cells) for number, cells in rows if len(cells) > 2]


def test_every_row_is_there_and_answered() -> None:
    assert [number for number, _ in features()] == list(range(1, 71))
    assert {cells[1] for _, cells in features()} <= ANSWERS


def test_whatever_it_has_is_tested() -> None:
    for number, cells in features():
        assert cells[1] == "not yet" or "::test_" in cells[-1], number


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[f"{path}::{name}" for path, name in NAMED])
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    tree = ast.parse((TESTS / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
