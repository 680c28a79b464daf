"""What a load process asks, how often, and what it keeps of the answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_loadtest.workload.asking import Answer
from holdfast_loadtest.workload.batching import BATCHES_UNDER_WAY, Batcher
from holdfast_loadtest.workload.demand import Copy, Step, Wish
from holdfast_loadtest.workload.history import Outcome, State, read_history, write_history
from unit.loadtest.shop import SHORT, Shop, live, unanswered
from unit.loadtest.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_buyer_is_answered_and_everything_is_kept() -> None:
    lives = await live(Shop())
    (record,) = lives.history
    assert (record.kind, record.outcome, record.asked, record.copies) == ("reserve", Outcome.DONE, (("S1", 1),), 0)
    assert (record.effects, record.replays, record.unanswered) == (1, 0, 0)
    assert record.told is not None
    assert record.told.state is State.HELD
    assert record.latency_seconds == pytest.approx(0.01)
    assert (lives.counters.arrived, lives.counters.answered, lives.counters.granted) == (1, 1, 1)


@in_virtual_time
async def test_it_is_kept_how_long_a_hold_is_to_last() -> None:
    lives = await live(Shop(), Wish(channel="C1", lines=(("S1", 1),), ttl_seconds=1.0))
    assert [(record.runs_out, record.ttl_seconds) for record in lives.history] == [(True, 1.0)]


@pytest.mark.parametrize("copy", [Copy.AT_ONCE, Copy.AFTERWARDS])
def test_a_copy_is_sent_under_the_same_id_and_its_answer_kept(copy: Copy) -> None:
    @in_virtual_time
    async def run() -> None:
        shop = Shop()
        (record,) = (await live(shop, copy=copy)).history
        assert shop.asked == {record.request_id: 2}
        assert (record.copies, record.effects, record.replays, record.differing) == (1, 1, 1, 0)
        gap = shop.begun[1] - shop.begun[0]
        assert gap == pytest.approx(0.0 if copy is Copy.AT_ONCE else 0.01)

    run()


@pytest.mark.parametrize(
    ("answers", "copy", "denied"),
    [
        ((None, lambda: SHORT), Copy.AFTERWARDS, 1),
        ((lambda: SHORT, None), Copy.AFTERWARDS, 0),
        ((None, lambda: SHORT), Copy.AT_ONCE, 0),
        ((lambda: SHORT, None), Copy.AT_ONCE, 0),
    ],
)
def test_it_is_kept_whether_a_repetition_was_refused_after_the_effect_had_been_told(
    answers: tuple[Any, ...], copy: Copy, denied: int
) -> None:
    @in_virtual_time
    async def run() -> None:
        (record,) = (await live(Shop(*answers), copy=copy)).history
        assert (record.outcome, record.copies, record.effects) == (Outcome.DONE, 1, 1)
        assert (record.refusals, record.denied) == (("INSUFFICIENT_STOCK",), denied)

    run()


@in_virtual_time
async def test_an_answer_that_does_not_come_is_asked_for_again_under_the_same_id() -> None:
    shop = Shop(unanswered, unanswered)
    (record,) = (await live(shop)).history
    assert record.outcome is Outcome.DONE
    assert (record.unanswered, record.again) == (2, 2)
    assert list(shop.asked) == [record.request_id]
    assert record.latency_seconds > 0.05


@in_virtual_time
async def test_what_is_never_answered_is_unknown_and_not_refused() -> None:
    lives = await live(Shop(*[unanswered] * 1_000))
    (record,) = lives.history
    assert (record.outcome, record.reason) == (Outcome.UNKNOWN, "UNAVAILABLE")
    assert 3 < record.unanswered < 1_000
    assert lives.counters.answered == 0


@in_virtual_time
async def test_a_refusal_is_an_answer_and_names_the_sku() -> None:
    lives = await live(Shop(lambda: SHORT), Wish(channel="C1", lines=(("S1", 1),), steps=(Step("commit", 1.0),)))
    (record,) = lives.history
    assert (record.outcome, record.reason, record.short) == (Outcome.REFUSED, "INSUFFICIENT_STOCK", ("S1",))
    assert (lives.counters.refused, lives.counters.granted) == (1, 0)


@in_virtual_time
async def test_steps_follow_at_their_moments_however_long_an_answer_took() -> None:
    wish = Wish(channel="C1", lines=(("S1", 1),), steps=(Step("commit", 1.0), Step("fulfill", 0.001)))
    shop = Shop()
    lives = await live(shop, wish)
    assert [record.kind for record in lives.history] == ["reserve", "commit", "fulfill"]
    assert shop.begun == pytest.approx([0.0, 1.0, 1.01])
    assert [record.due for record in lives.history] == pytest.approx([0.0, 1.0, 1.01])


@in_virtual_time
async def test_a_caller_of_a_closed_loop_makes_no_pauses() -> None:
    shop = Shop()
    await live(shop, Wish(channel="C1", lines=(("S1", 1),), steps=(Step("commit", 1.0),)), paused=False)
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


@pytest.mark.parametrize("results", [0, 2, 4])
def test_a_batch_answer_of_another_length_answers_none_of_its_reservations_and_leaves_nobody_waiting(
    results: int,
) -> None:
    @in_virtual_time
    async def run() -> None:
        async def send(_request: pb.BatchCreateReservationsRequest) -> Answer:
            created = pb.ReservationResult(created=pb.CreateReservationResponse())
            return Answer(response=pb.BatchCreateReservationsResponse(results=[created] * results))

        # All but one wait until the first ones, which travel alone, were answered.
        batcher = Batcher(send, 3)
        asked = [asyncio.create_task(batcher.reserve(pb.CreateReservationRequest())) for _ in range(6)]
        _, waiting = await asyncio.wait(asked, timeout=1.0)
        assert not waiting
        answers = [one.result() for one in asked]
        assert [(answer.answered, answer.unanswered, answer.reason) for answer in answers] == [
            (False, 1, "INTERNAL")
        ] * 6

    run()


@in_virtual_time
async def test_who_no_longer_waits_is_not_sent() -> None:
    shop = Shop(takes_seconds=0.1)
    batcher = Batcher(shop.once, 2)
    asked = [
        asyncio.create_task(batcher.reserve(pb.CreateReservationRequest(request_id=f"r{number}")))
        for number in range(BATCHES_UNDER_WAY + 6)
    ]
    await asyncio.sleep(0.05)
    for one in asked[-6:-1]:
        one.cancel()
    await asyncio.wait(asked)
    assert sorted(shop.asked) == [*(f"r{number}" for number in range(BATCHES_UNDER_WAY)), f"r{len(asked) - 1}"]


def test_a_history_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    @in_virtual_time
    async def run() -> None:
        lives = await live(Shop(unanswered), copy=Copy.AT_ONCE)
        lives.history[0].levels = (("S1", "L1", -2),)
        write_history(lives.history, tmp_path / "history.jsonl")
        assert read_history(tmp_path / "history.jsonl") == lives.history

    run()
