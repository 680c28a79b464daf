"""A watcher beside a random trade of every verb: at every halt it holds to be true exactly what the authority says.

Whatever an operation, a rule or the time changes must reach the stream; HOLDFAST_WATCH_STEPS asks for more of them, and
HOLDFAST_WATCH_SEED for a trade that was seen before.
"""

import os
import random
from typing import Any

import grpc
from holdfast.inventory.v1.watch_pb2 import AvailabilityFilter

from api import translation
from api.history import History, ask_for_everything, method_for
from api.refusals import read_error
from api.traffic.chance import Names
from api.traffic.trade import RandomTrade
from api.watch_promises import assert_begins_well, assert_bookmarkable, assert_ordered
from api.watching import Recorder, Watch
from model.requests import Request
from support.authority import TestAuthority

STEPS = int(os.environ.get("HOLDFAST_WATCH_STEPS", "300"))
SEED = int(os.environ.get("HOLDFAST_WATCH_SEED") or random.SystemRandom().randint(1, 10**9))
STEPS_PER_HALT = 5
STEPS_PER_CUT = 40
_TRIES = 5


class WatchedTrade:
    def __init__(self, stubs: Any, segment: str) -> None:
        self.stubs = stubs
        self.history = History(segment)
        self.names = Names()
        self.trade = RandomTrade(random.Random(SEED), self.history.model, self.names)
        scopes = {"channels": self.names.channels, "locations": self.names.locations}
        self.recorder = Recorder(AvailabilityFilter(**scopes, skus=self.names.skus))

    async def ask(self, request: Request) -> None:
        try:
            answer = await method_for(self.stubs, request)(translation.to_proto(request))
        except grpc.aio.AioRpcError as error:
            self.history.expect_refusal(request, read_error(error))
            return
        self.history.expect_answer(request, translation.answer_from_proto(answer))

    async def compare(self, stream: Watch) -> None:
        """Time goes on by itself, so a difference counts only if it stays."""
        question = ask_for_everything(self.names.skus, self.names.channels, self.names.locations)
        told: dict[Any, Any] = {}
        for _ in range(_TRIES):
            answer = await self.stubs.inventory.BatchGetAvailability(question)
            await stream.until(lambda told, at=answer.revision.position: told.position >= at)  # type: ignore[misc]
            said = {(one.sku, one.channel, one.location): one for one in answer.availabilities}
            told = {key: change.availability for key, change in self.recorder.numbers.items()}
            if told == said:
                return
        assert told == said, f"seed {SEED}"


async def test_11_a_watcher_knows_what_is_so_whatever_happens(authority: TestAuthority, stubs: Any) -> None:
    at = WatchedTrade(stubs, authority.segment)
    for request in at.trade.opening():
        await at.ask(request)
    stream = Watch(stubs, at.recorder, resume_token="")
    await stream.until(lambda told: told.synced)
    for step in range(STEPS):
        if step % STEPS_PER_CUT == 0:
            await stream.cancel()
            stream = Watch(stubs, at.recorder, resume_token=at.recorder.token)
        await at.ask(at.trade.anything())
        if step % STEPS_PER_HALT == 0:
            await at.compare(stream)
    await at.compare(stream)
    await stream.cancel()
    assert_ordered(at.recorder)
    assert_begins_well(at.recorder)
    assert_bookmarkable(at.recorder)
