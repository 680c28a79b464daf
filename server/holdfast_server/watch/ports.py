"""What the hub and the feed need of others: who reads the ledger and asks the sequencer, and who writes frames."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Protocol

from holdfast_server.watch.changes import Catalogue, Causes, Key, LedgerChanges, LedgerHead
from holdfast_server.watch.movements import MovementPage, MovementSelection


class Source(Protocol):
    """Reads what is committed. Every method may raise a Refusal, and may be called again after it."""

    async def token_key(self) -> bytes:
        """Returns the key that tokens are signed with."""

    async def head(self) -> LedgerHead:
        """Returns where the ledger stands."""

    async def changes_after(self, position: int, limit: int) -> LedgerChanges:
        """Returns what was committed after a position, of at most `limit` operations."""

    async def catalogue(self, released_us: int) -> Catalogue:
        """Returns what ties numbers together, at least as new as the last changes that were read.

        Its releases are those after a time.
        """

    async def released_since(self, position: int) -> list[str]:
        """Returns SKUs of which another backorder cap began to hold since the operation at a position was decided."""

    async def read(self, keys: Sequence[Key]) -> tuple[int, list[bytes | None]]:
        """Returns the numbers as they are, packed, None for what does not exist, and the position that they reflect.

        All of that is committed, and so is everything that was committed when the call began.
        """

    def skus(self, channel: str, location: str) -> AsyncIterator[list[str]]:
        """Yields the SKUs that have a number for a channel or at a location, in portions."""


class Frames(Protocol):
    """Writes the messages of a watch. A change is the part of a message that tells one number."""

    def change(self, number: bytes, version: int, causes: Causes | None, skipped: int) -> bytes:
        """Returns one number as a part of a snapshot or of changes."""

    def snapshot(self, changes: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the messages of a snapshot, each as soon as it has its parts."""

    def synced(self, token: str, position: int) -> bytes:
        """Returns the message that ends a snapshot."""

    def changes(self, changes: Sequence[bytes], token: str, position: int) -> list[bytes]:
        """Returns the messages of changes that belong together; the last one bears the token."""

    def bookmark(self, token: str, position: int) -> bytes:
        """Returns a bookmark."""

    def reset(self, reason: int) -> bytes:
        """Returns the message that says that the watch begins anew."""


class MovementSource(Protocol):
    """Reads movements that are committed. Every method may raise a Refusal, and may be called again after it."""

    async def token_key(self) -> bytes:
        """Returns the key that tokens are signed with."""

    async def head(self) -> LedgerHead:
        """Returns where the ledger stands."""

    async def movements_after(self, position: int, of: MovementSelection) -> MovementPage:
        """Returns the movements after a position that pass, of whole operations: as many as one page holds."""


class MovementFrames(Protocol):
    """Writes the messages of a stream of movements."""

    def movements(self, batch: Sequence[bytes], token: str, position: int | None) -> bytes:
        """Returns the message of a batch of packed movements; no token and no position if an operation goes on."""

    def bookmark(self, token: str, position: int) -> bytes:
        """Returns a bookmark."""

    def reset(self, reason: int, position: int) -> bytes:
        """Returns the message that says that, for a reason, the stream goes on after another place or otherwise."""
