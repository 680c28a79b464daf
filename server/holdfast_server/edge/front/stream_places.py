"""Where a stream over several segments begins: which segments it tells of, and from which place in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge.conversion import revision
from holdfast_server.edge.front.directory import Directory
from holdfast_server.edge.services import SegmentServices
from holdfast_server.ledger.placement import PlacedKind
from holdfast_server.refusals import UnknownSegment
from holdfast_server.watch.filter import WatchFilter
from holdfast_server.watch.movements import MovementSelection
from holdfast_server.watch.token import OTHER_SEGMENTS, parts_of_token


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersBegin:
    """Where a watch of availability begins: in each segment from its token; without tokens, anew in all of them."""

    segments: tuple[SegmentServices, ...]
    tokens: Mapping[str, str] = field(default_factory=dict)
    reset: int = 0
    """Why it begins anew although it was to go on, as a number of WatchResetReason; else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementsBegin:
    """Where a stream of movements begins: in each segment from its token, after its position, or from now on."""

    segments: tuple[SegmentServices, ...]
    tokens: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    resets: tuple[pb.MovementReset, ...] = ()


class StreamPlaces:
    """Knows the segments of this server, and what lies in which."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def of_numbers(self, of: WatchFilter) -> tuple[SegmentServices, ...]:
        """Returns the segments that a filter lies in now: all of them, if it names what nobody has put yet."""
        found = await self._of_locations(of.locations)
        for sells_from in (await self._directory.sell_from(of.channels)).values():
            # A channel that sells from nowhere may sell from anywhere soon.
            found.update(sells_from or self._directory.segments)
        return self._in_order(found)

    async def of_movements(self, of: MovementSelection) -> tuple[SegmentServices, ...]:
        """Returns the segments in which movements may pass. A channel may once have sold from any of them."""
        return self._in_order(await self._of_locations(of.locations) or self._directory.segments)

    async def _of_locations(self, locations: frozenset[str]) -> set[SegmentServices]:
        places = await self._directory.places(PlacedKind.LOCATION, locations)
        is_known = len(places) == len(locations)
        return set(places.values()) if is_known else set(self._directory.segments)

    def _in_order(self, found: Iterable[SegmentServices]) -> tuple[SegmentServices, ...]:
        members = set(found)
        return tuple(one for one in self._directory.segments if one in members)

    async def numbers_from(self, token: str, of: WatchFilter) -> NumbersBegin:
        """Returns where a watch begins that was given a token, or none. Raises InvalidField for what is no token.

        It goes on in all segments of the token, also in those that the filter does not lie in any more: what a channel
        has there is nothing, and the version of its number does not go back.
        """
        needed = await self.of_numbers(of)
        if not token:
            return NumbersBegin(segments=needed)
        parts = parts_of_token(token)
        if parts is None:
            await self._check(token)
            if len(needed) == 1:
                return NumbersBegin(segments=needed, tokens={needed[0].segment: token})
            return NumbersBegin(segments=needed, reset=OTHER_SEGMENTS)
        known = tuple(one for one in self._directory.segments if one.segment in parts)
        if len(known) == len(parts) and set(needed) <= set(known):
            return NumbersBegin(segments=known, tokens=parts)
        return NumbersBegin(segments=needed, reset=OTHER_SEGMENTS)

    async def numbers_of(self, request: pb.WatchAvailabilityRequest, of: WatchFilter) -> NumbersBegin:
        """Returns where a stream of a subscription begins that was given no token: where it has acknowledged."""
        tokens = {}
        for one in self._directory.segments:
            _, token = await one.subscribed.numbers(request)
            if token:
                tokens[one.segment] = token
        acknowledged = [one for one in self._directory.segments if one.segment in tokens]
        segments = self._in_order([*await self.of_numbers(of), *acknowledged])
        if tokens and len(tokens) < len(segments):
            return NumbersBegin(segments=segments, reset=OTHER_SEGMENTS)
        return NumbersBegin(segments=segments, tokens=tokens)

    async def movements_from(self, token: str, of: MovementSelection) -> MovementsBegin:
        """Returns where a stream of movements begins that was given a token. Raises InvalidField for what is none.

        Nothing is left out silently: a segment that the token does not know is told from its beginning.
        """
        needed = await self.of_movements(of)
        parts = await self.parts_of(token)
        after = {one.segment: 0 for one in needed if one.segment not in parts}
        resets = [_reset(segment, 0) for segment in after]
        for gone in parts.keys() - set(self._directory.names):
            resets.append(_reset(gone, await self._check(parts[gone])))
        return MovementsBegin(segments=needed, tokens=parts, after=after, resets=tuple(resets))

    async def movements_of(self, request: pb.WatchMovementsRequest, of: MovementSelection) -> MovementsBegin:
        """Returns where a stream of movements begins that was given no token: after a revision of one segment, of a
        subscription where it has acknowledged, and else from now on. Raises UnknownSegment."""
        needed = await self.of_movements(of)
        after = {}
        if request.HasField("after_revision"):
            segment = self._directory.segment(request.after_revision.segment)
            if segment not in needed:
                raise UnknownSegment(segment.segment)
            after[segment.segment] = request.after_revision.position
        question = pb.WatchMovementsRequest(subscription=request.subscription)
        tokens = {}
        for one in needed if request.subscription else ():
            if one.segment not in after:
                _, tokens[one.segment] = await one.subscribed.movements(question)
        return MovementsBegin(segments=needed, tokens=tokens, after=after)

    async def parts_of(self, token: str) -> dict[str, str]:
        """Returns the tokens of segments that a token is made of, by segment. Raises InvalidField for what is none.

        One that no segment here gave out counts as the first one's, which will say so.
        """
        parts = parts_of_token(token)
        if parts is not None:
            return parts
        lineage = (await self._directory.first.subscribed.signer()).token_of(token).lineage
        for one in self._directory.segments:
            if (await one.subscribed.head()).lineage == lineage:
                return {one.segment: token}
        return {self._directory.first.segment: token}

    async def _check(self, token: str) -> int:
        """Returns the position of a token. Raises InvalidField for what is none."""
        return (await self._directory.first.subscribed.signer()).token_of(token).position


def _reset(segment: str, position: int) -> pb.MovementReset:
    return pb.MovementReset(
        reason=pb.WATCH_RESET_REASON_OTHER_SEGMENTS,
        revision=revision(segment, position),
    )
