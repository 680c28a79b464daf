"""Which numbers a watcher is told, and which groups of watchers are told a number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from holdfast_server.watch.changes import Key

Scope = tuple[str, str]
"""A channel, or a location: (channel, "") or ("", location)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFilter:
    """Channels and locations, and their SKUs; None for all SKUs."""

    channels: frozenset[str]
    locations: frozenset[str]
    skus: frozenset[str] | None

    @property
    def scopes(self) -> list[Scope]:
        """The channels and locations."""
        return [*((channel, "") for channel in self.channels), *(("", location) for location in self.locations)]

    def digest(self) -> bytes:
        """Returns what tells this filter from any other, however it was written."""
        text = ["availability"]
        for part in (self.channels, self.locations, self.skus):
            # No id has a blank, so no id can be taken for a count.
            text += ["all of them"] if part is None else [f"these {len(part)}", *sorted(part)]
        return hashlib.blake2b("\n".join(text).encode(), digest_size=8).digest()

    def named_keys(self, scope: Scope) -> Iterator[Key]:
        """Yields the keys of a scope, of a filter that names its SKUs."""
        channel, location = scope
        for sku in self.skus or ():
            yield Key(sku, channel, location)


Group = TypeVar("Group")


class Index(Generic[Group]):
    """Finds those that are told a number. A look-up costs the same however many watch."""

    def __init__(self) -> None:
        self._of_all_skus: dict[Scope, set[Group]] = {}
        self._of_sku: dict[Key, set[Group]] = {}
        self._scopes: dict[Scope, set[Group]] = {}

    def add(self, group: Group, of: WatchFilter) -> None:
        """Has a group be told what passes the filter."""
        for scope in of.scopes:
            self._scopes.setdefault(scope, set()).add(group)
            if of.skus is None:
                self._of_all_skus.setdefault(scope, set()).add(group)
            for key in of.named_keys(scope):
                self._of_sku.setdefault(key, set()).add(group)

    def remove(self, group: Group, of: WatchFilter) -> None:
        """Takes a group out again."""
        for scope in of.scopes:
            _drop(self._scopes, scope, group)
            if of.skus is None:
                _drop(self._of_all_skus, scope, group)
            for key in of.named_keys(scope):
                _drop(self._of_sku, key, group)

    def groups(self, key: Key) -> set[Group]:
        """Returns those that are told a number."""
        of_all = self._of_all_skus.get((key.channel, key.location))
        of_sku = self._of_sku.get(key)
        if of_all and of_sku:
            return of_all | of_sku
        return of_all or of_sku or set()

    def is_watched(self, key: Key) -> bool:
        """Says whether anybody is told a number."""
        return key in self._of_sku or (key.channel, key.location) in self._of_all_skus

    def is_named(self, key: Key) -> bool:
        """Says whether a filter names the SKU of a number."""
        return key in self._of_sku

    def scopes(self) -> list[Scope]:
        """Returns the channels and locations of which anybody is told anything."""
        return list(self._scopes)

    def groups_of_scope(self, scope: Scope) -> set[Group]:
        """Returns those that are told something of a channel or location."""
        return self._scopes.get(scope, set())


_Place = TypeVar("_Place")


def _drop(sets: dict[_Place, set[Group]], place: _Place, group: Group) -> None:
    members = sets.get(place)
    if members is not None:
        members.discard(group)
        if not members:
            del sets[place]
