"""Subscriptions as streams use them: what a stream of one tells, where it goes on, how many are open on this server."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.authority import Authority
from holdfast_server.ledger import changes, subscriptions
from holdfast_server.ledger.subscriptions import Followed, Subscription, SubscriptionKind
from holdfast_server.refusals import InvalidField, UnknownSubscription, Violation
from holdfast_server.watch.changes import LedgerHead
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.movements import MovementSelection
from holdfast_server.watch.token import TokenSigner

_Filter = TypeVar("_Filter", WatchFilter, MovementSelection)


class Subscribed:
    """The subscriptions of this server's segment."""

    def __init__(self, authority: Authority) -> None:
        self._segment = authority.settings.segment
        self._reader = authority.reader
        self._signer: TokenSigner | None = None
        self._open: Counter[str] = Counter()

    async def signer(self) -> TokenSigner:
        """Returns what reads and writes the tokens of this ledger."""
        if self._signer is None:
            self._signer = TokenSigner(await self._reader.ask(changes.token_key))
        return self._signer

    async def head(self) -> LedgerHead:
        """Returns where the ledger of the segment stands."""
        return await self._reader.ask(changes.ledger_head, self._segment)

    async def find(self, name: str) -> Subscription:
        """Returns a subscription as it is now. Raises UnknownSubscription."""
        found = await self.look_up(name)
        if found is None:
            raise UnknownSubscription(name)
        return found

    async def look_up(self, name: str) -> Subscription | None:
        """Returns a subscription as it is now; None if there is none."""
        return await self._reader.ask(subscriptions.find_subscription, self._segment, name)

    def open_streams(self, name: str) -> int:
        """Returns how many streams of a subscription are open on this server."""
        return self._open[name]

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[None]:
        """Counts a stream as open meanwhile; without a name it is one of no subscription."""
        if not name:
            yield
            return
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]

    async def numbers(self, request: pb.WatchAvailabilityRequest) -> tuple[WatchFilter, str]:
        """Returns what a watch of availability tells, and the token that it goes on from; an empty one if from none."""
        asked = watch_filter_of(request.filter)
        if not request.subscription:
            return asked, request.resume_token
        found = await self._of_kind(request.subscription, SubscriptionKind.AVAILABILITY)
        # Whoever has acknowledged nothing has taken in nothing, and needs all of it.
        place = found.place.resume_token if found.acknowledge_us else ""
        of = _one_filter(asked if asked.scopes else None, watch_filter_of(found.followed))
        return of, request.resume_token or place

    async def movements(self, request: pb.WatchMovementsRequest) -> tuple[MovementSelection, str]:
        """Returns what a stream of movements tells, and the token that it goes on from; an empty one if from none."""
        asked = selection_of(request.filter)
        if not request.subscription:
            return asked, request.resume_token
        found = await self._of_kind(request.subscription, SubscriptionKind.MOVEMENTS)
        place = "" if request.HasField("after_revision") else found.place.resume_token
        of = _one_filter(None if asked.is_all else asked, selection_of(found.followed))
        return of, request.resume_token or place

    async def _of_kind(self, name: str, kind: SubscriptionKind) -> Subscription:
        found = await self.find(name)
        if found.followed.kind is not kind:
            told = f"follows {found.followed.kind.name.lower()}"
            raise InvalidField([Violation(field="subscription", description=told)])
        return found


def _one_filter(asked: _Filter | None, subscribed: _Filter) -> _Filter:
    """Returns the filter of a subscription. Raises InvalidField if another one was asked for."""
    if asked is not None and asked != subscribed:
        raise InvalidField([Violation(field="filter", description="is not that of the subscription")])
    return subscribed


def watch_filter_of(asked: pb.AvailabilityFilter | Followed) -> WatchFilter:
    """Returns the numbers that a filter asks for."""
    return WatchFilter(
        channels=frozenset(asked.channels),
        locations=frozenset(asked.locations),
        skus=frozenset(asked.skus) or None,
    )


def selection_of(asked: pb.MovementFilter | Followed) -> MovementSelection:
    """Returns the movements that a filter asks for."""
    return MovementSelection(
        skus=frozenset(asked.skus), locations=frozenset(asked.locations), channels=frozenset(asked.channels)
    )
