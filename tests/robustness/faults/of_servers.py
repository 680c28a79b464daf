"""Faults of the server processes and of their ledger writers."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import time
from pathlib import Path

import grpc

import holdfast_server
from holdfast_server import failpoints
from robustness.faults import Strike, fault
from robustness.traffic import share_of
from support.authority import ServerProcess

_DEATH_SECONDS = 40.0
# So long a rebuild may take until Valkey is killed once more.
_REBUILD_SECONDS = 8.0
_OVERTAKEN_SECONDS = 20.0
_POINTS_OF_REBUILDS = frozenset({"after_fence", "after_load"})
_POINTS_OF_WRITERS = _POINTS_OF_REBUILDS | {"before_ledger_transaction", "before_commit", "after_commit", "before_mark"}


@fault(
    1,
    "a process is killed at every named point",
    must_hold="nothing acknowledged is lost, nothing takes effect twice, the same id gets the same answer",
)
async def kill_at_every_point(at: Strike) -> None:
    points = sorted(failpoints.EVERYDAY)
    for number, point in enumerate(points):
        count = 1 if point in _POINTS_OF_REBUILDS else at.chance.randint(1, 3)
        doomed = await at.world.replace_server(HOLDFAST_FAILPOINT=f"{point}:kill:{count}")
        async with asyncio.timeout(_DEATH_SECONDS):
            while doomed.is_alive and doomed.writer_pid is None:
                await asyncio.sleep(0.02)
        first_writer = doomed.writer_pid
        lost = -_REBUILD_SECONDS
        async with asyncio.timeout(_DEATH_SECONDS):
            while doomed.is_alive and (point not in _POINTS_OF_WRITERS or doomed.writer_pid == first_writer):
                if point in _POINTS_OF_REBUILDS and time.monotonic() - lost > _REBUILD_SECONDS:
                    await at.world.kill_valkey()
                    lost = time.monotonic()
                await asyncio.sleep(0.02)
        await at.world.replace_server() if doomed.is_alive else await at.world.start_server()
        await at.traffic.reached(share_of(number + 1, len(points)))
    at.note(f"killed at {', '.join(points)}")


@fault(
    13,
    "a server and its writer stand still and come back",
    must_hold="the zombie's transaction changes nothing, its clients get the truth",
)
async def stand_still(at: Strike) -> None:
    world = at.world
    frozen = world.server
    other = await world.start_server()
    pids = [frozen.pid, frozen.writer_pid]
    for pid in pids:
        assert pid is not None
        world.pause(pid)
    world.take_the_writers_lock()
    await at.traffic.reached(0.5)
    for pid in pids:
        assert pid is not None
        world.resume(pid)
    world.lead_clients_to(frozen)
    await at.traffic.reached(0.7)
    world.lead_clients_to(other)


@fault(
    14,
    "two ledger writers at once, both with a session that lives",
    must_hold="one of them moves the cursor, the other one's transaction changes no row, and nothing has to be rebuilt",
)
async def two_writers(at: Strike) -> None:
    world = at.world
    await world.start_server()
    epoch = world.epoch()
    world.make_the_writers_lock_meaningless()
    for turn in range(4):
        process = world.processes[turn % 2]
        await at.traffic.reached(share_of(2 * turn + 1, 9))
        pid = process.writer_pid
        assert pid is not None
        world.pause(pid)
        await at.traffic.reached(share_of(2 * turn + 2, 9))
        # What it had in hand was written by the other one.
        before = _times_overtaken(process)
        world.resume(pid)
        async with asyncio.timeout(_OVERTAKEN_SECONDS):
            while _times_overtaken(process) == before:
                await asyncio.sleep(0.02)
    at.note(f"overtaken: {[_times_overtaken(process) for process in world.processes]} times")
    assert world.epoch() == epoch, "that one writer was overtaken made the sequencer start anew"


def _times_overtaken(process: ServerProcess) -> int:
    return sum("fenced" in line for line in process.lines)


@fault(
    21,
    "no file descriptors are left",
    must_hold="what was acknowledged stays, new clients get in when there are some again",
)
async def no_descriptors(at: Strike) -> None:
    pid = at.world.server.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 3, before[1]))
    channels = [
        grpc.aio.insecure_channel(at.world.server.target, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(30)
    ]
    for channel in channels:
        channel.get_state(try_to_connect=True)
    at.world.front.cut()
    at.world.postgres_gate.cut()
    at.world.redis_gate.cut()
    await asyncio.sleep(3)
    await asyncio.gather(*(channel.close() for channel in channels))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    await at.traffic.reached(0.7)


@fault(
    22,
    "servers of two versions, whose scripts do not understand each other, run together",
    must_hold="no script decides on a state of another format; nothing is lost while they take turns",
)
async def two_versions(at: Strike) -> None:
    other = at.folder / "other-version"
    package = Path(holdfast_server.__file__).parent
    await asyncio.to_thread(shutil.copytree, package, other / "holdfast_server")
    layouts = other / "holdfast_server" / "layouts.py"
    text = layouts.read_text(encoding="utf-8")
    layouts.write_text(re.sub(r"SCRIPT_FORMAT: Final = \d+", "SCRIPT_FORMAT: Final = 999", text), encoding="utf-8")
    old = at.world.server
    newer = await at.world.start_server(PYTHONPATH=str(other))
    # As long as the old one has the ledger in hand, the newer one tells its callers to come back.
    await asyncio.sleep(1)
    at.world.lead_clients_to(old)
    at.world.front.cut()
    await at.traffic.reached(0.5)
    await asyncio.to_thread(old.kill)
    at.world.lead_clients_to(newer)
    await at.traffic.reached(0.7)
    await asyncio.to_thread(newer.kill)
    await at.world.start_server()
