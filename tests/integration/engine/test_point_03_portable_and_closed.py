"""Point 3: old commands only, exact numbers, and a sequencer that decides nothing once any part of it is missing."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from importlib import resources

import pytest
import redis

from holdfast_server import layouts
from holdfast_server.decide.keys import SegmentKeys, level_field
from holdfast_server.decide.packing import pack, unpack
from holdfast_server.decide.script import COMMITTED, OPEN, TICK, load_script
from holdfast_server.records import SegmentState, unpack_levels
from integration.engine import demands
from integration.engine.rig import CHANNEL, LOCATION, POOL, SKU, Rig, is_unavailable, outcome_of
from support.servers import Servers

# Every command of Redis 6.2 that the scripts need. XTRIM with MINID came with 6.2 itself; nothing here is younger.
REDIS_6_2 = frozenset(
    {
        "EXISTS", "GET", "HDEL", "HEXISTS", "HGET", "HLEN", "HMGET", "HSET", "SET", "TIME", "UNLINK", "XADD",
        "XTRIM", "ZADD", "ZCARD", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREM", "ZSCORE",
    }
)  # fmt: skip
# What the Lua of Redis 6.2 offers beside the language itself.
LUA_6_2 = frozenset({"redis.call", "redis.sha1hex", "cmsgpack.pack", "cmsgpack.unpack"})

# The greatest quantity of a level, and a pool of levels of that size: 15 digits and more.
MOST = 1_000_000_000_000


def all_lua() -> dict[str, str]:
    """Every script file, without its comments."""
    folder = resources.files("holdfast_server.decide").joinpath("scripts")
    files = [*folder.iterdir(), *folder.joinpath("parts").iterdir(), *folder.joinpath("operations").iterdir()]
    lua = {file.name: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".lua")}
    return {name: re.sub(r"--.*", "", text) for name, text in lua.items()}


def test_point_3_the_scripts_use_only_what_redis_6_2_has() -> None:
    """Taken out by: `HGETDEL` instead of `HGET` in levels.lua; a command that is computed is found too."""
    for name, text in all_lua().items():
        calls = re.findall(r"redis\.p?call\(\s*([^,)]+)", text)
        literal = {call.strip("'\"") for call in calls if call.startswith(("'", '"'))}
        computed = {call for call in calls if not call.startswith(("'", '"'))}
        assert literal <= REDIS_6_2, name
        assert computed <= {"verb"}, name
        assert set(re.findall(r"remove_fields\('(\w+)'", text)) <= REDIS_6_2, name
        assert set(re.findall(r"\b(?:redis|cmsgpack|server)\.\w+", text)) <= LUA_6_2, name


def test_point_3_the_scripts_touch_only_the_keys_that_they_are_given() -> None:
    """A key that is put together in a script would break on a cluster, and would escape the epoch.

    Taken out by: `redis.call('GET', 'holdfast:x')` in any script.
    """
    given = {name for name in vars(SegmentKeys) if isinstance(getattr(SegmentKeys, name), property)}
    names = {f"KEYS[KEY.{name}]" for name in (given | {"open"})}
    names |= {"KEYS[KEY.outcomes + number]", "key", "unpack(empty", "KEYS[1]", "KEYS[2]", "KEYS[3]"}
    for name, text in all_lua().items():
        for key in re.findall(r"redis\.call\([^,()]+,\s*([^,)]+)", text):
            assert key in names, name


async def test_point_3_scripts_that_redis_has_forgotten_are_sent_again(rig: Rig) -> None:
    """Taken out by: no `except NoScriptError` in Decider._evaluate; or in RedisJournal.mark_committed."""
    for _ in range(3):
        rig.redis.script_flush()
        await rig.hold_units(1)
    await rig.until(lambda: rig.head()["committed"] == rig.head()["position"], "the sequencer to know of the commit")
    for name in (TICK, COMMITTED):
        assert rig.redis.script_exists(load_script(name).digest) == [True]
    assert await rig.available() == 7


async def test_point_3_numbers_keep_all_their_digits(rig: Rig) -> None:
    """Quantities, sums and times of 15 digits and more go through Lua, the journal, Postgres and a rebuild.

    Taken out by: `digits` written as `return '' .. number` in frame.lua; or the sum of a pool through `tostring`.
    """
    stores = [f"big-{number}" for number in range(300)]
    await rig.decide(demands.put_locations(*stores))
    await rig.decide(demands.put_pool(POOL, [LOCATION, *stores]))
    await rig.decide(demands.put_items("huge"))
    lines = [("huge", store, demands.SELLABLE, MOST - 1) for store in stores]
    decision = await rig.decide(demands.mutation("receive", (lines, "", False, "")))
    assert {level.sellable for level in unpack_levels(decision.extra)} == {MOST - 1}
    total = 300 * (MOST - 1)
    assert total > 10**14
    now = 9_007_199_254_740_991 - 10**9
    rig.decider.clock_us = now
    hold = demands.reserve(CHANNEL, [("huge", 1)], request_id="old-1")
    await rig.decide(hold)

    async def check() -> None:
        (answer,) = (await rig.read(demands.question("huge", channel=CHANNEL))).answers
        assert answer[0] == total - 1
        assert int(rig.head()["clock_us"]) == now
        assert rig.redis.zscore(rig.keys.due, hold.arguments[6]) == now + hold.arguments[2]

    await check()
    assert rig.query("SELECT clock_us FROM segment") == [(now,)]
    assert rig.query("SELECT sum(sellable) FROM stock_level WHERE sku = 'huge'") == [(total,)]
    epoch = rig.segment().epoch
    rig.put_back({})
    await rig.wait_until_open(above_epoch=epoch)
    await check()


# Of a rig that was not rebuilt.
FIRST_EPOCH = 1


async def _closed_then_rebuilt(rig: Rig) -> None:
    """What is missing is noticed by the next question, told as unavailable, and made good from Postgres."""
    answer = await outcome_of(rig.decider.decide(demands.question(SKU, channel=CHANNEL)))
    assert is_unavailable(answer) or rig.segment().epoch > FIRST_EPOCH
    # The writer looks around too, and may have been faster.
    await rig.wait_until_open(above_epoch=FIRST_EPOCH)
    assert await rig.available() == 8
    await rig.hold_units(1)
    rig.assert_ledger_is_sound()


KEYS_THAT_CLOSE = (
    "open_epoch", "head", "levels", "reservations", "due", "items", "locations", "pools", "channels", "outcomes",
)  # fmt: skip


@pytest.mark.parametrize("name", KEYS_THAT_CLOSE)
async def test_point_3_a_key_that_is_missing_closes_the_sequencer_and_is_rebuilt(rig: Rig, name: str) -> None:
    """Taken out by: the comparison of that key's length in why_closed of frame.lua."""
    await rig.hold_units(2)
    keys = rig.keys
    rig.redis.delete(*keys.outcomes if name == "outcomes" else [getattr(keys, name)])
    await _closed_then_rebuilt(rig)


async def test_point_3_sums_that_are_missing_are_made_anew_from_the_levels(rig: Rig) -> None:
    """They are derived, so nothing is closed.

    Taken out by: the sum of a missing record taken to be zero in pools.lua.
    """
    await rig.hold_units(2)
    epoch = rig.segment().epoch
    assert rig.redis.delete(rig.keys.sums) == 1
    assert await rig.available() == 8
    assert rig.segment().epoch == epoch


async def test_point_3_a_journal_that_is_missing_costs_only_its_tail(rig: Rig) -> None:
    """What it held is committed. Taken out by: nothing; it shows that the tail is for replays alone."""
    await rig.hold_units(2)
    await rig.until(lambda: rig.head()["committed"] == rig.head()["position"], "the sequencer to know of the commit")
    rig.redis.delete(rig.keys.journal)
    assert await rig.available() == 8
    await rig.hold_units(1)
    rig.assert_ledger_is_sound()


async def test_point_3_a_journal_that_is_lost_with_what_was_not_written_is_noticed_without_another(rig: Rig) -> None:
    """An operation is decided and its entry is gone before the ledger has it. No later write is needed to notice it.

    Taken out by: a head that is ahead of a journal without entries taken to be well in LedgerWriter._look_around.
    """
    await rig.hold_units(2)
    before = rig.segment()
    await rig.stop_writer()
    waiting = asyncio.create_task(outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1)]))))
    await rig.wait_until_decided(before.position + 1)
    rig.redis.delete(rig.keys.journal)
    rig.start_writer()
    assert is_unavailable(await waiting)
    await rig.wait_until_open(above_epoch=before.epoch)
    assert await rig.available() == 8


async def test_point_3_a_single_level_that_is_missing_closes_the_sequencer_and_is_rebuilt(rig: Rig) -> None:
    """Taken out by: the comparison of `levels` in why_closed of frame.lua."""
    await rig.hold_units(2)
    assert rig.redis.hdel(rig.keys.levels, level_field(SKU, LOCATION)) == 1
    await _closed_then_rebuilt(rig)


async def test_point_3_a_key_that_must_be_empty_and_is_not_closes_the_sequencer_and_is_rebuilt(rig: Rig) -> None:
    """Taken out by: no EXISTS in wrong_length of frame.lua."""
    await rig.hold_units(2)
    rig.redis.hset(rig.keys.documents, "INBOUND|nobody", b"x")
    await _closed_then_rebuilt(rig)


@pytest.mark.parametrize("field", ["hash", "position", "committed", "clock_us", "counts"])
async def test_point_3_a_head_that_lacks_a_field_closes_the_sequencer_and_is_rebuilt(rig: Rig, field: str) -> None:
    """Taken out by: `return false` for a missing number in read_head of frame.lua (it would be taken for zero)."""
    await rig.hold_units(2)
    assert rig.redis.hdel(rig.keys.head, field) == 1
    await _closed_then_rebuilt(rig)


async def test_point_3_a_head_that_lacks_a_count_closes_the_sequencer_and_is_rebuilt(rig: Rig) -> None:
    """Taken out by: `return true` at the end of read_head of frame.lua."""
    await rig.hold_units(2)
    counts = unpack(rig.redis.hget(rig.keys.head, "counts"))
    rig.redis.hset(rig.keys.head, "counts", pack(counts[:-1]))
    await _closed_then_rebuilt(rig)


async def test_point_3_a_sequencer_of_another_format_is_not_understood_and_is_rebuilt(rig: Rig) -> None:
    """Taken out by: the comparison of the format in frame.lua and in RedisJournal.state."""
    await rig.hold_units(2)
    rig.redis.hset(rig.keys.head, "format", layouts.SCRIPT_FORMAT + 1)
    await _closed_then_rebuilt(rig)
    assert rig.head()["format"] == str(layouts.SCRIPT_FORMAT)


async def test_point_3_a_head_of_another_format_is_known_as_such_whatever_its_fields_are(rig: Rig) -> None:
    """A server of another version must not be taken for damage: it may be about to be replaced.

    Taken out by: the fields of the head looked at before its format in read_head of frame.lua.
    """
    keys = rig.keys
    await rig.stop_writer()
    rig.redis.hdel(keys.head, "counts", "clock_us")
    rig.redis.hset(keys.head, mapping={"format": 2, "levels": 1})
    command = demands.pack_commands([demands.receive(SKU, LOCATION, 1)])
    arguments = [keys.epoch, 0, "", demands.limits(rig.settings), command]
    reply = rig.redis.eval(load_script(TICK).source, len(keys.for_tick()), *keys.for_tick(), *arguments)
    assert unpack(reply) == ["CLOSED", "OTHER_FORMAT", "2"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("counts", b""), ("counts", b"no list"), ("counts", pack(["one"] * 26)), ("position", b"far"), ("format", b"x")],
)
async def test_point_3_a_head_with_a_field_that_makes_no_sense_closes_the_sequencer(
    rig: Rig, field: str, value: bytes
) -> None:
    """Taken out by: `cmsgpack.unpack` without pcall, or no look at the types, in read_head of frame.lua."""
    await rig.hold_units(2)
    rig.redis.hset(rig.keys.head, field, value)
    await _closed_then_rebuilt(rig)


async def test_point_3_a_caller_of_another_epoch_decides_nothing(rig: Rig) -> None:
    """Taken out by: the comparison of the epoch in frame.lua."""
    before = rig.everything_in_redis()
    epoch = rig.segment().epoch
    script = load_script(TICK).source
    for wrong in (epoch - 1, epoch + 1):
        keys = SegmentKeys(segment=rig.settings.segment, epoch=epoch).for_tick()
        command = demands.pack_commands([demands.receive(SKU, LOCATION, 1)])
        reply = rig.redis.eval(script, len(keys), *keys, wrong, 0, "", demands.limits(rig.settings), command)
        assert unpack(reply) == ["CLOSED", "OTHER_EPOCH", str(epoch)]
    assert rig.everything_in_redis() == before


def test_point_3_no_script_writes_a_number_by_concatenation() -> None:
    """`..` prints 14 digits. Only names are put together so. Taken out by: `'' .. head.position` in any script."""
    allowed = {"outcomes_", "newest_us_", "last_position_", "hold|", "safety|", "distances|", "!cover|", "!ends|"}
    allowed |= {"!sweep|"}
    allowed |= {"-incident-", "-parked-", "-posting-", "[", "("}
    for name, text in all_lua().items():
        for left in re.findall(r"'([^']*)'\s*\.\.", text):
            assert left in allowed | {"|"}, name
        assert "tostring" not in text, name


def test_point_3_a_redis_that_may_evict_is_refused_at_start(fresh_servers: Servers) -> None:
    """Taken out by: `check_redis` not called in bootstrap."""
    client = redis.Redis.from_url(fresh_servers.redis_url, protocol=2)
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.close()
    urls = {"HOLDFAST_POSTGRES_URL": fresh_servers.postgres_url, "HOLDFAST_REDIS_URL": fresh_servers.redis_url}
    ended = subprocess.run(
        [sys.executable, "-m", "holdfast_server", "--port", "0", "--segment", "evict"],
        env={**os.environ, **urls},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "maxmemory-policy allkeys-lru" in ended.stdout


async def test_point_3_a_redis_that_may_evict_is_not_loaded(own_valkey_rig: Rig) -> None:
    """Another Redis, with another policy, may stand behind the name when it has to be loaded anew.

    Taken out by: `check_eviction` not called in Loader.load.
    """
    rig = own_valkey_rig
    rig.redis.config_set("maxmemory-policy", "allkeys-lru")
    before = rig.segment()
    rig.put_back({})
    await rig.until(lambda: rig.segment().epoch > before.epoch, "the rebuild to begin")
    await rig.until(lambda: not rig.writer.is_alive, "the writer to give up")
    assert "allkeys-lru" in str(rig.writer.fault)
    assert rig.redis.get(rig.keys.open_epoch) is None
    assert is_unavailable(await outcome_of(rig.decider.decide(demands.question(SKU, channel=CHANNEL))))


async def test_point_3_opening_needs_a_head(rig: Rig) -> None:
    """Taken out by: `EXISTS` taken out of open.lua."""
    keys = SegmentKeys(segment=rig.settings.segment, epoch=rig.segment().epoch + 1)
    assert rig.redis.eval(load_script(OPEN).source, 2, keys.open_epoch, keys.head, str(keys.epoch)) == 0
    assert rig.segment().state is SegmentState.OPEN
    await rig.hold_units(1)
