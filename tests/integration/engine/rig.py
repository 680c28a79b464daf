"""One segment on real Postgres and real Valkey, with its decider, its gate and its ledger writer in this process.

In the process, so that a test can hold a part still at a named point, look at what it left, and let it go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg

from holdfast_server.decide.commands import Command, Decision, Reading
from holdfast_server.decide.connections import decider_connection, writer_connection
from holdfast_server.decide.decider import Answer, Decider
from holdfast_server.decide.journal import RedisJournal
from holdfast_server.decide.keys import SegmentKeys
from holdfast_server.decide.loader import Loader
from holdfast_server.decide.owner import connect_to_owner
from holdfast_server.ledger.batch import Batch
from holdfast_server.ledger.commits import CommitWatch
from holdfast_server.ledger.cursor import LedgerCursor
from holdfast_server.ledger.journal import Journal, Rebuilder
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.ledger.segments import Cursor, SegmentStore
from holdfast_server.ledger.verify import Progress, Verdict, verify_ledger
from holdfast_server.ledger.writer import LedgerWriter
from holdfast_server.records import Reservation, Segment, SegmentState, unpack_reservation
from holdfast_server.refusals import Refusal
from holdfast_server.settings import Settings
from integration.engine import demands

PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.01
_GATE_POLL_SECONDS = 0.02

SKU, LOCATION, POOL, CHANNEL = "sku-1", "store-1", "pool-1", "web"


class HeldWriter(LedgerWriter):
    """The ledger writer, which a test can hold right before it writes a batch."""

    def __init__(self, *, settings: Settings, journal: Journal, rebuilder: Rebuilder, stop: threading.Event) -> None:
        super().__init__(settings=settings, journal=journal, rebuilder=rebuilder, stop=stop)
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.is_held = threading.Event()
        self.rebuilds: list[str] = []

    def _commit(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        while not self.may_commit.is_set():
            self.is_held.set()
            self.may_commit.wait(_GATE_POLL_SECONDS)
            if self._stop.is_set():
                return
        self.is_held.clear()
        super()._commit(connection, batch)

    def _rebuild(self, store: SegmentStore, reason: str) -> None:
        self.rebuilds.append(reason)
        super()._rebuild(store, reason)


class RunningWriter:
    """A ledger writer on a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._stop = threading.Event()
        self._redis = writer_connection(settings)
        self.writer = HeldWriter(
            settings=settings,
            journal=RedisJournal(settings=settings, connection=self._redis),
            rebuilder=Loader(settings=settings, connection=self._redis),
            stop=self._stop,
        )
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.writer.run()
        except BaseException as error:
            self.fault = error

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def hold(self) -> None:
        """From here on no batch is written."""
        self.writer.may_commit.clear()

    def let_go(self) -> None:
        self.writer.may_commit.set()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        self._redis.close()


class Rig:
    """The parts of one segment. What it decides is answered as a server would answer it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis: Any = connect_to_owner(settings.redis_url, settings.segment, protocol=2)
        self.reader = LedgerReader(settings, name="test", threads=4)
        self.commits = CommitWatch(settings=settings, reader=self.reader)
        self._connection = decider_connection(settings)
        self.where_it_stands = LedgerCursor(settings)
        self.decider = Decider(
            settings=settings,
            connection=self._connection,
            commits=self.commits,
            reader=self.reader,
            cursor=self.where_it_stands,
        )
        self.running: RunningWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # Running.

    def start(self) -> None:
        """Starts the decider and the gate."""
        self._tasks = [asyncio.create_task(self.commits.run()), asyncio.create_task(self.decider.run())]

    def start_writer(self) -> RunningWriter:
        self.running = RunningWriter(self.settings)
        return self.running

    async def stop_writer(self) -> None:
        if self.running is not None:
            await asyncio.to_thread(self.running.stop)
            self.running = None

    @property
    def writer(self) -> RunningWriter:
        assert self.running is not None
        return self.running

    async def close(self) -> None:
        await self.stop_writer()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connection.aclose()
        await self.where_it_stands.close()
        await asyncio.to_thread(self.reader.close)
        self.redis.close()

    def tasks_that_died(self) -> list[BaseException]:
        """What ended the gate or the decider, which never end by themselves."""
        return [task.exception() or RuntimeError("ended") for task in self._tasks if task.done()]

    # Deciding.

    async def decide(self, command: Command) -> Decision:
        answer = await self.decider.decide(command)
        assert isinstance(answer, Decision)
        return answer

    async def read(self, command: Command) -> Reading:
        answer = await self.decider.decide(command)
        assert isinstance(answer, Reading)
        return answer

    async def hold_units(self, quantity: int = 1, *, ttl_seconds: float = 900) -> Reservation:
        """Reserves units of the one SKU and returns the reservation."""
        decision = await self.decide(demands.reserve(CHANNEL, [(SKU, quantity)], ttl_seconds=ttl_seconds))
        return unpack_reservation(decision.reservation)

    async def available(self) -> int:
        (answer,) = (await self.read(demands.question(SKU, channel=CHANNEL))).answers
        return int(answer[0])

    async def patiently(self, command: Command) -> Answer:
        """Asks again while the segment cannot answer, as its callers are told to."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await self.decider.decide(command)
                except Refusal as refusal:
                    if not is_unavailable(refusal):
                        raise
                await asyncio.sleep(_POLL_SECONDS)

    async def open_trade(self, units: int = 10) -> None:
        """One SKU at one location, sold by one channel."""
        for command in (
            demands.put_items(SKU),
            demands.put_locations(LOCATION),
            demands.put_pool(POOL, [LOCATION]),
            demands.put_channel(CHANNEL, POOL),
            demands.receive(SKU, LOCATION, units),
        ):
            await self.decide(command)

    # Looking.

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.settings.postgres_url, autocommit=True)

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def cursor(self) -> Cursor:
        with self.connect() as connection:
            return SegmentStore(connection, self.settings.segment).read()

    def segment(self) -> Segment:
        return self.cursor().segment

    @property
    def keys(self) -> SegmentKeys:
        """The keys of the epoch that the ledger is at."""
        return SegmentKeys(segment=self.settings.segment, epoch=self.segment().epoch)

    def head(self) -> dict[str, str]:
        found: dict[bytes, bytes] = self.redis.hgetall(self.keys.head)
        return {name.decode(): value.decode("utf-8", "replace") for name, value in found.items()}

    def everything_in_redis(self) -> dict[str, bytes | None]:
        """Every key of the segment with what it holds, to be compared or put back."""
        pattern = self.keys.pattern_of_all_epochs()
        return {key.decode(): self.redis.dump(key) for key in sorted(self.redis.scan_iter(match=pattern))}

    def put_back(self, copies: dict[str, bytes | None]) -> None:
        """Makes Redis hold what it held before, in one step: as a replica that had fallen behind."""
        step = self.redis.pipeline(transaction=True)
        for key in self.redis.scan_iter(match=self.keys.pattern_of_all_epochs()):
            step.unlink(key)
        for key, copy in copies.items():
            if copy is not None:
                step.restore(key, 0, copy)
        step.execute()

    def verdict(self) -> Verdict:
        found = verify_ledger(self.settings, Progress())
        assert found is not None
        return found

    def assert_ledger_is_sound(self) -> None:
        assert self.verdict() == Verdict()

    # Waiting, always bounded.

    async def wait_until_open(self, *, above_epoch: int = 0) -> None:
        await self.until(
            lambda: self.commits.why_closed() is None and self.commits.epoch > above_epoch, "the segment to open"
        )

    async def wait_for_state(self, state: SegmentState) -> Segment:
        await self.until(lambda: self.segment().state is state, f"the segment to be {state.name}")
        return self.segment()

    async def wait_until_decided(self, position: int) -> None:
        """Waits until the sequencer, though perhaps not the ledger, is at a position."""
        await self.until(lambda: int(self.head()["position"]) >= position, f"the sequencer to reach {position}")

    @staticmethod
    async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another process or thread is waited for
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"waited {seconds} s in vain for {what}") from None


def is_unavailable(answer: object) -> bool:
    """Says whether an answer is one of the refusals after which the same request may be sent again."""
    names = {"SegmentLoading", "SegmentQuarantined", "LedgerUnavailable", "SequencerUnavailable"}
    return type(answer).__name__ in names


async def outcome_of(call: Awaitable[Any]) -> Any:
    """The answer, or the refusal as a value."""
    try:
        return await call
    except Refusal as refusal:
        return refusal


async def not_answered(task: asyncio.Task[Any], after: Callable[[], Awaitable[None]]) -> bool:
    """Says whether a call is still without its answer after something else has certainly happened."""
    await after()
    return not task.done()


@asynccontextmanager
async def open_rig(settings: Settings, *, writer: bool = True) -> AsyncIterator[Rig]:
    """A segment that is open, unless its writer is left out."""
    rig = Rig(settings)
    rig.start()
    try:
        if writer:
            rig.start_writer()
            await rig.wait_until_open()
        yield rig
    finally:
        with suppress(TimeoutError):
            await rig.close()
