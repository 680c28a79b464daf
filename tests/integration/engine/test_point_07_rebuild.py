"""Point 7, the rebuild: a new epoch is fenced in Postgres, loaded beside the old, and never opened over a higher."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast_server.decide.connections import writer_connection
from holdfast_server.decide.keys import SegmentKeys
from holdfast_server.decide.loader import Loader
from holdfast_server.decide.script import OPEN, load_script
from holdfast_server.ledger.errors import Fenced
from holdfast_server.ledger.segments import SegmentStore
from holdfast_server.ledger.snapshot import LedgerSnapshot
from holdfast_server.records import SegmentState
from holdfast_server.refusals import SegmentLoading
from holdfast_server.settings import Settings
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, SKU, Rig, is_unavailable, open_rig, outcome_of


class AskedOnTheWay(Loader):
    """A loader that is slow at one point; what happens meanwhile is the test's to say."""

    def __init__(self, settings: Settings) -> None:
        self.connection = writer_connection(settings)
        super().__init__(settings=settings, connection=self.connection)

    def before_open(self) -> None:
        """Runs when everything is loaded and nothing is open."""

    def after_open(self) -> None:
        """Runs when the epoch is open and nothing is cleared away."""

    def _open(self, keys: SegmentKeys) -> None:
        self.before_open()
        super()._open(keys)
        self.after_open()


def fence(rig: Rig) -> int:
    """Begins a new epoch, as a ledger writer does before it loads."""
    with rig.connect() as connection:
        return SegmentStore(connection, rig.settings.segment).fence("test")


def open_in_ledger(rig: Rig, epoch: int) -> None:
    with rig.connect() as connection:
        SegmentStore(connection, rig.settings.segment).open(epoch)


async def test_point_7_an_emptied_sequencer_is_loaded_again_under_a_new_epoch(rig: Rig) -> None:
    """Taken out by: `if state is None` taken out of _why_unfit, with no quarantine in Decider._why_closed."""
    held = await rig.hold_units(3)
    committed = await rig.hold_units(2)
    await rig.decide(demands.commit(committed.reservation_id))
    before = rig.segment()
    rig.put_back({})
    answer = await rig.patiently(demands.reserve(CHANNEL, [(SKU, 5)]))
    after = rig.segment()
    assert getattr(answer, "position", 0) == before.position + 1
    assert after.epoch == before.epoch + 1
    assert after.lineage == before.lineage
    assert await rig.available() == 0
    await rig.decide(demands.commit(held.reservation_id))
    rig.assert_ledger_is_sound()


async def test_point_7_a_segment_whose_opening_was_lost_is_opened_and_keeps_its_journal(
    make_settings: MakeSettings,
) -> None:
    """As where Postgres fails over to a standby that lacks the opening and what was acknowledged since.

    What lower epochs left is cleared then, as after a load. Taken out by: LOADING taken out of _why_unfit; no tidy.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        await rig.stop_writer()
        before = rig.segment()
        waiting = asyncio.create_task(outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)]))))
        await rig.wait_until_decided(before.position + 1)
        left = SegmentKeys(segment=rig.settings.segment, epoch=before.epoch - 1).levels
        rig.redis.hset(left, "anything", "left")
        rig.query("UPDATE segment SET state = %s", int(SegmentState.LOADING))
        rig.start_writer()
        assert not is_unavailable(await waiting)
        after = await rig.wait_for_state(SegmentState.OPEN)
        assert (after.epoch, after.position) == (before.epoch, before.position + 1)
        assert not rig.redis.exists(left)
        rig.assert_ledger_is_sound()


async def test_point_7_callers_are_told_to_come_again_while_it_runs(make_settings: MakeSettings) -> None:
    """Taken out by: `state` not asked in CommitWatch.why_closed."""
    async with open_rig(make_settings()) as rig:
        await rig.open_trade()
        await rig.stop_writer()
        fence(rig)
        await rig.until(lambda: isinstance(rig.commits.why_closed(), SegmentLoading), "the rebuild to be heard of")
        command = demands.reserve(CHANNEL, [(SKU, 1)])
        assert isinstance(await outcome_of(rig.decide(command)), SegmentLoading)
        rig.start_writer()
        assert getattr(await rig.patiently(command), "replayed", None) is False


async def test_point_7_a_sequencer_that_fell_back_is_never_believed(make_settings: MakeSettings) -> None:
    """An older copy of all keys, epoch and all, as a replica has it that was promoted too early.

    Taken out by: FELL_BACK taken out of frame.lua, and `state.position < segment.position` out of _why_unfit.
    """
    async with open_rig(make_settings()) as rig:
        await rig.open_trade(units=10)
        old = rig.everything_in_redis()
        await rig.hold_units(6)
        epoch = rig.segment().epoch
        rig.put_back(old)
        reads = [asyncio.create_task(outcome_of(rig.read(demands.question(SKU, channel=CHANNEL)))) for _ in range(3)]
        answers = await asyncio.gather(*reads)
        assert all(is_unavailable(answer) or answer.answers[0][0] == 4 for answer in answers)
        await rig.wait_until_open(above_epoch=epoch)
        assert await rig.available() == 4
        rig.assert_ledger_is_sound()


async def test_point_7_an_older_copy_is_noticed_with_nobody_asking(rig: Rig) -> None:
    """Taken out by: `state.position < segment.position` taken out of _why_unfit."""
    old = rig.everything_in_redis()
    await rig.hold_units(6)
    await rig.until(lambda: rig.head()["committed"] == rig.head()["position"], "the sequencer to know of the commit")
    epoch = rig.segment().epoch
    rig.put_back(old)
    await rig.wait_until_open(above_epoch=epoch)
    assert await rig.available() == 4


async def test_point_7_a_copy_from_before_the_last_rebuild_is_rebuilt(rig: Rig) -> None:
    """Taken out by: `state.open_epoch < segment.epoch` taken out of _why_unfit."""
    old = rig.everything_in_redis()
    first = rig.segment().epoch
    rig.put_back({})
    await rig.wait_until_open(above_epoch=first)
    await rig.hold_units(6)
    second = rig.segment().epoch
    rig.put_back(old)
    await rig.wait_until_open(above_epoch=second)
    assert await rig.available() == 4


async def test_point_7_a_chain_of_the_same_length_that_is_another_is_rebuilt(rig: Rig) -> None:
    """Taken out by: `state.chain_hash != segment.chain_hash` taken out of _why_unfit."""
    epoch = rig.segment().epoch
    rig.redis.hset(rig.keys.head, "hash", "f" * 40)
    await rig.wait_until_open(above_epoch=epoch)
    await rig.hold_units(1)
    rig.assert_ledger_is_sound()


async def test_point_7_no_epoch_is_opened_over_a_higher_one(rig: Rig) -> None:
    """Taken out by: the comparison in open.lua."""
    keys = rig.keys
    await rig.stop_writer()
    rig.redis.hset(SegmentKeys(segment=rig.settings.segment, epoch=5).head, "format", 1)
    rig.redis.set(keys.open_epoch, 6)
    source = load_script(OPEN).source
    for epoch, opened in ((5, 0), (6, 0), (7, 0)):
        head = SegmentKeys(segment=rig.settings.segment, epoch=epoch).head
        assert rig.redis.eval(source, 2, keys.open_epoch, head, str(epoch)) == opened
    assert rig.redis.get(keys.open_epoch) == b"6"


async def test_point_7_a_loader_whose_epoch_is_over_loads_nothing(rig: Rig) -> None:
    """Taken out by: `snapshot.epoch != epoch` taken out of Loader.load."""
    await rig.stop_writer()
    first = fence(rig)
    second = fence(rig)
    with pytest.raises(Fenced):
        AskedOnTheWay(rig.settings).load(first)
    assert not rig.redis.keys(f"holdfast:{{{rig.settings.segment}}}:{first}:*")
    AskedOnTheWay(rig.settings).load(second)
    assert rig.redis.get(rig.keys.open_epoch) == str(second).encode()


async def test_point_7_a_loader_that_was_overtaken_opens_nothing_and_mixes_nothing(rig: Rig) -> None:
    """It has read its state and written its keys, and then stands still while another epoch is loaded, opened and used.

    Taken out by: the comparison in open.lua together with its EXISTS; either alone keeps the epochs apart.
    """
    await rig.stop_writer()
    first = fence(rig)

    class Overtaken(AskedOnTheWay):
        def before_open(self) -> None:
            second = fence(rig)
            AskedOnTheWay(rig.settings).load(second)
            open_in_ledger(rig, second)

    with pytest.raises(Fenced):
        Overtaken(rig.settings).load(first)
    rig.start_writer()
    await rig.wait_until_open(above_epoch=first)
    assert rig.segment().epoch == first + 1
    await rig.hold_units(4)
    assert await rig.available() == 6
    rig.assert_ledger_is_sound()


async def test_point_7_a_loader_that_clears_up_late_leaves_a_higher_epoch_alone(rig: Rig) -> None:
    """It has opened its epoch and then stands still before it clears up, while another epoch is loaded and opened.

    Taken out by: clearing away every other epoch in Loader._clear, not only lower ones.
    """
    await rig.stop_writer()
    first = fence(rig)

    class Late(AskedOnTheWay):
        def after_open(self) -> None:
            second = fence(rig)
            AskedOnTheWay(rig.settings).load(second)
            open_in_ledger(rig, second)

    Late(rig.settings).load(first)
    assert rig.redis.exists(rig.keys.head)
    rig.start_writer()
    await rig.wait_until_open(above_epoch=first)
    assert await rig.available() == 10
    assert rig.segment().epoch == first + 1


async def test_point_7_what_a_dead_loader_left_is_cleared_away(rig: Rig) -> None:
    """Taken out by: no `_clear` before or after the load in Loader.load."""
    await rig.stop_writer()
    epoch = fence(rig)
    keys = SegmentKeys(segment=rig.settings.segment, epoch=epoch)
    rig.redis.hset(keys.levels, "ghost|nowhere", b"\x00")
    rig.redis.set(keys.open_epoch, epoch - 1)
    AskedOnTheWay(rig.settings).load(epoch)
    assert not rig.redis.hexists(keys.levels, "ghost|nowhere")
    found = {key.decode() for key in rig.redis.scan_iter(match=keys.pattern_of_all_epochs())}
    assert {keys.epoch_of(key) for key in found} == {None, epoch}


async def test_point_7_the_ledger_stands_still_while_it_is_read(rig: Rig) -> None:
    """A writer of the old epoch commits nothing once the new one is fenced; so one state is loaded, whole.

    Taken out by: `AND epoch = %(epoch)s` taken out of move_cursor.
    """
    rig.writer.hold()
    waiting = asyncio.create_task(outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)]))))
    position = rig.segment().position
    await rig.wait_until_decided(position + 1)
    await rig.until(rig.writer.writer.is_held.is_set, "the writer to hold the batch")
    fence(rig)
    seen: list[Any] = []
    with rig.connect() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        seen.append(LedgerSnapshot(connection, rig.settings).position)
    rig.writer.let_go()
    assert is_unavailable(await waiting)
    assert seen == [position]
    await rig.wait_for_state(SegmentState.OPEN)
    assert rig.segment().position == position
