"""Point 11: no call owns a connection. One that is cancelled drops its own place and nothing else."""

from __future__ import annotations

import asyncio

from holdfast_server.decide.commands import Decision, Reading
from holdfast_server.ledger import queries
from holdfast_server.refusals import SequencerUnavailable
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, open_rig, outcome_of


async def test_point_11_calls_that_are_cancelled_at_any_moment_mix_up_no_answers(rig: Rig) -> None:
    """Every second call is cancelled, some in the queue, some in the tick, some at the gate.

    Taken out by: `await self._evaluate(...)` in the task of the caller, on the shared connection.
    """
    await rig.decide(demands.receive(SKU, LOCATION, 990))
    skus = [f"item-{number}" for number in range(40)]
    await rig.decide(demands.put_items(*skus))
    for number, sku in enumerate(skus):
        await rig.decide(demands.receive(sku, LOCATION, number + 1))
    kept: list[tuple[int, asyncio.Task[Reading]]] = []
    dropped: list[asyncio.Task[Decision]] = []
    for turn in range(5):
        for number, sku in enumerate(skus):
            kept.append((number + 1, asyncio.create_task(rig.read(demands.question(sku, channel=CHANNEL)))))
            dropped.append(asyncio.create_task(rig.decide(demands.receive(SKU, LOCATION, 1))))
            if number % 7 == turn:
                await asyncio.sleep(0)
            if number % 3 == 0:
                dropped[-1].cancel()
        for task in dropped[::2]:
            task.cancel()
    ended = await asyncio.gather(*dropped, return_exceptions=True)
    for expected, read in kept:
        assert (await read).answers[0][0] == expected
    done = sum(isinstance(answer, Decision) for answer in ended)
    assert all(isinstance(answer, Decision | asyncio.CancelledError) for answer in ended)
    received = rig.query("SELECT sellable FROM stock_level WHERE sku = %s", SKU)[0][0] - 1000
    assert done <= received <= len(dropped), "a call that was cancelled may have taken effect; its caller asks again"
    rig.assert_ledger_is_sound()


async def test_point_11_a_call_that_was_cancelled_may_be_sent_again(make_settings: MakeSettings) -> None:
    """It was decided when it was cancelled. The retry gets its answer, once.

    Taken out by: a tick cancelled with its caller (`group.done.add_done_callback` that removes its outcome).
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        rig.writer.hold()
        position = rig.segment().position
        command = demands.reserve(CHANNEL, [(SKU, 1)])
        task = asyncio.create_task(rig.decide(command))
        await rig.wait_until_decided(position + 1)
        task.cancel()
        rig.writer.let_go()
        again = await rig.decide(command)
        assert (again.position, again.replayed) == (position + 1, True)
        assert await rig.available() == 9


async def test_point_11_what_nobody_waits_for_any_more_is_not_decided(rig: Rig) -> None:
    """Taken out by: cancelled calls not dropped in Decider._next_tick."""
    position = rig.segment().position
    tasks = [asyncio.create_task(rig.decide(demands.receive(SKU, LOCATION, 1))) for _ in range(20)]
    await asyncio.sleep(0)
    assert len(rig.decider._queue) == 20
    for task in tasks:
        task.cancel()
    assert await rig.available() == 10
    assert rig.segment().position == position


async def test_point_11_a_sequencer_that_does_not_answer_in_time_mixes_up_no_later_answers(
    make_settings: MakeSettings,
) -> None:
    """The late reply belongs to a call that was given up; the next call must not get it.

    Taken out by: the connection kept after a timeout in Decider._run_tick, with the reply left unread.
    """
    async with open_rig(make_settings(sequencer_timeout_seconds=0.3)) as rig:
        await rig.open_trade()
        late = demands.reserve(CHANNEL, [(SKU, 3)])
        rig.redis.execute_command("CLIENT", "PAUSE", "1000", "ALL")
        assert isinstance(await outcome_of(rig.decide(late)), SequencerUnavailable)
        for _ in range(3):
            answer = await rig.patiently(demands.question(SKU, channel=CHANNEL))
            assert isinstance(answer, Reading)
        decided = await rig.patiently(late)
        assert isinstance(decided, Decision)
        assert await rig.available() == 7
        rig.assert_ledger_is_sound()


async def test_point_11_reads_of_the_ledger_that_are_cancelled_leave_the_others_alone(rig: Rig) -> None:
    """Taken out by: a connection handed to the caller instead of the thread in LedgerReader.ask."""
    held, segment = await rig.hold_units(1), rig.settings.segment
    asks = [
        asyncio.create_task(
            rig.reader.ask(queries.find_reservation, segment, held.reservation_id if number % 2 else "nobody")
        )
        for number in range(60)
    ]
    await asyncio.sleep(0)
    for task in asks[::3]:
        task.cancel()
    answers = await asyncio.gather(*asks, return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 3:
            assert (getattr(answer, "reservation_id", None) == held.reservation_id) is bool(number % 2)
    found = await rig.reader.ask(queries.find_reservation, segment, held.reservation_id)
    assert found is not None


async def test_point_11_one_connection_serves_all_calls(rig: Rig) -> None:
    """Taken out by: no `max_connections=1` and a task per tick in the decider."""
    await asyncio.gather(*(rig.read(demands.question(SKU, channel=CHANNEL)) for _ in range(200)))
    name = f"holdfast-{rig.settings.segment}"
    clients = [client for client in rig.redis.client_list() if client["name"] == name]
    deciders = [client for client in clients if client["cmd"].startswith("eval")]
    assert len(deciders) <= 2, "the decider's, and the ledger writer's when it has just marked a commit"
    assert len(clients) == 2
