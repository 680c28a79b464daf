"""Point 4: one ledger writer moves the cursor by compare-and-set, and a level that does not fit is never skipped."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from holdfast_server.decide.connections import writer_connection
from holdfast_server.decide.journal import RedisJournal
from holdfast_server.decide.keys import level_field
from holdfast_server.decide.loader import Loader
from holdfast_server.decide.packing import pack, unpack
from holdfast_server.ledger.batch import Batch, build_batch
from holdfast_server.ledger.connections import check_durability, connect_writer, connection_arguments
from holdfast_server.ledger.errors import Disagreement, Fenced
from holdfast_server.ledger.segments import SegmentStore
from holdfast_server.ledger.writer import LedgerWriter
from holdfast_server.records import SegmentState
from integration.engine import demands
from integration.engine.conftest import MakeSettings
from integration.engine.rig import CHANNEL, LOCATION, SKU, Rig, is_unavailable, open_rig, outcome_of

TABLES = (
    "segment", "journal_entry", "operation", "movement", "stock_level", "reservation", "reservation_line", "outcome",
    "item", "location", "pool", "channel",
)  # fmt: skip


def second_writer(rig: Rig) -> LedgerWriter:
    """A writer that takes no lock: as one whose connection, and with it its lock, was lost unnoticed."""
    connection = writer_connection(rig.settings)
    return LedgerWriter(
        settings=rig.settings,
        journal=RedisJournal(settings=rig.settings, connection=connection),
        rebuilder=Loader(settings=rig.settings, connection=connection),
        stop=threading.Event(),
    )


def whole_ledger(rig: Rig) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for the heartbeat."""
    tables = {table: rig.query(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES}
    tables["segment"] = [row[:-1] for row in tables["segment"]]
    return tables


async def held_batch(rig: Rig) -> tuple[asyncio.Task[object], Batch]:
    """One decided operation that the writer holds in its hand, and the batch that another writer makes of it."""
    cursor = rig.cursor()
    rig.writer.hold()
    waiting = asyncio.create_task(outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)]))))
    await rig.wait_until_decided(cursor.segment.position + 1)
    await rig.until(rig.writer.writer.is_held.is_set, "the writer to hold the batch")
    writer = second_writer(rig)
    entries = writer._journal.read_after(cursor.segment.epoch, cursor.segment.position, wait_seconds=0)
    return waiting, build_batch(cursor, entries)


async def test_point_4_of_two_writers_of_one_batch_the_second_changes_nothing(make_settings: MakeSettings) -> None:
    """Taken out by: `holdfast_expect_rows(count(*), 1, 'cursor')` replaced by `count(*)` in move_cursor."""
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        waiting, batch = await held_batch(rig)
        rig.writer.let_go()
        await waiting
        before = whole_ledger(rig)
        with rig.connect() as connection, pytest.raises(Fenced):
            second_writer(rig)._commit(connection, batch)
        assert whole_ledger(rig) == before


@pytest.mark.parametrize("field", ["epoch", "position_before", "chain_hash_before"])
async def test_point_4_a_writer_that_is_wrong_about_any_part_of_the_cursor_changes_nothing(
    make_settings: MakeSettings, field: str
) -> None:
    """Taken out by: that part of the WHERE of move_cursor."""
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        waiting, batch = await held_batch(rig)
        wrong = {"epoch": batch.epoch + 1, "position_before": 0, "chain_hash_before": "e" * 40}
        changes: dict[str, Any] = {field: wrong[field]}
        zombie = replace(batch, **changes)
        before = whole_ledger(rig)
        with rig.connect() as connection, pytest.raises(Fenced):
            second_writer(rig)._commit(connection, zombie)
        assert whole_ledger(rig) == before
        rig.writer.let_go()
        assert not is_unavailable(await waiting)


async def test_point_4_a_writer_that_was_overtaken_looks_again_and_goes_on(make_settings: MakeSettings) -> None:
    """Its batch is written by another while it holds it. It neither writes it twice nor gives up.

    Taken out by: Fenced not caught in LedgerWriter._serve.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        waiting, batch = await held_batch(rig)
        with rig.connect() as connection:
            second_writer(rig)._commit(connection, batch)
        assert not is_unavailable(await waiting)
        rig.writer.let_go()
        await rig.hold_units(2)
        assert await rig.available() == 7
        assert rig.writer.is_alive
        rig.assert_ledger_is_sound()


async def test_point_4_a_writer_that_is_overtaken_while_it_looks_does_not_take_that_for_a_loss(rig: Rig) -> None:
    """What was committed after its look at the ledger, and before its look at the sequencer, was not lost.

    Taken out by: the position in the WHERE of stop.
    """
    before = rig.cursor()
    await rig.hold_units(1)
    await rig.until(lambda: int(rig.head()["committed"]) > before.segment.position, "the sequencer to know of it")
    with rig.connect() as connection, pytest.raises(Fenced):
        second_writer(rig)._prepare(connection, SegmentStore(connection, rig.settings.segment), before)
    assert rig.segment().state is SegmentState.OPEN


async def test_point_4_nobody_waits_long_for_a_writer_that_stands_still_in_its_transaction(
    make_settings: MakeSettings,
) -> None:
    """It has sent a part of its transaction, holds the row of the cursor, and is stopped. Its connection stays alive.

    Taken out by: transaction_timeout not set in bound_transactions, or that not called in connect_writer.
    """
    async with open_rig(make_settings(writer_transaction_seconds=0.5)) as rig:
        await rig.open_trade()
        stopped = connect_writer(rig.settings)
        if stopped.info.server_version < 170_000:
            stopped.close()
            pytest.skip("before version 17 Postgres does not look at the time of a transaction")
        stopped.pgconn.enter_pipeline_mode()
        for statement in (b"BEGIN", b"UPDATE segment SET position = position"):
            stopped.pgconn.send_query_params(statement, None)
        stopped.pgconn.send_flush_request()
        stopped.pgconn.flush()
        await rig.until(lambda: rig.query("SELECT 1 FROM pg_locks WHERE mode = 'RowExclusiveLock'") != [], "the lock")
        await rig.hold_units(1)
        stopped.close()


@pytest.mark.parametrize("altered", ["version", "sellable", "held"])
async def test_point_4_a_level_that_differs_is_quarantined_and_rebuilt_and_never_skipped(
    rig: Rig, altered: str
) -> None:
    """Redis says something else of a level than the ledger. What was decided on it is refused, and the level mended.

    Taken out by: the comparison of that field in change_levels.
    """
    await rig.hold_units(1)
    field = level_field(SKU, LOCATION)
    level = unpack(rig.redis.hget(rig.keys.levels, field))
    level[["version", "sellable", "quality_hold", "damaged", "held", "committed"].index(altered)] += 5
    rig.redis.hset(rig.keys.levels, field, pack(level))
    before = rig.segment()
    wrong = demands.receive(SKU, LOCATION, 3)
    assert is_unavailable(await outcome_of(rig.decide(wrong)))
    await rig.wait_until_open(above_epoch=before.epoch)
    assert rig.segment().position == before.position
    assert any("stock levels" in reason for reason in rig.writer.writer.rebuilds)
    assert getattr(await rig.patiently(wrong), "replayed", None) is False
    assert await rig.available() == 12
    rig.assert_ledger_is_sound()


async def test_point_4_a_reservation_that_differs_is_quarantined_and_rebuilt(rig: Rig) -> None:
    """Taken out by: `reservation.version = c.version_before` taken out of change_reservations."""
    held = await rig.hold_units(1)
    record = unpack(rig.redis.hget(rig.keys.reservations, held.reservation_id))
    record[1] += 1
    rig.redis.hset(rig.keys.reservations, held.reservation_id, pack(record))
    epoch = rig.segment().epoch
    assert is_unavailable(await outcome_of(rig.decide(demands.commit(held.reservation_id))))
    await rig.wait_until_open(above_epoch=epoch)
    await rig.decide(demands.commit(held.reservation_id))
    rig.assert_ledger_is_sound()


async def test_point_4_an_entry_that_the_ledger_cannot_hold_is_quarantined_and_not_tried_for_ever(rig: Rig) -> None:
    """Postgres has no text with a NUL in it. Nothing that a caller may send has one, but a writer must survive it.

    Taken out by: only IntegrityError taken for a Disagreement in LedgerWriter._commit.
    """
    epoch = rig.segment().epoch
    assert is_unavailable(await outcome_of(rig.decide(demands.put_items("sku-2", display_name="nul \0 here"))))
    await rig.wait_until_open(above_epoch=epoch)
    assert rig.writer.fault is None
    assert await rig.available() == 10


async def test_point_4_a_forged_entry_is_quarantined(rig: Rig) -> None:
    """Somebody adds to the journal by hand. The chain does not hold, and nothing of it gets into the ledger.

    Taken out by: `follows` not asked in batch._add_entry.
    """
    before = rig.segment()
    rig.redis.xadd(rig.keys.journal, {"h": "0" * 40, "e": b"\x90"}, id=f"{before.position + 1}-0")
    await rig.wait_until_open(above_epoch=before.epoch)
    assert rig.segment().position == before.position
    await rig.hold_units(1)
    rig.assert_ledger_is_sound()


async def test_point_4_what_arrives_during_a_commit_goes_into_the_next_one_together(
    make_settings: MakeSettings,
) -> None:
    """Taken out by: one entry per batch in LedgerWriter._drain."""
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade(units=100)
        batches: list[int] = []
        commit = rig.writer.writer._commit

        def counting(connection: psycopg.Connection[object], batch: Batch) -> None:
            commit(connection, batch)
            batches.append(len(batch.operations))

        rig.writer.writer._commit = counting  # type: ignore[method-assign]
        waiting, _ = await held_batch(rig)
        position = int(rig.head()["position"])
        others = []
        for number in range(1, 21):
            others.append(asyncio.create_task(rig.hold_units(1)))
            await rig.wait_until_decided(position + number)
        rig.writer.let_go()
        await asyncio.gather(waiting, *others)
        await rig.until(lambda: sum(batches) == 21, "the writer to have counted")
        assert batches == [1, 20]
        rig.assert_ledger_is_sound()


async def test_point_4_the_sequencer_alone_cannot_oversell(rig: Rig) -> None:
    """A Redis that has lost its mind promises more than there is; the ledger refuses, and it is rebuilt.

    Taken out by: movement_never_oversells dropped from the ledger, with the levels not compared.
    """
    field = level_field(SKU, LOCATION)
    level = unpack(rig.redis.hget(rig.keys.levels, field))
    level[4] = -1000
    rig.redis.hset(rig.keys.levels, field, pack(level))
    rig.redis.delete(rig.keys.sums)
    epoch = rig.segment().epoch
    assert is_unavailable(await outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 500)]))))
    await rig.wait_until_open(above_epoch=epoch)
    assert await rig.available() == 10


async def test_point_4_every_commit_is_on_disk_whatever_the_database_is_set_to(make_settings: MakeSettings) -> None:
    """Taken out by: `-c synchronous_commit=on` taken out of connection_arguments."""
    settings = make_settings()
    name = settings.postgres_url.partition("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(settings.postgres_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with psycopg.connect(settings.postgres_url, autocommit=True) as careless:
        assert careless.execute("SHOW synchronous_commit").fetchone() == ("off",)
        with pytest.raises(RuntimeError, match="synchronous_commit"):
            check_durability(careless)
    with psycopg.connect(**connection_arguments(settings, name="writer")) as careful:
        assert careful.execute("SHOW synchronous_commit").fetchone() == ("on",)
        check_durability(careful)


async def test_point_4_a_writer_refuses_to_write_what_would_not_be_on_disk(rig: Rig) -> None:
    """Taken out by: `check_durability` not called in LedgerWriter._check_and_wait_for_lock."""
    await rig.stop_writer()
    writer = second_writer(rig)
    with rig.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        with pytest.raises(RuntimeError, match="synchronous_commit"):
            writer._check_and_wait_for_lock(connection)


async def test_point_4_a_second_writer_waits_and_takes_over(rig: Rig) -> None:
    """Taken out by: `_check_and_wait_for_lock` returning at once; or a lock that outlives its session."""
    first = rig.writer
    second = rig.start_writer()
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 47012 AND granted AND database = "
    mine = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    writers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    name = f"holdfast-writer-{rig.settings.segment}"
    await rig.until(lambda: rig.query(writers, name) == [(2,)], "the second writer to come")
    await rig.hold_units(1)
    assert rig.query(locks + mine) == [(1,)]
    await asyncio.to_thread(first.stop)
    await rig.hold_units(1)
    assert second.is_alive
    assert second.writer.rebuilds == []
    assert await rig.available() == 8


async def test_point_4_disagreement_is_said_of_levels_and_not_of_the_cursor(make_settings: MakeSettings) -> None:
    """A level that was moved behind the sequencer's back is a disagreement, not an overtaken writer.

    Taken out by: every failed count taken for Fenced in LedgerWriter._why_refused.
    """
    async with open_rig(make_settings(freshness_seconds=60)) as rig:
        await rig.open_trade()
        waiting, batch = await held_batch(rig)
        rig.query("UPDATE stock_level SET version = version + 1")
        with rig.connect() as connection, pytest.raises(Disagreement):
            second_writer(rig)._commit(connection, batch)
        rig.query("UPDATE stock_level SET version = version - 1")
        rig.writer.let_go()
        assert not is_unavailable(await waiting)
