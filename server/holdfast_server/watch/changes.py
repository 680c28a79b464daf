"""What the ledger tells of a stretch of its history, and what a change of a number came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Key(NamedTuple):
    """What a number is of: a SKU for a channel or at a location; the other one is empty."""

    sku: str
    channel: str
    location: str


class Moved(NamedTuple):
    """Operations of one kind that moved a level; those that changed what can be sold of it are named again."""

    sku: str
    location: str
    operation: int
    positions: list[int]
    selling_positions: list[int]


class ChangedRule(NamedTuple):
    """A rule that an operation put or removed; the kind is a number of layouts.RULE_KINDS."""

    position: int
    operation: int
    kind: int
    sku: str
    location: str
    channel: str


class PutItem(NamedTuple):
    """An item that an operation put."""

    position: int
    sku: str


class PutPlaces(NamedTuple):
    """An operation that put locations, pools or channels."""

    position: int
    operation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChanges:
    """What was committed after one position, up to `reached`; `head` is how far the ledger goes."""

    lineage: str
    epoch: int
    head: int
    reached: int
    moved: list[Moved]
    rules: list[ChangedRule]
    items: list[PutItem]
    places: list[PutPlaces]


class LedgerHead(NamedTuple):
    """Where the ledger of a segment stands."""

    lineage: str
    epoch: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What ties numbers together."""

    locations: frozenset[str] = frozenset()
    locations_of: dict[str, frozenset[str]] = field(default_factory=dict)
    """The locations that each channel sells from."""
    channels_at: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The channels that sell from a location."""
    kits_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The kits that a SKU is a part of."""
    allotted: frozenset[str] = frozenset()
    """SKUs with an allotment: what one channel uses of it may change what any other may sell."""
    releases: tuple[tuple[int, str], ...] = ()
    """Times in microseconds at which another backorder cap begins to hold, with the SKU, the earliest first."""

    @property
    def kits(self) -> frozenset[str]:
        """The SKUs that are kits."""
        return frozenset(kit for kits in self.kits_of.values() for kit in kits)


class Causes:
    """How many operations of each kind changed a number, and the last of each."""

    __slots__ = ("_of_kind",)

    def __init__(self) -> None:
        self._of_kind: dict[int, tuple[int, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._of_kind)

    def rows(self) -> list[tuple[int, int, int]]:
        """Returns (kind of operation, how many, position of the last), by position."""
        return sorted(((kind, *rest) for kind, rest in self._of_kind.items()), key=lambda row: row[2])

    def add(self, kind: int, count: int, last: int) -> None:
        """Counts operations of a kind that were not counted before."""
        known, known_last = self._of_kind.get(kind, (0, 0))
        self._of_kind[kind] = (known + count, max(last, known_last))

    def merge(self, other: Causes) -> None:
        """Counts the operations of others, which are not among these."""
        for kind, (count, last) in other._of_kind.items():
            self.add(kind, count, last)

    def copy(self) -> Causes:
        """Returns the same, to be counted on apart."""
        copied = Causes()
        copied._of_kind = dict(self._of_kind)
        return copied


def causes_of(positions: Iterable[tuple[int, int]]) -> Causes:
    """Returns the causes out of (kind, position) pairs, in which no pair comes twice."""
    causes = Causes()
    for kind, position in positions:
        causes.add(kind, 1, position)
    return causes
