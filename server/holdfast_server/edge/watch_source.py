"""What the hub reads: the changes of the ledger, and numbers as the sequencer computes them (watch.ports.Source)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from holdfast.inventory.v1 import inventory_service_pb2 as pb

from holdfast_server.edge import conversion
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.requests.mutation import MICROSECONDS
from holdfast_server.edge.requests.reservations import watched_availability
from holdfast_server.ledger import changes
from holdfast_server.watch.changes import Catalogue, Key, LedgerChanges, LedgerHead

_SKUS_PER_READ: Final = 5_000


class AuthoritySource:
    """Asks the authority of this server."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._segment = authority.settings.segment

    async def token_key(self) -> bytes:
        """Returns the key that tokens are signed with."""
        return await self._authority.reader.ask(changes.token_key)

    async def head(self) -> LedgerHead:
        """Returns where the ledger stands."""
        return await self._authority.reader.ask(changes.ledger_head, self._segment)

    async def changes_after(self, position: int, limit: int) -> LedgerChanges:
        """Returns what was committed after a position, of at most `limit` operations."""
        return await self._authority.reader.ask(changes.changes_after, self._segment, position, limit)

    async def catalogue(self, released_us: int) -> Catalogue:
        """Returns what ties numbers together, at least as new as the last changes that were read."""
        return await self._authority.reader.ask(changes.watched_catalogue, self._segment, released_us)

    async def released_since(self, position: int) -> list[str]:
        """Returns SKUs of which another backorder cap began to hold since the operation at a position was decided."""
        now_us = int(time.time() * MICROSECONDS)
        return await self._authority.reader.ask(changes.released_since, self._segment, position, now_us)

    async def read(self, keys: Sequence[Key]) -> tuple[int, list[bytes | None]]:
        """Returns the numbers as they are, packed, None for what does not exist, and the position that they reflect."""
        reading = await self._authority.read(watched_availability(keys))
        return reading.position, [
            conversion.availability(_question(key), answer).SerializeToString() if answer else None
            for key, answer in zip(keys, reading.answers, strict=True)
        ]

    async def skus(self, channel: str, location: str) -> AsyncIterator[list[str]]:
        """Yields the SKUs that have a number for a channel or at a location, in portions."""
        after = ""
        while True:
            if channel:
                found = await self._authority.reader.ask(
                    changes.all_skus, self._segment, after=after, limit=_SKUS_PER_READ
                )
            else:
                found = await self._authority.reader.ask(
                    changes.stocked_skus, self._segment, location, after=after, limit=_SKUS_PER_READ
                )
            if found:
                yield found
            if len(found) < _SKUS_PER_READ:
                return
            after = found[-1]


def _question(key: Key) -> pb.AvailabilityKey:
    if key.channel:
        return pb.AvailabilityKey(sku=key.sku, channel=key.channel)
    return pb.AvailabilityKey(sku=key.sku, location=key.location)
