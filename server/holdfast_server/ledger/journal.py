"""What the ledger asks of the journal and of the sequencer behind it. The Redis side implements it in decide/."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One entry of the journal: the operations of one tick, packed, with the chain hash that they lead to."""

    last_position: int
    chain_hash: str
    packed: bytes

    def follows(self, chain_hash: str) -> bool:
        """Says whether this entry is the next one after the entry with that chain hash, and unaltered."""
        return hashlib.sha1(chain_hash.encode() + self.packed, usedforsecurity=False).hexdigest() == self.chain_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerState:
    """What Redis says of itself. A position of -1: its head is missing or of another format."""

    open_epoch: int
    position: int
    chain_hash: str
    committed: int


class SequencerLost(Exception):
    """Redis cannot be reached or did not answer in time."""


class Journal(Protocol):
    """The journal of one segment. Every method may raise SequencerLost and may be called again after it."""

    def state(self) -> SequencerState | None:
        """Returns what is open, or None if nothing is."""

    def read_after(
        self, epoch: int, position: int, *, wait_seconds: float, committed: bool = False
    ) -> Sequence[JournalEntry]:
        """Returns entries of the epoch after the position, in order, waiting for the first one if there is none yet.

        At most settings.max_operations_per_commit operations, but at least one entry if there is any. With `committed`
        it first tells the sequencer, in the same round trip, that everything up to the position is durable.
        """

    def mark_committed(self, epoch: int, position: int) -> None:
        """Tells the sequencer what is durable. Losing this call is harmless: the next one makes it good."""


class Rebuilder(Protocol):
    """Loads the sequencer from the ledger."""

    def load(self, epoch: int) -> None:
        """Loads everything under the epoch, which must be fenced, and opens it. Raises SequencerLost or LedgerLost."""

    def tidy(self, epoch: int) -> None:
        """Removes what lower epochs left behind one that is open. Raises SequencerLost."""
