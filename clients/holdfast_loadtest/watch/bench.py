"""One run of the watch benchmark.

The lag of a change is counted from its decision, by the sequencer's clock, to the watcher's hands: a little longer than
from its commit. Every operation counts, also those that were told together with later ones.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from holdfast.inventory.v1 import catalog_pb2, inventory_service_pb2_grpc
from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_client.client import HoldfastClient, availability_key
from holdfast_loadtest.authority import Authority, authority, temporary_directory
from holdfast_loadtest.demand import CALLER, CHANNEL, SPREAD_SKUS
from holdfast_loadtest.processes import cpu_seconds
from holdfast_loadtest.truth import stock_up
from holdfast_loadtest.watch.crowd import Crowd, crowd, skus_of
from holdfast_loadtest.watch.sale import Sale, sell

TARGETS: Final = {"lag_p99_ms": 500, "memory_per_watcher_kib": 48, "reserve_p99_ratio": 1.5}
"""The most that each figure of 1,000 watchers should be."""

CATALOGUE_SKUS: Final = 100_000
_KEYS_PER_CALL: Final = 1_000
_AWAY_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 1.0
_ROUNDS: Final = 3

Say = Callable[[str], None]


async def run_watch_bench(*, seconds: float, crowds: Sequence[int], whole_catalogue: bool, say: Say) -> dict[str, Any]:
    """Runs the benchmark and returns its report; `crowds` are the numbers of watchers that are measured."""
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(temporary_directory())
        say("starting an authority")
        running = await stack.enter_async_context(authority(directory))
        client = await stack.enter_async_context(HoldfastClient(running.target, caller=CALLER, channel_count=2))
        await stock_up(client)
        bench = _Bench(running, client, say)
        await sell(client, 2.0)
        report: dict[str, Any] = {"crowds": {}}
        for count in crowds:
            report["crowds"][str(count)] = await bench.measure_crowd(count, seconds)
        if 1_000 in crowds:
            report |= report["crowds"]["1000"]
            report["targets"] = {name: {"at_most": most, "met": report[name] <= most} for name, most in TARGETS.items()}
        report["cost_per_change_us"] = {
            str(count): await bench.cost_per_change(count, seconds / 3) for count in (0, 1, 10, 100, 1_000)
        }
        if whole_catalogue:
            report["whole_catalogue"] = await bench.measure_catalogue()
        report["machine"] = {"cores": os.cpu_count(), **running.versions()}
        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """A sale with a crowd beside it, and what the crowd was told."""

    sale: Sale
    lags: list[float]
    messages: int
    memory_kib: float
    converged: bool
    gaps: int
    older: int
    join_seconds: float
    errors: list[str]


class _Bench:
    def __init__(self, running: Authority, client: HoldfastClient, say: Say) -> None:
        self._authority = running
        self._client = client
        self._say = say

    @property
    def _server(self) -> list[int]:
        return self._authority.pids.get("server", [])

    async def measure_crowd(self, count: int, seconds: float) -> dict[str, Any]:
        """Measures a sale alone, and with so many watchers beside it, by turns: so the machine disturbs both alike."""
        alone: list[Sale] = []
        rounds: list[_Round] = []
        async with crowd(self._authority.target) as watchers:
            for number in range(_ROUNDS):
                alone.append(await sell(self._client, seconds / _ROUNDS / 2, seed=count + 2 * number))
                rounds.append(await self._round(watchers, count, seconds / _ROUNDS, seed=count + 2 * number + 1))
                await asyncio.sleep(_SETTLE_SECONDS)
        alone.append(await sell(self._client, seconds / _ROUNDS / 2, seed=count + 2 * _ROUNDS))
        ratios = [
            one.sale.percentile_ms(0.99)
            / statistics.mean(sale.percentile_ms(0.99) for sale in alone[number : number + 2])
            for number, one in enumerate(rounds)
        ]
        lags = [lag for one in rounds for lag in one.lags]
        sold_seconds = sum(one.sale.seconds for one in rounds)
        together = Sale(latencies_ms=[latency for one in rounds for latency in one.sale.latencies_ms])
        apart = Sale(latencies_ms=[latency for sale in alone for latency in sale.latencies_ms])
        figures = {
            "watchers": count,
            "changes_per_second": round(sum(one.sale.sold for one in rounds) / sold_seconds, 1),
            "messages_per_second": round(sum(one.messages for one in rounds) / sold_seconds, 1),
            "lag_p50_ms": _percentile(lags, 0.5),
            "lag_p99_ms": _percentile(lags, 0.99),
            "memory_per_watcher_kib": round(rounds[0].memory_kib / count, 1),
            "reserve_p50_ms": round(together.percentile_ms(0.5), 2),
            "reserve_p99_ms": round(together.percentile_ms(0.99), 2),
            "reserve_alone_p99_ms": round(apart.percentile_ms(0.99), 2),
            "reserve_p99_ratio": round(statistics.median(ratios), 3),
            "reserve_p99_ratios": [round(ratio, 3) for ratio in ratios],
            "converged": all(one.converged for one in rounds),
            "gaps": sum(one.gaps for one in rounds),
            "duplicates_applied": sum(one.older for one in rounds),
            "join_seconds": round(rounds[0].join_seconds, 2),
            "errors": sorted({error for one in rounds for error in one.errors}),
        }
        self._say(
            f"{count} watchers: lag p50 {figures['lag_p50_ms']} ms, p99 {figures['lag_p99_ms']} ms; "
            f"{figures['memory_per_watcher_kib']} KiB each; reserve p99 x {figures['reserve_p99_ratio']}; "
            f"converged {figures['converged']}, gaps {figures['gaps']}"
        )
        return figures

    async def _round(self, watchers: Crowd, count: int, seconds: float, *, seed: int) -> _Round:
        """Has a crowd join, a sale run, and the crowd leave again when all were told of all of it."""
        memory_before = _memory_kib(self._server)
        joined = await watchers.ask("join", count)
        memory = _memory_kib(self._server)
        start = (await watchers.ask("clear"))["position"]
        sale = await sell(self._client, seconds, seed=seed)
        await watchers.ask("reach", sale.last_position)
        busy_memory = _memory_kib(self._server)
        told = await watchers.ask("tell")
        converged = await self._converged(told["watchers"])
        await watchers.ask("leave")
        return _Round(
            sale=sale,
            lags=self._lags(told["arrivals"], start, sale.last_position),
            messages=sum(one["messages"] for one in told["watchers"]),
            memory_kib=max(memory, busy_memory) - memory_before,
            converged=converged,
            gaps=self._gaps(told["watchers"], start, sale.last_position),
            older=sum(one["older"] for one in told["watchers"]),
            join_seconds=joined["seconds"],
            errors=told["errors"],
        )

    async def _converged(self, watchers: Sequence[dict[str, Any]]) -> bool:
        said: dict[str, int] = {}
        for start in range(0, len(SPREAD_SKUS), _KEYS_PER_CALL):
            keys = [availability_key(sku, channel=CHANNEL) for sku in SPREAD_SKUS[start : start + _KEYS_PER_CALL]]
            for one in (await self._client.batch_get_availability(keys)).availabilities:
                said[one.sku] = one.available_to_sell_quantity
        return all(
            watcher["numbers"] == {sku: said[sku] for sku in skus_of(number)} for number, watcher in enumerate(watchers)
        )

    def _operations(self, after: int, until: int) -> tuple[dict[int, float], dict[str, list[int]]]:
        """Returns, of what was committed after a position up to another: times of decision, positions by SKU."""
        import psycopg

        with psycopg.connect(self._authority.postgres_url) as connection:
            rows = connection.execute(
                "SELECT m.position, o.decide_us, m.sku FROM movement AS m JOIN operation AS o USING (segment, position)"
                " WHERE m.position > %s AND m.position <= %s ORDER BY m.position",
                (after, until),
            ).fetchall()
        times = {position: decide_us / 1e6 for position, decide_us, _ in rows}
        by_sku: dict[str, list[int]] = {}
        for position, _, sku in rows:
            by_sku.setdefault(sku, []).append(position)
        return times, by_sku

    def _lags(self, arrivals: dict[str, list[list[float]]], start: int, end: int) -> list[float]:
        """Returns the lag in ms of every operation that a watcher was told of."""
        times, by_sku = self._operations(start, end)
        lags = []
        for number, messages in arrivals.items():
            for sku in skus_of(int(number)):
                positions = by_sku.get(sku, [])
                for arrived, before, after in messages:
                    first = bisect.bisect_right(positions, before)
                    for position in positions[first : bisect.bisect_right(positions, after)]:
                        lags.append((arrived - times[position]) * 1000)
        return lags

    def _gaps(self, watchers: Sequence[dict[str, Any]], start: int, end: int) -> int:
        """Returns by how many operations the causes that were told differ from those that were booked."""
        _, by_sku = self._operations(start, end)
        return sum(
            abs(watcher["operations"] - sum(len(by_sku.get(sku, [])) for sku in skus_of(number)))
            for number, watcher in enumerate(watchers)
        )

    async def cost_per_change(self, count: int, seconds: float) -> float | None:
        """Returns the server's CPU time for a change, in microseconds, with so many watchers."""
        async with contextlib.AsyncExitStack() as stack:
            if count:
                watchers = await stack.enter_async_context(crowd(self._authority.target))
                await watchers.ask("join", count)
            before = cpu_seconds(self._server)
            sale = await sell(self._client, seconds, seed=count + 7)
            after = cpu_seconds(self._server)
        if before is None or after is None:
            return None
        cost = round((after - before) / sale.sold * 1e6, 1)
        self._say(f"a change costs the server {cost} us with {count} watchers")
        return cost

    async def measure_catalogue(self) -> dict[str, Any]:
        """Measures one watcher of a hundred thousand SKUs: its snapshot, and a resumption after some seconds away."""
        self._say(f"putting {CATALOGUE_SKUS:,} items")
        skus = [f"CATALOGUE-{number:06d}" for number in range(CATALOGUE_SKUS - len(SPREAD_SKUS))]
        for start in range(0, len(skus), _KEYS_PER_CALL):
            await self._client.put_items([catalog_pb2.Item(sku=sku) for sku in skus[start : start + _KEYS_PER_CALL]])
        async with grpc.aio.insecure_channel(self._authority.target) as channel:
            stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)  # type: ignore[no-untyped-call]
            cold = await _snapshot(stub)
            warm = await _snapshot(stub)
            sale, _ = await asyncio.gather(sell(self._client, _AWAY_SECONDS), asyncio.sleep(_AWAY_SECONDS))
            resumed = await _resume(stub, warm["token"], sale.last_position)
        figures = {
            "numbers": cold["numbers"],
            "snapshot_seconds": cold["seconds"],
            "numbers_per_second": round(cold["numbers"] / cold["seconds"]),
            "snapshot_again_seconds": warm["seconds"],
            "resume_after_seconds": _AWAY_SECONDS,
            "resume_seconds": resumed["seconds"],
            "resume_numbers": resumed["numbers"],
        }
        self._say(f"one watcher of {figures['numbers']:,} numbers: {figures}")
        return figures


async def _snapshot(stub: Any) -> dict[str, Any]:
    began = time.monotonic()
    call = stub.WatchAvailability(pb.WatchAvailabilityRequest(filter=pb.AvailabilityFilter(channels=[CHANNEL])))
    numbers = 0
    async for response in call:
        numbers += len(response.snapshot.values)
        if response.HasField("synced"):
            break
    call.cancel()
    seconds = round(time.monotonic() - began, 3)
    return {"numbers": numbers, "seconds": seconds, "token": response.synced.resume_token}


async def _resume(stub: Any, token: str, until: int) -> dict[str, Any]:
    began = time.monotonic()
    asked = pb.WatchAvailabilityRequest(filter=pb.AvailabilityFilter(channels=[CHANNEL]), resume_token=token)
    call = stub.WatchAvailability(asked)
    numbers = 0
    async for response in call:
        numbers += len(response.changes.changes)
        place = response.changes if response.HasField("changes") else response.bookmark
        if place.revision.position >= until:
            break
    call.cancel()
    return {"numbers": numbers, "seconds": round(time.monotonic() - began, 3)}


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else 0.0


def _memory_kib(pids: Sequence[int]) -> float:
    """Returns the memory that processes hold, in KiB; 0 where the system does not tell."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
    return float(total)
