"""Faults of Postgres and of the way to it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import grpc
import psycopg
from holdfast.inventory.v1.audit_service_pb2 import ListSegmentsRequest, ResumeMode, ResumeSegmentRequest

from robustness.faults import Strike, fault
from robustness.gate import Mode
from robustness.nodes import PostgresStandby
from robustness.traffic import share_of
from robustness.world import SEGMENT

# The writer sends what it writes and the end of its transaction in one piece, and nothing in it says COMMIT. It begins
# with this statement, which is prepared under its name.
_COMMIT = b"move_cursor"
_SEEN_SECONDS = 20.0
_TRACED_SECONDS = 3.0


async def _commit_seen(at: Strike) -> None:
    """Waits until a COMMIT goes through the gate."""
    seen = asyncio.Event()

    def look(portion: bytes) -> None:
        if _COMMIT in portion:
            seen.set()

    at.world.postgres_gate.seen = look
    async with asyncio.timeout(_SEEN_SECONDS):
        await seen.wait()
    at.world.postgres_gate.seen = lambda _: None


@fault(
    8,
    "Postgres is killed before, during and after a COMMIT",
    must_hold="whether a batch is in is known from the cursor; nothing acknowledged is lost",
)
async def killed_at_commit(at: Strike) -> None:
    for turn, delay_seconds in enumerate((0.0, 0.0005, 0.002, 0.01)):
        await _commit_seen(at)
        await asyncio.sleep(delay_seconds)
        at.world.servers.kill_postgres()
        await at.traffic.reached(share_of(turn + 1, 4))


@fault(
    9,
    "the answer to a COMMIT is lost",
    must_hold="no row is written twice, and whoever waited gets an answer",
)
async def answer_to_commit_lost(at: Strike) -> None:
    gate = at.world.postgres_gate
    for turn in range(6):
        await _commit_seen(at)
        gate.set(Mode.DEAF)
        await asyncio.sleep(0.1)
        gate.cut()
        gate.set(Mode.OPEN)
        await at.traffic.reached(share_of(turn + 1, 6))


@fault(
    10,
    "the disk of Postgres is full, slow, and fails",
    must_hold="callers are told to come back, nothing grows without bound, nothing acknowledged is lost",
    needs=("root", "strace"),
    disk_mib=1_000,
)
async def failing_disk(at: Strike) -> None:
    ballast = at.folder / "servers" / "ballast"
    for turn in range(2):
        free = os.statvfs(at.folder / "servers")
        with ballast.open("wb") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - 256 * 1024)
        await asyncio.sleep(3)
        ballast.unlink()
        await at.traffic.reached(share_of(turn + 1, 4))
    for turn, injection in enumerate(("fdatasync:delay_exit=200000", "fdatasync:error=EIO:when=3")):
        await asyncio.to_thread(_trace, await _backend_of_the_writer(at), injection)
        await at.traffic.reached(share_of(turn + 3, 4))


def _trace(pid: int, injection: str) -> None:
    """Injects into the calls of a process for a while."""
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", f"inject={injection}"]
    tracer = subprocess.Popen(
        [*command, "-p", str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(_TRACED_SECONDS)
    tracer.send_signal(signal.SIGTERM)
    tracer.wait(timeout=10)


async def _backend_of_the_writer(at: Strike) -> int:
    """Returns the pid of the session of whoever holds the writer's lock, as soon as there is one."""
    async with asyncio.timeout(_SEEN_SECONDS):
        while True:
            with suppress(psycopg.OperationalError):
                pid = at.world.backend_of_the_writer()
                if pid is not None:
                    return pid
            await asyncio.sleep(0.05)


@fault(
    11,
    "a standby of Postgres is promoted that lacks the end",
    must_hold="the segment stops and says so; the kept tail of the journal brings back all that was acknowledged",
)
async def standby_without_the_tail(at: Strike) -> None:
    world = at.world
    primary = urlsplit(world.servers.postgres_url)
    assert primary.hostname is not None
    assert primary.port is not None
    cable = await world.gate_to(primary.hostname, primary.port)
    standby = PostgresStandby(at.folder / "standby", world.servers, port_of_primary=cable.port)
    await asyncio.to_thread(standby.copy)
    await asyncio.to_thread(standby.start)
    at.on_close(standby.end)
    await _follows(at)
    cable.set(Mode.HELD)
    position = _position(at)
    async with asyncio.timeout(_SEEN_SECONDS):
        while _position(at) < position + 50:
            await asyncio.sleep(0.02)
    world.postgres_gate.set(Mode.CLOSED)
    world.postgres_gate.cut()
    world.servers.kill_postgres()
    url = urlsplit(world.postgres_url)._replace(
        netloc=f"{primary.username}:{primary.password}@127.0.0.1:{standby.port}"
    )
    world.postgres_url = url.geturl()
    await _promote(world.postgres_url)
    world.postgres_gate.lead_to("127.0.0.1", standby.port)
    world.postgres_gate.set(Mode.OPEN)
    assert await _state(at, 4), "the segment does not stop"
    await _resume(at)
    await at.traffic.reached(0.7)


def _position(at: Strike) -> int:
    with at.world.postgres() as connection:
        row = connection.execute("SELECT position FROM segment WHERE segment = %s", (SEGMENT,)).fetchone()
    assert row is not None
    return int(row[0])


async def _follows(at: Strike) -> None:
    async with asyncio.timeout(_SEEN_SECONDS):
        while True:
            with at.world.postgres() as connection:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                ).fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0.05)


async def _promote(url: str) -> None:
    async with asyncio.timeout(_SEEN_SECONDS):
        while True:
            try:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute("SELECT pg_promote()")
                    return
            except psycopg.OperationalError:
                await asyncio.sleep(0.05)


async def _state(at: Strike, state: int) -> bool:
    """Waits until the segment is in a state."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SEEN_SECONDS):
            while True:
                with suppress(grpc.aio.AioRpcError):
                    answer = await at.world.stubs.audit.ListSegments(ListSegmentsRequest(), timeout=5)
                    if any(one.segment == SEGMENT and one.state == state for one in answer.segments):
                        return True
                await asyncio.sleep(0.05)
    return False


async def _resume(at: Strike) -> None:
    request = ResumeSegmentRequest(
        segment=SEGMENT, mode=ResumeMode.RESUME_MODE_REPLAY_JOURNAL, reason="the standby lacks the end"
    )
    async with asyncio.timeout(_SEEN_SECONDS):
        while True:
            try:
                await at.world.stubs.audit.ResumeSegment(request, timeout=5)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
            else:
                return


@fault(
    16,
    "Postgres takes no more connections",
    must_hold="callers are told to come back; when there is room again all goes on",
)
async def no_connections(at: Strike) -> None:
    taken: list[psycopg.Connection[Any]] = []
    with suppress(psycopg.OperationalError):
        while True:
            taken.append(await asyncio.to_thread(at.world.postgres))
    at.note(f"{len(taken)} connections were taken")
    at.world.postgres_gate.cut()
    at.world.server.kill_writer()
    await asyncio.sleep(3)
    for connection in taken:
        connection.close()
    await at.traffic.reached(0.7)
