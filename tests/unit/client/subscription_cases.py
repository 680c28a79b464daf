"""The commands of subscriptions: what each is told, what it asks for, and what it shows of the answer."""

from google.protobuf import duration_pb2
from holdfast.inventory.v1 import subscription_service_pb2, watch_pb2

from unit.client.command_cases import NOON, REVISION, case

BEHIND = subscription_service_pb2.Subscription(
    name="netsuite-movements",
    description="sales and receipts for the books",
    movements=watch_pb2.MovementFilter(locations=["LONDON"], skus=["A", "B", "C", "D", "E"]),
    acknowledged_revision=REVISION,
    acknowledge_time=NOON,
    backlog_operation_count=77,
    backlog_age=duration_pb2.Duration(seconds=7_500),
    open_stream_count=1,
)
BEGUN = subscription_service_pb2.Subscription(
    name="feed",
    availability=watch_pb2.AvailabilityFilter(channels=["WEB"]),
    backlog_age=duration_pb2.Duration(seconds=95),
)
ALL = subscription_service_pb2.Subscription(
    name="wms", movements=watch_pb2.MovementFilter(), backlog_age=duration_pb2.Duration(nanos=500_000_000)
)

SUBSCRIPTION_CASES = [
    case(
        "subscriptions list",
        subscription_service_pb2.ListSubscriptionsResponse(subscriptions=[BEHIND, BEGUN, ALL]),
        {"page_size": 1000},
        "netsuite-movements",
        "movements: locations LONDON; SKUs A, B, C and 2 more",
        "main/1204",
        "2026-03-01T12:00:00Z",
        "77",
        "2 h 5 min",
        "availability: channels WEB",
        "nothing yet",
        "1 min 35 s",
        "movements: all",
        "0.5 s",
    ),
    case(
        "subscriptions show netsuite-movements",
        subscription_service_pb2.GetSubscriptionResponse(subscription=BEHIND),
        {"name": "netsuite-movements"},
        "main/1204",
        "sales and receipts for the books",
    ),
    case(
        "subscriptions delete netsuite-movements",
        subscription_service_pb2.DeleteSubscriptionResponse(),
        {"name": "netsuite-movements"},
        "deleted netsuite-movements",
    ),
]
