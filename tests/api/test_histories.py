"""Random histories: the real authority and the reference model are asked the same, and must say the same.

Hypothesis writes the histories and shrinks one that fails to the few requests that matter.
HOLDFAST_HISTORY_STEPS asks for more requests than the few hundred of an ordinary run.
"""

import os
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from itertools import product
from typing import Any

import grpc
import pytest
from holdfast.inventory.v1.inventory_service_pb2 import GetReservationRequest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from api.history import History, ask_for_everything, method_for
from api.ids import some, uuid7
from api.refusals import read_error
from api.shop import Stubs
from api.translation import answer_from_proto, to_proto
from model import words

STEPS = int(os.environ.get("HOLDFAST_HISTORY_STEPS", "1500"))
STEPS_PER_HISTORY = 30

# Small numbers of everything, so that requests meet; one of each kind is never created, and rarely named: one
# such name, and the whole request says nothing else.
SKUS = ("socks", "shirt", "no-such-sku")
LOCATIONS = ("near", "far", "store", "no-such-location")
POOLS = ("web-pool", "till-pool", "no-such-pool")
CHANNELS = ("web", "till", "no-such-channel")
STATUSES = (words.SELLABLE, words.SELLABLE, words.QUALITY_HOLD, words.DAMAGED)

some_sku = st.sampled_from((*SKUS[:1] * 12, *SKUS[1:2] * 6, SKUS[2]))
some_location = st.sampled_from((*LOCATIONS[:3] * 6, LOCATIONS[3]))
some_channel = st.sampled_from((*CHANNELS[:1] * 9, *CHANNELS[1:2] * 4, CHANNELS[2]))
known_locations = st.lists(st.sampled_from(LOCATIONS[:3]), unique=True, max_size=3)
ttls = st.builds(words.Duration, seconds=st.integers(600, 604_800))
# A request names a reservation by how long ago it was created; one that is too far back never was.
which_reservation = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3, 99))

Strategy = st.SearchStrategy[Any]


def tuples_of(lines: Strategy, most: int) -> Strategy:
    return st.lists(lines, min_size=1, max_size=most).map(tuple)


def requests_of(kind: type, **parts: Strategy) -> Strategy:
    """Requests that have no id yet, with the common names in the place of this history's own."""
    return st.builds(kind, request_id=st.just(""), **parts)


reservations = requests_of(
    words.CreateReservation,
    channel=some_channel,
    order_id=st.sampled_from(("", "order-7")),
    lines=tuples_of(
        st.builds(
            words.DemandLine,
            sku=some_sku,
            quantity=st.sampled_from((1, 1, 1, 2, 2, 3, 4, 6, 9)),
            location=st.one_of(st.just(""), some_location),
        ),
        most=4,
    ),
    ttl=ttls,
    allow_split=st.booleans(),
    fill_policy=st.sampled_from((words.ALL_OR_NOTHING, words.PARTIAL)),
)
receipts = requests_of(
    words.ReceiveStock,
    lines=tuples_of(
        st.builds(
            words.ReceiptLine,
            sku=some_sku,
            location=some_location,
            quantity=st.sampled_from((*range(1, 16), words.MAX_QUANTITY)),
            status=st.sampled_from(STATUSES),
        ),
        most=3,
    ),
)
corrections = requests_of(
    words.AdjustStock,
    lines=tuples_of(
        st.builds(
            words.AdjustmentLine,
            sku=some_sku,
            location=some_location,
            delta_quantity=st.sampled_from((-5, -2, -1, -1, 1, 2)),
            status=st.sampled_from(STATUSES),
        ),
        most=2,
    ),
)
pool_changes = requests_of(
    words.PutPools,
    pools=tuples_of(
        st.builds(
            words.Pool,
            pool=st.sampled_from(POOLS[:2]),
            locations=st.one_of(
                st.permutations(LOCATIONS[:3]),
                known_locations,
                st.just([LOCATIONS[0], LOCATIONS[3]]),
            ).map(tuple),
        ),
        most=1,
    ),
)
channel_moves = requests_of(
    words.PutChannels,
    channels=tuples_of(
        st.builds(words.Channel, channel=st.sampled_from(CHANNELS[:2]), pool=st.sampled_from(POOLS)), most=1
    ),
)
item_changes = requests_of(
    words.PutItems,
    items=tuples_of(st.builds(words.Item, sku=st.sampled_from(SKUS[:2]), scale=st.integers(0, 1)), most=1),
)
releases = requests_of(
    words.ReleaseReservation,
    reservation_id=st.just(""),
    lines=st.one_of(
        st.just(()),
        st.lists(
            st.builds(
                words.ReleaseLine,
                line_number=st.sampled_from((1, 1, 2, 2, 3)),
                quantity=st.sampled_from((0, 1, 1, 2)),
            ),
            min_size=1,
            max_size=2,
            unique_by=lambda line: line.line_number,
        ).map(tuple),
    ),
)


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

    def owned(self, value: Any) -> Any:
        """The value with the ids of this history in the place of the common names."""
        if isinstance(value, str):
            return self.own.get(value, value)
        if isinstance(value, tuple):
            return tuple(self.owned(part) for part in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{part.name: self.owned(getattr(value, part.name)) for part in fields(value)})
        return value

    def ask_anew(self, request: Any, **changes: str) -> None:
        self.ask(replace(self.owned(request), request_id=uuid7(), **changes))

    def reservation(self, back: int) -> str:
        if back >= len(self.reservation_ids):
            return some("reservation")
        return self.reservation_ids[-1 - back]

    # What is there at the start.

    @initialize(
        web=st.permutations(LOCATIONS[:3]),
        till=known_locations,
        units=st.lists(st.integers(0, 9), min_size=5, max_size=5),
    )
    def open_the_trade(self, web: list[str], till: list[str], units: list[int]) -> None:
        anew = self.ask_anew
        anew(words.PutItems(request_id="", items=tuple(words.Item(sku=sku) for sku in SKUS[:2])))
        places = tuple(words.Location(location=location) for location in LOCATIONS[:3])
        anew(words.PutLocations(request_id="", locations=places))
        drawn = zip(POOLS[:2], (web, till), strict=True)
        pools = tuple(words.Pool(pool=pool, locations=tuple(locations)) for pool, locations in drawn)
        anew(words.PutPools(request_id="", pools=pools))
        sold = zip(CHANNELS[:2], POOLS[:2], strict=True)
        anew(words.PutChannels(request_id="", channels=tuple(words.Channel(channel=c, pool=p) for c, p in sold)))
        levels = zip(units, product(SKUS[:2], LOCATIONS[:3]), strict=False)
        lines = tuple(
            words.ReceiptLine(sku=sku, location=location, quantity=quantity)
            for quantity, (sku, location) in levels
            if quantity
        )
        if lines:
            anew(words.ReceiveStock(request_id="", lines=lines))

    # What may happen then. A hold or two comes before most of what can be done to one.

    @rule(request=reservations)
    def reserve(self, request: words.CreateReservation) -> None:
        self.ask_anew(request)

    @rule(here=st.integers(1, 4), anywhere=st.integers(1, 4), place=st.sampled_from(LOCATIONS[:3]), split=st.booleans())
    def reserve_here_and_anywhere(self, here: int, anywhere: int, place: str, split: bool) -> None:
        """A line that names its location and one that does not, after the same units."""
        lines = (
            words.DemandLine(sku=SKUS[0], quantity=anywhere),
            words.DemandLine(sku=SKUS[0], quantity=here, location=place),
        )
        self.ask_anew(words.CreateReservation(request_id="", channel=CHANNELS[0], lines=lines, allow_split=split))

    @precondition(lambda self: self.reservation_ids)
    @rule(back=which_reservation)
    def commit(self, back: int) -> None:
        request = words.CommitReservation(request_id="", reservation_id="")
        self.ask_anew(request, reservation_id=self.reservation(back))

    @precondition(lambda self: self.reservation_ids)
    @rule(back=which_reservation, ttl=ttls)
    def extend(self, back: int, ttl: words.Duration) -> None:
        request = words.ExtendReservation(request_id="", reservation_id="", ttl=ttl)
        self.ask_anew(request, reservation_id=self.reservation(back))

    @precondition(lambda self: self.reservation_ids)
    @rule(back=which_reservation, request=releases)
    def release(self, back: int, request: words.ReleaseReservation) -> None:
        self.ask_anew(request, reservation_id=self.reservation(back))

    @rule(request=st.one_of(receipts, receipts, corrections))
    def change_stock(self, request: words.ReceiveStock | words.AdjustStock) -> None:
        self.ask_anew(request)

    @rule(request=st.one_of(pool_changes, channel_moves, item_changes))
    def change_master_data(self, request: words.Request) -> None:
        self.ask_anew(request)

    @rule(back=st.integers(0, 3))
    def ask_again(self, back: int) -> None:
        """Replayed if it took effect, decided anew if it was refused."""
        self.ask(self.asked[-1 - back])

    @rule(back=st.integers(0, 3), like=st.integers(0, 3))
    def use_an_id_again(self, back: int, like: int) -> None:
        """Another body, or even another method, under an id that was used before."""
        self.ask(replace(self.asked[-1 - like], request_id=self.asked[-1 - back].request_id))

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
