"""Fixtures of the API tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from holdfast.inventory.v1.catalog_pb2 import Item
from holdfast.inventory.v1.catalog_service_pb2 import PutItemsRequest

from api.calls import patiently, stubs_of
from api.ids import some, uuid7
from api.regions import SEGMENTS
from api.shop import Shop, open_shop
from support.authority import TestAuthority
from support.servers import Servers


@pytest.fixture(scope="session")
def pair(servers: Servers) -> Iterator[TestAuthority]:
    """One authority of two server processes, for the whole session. Nobody kills them."""
    both = TestAuthority(servers, database="pair", segment="pair")
    both.start_server()
    both.start_server()
    yield both
    both.close()


@pytest.fixture(scope="session")
def narrow(servers: Servers) -> Iterator[TestAuthority]:
    """An authority whose streams have small pages, forget soon, and say often where they stand."""
    small = {
        "HOLDFAST_WATCH_MOVEMENTS_PER_PAGE": "5",
        "HOLDFAST_WATCH_RECENT_MOVEMENTS": "30",
        "HOLDFAST_WATCH_OPERATIONS_PER_PAGE": "20",
        "HOLDFAST_WATCH_BOOKMARK_SECONDS": "0.2",
    }
    own = TestAuthority(servers, database="narrow", segment="narrow", environment=small)
    own.start_server()
    yield own
    own.close()


@pytest.fixture
async def narrow_stubs(narrow: TestAuthority) -> AsyncIterator[Any]:
    async with stubs_of(narrow.processes[0].target) as stubs:
        yield stubs


@pytest.fixture(scope="session")
def killable_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestAuthority]:
    """One authority with servers of its own, for all tests that kill. They ask for `killable`."""
    own_servers = Servers(tmp_path_factory.mktemp("killable"))
    own = TestAuthority(own_servers, database="killable", segment="main")
    yield own
    own.close()
    own_servers.close()


@pytest.fixture
async def killable(killable_authority: TestAuthority) -> TestAuthority:
    """An authority that is well, and may be killed in part or whole; it stays for the next test."""
    if not killable_authority.targets:
        killable_authority.start_server()
    async with stubs_of(killable_authority.target) as stubs:
        item = PutItemsRequest(request_id=uuid7(), items=[Item(sku=some("sku"))])
        await patiently(stubs.catalog.PutItems, item)
    return killable_authority


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


@pytest.fixture(scope="session")
def segmented(servers: Servers) -> Iterator[TestAuthority]:
    """An authority of two segments, served by one process. Nobody kills it."""
    own = TestAuthority(
        servers, database="segmented", segment="north", environment={"HOLDFAST_SEGMENTS": ",".join(SEGMENTS)}
    )
    own.start_server()
    yield own
    own.close()


@pytest.fixture
async def segmented_stubs(segmented: TestAuthority) -> AsyncIterator[Any]:
    async with stubs_of(segmented.target) as stubs:
        yield stubs
