"""SubscriptionService: remembers who follows what, and how far each has come."""

from __future__ import annotations

from typing import Final

from google.protobuf import duration_pb2
from holdfast.inventory.v1 import subscription_service_pb2 as pb
from holdfast.inventory.v1 import subscription_service_pb2_grpc, watch_pb2

from holdfast_server.edge import conversion
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.pages import cut_page, key_after, page_size_of
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.subscribed import Subscribed, selection_of, watch_filter_of
from holdfast_server.ledger import subscriptions
from holdfast_server.ledger.subscriptions import Followed, Subscription, SubscriptionKind, SubscriptionPlace
from holdfast_server.refusals import InvalidField, LimitExceeded, UnknownSubscription, Violation
from holdfast_server.watch.changes import LedgerHead
from holdfast_server.watch.token import ResumeToken

# A subscription may name ten thousand SKUs, so a page is read in portions, and not beyond what surely fills it.
_PER_READ: Final = 50
_MAX_LETTERS: Final = 4 * 1024 * 1024
_NANOSECONDS: Final = 1_000


class SubscriptionServicer(Calls, subscription_service_pb2_grpc.SubscriptionServiceServicer):
    """Serves SubscriptionService."""

    def __init__(self, authority: Authority, subscribed: Subscribed) -> None:
        super().__init__(authority)
        self._subscribed = subscribed

    @unary
    async def PutSubscription(self, request: pb.PutSubscriptionRequest, _: Caller) -> pb.PutSubscriptionResponse:
        await self.keep(request.name, request.description, _followed(request))
        return pb.PutSubscriptionResponse(subscription=await self._shown(request.name))

    async def keep(self, name: str, description: str, followed: Followed, *, from_start: bool = False) -> None:
        """Creates a subscription or replaces what it says; one that is new or follows something else begins now, or at
        the start of the history. Raises LimitExceeded."""
        head = await self._subscribed.head()
        begin = await self._place(followed, head._replace(position=0) if from_start else head)
        is_put = await self._authority.reader.ask(
            subscriptions.put_subscription,
            self._segment,
            name=name,
            description=description,
            followed=followed,
            begin=begin,
            max_subscriptions=self.settings.max_subscriptions,
        )
        if not is_put:
            raise LimitExceeded("max_subscriptions", self.settings.max_subscriptions)

    @unary
    async def GetSubscription(self, request: pb.GetSubscriptionRequest, _: Caller) -> pb.GetSubscriptionResponse:
        return pb.GetSubscriptionResponse(subscription=await self._shown(request.name))

    @unary
    async def ListSubscriptions(self, request: pb.ListSubscriptionsRequest, _: Caller) -> pb.ListSubscriptionsResponse:
        (after,) = key_after(request, "")
        page, token = cut_page(request, await self._found(request, after), self._message, lambda one: (one.name,))
        return pb.ListSubscriptionsResponse(subscriptions=page, next_page_token=token)

    async def _found(self, request: pb.ListSubscriptionsRequest, after: str) -> list[Subscription]:
        """Returns one subscription more than the page may have, if there are so many and they are not too long."""
        found: list[Subscription] = []
        limit = page_size_of(request) + 1
        letters = 0
        while len(found) < limit and letters < _MAX_LETTERS:
            portion = min(_PER_READ, limit - len(found))
            some = await self._authority.reader.ask(
                subscriptions.list_subscriptions, self._segment, after=after, limit=portion
            )
            found += some
            if len(some) < portion:
                break
            after = some[-1].name
            letters += sum(one.followed.letter_count for one in some)
        return found

    @unary
    async def DeleteSubscription(
        self, request: pb.DeleteSubscriptionRequest, _: Caller
    ) -> pb.DeleteSubscriptionResponse:
        if not await self._authority.reader.ask(subscriptions.delete_subscription, self._segment, request.name):
            raise UnknownSubscription(request.name)
        return pb.DeleteSubscriptionResponse()

    @unary
    async def AcknowledgeRevision(
        self, request: pb.AcknowledgeRevisionRequest, _: Caller
    ) -> pb.AcknowledgeRevisionResponse:
        token = await self.acknowledgeable(request.name, request.resume_token)
        place = SubscriptionPlace(lineage=token.lineage, position=token.position, resume_token=request.resume_token)
        await self._authority.reader.ask(
            subscriptions.acknowledge, self._segment, request.name, place, token.filter_digest
        )
        return pb.AcknowledgeRevisionResponse(subscription=await self._shown(request.name))

    async def acknowledgeable(self, name: str, resume_token: str) -> ResumeToken:
        """Returns what a token says. Raises InvalidField if it cannot be acknowledged, and UnknownSubscription."""
        token = (await self._subscribed.signer()).token_of(resume_token)
        found = await self._subscribed.find(name)
        why_not = _why_not(token, found, await self._subscribed.head())
        if why_not:
            raise InvalidField([Violation(field="resume_token", description=why_not)])
        return token

    async def pass_by(self, name: str) -> None:
        """Moves a subscription to the end of a history of which nothing passes its filter. Raises UnknownSubscription.

        So it holds up nobody who waits for what it has not acknowledged.
        """
        found = await self._subscribed.find(name)
        place = await self._place(found.followed, await self._subscribed.head())
        await self._authority.reader.ask(
            subscriptions.acknowledge, self._segment, name, place, found.followed.filter_digest
        )

    async def _place(self, followed: Followed, at: LedgerHead) -> SubscriptionPlace:
        token = ResumeToken(
            lineage=at.lineage, epoch=at.epoch, position=at.position, filter_digest=followed.filter_digest
        )
        text = (await self._subscribed.signer()).text_of(token)
        return SubscriptionPlace(lineage=at.lineage, position=at.position, resume_token=text)

    async def _shown(self, name: str) -> pb.Subscription:
        return self._message(await self._subscribed.find(name))

    def _message(self, found: Subscription) -> pb.Subscription:
        message = pb.Subscription(
            name=found.name,
            description=found.description,
            resume_token=found.place.resume_token,
            backlog_operation_count=found.backlog_operations,
            backlog_age=_duration(found.backlog_age_us),
            open_stream_count=self._subscribed.open_streams(found.name),
            create_time=conversion.timestamp(found.create_us),
            update_time=conversion.timestamp(found.update_us),
        )
        of: watch_pb2.AvailabilityFilter | watch_pb2.MovementFilter = message.movements
        if found.followed.kind is SubscriptionKind.AVAILABILITY:
            of = message.availability
        of.SetInParent()
        of.skus.extend(found.followed.skus)
        of.locations.extend(found.followed.locations)
        of.channels.extend(found.followed.channels)
        if found.acknowledge_us:
            message.acknowledged_revision.CopyFrom(conversion.revision(self._segment, found.place.position))
            message.acknowledge_time.CopyFrom(conversion.timestamp(found.acknowledge_us))
        return message


def _followed(request: pb.PutSubscriptionRequest) -> Followed:
    if request.WhichOneof("follows") == "availability":
        of = request.availability
        return _parts(SubscriptionKind.AVAILABILITY, of, watch_filter_of(of).digest())
    return _parts(SubscriptionKind.MOVEMENTS, request.movements, selection_of(request.movements).digest())


def _parts(
    kind: SubscriptionKind, of: watch_pb2.AvailabilityFilter | watch_pb2.MovementFilter, digest: bytes
) -> Followed:
    return Followed(
        kind=kind,
        skus=tuple(sorted(of.skus)),
        locations=tuple(sorted(of.locations)),
        channels=tuple(sorted(of.channels)),
        filter_digest=digest,
    )


def _why_not(token: ResumeToken, of: Subscription, head: LedgerHead) -> str:
    """Returns why a token cannot be acknowledged for a subscription, in words; empty if it can."""
    if token.filter_digest != of.followed.filter_digest:
        return "was given for another filter"
    if token.lineage != head.lineage:
        return "is of another history"
    if token.position > head.position:
        return "is of a revision that the ledger has not reached"
    return ""


def _duration(microseconds: int) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(microseconds * _NANOSECONDS)
    return duration
