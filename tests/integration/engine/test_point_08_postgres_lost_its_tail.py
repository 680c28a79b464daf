"""Point 8: Postgres comes back without its last commits, as after a failover. Nothing is dropped without a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import psycopg
import pytest

from holdfast_server.decide.commands import Command
from holdfast_server.ledger.segments import SegmentStore
from holdfast_server.records import SegmentState
from holdfast_server.refusals import SegmentStopped
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, open_rig, outcome_of
from support.servers import Servers

REPLAY, DISCARD = 1, 2
LOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """A segment whose Postgres is about to lose its newest operations."""

    rig: Rig
    servers: Servers
    commands: list[Command]
    position_before: int

    def _database(self) -> str:
        return self.rig.settings.postgres_url.partition("?")[0].rsplit("/", 1)[1]

    def keep_standby(self) -> None:
        """Makes the standby: a copy of the database as it is now."""
        self._copy(self._database(), self._database() + "_standby")

    def promote_standby(self) -> None:
        """The standby takes the place of the database."""
        self._administer(f'DROP DATABASE "{self._database()}" WITH (FORCE)')
        self._copy(self._database() + "_standby", self._database())

    def _copy(self, source: str, target: str) -> None:
        self._administer(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'",
            f'CREATE DATABASE "{target}" TEMPLATE "{source}"',
        )

    def _administer(self, *statements: str) -> None:
        for _ in range(50):
            try:
                with psycopg.connect(self.servers.postgres_url, autocommit=True) as connection:
                    for statement in statements:
                        connection.execute(statement)
                return
            except psycopg.errors.ObjectInUse:
                continue
        raise AssertionError(f"the database is still in use: {statements}")


def resume(rig: Rig, mode: int) -> None:
    with rig.connect() as connection:
        SegmentStore(connection, rig.settings.segment).request_resume(mode, "test")


async def lose_tail(rig: Rig, servers: Servers) -> Failover:
    """Five units are reserved and acknowledged; Postgres comes back without them."""
    await rig.open_trade(units=10)
    position = rig.segment().position
    await rig.stop_writer()
    failover = Failover(rig=rig, servers=servers, commands=[], position_before=position)
    failover.keep_standby()
    rig.start_writer()
    await rig.wait_until_open()
    for _ in range(LOST):
        command = demands.reserve(CHANNEL, [(SKU, 1)])
        await rig.decide(command)
        failover.commands.append(command)
    await rig.until(lambda: rig.head()["committed"] == rig.head()["position"], "the sequencer to know of the commits")
    await rig.stop_writer()
    failover.promote_standby()
    assert rig.segment().position == position
    return failover


@pytest.fixture
async def failover(make_settings: MakeSettings, servers: Servers) -> AsyncIterator[Failover]:
    """A segment whose Postgres has lost five acknowledged reservations, with its writer running again."""
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        lost = await lose_tail(rig, servers)
        rig.start_writer()
        yield lost


async def test_point_8_the_segment_stops_and_says_why_and_drops_nothing(failover: Failover) -> None:
    """Taken out by: `_what_postgres_lost` returning the empty string."""
    rig = failover.rig
    stopped = await rig.wait_for_state(SegmentState.STOPPED)
    lost_position = failover.position_before + LOST
    assert str(lost_position) in stopped.state_reason
    assert str(failover.position_before) in stopped.state_reason
    assert stopped.position == failover.position_before
    assert rig.redis.xlen(rig.keys.journal) == lost_position
    assert int(rig.head()["position"]) == lost_position


async def test_point_8_a_server_that_knew_more_says_that_the_segment_is_stopped(failover: Failover) -> None:
    """It has heard of positions that the ledger no longer has; that the segment is stopped counts all the same.

    Taken out by: dropping every notice that lies behind what is known in CommitWatch._take_in.
    """
    rig = failover.rig
    await rig.wait_for_state(SegmentState.STOPPED)
    await rig.until(lambda: isinstance(rig.commits.why_closed(), SegmentStopped), "the stop to be heard of", 3)
    assert isinstance(await outcome_of(rig.read(demands.question(SKU, channel=CHANNEL))), SegmentStopped)


async def test_point_8_a_server_that_starts_then_says_that_the_segment_is_stopped(failover: Failover) -> None:
    """A writer that is alive says so for a stopped segment too; else a server could say only that it hears nothing.

    Taken out by: no sign of life in LedgerWriter._resume.
    """
    rig = failover.rig
    await rig.wait_for_state(SegmentState.STOPPED)
    async with open_rig(rig.settings, writer=False) as second:
        await second.until(lambda: isinstance(second.commits.why_closed(), SegmentStopped), "the stop to be known", 3)
        assert isinstance(await outcome_of(second.read(demands.question(SKU, channel=CHANNEL))), SegmentStopped)


async def test_point_8_replaying_the_journal_brings_everything_back(failover: Failover) -> None:
    """Taken out by: finishing the replay without writing the entries in LedgerWriter._resume."""
    rig = failover.rig
    lineage = (await rig.wait_for_state(SegmentState.STOPPED)).lineage
    resume(rig, REPLAY)
    opened = await rig.wait_for_state(SegmentState.OPEN)
    assert (opened.position, opened.lineage) == (failover.position_before + LOST, lineage)
    await rig.wait_until_open()
    for command in failover.commands:
        assert getattr(await rig.patiently(command), "replayed", None) is True
    assert await rig.available() == 10 - LOST
    await rig.hold_units(10 - LOST)
    rig.assert_ledger_is_sound()


async def test_point_8_giving_the_journal_up_begins_another_history(failover: Failover) -> None:
    """Taken out by: `lineage = gen_random_uuid()` taken out of resume_by_discard."""
    rig = failover.rig
    before = await rig.wait_for_state(SegmentState.STOPPED)
    resume(rig, DISCARD)
    opened = await rig.wait_for_state(SegmentState.OPEN)
    assert opened.lineage != before.lineage
    assert opened.epoch > before.epoch
    await rig.wait_until_open(above_epoch=before.epoch)
    assert await rig.available() == 10
    assert getattr(await rig.patiently(failover.commands[0]), "replayed", None) is False
    rig.assert_ledger_is_sound()


async def test_point_8_a_journal_that_was_trimmed_too_far_cannot_be_replayed(failover: Failover) -> None:
    """Taken out by: `follows` not asked before the replay in LedgerWriter._resume."""
    rig = failover.rig
    await rig.wait_for_state(SegmentState.STOPPED)
    rig.redis.xtrim(rig.keys.journal, minid=f"{failover.position_before + 2}-0", approximate=False)
    resume(rig, REPLAY)
    await rig.until(lambda: "does not reach back" in rig.segment().state_reason, "the refusal of the replay")
    assert (rig.segment().state, rig.segment().position) == (SegmentState.STOPPED, failover.position_before)
    resume(rig, DISCARD)
    await rig.wait_for_state(SegmentState.OPEN)


async def test_point_8_a_journal_that_is_empty_cannot_be_replayed(failover: Failover) -> None:
    """Nothing to replay is not the same as everything replayed: the segment is not opened, not even for a moment.

    Taken out by: `entries and` in the condition of LedgerWriter._resume, which lets an empty journal pass.
    """
    rig = failover.rig
    await rig.wait_for_state(SegmentState.STOPPED)
    rig.redis.xtrim(rig.keys.journal, maxlen=0, approximate=False)
    with rig.connect() as listener:
        listener.execute(f"LISTEN holdfast_{rig.settings.segment}")
        resume(rig, REPLAY)
        await rig.until(lambda: rig.cursor().resume_mode == 0, "the refusal of the replay")
        states = [notice.payload.split(",")[3] for notice in listener.notifies(timeout=0.5)]
    assert str(int(SegmentState.OPEN)) not in states
    assert "cannot be replayed" in rig.segment().state_reason


async def test_point_8_a_journal_with_a_hole_cannot_be_replayed(failover: Failover) -> None:
    """The replay ends where the chain breaks, and says so; nobody has to guess why nothing happens.

    Taken out by: no handling of Disagreement for a stopped segment in LedgerWriter.
    """
    rig = failover.rig
    await rig.wait_for_state(SegmentState.STOPPED)
    rig.redis.xdel(rig.keys.journal, f"{failover.position_before + 3}-0")
    resume(rig, REPLAY)
    await rig.until(lambda: rig.cursor().resume_mode == 0, "the refusal of the replay", 3)
    assert rig.segment().state is SegmentState.STOPPED
    assert "chain" in rig.segment().state_reason


async def test_point_8_an_older_epoch_of_the_ledger_takes_over_the_journals(
    make_settings: MakeSettings, servers: Servers
) -> None:
    """What was lost includes a rebuild: the journal is of an epoch that the ledger has never heard of.

    Taken out by: take_epoch doing nothing, which leaves the replay going round in circles.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade(units=10)
        await rig.stop_writer()
        failover = Failover(rig=rig, servers=servers, commands=[], position_before=rig.segment().position)
        failover.keep_standby()
        rig.put_back({})
        rig.start_writer()
        await rig.until(lambda: rig.segment().state is SegmentState.OPEN and rig.segment().epoch == 2, "the rebuild")
        await rig.wait_until_open(above_epoch=1)
        await rig.hold_units(3)
        await rig.stop_writer()
        failover.promote_standby()
        rig.start_writer()
        stopped = await rig.wait_for_state(SegmentState.STOPPED)
        assert "epoch 2" in stopped.state_reason
        await rig.until(lambda: isinstance(rig.commits.why_closed(), SegmentStopped), "the stop to be heard of", 3)
        resume(rig, REPLAY)
        opened = await rig.wait_for_state(SegmentState.OPEN)
        assert (opened.epoch, opened.position) == (2, failover.position_before + 1)
        await rig.wait_until_open()
        assert await rig.available() == 7
        rig.assert_ledger_is_sound()


async def test_point_8_a_commit_that_only_the_ledger_knew_is_simply_written_again(
    make_settings: MakeSettings, servers: Servers
) -> None:
    """The sequencer was never told of the commit, so it still holds the entries as not committed, and they go in again.

    Taken out by: trimming up to the head instead of the committed position in committed.lua.
    """
    async with open_rig(make_settings(freshness_seconds=60, journal_tail_operations=0)) as rig:
        await rig.open_trade(units=10)
        await rig.stop_writer()
        failover = Failover(rig=rig, servers=servers, commands=[], position_before=rig.segment().position)
        failover.keep_standby()
        rig.start_writer()
        await rig.wait_until_open()
        told = int(rig.head()["committed"])
        read_after = rig.writer.writer._journal.read_after
        rig.writer.writer._journal.read_after = (  # type: ignore[method-assign]
            lambda *place, wait_seconds, committed=False: read_after(*place, wait_seconds=wait_seconds)
        )
        await rig.decide(demands.receive(SKU, LOCATION, 5))
        assert int(rig.head()["committed"]) == told
        await rig.stop_writer()
        failover.promote_standby()
        rig.start_writer()
        await rig.until(lambda: rig.segment().position == failover.position_before + 1, "the entry to go in again")
        await rig.wait_until_open()
        assert await rig.available() == 15
        rig.assert_ledger_is_sound()
