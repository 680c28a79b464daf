"""The crowd: many watchers in one process of their own, each with its own stream and its own few SKUs.

It takes commands as lines of JSON on standard input, and answers each with one line: so that what it does costs the
authority and the sale nothing but its share of the machine. While a sale runs it only notes when each message came, and
reads them after it: watchers that would not share the machine with the authority would not take its time either.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_loadtest.demand import CHANNEL, SPREAD_SKUS
from holdfast_loadtest.processes import line_from, running

SKUS_PER_WATCHER: Final = 20
_METHOD: Final = "/holdfast.inventory.v1.InventoryService/WatchAvailability"
_STREAMS_PER_CONNECTION: Final = 100
_JOINING_AT_A_TIME: Final = 50
_START_SECONDS: Final = 30.0
_JOIN_SECONDS: Final = 240.0


@dataclass(slots=True)
class _Watcher:
    skus: tuple[str, ...]
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    unread: list[tuple[float, bytes]] = field(default_factory=list)
    """The messages that were not read yet, with the time at which each came."""
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By SKU: the version, and what may be sold."""
    position: int = 0
    operations: int = 0
    """How many operations the causes have told of."""
    older: int = 0
    """Numbers that were older than what had been told."""
    arrivals: list[tuple[float, int, int]] = field(default_factory=list)
    """(time, position before, position after) of every message of changes."""
    error: str = ""


def skus_of(number: int) -> tuple[str, ...]:
    """Returns the SKUs of a watcher: neighbours, so that every SKU has as many watchers as any other."""
    first = number * SKUS_PER_WATCHER
    return tuple(SPREAD_SKUS[(first + step) % len(SPREAD_SKUS)] for step in range(SKUS_PER_WATCHER))


class _Crowd:
    def __init__(self, target: str) -> None:
        self._target = target
        self._channels: list[grpc.aio.Channel] = []
        self._watchers: list[_Watcher] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._calls: list[Any] = []

    async def join(self, count: int) -> dict[str, Any]:
        """Has so many watch, and returns when all of them are in step."""
        began = time.monotonic()
        for start in range(0, count, _JOINING_AT_A_TIME):
            part = [self._begin(start + number) for number in range(min(_JOINING_AT_A_TIME, count - start))]
            await asyncio.gather(*(watcher.synced.wait() for watcher in part))
        gc.collect()
        gc.freeze()
        return {"seconds": time.monotonic() - began, "errors": self._errors()}

    def _begin(self, number: int) -> _Watcher:
        if number % _STREAMS_PER_CONNECTION == 0:
            options = [("grpc.use_local_subchannel_pool", 1)]
            self._channels.append(grpc.aio.insecure_channel(self._target, options=options))
        watcher = _Watcher(skus_of(number))
        watch = self._channels[-1].unary_stream(
            _METHOD, request_serializer=pb.WatchAvailabilityRequest.SerializeToString
        )
        call = watch(pb.WatchAvailabilityRequest(filter=pb.AvailabilityFilter(channels=[CHANNEL], skus=watcher.skus)))
        self._calls.append(call)
        self._watchers.append(watcher)
        self._tasks.append(asyncio.create_task(_receive(watcher, call)))
        return watcher

    def _errors(self) -> list[str]:
        return sorted({watcher.error for watcher in self._watchers if watcher.error})

    async def clear(self) -> dict[str, Any]:
        """Forgets what was measured so far."""
        for watcher in self._watchers:
            _read_all(watcher)
            watcher.arrivals.clear()
            watcher.operations = 0
        return {"position": min((watcher.position for watcher in self._watchers), default=0)}

    async def reach(self, position: int) -> dict[str, Any]:
        """Waits until everybody has been told of a position."""
        async with asyncio.timeout(_JOIN_SECONDS):
            for watcher in self._watchers:
                _read_all(watcher)
                while watcher.position < position and not watcher.error:
                    await asyncio.sleep(0.05)
                    _read_all(watcher)
        return {"errors": self._errors()}

    async def tell(self) -> dict[str, Any]:
        """Returns what everybody was told."""
        return {
            "watchers": [
                {
                    "numbers": {sku: number[1] for sku, number in watcher.numbers.items()},
                    "operations": watcher.operations,
                    "older": watcher.older,
                    "messages": len(watcher.arrivals),
                }
                for watcher in self._watchers
            ],
            # A tenth tells of its lag: that is enough to know it.
            "arrivals": {str(number): watcher.arrivals for number, watcher in list(enumerate(self._watchers))[::10]},
            "errors": self._errors(),
        }

    async def leave(self) -> dict[str, Any]:
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            await channel.close()
        self._channels, self._watchers, self._tasks, self._calls = [], [], [], []
        return {}


async def _receive(watcher: _Watcher, call: Any) -> None:
    """Notes what comes. Until the watch is in step it reads it too."""
    try:
        async for message in call:
            watcher.unread.append((time.time(), message))
            if not watcher.synced.is_set():
                _read_all(watcher)
    except grpc.aio.AioRpcError as error:
        watcher.error = f"{error.code().name}: {error.details()}"
        watcher.synced.set()
    except asyncio.CancelledError:
        watcher.synced.set()


def _read_all(watcher: _Watcher) -> None:
    unread, watcher.unread = watcher.unread, []
    for arrived, message in unread:
        _read(watcher, arrived, pb.WatchAvailabilityResponse.FromString(message))


def _read(watcher: _Watcher, arrived: float, response: pb.WatchAvailabilityResponse) -> None:
    if response.HasField("changes"):
        changes = response.changes
        for change in changes.changes:
            _apply(watcher, change)
            for cause in change.causes:
                watcher.operations += cause.operation_count
        if changes.resume_token:
            watcher.arrivals.append((arrived, watcher.position, changes.revision.position))
            watcher.position = changes.revision.position
    elif response.HasField("bookmark"):
        watcher.position = response.bookmark.revision.position
    elif response.HasField("snapshot"):
        for change in response.snapshot.values:
            _apply(watcher, change)
    elif response.HasField("synced"):
        watcher.position = response.synced.revision.position
        watcher.synced.set()


def _apply(watcher: _Watcher, change: pb.AvailabilityChange) -> None:
    sku, version = change.availability.sku, change.version
    known = watcher.numbers.get(sku)
    if known is not None and known[0] > version:
        watcher.older += 1
        return
    watcher.numbers[sku] = (version, change.availability.available_to_sell_quantity)


async def _work(target: str) -> None:
    crowd = _Crowd(target)
    loop = asyncio.get_running_loop()
    _say({"ready": True})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, *arguments = json.loads(line)
        _say(await getattr(crowd, name)(*arguments))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class Crowd:
    """A crowd as the bench sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, name: str, *arguments: Any) -> dict[str, Any]:
        """Has the crowd do something. Raises ProcessFailedError if its process breaks."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        await self._process.stdin.drain()
        answer: dict[str, Any] = json.loads(await line_from(self._process, within_seconds=_JOIN_SECONDS + 30))
        return answer


@asynccontextmanager
async def crowd(target: str) -> AsyncIterator[Crowd]:
    """Starts the process of a crowd and ends it."""
    command = [sys.executable, "-m", "holdfast_loadtest.watch.crowd", target]
    async with running(command, line_bytes=2**27) as process:
        await line_from(process, within_seconds=_START_SECONDS)
        yield Crowd(process)


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))
