"""Fixtures of the API tests."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.shop import Shop, open_shop


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
