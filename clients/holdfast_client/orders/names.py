"""The names under which one replay appears to the service.

SKUs and order ids carry the run id, so a second replay on the same server starts from nothing and its
verdict counts its own units only. Locations, pool and channels are shared by all replays over the same
number of locations: a channel is looked at over many runs, and the service bounds the pools that a location
may be in.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from holdfast_client.csv_import import field_rules

MAX_RUN_ID_LENGTH = 24
"""Leaves 39 characters of an identifier to the file's own SKUs and order numbers."""

MAX_LOCATIONS = 64
"""The most locations that a replay spreads its stock over."""

_NOT_IN_CHANNEL = re.compile(r"[^A-Z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNames:
    """Turns the file's names into those of one run.

    Raises ValueError for a run id or number that cannot serve.
    """

    run_id: str
    location_count: int

    def __post_init__(self) -> None:
        if len(self.run_id) > MAX_RUN_ID_LENGTH or field_rules.identifier_fault(self.run_id):
            raise ValueError(
                f"the run id must be 1 to {MAX_RUN_ID_LENGTH} letters, digits or . _ - : / + # ~, "
                "starting with a letter or digit"
            )
        if not 1 <= self.location_count <= MAX_LOCATIONS:
            raise ValueError(f"the locations must be 1 to {MAX_LOCATIONS}")

    def sku(self, sku: str) -> str:
        """The run's own SKU for a SKU of the file."""
        return f"{self.run_id}-{sku}"

    def order_id(self, order: str) -> str:
        """The run's own order id for an order number of the file."""
        return f"{self.run_id}-{order}"

    @property
    def pool(self) -> str:
        """The pool that every channel sells from."""
        return f"REPLAY-{self.location_count}"

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations of the pool, in sourcing order."""
        return tuple(f"{self.pool}:L{number}" for number in range(1, self.location_count + 1))

    def channel(self, name: str) -> str:
        """The channel for what the file calls so: "United Kingdom" is UNITED-KINGDOM behind the pool's
        name.
        """
        ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
        word = _NOT_IN_CHANNEL.sub("-", ascii_name.upper()).strip("-") or "UNNAMED"
        return f"{self.pool}:{word}"[: field_rules.IDENTIFIER_MAX_LENGTH]


def run_id_from(time: datetime) -> str:
    """A run id out of the time at which the run began, to the millisecond."""
    return f"R{time:%Y%m%d-%H%M%S}-{time.microsecond // 1000:03d}"
