"""Faults of a cluster: the master of the segment's slot is lost, falls behind, stands still, or gives the slot away."""

from __future__ import annotations

import asyncio
import time

from robustness.faults import Strike, fault
from robustness.traffic import share_of
from robustness.world import SEGMENT
from support.cluster import Node

_TURNS = 3


async def _replica_takes_its_place(at: Strike, old: Node) -> None:
    """Waits until another node owns the slot, and notes how long it took."""
    began = time.monotonic()
    await asyncio.to_thread(at.world.cluster.until_owner_is_not, SEGMENT, old)
    at.note(f"a replica was promoted after {time.monotonic() - began:.1f} s")


@fault(
    23,
    "the master of the segment's slot is killed and its replica promoted",
    must_hold="the next owner is found within seconds; what it lacks is found before anything is acknowledged",
    only_on_cluster=True,
)
async def master_lost(at: Strike) -> None:
    cluster = at.world.cluster
    for turn in range(_TURNS):
        old, epoch = cluster.owner(SEGMENT), at.world.epoch()
        await asyncio.to_thread(old.kill)
        await _replica_takes_its_place(at, old)
        await at.traffic.reached(share_of(turn + 1, _TURNS))
        at.note("it was loaded anew" if at.world.epoch() > epoch else "it had everything")
        await asyncio.to_thread(cluster.mend)


@fault(
    24,
    "the segment's slot is moved to another master, key by key, in one step, and half-way and back",
    must_hold="while it is on its way callers are told to come back; nothing is lost, doubled or decided on a half",
    only_on_cluster=True,
)
async def slot_moved(at: Strike) -> None:
    cluster = at.world.cluster
    epoch = at.world.epoch()
    moves = [cluster.move_slot_slowly, cluster.move_slot_whole] if cluster.moves_whole else [cluster.move_slot_slowly]
    for turn, move in enumerate(moves):
        await asyncio.to_thread(move, SEGMENT, cluster.another_master(SEGMENT))
        await at.traffic.reached(share_of(turn + 1, 4))
    assert at.world.epoch() == epoch, "what had moved whole was loaded anew"
    await asyncio.to_thread(cluster.move_slot_half_way, SEGMENT, cluster.another_master(SEGMENT))
    await at.traffic.reached(share_of(3, 4))
    assert at.world.epoch() > epoch, "it went on with half of its keys"
    await asyncio.to_thread(cluster.move_slot, SEGMENT, cluster.another_master(SEGMENT))
    await at.traffic.reached(share_of(4, 4))


@fault(
    25,
    "the master of the segment's slot stands still, its replica is promoted, and it comes back",
    must_hold="nobody is answered for what it decides before it hears that it is a replica now",
    only_on_cluster=True,
)
async def master_stands_still(at: Strike) -> None:
    cluster = at.world.cluster
    for turn in range(_TURNS):
        old = cluster.owner(SEGMENT)
        await asyncio.to_thread(old.pause)
        await _replica_takes_its_place(at, old)
        await at.traffic.reached(share_of(2 * turn + 1, 2 * _TURNS))
        await asyncio.to_thread(old.resume)
        await at.traffic.reached(share_of(2 * turn + 2, 2 * _TURNS))
        await asyncio.to_thread(cluster.mend)


async def lagging_replica(at: Strike) -> None:
    """Fault 3 on a cluster: the replica that is elected has nothing of what came since it lost its master."""
    cluster = at.world.cluster
    old, epoch = cluster.owner(SEGMENT), at.world.epoch()
    await asyncio.to_thread(cluster.replica(SEGMENT).fall_behind)
    await at.traffic.reached(0.5)
    await asyncio.to_thread(old.kill)
    await _replica_takes_its_place(at, old)
    await at.traffic.reached(0.8)
    assert at.world.epoch() > epoch, "it went on with an old state"


async def lagging_replica_takes_over(at: Strike) -> None:
    """Fault 4 on a cluster: the ledger writer stands still meanwhile, and the master is not asked."""
    cluster = at.world.cluster
    for _ in range(2):
        replica = cluster.replica(SEGMENT)
        await asyncio.to_thread(replica.fall_behind)
        writer = at.world.server.writer_pid
        assert writer is not None
        at.world.pause(writer)
        await asyncio.sleep(0.3)
        replica.client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
        await asyncio.to_thread(cluster.until_owner_is, SEGMENT, replica)
        await asyncio.sleep(0.3)
        at.world.resume(writer)
        await at.traffic.reached(min(0.9, at.traffic.share + 0.2))
        await asyncio.to_thread(cluster.mend)
