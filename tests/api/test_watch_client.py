"""The client's watch on the real server: whatever is cut, it comes to what is true; and the command shows the same."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from holdfast.inventory.v1.revision_pb2 import Revision
from holdfast.inventory.v1.stock_pb2 import Movement

from api.calls import stubs_of
from api.cutting_proxy import CuttingProxy, cutting_proxy
from api.following import booked
from api.rules import backorder
from api.shop import Shop, open_shop
from holdfast_client import (
    AvailabilityGone,
    AvailabilityUpdate,
    FileTokenStore,
    HoldfastClient,
    InStep,
    LatestAvailability,
    MovementEvent,
    MovementReset,
    OutOfStep,
    TokenStore,
    WatchEnded,
    WatchEvent,
    WatchPolicy,
    WatchReset,
    availability_key,
)
from holdfast_client.calls import Calls
from support.authority import TestAuthority
from support.servers import Servers

QUICKLY = WatchPolicy(initial_backoff_seconds=0.01, max_backoff_seconds=0.1)
OPERATIONS = 60
OPERATIONS_PER_CUT = 3
PROGRAM = "from holdfast_client.command import main; main()"


@pytest.fixture(scope="module")
def short_lived(servers: Servers) -> Iterator[TestAuthority]:
    """An authority that ends every watch after about a second."""
    own = TestAuthority(
        servers, database="short_lived", segment="short", environment={"HOLDFAST_WATCH_MAX_AGE_SECONDS": "1"}
    )
    own.start_server()
    yield own
    own.close()


def watch(client: HoldfastClient, shop: Shop, store: TokenStore | None = None) -> AsyncGenerator[WatchEvent, None]:
    return client.watch_availability(
        channels=[shop.channel], locations=shop.locations, skus=shop.skus, store=store, policy=QUICKLY
    )


class Trade:
    """Sells and gives back, some operations at a time, and cuts the way somewhere between them."""

    def __init__(self, shop: Shop, proxy: CuttingProxy, seed: int) -> None:
        self._shop = shop
        self._proxy = proxy
        self._chance = random.Random(seed)
        self._held: list[str] = []
        self.operations = 0
        self._position = 0

    async def go_on(self) -> None:
        """Do some operations, unless enough are done."""
        if self.operations >= OPERATIONS:
            return
        cut_before = self._chance.randrange(OPERATIONS_PER_CUT)
        for number in range(OPERATIONS_PER_CUT):
            if number == cut_before:
                self._proxy.cut()
            if self._held and self._chance.random() < 0.3:
                done = await self._shop.release(self._held.pop())
            else:
                done = await self._shop.reserve((self._chance.choice(self._shop.skus), 1))
                self._held.append(done.reservation_id)
            self._position = done.revision.position
            self.operations += 1

    def is_told(self, revision: Revision | None) -> bool:
        """Whether enough was done, and all of it has been told, if whatever was committed up to the revision was."""
        if self.operations < OPERATIONS or revision is None:
            return False
        return revision.position >= self._position


async def assert_true_now(latest: LatestAvailability, authority: TestAuthority, shop: Shop) -> None:
    """What was told last is what the authority answers when it is asked."""
    keys = [availability_key(sku, channel=shop.channel) for sku in shop.skus]
    keys += [availability_key(sku, location=location) for sku in shop.skus for location in shop.locations]
    async with HoldfastClient(authority.target, caller="tests") as client:
        answer = await client.batch_get_availability(keys)
    assert len(latest) == len(keys)
    for said in answer.availabilities:
        told = latest.get(said.sku, channel=said.channel, location=said.location)
        assert told is not None
        assert (told.available, told.backorder) == (said.available_to_sell_quantity, said.backorder_quantity)
        assert told.level == (said.stock_level if said.HasField("stock_level") else None)


async def test_a_watch_that_is_cut_off_again_and_again_comes_to_what_is_true(short_lived: TestAuthority) -> None:
    latest = LatestAvailability()
    versions: dict[tuple[str, str, str], int] = {}
    counted = 0
    async with (
        stubs_of(short_lived.target) as stubs,
        cutting_proxy(short_lived.target) as proxy,
        HoldfastClient(proxy.target, caller="tests") as client,
    ):
        shop = await open_shop(stubs, skus=3, locations=2, units=40)
        trade = Trade(shop, proxy, seed=7)
        async with asyncio.timeout(60), aclosing(watch(client, shop)) as events:
            async for event in events:
                assert latest.take(event), "nothing is told twice, and nothing that is older"
                assert not isinstance(event, AvailabilityGone | WatchReset)
                if isinstance(event, AvailabilityUpdate):
                    assert event.version >= versions.get(event.key, 0)
                    versions[event.key] = event.version
                    if event.channel:
                        counted += sum(cause.count for cause in event.causes)
                elif isinstance(event, InStep):
                    if trade.is_told(latest.revision):
                        break
                    await trade.go_on()
        assert counted == trade.operations, "every operation is counted once, be the way cut or not"
        assert proxy.connections > OPERATIONS // OPERATIONS_PER_CUT // 2
    await assert_true_now(latest, short_lived, shop)


async def test_a_watch_outlives_its_streams(short_lived: TestAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    pause = Calls.pause

    async def noted(self: Calls, *, bound_seconds: float, asked_seconds: float | None) -> None:
        asked.append(asked_seconds)
        await pause(self, bound_seconds=bound_seconds, asked_seconds=asked_seconds)

    monkeypatch.setattr(Calls, "pause", noted)
    latest = LatestAvailability()
    async with stubs_of(short_lived.target) as stubs, HoldfastClient(short_lived.target, caller="tests") as client:
        shop = await open_shop(stubs, skus=2, units=9)
        async with asyncio.timeout(60), aclosing(watch(client, shop)) as events:
            async for event in events:
                latest.take(event)
                assert not isinstance(event, OutOfStep | WatchReset)
                if len(asked) == 3:
                    break
    assert asked == [0.1, 0.1, 0.1], "each stream ended because it was old, and the server says when to come back"
    await assert_true_now(latest, short_lived, shop)


async def test_a_watch_that_is_not_to_try_again_says_how_its_stream_ended(short_lived: TestAuthority) -> None:
    async with stubs_of(short_lived.target) as stubs, HoldfastClient(short_lived.target, caller="tests") as client:
        shop = await open_shop(stubs, units=1)
        events = client.watch_availability(channels=[shop.channel], policy=WatchPolicy(max_tries=1))
        with pytest.raises(WatchEnded) as ended:
            async with asyncio.timeout(60):
                await take_all(events)
    assert (ended.value.reason, ended.value.cause) == ("WATCH_ENDED", "MAX_AGE")
    assert ended.value.metadata["resume_token"]


async def take_all(events: AsyncGenerator[WatchEvent, None]) -> None:
    async for _ in events:
        pass


async def test_a_program_that_is_stopped_and_started_again_comes_to_what_is_true(
    short_lived: TestAuthority, tmp_path: Path
) -> None:
    latest = LatestAvailability()
    runs = 0
    async with stubs_of(short_lived.target) as stubs, cutting_proxy(short_lived.target) as proxy:
        shop = await open_shop(stubs, skus=3, locations=2, units=40)
        trade = Trade(shop, proxy, seed=8)
        async with asyncio.timeout(60):
            while not trade.is_told(latest.revision):
                runs += 1
                async with HoldfastClient(proxy.target, caller="tests") as client:
                    events = watch(client, shop, FileTokenStore(tmp_path / "token"))
                    await run(trade, latest, events, leave_after=runs % 3 + 1)
    assert runs > 5
    await assert_true_now(latest, short_lived, shop)


async def run(
    trade: Trade, latest: LatestAvailability, events: AsyncGenerator[WatchEvent, None], *, leave_after: int
) -> None:
    """Takes events until it was in step so often, and leaves before the last token is saved."""
    async with aclosing(events):
        async for event in events:
            latest.take(event)
            if isinstance(event, InStep):
                leave_after -= 1
                if not leave_after or trade.is_told(latest.revision):
                    return
                await trade.go_on()


async def test_every_movement_is_told_in_order_however_often_the_way_is_cut_and_the_program_stopped(
    short_lived: TestAuthority, tmp_path: Path
) -> None:
    told: list[Movement] = []
    runs = 0
    async with stubs_of(short_lived.target) as stubs, cutting_proxy(short_lived.target) as proxy:
        shop = await open_shop(stubs, skus=3, locations=2, units=40)
        start = await shop.revision()
        trade = Trade(shop, proxy, seed=9)
        reached: Revision | None = None
        async with asyncio.timeout(60):
            while not trade.is_told(reached):
                runs += 1
                async with HoldfastClient(proxy.target, caller="tests") as client:
                    events = client.watch_movements(
                        skus=shop.skus,
                        after_revision=start,
                        store=FileTokenStore(tmp_path / "token"),
                        policy=QUICKLY,
                    )
                    reached = await follow(trade, told, events, leave_after=runs % 3 + 1)
        expected = await booked(shop, after=start.position)
    places = [(movement.revision.position, movement.line_number) for movement in told]
    assert len(expected) >= OPERATIONS
    assert len(places) > len(expected), "what came after the last token that was kept came again"
    assert list(dict(zip(places, told, strict=True)).values()) == expected
    assert runs > 5
    assert proxy.connections > OPERATIONS // OPERATIONS_PER_CUT // 2


async def follow(
    trade: Trade, told: list[Movement], events: AsyncGenerator[MovementEvent, None], *, leave_after: int
) -> Revision | None:
    """Takes events until it was in step so often, leaves before the last token is saved, and says how far it came."""
    reached: Revision | None = None
    async with aclosing(events):
        async for event in events:
            assert not isinstance(event, MovementReset)
            if isinstance(event, Movement):
                told.append(event)
            elif isinstance(event, InStep):
                reached = event.revision
                leave_after -= 1
                if not leave_after or trade.is_told(reached):
                    break
                await trade.go_on()
    return reached


def holdfast(target: str, *arguments: str) -> list[str]:
    """What the command prints, line by line."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, "--target", target],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    return ran.stdout.splitlines()


@pytest.mark.parametrize("scope", ["channel", "location"])
async def test_the_command_shows_what_availability_shows(authority: TestAuthority, stubs: Any, scope: str) -> None:
    shop = await open_shop(stubs, skus=3, locations=2, units=5)
    await shop.reserve((shop.sku, 2))
    await shop.put_rules(backorder(shop.sku, shop.location, 6))
    there = [f"--{scope}", shop.channel if scope == "channel" else shop.location]
    watched = await asyncio.to_thread(holdfast, authority.target, "watch", *there, "--until-synced", *shop.skus)
    asked = await asyncio.to_thread(holdfast, authority.target, "availability", *there, *shop.skus)
    assert len(asked) == 3 + 4 + 1
    assert watched[:-1] == asked[:-1], "the last line has the revision, which others move"
