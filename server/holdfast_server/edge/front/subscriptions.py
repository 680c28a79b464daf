"""SubscriptionService in front of several segments: every segment keeps each subscription, with a place of its own.

The first segment says which subscriptions there are. What a crash left undone in the others is made good when the
subscription is next met.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from holdfast.inventory.v1 import subscription_service_pb2 as pb
from holdfast.inventory.v1 import subscription_service_pb2_grpc

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.routes import FrontCalls, ask
from holdfast_server.edge.front.stream_places import StreamPlaces
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.edge.subscribed import selection_of, watch_filter_of
from holdfast_server.ledger.subscriptions import SubscriptionKind
from holdfast_server.refusals import InvalidField, UnknownSubscription, Violation
from holdfast_server.settings import Settings
from holdfast_server.watch.token import joined_token

_SUBSCRIPTIONS = "subscriptions"


class KeptEverywhere:
    """Has all segments know the same subscriptions."""

    def __init__(self, directory: Directory) -> None:
        self._first, *self._others = directory.segments

    async def complete(self, name: str) -> None:
        """Has every segment keep a subscription as the first one does; without a name there is nothing to do.

        A segment that was added since begins at the start of its history, so that nothing of it is left out. Raises
        UnknownSubscription.
        """
        if not name:
            return
        said = await self._first.subscribed.find(name)
        for segment in self._others:
            found = await segment.subscribed.look_up(name)
            if found is None or found.followed != said.followed:
                await segment.subscriptions.keep(name, said.description, said.followed, from_start=found is None)

    async def put(self, request: pb.PutSubscriptionRequest, caller: Caller) -> None:
        """Creates or replaces a subscription in all segments."""
        if await self._first.subscribed.look_up(request.name) is not None:
            for segment in (self._first, *self._others):
                await ask(_SUBSCRIPTIONS, "PutSubscription", segment, request, caller)
            return
        # It comes to be with the first one, which is last: a place that was left behind by another is no place of it.
        await self._delete(self._others, request.name, caller)
        for segment in (*self._others, self._first):
            await ask(_SUBSCRIPTIONS, "PutSubscription", segment, request, caller)

    async def delete(self, request: pb.DeleteSubscriptionRequest, caller: Caller) -> None:
        """Deletes a subscription in all segments. Raises UnknownSubscription."""
        await ask(_SUBSCRIPTIONS, "DeleteSubscription", self._first, request, caller)
        await self._delete(self._others, request.name, caller)

    @staticmethod
    async def _delete(segments: Sequence[SegmentServices], name: str, caller: Caller) -> None:
        request = pb.DeleteSubscriptionRequest(name=name)
        for segment in segments:
            try:
                await ask(_SUBSCRIPTIONS, "DeleteSubscription", segment, request, caller)
            except UnknownSubscription:
                continue


class FrontSubscriptions(FrontCalls, subscription_service_pb2_grpc.SubscriptionServiceServicer):
    """Serves SubscriptionService."""

    def __init__(self, directory: Directory, settings: Settings, kept: KeptEverywhere) -> None:
        super().__init__(directory, settings)
        self._kept = kept
        self._places = StreamPlaces(directory)

    @unary
    async def PutSubscription(self, request: pb.PutSubscriptionRequest, caller: Caller) -> pb.PutSubscriptionResponse:
        await self._kept.put(request, caller)
        return pb.PutSubscriptionResponse(subscription=await self._shown(request.name, caller))

    @unary
    async def GetSubscription(self, request: pb.GetSubscriptionRequest, caller: Caller) -> pb.GetSubscriptionResponse:
        return pb.GetSubscriptionResponse(subscription=await self._shown(request.name, caller))

    @unary
    async def ListSubscriptions(
        self, request: pb.ListSubscriptionsRequest, caller: Caller
    ) -> pb.ListSubscriptionsResponse:
        # Every segment has every subscription, so the pages of all of them are cut at the same ones.
        pages: list[pb.ListSubscriptionsResponse] = await asyncio.gather(
            *(ask(_SUBSCRIPTIONS, "ListSubscriptions", one, request, caller) for one in self._directory.segments)
        )
        first, *others = pages
        by_name = [{one.name: one for one in page.subscriptions} for page in others]
        shown = []
        for one in first.subscriptions:
            if all(one.name in page for page in by_name):
                shown.append(await self._joined([one, *(page[one.name] for page in by_name)]))
            else:
                shown.append(await self._shown(one.name, caller))
        return pb.ListSubscriptionsResponse(subscriptions=shown, next_page_token=first.next_page_token)

    @unary
    async def DeleteSubscription(
        self, request: pb.DeleteSubscriptionRequest, caller: Caller
    ) -> pb.DeleteSubscriptionResponse:
        await self._kept.delete(request, caller)
        return pb.DeleteSubscriptionResponse()

    @unary
    async def AcknowledgeRevision(
        self, request: pb.AcknowledgeRevisionRequest, caller: Caller
    ) -> pb.AcknowledgeRevisionResponse:
        await self._kept.complete(request.name)
        parts = await self._places.parts_of(request.resume_token)
        for name, token in parts.items():
            if name not in self._directory.names:
                told = f"is of segment {name}, which is not here"
                raise InvalidField([Violation(field="resume_token", description=told)])
            await self._directory.segment(name).subscriptions.acknowledgeable(request.name, token)
        for name, token in parts.items():
            part = pb.AcknowledgeRevisionRequest(name=request.name, resume_token=token)
            await ask(_SUBSCRIPTIONS, "AcknowledgeRevision", self._directory.segment(name), part, caller)
        for segment in await self._without_movements(request.name):
            await segment.subscriptions.pass_by(request.name)
        return pb.AcknowledgeRevisionResponse(subscription=await self._shown(request.name, caller))

    async def _without_movements(self, name: str) -> list[SegmentServices]:
        """Returns the segments that a subscription is never told a movement of."""
        found = await self._directory.first.subscribed.find(name)
        if found.followed.kind is not SubscriptionKind.MOVEMENTS:
            return []
        told_of = await self._places.of_movements(selection_of(found.followed))
        return [one for one in self._directory.segments if one not in told_of]

    async def _shown(self, name: str, caller: Caller) -> pb.Subscription:
        await self._kept.complete(name)
        request = pb.GetSubscriptionRequest(name=name)
        answers = [
            await ask(_SUBSCRIPTIONS, "GetSubscription", one, request, caller) for one in self._directory.segments
        ]
        return await self._joined([answer.subscription for answer in answers])

    async def _joined(self, parts: Sequence[pb.Subscription]) -> pb.Subscription:
        """Returns a subscription out of what each segment says of it.

        Only those segments count that its stream tells of. A stream of it is open where the first segment says so.
        """
        joined = pb.Subscription()
        joined.CopyFrom(parts[0])
        for name in ("acknowledged_revision", "acknowledge_time", "backlog_age"):
            joined.ClearField(name)
        by_segment = dict(zip(self._directory.names, parts, strict=True))
        of_stream = {one.segment for one in await self._segments_of(joined)}
        if joined.WhichOneof("follows") == "availability":
            of_stream |= {name for name, part in by_segment.items() if part.HasField("acknowledged_revision")}
        counted = {name: part for name, part in by_segment.items() if name in of_stream}
        joined.backlog_operation_count = sum(part.backlog_operation_count for part in counted.values())
        joined.backlog_age.CopyFrom(max((part.backlog_age for part in counted.values()), key=_length))
        tokens = {name: part.resume_token for name, part in counted.items()}
        joined.resume_token = joined_token(tokens) if len(tokens) > 1 else next(iter(tokens.values()))
        acknowledged = [part for part in counted.values() if part.HasField("acknowledged_revision")]
        if acknowledged:
            joined.acknowledged_revisions.extend(part.acknowledged_revision for part in acknowledged)
            joined.acknowledged_revision.CopyFrom(acknowledged[0].acknowledged_revision)
            joined.acknowledge_time.CopyFrom(max((part.acknowledge_time for part in acknowledged), key=_length))
        return joined

    async def _segments_of(self, subscription: pb.Subscription) -> Sequence[SegmentServices]:
        if subscription.WhichOneof("follows") == "availability":
            return await self._places.of_numbers(watch_filter_of(subscription.availability))
        return await self._places.of_movements(selection_of(subscription.movements))


def _length(of: Duration | Timestamp) -> int:
    length: int = of.ToNanoseconds()
    return length
