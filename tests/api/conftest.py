"""Fixtures of the API tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support.authority import TestAuthority
from support.servers import Servers

from api.shop import Shop, open_shop


@pytest.fixture(scope="session")
def pair(servers: Servers) -> Iterator[TestAuthority]:
    """One authority of two server processes, for the whole session. Nobody kills them."""
    both = TestAuthority(servers, database="pair", segment="pair")
    both.start_server()
    both.start_server()
    yield both
    both.close()


@pytest.fixture
async def shop(stubs: Any) -> AsyncIterator[Shop]:
    """A trade in which the test must change nothing, and which must still work afterwards."""
    shop = await open_shop(stubs, skus=2, units=5)
    before = [await shop.level(sku) for sku in shop.skus]
    count = len(await shop.movements())
    yield shop
    assert [await shop.level(sku) for sku in shop.skus] == before
    assert len(await shop.movements()) == count
    reserved = await shop.reserve((shop.sku, 1))
    await shop.release(reserved.reservation_id)
