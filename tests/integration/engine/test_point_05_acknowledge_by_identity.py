"""Point 5, acknowledge by identity: a caller waits for exactly its entry; a lost notice costs time, not the answer."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from holdfast_server.ledger.commits import CommitWatch
from holdfast_server.ledger.notices import Notice, commit_notices, parse_notice
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.ledger.segments import GENESIS_CHAIN_HASH
from holdfast_server.records import SegmentState
from holdfast_server.refusals import LedgerUnavailable, SegmentLoading
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, is_unavailable, open_rig, outcome_of

MINE, OTHERS = "a" * 40, "b" * 40


async def test_point_5_another_operation_at_the_same_position_acknowledges_nobody(make_settings: MakeSettings) -> None:
    """The sequencer falls back to before an operation that was decided but not written, and gives its place away.

    Taken out by: `chain_hash` not compared in CommitWatch._settle_position and in when_committed.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade(units=10)
        before = rig.everything_in_redis()
        position = rig.segment().position
        rig.writer.hold()
        lost = demands.reserve(CHANNEL, [(SKU, 1)])
        waiting = asyncio.create_task(outcome_of(rig.decide(lost)))
        await rig.wait_until_decided(position + 1)
        # The writer holds the entry in its hand; it stops there, as if its machine had died.
        await rig.stop_writer()
        rig.put_back(before)
        other = demands.reserve(CHANNEL, [(SKU, 2)])
        second = asyncio.create_task(rig.decide(other))
        await rig.wait_until_decided(position + 1)
        rig.start_writer()
        assert (await second).position == position + 1
        assert is_unavailable(await waiting)
        assert rig.query("SELECT request_id FROM operation WHERE position = %s", position + 1) == [(other.request_id,)]
        again = await rig.patiently(lost)
        assert getattr(again, "replayed", None) is False
        assert await rig.available() == 7
        rig.assert_ledger_is_sound()


class Gate:
    """A commit watch that hears only what a test tells it, in front of a real ledger."""

    def __init__(self, rig: Rig) -> None:
        self.watch = CommitWatch(settings=rig.settings, reader=rig.reader)
        self.verdicts: list[Any] = []

    def wait_for(self, position: int, chain_hash: str, epoch: int = 1) -> None:
        self.watch.when_committed(epoch=epoch, position=position, chain_hash=chain_hash, settle=self.verdicts.append)

    def hear(self, *entries: tuple[int, str], epoch: int = 1) -> None:
        for notice in commit_notices(epoch, SegmentState.OPEN, list(entries)):
            self.watch._hear(parse_notice(notice.payload()))

    def beat(self, position: int, chain_hash: str, epoch: int = 1) -> None:
        self.watch._hear(Notice(epoch=epoch, position=position, chain_hash=chain_hash, state=SegmentState.OPEN))


async def test_point_5_a_notice_names_every_entry_of_its_batch(rig: Rig) -> None:
    """Taken out by: only the last entry of a batch named in notices.commit_notices."""
    gate = Gate(rig)
    gate.hear((0, GENESIS_CHAIN_HASH))
    gate.wait_for(3, MINE)
    gate.wait_for(5, MINE)
    gate.wait_for(5, OTHERS)
    gate.hear((3, MINE), (5, OTHERS))
    assert gate.verdicts[0] is None
    assert isinstance(gate.verdicts[1], SegmentLoading)
    assert gate.verdicts[2] is None
    gate.wait_for(3, MINE)
    gate.wait_for(3, OTHERS)
    assert gate.verdicts[3:] == [None], "what is known is answered at once, and what is not is not"


async def test_point_5_a_batch_of_many_entries_is_named_whole(rig: Rig) -> None:
    """Postgres takes at most 8,000 bytes with a notice, so a long batch is named in several.

    Taken out by: cutting `entries` to the first hundred in notices.commit_notices.
    """
    entries = [(number, f"{number:040d}") for number in range(1, 1000)]
    gate = Gate(rig)
    for position, chain_hash in entries:
        gate.wait_for(position, chain_hash)
    gate.hear(*entries)
    assert gate.verdicts == [None] * len(entries)
    assert all(
        len(notice.payload()) < 8000 for notice in commit_notices(2**40, SegmentState.OPEN, [(2**50, MINE)] * 1000)
    )


async def test_point_5_a_notice_that_was_lost_is_made_good_from_the_ledger(rig: Rig) -> None:
    """Taken out by: `_ask_ledger` doing nothing."""
    await rig.hold_units(1)
    await rig.hold_units(1)
    (first, second) = rig.query(
        "SELECT last_position, chain_hash FROM journal_entry ORDER BY last_position DESC LIMIT 2"
    )[::-1]
    gate = Gate(rig)
    sweeper = asyncio.create_task(gate.watch._sweep_for_ever())
    gate.wait_for(*first)
    gate.wait_for(first[0], OTHERS)
    gate.wait_for(*second)
    await rig.until(lambda: len(gate.verdicts) == 3, "the ledger to be asked")
    sweeper.cancel()
    assert gate.verdicts.count(None) == 2
    assert sum(isinstance(verdict, SegmentLoading) for verdict in gate.verdicts) == 1


async def test_point_5_a_later_notice_makes_a_lost_one_good_at_once(rig: Rig) -> None:
    """Taken out by: `missed` and `_has_overtaken_waiters` without effect in CommitWatch._take_in."""
    await rig.hold_units(1)
    (entry,) = rig.query("SELECT last_position, chain_hash FROM journal_entry ORDER BY last_position DESC LIMIT 1")
    gate = Gate(rig)
    gate.beat(0, GENESIS_CHAIN_HASH)
    gate.wait_for(*entry)
    gate.beat(entry[0] + 7, OTHERS)
    await rig.until(lambda: gate.verdicts == [None], "the ledger to be asked")


async def test_point_5_the_listener_comes_back_when_its_connection_is_cut(rig: Rig) -> None:
    """Taken out by: `_catch_up` and the sweep's `_ask_ledger` doing nothing (the reservation is answered too late)."""
    rig.writer.hold()
    position = rig.segment().position
    waiting = asyncio.create_task(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)])))
    await rig.wait_until_decided(position + 1)
    listener = f"holdfast-listener-{rig.settings.segment}"
    cut = rig.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", listener)
    assert cut == [(True,)]
    rig.writer.let_go()
    assert (await waiting).position == position + 1
    await rig.wait_until_open()
    assert await rig.available() == 9
    assert rig.tasks_that_died() == []


async def test_point_5_the_gate_outlives_a_ledger_that_is_asked_too_much(make_settings: MakeSettings) -> None:
    """The listener comes back while as many reads wait as may wait; that must not end the server.

    Taken out by: `_catch_up` asking through the reader, with only LedgerUnavailable caught in _listen_for_ever.
    """
    async with open_rig(make_settings(max_queued_reads=1)) as rig:
        await rig.open_trade()
        release = threading.Event()
        busy = asyncio.create_task(rig.reader.ask(lambda _: release.wait(30)))
        await asyncio.sleep(0)
        listener = f"holdfast-listener-{rig.settings.segment}"
        backends = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event = 'ClientRead'"
        old = rig.query(backends, listener)
        assert rig.query("SELECT pg_terminate_backend(%s)", old[0][0]) == [(True,)]
        try:
            await rig.until(
                lambda: bool(rig.tasks_that_died()) or rig.query(backends, listener) not in ([], old), "a new listener"
            )
        finally:
            release.set()
        await busy
        await rig.until(
            lambda: bool(rig.tasks_that_died()) or rig.commits.why_closed() is None, "the gate to open or to die"
        )
        assert rig.tasks_that_died() == []
        assert await rig.available() == 10


async def test_point_5_an_answer_that_nobody_knows_ends_with_a_refusal(make_settings: MakeSettings) -> None:
    """Taken out by: no limit of the wait in CommitWatch._sweep_for_ever."""
    async with open_rig(make_settings(commit_wait_seconds=0.2, freshness_seconds=60)) as rig:
        await rig.open_trade()
        rig.writer.hold()
        async with asyncio.timeout(10):
            answer = await outcome_of(rig.decide(demands.receive(SKU, LOCATION, 1)))
        assert isinstance(answer, LedgerUnavailable)


async def test_point_5_the_reader_is_asked_for_what_the_ledger_has_never_for_less(rig: Rig) -> None:
    """The cursor is read before the entries: what it has passed and the ledger lacks can never come.

    Taken out by: reading the cursor after the entries in CommitWatch._settle_from_ledger.
    """

    class Late(LedgerReader):
        """Commits the awaited entry between the two questions."""

        asked = 0

        async def ask(self, question: Any, /, *arguments: Any, **options: Any) -> Any:
            self.asked += 1
            if self.asked == 2:
                await rig.hold_units(1)
            return await super().ask(question, *arguments, **options)

    rig.writer.hold()
    position = rig.segment().position
    decided = asyncio.create_task(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)])))
    await rig.wait_until_decided(position + 1)
    head = rig.head()
    reader = Late(rig.settings, name="late", threads=2)
    gate = Gate(rig)
    gate.watch._reader = reader
    gate.wait_for(int(head["position"]), head["hash"])
    rig.writer.let_go()
    await decided
    await gate.watch._settle_from_ledger()
    await asyncio.to_thread(reader.close)
    assert gate.verdicts == [None]
