"""Random histories: the real authority and the reference model are asked the same, and must say the same.

Hypothesis writes the histories and shrinks one that fails to the few requests that matter.
HOLDFAST_HISTORY_STEPS asks for more requests than those of an ordinary run.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import inventory_service_pb2 as inventory
from holdfast.inventory.v1 import reconciliation_service_pb2 as reconciliation
from holdfast.inventory.v1 import supply_pb2 as supply
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from api import translation
from api.history import History, ask_for_everything, method_for
from api.refusals import read_error
from api.shop import Stubs
from api.traffic.chance import DAY_SECONDS, Names
from api.traffic.trade import RandomTrade
from model import words
from model.requests import Request

STEPS = int(os.environ.get("HOLDFAST_HISTORY_STEPS", "1500"))
STEPS_PER_HISTORY = 50
PROMISED_DAYS = (-3, 2, 3, 5, 10)
PAGE_SIZE = 1000

# Hypothesis decides how many steps there are and where each gets its chance from: so a history that fails is shrunk to
# the steps that matter, and what is asked in them is as mixed as in a trade.
seeds = st.integers(0, 2**32 - 1)


class TradeAtRandom(RuleBasedStateMachine):
    """One history in a trade of its own."""

    def __init__(self, stubs: Stubs, segment: str) -> None:
        super().__init__()
        self.stubs = stubs
        self.history = History(segment)
        self.names = Names()
        self.trade = RandomTrade(random.Random(0), self.history.model, self.names)
        self.asked: list[Request] = []
        self.used_seeds: Counter[int] = Counter()

    def ask(self, request: Request) -> None:
        note(str(request))
        self.asked.append(request)
        try:
            answer = translation.answer_from_proto(method_for(self.stubs, request)(translation.to_proto(request)))
        except grpc.RpcError as error:
            self.history.expect_refusal(request, read_error(error))
            return
        self.history.expect_answer(request, answer)

    def drawn_from(self, seed: int) -> RandomTrade:
        """The same seed, used again, gives something else; but not because of other steps."""
        self.used_seeds[seed] += 1
        self.trade.chance = random.Random(f"{seed}, {self.used_seeds[seed]}")
        return self.trade

    @initialize(seed=seeds)
    def open_the_trade(self, seed: int) -> None:
        for request in self.drawn_from(seed).opening():
            self.ask(request)

    @rule(seed=seeds)
    def ask_for_anything(self, seed: int) -> None:
        trade = self.drawn_from(seed)
        if trade.now_and_then(0.06):
            # Replayed if it took effect, decided anew if it was refused.
            self.ask(trade.one_of(self.asked[-4:]))
        elif trade.now_and_then(0.05):
            # Another body, or even another method, under an id that was used before.
            like, used = trade.one_of(self.asked[-6:]), trade.one_of(self.asked[-6:])
            self.ask(replace(like, request_id=used.request_id))
        else:
            self.ask(trade.anything())

    # What must hold after every step.

    @invariant()
    def the_numbers_are_those_of_the_model(self) -> None:
        if self.asked:
            days = PROMISED_DAYS[len(self.asked) % len(PROMISED_DAYS)]
            ask_and_compare(self.stubs, self.history, self.names, self.trade.noon + days * DAY_SECONDS)

    @invariant()
    def the_latest_reservations_read_as_the_model_has_them(self) -> None:
        for reservation_id in list(self.history.model.reservations)[-2:]:
            request = inventory.GetReservationRequest(reservation_id=reservation_id)
            self.history.expect_reservation(self.stubs.inventory.GetReservation(request).reservation)

    def teardown(self) -> None:
        """At the end every document reads as the model has it."""
        ours = {words.INBOUND: self._inbounds(), words.TRANSFER: self._transfers(), words.INCIDENT: self._incidents()}
        for kind, documents in ours.items():
            self.history.expect_documents(kind, documents)

    def _inbounds(self) -> Iterator[words.Document]:
        for location in self.names.locations:
            request = supply.ListInboundsRequest(location=location, page_size=PAGE_SIZE)
            yield from map(translation.inbound_from_proto, self.stubs.inventory.ListInbounds(request).inbounds)

    def _transfers(self) -> Iterator[words.Document]:
        for location in self.names.locations:
            request = supply.ListTransfersRequest(to_location=location, page_size=PAGE_SIZE)
            yield from map(translation.transfer_from_proto, self.stubs.inventory.ListTransfers(request).transfers)

    def _incidents(self) -> Iterator[words.Document]:
        for channel in self.names.channels:
            request = reconciliation.ListIncidentsRequest(channel=channel, page_size=PAGE_SIZE)
            yield from map(translation.incident_from_proto, self.stubs.reconciliation.ListIncidents(request).incidents)


def ask_and_compare(stubs: Stubs, history: History, names: Names, promise_seconds: int) -> None:
    """Asks for every number of the trade, and for what can be promised for a day."""
    request = ask_for_everything(names.skus, names.channels, names.locations, Timestamp(seconds=promise_seconds))
    history.expect_availability(request, stubs.inventory.BatchGetAvailability(request))


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
        run_histories(lambda: TradeAtRandom(stubs, authority.segment), STEPS)
