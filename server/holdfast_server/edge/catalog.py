"""CatalogService: master data and rules. A change goes through the decider, and so has its place in history."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.inventory.v1 import catalog_service_pb2 as pb
from holdfast.inventory.v1 import catalog_service_pb2_grpc

from holdfast_server import records
from holdfast_server.edge import conversion, rule_conversion
from holdfast_server.edge.caller import Caller
from holdfast_server.edge.calls import Calls
from holdfast_server.edge.pages import cut_page, key_after, page_size_of, page_token
from holdfast_server.edge.requests import catalog as commands
from holdfast_server.edge.rpc import unary
from holdfast_server.ledger import queries
from holdfast_server.refusals import UnknownSegment, UnknownSku


class CatalogServicer(Calls, catalog_service_pb2_grpc.CatalogServiceServicer):
    """Serves CatalogService."""

    @unary
    async def PutItems(self, request: pb.PutItemsRequest, caller: Caller) -> pb.PutItemsResponse:
        decision = await self._authority.decide(commands.put_items(request, caller), request)
        return pb.PutItemsResponse(revision=self._revision(decision), replayed=decision.replayed)

    def _check_segments(self, named: Iterable[str]) -> None:
        for segment in named:
            if segment not in ("", self._segment):
                raise UnknownSegment(segment)

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
        self._check_segments(one.segment for one in request.locations)
        decision = await self._authority.decide(commands.put_locations(request, caller), request)
        return pb.PutLocationsResponse(revision=self._revision(decision), replayed=decision.replayed)

    @unary
    async def ListLocations(self, request: pb.ListLocationsRequest, _: Caller) -> pb.ListLocationsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = await self._authority.reader.ask(queries.list_locations, self._segment, after=after, limit=size + 1)
        return pb.ListLocationsResponse(
            locations=[conversion.location(self._segment, one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].location) if len(found) > size else "",
        )

    @unary
    async def PutPools(self, request: pb.PutPoolsRequest, caller: Caller) -> pb.PutPoolsResponse:
        decision = await self._authority.decide(commands.put_pools(request, caller), request)
        return pb.PutPoolsResponse(revision=self._revision(decision), replayed=decision.replayed)

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
        self._check_segments(one.segment for one in request.channels)
        decision = await self._authority.decide(commands.put_channels(request, caller), request)
        return pb.PutChannelsResponse(revision=self._revision(decision), replayed=decision.replayed)

    @unary
    async def ListChannels(self, request: pb.ListChannelsRequest, _: Caller) -> pb.ListChannelsResponse:
        (after,) = key_after(request, "")
        size = page_size_of(request)
        found = await self._authority.reader.ask(queries.list_channels, self._segment, after=after, limit=size + 1)
        return pb.ListChannelsResponse(
            channels=[conversion.channel(self._segment, one) for one in found[:size]],
            next_page_token=page_token(request, found[size - 1].channel) if len(found) > size else "",
        )

    @unary
    async def PutRules(self, request: pb.PutRulesRequest, caller: Caller) -> pb.PutRulesResponse:
        decision = await self._authority.decide(commands.put_rules(request, caller), request)
        return pb.PutRulesResponse(revision=self._revision(decision), replayed=decision.replayed)

    @unary
    async def ListRules(self, request: pb.ListRulesRequest, _: Caller) -> pb.ListRulesResponse:
        after = key_after(request, 0, "", "", "", "")
        only = queries.RuleFilter(sku=request.sku, channel=request.channel, location=request.location)
        found = await self._authority.reader.ask(
            queries.list_rules, self._segment, only, after=after, limit=page_size_of(request) + 1
        )
        page, token = cut_page(request, found, rule_conversion.rule, _key)
        return pb.ListRulesResponse(rules=page, next_page_token=token)

    @unary
    async def MoveAllotment(self, request: pb.MoveAllotmentRequest, caller: Caller) -> pb.MoveAllotmentResponse:
        decision = await self._authority.decide(commands.move_allotment(request, caller), request)
        giver, taker = records.unpack_allotments(decision.extra)
        return pb.MoveAllotmentResponse(
            from_allotment=rule_conversion.allotment(request.sku, request.from_channel, giver),
            to_allotment=rule_conversion.allotment(request.sku, request.to_channel, taker),
            revision=self._revision(decision),
            replayed=decision.replayed,
        )


def _key(rule: records.Rule) -> tuple[int, str, str, str, str]:
    return int(rule.kind), rule.sku, rule.location, rule.channel, rule.name
