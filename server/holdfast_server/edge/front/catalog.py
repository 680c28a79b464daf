"""CatalogService in front of several segments.

Every segment has the whole catalog of items, pools and channels, with those locations that lie in it. What is said of
units that are decided together, such as an allotment, is said to the one segment that decides about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from holdfast.inventory.v1 import catalog_pb2, catalog_service_pb2_grpc
from holdfast.inventory.v1 import catalog_service_pb2 as pb

from holdfast_server.edge.caller import Caller
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.front.routes import FrontCalls, ask, first_segment, in_turn, to_all, to_segment
from holdfast_server.edge.rpc import unary
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.refusals import SpansSegments, UnknownLocation

_CATALOG = "catalog"


async def _of_both_channels(directory: Directory, request: pb.MoveAllotmentRequest) -> SegmentServices:
    giver = await only_segment_of(directory, request.from_channel, "from_channel")
    taker = await only_segment_of(directory, request.to_channel, "to_channel")
    if giver is not taker:
        raise SpansSegments("to_channel", f"{giver.segment},{taker.segment}")
    return giver


async def only_segment_of(directory: Directory, channel: str, field: str) -> SegmentServices:
    """Returns the segment that a channel sells from. Raises UnknownChannel, and SpansSegments if there are several."""
    home = await directory.home_of(channel)
    sells_from = await directory.sells_from(channel)
    if len(sells_from) > 1:
        raise SpansSegments(field, ",".join(one.segment for one in sells_from))
    return sells_from[0] if sells_from else home


class FrontCatalog(FrontCalls, catalog_service_pb2_grpc.CatalogServiceServicer):
    """Serves CatalogService."""

    PutItems = to_all(_CATALOG, "PutItems")
    GetItem = to_segment(_CATALOG, "GetItem", first_segment)
    ListItems = to_segment(_CATALOG, "ListItems", first_segment)
    ListLocations = in_turn(_CATALOG, "ListLocations", "locations")
    ListRules = in_turn(_CATALOG, "ListRules", "rules")
    MoveAllotment = to_segment(_CATALOG, "MoveAllotment", _of_both_channels)

    @unary
    async def PutLocations(self, request: pb.PutLocationsRequest, caller: Caller) -> pb.PutLocationsResponse:
        wanted = {
            one.location: self._directory.segment(one.segment).segment if one.segment else self._directory.first.segment
            for one in request.locations
        }
        await self._check_places(PlacedKind.LOCATION, request.locations, "location")
        places = await self._directory.place(PlacedKind.LOCATION, wanted)
        await self._check_places(PlacedKind.LOCATION, request.locations, "location")
        parts: dict[SegmentServices, pb.PutLocationsRequest] = {}
        for one in request.locations:
            part = parts.setdefault(places[one.location], pb.PutLocationsRequest(request_id=request.request_id))
            part.locations.append(one)
        answer: pb.PutLocationsResponse = await self._to_parts("PutLocations", parts, caller)
        return answer

    @unary
    async def PutPools(self, request: pb.PutPoolsRequest, caller: Caller) -> pb.PutPoolsResponse:
        places = await self._places([location for pool in request.pools for location in pool.locations])
        for number, pool in enumerate(request.pools):
            lies_in = {places[location].segment for location in pool.locations}
            shares = await self._directory.segments_with_shares(pools=[pool.pool])
            self._check_shares(shares, lies_in, f"pools[{number}].locations")
        parts = {
            segment: pb.PutPoolsRequest(
                request_id=request.request_id,
                pools=[
                    catalog_pb2.Pool(
                        pool=pool.pool,
                        display_name=pool.display_name,
                        locations=[location for location in pool.locations if places[location] is segment],
                    )
                    for pool in request.pools
                ],
            )
            for segment in self._directory.segments
        }
        self._directory.forget_channels()
        answer: pb.PutPoolsResponse = await self._to_parts("PutPools", parts, caller)
        return answer

    def _check_shares(self, kept_by: set[str], lies_in: set[str], field: str) -> None:
        """Raises SpansSegments if a channel would sell from a segment that does not keep its buffer or allotment."""
        if kept_by and (lies_in - kept_by or len(kept_by) > 1):
            raise SpansSegments(field, self._listed(kept_by | lies_in))

    def _listed(self, names: Collection[str]) -> str:
        return ",".join(name for name in self._directory.names if name in names)

    @unary
    async def ListPools(self, request: pb.ListPoolsRequest, caller: Caller) -> pb.ListPoolsResponse:
        # Every segment has every pool, so the pages of all of them are cut at the same pools, if they are as long.
        answer: pb.ListPoolsResponse = await ask(_CATALOG, "ListPools", self._directory.first, request, caller)
        by_id = {pool.pool: pool for pool in answer.pools}
        for segment in self._directory.segments[1:]:
            other: pb.ListPoolsResponse = await ask(_CATALOG, "ListPools", segment, request, caller)
            for pool in other.pools:
                if pool.pool in by_id:
                    by_id[pool.pool].locations.extend(pool.locations)
        return answer

    @unary
    async def PutChannels(self, request: pb.PutChannelsRequest, caller: Caller) -> pb.PutChannelsResponse:
        pools = await self._directory.segments_of_pools([one.pool for one in request.channels])
        wanted = {}
        for number, one in enumerate(request.channels):
            lies_in = pools[one.pool]
            shares = await self._directory.segments_with_shares(channels=[one.channel])
            self._check_shares(shares, set(lies_in), f"channels[{number}].pool")
            home = self._directory.segment(one.segment).segment if one.segment else ""
            wanted[one.channel] = home or (lies_in or self._directory.names)[0]
        await self._check_places(PlacedKind.CHANNEL, request.channels, "channel")
        await self._directory.place(PlacedKind.CHANNEL, wanted)
        await self._check_places(PlacedKind.CHANNEL, request.channels, "channel")
        self._directory.forget_channels()
        told = pb.PutChannelsRequest(
            request_id=request.request_id,
            channels=[
                catalog_pb2.Channel(channel=one.channel, display_name=one.display_name, pool=one.pool)
                for one in request.channels
            ],
        )
        parts = dict.fromkeys(self._directory.segments, told)
        answer: pb.PutChannelsResponse = await self._to_parts("PutChannels", parts, caller)
        return answer

    @unary
    async def ListChannels(self, request: pb.ListChannelsRequest, caller: Caller) -> pb.ListChannelsResponse:
        answer: pb.ListChannelsResponse = await ask(_CATALOG, "ListChannels", self._directory.first, request, caller)
        places = await self._directory.places(PlacedKind.CHANNEL, [one.channel for one in answer.channels])
        for one in answer.channels:
            one.segment = places[one.channel].segment if one.channel in places else ""
        return answer

    @unary
    async def PutRules(self, request: pb.PutRulesRequest, caller: Caller) -> pb.PutRulesResponse:
        parts: defaultdict[SegmentServices, pb.PutRulesRequest] = defaultdict(
            lambda: pb.PutRulesRequest(request_id=request.request_id, reason=request.reason)
        )
        for number, rule in enumerate(request.rules):
            for segment, its_part in await self._parts_of_rule(rule, f"rules[{number}]"):
                parts[segment].rules.append(its_part)
        answer: pb.PutRulesResponse = await self._to_parts("PutRules", dict(parts), caller)
        return answer

    async def _parts_of_rule(self, rule: Any, field: str) -> list[tuple[SegmentServices, Any]]:
        """Returns the segments that a rule is said to, each with what is said to it."""
        kind = rule.WhichOneof("kind")
        said = getattr(rule, kind)
        if kind == "distances":
            return await self._parts_of_distances(rule)
        if kind == "backorder":
            return await self._parts_of_backorder(rule, field)
        if kind == "safety_stock" and said.location:
            return [(await self._directory.of_locations([(f"{field}.safety_stock.location", said.location)]), rule)]
        if kind in ("channel_buffer", "allotment"):
            # They are about all units of a channel, so they can only be kept where all of these are decided.
            return [(await only_segment_of(self._directory, said.channel, f"{field}.{kind}.channel"), rule)]
        return [(segment, rule) for segment in self._directory.segments]

    async def _parts_of_backorder(self, rule: Any, field: str) -> list[tuple[SegmentServices, Any]]:
        """An item is awaited at one location, so a rule that moves to another segment ends where it was."""
        own = await self._directory.of_locations([(f"{field}.backorder.location", rule.backorder.location)])
        ended = type(rule)()
        ended.CopyFrom(rule)
        ended.removed = True
        return [(segment, rule if segment is own else ended) for segment in self._directory.segments]

    async def _parts_of_distances(self, rule: Any) -> list[tuple[SegmentServices, Any]]:
        places = await self._places([one.location for one in rule.distances.locations])
        found = []
        for segment in self._directory.segments:
            part = type(rule)()
            part.CopyFrom(rule)
            del part.distances.locations[:]
            part.distances.locations.extend(one for one in rule.distances.locations if places[one.location] is segment)
            found.append((segment, part))
        return found

    async def _check_places(self, kind: PlacedKind, put: Sequence[Any], what: str) -> None:
        """Raises SpansSegments for the first that names another segment than it lies in.

        Asked before anything is placed, so that a refused request places nothing, and after, for somebody else may have
        been faster.
        """
        places = await self._directory.places(kind, [getattr(one, what) for one in put])
        for number, one in enumerate(put):
            place = places.get(getattr(one, what))
            if one.segment and place is not None and one.segment != place.segment:
                raise SpansSegments(f"{what}s[{number}].segment", f"{place.segment},{one.segment}")

    async def _places(self, locations: Sequence[str]) -> dict[str, SegmentServices]:
        places = await self._directory.places(PlacedKind.LOCATION, locations)
        for location in locations:
            if location not in places:
                raise UnknownLocation(location)
        return places

    async def _to_parts(self, method: str, parts: dict[SegmentServices, Any], caller: Caller) -> Any:
        """Tells each segment its part, in order; returns the first answer.

        A refusal ends it. What was told before stays told, and the same request_id tells the rest.
        """
        ordered = [one for one in self._directory.segments if one in parts]
        answers = [await ask(_CATALOG, method, one, parts[one], caller) for one in ordered]
        return answers[0]
