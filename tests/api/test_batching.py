"""The client that lets reservations travel together, on the real server: each is answered as if it went alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from holdfast.inventory.v1 import audit_service_pb2 as audit
from holdfast.inventory.v1.inventory_service_pb2 import BatchCreateReservationsRequest
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import stubs_of
from api.cutting_proxy import cutting_proxy
from api.ids import some
from api.refusals import invalid, refusal_of
from api.shop import Shop, assert_ledger_is_sound, everything, open_shop
from holdfast_client import (
    Batching,
    Deadlines,
    HoldfastClient,
    HoldfastError,
    InsufficientStock,
    InvalidField,
    RetryPolicy,
    SyncHoldfastClient,
    UnknownSku,
    new_request_id,
)
from holdfast_client.calls import Calls, path_of
from support.authority import TestAuthority
from support.servers import Servers

BUYERS = 1_000
UNITS = 100
PATIENT = Deadlines(mutation_seconds=120.0)
ALL_AT_ONCE = Batching(max_requests=1_000, max_under_way=1)
UNDAUNTED = RetryPolicy(max_tries=1_000, initial_backoff_seconds=0.02, max_backoff_seconds=0.2)
FIRST_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECOND_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.fixture
async def client(authority: TestAuthority) -> AsyncIterator[HoldfastClient]:
    async with HoldfastClient(authority.target, caller="tests", deadlines=PATIENT, retry=UNDAUNTED) as client:
        yield client


@pytest.fixture(scope="module")
def small(servers: Servers) -> Iterator[TestAuthority]:
    """An authority that takes less of a batch than a client sends, unless it is told so."""
    limits = {"HOLDFAST_MAX_LINES_PER_BATCH": "1000", "HOLDFAST_MAX_MESSAGE_BYTES": str(64 * 1024)}
    own = TestAuthority(servers, database="small", segment="small", environment=limits)
    own.start_server()
    yield own
    own.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests travelled in each call."""
    counts: list[int] = []
    try_once = Calls.try_once

    async def noting(self: Calls, path: str, body: bytes, **options: Any) -> bytes:
        is_batch = path == path_of(BatchCreateReservationsRequest())
        counts.append(len(BatchCreateReservationsRequest.FromString(body).requests) if is_batch else 1)
        return await try_once(self, path, body, **options)

    monkeypatch.setattr(Calls, "try_once", noting)
    return counts


async def end_of(call: Any) -> Any:
    """The answer, or the error in its place."""
    try:
        return await call
    except HoldfastError as error:
        return error


async def reserves_of(shop: Shop) -> dict[str, str]:
    """The reservation of each request that the ledger has a reservation of."""
    found = [m for m in await shop.movements() if m.kind == MovementKind.MOVEMENT_KIND_RESERVE]
    reserves = {movement.request_id: movement.reservation_id for movement in found}
    assert len(reserves) == len(found), "no request took effect twice"
    return reserves


async def assert_exactly_the_units_are_sold(shop: Shop, won: dict[str, str], refused: list[Any]) -> None:
    assert len(won) == UNITS
    assert {type(error) for error in refused} == {InsufficientStock}
    assert await reserves_of(shop) == won, "each buyer was told of the own reservation"
    level = await shop.level()
    assert (level.held_quantity, level.net_quantity) == (UNITS, 0)


async def test_of_a_thousand_buyers_exactly_as_many_win_as_there_are_units(
    stubs: Any, client: HoldfastClient, sent: list[int]
) -> None:
    shop = await open_shop(stubs, units=UNITS)
    ids = [new_request_id() for _ in range(BUYERS)]
    ends = await asyncio.gather(
        *(
            end_of(client.create_reservation(channel=shop.channel, lines=[(shop.sku, 1)], request_id=request_id))
            for request_id in ids
        )
    )
    won = {
        i: end.reservation.reservation_id for i, end in zip(ids, ends, strict=True) if not isinstance(end, Exception)
    }
    await assert_exactly_the_units_are_sold(shop, won, [end for end in ends if isinstance(end, Exception)])
    assert all(end.request_id == i for i, end in zip(ids, ends, strict=True) if isinstance(end, HoldfastError))
    assert sum(sent) == BUYERS
    assert len(sent) < BUYERS / 50


async def test_of_many_threads_exactly_as_many_win_as_there_are_units(
    stubs: Any, authority: TestAuthority, sent: list[int]
) -> None:
    shop = await open_shop(stubs, units=UNITS)

    def buy(request_id: str) -> Any:
        try:
            answer = client.create_reservation(channel=shop.channel, lines=[(shop.sku, 1)], request_id=request_id)
        except HoldfastError as error:
            return error
        return answer.reservation.reservation_id

    ids = [new_request_id() for _ in range(4 * UNITS)]
    with SyncHoldfastClient(authority.target, caller="tests") as client, ThreadPoolExecutor(max_workers=32) as threads:
        ends = await asyncio.to_thread(lambda: list(threads.map(buy, ids)))
    won = {i: end for i, end in zip(ids, ends, strict=True) if isinstance(end, str)}
    await assert_exactly_the_units_are_sold(shop, won, [end for end in ends if not isinstance(end, str)])
    assert len(sent) < len(ids) / 2


async def test_each_gets_the_reservation_or_the_refusal_of_its_own_request(
    stubs: Any, client: HoldfastClient, authority: TestAuthority, sent: list[int]
) -> None:
    shop = await open_shop(stubs, skus=4, units=50)
    channel = shop.channel
    demands: list[list[tuple[str, int]]] = [[(shop.skus[number % 3], 1 + number % 4)] for number in range(30)]
    demands[7], demands[13], demands[19] = [(shop.skus[3], 51)], [("NO-SUCH-SKU", 1)], [(shop.sku, 0)]
    together = await asyncio.gather(
        *(
            end_of(client.create_reservation(channel=channel, order_id=f"{channel}-{number}", lines=lines))
            for number, lines in enumerate(demands)
        )
    )
    assert sent == [30]
    for number, (lines, end) in enumerate(zip(demands, together, strict=True)):
        if number not in (7, 13, 19):
            assert end.reservation.order_id == f"{channel}-{number}"
            assert [(line.sku, line.quantity) for line in end.reservation.lines] == lines
    async with HoldfastClient(authority.target, caller="tests", batching=None) as plain:
        for number, kind in ((7, InsufficientStock), (13, UnknownSku), (19, InvalidField)):
            alone = await end_of(plain.create_reservation(channel=channel, lines=demands[number]))
            told = together[number]
            assert type(told) is type(alone) is kind
            assert (told.code, told.reason, told.message) == (alone.code, alone.reason, alone.message)
            assert (told.metadata, told.violations) == (alone.metadata, alone.violations)
    assert isinstance(together[7], InsufficientStock)
    assert together[7].short_lines[0].requested == 51


@contextlib.contextmanager
def in_trace(trace_parent: str) -> Iterator[None]:
    trace: Any = pytest.importorskip("opentelemetry.trace")
    _, trace_id, span_id, flags = trace_parent.split("-")
    context = trace.SpanContext(
        trace_id=int(trace_id, 16), span_id=int(span_id, 16), is_remote=False, trace_flags=trace.TraceFlags(int(flags))
    )
    with trace.use_span(trace.NonRecordingSpan(context)):
        yield


async def test_calls_that_travel_together_keep_their_traces(
    stubs: Any, client: HoldfastClient, sent: list[int]
) -> None:
    shop = await open_shop(stubs, units=10)
    orders = {some("order"): FIRST_TRACE, some("order"): SECOND_TRACE, some("order"): ""}
    calls = []
    for order_id, trace_parent in orders.items():
        with in_trace(trace_parent) if trace_parent else contextlib.nullcontext():
            call = client.create_reservation(channel=shop.channel, order_id=order_id, lines=[(shop.sku, 1)])
            calls.append(asyncio.create_task(call))
    await asyncio.gather(*calls)
    assert sent == [3]
    for order_id, trace_parent in orders.items():
        (movement,) = await shop.movements(order_id=order_id)
        assert movement.trace_parent == trace_parent
        (step,) = await everything(stubs.audit.TraceOrder, audit.TraceOrderRequest(order_id=order_id), "steps")
        assert step.trace_parent == trace_parent


async def test_what_a_batch_says_of_a_trace_goes_before_what_its_call_says(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    requests = [shop.one_unit() for _ in range(3)]
    batch = BatchCreateReservationsRequest(requests=requests, trace_parents=[SECOND_TRACE, "", "no trace"])
    await stubs.inventory.BatchCreateReservations(batch, metadata=(("traceparent", FIRST_TRACE),))
    traces = {m.request_id: m.trace_parent for m in await shop.movements()}
    assert [traces[one.request_id] for one in requests] == [SECOND_TRACE, FIRST_TRACE, FIRST_TRACE]


async def test_the_trace_is_no_part_of_a_request_that_is_asked_again(stubs: Any) -> None:
    shop = await open_shop(stubs, units=10)
    requests = [shop.one_unit(), shop.one_unit()]
    first = BatchCreateReservationsRequest(requests=requests, trace_parents=[FIRST_TRACE, FIRST_TRACE])
    again = BatchCreateReservationsRequest(requests=requests, trace_parents=[SECOND_TRACE, ""])
    before = (await stubs.inventory.BatchCreateReservations(first)).results
    after = (await stubs.inventory.BatchCreateReservations(again)).results
    assert all(result.created.replayed for result in after)
    assert [r.created.reservation for r in before] == [r.created.reservation for r in after]


@pytest.mark.parametrize("count", [1, 3])
async def test_a_batch_names_the_trace_of_every_request_or_of_none(shop: Shop, count: int) -> None:
    batch = BatchCreateReservationsRequest(
        requests=[shop.one_unit(), shop.one_unit()], trace_parents=[FIRST_TRACE] * count
    )
    assert await refusal_of(shop.stubs.inventory.BatchCreateReservations(batch)) == invalid("trace_parents")


@pytest.mark.parametrize("lines", [1, 40])
async def test_a_batch_that_the_authority_finds_too_large_goes_in_parts(
    small: TestAuthority, sent: list[int], lines: int
) -> None:
    """By its bytes, or by its lines: each request is answered all the same."""
    async with (
        stubs_of(small.target) as stubs,
        HoldfastClient(small.target, caller="tests", batching=ALL_AT_ONCE) as client,
    ):
        shop = await open_shop(stubs, skus=lines, units=1_000)
        wanted = [(sku, 1) for sku in shop.skus]
        count = 1_000 if lines == 1 else 60
        answers = await asyncio.gather(
            *(client.create_reservation(channel=shop.channel, lines=wanted) for _ in range(count))
        )
        assert len({answer.reservation.reservation_id for answer in answers}) == count
        assert len(await reserves_of(shop)) == count
    assert sum(sent) > count, "a batch was refused as a whole"
    assert min(sent) > 1, "and not taken apart further than need be"


class Sale:
    """Buyers that each want one unit after another, through one client."""

    def __init__(self, shop: Shop, client: HoldfastClient) -> None:
        self.won: dict[str, str] = {}
        self.refused: list[HoldfastError] = []
        self._shop = shop
        self._client = client
        self._some_more = asyncio.Event()

    async def buy(self, times: int) -> None:
        for _ in range(times):
            request_id = new_request_id()
            end = await end_of(
                self._client.create_reservation(
                    channel=self._shop.channel, lines=[(self._shop.sku, 1)], request_id=request_id
                )
            )
            if isinstance(end, HoldfastError):
                self.refused.append(end)
            else:
                self.won[request_id] = end.reservation.reservation_id
            self._some_more.set()

    async def reaches(self, count: int) -> None:
        while len(self.won) + len(self.refused) < count:
            self._some_more.clear()
            await self._some_more.wait()


@pytest.mark.parametrize("kill", ["kill_valkey", "kill_postgres", "kill_writer"])
async def test_what_is_killed_in_between_loses_nothing_and_doubles_nothing(killable: TestAuthority, kill: str) -> None:
    async with (
        stubs_of(killable.target) as stubs,
        HoldfastClient(killable.target, caller="tests", deadlines=PATIENT, retry=UNDAUNTED) as client,
    ):
        shop = await open_shop(stubs, units=UNITS)
        sale = Sale(shop, client)
        buyers = [asyncio.create_task(sale.buy(6)) for _ in range(40)]
        for count in (30, 80):
            await sale.reaches(count)
            await asyncio.to_thread(getattr(killable, kill))
        await asyncio.gather(*buyers)
        await assert_exactly_the_units_are_sold(shop, sale.won, sale.refused)
        await assert_ledger_is_sound(stubs)


async def test_a_server_that_dies_and_a_way_that_is_cut_lose_nothing_and_double_nothing(
    killable: TestAuthority,
) -> None:
    """The answers to whole batches are lost; asked again under the same ids, they come again."""
    async with (
        cutting_proxy(killable.target) as proxy,
        HoldfastClient(proxy.target, caller="tests", deadlines=PATIENT, retry=UNDAUNTED) as client,
    ):
        async with stubs_of(killable.target) as stubs:
            shop = await open_shop(stubs, units=UNITS)
        sale = Sale(shop, client)
        buyers = [asyncio.create_task(sale.buy(6)) for _ in range(40)]
        for count in (20, 50, 70):
            await sale.reaches(count)
            await asyncio.sleep(0.003)
            proxy.cut()
        await sale.reaches(90)
        await asyncio.to_thread(killable.kill_server)
        await asyncio.to_thread(killable.start_server)
        proxy.lead_to(killable.target)
        await asyncio.gather(*buyers)
        async with stubs_of(killable.target) as stubs:
            await assert_exactly_the_units_are_sold(shop.seen_through(stubs), sale.won, sale.refused)
            await assert_ledger_is_sound(stubs)


async def test_a_caller_that_leaves_does_not_take_the_others_with_it(
    stubs: Any, client: HoldfastClient, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await open_shop(stubs, units=UNITS)
    leaves = asyncio.Event()
    try_once = Calls.try_once

    async def telling(self: Calls, *args: Any, **options: Any) -> bytes:
        leaves.set()
        return await try_once(self, *args, **options)

    monkeypatch.setattr(Calls, "try_once", telling)
    calls = [
        asyncio.create_task(client.create_reservation(channel=shop.channel, order_id=f"A-{n}", lines=[(shop.sku, 1)]))
        for n in range(20)
    ]
    await asyncio.sleep(0)
    calls[3].cancel()
    await asyncio.wait_for(leaves.wait(), 60)
    calls[5].cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [number for number, end in enumerate(ends) if isinstance(end, BaseException)] == [3, 5]
    assert sent == [19], "who left before is not sent, who left after may be"
    orders = {(await shop.read(reservation)).order_id for reservation in (await reserves_of(shop)).values()}
    assert orders >= {f"A-{n}" for n in range(20)} - {"A-3", "A-5"}
    assert "A-3" not in orders
