"""What the feed of movements reads: the ledger, with every movement packed already (watch.ports.MovementSource)."""

from __future__ import annotations

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.movement_frames import packed_movement
from holdfast_server.ledger import changes, followed
from holdfast_server.records import Movement
from holdfast_server.watch.changes import LedgerHead
from holdfast_server.watch.movements import MovementPage, MovementSelection, PackedMovement


class LedgerMovements:
    """Asks the ledger of this server."""

    def __init__(self, authority: Authority) -> None:
        self._settings = authority.settings
        self._segment = authority.settings.segment
        self._reader = authority.reader

    async def token_key(self) -> bytes:
        """Returns the key that tokens are signed with."""
        return await self._reader.ask(changes.token_key)

    async def head(self) -> LedgerHead:
        """Returns where the ledger stands."""
        return await self._reader.ask(changes.ledger_head, self._segment)

    async def movements_after(self, position: int, of: MovementSelection) -> MovementPage:
        """Returns the movements after a position that pass, of whole operations: as many as one page holds."""
        return await self._reader.ask(
            followed.movements_after,
            self._segment,
            of,
            after=position,
            operations=self._settings.watch_operations_per_page,
            limit=self._settings.watch_movements_per_page,
            pack=self._pack,
        )

    def _pack(self, movement: Movement) -> PackedMovement:
        return PackedMovement(
            position=movement.position,
            sku=movement.balance.sku,
            location=movement.balance.location,
            channel=movement.channel,
            packed=packed_movement(self._segment, movement),
        )
