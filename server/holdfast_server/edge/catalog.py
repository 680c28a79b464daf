"""CatalogService: master data. A change goes through the decider, and so has its place in history."""

from __future__ import annotations

from holdfast.inventory.v1 import catalog_service_pb2 as pb
from holdfast.inventory.v1 import catalog_service_pb2_grpc

from holdfast_server.edge import conversion, requests
from holdfast_server.edge.authority import Authority
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.pages import key_after, page_size_of, page_token
from holdfast_server.edge.rpc import unary
from holdfast_server.ledger import queries
from holdfast_server.refusals import UnknownSku


class CatalogServicer(catalog_service_pb2_grpc.CatalogServiceServicer):
    """Serves CatalogService."""

    def __init__(self, authority: Authority) -> None:
        self.settings = authority.settings
        self._authority = authority
        self._segment = authority.settings.segment

    @unary
    async def PutItems(self, request: pb.PutItemsRequest, caller: Caller) -> pb.PutItemsResponse:
        decision = await self._authority.decide(requests.put_items(request, caller), request)
        return pb.PutItemsResponse(
            revision=conversion.revision(self._segment, decision.position), replayed=decision.replayed
        )

    @unary
    async def GetItem(self, request: pb.GetItemRequest, _: Caller) -> pb.GetItemResponse:
        found = await self._authority.reader.ask(queries.find_item, self._segment, request.sku)
        if found is None:
            raise UnknownSku(request.sku)
        return pb.GetItemResponse(item=conversion.item(found))

    @unary
    async def ListItems(self, request: pb.ListItemsRequest, _: Caller) -> pb.ListItemsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = await self._authority.reader.ask(queries.list_items, self._segment, after=after, limit=size + 1)
        return pb.ListItemsResponse(
            items=[conversion.item(one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].sku) if len(found) > size else "",
        )

    @unary
    async def PutLocations(self, request: pb.PutLocationsRequest, caller: Caller) -> pb.PutLocationsResponse:
        decision = await self._authority.decide(requests.put_locations(request, caller), request)
        return pb.PutLocationsResponse(
            revision=conversion.revision(self._segment, decision.position), replayed=decision.replayed
        )

    @unary
    async def ListLocations(self, request: pb.ListLocationsRequest, _: Caller) -> pb.ListLocationsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = await self._authority.reader.ask(queries.list_locations, self._segment, after=after, limit=size + 1)
        return pb.ListLocationsResponse(
            locations=[conversion.location(one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].location) if len(found) > size else "",
        )

    @unary
    async def PutPools(self, request: pb.PutPoolsRequest, caller: Caller) -> pb.PutPoolsResponse:
        decision = await self._authority.decide(requests.put_pools(request, caller), request)
        return pb.PutPoolsResponse(
            revision=conversion.revision(self._segment, decision.position), replayed=decision.replayed
        )

    @unary
    async def ListPools(self, request: pb.ListPoolsRequest, _: Caller) -> pb.ListPoolsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = await self._authority.reader.ask(queries.list_pools, self._segment, after=after, limit=size + 1)
        return pb.ListPoolsResponse(
            pools=[conversion.pool(one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].pool) if len(found) > size else "",
        )

    @unary
    async def PutChannels(self, request: pb.PutChannelsRequest, caller: Caller) -> pb.PutChannelsResponse:
        decision = await self._authority.decide(requests.put_channels(request, caller), request)
        return pb.PutChannelsResponse(
            revision=conversion.revision(self._segment, decision.position), replayed=decision.replayed
        )

    @unary
    async def ListChannels(self, request: pb.ListChannelsRequest, _: Caller) -> pb.ListChannelsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = await self._authority.reader.ask(queries.list_channels, self._segment, after=after, limit=size + 1)
        return pb.ListChannelsResponse(
            channels=[conversion.channel(one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].channel) if len(found) > size else "",
        )
