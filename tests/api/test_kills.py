"""Acceptance tests 5 to 7: what is killed loses nothing that was acknowledged, and sells nothing twice."""

import asyncio
from collections import Counter
from typing import Any

import pytest
import redis.asyncio as redis_client
from holdfast.inventory.v1.audit_service_pb2 import ListSegmentsRequest, SegmentState
from holdfast.inventory.v1.stock_pb2 import MovementKind

from api.calls import answer_or_refusal, patiently, stubs_of, together, until
from api.refusals import Refusal
from api.shop import Shop, Stubs, assert_ledger_is_sound, open_shop

UNITS = 150
BUYERS = 240
CLIENTS = 24


class Buyers:
    """Clients that each want one unit after another, and ask again with the same id until they know."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.won: dict[str, str] = {}
        self.refused: list[str] = []
        self.answered = asyncio.Event()

    async def buy(self, stubs: Stubs, count: int) -> None:
        for _ in range(count):
            request = self.shop.one_unit()
            outcome = await answer_or_refusal(patiently(stubs.inventory.CreateReservation, request))
            if isinstance(outcome, Refusal):
                self.refused.append(outcome.reason)
            else:
                self.won[request.request_id] = outcome.reservation.reservation_id
            self.answered.set()

    async def wait_for_answers(self, count: int) -> None:
        while len(self.won) + len(self.refused) < count:
            self.answered.clear()
            await self.answered.wait()


async def assert_nothing_lost_and_nothing_sold_twice(stubs: Stubs, shop: Shop, buyers: Buyers) -> None:
    """All units are gone, each to exactly one request, and the ledger has exactly the acknowledged ones."""
    assert set(buyers.refused) == {"INSUFFICIENT_STOCK"}
    assert len(buyers.won) == UNITS
    assert len(buyers.won) + len(buyers.refused) == BUYERS
    reserves = [m for m in await shop.movements() if m.kind == MovementKind.MOVEMENT_KIND_RESERVE]
    assert {m.request_id: m.reservation_id for m in reserves} == buyers.won
    assert len(reserves) == UNITS
    level = await shop.level()
    assert (level.held_quantity, level.net_quantity) == (UNITS, 0)
    assert await shop.available() == 0
    await assert_ledger_is_sound(stubs)


@pytest.mark.parametrize(
    "kills",
    [
        ("kill_valkey", "kill_valkey", "kill_valkey"),
        ("kill_writer", "kill_writer", "kill_writer"),
        ("kill_postgres",),
        ("kill_postgres", "kill_valkey"),
        ("kill_writer", "kill_valkey"),
    ],
    ids="+".join,
)
async def test_6_killing_stores_and_writer_under_load_loses_nothing(killable: Any, kills: tuple[str, ...]) -> None:
    """Complaint: the counter and the book disagree after a crash; units leak, or are sold twice.

    Decisions are killed wherever they happen to be: before and after the decrement, before and after the
    ledger has them.
    """
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=UNITS)
        buyers = Buyers(shop)
        tasks = [asyncio.create_task(buyers.buy(stubs, BUYERS // CLIENTS)) for _ in range(CLIENTS)]
        for number, kill in enumerate(kills, start=1):
            await buyers.wait_for_answers(number * 40)
            await asyncio.to_thread(getattr(killable, kill))
        await asyncio.gather(*tasks)
        await assert_nothing_lost_and_nothing_sold_twice(stubs, shop, buyers)


async def last_decisions(sequencer: redis_client.Redis) -> dict[bytes, Any]:
    """The newest entry of every journal that the sequencer holds."""
    journals = [key async for key in sequencer.scan_iter(_type="STREAM")]
    return {journal: await sequencer.xrevrange(journal, count=1) for journal in journals}


async def test_6_decided_but_not_written_when_the_sequencer_dies(killable: Any) -> None:
    """Complaint: as above, at the one point that matters: after the decrement, before the ledger write.

    Postgres is killed first, so what is decided now cannot be written; then the sequencer is killed with
    those decisions in it. They were never acknowledged, so they may vanish; asked again, all must win.
    """
    async with stubs_of(killable.target) as stubs:
        shop = await open_shop(stubs, units=UNITS)
        buyers = Buyers(shop)
        async with redis_client.from_url(killable.redis_url) as sequencer:
            written = await last_decisions(sequencer)
            await asyncio.to_thread(killable.kill_postgres)
            tasks = [asyncio.create_task(buyers.buy(stubs, BUYERS // CLIENTS)) for _ in range(CLIENTS)]

            async def decided() -> bool:
                return await last_decisions(sequencer) != written

            await until(decided, "a decision while there is no ledger to write it to")
        assert not buyers.won, "nothing is acknowledged that is not written"
        await asyncio.to_thread(killable.kill_valkey)
        await asyncio.gather(*tasks)
        await assert_nothing_lost_and_nothing_sold_twice(stubs, shop, buyers)


async def test_5_a_server_killed_in_the_middle_answers_the_same_when_it_is_back(killable: Any) -> None:
    """Complaint: a retry after a crash books again, because the memory of it died with the process."""
    first_target = killable.target
    async with stubs_of(first_target) as stubs:
        shop = await open_shop(stubs, units=UNITS)
        requests = [shop.one_unit() for _ in range(CLIENTS)]
        tasks = [asyncio.create_task(stubs_create(stubs, request)) for request in requests]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(killable.kill_server)
        early = await asyncio.gather(*tasks)
    await asyncio.to_thread(killable.start_server)
    async with stubs_of(killable.target) as stubs:
        late = await together(patiently(stubs.inventory.CreateReservation, request) for request in requests)
        for before, after in zip(early, late, strict=True):
            if before is not None:
                assert after.replayed
                assert after.reservation == before.reservation
        assert await shop.seen_through(stubs).available() == UNITS - CLIENTS
        await assert_ledger_is_sound(stubs)


async def stubs_create(stubs: Stubs, request: Any) -> Any | None:
    """The answer, or None if the server went away before it gave one."""
    try:
        return await stubs.inventory.CreateReservation(request)
    except Exception:
        return None


async def test_7_an_older_copy_of_the_sequencer_is_not_trusted(killable: Any) -> None:
    """Complaint: after a failover to a replica that lagged behind, sold units are for sale again.

    Every key of the sequencer is put back to what it was before the last sales, in one step, as a replica
    that had missed them would have it.
    """
    async with (
        stubs_of(killable.target) as stubs,
        redis_client.from_url(killable.redis_url) as sequencer,
    ):
        shop = await open_shop(stubs, units=10)
        await shop.reserve((shop.sku, 2))
        keys = [key async for key in sequencer.scan_iter()]
        copies = {key: await sequencer.dump(key) for key in keys}
        (before,) = (await stubs.audit.ListSegments(ListSegmentsRequest())).segments
        sold = [await shop.reserve((shop.sku, 1)) for _ in range(5)]

        async with sequencer.pipeline(transaction=True) as step:
            step.flushall()
            for key, copy in copies.items():
                if copy is not None:
                    step.restore(key, 0, copy)
            await step.execute()

        answers = await together(
            answer_or_refusal(patiently(stubs.inventory.CreateReservation, shop.one_unit())) for _ in range(10)
        )
        outcomes = Counter(isinstance(answer, Refusal) for answer in answers)
        assert outcomes == {False: 3, True: 7}, "seven of ten units were sold before"

        async def rebuilt() -> bool:
            (segment,) = (await stubs.audit.ListSegments(ListSegmentsRequest())).segments
            return segment.state == SegmentState.SEGMENT_STATE_OPEN and segment.epoch > before.epoch

        await until(rebuilt, "the sequencer to be rebuilt under a new epoch")
        ids = {m.reservation_id for m in await shop.movements()}
        assert ids >= {reservation.reservation_id for reservation in sold}
        assert await shop.available() == 0
        await assert_ledger_is_sound(stubs)
