"""The calls of the catalog service: items, locations, pools, channels and rules."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2, rules_pb2

from holdfast_client.request_ids import new_request_id
from holdfast_client.rules import RuleLike, rule_of
from holdfast_client.service_calls import ServiceCalls


class CatalogCalls(ServiceCalls):
    """The methods of `HoldfastClient` for the master data and the rules."""

    async def put_items(
        self,
        items: Iterable[catalog_pb2.Item],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutItemsResponse:
        """Create items or replace those that exist, 1 to 1,000, all or none.

        Raises:
            ScaleInUse: The scale of an item that has stock levels would change.
            UnknownSku: A kit names a part that does not exist.
            KitConflict: An item that has stock levels would become a kit, or a part is a kit.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutItemsRequest(request_id=request_id or new_request_id(), items=items),
            catalog_service_pb2.PutItemsResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def put_locations(
        self,
        locations: Iterable[catalog_pb2.Location],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutLocationsResponse:
        """Create locations or replace those that exist, 1 to 1,000, all or none."""
        return await self._calls.unary(
            catalog_service_pb2.PutLocationsRequest(request_id=request_id or new_request_id(), locations=locations),
            catalog_service_pb2.PutLocationsResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def put_pools(
        self,
        pools: Iterable[catalog_pb2.Pool],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutPoolsResponse:
        """Create pools or replace those that exist, 1 to 1,000, all or none.

        Raises:
            UnknownLocation: A pool names a location that does not exist.
            LimitExceeded: A location would be in more pools than it may.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutPoolsRequest(request_id=request_id or new_request_id(), pools=pools),
            catalog_service_pb2.PutPoolsResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def put_channels(
        self,
        channels: Iterable[catalog_pb2.Channel],
        *,
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutChannelsResponse:
        """Create channels or replace those that exist, 1 to 1,000, all or none.

        Raises:
            UnknownPool: A channel names a pool that does not exist.
            LimitExceeded: A pool would serve more channels than it may.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutChannelsRequest(request_id=request_id or new_request_id(), channels=channels),
            catalog_service_pb2.PutChannelsResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def get_item(self, sku: str, *, deadline_seconds: float | None = None) -> catalog_service_pb2.GetItemResponse:
        """Get one item.

        Raises:
            UnknownSku: No item has this SKU.
        """
        return await self._calls.unary(
            catalog_service_pb2.GetItemRequest(sku=sku),
            catalog_service_pb2.GetItemResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_items(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Item, None]:
        """Yield all items by SKU, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListItemsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListItemsResponse, deadline_seconds):
            for item in page.items:
                yield item

    async def list_items_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListItemsResponse:
        """Get one page of items; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListItemsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListItemsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_locations(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Location, None]:
        """Yield all locations by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListLocationsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListLocationsResponse, deadline_seconds):
            for location in page.locations:
                yield location

    async def list_locations_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListLocationsResponse:
        """Get one page of locations; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListLocationsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListLocationsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_pools(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Pool, None]:
        """Yield all pools by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListPoolsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListPoolsResponse, deadline_seconds):
            for pool in page.pools:
                yield pool

    async def list_pools_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListPoolsResponse:
        """Get one page of pools; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListPoolsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListPoolsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_channels(
        self, *, page_size: int = 0, deadline_seconds: float | None = None
    ) -> AsyncGenerator[catalog_pb2.Channel, None]:
        """Yield all channels by id, page after page. `page_size` is at most 1,000; 0 means 100."""
        request = catalog_service_pb2.ListChannelsRequest(page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListChannelsResponse, deadline_seconds):
            for channel in page.channels:
                yield channel

    async def list_channels_page(
        self, *, page_size: int = 0, page_token: str = "", deadline_seconds: float | None = None
    ) -> catalog_service_pb2.ListChannelsResponse:
        """Get one page of channels; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListChannelsRequest(page_size=page_size, page_token=page_token),
            catalog_service_pb2.ListChannelsResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def put_rules(
        self,
        rules: Iterable[RuleLike] = (),
        *,
        remove: Iterable[RuleLike] = (),
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.PutRulesResponse:
        """Put rules in force, replace those with the same key, and remove others, all or none.

        They hold for every decision after the revision of the answer, however many SKUs they touch.

        Args:
            rules: The rules, as `holdfast_client.rules` makes them, 1 to 1,000 with those that are removed, each key
                at most once.
            remove: Rules that no longer hold; only their keys count. Removing what is not there is fine.
            reason: Why, in words for the audit.
            request_id: The id under which this takes effect at most once. Left out: a new one.

        Raises:
            UnknownSku, UnknownLocation, UnknownChannel: A rule names what does not exist.
            KitConflict: A rule is about the stock of a kit.
        """
        return await self._calls.unary(
            catalog_service_pb2.PutRulesRequest(
                request_id=request_id or new_request_id(),
                rules=[*(rule_of(rule) for rule in rules), *(rule_of(rule, removed=True) for rule in remove)],
                reason=reason,
            ),
            catalog_service_pb2.PutRulesResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def list_rules(
        self,
        *,
        sku: str = "",
        channel: str = "",
        location: str = "",
        page_size: int = 0,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[rules_pb2.Rule, None]:
        """Yield all rules by their keys, page after page. What is left out does not restrict.

        The deadline is that of each page. `page_size` is at most 1,000; 0 means 100.
        """
        request = catalog_service_pb2.ListRulesRequest(sku=sku, channel=channel, location=location, page_size=page_size)
        async for page in self._pages(request, catalog_service_pb2.ListRulesResponse, deadline_seconds):
            for rule in page.rules:
                yield rule

    async def list_rules_page(
        self,
        *,
        sku: str = "",
        channel: str = "",
        location: str = "",
        page_size: int = 0,
        page_token: str = "",
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.ListRulesResponse:
        """Get one page of rules; its `next_page_token` leads to the next."""
        return await self._calls.unary(
            catalog_service_pb2.ListRulesRequest(
                sku=sku, channel=channel, location=location, page_size=page_size, page_token=page_token
            ),
            catalog_service_pb2.ListRulesResponse,
            deadline_seconds=self._deadlines.read_seconds if deadline_seconds is None else deadline_seconds,
        )

    async def move_allotment(
        self,
        sku: str,
        quantity: int,
        *,
        from_channel: str,
        to_channel: str,
        reason: str = "",
        request_id: str | None = None,
        deadline_seconds: float | None = None,
    ) -> catalog_service_pb2.MoveAllotmentResponse:
        """Move guaranteed units of a SKU from one channel's allotment to that of another, in one step.

        Raises:
            AllotmentTooSmall: Fewer units are guaranteed and not used, or one of the two has no allotment.
            UnknownSku, UnknownChannel: There is no such thing.
        """
        return await self._calls.unary(
            catalog_service_pb2.MoveAllotmentRequest(
                request_id=request_id or new_request_id(),
                sku=sku,
                from_channel=from_channel,
                to_channel=to_channel,
                quantity=quantity,
                reason=reason,
            ),
            catalog_service_pb2.MoveAllotmentResponse,
            deadline_seconds=self._deadlines.mutation_seconds if deadline_seconds is None else deadline_seconds,
        )
