"""Pages of documents and rules: no gap, no duplicate, no strange token; and every filter."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import supply_pb2 as supply

from api.ids import some
from api.refusals import invalid, refusal_of
from api.rules import allotment
from api.shop import Shop, everything, open_shop, put_channel
from api.test_pages import COUNT, Listing


async def some_inbounds(shop: Shop) -> list[str]:
    names = sorted(some("inbound") for _ in range(COUNT))
    for name in names[::-1]:
        await shop.plan((shop.sku, 1), inbound_id=name)
    return names


async def some_transfers(shop: Shop) -> list[str]:
    names = sorted(some("transfer") for _ in range(COUNT))
    for name in names[::-1]:
        await shop.ship((shop.sku, 1), to=shop.locations[1], transfer_id=name)
    return names


def order_of(shop: Shop) -> str:
    return f"order:{shop.channel}"


async def some_returns(shop: Shop) -> list[str]:
    order = await shop.order((shop.sku, COUNT), order_id=order_of(shop), allow_split=True)
    await shop.fulfill(order.reservation_id)
    names = sorted(some("return") for _ in range(COUNT))
    for name in names[::-1]:
        await shop.take_back((1, 1), reservation_id=order.reservation_id, return_id=name)
    return names


async def some_incidents(shop: Shop) -> list[str]:
    await shop.reserve((shop.sku, COUNT), (shop.sku, COUNT, shop.locations[1]))
    return sorted([(await shop.told((shop.sku, 1))).incident_id for _ in range(COUNT)])


async def some_rules(shop: Shop) -> list[str]:
    names = sorted(some("channel") for _ in range(COUNT))
    for name in names:
        await put_channel(shop.stubs, name, shop.pool)
    await shop.put_rules(*(allotment(shop.sku, name, cap=1) for name in names[::-1]))
    return names


async def some_steps(shop: Shop) -> list[int]:
    held = [await shop.reserve((shop.sku, 1), order_id=order_of(shop)) for _ in range(COUNT)]
    return [hold.revision.position for hold in held]


async def some_parked(shop: Shop) -> list[str]:
    requests = [shop.receipt(some("new"), shop.location, 1, park_unknown=True) for _ in range(COUNT)]
    return sorted([(await shop.stubs.inventory.ReceiveStock(request)).parked_id for request in requests])


def listing(
    service: str,
    rpc: str,
    request: Callable[[Shop], Any],
    items: str,
    identify: Callable[[Any], Any],
    fill: Callable[[Shop], Awaitable[list[Any]]],
) -> Listing:
    return Listing(service=service, rpc=rpc, request=request, items=items, identify=identify, fill=fill)


LISTINGS = (
    listing(
        "inventory",
        "ListInbounds",
        lambda shop: supply.ListInboundsRequest(location=shop.location),
        "inbounds",
        lambda plan: plan.inbound_id,
        some_inbounds,
    ),
    listing(
        "inventory",
        "ListTransfers",
        lambda shop: supply.ListTransfersRequest(to_location=shop.locations[1]),
        "transfers",
        lambda transfer: transfer.transfer_id,
        some_transfers,
    ),
    listing(
        "inventory",
        "ListReturns",
        lambda shop: fulfillment.ListReturnsRequest(order_id=order_of(shop)),
        "returns",
        lambda returned: returned.return_id,
        some_returns,
    ),
    listing(
        "reconciliation",
        "ListIncidents",
        lambda shop: reconciliation.ListIncidentsRequest(channel=shop.channel),
        "incidents",
        lambda incident: incident.incident_id,
        some_incidents,
    ),
    listing(
        "catalog",
        "ListRules",
        lambda shop: catalog_service.ListRulesRequest(sku=shop.sku),
        "rules",
        lambda rule: rule.allotment.channel,
        some_rules,
    ),
    listing(
        "audit",
        "TraceOrder",
        lambda shop: audit.TraceOrderRequest(order_id=order_of(shop)),
        "steps",
        lambda step: step.revision.position,
        some_steps,
    ),
)
PARKED = listing(
    "reconciliation",
    "ListParkedRequests",
    lambda _: reconciliation.ListParkedRequestsRequest(state=reconciliation.PARKED_STATE_WAITING),
    "parked_requests",
    lambda parked: parked.parked_id,
    some_parked,
)
every_listing = pytest.mark.parametrize("listing", [*LISTINGS, PARKED], ids=lambda listing: listing.rpc)
every_filtered_listing = pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.rpc)


async def filled(stubs: Any) -> Shop:
    return await open_shop(stubs, locations=2, units=COUNT)


@pytest.mark.parametrize("size", [1, 3, COUNT, 1000])
@every_filtered_listing
async def test_pages_have_no_gap_and_no_duplicate(stubs: Any, listing: Listing, size: int) -> None:
    shop = await filled(stubs)
    expected = await listing.fill(shop)
    pages = await listing.pages(shop, size=size)
    assert [found for page in pages for found in page] == expected
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1), "a page before the last is full"


async def test_parked_requests_are_listed_by_id_and_once(stubs: Any) -> None:
    """Other tests park requests too, so only these requests' places can be told."""
    shop = await filled(stubs)
    expected = await PARKED.fill(shop)
    found = [name for page in await PARKED.pages(shop, size=20) for name in page]
    assert found == sorted(set(found))
    assert [name for name in found if name in expected] == expected


@every_listing
async def test_a_strange_page_token_is_refused(stubs: Any, listing: Listing) -> None:
    shop = await filled(stubs)
    await listing.fill(shop)
    for token in ("x", "AAAA", "bm90IGEgdG9rZW4", "0" * 512):
        request = listing.request(shop)
        request.page_token = token
        assert await refusal_of(listing.method(shop)(request)) == invalid("page_token")


@every_filtered_listing
async def test_a_page_token_of_another_filter_is_refused(stubs: Any, listing: Listing) -> None:
    shop = await filled(stubs)
    await listing.fill(shop)
    _, token = await listing.page(shop, size=2)
    request = listing.request(await open_shop(stubs, locations=2))
    request.page_token = token
    assert await refusal_of(listing.method(shop)(request)) == invalid("page_token")


@every_listing
async def test_a_page_token_of_another_listing_is_refused(stubs: Any, listing: Listing) -> None:
    shop = await filled(stubs)
    listings = (*LISTINGS, PARKED)
    other = listings[listings.index(listing) - 1]
    await other.fill(shop)
    _, token = await other.page(shop, size=2)
    request = listing.request(shop)
    request.page_token = token
    assert await refusal_of(listing.method(shop)(request)) == invalid("page_token")


@pytest.mark.parametrize("page_size", [-1, 1001])
@every_listing
async def test_an_impossible_page_size_is_refused(stubs: Any, listing: Listing, page_size: int) -> None:
    shop = await filled(stubs)
    request = listing.request(shop)
    request.page_size = page_size
    assert await refusal_of(listing.method(shop)(request)) == invalid("page_size")


# The filters.


async def test_plans_are_found_by_state_and_location(stubs: Any) -> None:
    shop = await filled(stubs)
    near, far = shop.locations
    expected, closed = await shop.plan((shop.sku, 1)), await shop.plan((shop.sku, 1))
    elsewhere = await shop.plan((shop.sku, 1), location=far)
    await shop.plan(inbound_id=closed.inbound_id)

    async def found(**filters: Any) -> list[str]:
        request = supply.ListInboundsRequest(**filters)
        return [plan.inbound_id for plan in await everything(stubs.inventory.ListInbounds, request, "inbounds")]

    assert await found(location=near) == sorted([expected.inbound_id, closed.inbound_id])
    assert await found(location=near, state=supply.INBOUND_STATE_EXPECTED) == [expected.inbound_id]
    assert await found(location=near, state=supply.INBOUND_STATE_CLOSED) == [closed.inbound_id]
    assert await found(location=far) == [elsewhere.inbound_id]
    assert {expected.inbound_id, elsewhere.inbound_id} <= set(await found(state=supply.INBOUND_STATE_EXPECTED))


async def test_transfers_are_found_by_state_and_where_they_go(stubs: Any) -> None:
    shop = await filled(stubs)
    near, far = shop.locations
    away, arrived = await shop.ship((shop.sku, 1), to=far), await shop.ship((shop.sku, 1), to=far)
    back = await shop.ship((shop.sku, 1), from_location=far, to=near)
    await shop.arrive(arrived.transfer_id)

    async def found(**filters: Any) -> list[str]:
        request = supply.ListTransfersRequest(**filters)
        return [each.transfer_id for each in await everything(stubs.inventory.ListTransfers, request, "transfers")]

    assert await found(to_location=far) == sorted([away.transfer_id, arrived.transfer_id])
    assert await found(to_location=near) == [back.transfer_id]
    assert await found(to_location=far, state=supply.TRANSFER_STATE_IN_TRANSIT) == [away.transfer_id]
    assert await found(to_location=far, state=supply.TRANSFER_STATE_COMPLETED) == [arrived.transfer_id]


async def test_returns_are_found_by_state_and_order(stubs: Any) -> None:
    shop = await filled(stubs)
    order_id = some("order")
    order = await shop.order((shop.sku, 2), order_id=order_id)
    await shop.fulfill(order.reservation_id)
    waiting = await shop.take_back((1, 1), reservation_id=order.reservation_id)
    done = await shop.take_back((1, 1), reservation_id=order.reservation_id)
    blind = await shop.take_back((shop.sku, 1), accept_blind=True)
    await shop.inspect(done.return_id, (1, 0, 1, 0))

    async def found(**filters: Any) -> list[str]:
        request = fulfillment.ListReturnsRequest(**filters)
        return [each.return_id for each in await everything(stubs.inventory.ListReturns, request, "returns")]

    assert await found(order_id=order_id) == sorted([waiting.return_id, done.return_id])
    in_inspection = fulfillment.RETURN_STATE_IN_INSPECTION
    assert await found(order_id=order_id, state=in_inspection) == [waiting.return_id]
    assert await found(order_id=order_id, state=fulfillment.RETURN_STATE_INSPECTED) == [done.return_id]
    assert {waiting.return_id, blind.return_id} <= set(await found(state=in_inspection))
