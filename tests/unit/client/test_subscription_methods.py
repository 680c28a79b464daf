"""What the methods of subscriptions are told reaches the authority as the contract words it."""

import pytest
from holdfast.inventory.v1 import subscription_service_pb2 as pb
from holdfast.inventory.v1 import watch_pb2

from holdfast_client import HoldfastClient
from unit.client.scripted import ScriptedAuthority

KEPT = pb.Subscription(name="feed", backlog_operation_count=7)
NUMBERS = watch_pb2.AvailabilityFilter(channels=["WEB"])
ALL_MOVEMENTS = watch_pb2.MovementFilter()


async def test_a_subscription_is_put_with_what_it_follows(authority: ScriptedAuthority, client: HoldfastClient) -> None:
    authority.will_answer("PutSubscription", *[pb.PutSubscriptionResponse(subscription=KEPT)] * 2)
    assert await client.put_subscription("feed", availability=NUMBERS, description="the feed") == KEPT
    assert await client.put_subscription("feed", movements=ALL_MOVEMENTS) == KEPT
    first, second = (call.request for call in authority.heard("PutSubscription"))
    assert first == pb.PutSubscriptionRequest(name="feed", description="the feed", availability=NUMBERS)
    assert second.WhichOneof("follows") == "movements", "an empty filter is one all the same"


async def test_a_subscription_follows_one_thing(client: HoldfastClient) -> None:
    with pytest.raises(ValueError, match="either"):
        await client.put_subscription("feed")
    with pytest.raises(ValueError, match="either"):
        await client.put_subscription("feed", availability=NUMBERS, movements=ALL_MOVEMENTS)


async def test_a_subscription_is_read_acknowledged_and_deleted(
    authority: ScriptedAuthority, client: HoldfastClient
) -> None:
    authority.will_answer("GetSubscription", pb.GetSubscriptionResponse(subscription=KEPT))
    authority.will_answer("AcknowledgeRevision", pb.AcknowledgeRevisionResponse(subscription=KEPT))
    authority.will_answer("DeleteSubscription", pb.DeleteSubscriptionResponse())
    assert await client.get_subscription("feed") == KEPT
    assert await client.acknowledge_revision("feed", "token") == KEPT
    await client.delete_subscription("feed")
    asked = [call.request for call in authority.all_heard()]
    assert asked == [
        pb.GetSubscriptionRequest(name="feed"),
        pb.AcknowledgeRevisionRequest(name="feed", resume_token="token"),
        pb.DeleteSubscriptionRequest(name="feed"),
    ]
