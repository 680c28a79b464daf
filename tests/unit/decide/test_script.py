"""The scripts are put together with numbers in place of names, and nothing else about them changes."""

import re

import pytest

from holdfast_server import layouts
from holdfast_server.decide import script
from holdfast_server.decide.script import TICK, load_script

TABLES = """local LINE = { sku = 1, open = 7 }
local STATE = {
  HELD = 1, COMMITTED = 2,
}
local PAPER_LINE = { INBOUND = { sku = 1, open = 3 }, PARKED = { sku = 1 }, EMPTY = {  } }
"""


def with_numbers(source: str) -> str:
    return script._with_numbers(TABLES + source)


def test_names_become_numbers_and_lines_keep_theirs() -> None:
    folded = with_numbers("line[LINE.open] = state[STATE.COMMITTED] -- of LINE.sku\nerror()\n")
    assert folded.splitlines() == ["", "", "", "", "", "line[7] = state[2] ", "error()"]


def test_a_table_within_another_is_not_meant() -> None:
    assert with_numbers("PAPER.LINE.lost = 1\n").endswith("PAPER.LINE.lost = 1\n")


def test_names_in_groups_become_numbers_too() -> None:
    assert with_numbers("line[PAPER_LINE.INBOUND.open] = 0\n").endswith("\nline[3] = 0\n")
    with pytest.raises(ValueError, match=r"PAPER_LINE\.PARKED\.open"):
        with_numbers("line[PAPER_LINE.PARKED.open] = 0\n")


def test_a_table_that_is_looked_through_stays() -> None:
    assert with_numbers("for name, number in pairs(STATE) do end\n").startswith("\nlocal STATE = {\n  HELD = 1")


def test_a_name_that_is_not_in_its_table_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"LINE\.opne"):
        with_numbers("line[LINE.opne] = 1\n")


def test_no_name_of_a_field_is_left_in_the_tick() -> None:
    source = load_script(TICK).source
    assert f"local SCRIPT_FORMAT = {layouts.SCRIPT_FORMAT}" in source
    assert not re.search(
        r"(?<![.\w])(LEVEL|LINE|RESERVATION|KIND|STATE|RECORD|ITEM|POOL|PAPER_LINE|PAPER_STATE)\.\w", source
    )
