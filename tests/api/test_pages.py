"""Pages: no gap, no duplicate, no strange token, and not disturbed by what is written meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import catalog_pb2 as catalog
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reservation_pb2 as reservations

from api.ids import some, uuid7
from api.refusals import invalid, refusal_of
from api.shop import Shop, open_shop, put_channel, put_pool

COUNT = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One List RPC; `fill` makes COUNT new things and gives what identifies them, in the listed order."""

    service: str
    rpc: str
    request: Callable[[Shop], Any]
    items: str
    identify: Callable[[Any], Any]
    fill: Callable[[Shop], Awaitable[list[Any]]]

    def method(self, shop: Shop) -> Callable[..., Awaitable[Any]]:
        method: Callable[..., Awaitable[Any]] = getattr(getattr(shop.stubs, self.service), self.rpc)
        return method

    async def page(self, shop: Shop, *, size: int, token: str = "") -> tuple[list[Any], str]:
        request = self.request(shop)
        request.page_size = size
        request.page_token = token
        response = await self.method(shop)(request)
        found = [self.identify(item) for item in getattr(response, self.items)]
        return found, response.next_page_token

    async def pages(self, shop: Shop, *, size: int) -> list[list[Any]]:
        pages = []
        token = ""
        while True:
            page, token = await self.page(shop, size=size, token=token)
            pages.append(page)
            if not token:
                return pages


def movement_of(movement: Any) -> tuple[int, int]:
    return movement.revision.position, movement.line_number


async def fill_reservations(shop: Shop) -> list[str]:
    """One after another: of reservations of the same millisecond none is the newer one."""
    filled = [(await shop.reserve((shop.sku, 1))).reservation_id for _ in range(COUNT)]
    return filled[::-1]


async def fill_movements(shop: Shop) -> list[tuple[int, int]]:
    """Operations of two lines each, so that a page can end within one."""
    lines = [
        inventory.ReceiptLine(sku=shop.sku, location=shop.location, quantity=1, status=status) for status in (1, 2)
    ]
    filled = []
    for _ in range(COUNT):
        request = inventory.ReceiveStockRequest(request_id=uuid7(), lines=lines)
        response = await shop.stubs.inventory.ReceiveStock(request)
        filled += [(response.revision.position, 0), (response.revision.position, 1)]
    return filled


async def fill_items(shop: Shop) -> list[str]:
    names = sorted(some("sku") for _ in range(COUNT))
    items = [catalog.Item(sku=name) for name in names]
    await shop.stubs.catalog.PutItems(catalog_service.PutItemsRequest(request_id=uuid7(), items=items))
    return names


async def fill_locations(shop: Shop) -> list[str]:
    names = sorted(some("location") for _ in range(COUNT))
    places = [catalog.Location(location=name) for name in names]
    request = catalog_service.PutLocationsRequest(request_id=uuid7(), locations=places)
    await shop.stubs.catalog.PutLocations(request)
    return names


async def fill_pools(shop: Shop) -> list[str]:
    names = sorted(some("pool") for _ in range(COUNT))
    pools = [catalog.Pool(pool=name) for name in names]
    await shop.stubs.catalog.PutPools(catalog_service.PutPoolsRequest(request_id=uuid7(), pools=pools))
    return names


async def fill_channels(shop: Shop) -> list[str]:
    """In a pool of their own, since a pool serves a limited number."""
    pool = some("pool")
    await put_pool(shop.stubs, pool, ())
    names = sorted(some("channel") for _ in range(COUNT))
    for name in names:
        await put_channel(shop.stubs, name, pool)
    return names


FILTERED = (
    Listing(
        service="inventory",
        rpc="ListReservations",
        request=lambda shop: inventory.ListReservationsRequest(channel=shop.channel),
        items="reservations",
        identify=lambda reservation: reservation.reservation_id,
        fill=fill_reservations,
    ),
    Listing(
        service="audit",
        rpc="ListMovements",
        request=lambda shop: audit.ListMovementsRequest(sku=shop.sku),
        items="movements",
        identify=movement_of,
        fill=fill_movements,
    ),
)
CATALOG = (
    Listing(
        service="catalog",
        rpc="ListItems",
        request=lambda _: catalog_service.ListItemsRequest(),
        items="items",
        identify=lambda item: item.sku,
        fill=fill_items,
    ),
    Listing(
        service="catalog",
        rpc="ListLocations",
        request=lambda _: catalog_service.ListLocationsRequest(),
        items="locations",
        identify=lambda location: location.location,
        fill=fill_locations,
    ),
    Listing(
        service="catalog",
        rpc="ListPools",
        request=lambda _: catalog_service.ListPoolsRequest(),
        items="pools",
        identify=lambda pool: pool.pool,
        fill=fill_pools,
    ),
    Listing(
        service="catalog",
        rpc="ListChannels",
        request=lambda _: catalog_service.ListChannelsRequest(),
        items="channels",
        identify=lambda channel: channel.channel,
        fill=fill_channels,
    ),
)
every_listing = pytest.mark.parametrize("listing", FILTERED + CATALOG, ids=lambda listing: listing.rpc)
every_filtered_listing = pytest.mark.parametrize("listing", FILTERED, ids=lambda listing: listing.rpc)
every_catalog_listing = pytest.mark.parametrize("listing", CATALOG, ids=lambda listing: listing.rpc)


@pytest.mark.parametrize("size", [1, 2, 3, COUNT, 1000])
@every_filtered_listing
async def test_pages_have_no_gap_and_no_duplicate(stubs: Any, listing: Listing, size: int) -> None:
    shop = await open_shop(stubs, units=COUNT)
    earlier = [movement_of(m) for m in await shop.movements()] if listing.rpc == "ListMovements" else []
    expected = earlier + await listing.fill(shop)
    pages = await listing.pages(shop, size=size)
    assert [found for page in pages for found in page] == expected
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1), "a page before the last is full"


@every_catalog_listing
async def test_master_data_is_listed_by_id_and_once(stubs: Any, listing: Listing) -> None:
    """Other tests write master data meanwhile, so only these things' places can be told."""
    shop = await open_shop(stubs)
    expected = await listing.fill(shop)
    found = [name for page in await listing.pages(shop, size=20) for name in page]
    assert found == sorted(set(found))
    assert [name for name in found if name in expected] == expected


@every_listing
async def test_a_page_size_of_zero_means_a_hundred(stubs: Any, listing: Listing) -> None:
    shop = await open_shop(stubs, units=200)
    for _ in range(101 // COUNT + 1):
        await listing.fill(shop)
    page, token = await listing.page(shop, size=0)
    assert len(page) == 100
    assert token


@every_filtered_listing
async def test_pages_are_stable_while_writes_go_on(stubs: Any, listing: Listing) -> None:
    """Whatever was there when the first page was read comes exactly once, however much is added meanwhile."""
    shop = await open_shop(stubs, units=200)
    earlier = [movement_of(m) for m in await shop.movements()] if listing.rpc == "ListMovements" else []
    expected = earlier + await listing.fill(shop)
    seen, token = await listing.page(shop, size=2)
    while token:
        if len(seen) < len(expected):
            await listing.fill(shop)
        page, token = await listing.page(shop, size=2, token=token)
        seen += page
    assert len(seen) == len(set(seen))
    assert [found for found in seen if found in expected] == expected


@every_listing
async def test_a_strange_page_token_is_refused(stubs: Any, listing: Listing) -> None:
    shop = await open_shop(stubs, units=COUNT)
    await listing.fill(shop)
    for token in ("x", "AAAA", "bm90IGEgdG9rZW4", "0" * 512):
        request = listing.request(shop)
        request.page_token = token
        assert await refusal_of(listing.method(shop)(request)) == invalid("page_token")


@every_listing
async def test_a_page_token_of_another_listing_is_refused(stubs: Any, listing: Listing) -> None:
    shop = await open_shop(stubs, units=COUNT)
    listings = FILTERED + CATALOG
    other = listings[listings.index(listing) - 1]
    await other.fill(shop)
    _, token = await other.page(shop, size=2)
    request = listing.request(shop)
    request.page_token = token
    assert await refusal_of(listing.method(shop)(request)) == invalid("page_token")


@every_filtered_listing
async def test_a_page_token_of_another_filter_is_refused(stubs: Any, listing: Listing) -> None:
    shop = await open_shop(stubs, units=COUNT)
    await listing.fill(shop)
    _, token = await listing.page(shop, size=2)
    elsewhere = await open_shop(stubs)
    request = listing.request(elsewhere)
    request.page_token = token
    assert await refusal_of(listing.method(shop)(request)) == invalid("page_token")


async def test_reservations_are_found_by_every_filter(stubs: Any) -> None:
    shop = await open_shop(stubs, skus=2, locations=2, units=5)
    first, second = shop.skus
    near, far = shop.locations
    order = some("order")
    held = await shop.reserve((first, 1, near), order_id=order)
    committed = await shop.commit((await shop.reserve((second, 1, far))).reservation_id)
    released = await shop.release((await shop.reserve((first, 1, far), (second, 1, near))).reservation_id)

    async def found(**filters: Any) -> list[str]:
        return [reservation.reservation_id for reservation in await shop.reservations(**filters)]

    everything = [each.reservation_id for each in (released, committed, held)]
    assert await found(channel=shop.channel) == everything
    assert await found(order_id=order) == [held.reservation_id]
    assert await found(sku=first) == [released.reservation_id, held.reservation_id]
    assert await found(location=far) == [released.reservation_id, committed.reservation_id]
    assert await found(sku=first, location=near) == [held.reservation_id]
    for state, expected in (
        (reservations.RESERVATION_STATE_HELD, held),
        (reservations.RESERVATION_STATE_COMMITTED, committed),
        (reservations.RESERVATION_STATE_RELEASED, released),
    ):
        assert await found(channel=shop.channel, state=state) == [expected.reservation_id]


async def test_movements_are_found_by_every_filter(stubs: Any) -> None:
    shop = await open_shop(stubs, locations=2, units=5)
    near, far = shop.locations
    order = some("order")
    reserved = await shop.reserve((shop.sku, 1, near), (shop.sku, 2, far), order_id=order)
    assert [m.balance.location for m in await shop.movements(location=far)] == [far, far]
    by_order = await shop.movements(order_id=order)
    assert by_order == await shop.movements(reservation_id=reserved.reservation_id)
    assert [(m.balance.location, m.held_delta) for m in by_order] == [(near, 1), (far, 2)]
    assert await shop.movements(sku=shop.sku, order_id=order, location=far) == by_order[1:]
