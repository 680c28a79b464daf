"""What the books said at the moment of a count: looked up in the ledger before the count is decided."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from holdfast.inventory.v1 import stock_pb2 as stock
from holdfast.inventory.v1 import supply_pb2 as pb

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.requests.mutation import MICROSECONDS, microseconds_of
from holdfast_server.edge.requests.reservations import availability, position_in
from holdfast_server.ledger import queries
from holdfast_server.refusals import InvalidField, Refusal, StaleRevision, Violation

_Moment = tuple[str, int]
"""Whether a position or a time in microseconds is meant, and which."""
_POSITION: Final = "position"
_TIME: Final = "time"


async def books_of(
    authority: Authority, counts: Sequence[pb.CountStockRequest]
) -> list[Sequence[int] | Refusal | None]:
    """Returns for each count the units on the books per line at its moment; None for one that was made now.

    Returns a refusal for a moment that the segment has not reached, and for all that could not be looked up.
    """
    books: list[Sequence[int] | Refusal | None] = [None] * len(counts)
    earlier = [index for index, count in enumerate(counts) if count.WhichOneof("as_of") is not None]
    if not earlier:
        return books
    try:
        # Whatever was decided before this call is committed, and so in the books, once this question is answered.
        reading = await authority.read(availability([]))
        now_us = await _now_us(authority)
    except Refusal as refusal:
        for index in earlier:
            books[index] = refusal
        return books
    by_moment: dict[_Moment, list[int]] = {}
    for index in earlier:
        try:
            moment = _moment_of(counts[index], authority.settings.segment, reading.position, now_us)
            by_moment.setdefault(moment, []).append(index)
        except Refusal as refusal:
            books[index] = refusal
    for moment, indexes in by_moment.items():
        for index, found in zip(indexes, await _at_moment(authority, moment, counts, indexes), strict=True):
            books[index] = found
    return books


async def _at_moment(
    authority: Authority, moment: _Moment, counts: Sequence[pb.CountStockRequest], indexes: Sequence[int]
) -> Sequence[Sequence[int] | Refusal]:
    """Looks up all counts of one moment in one go; a snapshot of a hundred thousand rows has but one."""
    kind, value = moment
    lines = [line for index in indexes for line in counts[index].lines]
    try:
        units = iter(
            await books_at(
                authority,
                lines,
                position=value if kind == _POSITION else None,
                time_us=value if kind == _TIME else None,
            )
        )
    except Refusal as refusal:
        return [refusal] * len(indexes)
    return [[next(units) for _ in counts[index].lines] for index in indexes]


async def books_at(
    authority: Authority, lines: Sequence[pb.CountLine], *, position: int | None = None, time_us: int | None = None
) -> list[int]:
    """Returns the units on the books per counted line right after a position, or at a time of the segment's clock."""
    levels = [(line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE) for line in lines]
    return await authority.reader.ask(
        queries.book_quantities, authority.settings.segment, levels, position=position, time_us=time_us
    )


def _moment_of(count: pb.CountStockRequest, segment: str, reached: int, now_us: int) -> _Moment:
    if count.WhichOneof("as_of") == "as_of_revision":
        position = position_in(segment, count.as_of_revision)
        if position > reached:
            raise StaleRevision(segment, position, reached)
        return _POSITION, position
    time_us = microseconds_of(count.as_of_time)
    if time_us > now_us:
        raise InvalidField([Violation(field="as_of_time", description="must not be in the future")])
    return _TIME, time_us


async def _now_us(authority: Authority) -> int:
    """Returns the time now: by this server's clock, or by the segment's if that is ahead."""
    segments = await authority.reader.ask(queries.read_segments)
    clocks = [one.clock_us for one in segments if one.segment == authority.settings.segment]
    return max(int(time.time() * MICROSECONDS), *clocks)
