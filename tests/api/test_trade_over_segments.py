"""Many clients at two servers trade units that lie in two segments; then every unit is accounted for.

What was answered says where each unit must be: a reservation that was given holds its lines until it is committed,
released or over, a part that has shipped is gone, and what was refused holds nothing. The levels of all locations must
say the same, unit by unit, and so must the ledger.
"""

import os
import random
from collections import Counter
from collections.abc import Set
from typing import Any

import pytest
from holdfast.inventory.v1.inventory_service_pb2 import (
    FILL_POLICY_PARTIAL,
    BatchCreateReservationsRequest,
    CreateReservationRequest,
    ExtendReservationRequest,
)
from holdfast.inventory.v1.reservation_pb2 import (
    RESERVATION_STATE_COMMITTED,
    RESERVATION_STATE_EXPIRED,
    Reservation,
)

from api.calls import answer_or_refusal, patiently, stubs_of, together, until
from api.ids import uuid7
from api.refusals import Refusal, read_status
from api.regions import Regions, open_regions
from api.shop import Shop, assert_ledger_is_sound, left
from support.authority import TestAuthority

CLIENTS = 16
STEPS_PER_CLIENT = int(os.environ.get("HOLDFAST_HISTORY_STEPS", "640")) // CLIENTS
SKUS, UNITS = 3, 50
Place = tuple[str, str]


class Trade:
    """What clients ask for, and where each unit must be by what they were answered."""

    def __init__(self, shop: Regions, seed: int) -> None:
        self.shop = shop
        self.random = random.Random(seed)
        self.on_hand: Counter[Place] = Counter()
        self.held: dict[str, Reservation] = {}
        self.committed: dict[str, Reservation] = {}
        self.brief: dict[str, Reservation] = {}
        """Held for a second only, by nobody who comes back for them."""
        self.given: list[tuple[CreateReservationRequest, Reservation]] = []
        self.came_from: Counter[str] = Counter()

    async def be_a_client(self, stubs: Any, other_stubs: Any) -> None:
        for _ in range(STEPS_PER_CLIENT):
            step = self.random.choices(
                (self.buy, self.buy_many, self.ask_again, self.finish, self.extend, self.ship, self.receive),
                (6, 1, 2, 6, 1, 2, 2),
            )
            await step[0](self.shop.seen_through(stubs), self.shop.seen_through(other_stubs))

    def any_demand(self) -> CreateReservationRequest:
        lines = [
            (sku, self.random.randint(1, 4), self.random.choice(["", "", *self.shop.locations]))
            for sku in self.random.sample(self.shop.skus, self.random.randint(1, SKUS))
        ]
        options: dict[str, Any] = {"allow_split": self.random.random() < 0.5}
        if self.random.random() < 0.3:
            options["fill_policy"] = FILL_POLICY_PARTIAL
        if self.random.random() < 0.1:
            options["ttl_seconds"] = 1
        return self.shop.demand(*lines, **options)

    def take(self, request: CreateReservationRequest, reservation: Reservation, *, is_partial: bool) -> None:
        assert reservation.lines
        got: Counter[str] = Counter()
        for line in reservation.lines:
            got[line.sku] += line.quantity
        wanted = Counter({line.sku: line.quantity for line in request.lines})
        assert got <= wanted if is_partial else got == wanted
        kept = self.brief if request.ttl.seconds == 1 else self.held
        kept[reservation.reservation_id] = reservation
        self.given.append((request, reservation))
        self.came_from["both" if reservation.part_reservation_ids else "one"] += 1

    async def buy(self, here: Shop, there: Shop) -> None:
        """Now and then the same request is at both servers at once."""
        request = self.any_demand()
        servers = (here, there) if self.random.random() < 0.2 else (here,)
        outcomes = await together(answer_or_refusal(one.stubs.inventory.CreateReservation(request)) for one in servers)
        given = [one for one in outcomes if not isinstance(one, Refusal)]
        self.expect([one for one in outcomes if isinstance(one, Refusal)])
        assert len({one.reservation.reservation_id for one in given}) <= 1
        if given:
            self.take(request, given[0].reservation, is_partial=request.fill_policy == FILL_POLICY_PARTIAL)

    async def buy_many(self, here: Shop, _: Shop) -> None:
        requests = [self.any_demand() for _ in range(5)]
        batch = BatchCreateReservationsRequest(requests=requests)
        results = (await here.stubs.inventory.BatchCreateReservations(batch)).results
        for request, result in zip(requests, results, strict=True):
            if result.HasField("created"):
                is_partial = request.fill_policy == FILL_POLICY_PARTIAL
                self.take(request, result.created.reservation, is_partial=is_partial)
            else:
                self.expect([read_status(result.refusal)])

    async def ask_again(self, here: Shop, _: Shop) -> None:
        """Whatever became of it since, the first answer is given again."""
        if self.given:
            request, reservation = self.random.choice(self.given)
            again = await here.stubs.inventory.CreateReservation(request)
            assert (again.replayed, again.reservation) == (True, reservation)

    async def finish(self, here: Shop, there: Shop) -> None:
        """Somebody commits or releases a hold, or both at once: released is what it is in the end, if that was said."""
        if not self.held:
            return
        reservation = self.held.pop(self.random.choice(list(self.held)))
        steps = [here.commit(reservation.reservation_id), there.release(reservation.reservation_id)]
        self.random.shuffle(steps)
        if self.random.random() < 0.7:
            steps.pop().close()
        outcomes = await together(answer_or_refusal(step) for step in steps)
        done = [one for one in outcomes if not isinstance(one, Refusal)]
        # What was committed in both segments can only be released part by part.
        late = {"SPANS_SEGMENTS"} if reservation.part_reservation_ids else set()
        self.expect([one for one in outcomes if isinstance(one, Refusal)], late | {"ALREADY_RELEASED"})
        assert done
        if all(one.state == RESERVATION_STATE_COMMITTED for one in done):
            # The parts live on by themselves.
            for each in list(reservation.part_reservation_ids) or [reservation.reservation_id]:
                self.committed[each] = await here.read(each)

    async def extend(self, here: Shop, _: Shop) -> None:
        """A hold gets more time, perhaps while somebody else ends it."""
        if not self.held:
            return
        reservation_id = self.random.choice(list(self.held))
        request = ExtendReservationRequest(request_id=uuid7(), reservation_id=reservation_id)
        request.ttl.FromSeconds(1_000)
        outcome = await answer_or_refusal(here.stubs.inventory.ExtendReservation(request))
        if isinstance(outcome, Refusal):
            self.expect([outcome], {"ALREADY_COMMITTED", "ALREADY_RELEASED"})

    async def ship(self, here: Shop, _: Shop) -> None:
        """All lines of a reservation, or of a part of one, leave."""
        if not self.committed:
            return
        reservation = self.committed.pop(self.random.choice(list(self.committed)))
        for line in reservation.lines:
            self.on_hand[line.sku, line.location] -= line.quantity
        lines = [left(line.line_number, line.quantity) for line in reservation.lines]
        await here.fulfill(reservation.reservation_id, *lines)

    async def receive(self, here: Shop, _: Shop) -> None:
        sku, location = self.random.choice(self.shop.skus), self.random.choice(self.shop.locations)
        self.on_hand[sku, location] += 2
        await here.receive(2, sku=sku, location=location)

    def expect(self, refusals: list[Refusal], reasons: Set[str] = frozenset({"INSUFFICIENT_STOCK"})) -> None:
        assert {one.reason for one in refusals} <= reasons

    def reserved(self) -> Counter[Place]:
        return _summed([*self.held.values(), *self.committed.values()])


def _summed(reservations: list[Reservation]) -> Counter[Place]:
    units: Counter[Place] = Counter()
    for one in reservations:
        for line in one.lines:
            units[line.sku, line.location] += line.quantity
    return units


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_unit_is_where_the_answers_say(segmented: TestAuthority, seed: int) -> None:
    second = segmented.start_server()
    try:
        async with stubs_of(segmented.targets[0]) as here, stubs_of(second.target) as there:
            shop = await open_regions(here, skus=SKUS, north=UNITS, south=UNITS)
            # A server that has just started answers once it has heard of the ledger writers.
            await patiently(there.inventory.BatchGetAvailability, shop.question())
            trade = Trade(shop, seed)
            for sku in shop.skus:
                for location in shop.locations:
                    trade.on_hand[sku, location] = UNITS
            await together(
                trade.be_a_client(*((here, there) if number % 2 else (there, here))) for number in range(CLIENTS)
            )

            async def are_over() -> bool:
                shown = [await shop.read(reservation_id) for reservation_id in trade.brief]
                return all(one.state == RESERVATION_STATE_EXPIRED for one in shown)

            await until(are_over, "what was held for a second has ended")
            reserved, on_hand = Counter[Place](), Counter[Place]()
            for sku in shop.skus:
                for location in shop.locations:
                    level = await shop.level(sku, location=location)
                    on_hand[sku, location] = level.sellable_quantity
                    reserved[sku, location] = level.sellable_quantity - level.net_quantity
            assert on_hand == trade.on_hand
            assert reserved == trade.reserved()
            assert trade.came_from["both"] > 10, "the traffic must come to both segments, or this proves nothing"
            await assert_ledger_is_sound(here, uncovered=None)
    finally:
        second.stop()
