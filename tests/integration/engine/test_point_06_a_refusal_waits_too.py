"""Point 6, a refusal waits too: what rests on a decrement that is not durable is not said before that is."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from holdfast_server.decide.commands import Command, Decision, Reading
from holdfast_server.ledger.cursor import LedgerCursor
from holdfast_server.refusals import InsufficientStock, LedgerUnavailable
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, is_unavailable, open_rig, outcome_of


def as_many_wait(rig: Rig, count: int) -> bool:
    """Says whether so many ticks wait at the gate."""
    return sum(map(len, rig.commits._waiters.values())) == count


async def ask_and_let_the_tick_pass(rig: Rig, *commands: Command) -> list[asyncio.Task[object]]:
    """Asks, and returns once the sequencer has certainly decided and its answers have arrived."""
    tasks = [asyncio.create_task(outcome_of(rig.decider.decide(command))) for command in commands]
    waiting = rig.commits._waiters
    await rig.until(lambda: sum(map(len, waiting.values())) > 0 and not rig.decider._queue, "the tick to pass")
    return tasks


async def test_point_6_no_answer_is_given_before_what_it_rests_on_is_committed(make_settings: MakeSettings) -> None:
    """The last unit is taken and not yet written. Nobody is told that it is gone: a crash could bring it back.

    Taken out by: `_answer` called at once for a tick that is proven in Decider._prove_for_ever.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade(units=1)
        rig.writer.hold()
        taken = demands.reserve(CHANNEL, [(SKU, 1)])
        (first,) = await ask_and_let_the_tick_pass(rig, taken)
        await rig.wait_until_decided(6)
        others: list[asyncio.Task[object]] = []
        for command in (demands.reserve(CHANNEL, [(SKU, 1)]), demands.question(SKU, channel=CHANNEL), taken):
            others.append(asyncio.create_task(outcome_of(rig.decider.decide(command))))
            waiting = len(others) + 1
            await rig.until(partial(as_many_wait, rig, waiting), "one more answer to wait")
        assert not any(task.done() for task in (first, *others))
        rig.writer.let_go()
        refused, read, replayed = await asyncio.gather(*others)
        assert isinstance(await first, Decision)
        assert isinstance(refused, InsufficientStock)
        assert isinstance(read, Reading)
        assert (read.position, read.answers[0][0]) == (6, 0)
        assert isinstance(replayed, Decision)
        assert replayed.replayed


async def test_point_6_a_crash_takes_back_what_nobody_was_told(make_settings: MakeSettings) -> None:
    """The unit that was taken but never written is for sale again, and nobody heard that it was gone.

    Taken out by: the same.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade(units=1)
        rig.writer.hold()
        (taken,) = await ask_and_let_the_tick_pass(rig, demands.reserve(CHANNEL, [(SKU, 1)]))
        await rig.wait_until_decided(6)
        refused = asyncio.create_task(outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)]))))
        await rig.until(lambda: sum(map(len, rig.commits._waiters.values())) == 2, "the refusal to wait")
        await rig.stop_writer()
        rig.put_back({})
        rig.start_writer()
        answers = await asyncio.gather(taken, refused)
        assert not any(isinstance(answer, Decision | InsufficientStock) for answer in answers)
        await rig.wait_until_open()
        assert await rig.available() == 1


async def test_point_6_a_server_that_hears_nothing_says_nothing(make_settings: MakeSettings) -> None:
    """The ledger writer is gone for longer than two heartbeats; Redis and Postgres are well, and yet nothing is said.

    Taken out by: `_is_fresh` always true in CommitWatch.
    """
    async with open_rig(make_settings(freshness_seconds=0.5)) as rig:
        await rig.open_trade(units=1)
        await rig.stop_writer()
        await rig.until(lambda: rig.commits.why_closed() is not None, "the silence to be noticed")
        for command in (demands.question(SKU, channel=CHANNEL), demands.reserve(CHANNEL, [(SKU, 1)])):
            assert isinstance(await outcome_of(rig.decider.decide(command)), LedgerUnavailable)
        rig.start_writer()
        await rig.wait_until_open()
        assert await rig.available() == 1


async def test_point_6_what_was_asked_before_the_silence_is_not_answered_from_memory(
    make_settings: MakeSettings,
) -> None:
    """A read that comes back from the sequencer after the silence was noticed waits for the ledger itself.

    Taken out by: `and self._is_fresh()` removed from CommitWatch.when_committed.
    """
    async with open_rig(make_settings(freshness_seconds=0.5)) as rig:
        await rig.open_trade(units=1)
        await rig.read(demands.question(SKU, channel=CHANNEL))
        head = rig.head()
        await rig.stop_writer()
        await rig.until(lambda: rig.commits.why_closed() is not None, "the silence to be noticed")
        verdicts: list[object] = []
        rig.commits.when_committed(
            epoch=rig.commits.epoch, position=int(head["position"]), chain_hash=head["hash"], settle=verdicts.append
        )
        assert verdicts == []
        await rig.until(lambda: verdicts == [None], "the ledger to be asked")


async def test_point_6_a_read_is_answered_though_the_ledger_moves_on_all_the_time(rig: Rig) -> None:
    """Whenever the ledger's cursor is read, others have committed something newer than what the tick saw.

    Taken out by: proving a tick by the cursor alone, though its script was told where the cursor stood before.
    """

    class Busy(LedgerCursor):
        async def read(self, *, at_least: tuple[int, int]) -> tuple[int, int]:
            await rig.decide(demands.receive(SKU, LOCATION, 1))
            return await super().read(at_least=at_least)

    busy = Busy(rig.settings)
    rig.decider._cursor = busy
    try:
        reading = await outcome_of(rig.read(demands.question(SKU, channel=CHANNEL)))
    finally:
        rig.decider._cursor = rig.where_it_stands
        await busy.close()
    assert isinstance(reading, Reading)
    assert reading.answers[0][0] >= 10


async def test_point_6_the_connection_that_proves_is_made_anew(rig: Rig) -> None:
    """Postgres has ended the session while nobody asked, and is well: nobody notices.

    Taken out by: `raise` instead of closing the connection in LedgerCursor._ask.
    """
    proofs = f"holdfast-cursor-{rig.settings.segment}"
    for _ in range(2):
        assert await rig.available() == 10
        cut = rig.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", proofs)
        assert cut == [(True,)]
    assert await rig.available() == 10


async def test_point_6_where_the_ledger_does_not_say_where_it_stands_nothing_is_answered(
    rig: Rig,
) -> None:
    """Taken out by: the exception caught in LedgerCursor.read, and the last position answered again."""
    beyond_reach = rig.settings.model_copy(update={"postgres_url": "postgresql://nobody@127.0.0.1:1/none"})
    rig.decider._cursor = LedgerCursor(beyond_reach)
    for command in (demands.question(SKU, channel=CHANNEL), demands.reserve(CHANNEL, [(SKU, 11)])):
        assert isinstance(await outcome_of(rig.decider.decide(command)), LedgerUnavailable)
    rig.decider._cursor = rig.where_it_stands
    assert await rig.available() == 10


async def test_point_6_a_proof_that_does_not_come_is_not_waited_for_for_ever(rig: Rig) -> None:
    """Taken out by: no asyncio.timeout in LedgerCursor.read."""
    impatient = LedgerCursor(rig.settings.model_copy(update={"commit_wait_seconds": 0.2}))
    assert await impatient.read(at_least=(0, 0)) > (0, 0)
    with rig.connect() as other, other.transaction():
        other.execute("LOCK TABLE segment IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(5):
            assert isinstance(await outcome_of(impatient.read(at_least=(0, 0))), LedgerUnavailable)
    assert await impatient.read(at_least=(0, 0)) > (0, 0)
    await impatient.close()


async def test_point_6_a_ledger_that_stands_before_what_was_seen_proves_nothing(rig: Rig) -> None:
    """It may be a copy that lags behind. Taken out by: no comparison in LedgerCursor.read."""
    epoch, position = await rig.where_it_stands.read(at_least=(0, 0))
    assert isinstance(await outcome_of(rig.where_it_stands.read(at_least=(epoch, position + 1))), LedgerUnavailable)
    assert await rig.where_it_stands.read(at_least=(epoch, position)) == (epoch, position)


async def test_point_6_a_crowd_is_noticed_and_a_caller_of_many_is_not_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken out by: no call of tick_wrote_nothing, or one that counts commands."""
    noticed: list[int] = []
    monkeypatch.setattr(rig.decider._gathering, "tick_wrote_nothing", lambda *, callers: noticed.append(callers))
    await asyncio.gather(*(rig.available() for _ in range(5)))
    await rig.decider.decide_all([demands.question(SKU, channel=CHANNEL) for _ in range(5)])
    assert noticed == [5, 1]


async def test_point_6_a_read_of_a_sequencer_that_fell_back_unnoticed_is_asked_again(rig: Rig) -> None:
    """Redis went back to a committed state, and this server has not heard of anything newer. Another one has written.

    Taken out by: answers of ticks that wrote nothing given without a look at the cursor (`if True:` for `if changed:`).
    """
    old = rig.everything_in_redis()
    async with open_rig(rig.settings, writer=False) as deaf:
        await deaf.wait_until_open()
        assert await deaf.available() == 10
        deaf.commits._hear = lambda _: setattr(deaf.commits, "_heard_at", time.monotonic())  # type: ignore[method-assign,assignment]
        await rig.hold_units(6)
        await rig.stop_writer()
        rig.put_back(old)
        answer = await outcome_of(deaf.read(demands.question(SKU, channel=CHANNEL)))
        assert is_unavailable(answer)


async def test_point_6_the_ledgers_word_on_where_it_stands_is_no_sign_of_the_writers_life(rig: Rig) -> None:
    """A server that starts beside a dead writer has read the cursor, and yet answers nothing.

    Taken out by: `_hear` instead of `_take_in` in CommitWatch._catch_up.
    """
    await rig.stop_writer()
    async with open_rig(rig.settings, writer=False) as second:
        await second.until(lambda: second.commits.position > 0, "the cursor to be read")
        assert isinstance(second.commits.why_closed(), LedgerUnavailable)


async def test_point_6_a_reading_names_the_position_that_it_reflects_and_not_that_of_its_tick(rig: Rig) -> None:
    """What is decided after a question in one tick is not in its answer, and must not seem to be.

    Taken out by: the head after the tick as the position of a reading.
    """
    before = await rig.available()
    reading, decision, later = await asyncio.gather(
        rig.read(demands.question(SKU, channel=CHANNEL)),
        rig.decide(demands.reserve(CHANNEL, [(SKU, 1)])),
        rig.read(demands.question(SKU, channel=CHANNEL)),
    )
    assert (reading.answers[0][0], later.answers[0][0]) == (before, before - 1)
    assert (reading.position, later.position) == (decision.position - 1, decision.position)
