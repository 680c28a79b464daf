"""How long it takes until a reservation succeeds again: after every loss, and by how many levels there are to load.

One client asks for one unit, again and again, each time with a fresh id and a short deadline, and notes when it
succeeds for the first time after a loss. What is killed is started again at once, as a supervisor does.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final

import grpc
from google.protobuf import duration_pb2
from holdfast.inventory.v1 import inventory_service_pb2 as pb
from holdfast.inventory.v1.catalog_pb2 import Item
from holdfast.inventory.v1.catalog_service_pb2 import PutItemsRequest

from api.ids import uuid7
from robustness.world import CHANNEL, LOCATION, World, open_world
from support.folders import new_folder

LEVELS: Final = (1_000, 10_000, 100_000)
TURNS: Final = 5
_PER_CALL: Final = 1_000
_SOLD: Final = "sold"
_ASK_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.005
_SETTLE_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 120.0

Loss = Callable[[World], Coroutine[None, None, None]]


async def _valkey(world: World) -> None:
    await world.kill_valkey()


async def _writer(world: World) -> None:
    world.server.kill_writer()


async def _postgres(world: World) -> None:
    await asyncio.to_thread(world.servers.kill_postgres)


async def _server(world: World) -> None:
    """Another server runs already, and clients are led to it; the ledger writer dies with the first."""
    first, second = [process for process in world.processes if process.is_alive][-2:]
    world.lead_clients_to(second)
    await asyncio.to_thread(first.kill)


async def _only_server(world: World) -> None:
    await world.replace_server()


LOSSES: Final[dict[str, Loss]] = {
    "valkey_lost": _valkey,
    "writer_killed": _writer,
    "postgres_killed": _postgres,
    "server_killed_another_runs": _server,
    "only_server_killed": _only_server,
}


async def measure(levels: Sequence[int], turns: int, say: Callable[[str], None]) -> dict[str, dict[str, list[float]]]:
    """Returns, by number of levels and by loss, the seconds until a reservation succeeded, in the order measured."""
    found: dict[str, dict[str, list[float]]] = {}
    for count in levels:
        with new_folder() as folder:
            found[str(count)] = await _measure_with(count, turns, folder, say)
    return found


async def _measure_with(levels: int, turns: int, folder: Path, say: Callable[[str], None]) -> dict[str, list[float]]:
    async with open_world(folder) as world:
        await world.put_catalog([_SOLD])
        await _receive(world, [_SOLD], 1_000_000)
        skus = [f"level-{number:06d}" for number in range(levels - 1)]
        for start in range(0, len(skus), _PER_CALL):
            part = skus[start : start + _PER_CALL]
            request = PutItemsRequest(request_id=uuid7(), items=[Item(sku=sku) for sku in part])
            await world.stubs.catalog.PutItems(request)
            await _receive(world, part, 10)
        seconds: dict[str, list[float]] = {}
        for name, loss in LOSSES.items():
            seconds[name] = [await _until_sold(world, loss) for _ in range(turns)]
            middle, most = statistics.median(seconds[name]), max(seconds[name])
            say(f"{levels:,} levels, {name}: {middle:.2f} s, at most {most:.2f} s")
        return seconds


async def _receive(world: World, skus: Sequence[str], units: int) -> None:
    lines = [pb.ReceiptLine(sku=sku, location=LOCATION, quantity=units) for sku in skus]
    await world.stubs.inventory.ReceiveStock(pb.ReceiveStockRequest(request_id=uuid7(), lines=lines))


async def _until_sold(world: World, loss: Loss) -> float:
    """Brings a loss about, and returns how long it took from its beginning until a reservation succeeded."""
    if loss is _server:
        await world.start_server()
    await world.until_open()
    # A server that is started again the third time in a row waits a little; that is not what is measured.
    await asyncio.sleep(_SETTLE_SECONDS)
    assert await _sells(world), "it does not sell before the loss"
    began = time.monotonic()
    losing = asyncio.create_task(loss(world))
    await asyncio.sleep(0)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not (losing.done() and await _sells(world)):
            await asyncio.sleep(_PAUSE_SECONDS)
    await losing
    return time.monotonic() - began


async def _sells(world: World) -> bool:
    request = pb.CreateReservationRequest(
        request_id=uuid7(),
        channel=CHANNEL,
        lines=[pb.DemandLine(sku=_SOLD, quantity=1)],
        ttl=duration_pb2.Duration(seconds=60),
    )
    try:
        await world.stubs.inventory.CreateReservation(request, timeout=_ASK_SECONDS)
    except grpc.aio.AioRpcError:
        return False
    return True
