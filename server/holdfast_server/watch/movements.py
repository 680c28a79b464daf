"""Movements as they are told: which ones a stream wants, the stretches they are read in, what goes into a message."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# An operation of so many movements has at most 3 MiB: a gRPC client takes 4 MiB unless told otherwise.
MAX_MOVEMENTS_PER_BATCH: Final = 1_000
_MAX_BATCH_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementSelection:
    """The SKUs, locations and channels whose movements a stream tells; of what is empty, all."""

    skus: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    @property
    def is_all(self) -> bool:
        """Every movement passes."""
        return not (self.skus or self.locations or self.channels)

    def passes(self, movement: PackedMovement) -> bool:
        """Says whether a movement is told."""
        return (
            (not self.skus or movement.sku in self.skus)
            and (not self.locations or movement.location in self.locations)
            and (not self.channels or movement.channel in self.channels)
        )

    def digest(self) -> bytes:
        """Returns what tells this selection from any other, however it was written, and from what is no selection."""
        text = ["movements"]
        for part in (self.skus, self.locations, self.channels):
            # No id has a blank, so no id can be taken for a count.
            text += [f"these {len(part)}", *sorted(part)]
        return hashlib.blake2b("\n".join(text).encode(), digest_size=8).digest()


class PackedMovement(NamedTuple):
    """A movement as a part of a message, with what it is selected by."""

    position: int
    sku: str
    location: str
    channel: str
    packed: bytes


Told = tuple[bytes, str]
"""A message, and the token that is true once it was taken; empty within an operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementPage:
    """The movements of all operations after one position, up to another; `head` is how far the ledger goes."""

    lineage: str
    epoch: int
    head: int
    after: int
    reached: int
    movements: Sequence[PackedMovement]
    told: dict[bytes, list[Told]] = field(default_factory=dict)
    """What streams of the same selection that stand at the begin of this page are told, by the selection's digest."""


def batches_of(movements: Sequence[PackedMovement], reached: int) -> Iterator[tuple[list[bytes], int | None]]:
    """Yields what goes into one message each, with the position up to which all is told then.

    An operation is never cut in two unless it has more than MAX_MOVEMENTS_PER_BATCH movements; the position is None
    where it goes on. `reached` is the position of the last batch.
    """
    batch: list[bytes] = []
    size = last = 0
    for position, same in itertools.groupby(movements, key=lambda movement: movement.position):
        operation = [movement.packed for movement in same]
        size_of_operation = sum(map(len, operation))
        if batch and (
            len(batch) + len(operation) > MAX_MOVEMENTS_PER_BATCH or size + size_of_operation > _MAX_BATCH_BYTES
        ):
            yield batch, last
            batch, size = [], 0
        while len(operation) > MAX_MOVEMENTS_PER_BATCH:
            yield operation[:MAX_MOVEMENTS_PER_BATCH], None
            operation = operation[MAX_MOVEMENTS_PER_BATCH:]
        batch += operation
        size += size_of_operation
        last = position
    if batch:
        yield batch, reached
