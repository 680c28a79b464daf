"""Faults of Valkey: it is lost, it comes back old, there are two of it, or somebody touches what lies in it."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from urllib.parse import urlsplit

import redis

from holdfast_server import layouts
from holdfast_server.decide.packing import pack, unpack
from robustness.faults import Strike, fault
from robustness.faults.of_clusters import lagging_replica, lagging_replica_takes_over
from robustness.gate import Mode
from robustness.nodes import ValkeyNode
from robustness.traffic import share_of
from robustness.world import LOCATION
from support.authority import ServerProcess


@fault(
    2,
    "Valkey is killed and comes back empty",
    must_hold="it is loaded from Postgres under a new epoch; meanwhile callers are told UNAVAILABLE",
)
async def killed_and_empty(at: Strike) -> None:
    for turn in range(5):
        epoch = at.world.epoch()
        # Clients lose their answers with it: what they ask again must be known after the load.
        at.world.front.cut()
        await at.world.kill_valkey()
        await at.traffic.reached(share_of(turn + 1, 5))
        assert at.world.epoch() > epoch


async def _frozen_replica(at: Strike) -> ValkeyNode:
    """A replica that has all up to now and nothing of what comes."""
    master = urlsplit(at.world.servers.redis_url)
    assert master.hostname is not None
    assert master.port is not None
    cable = await at.world.gate_to(master.hostname, master.port)
    node = await ValkeyNode(
        at.folder, at.world.servers.redis_url, "--replicaof", f"127.0.0.1 {cable.port}", "--repl-timeout", "3600"
    ).ready()
    at.on_close(node.kill)
    await node.in_step()
    cable.set(Mode.HELD)
    return node


@fault(
    3,
    "a stale replica is promoted",
    must_hold="that it fell behind is found before anything is acknowledged; it is loaded anew",
)
async def stale_replica(at: Strike) -> None:
    if at.world.valkeys is not None:
        await lagging_replica(at)
        return
    node = await _frozen_replica(at)
    await at.traffic.reached(0.5)
    at.world.redis_gate.set(Mode.CLOSED)
    at.world.redis_gate.cut()
    node.promote()
    at.world.redis_gate.lead_to("127.0.0.1", node.port)
    at.world.redis_gate.set(Mode.OPEN)
    await at.traffic.reached(0.8)
    await _back_to_the_first(at, node)


async def _back_to_the_first(at: Strike, node: ValkeyNode) -> None:
    first = urlsplit(at.world.servers.redis_url)
    assert first.hostname is not None
    assert first.port is not None
    await asyncio.to_thread(node.kill)
    at.world.redis_gate.lead_to(first.hostname, first.port)


@fault(
    4,
    "a stale replica uses numbers again that are on their way to the ledger",
    must_hold="nobody who waits for an operation is answered for another one of the same number",
)
async def numbers_used_again(at: Strike) -> None:
    if at.world.valkeys is not None:
        await lagging_replica_takes_over(at)
        return
    for _ in range(2):
        node = await _frozen_replica(at)
        writer = at.world.server.writer_pid
        assert writer is not None
        at.world.pause(writer)
        await asyncio.sleep(0.3)
        node.promote()
        at.world.redis_gate.lead_to("127.0.0.1", node.port)
        await asyncio.sleep(0.3)
        at.world.resume(writer)
        await at.traffic.reached(min(0.9, at.traffic.share + 0.2))
        await _back_to_the_first(at, node)


@fault(
    5,
    "two Valkeys think that they are the primary",
    must_hold="only one chain moves the cursor; what was decided on the other is never acknowledged",
    not_on_cluster="a cluster has one owner of a slot, and tells the old one as soon as it hears it (25)",
)
async def two_primaries(at: Strike) -> None:
    world = at.world
    first = world.server
    node = await _frozen_replica(at)
    node.promote()
    beside = await world.gate_to("127.0.0.1", node.port)
    other = await asyncio.to_thread(
        ServerProcess,
        postgres_url=world.postgres_gate.url(world.postgres_url),
        redis_url=beside.url(world.servers.redis_url),
        segment="robust",
        environment=world.environment,
    )
    world.processes.append(other)
    for turn in range(6):
        world.lead_clients_to(other if turn % 2 else first)
        await asyncio.sleep(0.5)
        if turn == 2:
            first.kill_writer()
    await asyncio.to_thread(other.kill)
    world.lead_clients_to(first)
    await asyncio.to_thread(node.kill)
    await at.traffic.reached(0.7)


@fault(
    6,
    "one key is lost, cut short or altered",
    must_hold="nothing is decided on it: the ledger does not take what rests on it, and it is loaded anew",
)
async def one_key_touched(at: Strike) -> None:
    client, sku = at.world.redis(), at.traffic.skus[0]
    for turn in range(8):
        keys = at.world.keys()
        field = f"{sku}|{LOCATION}"
        epoch = at.world.epoch()
        if turn == 0:
            client.hdel(keys.levels, field)
        elif turn == 1:
            client.delete(keys.levels)
        elif turn == 2:
            level = unpack(client.hget(keys.levels, field))
            level[1] += 1_000
            client.hset(keys.levels, field, pack(level))
        elif turn == 3:
            client.delete(keys.reservations)
        elif turn == 4:
            client.hset(keys.documents, "nobody", b"x")
        elif turn == 5:
            client.delete(keys.head)
        elif turn == 6:
            client.hincrby(keys.head, "position", 10)
        else:
            client.delete(keys.journal)
        await at.traffic.reached(share_of(turn + 1, 8))
        at.note(f"turn {turn}: {'loaded anew' if at.world.epoch() > epoch else 'not noticed yet'}")


@fault(
    7,
    "FLUSHALL, SCRIPT FLUSH, no memory, a script that does not end",
    must_hold="it is loaded anew, scripts are sent again, callers are told UNAVAILABLE and none is left waiting",
)
async def careless_operator(at: Strike) -> None:
    client = at.world.redis()
    client.flushall()
    await at.traffic.reached(share_of(1, 5))
    for _ in range(5):
        client.script_flush()
        await asyncio.sleep(0.05)
    limit = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    await asyncio.sleep(0.5)
    client.config_set("maxmemory", limit)
    await at.traffic.reached(share_of(3, 5))
    busy = at.world.redis()
    client.config_set("busy-reply-threshold", 100)

    def never_ends() -> None:
        with suppress(redis.RedisError):
            busy.eval("while true do end", 0)

    spinning = asyncio.get_running_loop().run_in_executor(None, never_ends)
    await asyncio.sleep(1.5)
    client.script_kill()
    await spinning


@fault(
    17,
    "a poisoned entry lies in the journal",
    must_hold="the ledger takes nothing of it and skips nothing: quarantine, a new epoch, loaded anew",
)
async def poisoned_entry(at: Strike) -> None:
    client, sku = at.world.redis(), at.traffic.skus[0]
    for turn in range(4):
        writer = at.world.server.writer_pid
        assert writer is not None
        at.world.pause(writer)
        await asyncio.sleep(0.1)
        keys, epoch = at.world.keys(), at.world.epoch()
        found = client.hmget(keys.head, "position", "hash", "clock_us")
        position, hash_before, clock_us = int(found[0]), found[1].decode(), int(found[2])
        held = 10**9
        movement = [1, 1, sku, LOCATION, 0, 0, 0, held, 0, 10**6, 5, 0, 0, held, 0]
        operation = [position + 1, 1, "", "", [movement], [], "", []]
        entry = (
            pack([layouts.SCRIPT_FORMAT, epoch, position + 1, position + 1, clock_us, [operation], []])
            if turn % 2
            else b"\xc1 no entry at all"
        )
        chain = hashlib.sha1(hash_before.encode() + entry, usedforsecurity=False).hexdigest()
        with suppress(redis.RedisError):
            client.xadd(keys.journal, {"h": chain, "e": entry}, id=f"{position + 1}-0")
            client.hset(keys.head, mapping={"position": position + 1, "hash": chain})
        at.world.resume(writer)
        await at.traffic.reached(share_of(turn + 1, 4))
        assert at.world.epoch() > epoch, "an entry that nobody decided was taken"
