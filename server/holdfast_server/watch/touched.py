"""Which watched numbers a stretch of history may have changed: rather too many, since unchanged ones are not told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from holdfast_server import layouts
from holdfast_server.watch.changes import Catalogue, Causes, ChangedRule, Key, LedgerChanges, Moved, causes_of
from holdfast_server.watch.filter import Scope

_RULE = layouts.RULE_KINDS
_CHANNEL_OPERATIONS = frozenset({layouts.OPERATION_KINDS["PUT_POOLS"], layouts.OPERATION_KINDS["PUT_CHANNELS"]})
_LOCATION_OPERATIONS = frozenset({layouts.OPERATION_KINDS["PUT_LOCATIONS"]})


@dataclass(slots=True)
class Touched:
    """Numbers that may have changed.

    Those with causes certainly were changed by these operations, if only from one number to the same. The others are
    told only if they are not what they were; `maybe` says which operation it was then.
    """

    certain: dict[Key, Causes] = field(default_factory=dict)
    maybe: dict[Key, Causes] = field(default_factory=dict)
    scopes: dict[Scope, Causes] = field(default_factory=dict)
    """Channels and locations of which any number may have changed."""

    def causes_of(self, key: Key) -> Causes:
        """Returns what may have changed a number."""
        causes = Causes()
        for known in (self.certain.get(key), self.maybe.get(key), self.scopes.get((key.channel, key.location))):
            if known is not None:
                causes.merge(known)
        return causes

    def merge(self, later: Touched) -> None:
        """Adds what a later stretch of history touched."""
        for ours, theirs in ((self.certain, later.certain), (self.maybe, later.maybe)):
            for key, causes in theirs.items():
                ours.setdefault(key, Causes()).merge(causes)
        for scope, causes in later.scopes.items():
            self.scopes.setdefault(scope, Causes()).merge(causes)


class Watched(Protocol):
    """What is watched, be it by everybody or by one group."""

    def is_watched(self, key: Key) -> bool:
        """Says whether anybody is told a number."""

    def is_named(self, key: Key) -> bool:
        """Says whether a filter names the SKU of a number."""

    def scopes(self) -> list[Scope]:
        """Returns the channels and locations of which anybody is told anything."""


def touched_by(changes: LedgerChanges, catalogue: Catalogue, watched: Watched, *, before: Catalogue | None) -> Touched:
    """Returns what a stretch of history touched of the numbers that are watched.

    `before` is the catalogue before the stretch, if it is known.
    """
    return _Search(catalogue, watched).search(changes, before)


class _Search:
    def __init__(self, catalogue: Catalogue, watched: Watched) -> None:
        self._catalogue = catalogue
        self._is_watched = watched.is_watched
        self._is_named = watched.is_named
        self._scopes = scopes = watched.scopes()
        self._channel_scopes = [scope for scope in scopes if scope[0]]
        self._kits = catalogue.kits
        self._positions: dict[Key, set[tuple[int, int]]] = {}
        self._touched = Touched()

    def search(self, changes: LedgerChanges, before: Catalogue | None) -> Touched:
        for moved in changes.moved:
            self._move(moved)
        self._touched.certain = {key: causes_of(positions) for key, positions in self._positions.items()}
        for rule in changes.rules:
            self._rule(rule)
        for item in changes.items:
            self._any_of_sku(item.sku, layouts.OPERATION_KINDS["PUT_ITEMS"], item.position)
        if changes.places:
            self._new_places(changes, before)
        return self._touched

    def _new_places(self, changes: LedgerChanges, before: Catalogue | None) -> None:
        """Touches the numbers of new locations, and of channels that sell from other locations now."""
        ours = self._catalogue
        for channel, location in self._scopes:
            if channel:
                is_other = before is None or ours.locations_of.get(channel) != before.locations_of.get(channel)
                operations = _CHANNEL_OPERATIONS
            else:
                is_other = before is None or (location in ours.locations) != (location in before.locations)
                operations = _LOCATION_OPERATIONS
            if is_other:
                self._placed((channel, location), changes, operations)
        if before is None or ours.locations_of != before.locations_of:
            # What is guaranteed to a channel that moved counts elsewhere now.
            for sku in ours.allotted:
                for place in changes.places:
                    self._of_channels(sku, [channel for channel, _ in self._channel_scopes], *place)

    def _placed(self, scope: Scope, changes: LedgerChanges, operations: frozenset[int]) -> None:
        for position, operation in changes.places:
            if operation in operations:
                self._whole(scope, operation, position)

    def _with_kits(self, sku: str) -> Iterable[str]:
        return (sku, *self._catalogue.kits_of.get(sku, ()))

    def _move(self, moved: Moved) -> None:
        here = {(moved.operation, position) for position in moved.positions}
        selling = {(moved.operation, position) for position in moved.selling_positions}
        for sku in self._with_kits(moved.sku):
            self._certain(Key(sku, "", moved.location), here if sku == moved.sku else selling)
            for channel in self._catalogue.channels_at.get(moved.location, ()):
                self._certain(Key(sku, channel, ""), selling)
            if selling and moved.sku in self._catalogue.allotted:
                for channel, _ in self._channel_scopes:
                    key = Key(sku, channel, "")
                    if key not in self._positions:
                        self._maybe(key, moved.operation, selling)

    def _certain(self, key: Key, positions: set[tuple[int, int]]) -> None:
        if positions and self._is_watched(key):
            known = self._positions.get(key)
            if known is None:
                self._positions[key] = set(positions)
            else:
                known |= positions

    def _maybe(self, key: Key, operation: int, positions: Iterable[tuple[int, int]]) -> None:
        if self._is_watched(key):
            causes = self._touched.maybe.setdefault(key, Causes())
            for _, position in positions:
                causes.add(operation, 1, position)

    def _rule(self, rule: ChangedRule) -> None:
        every_channel = [channel for channel, _ in self._channel_scopes]
        if rule.kind == _RULE["SAFETY_STOCK"]:
            self._safety(rule)
        elif rule.kind == _RULE["CHANNEL_BUFFER"]:
            if rule.sku:
                self._of_channels(rule.sku, [rule.channel], rule.position, rule.operation)
            else:
                self._whole((rule.channel, ""), rule.operation, rule.position)
        elif rule.kind in (_RULE["ALLOTMENT"], _RULE["BACKORDER"]):
            self._of_channels(rule.sku, every_channel, rule.position, rule.operation)

    def _safety(self, rule: ChangedRule) -> None:
        channels = self._catalogue.channels_at.get(rule.location, ())
        every_channel = [channel for channel, _ in self._channel_scopes]
        if not rule.location:
            self._any_of_sku(rule.sku, rule.operation, rule.position)
        elif rule.sku:
            for sku in self._with_kits(rule.sku):
                self._maybe(Key(sku, "", rule.location), rule.operation, [(0, rule.position)])
            # Where there are allotments, each channel may depend on any other.
            touched = every_channel if rule.sku in self._catalogue.allotted else channels
            self._of_channels(rule.sku, touched, rule.position, rule.operation)
        else:
            self._whole(("", rule.location), rule.operation, rule.position)
            for channel in channels:
                self._whole((channel, ""), rule.operation, rule.position)
            for sku in self._catalogue.allotted:
                self._of_channels(sku, every_channel, rule.position, rule.operation)

    def _of_channels(self, sku: str, channels: Iterable[str], position: int, operation: int) -> None:
        for channel in channels:
            for each in self._with_kits(sku):
                self._maybe(Key(each, channel, ""), operation, [(0, position)])

    def _any_of_sku(self, sku: str, operation: int, position: int) -> None:
        for channel, location in self._scopes:
            for each in self._with_kits(sku):
                key = Key(each, channel, location)
                # A location tells all SKUs that it ever had: those come with a movement. Kits have none.
                if channel or self._is_named(key) or each in self._kits:
                    self._maybe(key, operation, [(0, position)])

    def _whole(self, scope: Scope, operation: int, position: int) -> None:
        if scope in self._scopes:
            self._touched.scopes.setdefault(scope, Causes()).add(operation, 1, position)
