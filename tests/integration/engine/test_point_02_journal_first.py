"""Point 2: the journal entry is the first write, and says everything about the change."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from holdfast_server import layouts
from holdfast_server.decide.packing import as_bytes, unpack
from holdfast_server.decide.script import TICK, load_script
from holdfast_server.ledger.segments import GENESIS_CHAIN_HASH
from holdfast_server.records import unpack_request, unpack_reservation
from holdfast_server.refusals import SequencerUnavailable
from integration.engine import demands
from integration.engine.rig import CHANNEL, LOCATION, POOL, SKU, Rig, outcome_of


def named(fields: tuple[str, ...], values: list[Any]) -> dict[str, Any]:
    return dict(zip(fields, values, strict=True))


def entries_of(rig: Rig) -> list[tuple[str, str, dict[str, Any]]]:
    """Every entry of the journal: its id, its chain hash, and its content by name."""
    return [
        (entry_id.decode(), fields[b"h"].decode(), named(layouts.ENTRY, unpack(fields[b"e"])))
        for entry_id, fields in rig.redis.xrange(rig.keys.journal)
    ]


def without_clock_and_sums(rig: Rig, found: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """A copy of Redis but for what a tick that decides nothing may write: the clock, and derived sums."""
    return {key: copy for key, copy in found.items() if key not in {rig.keys.head, rig.keys.sums}}


async def test_point_2_a_redis_that_is_full_changes_nothing(own_valkey_rig: Rig) -> None:
    """Redis takes no more memory while it decides. Nothing is half written, and afterwards all goes on.

    Taken out by: the XADD after the other writes in tick.lua, with `redis.call('HDEL', RESERVATIONS, '')` before them.
    """
    rig = own_valkey_rig
    await rig.hold_units(1)
    await rig.until(lambda: rig.head()["committed"] == rig.head()["position"], "the sequencer to know of the commit")
    limit = rig.redis.config_get("maxmemory")["maxmemory"]
    before, head = rig.everything_in_redis(), rig.head()
    rig.redis.config_set("maxmemory", 1)
    wanted = demands.reserve(CHANNEL, [(SKU, 1)])
    assert isinstance(await outcome_of(rig.decide(wanted)), SequencerUnavailable)
    rig.redis.config_set("maxmemory", limit)
    assert without_clock_and_sums(rig, rig.everything_in_redis()) == without_clock_and_sums(rig, before)
    assert {name: value for name, value in rig.head().items() if name != "clock_us"} == {
        name: value for name, value in head.items() if name != "clock_us"
    }
    assert getattr(await rig.patiently(wanted), "replayed", None) is False
    assert await rig.available() == 8
    rig.assert_ledger_is_sound()


async def test_point_2_an_id_that_is_not_above_the_top_changes_nothing(rig: Rig) -> None:
    """A head that went back would write over history; the journal does not take its entry, and all stays as it is.

    Taken out by: `XADD JOURNAL '*'` instead of the explicit id; or the XADD after the other writes in tick.lua.
    """
    await rig.hold_units(1)
    await rig.stop_writer()
    keys = rig.keys
    top = rig.redis.xrevrange(keys.journal, count=1)[0][0]
    position = int(top.split(b"-")[0])
    rig.redis.hset(keys.head, mapping={"position": position - 1, "committed": position - 1})
    before = rig.everything_in_redis()
    arguments = [keys.epoch, 0, "", demands.limits(rig.settings)]
    for command in (demands.reserve(CHANNEL, [(SKU, 1)]), demands.receive(SKU, LOCATION, 1)):
        with pytest.raises(Exception, match="equal or smaller"):
            rig.redis.eval(
                load_script(TICK).source,
                len(keys.for_tick()),
                *keys.for_tick(),
                *arguments,
                demands.pack_commands([command]),
            )
        assert rig.everything_in_redis() == before


async def test_point_2_the_chain_and_the_positions_have_no_gap(rig: Rig) -> None:
    """Taken out by: `redis.sha1hex(entry)` without the hash before it in tick.lua."""
    held = await rig.hold_units(2)
    await rig.decider.decide_all([demands.receive(SKU, LOCATION, number) for number in range(1, 6)])
    await rig.decide(demands.release(held.reservation_id))
    chain_hash, position = GENESIS_CHAIN_HASH, 0
    for entry_id, fields in rig.redis.xrange(rig.keys.journal):
        content = named(layouts.ENTRY, unpack(fields[b"e"]))
        chain_hash = hashlib.sha1(chain_hash.encode() + fields[b"e"], usedforsecurity=False).hexdigest()
        assert fields[b"h"].decode() == chain_hash
        assert content["first"] == position + 1
        assert [operation[0] for operation in content["operations"]] == list(
            range(content["first"], content["last"] + 1)
        )
        position = content["last"]
        assert entry_id == f"{position}-0".encode()
    assert (rig.segment().position, rig.segment().chain_hash) == (position, chain_hash)


async def test_point_2_an_entry_holds_the_operation_its_identity_and_every_image_after_it(rig: Rig) -> None:
    """Taken out by: the balance, the version, the request or the reservation left out of `move` or `finish`."""
    await rig.decide(demands.put_items("sku-2"))
    await rig.decide(demands.receive("sku-2", LOCATION, 4))
    command = demands.reserve(CHANNEL, [(SKU, 3), ("sku-2", 1)])
    decision = await rig.decide(command)
    _, _, entry = entries_of(rig)[-1]
    (operation,) = entry["operations"]
    record = named(layouts.OPERATION, operation)
    request = unpack_request(as_bytes(record["request"]))
    assert (record["position"], record["kind"]) == (decision.position, layouts.MOVEMENT_KINDS["RESERVE"])
    assert (request.request_id, request.id_time_us) == (command.request_id, command.id_time_us)
    assert (request.fingerprint, request.packed()) == (command.fingerprint, command.request)
    reservation = unpack_reservation(as_bytes(record["reservation"]))
    assert reservation == unpack_reservation(decision.reservation)
    assert (reservation.version, reservation.create_us) == (1, entry["clock_us"])
    first, second = (named(layouts.MOVEMENT[:15], movement) for movement in record["movements"])
    assert (first["sku"], first["held_delta"], first["version"]) == (SKU, 3, 2)
    assert (first["sellable"], first["held"], first["committed"]) == (10, 3, 0)
    assert (second["sku"], second["version"], second["sellable"], second["held"]) == ("sku-2", 2, 4, 1)


async def test_point_2_a_level_is_kept_in_the_sums_of_every_pool_that_has_its_location(rig: Rig) -> None:
    """Two pools share a location; a sale through one changes what every channel of both may sell, if anybody asked.

    Taken out by: `break` after the first pool of a location in keep_sums of pools.lua.
    """
    await rig.decide(demands.put_locations("store-2"))
    await rig.decide(demands.put_pool("both", [LOCATION, "store-2"]))
    await rig.decide(demands.put_pool("elsewhere", ["store-2"]))
    channels = {"shop": POOL, CHANNEL: POOL, "market": "both", "till": "elsewhere"}
    for channel, pool in channels.items():
        await rig.decide(demands.put_channel(channel, pool))

    async def available() -> dict[str, int]:
        return {
            pool: (await rig.read(demands.question(SKU, channel=channel))).answers[0][0]
            for channel, pool in channels.items()
        }

    assert await available() == {POOL: 10, "both": 10, "elsewhere": 0}
    await rig.decide(demands.receive(SKU, "store-2", 5))
    assert await available() == {POOL: 10, "both": 15, "elsewhere": 5}
    await rig.hold_units(4)
    assert await available() == {POOL: 6, "both": 11, "elsewhere": 5}


async def test_point_2_a_tick_that_changes_nothing_writes_no_entry(rig: Rig) -> None:
    """Taken out by: `local changed = true` in tick.lua."""
    length = rig.redis.xlen(rig.keys.journal)
    await rig.available()
    await outcome_of(rig.decide(demands.reserve(CHANNEL, [(SKU, 1000)])))
    assert rig.redis.xlen(rig.keys.journal) == length


async def test_point_2_what_redis_packs_the_ledger_unpacks(rig: Rig) -> None:
    """Bytes that are no text travel whole: a fingerprint and a body are any bytes at all.

    Taken out by: `unicode_errors="replace"` in batch._add_entry.
    """
    reason = 'a "quoted" \\ reason, é {x}'
    fingerprint, body = bytes(range(240, 256)), bytes(range(256))
    command = demands.receive(SKU, LOCATION, 1)
    odd = demands.with_request(command, fingerprint=fingerprint, body=body, reason=reason)
    await rig.decide(odd)
    rows = rig.query("SELECT fingerprint, body FROM outcome WHERE request_id = %s", odd.request_id)
    assert rows == [(fingerprint, body)]
    assert (await rig.decide(odd)).replayed
    assert rig.query("SELECT reason FROM operation WHERE request_id = %s", odd.request_id) == [(reason,)]
    rig.assert_ledger_is_sound()
