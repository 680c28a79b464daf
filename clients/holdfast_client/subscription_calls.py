"""The calls of the subscription service: who follows what, and how far each has come."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from holdfast.inventory.v1 import subscription_service_pb2, watch_pb2

from holdfast_client.service_calls import ServiceCalls


class SubscriptionCalls(ServiceCalls):
    """The methods of `HoldfastClient` that keep the places of those who follow. None of them takes a request_id."""

    async def put_subscription(
        self,
        name: str,
        *,
        availability: watch_pb2.AvailabilityFilter | None = None,
        movements: watch_pb2.MovementFilter | None = None,
        description: str = "",
        deadline_seconds: float | None = None,
    ) -> subscription_service_pb2.Subscription:
        """Create a subscription, or replace what it says. May be asked again: the outcome is the same.

        One whose filter changes keeps its name and loses its place.

        Args:
            name: The name, by which streams and acknowledgements name it.
            availability: The numbers that it follows; or
            movements: The movements that it follows. An empty filter means all.
            description: What it is for, in words.
            deadline_seconds: How long the answer is waited for.

        Raises:
            ValueError: Both filters were given, or none.
            LimitExceeded: There are as many subscriptions as there may be.
        """
        if (availability is None) == (movements is None):
            raise ValueError("a subscription follows either availability or movements")
        answer = await self._calls.unary(
            subscription_service_pb2.PutSubscriptionRequest(
                name=name, description=description, availability=availability, movements=movements
            ),
            subscription_service_pb2.PutSubscriptionResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )
        return answer.subscription

    async def get_subscription(
        self, name: str, *, deadline_seconds: float | None = None
    ) -> subscription_service_pb2.Subscription:
        """Get a subscription, with how far it has come and how far it is behind.

        Raises:
            UnknownSubscription: There is no such subscription.
        """
        answer = await self._calls.unary(
            subscription_service_pb2.GetSubscriptionRequest(name=name),
            subscription_service_pb2.GetSubscriptionResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )
        return answer.subscription

    async def list_subscriptions(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[subscription_service_pb2.Subscription, None]:
        """Yield all subscriptions by name, page after page.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = subscription_service_pb2.ListSubscriptionsRequest(page_size=page_size)
        async for page in self._pages(request, subscription_service_pb2.ListSubscriptionsResponse, deadline_seconds):
            for subscription in page.subscriptions:
                yield subscription

    async def list_subscriptions_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> subscription_service_pb2.ListSubscriptionsResponse:
        """Get one page of subscriptions; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            subscription_service_pb2.ListSubscriptionsRequest(page_size=page_size, page_token=page_token),
            subscription_service_pb2.ListSubscriptionsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def delete_subscription(self, name: str, *, deadline_seconds: float | None = None) -> None:
        """Delete a subscription with its place. Streams of it that are open go on until they end.

        Raises:
            UnknownSubscription: There is no such subscription; perhaps because an earlier try was carried out, and its
                answer was lost.
        """
        await self._calls.unary(
            subscription_service_pb2.DeleteSubscriptionRequest(name=name),
            subscription_service_pb2.DeleteSubscriptionResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def acknowledge_revision(
        self, name: str, resume_token: str, *, deadline_seconds: float | None = None
    ) -> subscription_service_pb2.Subscription:
        """Note that whatever came up to a token was taken in for good. Returns the subscription as it is then.

        The place never goes back: an older token changes nothing. May be asked again.

        Raises:
            InvalidField: The token was not given out, or is of another filter or another history.
            UnknownSubscription: There is no such subscription.
        """
        answer = await self._calls.unary(
            subscription_service_pb2.AcknowledgeRevisionRequest(name=name, resume_token=resume_token),
            subscription_service_pb2.AcknowledgeRevisionResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )
        return answer.subscription
