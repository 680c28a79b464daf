"""The ledger writer: takes the journal of one segment into Postgres, in order, and keeps Redis fit to decide.

One loop, one transaction per round. While a commit runs, the next entries gather, and the following round takes them
all: the batch size sets itself. Its correctness rests on the compare-and-set of the cursor alone; the advisory lock
only spares two writers the work of overtaking each other.

It also owns the rebuild: whenever Redis is empty, has fallen back or disagrees with the ledger, it fences the epoch
and loads a new one. A crash at any instruction leaves the ledger at a whole batch and Redis at something that the
next round recognises.
"""

from __future__ import annotations

import functools
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg
import structlog

from holdfast_server import failpoints
from holdfast_server.ledger.batch import Batch, build_batch
from holdfast_server.ledger.connections import check_durability, connect_writer
from holdfast_server.ledger.errors import Disagreement, Fenced, LedgerLost
from holdfast_server.ledger.journal import Journal, Rebuilder, SequencerLost, SequencerState
from holdfast_server.ledger.pipeline import run_transaction
from holdfast_server.ledger.prepared import prepared_statements
from holdfast_server.ledger.segments import Cursor, SegmentStore
from holdfast_server.ledger.transaction import statements_of
from holdfast_server.records import Segment, SegmentState
from holdfast_server.settings import Settings

log = structlog.get_logger("holdfast.ledger_writer")

# The class of advisory locks of ledger writers; the second number is a hash of the segment's name.
_WRITER_LOCK_CLASS: Final = 47_012
_END_HOLDER: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND classid::bigint = %s AND objid::bigint = hashtext(%s)::bigint & 4294967295
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_RESUME_DISCARD: Final = 2
_MAX_BACKOFF_SECONDS: Final = 2.0
_FIRST_BACKOFF_SECONDS: Final = 0.05
# A plan that was made for a small table is not kept while the table grows.
_COMMITS_PER_PLAN: Final = 256
_ROW_COUNT_ERROR: Final = "HF001"
# What Postgres says of a batch that it can never take, however often it is tried.
_NOT_FOR_THE_LEDGER: Final = (
    psycopg.errors.IntegrityError,
    psycopg.errors.DataError,
    psycopg.errors.ProgrammingError,
)


class LedgerWriter:
    """Writes the ledger of one segment until it is told to stop."""

    def __init__(self, *, settings: Settings, journal: Journal, rebuilder: Rebuilder, stop: threading.Event) -> None:
        self._settings = settings
        self._segment = settings.segment
        self._journal = journal
        self._rebuilder = rebuilder
        self._stop = stop
        self._sql = prepared_statements("writer.sql")
        self._commits = 0

    def run(self) -> None:
        """Runs until stopped. Losing Postgres or Redis ends a round, never the loop; the pause after it grows."""
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        while not self._stop.is_set():
            try:
                with connect_writer(self._settings) as connection:
                    self._check_and_wait_for_lock(connection)
                    backoff_seconds = _FIRST_BACKOFF_SECONDS
                    self._serve(connection)
            except (psycopg.Error, LedgerLost) as error:
                log.warning("ledger_lost", segment=self._segment, error=str(error).strip())
            self._stop.wait(backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, _MAX_BACKOFF_SECONDS)

    def _check_and_wait_for_lock(self, connection: psycopg.Connection[Any]) -> None:
        check_durability(connection)
        holder = _Holder(SegmentStore(connection, self._segment), self._settings)
        is_told = False
        while not self._stop.is_set():
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_WRITER_LOCK_CLASS, self._segment)
            ).fetchone()
            if row is not None and row[0]:
                return
            if not is_told:
                log.info("writer_waits", segment=self._segment, reason="another writer serves this segment")
                is_told = True
            if holder.is_silent():
                log.warning("silent_writer_ended", segment=self._segment)
                connection.execute(_END_HOLDER, (_WRITER_LOCK_CLASS, self._segment))
            self._stop.wait(self._settings.heartbeat_seconds)

    def _serve(self, connection: psycopg.Connection[Any]) -> None:
        """Drains the journal until Postgres is lost or the writer is stopped."""
        store = SegmentStore(connection, self._segment)
        store.ensure()
        beat = _Heartbeat(store, self._settings.heartbeat_seconds)
        while not self._stop.is_set():
            cursor = store.read()
            try:
                if self._prepare(connection, store, cursor):
                    cursor = store.read()
                    self._drain(connection, beat, cursor)
            except SequencerLost as error:
                log.warning("sequencer_lost", segment=self._segment, error=str(error))
                self._beat_quietly(beat, cursor.segment)
                self._stop.wait(_FIRST_BACKOFF_SECONDS)
            except Fenced as error:
                log.warning("fenced", segment=self._segment, error=str(error))
            except Disagreement as error:
                log.error("quarantined", segment=self._segment, epoch=cursor.segment.epoch, error=str(error))
                self._try(functools.partial(store.quarantine, cursor.segment.epoch, str(error)))

    def _prepare(self, connection: psycopg.Connection[Any], store: SegmentStore, cursor: Cursor) -> bool:
        """Brings the segment into the state in which its journal can be drained. Returns whether it is."""
        segment = cursor.segment
        if segment.state is SegmentState.STOPPED:
            self._resume(connection, store, cursor)
            return False
        state = self._journal.state()
        lost = _what_postgres_lost(segment, state)
        if lost:
            store.stop(segment.epoch, segment.position, lost)
            log.error("stopped", segment=self._segment, reason=lost)
            return False
        unfit = _why_unfit(segment, state)
        if unfit:
            self._rebuild(store, unfit)
        elif segment.state is SegmentState.LOADING:
            # It is loaded, and open under this very epoch; only the ledger does not say so. Whoever loaded it was ended
            # there, or Postgres lost that it was opened: then the journal may hold what was acknowledged since.
            self._rebuilder.tidy(segment.epoch)
            store.open(segment.epoch)
        return True

    def _rebuild(self, store: SegmentStore, reason: str) -> None:
        started = time.monotonic()
        epoch = store.fence(reason)
        log.info("rebuild_began", segment=self._segment, epoch=epoch, reason=reason)
        failpoints.reach("after_fence")
        self._rebuilder.load(epoch)
        failpoints.reach("after_load")
        store.open(epoch)
        log.info(
            "rebuild_ended",
            segment=self._segment,
            epoch=epoch,
            seconds=round(time.monotonic() - started, 3),
        )

    def _resume(self, connection: psycopg.Connection[Any], store: SegmentStore, cursor: Cursor) -> None:
        """Does what somebody decided about a stopped segment, if anybody has. A crash on the way is resumed."""
        segment = cursor.segment
        if cursor.resume_mode == 0:
            store.beat(segment.epoch)
            self._stop.wait(self._settings.heartbeat_seconds)
            return
        state = self._journal.state()
        open_epoch = state.open_epoch if state else 0
        if cursor.resume_mode == _RESUME_DISCARD:
            log.warning("journal_discarded", segment=self._segment, position=segment.position)
            store.resume_by_discard(segment.epoch, open_epoch)
            return
        try:
            self._replay(connection, store, cursor, state)
        except Disagreement as error:
            store.stop(segment.epoch, segment.position, f"the journal cannot be replayed: {error}")

    def _replay(
        self,
        connection: psycopg.Connection[Any],
        store: SegmentStore,
        cursor: Cursor,
        state: SequencerState | None,
    ) -> None:
        """Takes the next part of the kept journal into the ledger again, or opens the segment if there is none left."""
        segment = cursor.segment
        if state is None:
            raise Disagreement("the sequencer is empty")
        entries = self._journal.read_after(state.open_epoch, segment.position, wait_seconds=0)
        if entries and not entries[0].follows(segment.chain_hash):
            raise Disagreement("it does not reach back to where the ledger ends")
        if not entries and state.committed > segment.position:
            raise Disagreement(f"it does not hold what was committed up to position {state.committed}")
        if segment.epoch != state.open_epoch:
            store.take_epoch(segment.epoch, state.open_epoch)
        elif entries:
            self._commit(connection, build_batch(cursor, entries))
        else:
            log.warning("journal_replayed", segment=self._segment, position=segment.position)
            store.finish_replay(segment.epoch)

    def _drain(self, connection: psycopg.Connection[Any], beat: _Heartbeat, cursor: Cursor) -> None:
        """Takes entries into the ledger until the segment or the sequencer changes its state."""
        segment = cursor.segment
        if segment.state is not SegmentState.OPEN:
            return
        beat.give(segment.epoch)
        committed = False
        while not self._stop.is_set():
            entries = self._journal.read_after(
                segment.epoch,
                cursor.segment.position,
                wait_seconds=self._settings.heartbeat_seconds / 2,
                committed=committed,
            )
            committed = bool(entries)
            if entries:
                batch = build_batch(cursor, entries)
                self._commit(connection, batch)
                beat.was_given()
                cursor = batch.cursor_after(cursor)
                failpoints.reach("before_mark")
            elif self._look_around(beat, cursor.segment):
                return
        if committed:
            self._journal.mark_committed(segment.epoch, cursor.segment.position)

    def _look_around(self, beat: _Heartbeat, segment: Segment) -> bool:
        """Between entries: gives a sign of life, and returns whether something else changed the segment's state."""
        if beat.is_due() and beat.give(segment.epoch) is not SegmentState.OPEN:
            return True
        state = self._journal.state()
        # An entry that came meanwhile is no reason to look closer: the sequencer is ahead of the ledger then. But if it
        # says that it is, and the journal read after that shows nothing, then the journal lost what was not written.
        if state is not None and state.open_epoch == segment.epoch and state.position > segment.position:
            if self._journal.read_after(segment.epoch, segment.position, wait_seconds=0):
                return False
            raise Disagreement(f"the journal lost what follows position {segment.position}")
        return bool(_why_unfit(segment, state))

    def _commit(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        """Writes a batch in one transaction and one round trip.

        Raises Fenced if the cursor was elsewhere, Disagreement if a level or a reservation was, LedgerLost if Postgres
        broke off: whether the batch is in is then known from the cursor.
        """
        failpoints.reach("before_ledger_transaction")
        try:
            steps = [
                (self._sql[name], self._sql[name].parameters(values, rows))
                for name, values, rows in statements_of(batch)
            ]
        except (ValueError, TypeError, struct.error) as error:
            raise Disagreement(f"the batch up to {batch.position} cannot be written: {error!r}") from error
        self._commits += 1
        if self._commits % _COMMITS_PER_PLAN == 0:
            steps.append((self._sql["forget_plans"], []))
        try:
            run_transaction(connection, steps, before_commit=_before_commit)
        except psycopg.Error as error:
            if error.sqlstate == _ROW_COUNT_ERROR:
                raise self._why_refused(error) from error
            if isinstance(error, _NOT_FOR_THE_LEDGER):
                raise Disagreement(f"{error.diag.constraint_name}: {error.diag.message_primary}") from error
            raise
        failpoints.reach("after_commit")

    @staticmethod
    def _why_refused(error: psycopg.Error) -> Exception:
        what = error.diag.message_detail
        if what == "cursor":
            return Fenced("the cursor was moved by somebody else")
        return Disagreement(f"{error.diag.message_primary}")

    def _beat_quietly(self, beat: _Heartbeat, segment: Segment) -> None:
        if beat.is_due():
            self._try(lambda: beat.give(segment.epoch))

    @staticmethod
    def _try(step: Callable[[], object]) -> None:
        """Runs a step that may come too late: somebody else has moved the segment then, and the next round sees it."""
        try:
            step()
        except Fenced as error:
            log.info("came_too_late", error=str(error))


def _before_commit() -> None:
    failpoints.reach("before_commit")


class _Holder:
    """Who holds the lock, as another writer sees it by the signs that it gives in the ledger.

    A process that stands still has a kernel that answers for it, and a host that is cut off ends no connection: only
    its silence tells. It is measured by the clock of whoever waits.
    """

    def __init__(self, store: SegmentStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._sign: object = None
        self._since = time.monotonic()

    def is_silent(self) -> bool:
        """Says whether it gave no sign for so long that its session should end. Whoever loads gives none meanwhile."""
        try:
            segment = self._store.read().segment
        except Fenced:
            # There is no such segment yet: the holder is about to make it.
            return False
        sign = (segment.state, segment.epoch, segment.position, segment.heartbeat_us)
        now = time.monotonic()
        if sign != self._sign:
            self._sign, self._since = sign, now
        settings, is_loading = self._settings, segment.state is SegmentState.LOADING
        return now - self._since > (settings.load_timeout_seconds if is_loading else settings.writer_silence_seconds)


class _Heartbeat:
    """Gives signs of life at a steady pace; a commit counts as one."""

    def __init__(self, store: SegmentStore, interval_seconds: float) -> None:
        self._store = store
        self._interval_seconds = interval_seconds
        self._last = 0.0

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._interval_seconds

    def was_given(self) -> None:
        self._last = time.monotonic()

    def give(self, epoch: int) -> SegmentState:
        """Gives one, and returns the segment's state. Raises Fenced if the epoch is over."""
        state = self._store.beat(epoch)
        self.was_given()
        return state


def _what_postgres_lost(segment: Segment, state: SequencerState | None) -> str:
    """Says what Redis knows to be committed and the ledger lacks; empty if there is nothing.

    It happens when Postgres fails over to a standby that had not received everything. Nothing may be dropped then
    without somebody's word.
    """
    if state is None:
        return ""
    if state.open_epoch > segment.epoch:
        return f"the sequencer is at epoch {state.open_epoch}, the ledger only at {segment.epoch}"
    if state.open_epoch == segment.epoch and state.committed > segment.position:
        return (
            f"position {state.committed} was committed, but the ledger ends at {segment.position}: "
            "acknowledged operations are missing from Postgres"
        )
    return ""


def _why_unfit(segment: Segment, state: SequencerState | None) -> str:
    """Says why the sequencer must be rebuilt before the journal can be drained; empty if it need not."""
    if segment.state not in (SegmentState.OPEN, SegmentState.LOADING):
        return segment.state_reason or "not open"
    if state is None:
        return "the sequencer is empty"
    if state.open_epoch < segment.epoch:
        return f"the sequencer is at epoch {state.open_epoch}, the ledger at {segment.epoch}"
    if state.position < 0:
        return "the sequencer's head is missing or of another format"
    if state.position < segment.position:
        return f"the sequencer fell back to position {state.position}, the ledger is at {segment.position}"
    if state.position == segment.position and state.chain_hash != segment.chain_hash:
        return "the sequencer's chain is not that of the ledger"
    return ""
