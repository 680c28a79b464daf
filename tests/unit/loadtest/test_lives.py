"""What a load process asks, how often, and what it keeps of the answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1 import reservation_pb2
from holdfast.inventory.v1.revision_pb2 import Revision

from holdfast_client.status_details import ERROR_DOMAIN
from holdfast_loadtest.workload.asking import Answer, Asker
from holdfast_loadtest.workload.batching import BATCHES_UNDER_WAY, Batcher
from holdfast_loadtest.workload.demand import Copy, Step, Wish
from holdfast_loadtest.workload.history import Outcome, State, read_history, write_history
from holdfast_loadtest.workload.lives import Lives
from holdfast_loadtest.workload.loops import Course
from unit.loadtest.virtual_time import in_virtual_time

WISH = Wish(channel="C1", lines=(("S1", 1),))


def refusal(code: int, reason: str) -> Answer:
    """The answer of an authority that refuses."""
    packed = Packed()
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN))
    return Answer.of_status(status_pb2.Status(code=code, details=[packed]))


SHORT = refusal(code_pb2.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")


def unanswered() -> Answer:
    return Answer.of_status(status_pb2.Status(code=code_pb2.UNAVAILABLE))


class Shop(Asker):
    """An authority that grants everything once, unless a test says otherwise for a while."""

    def __init__(self, *instead: Callable[[], Answer] | None, takes_seconds: float = 0.01) -> None:
        self._patience_seconds = 5.0
        self.instead = list(instead)
        self.takes_seconds = takes_seconds
        self.asked: Counter[str] = Counter()
        self.kinds: list[str] = []
        self.begun: list[float] = []

    async def once(self, request: Message) -> Answer:
        self.begun.append(asyncio.get_running_loop().time())
        self.kinds.append(type(request).__name__)
        await asyncio.sleep(self.takes_seconds)
        if isinstance(request, pb.BatchCreateReservationsRequest):
            results = [pb.ReservationResult(created=self.grant(one)) for one in request.requests]
            return Answer(response=pb.BatchCreateReservationsResponse(results=results))
        answer = self.instead.pop(0) if self.instead else None
        return Answer(response=self.grant(request)) if answer is None else answer()

    def grant(self, request: Any) -> pb.CreateReservationResponse:
        self.asked[request.request_id] += 1
        lines = [
            reservation_pb2.ReservationLine(sku=line.sku, location="L1", quantity=line.quantity, open_quantity=1)
            for line in getattr(request, "lines", ())
        ]
        state = reservation_pb2.RESERVATION_STATE_HELD
        return pb.CreateReservationResponse(
            reservation=reservation_pb2.Reservation(
                reservation_id=f"of-{request.request_id}", state=state, lines=lines
            ),
            revision=Revision(segment="main", position=sum(self.asked.values())),
            replayed=self.asked[request.request_id] > 1,
        )


async def _live(shop: Shop, wish: Wish = WISH, copy: Copy = Copy.NONE, **options: Any) -> Lives:
    course = Course(60.0, asyncio.Semaphore(4), clock=asyncio.get_running_loop().time)
    lives = Lives(shop, course, run_id="T1", **options)
    await course.slots.acquire()
    await lives.live(wish, 0.0, copy)
    # Every slot was given back.
    for _ in range(4):
        await course.slots.acquire()
    return lives


@in_virtual_time
async def test_a_buyer_is_answered_and_everything_is_kept() -> None:
    lives = await _live(Shop())
    (record,) = lives.history
    assert (record.kind, record.outcome, record.asked, record.copies) == ("reserve", Outcome.DONE, (("S1", 1),), 0)
    assert (record.effects, record.replays, record.unanswered) == (1, 0, 0)
    assert record.told is not None
    assert record.told.state is State.HELD
    assert record.latency_seconds == pytest.approx(0.01)
    assert (lives.counters.arrived, lives.counters.answered, lives.counters.granted) == (1, 1, 1)


@pytest.mark.parametrize("copy", [Copy.AT_ONCE, Copy.AFTERWARDS])
def test_a_copy_is_sent_under_the_same_id_and_its_answer_kept(copy: Copy) -> None:
    @in_virtual_time
    async def run() -> None:
        shop = Shop()
        (record,) = (await _live(shop, copy=copy)).history
        assert shop.asked == {record.request_id: 2}
        assert (record.copies, record.effects, record.replays, record.differing) == (1, 1, 1, 0)
        gap = shop.begun[1] - shop.begun[0]
        assert gap == pytest.approx(0.0 if copy is Copy.AT_ONCE else 0.01)

    run()


@in_virtual_time
async def test_an_answer_that_does_not_come_is_asked_for_again_under_the_same_id() -> None:
    shop = Shop(unanswered, unanswered)
    (record,) = (await _live(shop)).history
    assert record.outcome is Outcome.DONE
    assert (record.unanswered, record.again) == (2, 2)
    assert list(shop.asked) == [record.request_id]
    assert record.latency_seconds > 0.05


@in_virtual_time
async def test_what_is_never_answered_is_unknown_and_not_refused() -> None:
    lives = await _live(Shop(*[unanswered] * 1_000))
    (record,) = lives.history
    assert (record.outcome, record.reason) == (Outcome.UNKNOWN, "UNAVAILABLE")
    assert 3 < record.unanswered < 1_000
    assert lives.counters.answered == 0


@in_virtual_time
async def test_a_refusal_is_an_answer_and_names_the_sku() -> None:
    lives = await _live(Shop(lambda: SHORT), Wish(channel="C1", lines=(("S1", 1),), steps=(Step("commit", 1.0),)))
    (record,) = lives.history
    assert (record.outcome, record.reason, record.short) == (Outcome.REFUSED, "INSUFFICIENT_STOCK", ("S1",))
    assert (lives.counters.refused, lives.counters.granted) == (1, 0)


@in_virtual_time
async def test_steps_follow_at_their_moments_however_long_an_answer_took() -> None:
    wish = Wish(channel="C1", lines=(("S1", 1),), steps=(Step("commit", 1.0), Step("fulfill", 0.001)))
    shop = Shop()
    lives = await _live(shop, wish)
    assert [record.kind for record in lives.history] == ["reserve", "commit", "fulfill"]
    assert shop.begun == pytest.approx([0.0, 1.0, 1.01])
    assert [record.due for record in lives.history] == pytest.approx([0.0, 1.0, 1.01])


@in_virtual_time
async def test_a_caller_of_a_closed_loop_makes_no_pauses() -> None:
    shop = Shop()
    await _live(shop, Wish(channel="C1", lines=(("S1", 1),), steps=(Step("commit", 1.0),)), paused=False)
    assert shop.begun == pytest.approx([0.0, 0.01])


@in_virtual_time
async def test_what_gathered_travels_together_and_who_is_alone_does_not_wait() -> None:
    shop = Shop(takes_seconds=0.1)
    batcher = Batcher(shop.once, 50)
    requests = [pb.CreateReservationRequest(request_id=f"r{number}") for number in range(100)]
    answers = await asyncio.gather(*(batcher.reserve(request) for request in requests))
    granted = [answer.response.reservation.reservation_id for answer in answers]
    assert granted == [f"of-r{number}" for number in range(100)]
    # The first ones go alone; behind them the others gather, until one of those is answered.
    assert batcher.calls == BATCHES_UNDER_WAY + 2
    assert shop.begun == pytest.approx([0.0] * BATCHES_UNDER_WAY + [0.1] * 2)


@in_virtual_time
async def test_a_batch_that_is_not_answered_is_unknown_to_each_of_its_reservations() -> None:
    async def send(_request: pb.BatchCreateReservationsRequest) -> Answer:
        return unanswered()

    batcher = Batcher(send, 50)
    answers = await asyncio.gather(*(batcher.reserve(pb.CreateReservationRequest()) for _ in range(3)))
    assert [(answer.answered, answer.unanswered) for answer in answers] == [(False, 1)] * 3


def test_a_history_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    @in_virtual_time
    async def run() -> None:
        lives = await _live(Shop(unanswered), copy=Copy.AT_ONCE)
        lives.history[0].levels = (("S1", "L1", -2),)
        write_history(lives.history, tmp_path / "history.jsonl")
        assert read_history(tmp_path / "history.jsonl") == lives.history

    run()
