"""Point 10, the bounded backlog: a stalled Postgres gives a refusal, never a Redis that runs full."""

from __future__ import annotations

import asyncio

from holdfast_server.decide.commands import Decision
from holdfast_server.refusals import BacklogFull
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, open_rig, outcome_of

LIMIT = 20


async def test_point_10_a_stalled_ledger_bounds_what_is_decided(make_settings: MakeSettings) -> None:
    """What is beyond the limit leaves no trace in Redis, however often it is asked for.

    Taken out by: the comparison with max_uncommitted_operations in operations.lua.
    """
    settings = make_settings(freshness_seconds=60, max_uncommitted_operations=LIMIT, max_commands_per_tick=7)
    async with open_rig(settings) as rig:
        await rig.open_trade(units=1000)
        committed = rig.segment().position
        rig.writer.hold()
        tasks = [
            asyncio.create_task(outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)])))) for _ in range(3 * LIMIT)
        ]
        await rig.wait_until_decided(committed + LIMIT)
        await rig.until(lambda: not rig.decider._queue, "all to be taken to the sequencer")
        full = rig.everything_in_redis()
        for _ in range(100):
            tasks.append(asyncio.create_task(outcome_of(rig.decide(demands.receive(SKU, LOCATION, 1)))))
        await asyncio.sleep(0)
        await rig.until(lambda: not rig.decider._queue, "all to be taken to the sequencer")
        head = rig.keys.head
        assert int(rig.head()["position"]) == committed + LIMIT
        now = rig.everything_in_redis()
        assert {key: copy for key, copy in now.items() if key != head} == {
            key: copy for key, copy in full.items() if key != head
        }
        rig.writer.let_go()
        answers = await asyncio.gather(*tasks)
        assert sum(isinstance(answer, Decision) for answer in answers) == LIMIT
        refused = [answer for answer in answers if isinstance(answer, BacklogFull)]
        assert len(refused) == len(answers) - LIMIT
        assert (refused[0].limit, refused[0].value) == ("max_uncommitted_operations", LIMIT)
        await rig.hold_units(1)
        rig.assert_ledger_is_sound()


async def test_point_10_that_the_backlog_is_full_is_said_while_it_is(make_settings: MakeSettings) -> None:
    """It is true whatever becomes of the backlog, so who asks is told at once, not when the ledger runs again.

    Taken out by: BACKLOG_FULL waiting for a commit like every other refusal.
    """
    settings = make_settings(freshness_seconds=60, max_uncommitted_operations=LIMIT, commit_wait_seconds=3)
    async with open_rig(settings) as rig:
        await rig.open_trade(units=1000)
        committed = rig.segment().position
        rig.writer.hold()
        fill = [asyncio.create_task(outcome_of(rig.decide(demands.receive(SKU, LOCATION, 1)))) for _ in range(LIMIT)]
        await rig.wait_until_decided(committed + LIMIT)
        assert isinstance(await outcome_of(rig.decide(demands.receive(SKU, LOCATION, 1))), BacklogFull)
        rig.writer.let_go()
        assert all(isinstance(answer, Decision) for answer in await asyncio.gather(*fill))


async def test_point_10_expiries_do_not_pass_the_limit_either(make_settings: MakeSettings) -> None:
    """Taken out by: the comparison with max_uncommitted_operations in expire.lua."""
    settings = make_settings(freshness_seconds=60, max_uncommitted_operations=LIMIT, max_expiries_per_tick=8)
    async with open_rig(settings) as rig:
        await rig.open_trade(units=1000)
        rig.decider.clock_us = demands.now_us()
        for _ in range(3 * LIMIT):
            await rig.hold_units(1, ttl_seconds=60)
        committed = rig.segment().position
        rig.writer.hold()
        rig.decider.clock_us += 61 * demands.MICROSECONDS
        tasks = [
            asyncio.create_task(outcome_of(rig.decider.decide(demands.question(SKU, channel=CHANNEL))))
            for _ in range(1)
        ]
        for _ in range(10):
            await rig.until(lambda: not rig.decider._queue, "the tick to be taken")
            position = int(rig.head()["position"])
            tasks.append(asyncio.create_task(outcome_of(rig.decider.decide(demands.question(SKU, channel=CHANNEL)))))
            await rig.until(lambda: sum(map(len, rig.commits._waiters.values())) == len(tasks), "the answers to wait")
            assert position <= committed + LIMIT + rig.settings.max_expiries_per_tick
        assert int(rig.head()["position"]) > committed
        rig.writer.let_go()
        await asyncio.gather(*tasks)
        rig.assert_ledger_is_sound()


async def test_point_10_the_journal_keeps_a_tail_and_nothing_more(make_settings: MakeSettings) -> None:
    """Taken out by: the XTRIM in committed.lua; or `keep_from = position + 1` in RedisJournal.mark_committed."""
    async with open_rig(make_settings(journal_tail_operations=LIMIT)) as rig:
        await rig.open_trade(units=1000)
        for _ in range(2 * LIMIT):
            await rig.hold_units(1)
        position = rig.segment().position
        await rig.until(lambda: rig.redis.xlen(rig.keys.journal) == LIMIT + 1, "the journal to be trimmed")
        (first, *_), *_ = rig.redis.xrange(rig.keys.journal, count=1)
        assert first == f"{position - LIMIT}-0".encode()


async def test_point_10_nothing_is_trimmed_that_is_not_committed(make_settings: MakeSettings) -> None:
    """Not even if whoever marks the commit names a first position to keep that lies far ahead of it.

    Taken out by: `math.min(..., committed)` taken out of committed.lua.
    """
    async with open_rig(make_settings(freshness_seconds=60, journal_tail_operations=0)) as rig:
        await rig.open_trade(units=1000)
        committed = rig.segment().position
        rig.writer.hold()
        tasks = [asyncio.create_task(rig.decide(demands.receive(SKU, LOCATION, 1))) for _ in range(LIMIT)]
        await rig.wait_until_decided(committed + LIMIT)
        entries = rig.redis.xrange(rig.keys.journal, min=f"{committed + 1}-0")
        keys = rig.keys
        script = rig.writer.writer._journal._committed.source  # type: ignore[attr-defined]
        arguments = (
            keys.open_epoch,
            keys.head,
            keys.journal,
            str(keys.epoch),
            str(committed),
            str(committed + LIMIT + 1),
        )
        assert rig.redis.eval(script, 3, *arguments) == 1
        assert rig.redis.xrange(rig.keys.journal, min=f"{committed + 1}-0") == entries
        rig.writer.let_go()
        await asyncio.gather(*tasks)
        rig.assert_ledger_is_sound()


async def test_point_10_a_mark_of_an_older_epoch_or_position_changes_nothing(make_settings: MakeSettings) -> None:
    """Taken out by: the comparison of the epoch, or of the committed position, in committed.lua."""
    async with open_rig(make_settings()) as rig:
        await rig.open_trade()
        await rig.until(
            lambda: rig.head()["committed"] == rig.head()["position"], "the sequencer to know of the commit"
        )
        before = rig.everything_in_redis()
        journal = rig.writer.writer._journal
        journal.mark_committed(rig.segment().epoch, 1)
        journal.mark_committed(rig.segment().epoch + 1, 1_000)
        journal.mark_committed(rig.segment().epoch - 1, 1_000)
        assert {key: copy for key, copy in rig.everything_in_redis().items() if "head" not in key} == {
            key: copy for key, copy in before.items() if "head" not in key
        }
        assert int(rig.head()["committed"]) == rig.segment().position
