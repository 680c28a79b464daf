"""How far the grown authority has grown, and how long it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from holdfast_loadtest.pace import Pace

LOCATIONS: Final = 10
"""The locations at which each SKU of the catalogue has a stock level. The first is the one that is sold from."""

SOLD_SKUS: Final = 1_000
"""The SKUs that are asked for, spread evenly over the whole catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The history that a grown authority has behind it."""

    skus: int
    movements: int
    reservations: int
    """Reservations that expired, each two operations and two movements of the history."""
    open_reservations: int
    """Reservations that are made to see what each takes of Valkey's memory."""
    retired_operations: int
    """The oldest operations, which are retired in the end."""
    sale_seconds: float
    """How long a sale lasts beside the retirement of old history, and without it."""
    free_bytes: int
    """The room on the disk that the run may take."""
    pace: Pace

    @property
    def levels(self) -> int:
        return self.skus * LOCATIONS

    @property
    def sold_every(self) -> int:
        """How far one SKU that is asked for is from the next one."""
        return self.skus // SOLD_SKUS

    @property
    def adjustments(self) -> int:
        """The movements that are neither receipts nor belong to reservations."""
        return self.movements - self.levels - 2 * self.reservations


FULL: Final = Size(
    skus=100_000,
    movements=10_000_000,
    reservations=500_000,
    open_reservations=20_000,
    retired_operations=50_000,
    sale_seconds=20.0,
    free_bytes=24 * 2**30,
    pace=Pace(rounds=5, warm_seconds=0.5, seconds=3.0),
)
QUICK: Final = Size(
    skus=5_000,
    movements=500_000,
    reservations=25_000,
    open_reservations=5_000,
    retired_operations=5_000,
    sale_seconds=5.0,
    free_bytes=4 * 2**30,
    pace=Pace(rounds=3, warm_seconds=0.3, seconds=1.0),
)
