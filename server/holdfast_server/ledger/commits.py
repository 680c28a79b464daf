"""Knows, in a server process, what the ledger has committed: the gate that every answer waits at.

It listens to the notices of the ledger writer. An answer waits for exactly the journal entry that it rests on, named by
(position, chain hash): after a failover another operation may carry the same position. A notice that was lost is made
good by asking the ledger itself. Promises: NoLoss, Durable reads.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog

from holdfast_server.ledger import queries
from holdfast_server.ledger.connections import connection_arguments
from holdfast_server.ledger.notices import Notice, notice_channel, parse_notice
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.ledger.statements import load_statements
from holdfast_server.records import SegmentState
from holdfast_server.refusals import (
    LedgerUnavailable,
    Refusal,
    SegmentLoading,
    SegmentQuarantined,
    SegmentStopped,
)
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.commits")

_RECONNECT_SECONDS: Final = 0.2
_SWEEP_SECONDS: Final = 0.5
# After this long a waiting answer asks the ledger itself: its notice may have been lost.
_ASK_LEDGER_SECONDS: Final = 1.0

Verdict = Refusal | None
"""None: the entry is committed. A refusal: it is not, or nobody knows."""


@dataclass(slots=True)
class _Waiter:
    epoch: int
    position: int
    chain_hash: str
    since: float
    settle: Callable[[Verdict], None]


class CommitWatch:
    """Follows the ledger of one segment, and tells the answers that wait for it."""

    def __init__(self, *, settings: Settings, reader: LedgerReader) -> None:
        self._settings = settings
        self._segment = settings.segment
        self._reader = reader
        self._known: Notice | None = None
        self._heard_at = float("-inf")
        self._recent: OrderedDict[int, str] = OrderedDict()
        self._waiters: dict[int, list[_Waiter]] = {}
        self._asking = False
        self.listeners: list[Callable[[int], None]] = []
        """Are called with every position that is heard to be committed. They must be quick, and may not fail."""

    @property
    def epoch(self) -> int:
        """The epoch of the last thing heard; 0 if nothing was."""
        return self._known.epoch if self._known else 0

    @property
    def position(self) -> int:
        """The highest position of that epoch that is known to be committed."""
        return self._known.position if self._known else 0

    def why_closed(self) -> Refusal | None:
        """Returns why nothing may be decided or answered now, or None.

        A server that hears nothing says nothing: it may be cut off together with a Redis that was dethroned, and what
        that Redis says may be old.
        """
        if self._known is None:
            return LedgerUnavailable(self._segment)
        state = self._known.state
        if state is SegmentState.OPEN:
            return None if self._is_fresh() else LedgerUnavailable(self._segment)
        refusals = {
            SegmentState.LOADING: SegmentLoading,
            SegmentState.QUARANTINED: SegmentQuarantined,
            SegmentState.STOPPED: SegmentStopped,
        }
        return refusals[state](self._segment)

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._heard_at <= self._settings.freshness_seconds

    def when_committed(self, *, epoch: int, position: int, chain_hash: str, settle: Callable[[Verdict], None]) -> None:
        """Calls `settle` once it is known whether exactly this journal entry is committed; perhaps at once.

        Calls it with a refusal if the entry is not and never will be, or if nobody knows within
        settings.commit_wait_seconds.
        """
        known = self._known
        if known is not None and known.epoch == epoch and position <= known.position and self._is_fresh():
            if self._recent.get(position) == chain_hash:
                settle(None)
                return
            if position == known.position:
                settle(SegmentLoading(self._segment))
                return
        self._waiters.setdefault(position, []).append(_Waiter(epoch, position, chain_hash, time.monotonic(), settle))

    async def run(self) -> None:
        """Listens until cancelled. A lost connection is made anew, and what was missed is read from the ledger."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen_for_ever(), name="commit-listener")
            tasks.create_task(self._sweep_for_ever(), name="commit-sweeper")

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                arguments = connection_arguments(self._settings, name=f"listener-{self._segment}")
                async with await psycopg.AsyncConnection.connect(**arguments, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {notice_channel(self._segment)}")
                    await self._catch_up(connection)
                    async for notification in connection.notifies():
                        self._hear(parse_notice(notification.payload))
            # Also what a standby says while it takes over, and a notice that is none: the cursor tells the truth anew.
            except (psycopg.Error, OSError, ValueError) as error:
                log.warning("listener_lost", segment=self._segment, error=str(error).strip())
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Takes in where the ledger stands. It is no sign of life of the writer, so answers still wait for one."""
        statement = load_statements("segments.sql")["place"]
        row = await (await connection.execute(statement, {"segment": self._segment})).fetchone()
        if row is not None:
            epoch, position, chain_hash, state = row
            self._take_in(Notice(epoch=epoch, position=position, chain_hash=chain_hash, state=SegmentState(state)))
        self._ask_ledger()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for waiter in self._all_waiters():
                if now - waiter.since > self._settings.commit_wait_seconds:
                    self._settle(waiter, LedgerUnavailable(self._segment))
            if any(now - waiter.since > _ASK_LEDGER_SECONDS for waiter in self._all_waiters()):
                self._ask_ledger()

    def _all_waiters(self) -> list[_Waiter]:
        return [waiter for waiters in self._waiters.values() for waiter in waiters]

    def _hear(self, notice: Notice) -> None:
        """Takes in a notice of the writer, which is a sign of its life."""
        if self._is_behind(notice):
            self._take_in(notice)
            return
        self._heard_at = time.monotonic()
        self._take_in(notice)

    def _is_behind(self, notice: Notice) -> bool:
        """Says whether the ledger was further than this notice when this server last heard of it."""
        known = self._known
        return known is not None and (notice.epoch, notice.position) < (known.epoch, known.position)

    def _take_in(self, notice: Notice) -> None:
        known = self._known
        if known is not None and self._is_behind(notice):
            # Postgres lost what this server saw committed: that the segment has stopped is all that can be believed.
            if notice.state is SegmentState.STOPPED:
                self._known = dataclasses.replace(known, state=notice.state)
            return
        if known is not None and notice.epoch > known.epoch:
            self._recent.clear()
        missed = known is None or (
            notice.position > known.position and (not notice.entries or notice.epoch > known.epoch)
        )
        self._known = notice
        for position, chain_hash in (*notice.entries, (notice.position, notice.chain_hash)):
            self._recent[position] = chain_hash
            self._settle_position(position, chain_hash)
        for listener in self.listeners:
            listener(notice.position)
        while len(self._recent) > self._settings.max_remembered_commits:
            self._recent.popitem(last=False)
        if missed or self._has_overtaken_waiters(notice):
            self._ask_ledger()

    def _has_overtaken_waiters(self, notice: Notice) -> bool:
        """Says whether an answer waits for something that the ledger has passed, or for an epoch that is over."""
        return any(waiter.epoch < notice.epoch or waiter.position <= notice.position for waiter in self._all_waiters())

    def _settle_position(self, position: int, chain_hash: str) -> None:
        for waiter in self._waiters.pop(position, ()):
            waiter.settle(None if waiter.chain_hash == chain_hash else SegmentLoading(self._segment))

    def _settle(self, waiter: _Waiter, verdict: Verdict) -> None:
        waiters = self._waiters.get(waiter.position, [])
        if waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[waiter.position]
            waiter.settle(verdict)

    def _ask_ledger(self) -> None:
        if not self._asking and self._waiters:
            self._asking = True
            task = asyncio.get_running_loop().create_task(self._settle_from_ledger(), name="ask-ledger")
            task.add_done_callback(lambda _: setattr(self, "_asking", False))

    async def _settle_from_ledger(self) -> None:
        """Settles the answers whose entries the ledger holds, and those whose entries it can no longer get."""
        waiters = self._all_waiters()
        try:
            # The cursor is read first: an entry that the ledger has passed by then, and that is not found after, can
            # never come in.
            ledger = {s.segment: s for s in await self._reader.ask(queries.read_segments)}[self._segment]
            found = await self._reader.ask(
                queries.committed_entries, self._segment, [(w.position, w.chain_hash) for w in waiters]
            )
        except Refusal as error:
            log.warning("ledger_not_asked", segment=self._segment, error=str(error))
            return
        for waiter in waiters:
            if (waiter.position, waiter.chain_hash) in found:
                self._settle(waiter, None)
            elif ledger.epoch > waiter.epoch or ledger.position >= waiter.position:
                # Before the first operation the cursor stands at a position that has no entry.
                at_cursor = (ledger.position, ledger.chain_hash) == (waiter.position, waiter.chain_hash)
                self._settle(waiter, None if at_cursor else SegmentLoading(self._segment))
