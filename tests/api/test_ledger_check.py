"""The check of the ledger finds what was changed behind the authority's back. Each change is undone again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from api.calls import stubs_of
from api.shop import assert_ledger_is_sound, ledger_verdict, open_shop


@contextmanager
def changed_behind_its_back(postgres_url: str, change: str, undo: str, sku: str) -> Iterator[None]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        assert connection.execute(change, {"sku": sku}).rowcount == 1
        try:
            yield
        finally:
            connection.execute(undo, {"sku": sku})


@pytest.mark.parametrize(
    ("change", "undo", "broken"),
    [
        pytest.param(
            "UPDATE movement SET sellable_delta = sellable_delta + 1 WHERE sku = %(sku)s AND version = 1",
            "UPDATE movement SET sellable_delta = sellable_delta - 1 WHERE sku = %(sku)s AND version = 1",
            {"chain_verified", "levels_equal_movements"},
            id="a movement",
        ),
        pytest.param(
            "UPDATE operation SET reason = 'another' WHERE position ="
            " (SELECT position FROM movement WHERE sku = %(sku)s AND version = 1)",
            "UPDATE operation SET reason = '' WHERE position ="
            " (SELECT position FROM movement WHERE sku = %(sku)s AND version = 1)",
            {"chain_verified"},
            id="the reason of an operation",
        ),
        pytest.param(
            "UPDATE stock_level SET sellable = sellable + 1 WHERE sku = %(sku)s",
            "UPDATE stock_level SET sellable = sellable - 1 WHERE sku = %(sku)s",
            {"levels_equal_movements"},
            id="a level",
        ),
        pytest.param(
            "UPDATE reservation_line SET open = open - 1, released = released + 1 WHERE sku = %(sku)s",
            "UPDATE reservation_line SET open = open + 1, released = released - 1 WHERE sku = %(sku)s",
            {"reserved_equals_open_lines"},
            id="a line of a reservation",
        ),
    ],
)
async def test_a_row_that_was_changed_is_found_and_named(pair: Any, change: str, undo: str, broken: set[str]) -> None:
    async with stubs_of(pair.target) as stubs:
        shop = await open_shop(stubs, units=5)
        await shop.reserve((shop.sku, 2))
        await assert_ledger_is_sound(stubs, uncovered=None)
        with changed_behind_its_back(pair.postgres_url, change, undo, shop.sku):
            verdict = await ledger_verdict(stubs)
        checks = ("chain_verified", "levels_equal_movements", "reserved_equals_open_lines")
        assert {check for check in checks if not getattr(verdict, check)} == broken
        assert verdict.findings
        assert verdict.leaked_quantity == (1 if "reserved_equals_open_lines" in broken else 0)
        await assert_ledger_is_sound(stubs, uncovered=None)
