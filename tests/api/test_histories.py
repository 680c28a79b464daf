"""Random histories: the real authority and the reference model are asked the same, and must say the same.

Hypothesis writes the histories and shrinks one that fails to the few requests that matter.
HOLDFAST_HISTORY_STEPS asks for more requests than the few hundred of an ordinary run.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import GetReservationRequest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from api.history import History, ask_for_everything, method_for
from api.ids import some, uuid7
from api.refusals import read_error
from api.shop import Stubs
from api.translation import answer_from_proto, to_proto
from model import words

STEPS = int(os.environ.get("HOLDFAST_HISTORY_STEPS", "600"))
STEPS_PER_HISTORY = 30

# Small numbers of everything, so that requests meet; one of each kind is never created.
SKUS = ("socks", "shirt", "no-such-sku")
LOCATIONS = ("near", "far", "store", "no-such-location")
POOLS = ("web-pool", "till-pool", "no-such-pool")
CHANNELS = ("web", "till", "no-such-channel")
STATUSES = (words.SELLABLE, words.SELLABLE, words.QUALITY_HOLD, words.DAMAGED)

# What was never created is rare: one such line and the whole request says nothing else.
some_sku = st.sampled_from((*SKUS[:1] * 12, *SKUS[1:2] * 6, SKUS[2]))
some_location = st.sampled_from((*LOCATIONS[:3] * 6, LOCATIONS[3]))
some_channel = st.sampled_from((*CHANNELS[:1] * 9, *CHANNELS[1:2] * 4, CHANNELS[2]))
few_units = st.integers(1, 6)
ttls = st.builds(words.Duration, seconds=st.integers(600, 604_800))
# A request names a reservation by how long ago it was created; one that is too far back never was.
which_reservation = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 5, 99))

demand_lines = st.lists(
    st.builds(
        words.DemandLine,
        sku=some_sku,
        quantity=few_units,
        location=st.one_of(st.just(""), some_location),
    ),
    min_size=1,
    max_size=4,
)
receipt_lines = st.lists(
    st.builds(
        words.ReceiptLine,
        sku=some_sku,
        location=some_location,
        quantity=st.sampled_from((*range(1, 16), words.MAX_QUANTITY)),
        status=st.sampled_from(STATUSES),
    ),
    min_size=1,
    max_size=3,
)
adjustment_lines = st.lists(
    st.builds(
        words.AdjustmentLine,
        sku=some_sku,
        location=some_location,
        delta_quantity=st.integers(-6, 4).filter(bool),
        status=st.sampled_from(STATUSES),
    ),
    min_size=1,
    max_size=3,
)
release_lines = st.lists(
    st.builds(words.ReleaseLine, line_number=st.integers(1, 4), quantity=st.integers(0, 4)),
    max_size=3,
    unique_by=lambda line: line.line_number,
)
pool_locations = st.lists(st.sampled_from(LOCATIONS[:3]), unique=True, max_size=3)
most_locations = st.lists(st.sampled_from(LOCATIONS[:3]), unique=True, min_size=2, max_size=3)


class TradeAtRandom(RuleBasedStateMachine):
    """One history in a trade of its own."""

    def __init__(self, stubs: Stubs) -> None:
        super().__init__()
        self.stubs = stubs
        self.history = History()
        self.own = {name: f"{name}.{some('h')}" for name in (*SKUS, *LOCATIONS, *POOLS, *CHANNELS)}
        self.asked: list[words.Request] = []
        self.reservation_ids: list[str] = []

    def ask(self, request: words.Request) -> None:
        self.asked.append(request)
        try:
            answer = answer_from_proto(method_for(self.stubs, request)(to_proto(request)))
        except grpc.RpcError as error:
            self.history.expect_refusal(request, read_error(error))
            return
        self.history.expect_answer(request, answer)
        if answer.reservation and answer.reservation.reservation_id not in self.reservation_ids:
            self.reservation_ids.append(answer.reservation.reservation_id)

    def owned(self, line: Any) -> Any:
        """The line with the ids of this history in the place of the common names."""
        changes = {name: self.own.get(getattr(line, name), "") for name in ("sku", "location") if hasattr(line, name)}
        return replace(line, **changes)

    def reservation(self, back: int) -> str:
        if back >= len(self.reservation_ids):
            return some("reservation")
        return self.reservation_ids[-1 - back]

    # What is there at the start.

    @initialize(web=most_locations, till=pool_locations, units=st.integers(0, 9))
    def open_the_trade(self, web: list[str], till: list[str], units: int) -> None:
        own = self.own
        self.ask(words.PutItems(request_id=uuid7(), items=tuple(words.Item(sku=own[sku]) for sku in SKUS[:2])))
        places = tuple(own[location] for location in LOCATIONS[:3])
        locations = tuple(words.Location(location=place) for place in places)
        self.ask(words.PutLocations(request_id=uuid7(), locations=locations))
        pools = zip(POOLS[:2], (web, till), strict=True)
        self.ask(
            words.PutPools(
                request_id=uuid7(),
                pools=tuple(
                    words.Pool(pool=own[pool], locations=tuple(own[place] for place in drawn_from))
                    for pool, drawn_from in pools
                ),
            )
        )
        channels = tuple(
            words.Channel(channel=own[channel], pool=own[pool])
            for channel, pool in zip(CHANNELS[:2], POOLS[:2], strict=True)
        )
        self.ask(words.PutChannels(request_id=uuid7(), channels=channels))
        if units:
            lines = tuple(words.ReceiptLine(sku=own[SKUS[0]], location=place, quantity=units) for place in places[:2])
            self.ask(words.ReceiveStock(request_id=uuid7(), lines=lines))

    # What may happen then.

    @rule(
        lines=demand_lines,
        channel=some_channel,
        ttl=ttls,
        allow_split=st.booleans(),
        fill_policy=st.sampled_from((words.ALL_OR_NOTHING, words.PARTIAL)),
    )
    def reserve(
        self,
        lines: list[words.DemandLine],
        channel: str,
        ttl: words.Duration,
        allow_split: bool,
        fill_policy: str,
    ) -> None:
        self.ask(
            words.CreateReservation(
                request_id=uuid7(),
                channel=self.own[channel],
                order_id=some("order"),
                lines=tuple(self.owned(line) for line in lines),
                ttl=ttl,
                allow_split=allow_split,
                fill_policy=fill_policy,
            )
        )

    @rule(first=few_units, second=few_units, place=st.sampled_from(LOCATIONS[:3]), allow_split=st.booleans())
    def reserve_here_and_anywhere(self, first: int, second: int, place: str, allow_split: bool) -> None:
        """A line that names its location and one that does not, after the same units."""
        lines = (
            words.DemandLine(sku=SKUS[0], quantity=first, location=""),
            words.DemandLine(sku=SKUS[0], quantity=second, location=place),
        )
        self.ask(
            words.CreateReservation(
                request_id=uuid7(),
                channel=self.own[CHANNELS[0]],
                lines=tuple(self.owned(line) for line in lines),
                allow_split=allow_split,
            )
        )

    @rule(back=which_reservation)
    def commit(self, back: int) -> None:
        self.ask(words.CommitReservation(request_id=uuid7(), reservation_id=self.reservation(back)))

    @rule(back=which_reservation, ttl=ttls)
    def extend(self, back: int, ttl: words.Duration) -> None:
        self.ask(words.ExtendReservation(request_id=uuid7(), reservation_id=self.reservation(back), ttl=ttl))

    @rule(back=which_reservation, lines=release_lines)
    def release(self, back: int, lines: list[words.ReleaseLine]) -> None:
        self.ask(
            words.ReleaseReservation(request_id=uuid7(), reservation_id=self.reservation(back), lines=tuple(lines))
        )

    @rule(lines=receipt_lines)
    def receive(self, lines: list[words.ReceiptLine]) -> None:
        self.ask(words.ReceiveStock(request_id=uuid7(), lines=tuple(self.owned(line) for line in lines)))

    @rule(lines=adjustment_lines)
    def adjust(self, lines: list[words.AdjustmentLine]) -> None:
        self.ask(words.AdjustStock(request_id=uuid7(), lines=tuple(self.owned(line) for line in lines)))

    @rule(pool=st.sampled_from(POOLS[:2]), locations=st.lists(some_location, unique=True, max_size=4))
    def change_a_pool(self, pool: str, locations: list[str]) -> None:
        changed = words.Pool(pool=self.own[pool], locations=tuple(self.own[place] for place in locations))
        self.ask(words.PutPools(request_id=uuid7(), pools=(changed,)))

    @rule(channel=st.sampled_from(CHANNELS[:2]), pool=st.sampled_from(POOLS))
    def move_a_channel(self, channel: str, pool: str) -> None:
        moved = words.Channel(channel=self.own[channel], pool=self.own[pool])
        self.ask(words.PutChannels(request_id=uuid7(), channels=(moved,)))

    @rule(sku=st.sampled_from(SKUS[:2]), scale=st.integers(0, 1))
    def change_an_item(self, sku: str, scale: int) -> None:
        self.ask(words.PutItems(request_id=uuid7(), items=(words.Item(sku=self.own[sku], scale=scale),)))

    @rule(back=st.integers(0, 9))
    def ask_again(self, back: int) -> None:
        """Replayed if it took effect, decided anew if it was refused."""
        if back < len(self.asked):
            self.ask(self.asked[-1 - back])

    @rule(back=st.integers(0, 9), like=st.integers(0, 9))
    def use_an_id_again(self, back: int, like: int) -> None:
        """Another body, or even another method, under an id that was used before."""
        if max(back, like) < len(self.asked):
            other = self.asked[-1 - like]
            self.ask(replace(other, request_id=self.asked[-1 - back].request_id))

    # What must hold after every step.

    @invariant()
    def the_numbers_are_those_of_the_model(self) -> None:
        if not self.asked:
            return
        request = ask_for_everything(
            skus=[self.own[sku] for sku in SKUS[:2]],
            channels=[self.own[channel] for channel in CHANNELS[:2]],
            locations=[self.own[location] for location in LOCATIONS[:3]],
        )
        self.history.expect_availability(request, self.stubs.inventory.BatchGetAvailability(request))

    @invariant()
    def the_latest_reservations_read_as_the_model_has_them(self) -> None:
        for reservation_id in self.reservation_ids[-2:]:
            request = GetReservationRequest(reservation_id=reservation_id)
            self.history.expect_reservation(self.stubs.inventory.GetReservation(request).reservation)


def run_histories(machine: Callable[[], TradeAtRandom], steps: int) -> None:
    histories = max(1, steps // STEPS_PER_HISTORY)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS_PER_HISTORY,
            deadline=None,
            print_blob=True,
            # All but the search for an explanation: the shrunk history explains itself.
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


# Shrinking may take five minutes, and only a history that fails is shrunk.
@pytest.mark.timeout(900 + STEPS)
def test_random_histories_are_answered_as_the_model_predicts(authority: Any) -> None:
    with grpc.insecure_channel(authority.target) as channel:
        stubs = Stubs(channel)
        run_histories(lambda: TradeAtRandom(stubs), STEPS)
