"""Faults of networks and clocks."""

from __future__ import annotations

import asyncio
import subprocess
from urllib.parse import urlsplit

from robustness.faults import Strike, fault
from robustness.gate import Mode
from robustness.nodes import ValkeyNode
from robustness.traffic import share_of

_HOUR_SECONDS = 3600


@fault(
    12,
    "the ways between clients, servers, Valkey and Postgres are cut, held, half open and slow",
    must_hold="deadlines hold, nobody is left waiting, nothing is lost or doubled",
)
async def cut_ways(at: Strike) -> None:
    world = at.world
    gates = {"redis": world.redis_gate, "postgres": world.postgres_gate, "front": world.front}
    cases = [(name, mode) for name in gates for mode in (Mode.HELD, Mode.DEAF, Mode.SLOW, Mode.CLOSED)]
    for number, (name, mode) in enumerate(cases):
        gate = gates[name]
        gate.set(mode)
        if mode is Mode.CLOSED:
            gate.cut()
        await asyncio.sleep(1.0)
        gate.set(Mode.OPEN)
        if mode is not Mode.SLOW:
            gate.cut()
        await at.traffic.reached(share_of(number + 1, len(cases)))


_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long offset(void) {
    const char *path = getenv("CLOCK_OFFSET_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
        fclose(file);
    }
    return seconds;
}

int gettimeofday(struct timeval *tv, void *tz) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(tv, tz);
    if (tv) tv->tv_sec += offset();
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, ts);
    if (clock == CLOCK_REALTIME && ts) ts->tv_sec += offset();
    return result;
}
"""


@fault(
    15,
    "the sequencer's clock jumps an hour ahead and back",
    must_hold="the segment's clock never goes back; no hold expires twice, and what has expired is not committed",
    needs=("gcc",),
    not_on_cluster="the nodes of a cluster measure each other's silence by the clock that it moves",
)
async def clock_jumps(at: Strike) -> None:
    source, library, offset = at.folder / "clock.c", at.folder / "clock.so", at.folder / "offset"
    source.write_text(_CLOCK, encoding="utf-8")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    offset.write_text("0", encoding="utf-8")
    node = await ValkeyNode(
        at.folder, at.world.servers.redis_url, LD_PRELOAD=str(library), CLOCK_OFFSET_FILE=str(offset)
    ).ready()
    at.world.redis_gate.lead_to("127.0.0.1", node.port)
    await at.traffic.reached(0.4)
    for turn, hours in enumerate((1, 0, -1, 0)):
        offset.write_text(str(hours * _HOUR_SECONDS), encoding="utf-8")
        seconds, _ = await asyncio.to_thread(node.client.time)
        at.note(f"the clock says {seconds}")
        await at.traffic.reached(min(0.9, share_of(turn + 4, 9)))
    first = urlsplit(at.world.servers.redis_url)
    assert first.hostname is not None
    assert first.port is not None
    await asyncio.to_thread(node.kill)
    at.world.redis_gate.lead_to(first.hostname, first.port)
