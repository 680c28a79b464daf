"""Finds the segment of what a request names."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from holdfast_server.edge.front.split_parts import is_split, parts_of
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger import placement, queries
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.ledger.reader import LedgerReader
from holdfast_server.records import DocumentKind
from holdfast_server.refusals import SpansSegments, UnknownChannel, UnknownLocation, UnknownReservation, UnknownSegment

# Places never change, so those that were seen are remembered, the last ones of them.
_MAX_REMEMBERED: Final = 100_000
# Where a channel sells from may change. It only says where it is worth asking, so it may be a little old.
_CHANNEL_SECONDS: Final = 1.0
_MAX_CHANNELS: Final = 10_000
_CHANNELS_PER_READ: Final = 1_000


class Directory:
    """The segments of this server, and what lies in which."""

    def __init__(self, segments: Sequence[SegmentServices], reader: LedgerReader) -> None:
        self.segments = tuple(segments)
        self.names = tuple(one.segment for one in segments)
        self._reader = reader
        self._by_name = {one.segment: one for one in segments}
        self._places: dict[PlacedKind, OrderedDict[str, str]] = {kind: OrderedDict() for kind in PlacedKind}
        self._sells_from: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    @property
    def first(self) -> SegmentServices:
        """The segment that has what is said of no other."""
        return self.segments[0]

    def segment(self, name: str) -> SegmentServices:
        """Returns a segment of this server. Raises UnknownSegment."""
        found = self._by_name.get(name)
        if found is None:
            raise UnknownSegment(name)
        return found

    def of_reservation(self, reservation_id: str) -> SegmentServices:
        """Returns the segment that a reservation's id names. Raises UnknownReservation."""
        found = self._by_name.get(reservation_id.partition("-")[0])
        if found is None:
            raise UnknownReservation(reservation_id)
        return found

    async def of_one_reservation(self, reservation_id: str) -> SegmentServices:
        """Returns the segment of a reservation for a step that only one segment can take.

        Raises UnknownReservation, and SpansSegments for a reservation in several: its parts can take the step.
        """
        home = self.of_reservation(reservation_id)
        if is_split(reservation_id):
            found = await self._reader.ask(queries.find_document, home.segment, DocumentKind.SPLIT, reservation_id)
            if found is None:
                raise UnknownReservation(reservation_id)
            raise SpansSegments("reservation_id", ",".join(part.segment for part in parts_of(found)))
        return home

    async def place(self, kind: PlacedKind, wanted: Mapping[str, str]) -> dict[str, SegmentServices]:
        """Gives places to names that have none, and returns where all of them lie."""
        known = self._places[kind]
        if not all(name in known for name in wanted):
            self._remember(kind, await self._reader.ask(placement.place, kind, dict(wanted)))
        return {name: self.segment(known[name]) for name in wanted}

    async def places(self, kind: PlacedKind, names: Iterable[str]) -> dict[str, SegmentServices]:
        """Returns where names lie; those that lie in no segment of this server are left out."""
        known = self._places[kind]
        asked = set(names)
        unknown = [name for name in asked if name not in known]
        if unknown:
            self._remember(kind, await self._reader.ask(placement.places, kind, unknown))
        return {name: self._by_name[known[name]] for name in asked if known.get(name) in self._by_name}

    def _remember(self, kind: PlacedKind, found: Mapping[str, str]) -> None:
        known = self._places[kind]
        known.update(found)
        while len(known) > max(_MAX_REMEMBERED, len(found)):
            known.popitem(last=False)

    async def of_locations(self, named: Sequence[tuple[str, str]]) -> SegmentServices:
        """Returns the one segment in which all locations lie, of (field, location).

        Raises UnknownLocation, and SpansSegments for the first field that names another segment.
        """
        places = await self.places(PlacedKind.LOCATION, [location for _, location in named])
        first: SegmentServices | None = None
        for field, location in named:
            found = places.get(location)
            if found is None:
                raise UnknownLocation(location)
            if first is None:
                first = found
            elif found is not first:
                raise SpansSegments(field, f"{first.segment},{found.segment}")
        return first or self.first

    async def home_of(self, channel: str) -> SegmentServices:
        """Returns the segment that is asked first for a channel's demand. Raises UnknownChannel."""
        found = (await self.places(PlacedKind.CHANNEL, [channel])).get(channel)
        if found is None:
            raise UnknownChannel(channel)
        return found

    async def sells_from(self, channel: str) -> list[SegmentServices]:
        """Returns the segments in which the channel's pool has locations, in sourcing order; perhaps as of a moment
        ago."""
        return (await self.sell_from([channel]))[channel]

    async def sell_from(self, channels: Iterable[str]) -> dict[str, list[SegmentServices]]:
        """Returns the same of several channels."""
        asked = list(dict.fromkeys(channels))
        kept_from = time.monotonic() - _CHANNEL_SECONDS
        found = {name: one for name in asked if (one := self._sells_from.get(name)) and one[0] >= kept_from}
        unknown = [name for name in asked if name not in found]
        for begin in range(0, len(unknown), _CHANNELS_PER_READ):
            portion = unknown[begin : begin + _CHANNELS_PER_READ]
            began = time.monotonic()
            named = await self._reader.ask(placement.segments_of_channels, self.names, portion)
            found.update((name, (began, named[name])) for name in portion)
        for name in unknown:
            self._sells_from[name] = found[name]
            self._sells_from.move_to_end(name)
        while len(self._sells_from) > _MAX_CHANNELS:
            self._sells_from.popitem(last=False)
        return {name: [self._by_name[one] for one in found[name][1]] for name in asked}

    async def locations_of_channel(self, channel: str) -> set[str]:
        """Returns the locations that a channel sells from now."""
        return await self._reader.ask(placement.locations_of_channel, self.names, channel)

    async def segments_of_pools(self, pools: Sequence[str]) -> dict[str, list[str]]:
        """Returns the names of the segments in which pools have locations now, in sourcing order."""
        return await self._reader.ask(placement.segments_of_pools, self.names, pools)

    async def segments_with_shares(self, *, channels: Sequence[str] = (), pools: Sequence[str] = ()) -> set[str]:
        """Returns the segments that keep a buffer or an allotment of the channels, or of the channels of the pools."""
        found = await self._reader.ask(placement.channels_with_shares, self.names, channels=channels, pools=pools)
        return {segment for _, segment in found}

    def place_if_known(self, location: str) -> SegmentServices | None:
        """Returns the segment of a location, if this server has seen it before."""
        return self._by_name.get(self._places[PlacedKind.LOCATION].get(location, ""))

    def only_segment_if_known(self, channel: str) -> SegmentServices | None:
        """Returns the segment of a channel that is at home and sells in one segment alone, if this server has seen that
        a moment ago."""
        home = self._by_name.get(self._places[PlacedKind.CHANNEL].get(channel, ""))
        known = self._sells_from.get(channel)
        if home is None or known is None or time.monotonic() - known[0] > _CHANNEL_SECONDS:
            return None
        return home if known[1] in ([home.segment], []) else None

    def forget_channels(self) -> None:
        """Looks anew at where channels sell from: pools or channels were put."""
        self._sells_from.clear()

    async def of_document(self, kind: DocumentKind, document_id: str) -> SegmentServices:
        """Returns the segment of a document; the first one if there is none, which will say so."""
        found = await self._reader.ask(placement.segments_of_document, self.names, int(kind), document_id)
        return self._by_name[found[0]] if found else self.first
