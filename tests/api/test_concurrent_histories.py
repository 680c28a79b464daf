"""Concurrent histories: many clients at once, then the truth is checked from every side.

The revisions of the answers say in which order the authority decided. Played in that order, one request
after another, the reference model must give the same answers: so the clients, all together, saw nothing
that a quiet shop could not have answered.
"""

import os
import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from holdfast.inventory.v1.stock_pb2 import Movement, MovementKind

from api.calls import answer_or_refusal, together
from api.history import History, ask_for_everything, method_for
from api.ids import some, uuid7
from api.refusals import Refusal
from api.shop import Shop, assert_ledger_is_sound
from api.translation import answer_from_proto, to_proto
from model import requests, words
from model.requests import Request
from support.authority import TestAuthority

CLIENTS = 24
REQUESTS_PER_CLIENT = int(os.environ.get("HOLDFAST_HISTORY_STEPS", "960")) // CLIENTS
SKUS, LOCATIONS = 3, 3
# What may be refused in this traffic. Anything else, above all INTERNAL, is a failure.
EXPECTED_REFUSALS = {
    "INSUFFICIENT_STOCK",
    "LOCATION_NOT_IN_POOL",
    "ALREADY_COMMITTED",
    "ALREADY_RELEASED",
    "NOT_COMMITTED",
    "RELEASE_EXCEEDS_OPEN",
    "FULFILLMENT_EXCEEDS_OPEN",
    "RETURN_EXCEEDS_FULFILLED",
    "UNKNOWN_LINE",
    "ADJUSTMENT_BELOW_ZERO",
}
DELTAS = ("sellable", "quality_hold", "damaged", "held", "committed", "backordered", "in_transit")
STATUSES = (words.SELLABLE, words.QUALITY_HOLD, words.DAMAGED)


class Traffic:
    """Random requests of many clients on a few SKUs, with everything that was answered."""

    def __init__(self, stubs: Any, seed: int) -> None:
        self.stubs = stubs
        self.random = random.Random(seed)
        self.skus = [some("sku") for _ in range(SKUS)]
        self.locations = [some("location") for _ in range(LOCATIONS)]
        self.pools = {some("channel"): some("pool") for _ in range(2)}
        self.channels = list(self.pools)
        self.reservation_ids: list[str] = []
        self.answered: list[tuple[Request, words.Answer]] = []
        self.refused: list[Refusal] = []

    async def ask(self, request: Request) -> None:
        outcome = await answer_or_refusal(method_for(self.stubs, request)(to_proto(request)))
        if isinstance(outcome, Refusal):
            self.refused.append(outcome)
            return
        answer = answer_from_proto(outcome)
        self.answered.append((request, answer))
        if isinstance(request, requests.CreateReservation) and answer.reservation:
            self.reservation_ids.append(answer.reservation.reservation_id)

    async def open(self) -> None:
        """The second channel does not sell from the first location."""
        items = tuple(requests.Item(sku=sku) for sku in self.skus)
        await self.ask(requests.PutItems(request_id=uuid7(), items=items))
        locations = tuple(requests.Location(location=location) for location in self.locations)
        await self.ask(requests.PutLocations(request_id=uuid7(), locations=locations))
        pools = tuple(
            requests.Pool(pool=pool, locations=tuple(self.locations[first:]))
            for first, pool in enumerate(self.pools.values())
        )
        await self.ask(requests.PutPools(request_id=uuid7(), pools=pools))
        channels = tuple(requests.Channel(channel=name, pool=pool) for name, pool in self.pools.items())
        await self.ask(requests.PutChannels(request_id=uuid7(), channels=channels))
        lines = tuple(
            requests.ReceiptLine(sku=sku, location=location, quantity=REQUESTS_PER_CLIENT)
            for sku in self.skus
            for location in self.locations
        )
        await self.ask(requests.ReceiveStock(request_id=uuid7(), lines=lines))

    async def be_a_client(self) -> None:
        for _ in range(REQUESTS_PER_CLIENT):
            request = self.any_request()
            # Now and then the answer is not waited for before the request is sent again.
            copies = 2 if self.random.random() < 0.1 else 1
            await together(self.ask(request) for _ in range(copies))

    def any_request(self) -> Request:
        makers = {
            self.reservation: 10,
            self.told_reservation: 2,
            self.commit: 5,
            self.release: 4,
            self.extension: 1,
            self.transfer: 2,
            self.fulfillment: 4,
            self.return_receipt: 2,
            self.receipt: 2,
            self.correction: 1,
            self.count: 1,
            self.status_move: 1,
            self.shipment: 1,
            self.rule: 1,
        }
        return self.random.choices(list(makers), weights=list(makers.values()))[0]()

    def demand_lines(self) -> tuple[requests.DemandLine, ...]:
        return tuple(
            requests.DemandLine(
                sku=self.random.choice(self.skus),
                quantity=self.random.randint(1, 4),
                location=self.random.choice(["", "", *self.locations]),
            )
            for _ in range(self.random.randint(1, 3))
        )

    def reservation(self) -> Request:
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=self.random.choice(self.channels),
            order_id=some("order"),
            lines=self.demand_lines(),
            allow_split=self.random.random() < 0.5,
            fill_policy=self.random.choice((words.ALL_OR_NOTHING, words.PARTIAL)),
            allow_backorder=self.random.random() < 0.3,
        )

    def told_reservation(self) -> Request:
        """Units that are not there are awaited, and covered by whatever comes next."""
        return requests.CreateReservation(
            request_id=uuid7(),
            channel=self.random.choice(self.channels),
            order_id=some("order"),
            lines=self.demand_lines(),
            ttl=None,
            fill_policy="",
            demand=words.TOLD,
        )

    def any_reservation(self) -> str | None:
        return self.random.choice(self.reservation_ids[-40:]) if self.reservation_ids else None

    def commit(self) -> Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        return requests.CommitReservation(request_id=uuid7(), reservation_id=reservation_id)

    def release(self) -> Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        part = (requests.ReleaseLine(line_number=self.random.randint(1, 2), quantity=self.random.randint(0, 2)),)
        lines = part if self.random.random() < 0.5 else ()
        return requests.ReleaseReservation(request_id=uuid7(), reservation_id=reservation_id, lines=lines)

    def extension(self) -> Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        return requests.ExtendReservation(
            request_id=uuid7(),
            reservation_id=reservation_id,
            ttl=requests.Duration(seconds=self.random.randint(600, 3600)),
        )

    def receipt(self) -> Request:
        line = requests.ReceiptLine(
            sku=self.random.choice(self.skus),
            location=self.random.choice(self.locations),
            quantity=self.random.randint(1, 5),
        )
        return requests.ReceiveStock(request_id=uuid7(), lines=(line,))

    def transfer(self) -> Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        line = requests.ReservationTransferLine(line_number=1, quantity=1, location=self.random.choice(self.locations))
        return requests.TransferReservation(request_id=uuid7(), reservation_id=reservation_id, lines=(line,))

    def fulfillment(self) -> Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        part = requests.FulfillmentLine(line_number=1, quantity=1, missing_quantity=self.random.randint(0, 1))
        return requests.PostFulfillment(
            request_id=uuid7(),
            reservation_id=reservation_id,
            lines=(part,) if self.random.random() < 0.5 else (),
            source_missing_anew=self.random.random() < 0.5,
            release_rest=self.random.random() < 0.2,
        )

    def return_receipt(self) -> Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        receipt = requests.ReturnReceipt(
            location=self.random.choice(self.locations),
            reservation_id=reservation_id,
            lines=(requests.ReturnLine(line_number=1, quantity=1),),
            accept_blind=self.random.random() < 0.5,
        )
        return requests.ProcessReturn(request_id=uuid7(), return_id=some("return"), receipt=receipt)

    def count(self) -> Request:
        line = requests.CountLine(
            sku=self.random.choice(self.skus),
            location=self.random.choice(self.locations),
            counted_quantity=self.random.randint(5, 20),
        )
        return requests.CountStock(request_id=uuid7(), lines=(line,))

    def status_move(self) -> Request:
        from_status, to_status = self.random.sample(STATUSES, 2)
        line = requests.StatusMoveLine(
            sku=self.random.choice(self.skus),
            location=self.random.choice(self.locations),
            from_status=from_status,
            to_status=to_status,
            quantity=1,
        )
        return requests.MoveStatus(request_id=uuid7(), lines=(line,))

    def shipment(self) -> Request:
        from_location, to_location = self.random.sample(self.locations, 2)
        return requests.ShipTransfer(
            request_id=uuid7(),
            transfer_id=some("transfer"),
            from_location=from_location,
            to_location=to_location,
            lines=(requests.TransferLine(sku=self.random.choice(self.skus), quantity=1),),
        )

    def rule(self) -> Request:
        sku, location = self.random.choice(self.skus), self.random.choice(self.locations)
        channel = self.random.choice(self.channels)
        kinds: tuple[dict[str, requests.AnyRule], ...] = (
            {"safety_stock": requests.SafetyStock(sku=sku, location=location, quantity=1)},
            {"channel_buffer": requests.ChannelBuffer(channel=channel, sku=sku, quantity=1)},
            {"allotment": requests.Allotment(sku=sku, channel=channel, guaranteed_quantity=3)},
            {"backorder": requests.BackorderRule(sku=sku, location=location, backorder_cap=5)},
        )
        removed = self.random.random() < 0.4
        rule = requests.Rule(removed=removed, **self.random.choice(kinds))  # type: ignore[arg-type]
        return requests.PutRules(request_id=uuid7(), rules=(rule,))

    def correction(self) -> Request:
        line = requests.AdjustmentLine(
            sku=self.random.choice(self.skus),
            location=self.random.choice(self.locations),
            delta_quantity=self.random.choice((-20, -3, -2, -1, 1)),
        )
        return requests.AdjustStock(request_id=uuid7(), lines=(line,))


def assert_one_decision_after_another(traffic: Traffic, segment: str) -> History:
    """The answers, in the order of their revisions, are those of the model."""
    history = History(segment)
    firsts = [(request, answer) for request, answer in traffic.answered if not answer.replayed]
    again = [(request, answer) for request, answer in traffic.answered if answer.replayed]
    for request, answer in sorted(firsts, key=lambda pair: pair[1].position):
        history.expect_answer(request, answer)
    for request, answer in again:
        history.expect_answer(request, answer)
    return history


def assert_levels_are_the_sums_of_their_movements(movements: list[Movement], history: History) -> None:
    """Each balance is the one before it plus the movement, from nothing to the level as it is now."""
    by_level: dict[tuple[str, str], list[Movement]] = defaultdict(list)
    for movement in movements:
        by_level[movement.balance.sku, movement.balance.location].append(movement)
    assert by_level.keys() == history.model.levels.keys()
    for key, chain in by_level.items():
        balance = dict.fromkeys(DELTAS, 0)
        for version, movement in enumerate(chain, start=1):
            balance = {name: balance[name] + getattr(movement, f"{name}_delta") for name in DELTAS}
            assert balance == {name: getattr(movement.balance, f"{name}_quantity") for name in DELTAS}
            assert movement.balance.version == version
            if movement.kind in {MovementKind.MOVEMENT_KIND_RESERVE, MovementKind.MOVEMENT_KIND_COVER}:
                taken = movement.balance.held_quantity + movement.balance.committed_quantity
                assert taken <= movement.balance.sellable_quantity, "units were reserved that were not there"
        level = history.model.levels[key]
        assert balance == {name: getattr(level, name) for name in DELTAS}


async def assert_reserved_units_are_those_of_open_lines(shop: Shop, history: History) -> None:
    ready: Counter[tuple[str, str]] = Counter()
    waiting: Counter[tuple[str, str]] = Counter()
    for sku in shop.skus:
        for reservation in await shop.reservations(sku=sku):
            history.expect_reservation(reservation)
            for line in reservation.lines:
                if line.sku == sku:
                    ready[line.sku, line.location] += line.open_quantity - line.backordered_quantity
                    waiting[line.sku, line.location] += line.backordered_quantity
    for key, level in history.model.levels.items():
        assert (level.held + level.committed, level.backordered) == (ready[key], waiting[key])


@pytest.mark.parametrize("seed", [20260301, 20260302])
async def test_many_clients_at_once_see_what_one_after_another_would_have_seen(
    authority: TestAuthority, stubs: Any, seed: int
) -> None:
    traffic = Traffic(stubs, seed)
    await traffic.open()
    await together(traffic.be_a_client() for _ in range(CLIENTS))

    assert {refusal.reason for refusal in traffic.refused} <= EXPECTED_REFUSALS
    sent = CLIENTS * REQUESTS_PER_CLIENT
    assert len(traffic.answered) > sent / 3, "a history of refusals proves little"

    history = assert_one_decision_after_another(traffic, authority.segment)
    everything = ask_for_everything(traffic.skus, traffic.channels, traffic.locations)
    history.expect_availability(everything, await stubs.inventory.BatchGetAvailability(everything))

    shop = Shop(stubs=stubs, skus=tuple(traffic.skus), locations=tuple(traffic.locations), pool="", channel="")
    movements = [movement for sku in traffic.skus for movement in await shop.movements(sku=sku)]
    assert_levels_are_the_sums_of_their_movements(movements, history)
    await assert_reserved_units_are_those_of_open_lines(shop, history)
    # Shrinkages of reserved units are part of this traffic.
    await assert_ledger_is_sound(stubs, uncovered=None)
