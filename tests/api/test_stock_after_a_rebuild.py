"""After the sequencer is lost: rules, documents, queues and limits are as they were, and go on from there."""

from typing import Any

import pytest
from holdfast.inventory.v1 import catalog_service_pb2 as catalog_service
from holdfast.inventory.v1 import fulfillment_pb2 as fulfillment
from holdfast.inventory.v1 import supply_pb2 as supply
from holdfast.inventory.v1.catalog_service_pb2 import MoveAllotmentRequest

from api.calls import patiently, stubs_of
from api.ids import some, uuid7
from api.refusals import kit_conflict, refusal_of, short_of
from api.rules import (
    allotment,
    backorder,
    channel_buffer,
    distances,
    hold_limit_of_customer,
    safety_stock,
    substitution,
)
from api.shop import Shop, assert_ledger_is_sound, everything, from_now, left, open_shop, put_channel, put_item
from api.test_sourcing import to
from support.authority import TestAuthority


class Trade:
    """A trade in the middle of everything: each thing of which the sequencer keeps something is there."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.other, self.customer, self.region = some("channel"), some("customer"), some("region")

    async def begin(self) -> None:
        shop = self.shop
        scarce, plenty, instead = shop.skus[:3]
        near, far = shop.locations
        await put_channel(shop.stubs, self.other, shop.pool)
        self.kit = await put_item(shop.stubs, parts=((plenty, 2), (instead, 1)))
        await put_item(shop.stubs, shop.skus[3], inactive=True)
        self.loose = await put_item(shop.stubs)
        await put_item(shop.stubs, parts=((self.loose, 1),))
        await shop.put_rules(
            safety_stock(1, location=near),
            safety_stock(2, sku=plenty, location=far),
            channel_buffer(3, channel=shop.channel, sku=plenty),
            allotment(plenty, self.other, guaranteed=4, cap=6),
            allotment(plenty, shop.channel, cap=12),
            backorder(scarce, near, 20, expected_time=from_now(days=9)),
            substitution(scarce, instead),
            hold_limit_of_customer(self.customer, 1),
            distances(self.region, (far, 1), (near, 9)),
        )
        self.plan = await shop.plan((plenty, 10), (scarce, 4))
        await shop.receive(3, sku=plenty, inbound_id=self.plan.inbound_id)
        await shop.receive(20, sku=plenty, location=near)
        self.away = await shop.ship((plenty, 2), to=far, expected_time=from_now(days=2))
        self.held = await shop.reserve((plenty, 2), customer_id=self.customer)
        self.of_other = await shop.reserve((plenty, 1), channel=self.other)
        self.sold = await shop.order((instead, 2, near), order_id=some("order"))
        await shop.fulfill(self.sold.reservation_id, left(1, 1))
        self.returned = await shop.take_back((1, 1), reservation_id=self.sold.reservation_id)
        self.ended = await shop.order((instead, 1, near))
        await shop.fulfill(self.ended.reservation_id)
        await shop.reserve((scarce, 7), allow_split=True)
        self.first = await shop.reserve((scarce, 4), allow_split=True, allow_backorder=True)
        self.second = await shop.order((scarce, 2), allow_backorder=True)
        self.told = await shop.told((scarce, 3))
        receipt = shop.receipt(some("new"), near, 4, park_unknown=True)
        self.parked = (await shop.stubs.inventory.ReceiveStock(receipt)).parked_id

    async def seen(self) -> list[Any]:
        """Everything that can be asked about it."""
        shop, stubs = self.shop, self.shop.stubs
        near, far = shop.locations
        skus = [*shop.skus, self.kit]
        answers: list[Any] = [
            await shop.availability(sku, **scope, promise_time=from_now(days=days))
            for sku in skus
            for scope in ({"channel": shop.channel}, {"channel": self.other}, {"location": near}, {"location": far})
            for days in (0, 3, 30)
        ]
        answers += await shop.reservations()
        answers += await shop.incidents()
        request = supply.ListInboundsRequest(location=near)
        answers += await everything(stubs.inventory.ListInbounds, request, "inbounds")
        transfers = supply.ListTransfersRequest(to_location=far)
        answers += await everything(stubs.inventory.ListTransfers, transfers, "transfers")
        returns = fulfillment.ListReturnsRequest(order_id=self.sold.order_id)
        answers += await everything(stubs.inventory.ListReturns, returns, "returns")
        for sku in shop.skus:
            answers += await everything(stubs.catalog.ListRules, catalog_service.ListRulesRequest(sku=sku), "rules")
        return answers


async def everything_goes_on(trade: Trade) -> None:
    """Each step would go wrong if the sequencer had forgotten what it needs for it."""
    shop = trade.shop
    scarce, plenty, instead, inactive = shop.skus[:4]
    near, far = shop.locations
    limited = await refusal_of(shop.reserve((instead, 1), customer_id=trade.customer))
    assert limited.reason == "HOLD_LIMIT_REACHED"
    assert (await refusal_of(shop.reserve((inactive, 1)))).reason == "ITEM_INACTIVE"
    assert (await refusal_of(shop.receive(1, sku=trade.kit))).reason == "KIT_CONFLICT"
    nested = await refusal_of(put_item(shop.stubs, trade.loose, parts=((instead, 1),)))
    assert nested == kit_conflict(trade.loose, "NOT_NESTED")
    nearest = await shop.reserve((instead, 1), sourcing=to(trade.region))
    assert [line.location for line in nearest.lines] == [far]
    kits = await shop.reserve((trade.kit, 1), allow_split=True)
    assert {line.ordered_sku for line in kits.lines} == {trade.kit}
    offered = await refusal_of(shop.reserve((scarce, 1)))
    assert [offer[:2] for offer in offered.offers] == [(scarce, instead)]

    before = await shop.available(plenty)
    await shop.release(trade.of_other.reservation_id)
    await shop.release(trade.held.reservation_id)
    assert await shop.available(plenty) == before + 2, "of three units that came back one is guaranteed to the other"
    move = MoveAllotmentRequest(
        request_id=uuid7(), sku=plenty, from_channel=trade.other, to_channel=shop.channel, quantity=4
    )
    moved = await shop.stubs.catalog.MoveAllotment(move)
    assert (moved.from_allotment.guaranteed_quantity, moved.from_allotment.used_quantity) == (0, 0)
    assert (moved.to_allotment.guaranteed_quantity, moved.to_allotment.used_quantity) == (4, 2)

    waiting = trade.first, trade.second, trade.told.reservation
    await shop.receive(5, sku=scarce, location=near)
    owed = [[ln.backordered_quantity for ln in (await shop.read(each.reservation_id)).lines] for each in waiting]
    assert [sum(units) for units in owed] == [0, 0, 2], "in the order in which they began to wait"

    plan = trade.plan.inbound_id
    await shop.receive(7, sku=plenty, inbound_id=plan)
    await shop.receive(4, sku=scarce, inbound_id=plan)
    assert (await refusal_of(shop.receive(1, sku=scarce, inbound_id=plan))).reason == "DOCUMENT_CLOSED"
    assert (await shop.arrive(trade.away.transfer_id)).state == supply.TRANSFER_STATE_COMPLETED
    inspected = await shop.inspect(trade.returned.return_id, (1, 1, 0, 0))
    assert inspected.state == fulfillment.RETURN_STATE_INSPECTED
    await shop.fulfill(trade.sold.reservation_id)
    await shop.take_back((1, 1), reservation_id=trade.ended.reservation_id)
    again = shop.take_back((1, 1), reservation_id=trade.ended.reservation_id)
    assert (await refusal_of(again)).reason == "RETURN_EXCEEDS_FULFILLED"
    posted = await shop.note_posting(trade.ended.reservation_id)
    assert posted.order_id == trade.ended.order_id
    await shop.resolve(trade.told.incident_id, 1)
    await shop.close_incident(trade.told.incident_id)
    assert await short_of(shop.reserve((plenty, 10_000))) == (plenty, "", 10_000, await greatest(shop, plenty))


async def greatest(shop: Shop, sku: str) -> int:
    """The most that an unsplit line can have."""
    channel = await shop.available(sku)
    there = [(await shop.availability(sku, location=location)) for location in shop.locations]
    return min(channel, max(each.available_to_sell_quantity for each in there))


@pytest.mark.parametrize("lost", ["nothing", "the sequencer", "the server", "both", "the ledger"])
async def test_whatever_is_lost_the_trade_goes_on_as_it_was(killable: TestAuthority, lost: str) -> None:
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, skus=4, locations=2, units=5)
        trade = Trade(shop)
        await trade.begin()
        before = await trade.seen()
    if lost in ("the sequencer", "both"):
        killable.kill_valkey()
    if lost == "the ledger":
        killable.kill_postgres()
    if lost in ("the server", "both"):
        killable.kill_server()
        killable.start_server()
    async with stubs_of(killable.target) as stubs:
        await patiently(stubs.catalog.GetItem, catalog_service.GetItemRequest(sku=shop.sku))
        await patiently(stubs.inventory.ReceiveStock, shop.receipt(shop.skus[3], shop.location, 1))
        trade.shop = shop.seen_through(stubs)
        after = await trade.seen()
        await everything_goes_on(trade)
        await assert_ledger_is_sound(stubs, uncovered=None)
    same = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert {getattr(one, "sku", "") for one, _ in same} <= {shop.skus[3]}, "only what was received meanwhile differs"
