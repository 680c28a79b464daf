"""SubscriptionService in front of several segments: a subscription is kept by the first one."""

from __future__ import annotations

from typing import Any

from holdfast.inventory.v1 import subscription_service_pb2_grpc

from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.routes import FrontCalls, to_segment
from holdfast_server.edge.services import SegmentServices

_SUBSCRIPTIONS = "subscriptions"


async def _first(directory: Directory, _: Any) -> SegmentServices:
    return directory.first


class FrontSubscriptions(FrontCalls, subscription_service_pb2_grpc.SubscriptionServiceServicer):
    """Serves SubscriptionService."""

    PutSubscription = to_segment(_SUBSCRIPTIONS, "PutSubscription", _first)
    GetSubscription = to_segment(_SUBSCRIPTIONS, "GetSubscription", _first)
    ListSubscriptions = to_segment(_SUBSCRIPTIONS, "ListSubscriptions", _first)
    DeleteSubscription = to_segment(_SUBSCRIPTIONS, "DeleteSubscription", _first)
    AcknowledgeRevision = to_segment(_SUBSCRIPTIONS, "AcknowledgeRevision", _first)
