"""Stock of items that nobody knows yet: refused, or parked until the item exists, and then booked once."""

from typing import Any

import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import supply_pb2 as supply

from api.calls import answer_or_refusal, together, until
from api.ids import some, uuid7
from api.refusals import Refusal, not_found, refusal_of, refused_as
from api.shop import Shop, everything, open_shop, put_item

WAITING = reconciliation.PARKED_STATE_WAITING
APPLIED = reconciliation.PARKED_STATE_APPLIED
DISCARDED = reconciliation.PARKED_STATE_DISCARDED


def receipt(shop: Shop, *skus: str) -> Any:
    lines = [inventory.ReceiptLine(sku=sku, location=shop.location, quantity=4) for sku in skus]
    return inventory.ReceiveStockRequest(request_id=uuid7(), lines=lines, park_unknown=True, reference="receipt 7")


def correction(shop: Shop, *skus: str) -> Any:
    lines = [inventory.AdjustmentLine(sku=sku, location=shop.location, delta_quantity=4) for sku in skus]
    return inventory.AdjustStockRequest(request_id=uuid7(), lines=lines, park_unknown=True, reason="found")


def stocktake(shop: Shop, *skus: str) -> Any:
    lines = [supply.CountLine(sku=sku, location=shop.location, counted_quantity=4) for sku in skus]
    return supply.CountStockRequest(request_id=uuid7(), lines=lines, park_unknown=True)


MAKERS = {"ReceiveStock": receipt, "AdjustStock": correction, "CountStock": stocktake}
every_rpc = pytest.mark.parametrize("rpc", sorted(MAKERS))


async def parked_request(shop: Shop, parked_id: str) -> reconciliation.ParkedRequest:
    method = shop.stubs.reconciliation.ListParkedRequests
    everywhere = await everything(method, reconciliation.ListParkedRequestsRequest(), "parked_requests")
    (found,) = [each for each in everywhere if each.parked_id == parked_id]
    return found


async def wait_until_applied(shop: Shop, parked_id: str) -> None:
    async def applied() -> bool:
        return (await parked_request(shop, parked_id)).state == APPLIED

    await until(applied, "a parked request to take effect")


async def discard(shop: Shop, parked_id: str, reason: str = "") -> reconciliation.ParkedRequest:
    request = reconciliation.DiscardParkedRequestRequest(request_id=uuid7(), parked_id=parked_id, reason=reason)
    return (await shop.stubs.reconciliation.DiscardParkedRequest(request)).parked_request


@every_rpc
async def test_an_unknown_sku_is_refused_unless_the_caller_would_rather_wait(stubs: Any, rpc: str) -> None:
    shop = await open_shop(stubs)
    request = MAKERS[rpc](shop, shop.sku, "nothing")
    request.park_unknown = False
    refusal = await refusal_of(getattr(stubs.inventory, rpc)(request))
    assert refusal == not_found("UNKNOWN_SKU", sku="nothing")


@every_rpc
async def test_what_is_parked_takes_effect_once_the_items_exist(stubs: Any, rpc: str) -> None:
    shop = await open_shop(stubs)
    first, second = some("new"), some("new")
    request = MAKERS[rpc](shop, second, shop.sku, first)
    answer = await getattr(stubs.inventory, rpc)(request)
    assert answer.parked_id == f"{answer.revision.segment}-parked-{answer.revision.position}"
    assert not answer.stock_levels
    waiting = await parked_request(shop, answer.parked_id)
    assert (waiting.state, waiting.method) == (WAITING, rpc)
    assert list(waiting.unknown_skus) == [second, first]
    assert waiting.revision == answer.revision
    assert await shop.available() == 0, "nothing of it is booked before all of it can be"

    await put_item(stubs, first)
    await put_item(stubs, second)
    await wait_until_applied(shop, answer.parked_id)
    booked = {sku: (await shop.level(sku)).sellable_quantity for sku in (shop.sku, first, second)}
    assert set(booked.values()) == {4}
    again = await getattr(stubs.inventory, rpc)(request)
    assert (again.replayed, again.parked_id) == (True, answer.parked_id)
    assert len(await shop.movements(sku=first)) == 1, "and only once"


@every_rpc
async def test_a_request_whose_items_exist_is_not_parked(stubs: Any, rpc: str) -> None:
    shop = await open_shop(stubs)
    answer = await getattr(stubs.inventory, rpc)(MAKERS[rpc](shop, shop.sku))
    assert answer.parked_id == ""
    assert await shop.available() == 4


async def test_one_item_of_two_is_not_enough(stubs: Any) -> None:
    """Another request that needs the first item alone is applied; the one that needs both still waits."""
    shop = await open_shop(stubs)
    first, second = some("new"), some("new")
    both = await stubs.inventory.ReceiveStock(receipt(shop, first, second))
    alone = await stubs.inventory.ReceiveStock(receipt(shop, first))
    await put_item(stubs, first)
    await wait_until_applied(shop, alone.parked_id)
    assert (await parked_request(shop, both.parked_id)).state == WAITING
    assert (await shop.level(first)).sellable_quantity == 4


async def test_what_was_parked_is_booked_with_its_own_words(stubs: Any) -> None:
    shop = await open_shop(stubs)
    new = some("new")
    parked = await stubs.inventory.ReceiveStock(receipt(shop, new))
    await put_item(stubs, new)
    await wait_until_applied(shop, parked.parked_id)
    (movement,) = await shop.movements(sku=new)
    assert movement.reference == "receipt 7"
    assert movement.request_id == f"~applied-{parked.parked_id}"


async def test_what_is_refused_when_it_is_applied_waits_on_and_says_why(stubs: Any) -> None:
    shop = await open_shop(stubs)
    new = some("new")
    request = receipt(shop, new)
    request.lines[0].location = "nowhere"
    parked = await stubs.inventory.ReceiveStock(request)
    await put_item(stubs, new)

    async def explained() -> bool:
        return bool((await parked_request(shop, parked.parked_id)).note)

    await until(explained, "a parked request to be tried")
    assert (await parked_request(shop, parked.parked_id)).state == WAITING
    await discard(shop, parked.parked_id)


async def test_what_is_discarded_is_never_booked(stubs: Any) -> None:
    shop = await open_shop(stubs)
    new = some("new")
    given_up = await stubs.inventory.ReceiveStock(receipt(shop, new))
    kept = await stubs.inventory.ReceiveStock(receipt(shop, new))
    discarded = await discard(shop, given_up.parked_id, "a typing mistake")
    assert (discarded.state, discarded.note) == (DISCARDED, "a typing mistake")
    assert list(discarded.unknown_skus) == [new]
    await put_item(stubs, new)
    await wait_until_applied(shop, kept.parked_id)
    assert (await shop.level(new)).sellable_quantity == 4
    for parked_id in (given_up.parked_id, kept.parked_id):
        closed = refused_as("DOCUMENT_CLOSED", kind="PARKED", document_id=parked_id)
        assert await refusal_of(discard(shop, parked_id)) == closed
    unknown = not_found("UNKNOWN_DOCUMENT", kind="PARKED", document_id="nothing-parked")
    assert await refusal_of(discard(shop, "nothing-parked")) == unknown


async def test_many_discard_one_request_and_one_of_them_does(stubs: Any) -> None:
    shop = await open_shop(stubs)
    parked = await stubs.inventory.ReceiveStock(receipt(shop, some("new")))
    outcomes = await together(answer_or_refusal(discard(shop, parked.parked_id)) for _ in range(6))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert {refusal.reason for refusal in refused} == {"DOCUMENT_CLOSED"}
    assert len(refused) == 5


async def test_parked_requests_are_found_by_their_state(stubs: Any) -> None:
    shop = await open_shop(stubs)
    new = some("new")
    waiting = await stubs.inventory.ReceiveStock(receipt(shop, some("never")))
    applied = await stubs.inventory.ReceiveStock(receipt(shop, new))
    gone = await stubs.inventory.ReceiveStock(receipt(shop, some("never")))
    await discard(shop, gone.parked_id)
    await put_item(stubs, new)
    await wait_until_applied(shop, applied.parked_id)
    ours = {waiting.parked_id, applied.parked_id, gone.parked_id}
    for state, expected in ((WAITING, waiting), (APPLIED, applied), (DISCARDED, gone)):
        request = reconciliation.ListParkedRequestsRequest(state=state)
        found = await everything(stubs.reconciliation.ListParkedRequests, request, "parked_requests")
        assert [each.parked_id for each in found if each.parked_id in ours] == [expected.parked_id]
