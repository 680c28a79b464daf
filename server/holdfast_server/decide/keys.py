"""The names of the keys that a segment has in Redis. Keys are named nowhere else.

All keys of a segment share the hash tag `{segment}`, so that one script may touch all of them, on a cluster
too. All but one carry the epoch, so that a rebuild loads into a name space of its own and a slow or zombie
loader can never mix two states. Data lies in a fixed number of hashes, not in a key per level: the scripts
get every key that they touch as a declared KEY, and the loss of a single level shows in the length of a
hash.
"""

from __future__ import annotations

from dataclasses import dataclass

OUTCOME_GENERATIONS = 4
"""The hashes that the outcomes of the window rotate through; the oldest is dropped as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentKeys:
    """The keys of one segment in one epoch, in the order in which the scripts name them."""

    segment: str
    epoch: int

    @property
    def open_epoch(self) -> str:
        """Holds the epoch that is open. The only key that outlives an epoch."""
        return f"holdfast:{{{self.segment}}}:open"

    def _of_epoch(self, name: str) -> str:
        return f"holdfast:{{{self.segment}}}:{self.epoch}:{name}"

    @property
    def head(self) -> str:
        """Hash: the position, its chain hash, the clock, and how much each other key must hold."""
        return self._of_epoch("head")

    @property
    def journal(self) -> str:
        """Stream: one entry per tick that changed anything, with the id `<last position>-0`."""
        return self._of_epoch("journal")

    @property
    def levels(self) -> str:
        """Hash: `SKU|location` to the packed level."""
        return self._of_epoch("levels")

    @property
    def reservations(self) -> str:
        """Hash: reservation id to the packed reservation; live ones only."""
        return self._of_epoch("reservations")

    @property
    def due(self) -> str:
        """Sorted set: what has to be done by itself, by its time: holds that expire, allotments that end, levels whose
        units go to those who wait."""
        return self._of_epoch("due")

    @property
    def items(self) -> str:
        """Hash: SKU to the packed item: scale, number of levels, and the rules about it, if any."""
        return self._of_epoch("items")

    @property
    def locations(self) -> str:
        """Hash: location to the packed pair of its ranks by pool and its safety stock."""
        return self._of_epoch("locations")

    @property
    def pools(self) -> str:
        """Hash: pool to its packed version, locations, channels, overlapping pools, and safety stock by location."""
        return self._of_epoch("pools")

    @property
    def channels(self) -> str:
        """Hash: channel to the packed pair of its pool and its buffer."""
        return self._of_epoch("channels")

    @property
    def sums(self) -> str:
        """Hash: `pool|SKU` to the packed availability of the SKU over the pool; made when first needed."""
        return self._of_epoch("sums")

    @property
    def stocked(self) -> str:
        """Hash: SKU to the packed list of the locations at which it has levels."""
        return self._of_epoch("stocked")

    @property
    def rules(self) -> str:
        """Hash: the rules that are not about one item alone: safety stock of a level, hold limits, distances."""
        return self._of_epoch("rules")

    @property
    def holders(self) -> str:
        """Hash: `scope|name` to the number of open holds of a customer or a caller."""
        return self._of_epoch("holders")

    @property
    def supply(self) -> str:
        """Hash: `SKU|location` to what is expected there and what waits for it, by day; for ATP."""
        return self._of_epoch("supply")

    @property
    def places(self) -> str:
        """Sorted set, all of one score: the fields of `supply`, to find those of a SKU."""
        return self._of_epoch("places")

    @property
    def documents(self) -> str:
        """Hash: `kind|id` to the packed document; live ones only."""
        return self._of_epoch("documents")

    @property
    def recalled(self) -> str:
        """Hash: `kind|id` to the packed document or reservation that ended, or changed after that, since the floor."""
        return self._of_epoch("recalled")

    @property
    def waiting(self) -> str:
        """Sorted set, all of one score: `SKU|location|place in the queue|line|reservation` of backordered lines."""
        return self._of_epoch("waiting")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Hashes: request id to the packed outcome, one hash per generation of the window."""
        return tuple(self._of_epoch(f"outcomes:{number}") for number in range(OUTCOME_GENERATIONS))

    def for_tick(self) -> list[str]:
        """The KEYS of tick.lua."""
        return [
            self.open_epoch,
            self.head,
            self.journal,
            self.levels,
            self.reservations,
            self.due,
            self.items,
            self.locations,
            self.pools,
            self.channels,
            self.sums,
            self.stocked,
            self.rules,
            self.holders,
            self.supply,
            self.places,
            self.documents,
            self.recalled,
            self.waiting,
            *self.outcomes,
        ]

    def pattern_of_all_epochs(self) -> str:
        """Matches the keys of every epoch of this segment, for clearing away those of old ones."""
        return f"holdfast:{{{self.segment}}}:*"

    def epoch_of(self, key: str) -> int | None:
        """Returns the epoch that a key of this segment belongs to; None for the key that outlives all epochs."""
        number = key.split(":")[2]
        return int(number) if number.isdecimal() else None


def level_field(sku: str, location: str) -> str:
    """The field of a level. The separator cannot occur in an identifier."""
    return f"{sku}|{location}"
