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
from model import words

CLIENTS = 24
REQUESTS_PER_CLIENT = int(os.environ.get("HOLDFAST_HISTORY_STEPS", "960")) // CLIENTS
SKUS, LOCATIONS = 3, 3
# What may be refused in this traffic. Anything else, above all INTERNAL, is a failure.
EXPECTED_REFUSALS = {
    "INSUFFICIENT_STOCK",
    "LOCATION_NOT_IN_POOL",
    "ALREADY_COMMITTED",
    "ALREADY_RELEASED",
    "RELEASE_EXCEEDS_OPEN",
    "UNKNOWN_LINE",
    "ADJUSTMENT_BELOW_ZERO",
}
DELTAS = ("sellable", "quality_hold", "damaged", "held", "committed")


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
        self.answered: list[tuple[words.Request, words.Answer]] = []
        self.refused: list[Refusal] = []

    async def ask(self, request: words.Request) -> None:
        outcome = await answer_or_refusal(method_for(self.stubs, request)(to_proto(request)))
        if isinstance(outcome, Refusal):
            self.refused.append(outcome)
            return
        answer = answer_from_proto(outcome)
        self.answered.append((request, answer))
        if isinstance(request, words.CreateReservation) and answer.reservation:
            self.reservation_ids.append(answer.reservation.reservation_id)

    async def open(self) -> None:
        """The second channel does not sell from the first location."""
        items = tuple(words.Item(sku=sku) for sku in self.skus)
        await self.ask(words.PutItems(request_id=uuid7(), items=items))
        locations = tuple(words.Location(location=location) for location in self.locations)
        await self.ask(words.PutLocations(request_id=uuid7(), locations=locations))
        pools = tuple(
            words.Pool(pool=pool, locations=tuple(self.locations[first:]))
            for first, pool in enumerate(self.pools.values())
        )
        await self.ask(words.PutPools(request_id=uuid7(), pools=pools))
        channels = tuple(words.Channel(channel=name, pool=pool) for name, pool in self.pools.items())
        await self.ask(words.PutChannels(request_id=uuid7(), channels=channels))
        lines = tuple(
            words.ReceiptLine(sku=sku, location=location, quantity=REQUESTS_PER_CLIENT)
            for sku in self.skus
            for location in self.locations
        )
        await self.ask(words.ReceiveStock(request_id=uuid7(), lines=lines))

    async def be_a_client(self) -> None:
        for _ in range(REQUESTS_PER_CLIENT):
            request = self.any_request()
            # Now and then the answer is not waited for before the request is sent again.
            copies = 2 if self.random.random() < 0.1 else 1
            await together(self.ask(request) for _ in range(copies))

    def any_request(self) -> words.Request:
        makers = (self.reservation, self.commit, self.release, self.extension, self.receipt, self.correction)
        return self.random.choices(makers, weights=(10, 4, 4, 1, 1, 1))[0]()

    def reservation(self) -> words.Request:
        lines = tuple(
            words.DemandLine(
                sku=self.random.choice(self.skus),
                quantity=self.random.randint(1, 4),
                location=self.random.choice(["", "", *self.locations]),
            )
            for _ in range(self.random.randint(1, 3))
        )
        return words.CreateReservation(
            request_id=uuid7(),
            channel=self.random.choice(self.channels),
            order_id=some("order"),
            lines=lines,
            allow_split=self.random.random() < 0.5,
            fill_policy=self.random.choice((words.ALL_OR_NOTHING, words.PARTIAL)),
        )

    def any_reservation(self) -> str | None:
        return self.random.choice(self.reservation_ids[-40:]) if self.reservation_ids else None

    def commit(self) -> words.Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        return words.CommitReservation(request_id=uuid7(), reservation_id=reservation_id)

    def release(self) -> words.Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        part = (words.ReleaseLine(line_number=self.random.randint(1, 2), quantity=self.random.randint(0, 2)),)
        lines = part if self.random.random() < 0.5 else ()
        return words.ReleaseReservation(request_id=uuid7(), reservation_id=reservation_id, lines=lines)

    def extension(self) -> words.Request:
        reservation_id = self.any_reservation()
        if reservation_id is None:
            return self.reservation()
        return words.ExtendReservation(
            request_id=uuid7(),
            reservation_id=reservation_id,
            ttl=words.Duration(seconds=self.random.randint(600, 3600)),
        )

    def receipt(self) -> words.Request:
        line = words.ReceiptLine(
            sku=self.random.choice(self.skus),
            location=self.random.choice(self.locations),
            quantity=self.random.randint(1, 5),
        )
        return words.ReceiveStock(request_id=uuid7(), lines=(line,))

    def correction(self) -> words.Request:
        line = words.AdjustmentLine(
            sku=self.random.choice(self.skus),
            location=self.random.choice(self.locations),
            delta_quantity=self.random.choice((-20, -3, -2, -1, 1)),
        )
        return words.AdjustStock(request_id=uuid7(), lines=(line,))


def assert_one_decision_after_another(traffic: Traffic) -> History:
    """The answers, in the order of their revisions, are those of the model."""
    history = History()
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
            if movement.kind == MovementKind.MOVEMENT_KIND_RESERVE:
                assert movement.balance.net_quantity >= 0, "units were reserved that were not there"
        level = history.model.levels[key]
        assert balance == {name: getattr(level, name) for name in DELTAS}


async def assert_reserved_units_are_those_of_open_lines(shop: Shop, history: History) -> None:
    open_units: Counter[tuple[str, str]] = Counter()
    for sku in shop.skus:
        for reservation in await shop.reservations(sku=sku):
            history.expect_reservation(reservation)
            for line in reservation.lines:
                if line.sku == sku:
                    open_units[line.sku, line.location] += line.open_quantity
    for key, level in history.model.levels.items():
        assert level.held + level.committed == open_units[key]


@pytest.mark.parametrize("seed", [20260301, 20260302])
async def test_many_clients_at_once_see_what_one_after_another_would_have_seen(stubs: Any, seed: int) -> None:
    traffic = Traffic(stubs, seed)
    await traffic.open()
    await together(traffic.be_a_client() for _ in range(CLIENTS))

    assert {refusal.reason for refusal in traffic.refused} <= EXPECTED_REFUSALS
    sent = CLIENTS * REQUESTS_PER_CLIENT
    assert len(traffic.answered) > sent / 3, "a history of refusals proves little"

    history = assert_one_decision_after_another(traffic)
    everything = ask_for_everything(traffic.skus, traffic.channels, traffic.locations)
    history.expect_availability(everything, await stubs.inventory.BatchGetAvailability(everything))

    shop = Shop(stubs=stubs, skus=tuple(traffic.skus), locations=tuple(traffic.locations), pool="", channel="")
    movements = [movement for sku in traffic.skus for movement in await shop.movements(sku=sku)]
    assert_levels_are_the_sums_of_their_movements(movements, history)
    await assert_reserved_units_are_those_of_open_lines(shop, history)
    # Shrinkages of reserved units are part of this traffic.
    await assert_ledger_is_sound(stubs, uncovered=None)
