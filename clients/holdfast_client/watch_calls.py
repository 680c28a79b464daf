"""The calls that go on telling: what may be sold as it changes, and movements as they are booked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import TypeVar

from holdfast.inventory.v1 import revision_pb2, watch_pb2

from holdfast_client.policy import WatchPolicy
from holdfast_client.service_calls import ServiceCalls
from holdfast_client.watching.availability_inbox import AvailabilityInbox
from holdfast_client.watching.events import MovementEvent, WatchEvent
from holdfast_client.watching.movement_inbox import MovementInbox
from holdfast_client.watching.tokens import MemoryTokenStore, TokenStore
from holdfast_client.watching.watch import Watch

_Filter = TypeVar("_Filter", watch_pb2.AvailabilityFilter, watch_pb2.MovementFilter)


class WatchCalls(ServiceCalls):
    """The methods of `HoldfastClient` that go on telling."""

    def watch_availability(
        self,
        *,
        channels: Iterable[str] = (),
        locations: Iterable[str] = (),
        skus: Iterable[str] = (),
        subscription: str = "",
        store: TokenStore | None = None,
        policy: WatchPolicy | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield what may be sold as it changes: every number as it is now, then each that changes. Without end.

            async with aclosing(client.watch_availability(channels=["WEB"], store=FileTokenStore("web"))) as events:
                async for event in events:
                    match event:
                        case AvailabilityUpdate():
                            await shop.set_stock(event.sku, event.available)
                        case AvailabilityGone():
                            await shop.delist(event.sku)

        What holds:

        - Numbers are absolute. Of one key none is followed by an older one, and one history tells none twice, unless it
          has more to say of what changed it.
        - `InStep` comes when everything that was committed up to its revision has been handed out. To a caller that
          keeps up, whatever one operation changed comes between two of them.
        - A caller may be slow: it is told each number as it is when it comes to it, with what changed it and how many
          were left out; then some numbers are ahead of the `InStep` that follows, never behind it. Memory is bounded
          by the numbers in the filter.
        - A break is mended without the caller: see `WatchPolicy`. If it lasts, `OutOfStep` says so.
        - At least once: a token is stored when your loop comes back for more after everything up to it. Leaving the
          loop half-way leaves the token before. With the store of an earlier run, what changed since comes first, and
          no snapshot.
        - After a reset, numbers that were handed out and are no more come as `AvailabilityGone`.

        Leave it by closing the generator, as `aclosing` does, or by cancelling the task: then no task and no call is
        left. One watch, one store.

        Args:
            channels: Tell what these channels may sell, at most 100.
            locations: Tell what is at these locations, at most 1,000. A channel or a location must be given, unless a
                subscription says it.
            skus: Tell of these SKUs only, at most 10,000. Left out: of all.
            subscription: The subscription that this is a stream of; what it follows need not be said again. Without a
                stored token the watch goes on from what was acknowledged, if anything was. Acknowledging is yours: see
                `acknowledge_revision`.
            store: Where the token is kept. Left out: in memory, so that a new watch begins with a snapshot.
            policy: How the watch goes on when its stream ends.

        Raises:
            InvalidField: The filter breaks a rule or is not that of the subscription, or the stored token is none that
                this authority gave out.
            UnknownSubscription: There is no such subscription.
            Unavailable, Overloaded, WatcherTooSlow: With `max_tries` only.
        """
        of = watch_pb2.AvailabilityFilter(channels=_names(channels), locations=_names(locations), skus=_names(skus))

        def request_from(resume_token: str) -> watch_pb2.WatchAvailabilityRequest:
            return watch_pb2.WatchAvailabilityRequest(
                filter=_unless_empty(of), resume_token=resume_token, subscription=subscription
            )

        return Watch(
            self._calls,
            request_from,
            watch_pb2.WatchAvailabilityResponse,
            AvailabilityInbox(),
            store=store or MemoryTokenStore(),
            policy=policy or WatchPolicy(),
        ).events()

    def watch_movements(
        self,
        *,
        skus: Iterable[str] = (),
        locations: Iterable[str] = (),
        channels: Iterable[str] = (),
        after_revision: revision_pb2.Revision | None = None,
        subscription: str = "",
        store: TokenStore | None = None,
        policy: WatchPolicy | None = None,
    ) -> AsyncGenerator[MovementEvent, None]:
        """Yield every movement as it is booked, from now on or from any place of the past. Without end.

        A movement is the message `Movement` of `holdfast.inventory.v1.stock_pb2`, as it is:

            async with aclosing(client.watch_movements(store=FileTokenStore("books"))) as events:
                async for event in events:
                    match event:
                        case Movement():
                            await books.post(event)
                        case MovementReset():
                            await books.reconcile(event.revision)

        What holds:

        - Every movement that passes the filter is told, in order: by position, then by line number. None is left out,
          and none is told in sum with others, however slow the caller is.
        - At least once: a token is stored when your loop comes back for more after everything up to it, so after a
          crash the movements since come again. So may those of one operation, when the connection breaks amid more than
          1,000 of them. Of two with the same segment, position and line number, drop the second; or keep the
          `resume_token` of each `InStep` in the transaction that books what came before it.
        - `InStep` comes when every movement up to its revision has been handed out.
        - A caller that is slow holds up its own stream and nobody else's: besides what it is being handed, one message
          of the stream is held for it, and the connection holds back the rest.
        - A break is mended without the caller: see `WatchPolicy`. If it lasts, `OutOfStep` says so.
        - `MovementReset` says that the token was of another history or another filter, and after which revision the
          watch goes on.

        Leave it by closing the generator, as `aclosing` does, or by cancelling the task: then no task and no call is
        left. One watch, one store.

        Args:
            skus: Tell only movements of these SKUs, at most 10,000.
            locations: Tell only movements at these locations, at most 1,000.
            channels: Tell only movements on the demand of these channels, at most 100.
            after_revision: Begin with what follows this revision; at position 0, with the whole history. Counts only
                as long as there is no token: a store with the token of an earlier run goes on there. Left out: begin
                with what comes next, or what the subscription says.
            subscription: The subscription that this is a stream of; what it follows need not be said again. Without a
                token and a revision the watch goes on from what was acknowledged. Acknowledging is yours: see
                `acknowledge_revision`.
            store: Where the token is kept. Left out: in memory, so that a new watch begins as it is asked to.
            policy: How the watch goes on when its stream ends.

        Raises:
            InvalidField: The filter breaks a rule or is not that of the subscription, or the stored token is none that
                this authority gave out.
            StaleRevision: The ledger has not reached `after_revision`: it comes from another history.
            UnknownSegment: `after_revision` is of another segment.
            UnknownSubscription: There is no such subscription.
            Unavailable, Overloaded, WatcherTooSlow: With `max_tries` only.
        """
        of = watch_pb2.MovementFilter(skus=_names(skus), locations=_names(locations), channels=_names(channels))

        def request_from(resume_token: str) -> watch_pb2.WatchMovementsRequest:
            return watch_pb2.WatchMovementsRequest(
                filter=_unless_empty(of),
                resume_token=resume_token,
                after_revision=None if resume_token else after_revision,
                subscription=subscription,
            )

        return Watch(
            self._calls,
            request_from,
            watch_pb2.WatchMovementsResponse,
            MovementInbox(),
            store=store or MemoryTokenStore(),
            policy=policy or WatchPolicy(),
        ).events()


def _unless_empty(of: _Filter) -> _Filter | None:
    """The filter, or none where nothing is named: then a subscription says it, or all is meant."""
    return of if of.ByteSize() else None


def _names(names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        # It is iterable too: "WEB" would be the channels W, E and B.
        raise TypeError(f"give a list of names, such as [{names!r}]")
    return list(names)
