"""The state of a segment: where its history stands, and whether it decides. Moved only here and by the batch writer.

    OPEN --(journal and ledger disagree)--> QUARANTINED --> LOADING --(rebuilt)--> OPEN
    any  --(Redis holds committed operations that Postgres lacks)--> STOPPED --(ResumeSegment)--> OPEN or LOADING

Every change tells the server processes in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg
import sqlalchemy

from holdfast_server.ledger import audit
from holdfast_server.ledger.errors import Fenced
from holdfast_server.ledger.notices import Notice, notice_channel
from holdfast_server.ledger.statements import load_statements
from holdfast_server.records import Segment, SegmentState

GENESIS_CHAIN_HASH: Final = "0" * 40
"""The chain hash before the first journal entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A segment with what only its writer needs of it."""

    segment: Segment
    audit_hash: bytes
    resume_mode: int


class SegmentStore:
    """Reads and moves the state of one segment over one connection in autocommit mode.

    Every method is one transaction. Methods that move the state raise Fenced if the segment was not in the state, or
    not of the epoch, that the move needs: somebody else was faster.
    """

    def __init__(self, connection: psycopg.Connection[Any], segment: str) -> None:
        self._connection = connection
        self._segment = segment
        self._sql = load_statements("segments.sql")

    def ensure(self) -> None:
        """Creates the segment if it does not exist. A new one waits to be loaded."""
        self._connection.execute(
            self._sql["ensure"],
            {"segment": self._segment, "chain_hash": GENESIS_CHAIN_HASH, "audit_hash": audit.GENESIS},
        )

    def read(self) -> Cursor:
        """Returns where the segment stands."""
        row = self._connection.execute(self._sql["read"], {"segment": self._segment}).fetchone()
        if row is None:
            raise Fenced(f"segment {self._segment} does not exist")
        name, state, reason, lineage, epoch, position, chain_hash, clock_us, heartbeat_us, audit_hash, mode = row
        return Cursor(
            segment=Segment(
                segment=name,
                state=SegmentState(state),
                state_reason=reason,
                lineage=lineage,
                epoch=epoch,
                position=position,
                chain_hash=chain_hash,
                clock_us=clock_us,
                heartbeat_us=heartbeat_us,
            ),
            audit_hash=audit_hash,
            resume_mode=mode,
        )

    def beat(self, epoch: int) -> SegmentState:
        """Gives a sign of life to the servers, provided that the epoch is still the ledger's; returns the state."""
        return self._move("beat", epoch=epoch).state

    def fence(self, reason: str) -> int:
        """Begins a new epoch and returns it. No writer of an older one can commit from here on."""
        return self._move("fence", reason=reason).epoch

    def open(self, epoch: int) -> None:
        """Says that the sequencer is loaded and open under the epoch."""
        self._move("open", epoch=epoch)

    def quarantine(self, epoch: int, reason: str) -> None:
        """Closes an open segment until it is rebuilt."""
        self._move("quarantine", epoch=epoch, reason=reason)

    def stop(self, epoch: int, position: int, reason: str) -> None:
        """Closes a segment until somebody decides what becomes of it, provided that it is still where it was seen.

        What the sequencer knows to be committed may be beyond a cursor that was read before; a writer that was
        overtaken in between must not take that for a loss.
        """
        self._move("stop", epoch=epoch, position=position, reason=reason)

    def request_resume(self, mode: int, reason: str) -> None:
        """Notes how a stopped segment shall go on. The ledger writer does it."""
        self._move("request_resume", epoch=0, resume_mode=mode, reason=reason)

    def take_epoch(self, epoch: int, open_epoch: int) -> None:
        """Takes over the epoch of a journal that continues the ledger, so that its entries can be written."""
        self._move("take_epoch", epoch=epoch, open_epoch=open_epoch)

    def finish_replay(self, epoch: int) -> None:
        """Opens a stopped segment whose journal is in the ledger again."""
        self._move("finish_replay", epoch=epoch)

    def resume_by_discard(self, epoch: int, open_epoch: int) -> None:
        """Gives up what the journal holds beyond the ledger, and lets the segment be rebuilt."""
        self._move("resume_by_discard", epoch=epoch, open_epoch=open_epoch)

    def _move(self, statement: str, *, epoch: int = 0, **parameters: object) -> Notice:
        with self._connection.transaction():
            row = self._connection.execute(
                self._sql[statement], {"segment": self._segment, "epoch": epoch, **parameters}
            ).fetchone()
            if row is None:
                raise Fenced(f"segment {self._segment} cannot {statement.replace('_', ' ')} in epoch {epoch}")
            epoch, position, chain_hash, state = row
            notice = Notice(epoch=epoch, position=position, chain_hash=chain_hash, state=SegmentState(state))
            self._connection.execute("SELECT pg_notify(%s, %s)", (notice_channel(self._segment), notice.payload()))
        return notice


def _store(connection: sqlalchemy.Connection, segment: str) -> SegmentStore:
    """Returns the store over the psycopg connection that lies under one of SQLAlchemy's."""
    driver_connection: Any = connection.connection.driver_connection
    return SegmentStore(driver_connection, segment)


def quarantine(connection: sqlalchemy.Connection, segment: str, epoch: int, reason: str) -> None:
    """Closes an open segment until it is rebuilt. Raises Fenced if it is not open in this epoch."""
    _store(connection, segment).quarantine(epoch, reason)


def request_resume(connection: sqlalchemy.Connection, segment: str, mode: int, reason: str) -> None:
    """Notes how a stopped segment shall go on. Raises Fenced if it is not stopped."""
    _store(connection, segment).request_resume(mode, reason)
