"""What the books said at the moment of a count: looked up in the ledger before the count is decided."""

from __future__ import annotations

import time
from collections.abc import Sequence

from holdfast.inventory.v1 import stock_pb2 as stock
from holdfast.inventory.v1 import supply_pb2 as pb

from holdfast_server.edge.authority import Authority
from holdfast_server.edge.requests.mutation import MICROSECONDS, microseconds_of
from holdfast_server.edge.requests.reservations import availability, position_in
from holdfast_server.edge.requests.stock import Books
from holdfast_server.ledger import queries
from holdfast_server.refusals import InvalidField, Refusal, StaleRevision, Violation


async def books_of(authority: Authority, counts: Sequence[pb.CountStockRequest]) -> list[Books | Refusal | None]:
    """Returns for each count what the ledger knows of its moment; None for one that was made now.

    Returns a refusal for a moment that the segment has not reached, and for all that could not be looked up.
    """
    books: list[Books | Refusal | None] = [None] * len(counts)
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
    by_position: dict[int, list[int]] = {}
    for index in earlier:
        try:
            position = await _position_of(authority, counts[index], reading.position, now_us)
            by_position.setdefault(position, []).append(index)
        except Refusal as refusal:
            books[index] = refusal
    for position, indexes in by_position.items():
        for index, found in zip(indexes, await _at_position(authority, position, counts, indexes), strict=True):
            books[index] = found
    return books


async def _at_position(
    authority: Authority, position: int, counts: Sequence[pb.CountStockRequest], indexes: Sequence[int]
) -> Sequence[Books | Refusal]:
    """Looks up all counts of one moment in one go; a snapshot of a hundred thousand rows has but one."""
    try:
        found = await books_at(authority, [line for index in indexes for line in counts[index].lines], position)
    except Refusal as refusal:
        return [refusal] * len(indexes)
    parts = []
    begin = 0
    for index in indexes:
        end = begin + len(counts[index].lines)
        parts.append(
            Books(
                as_of=position,
                units=found.units[begin:end],
                known_at=found.known_at,
                last_counts=found.last_counts[begin:end],
            )
        )
        begin = end
    return parts


async def books_at(authority: Authority, lines: Sequence[pb.CountLine], position: int) -> Books:
    """Returns what the ledger knows per counted line: the units right after a position, and the last count of it."""
    segment = authority.settings.segment
    levels = [(line.sku, line.location, line.status or stock.STOCK_STATUS_SELLABLE) for line in lines]
    units = await authority.reader.ask(queries.book_quantities, segment, levels, position)
    known_at, last_counts = await authority.reader.ask(queries.last_counts, segment, levels)
    return Books(as_of=position, units=units, known_at=known_at, last_counts=last_counts)


async def _position_of(authority: Authority, count: pb.CountStockRequest, reached: int, now_us: int) -> int:
    """Returns the position of the last operation before the moment of a count, that moment included."""
    segment = authority.settings.segment
    if count.WhichOneof("as_of") == "as_of_revision":
        position = position_in(segment, count.as_of_revision)
        if position > reached:
            raise StaleRevision(segment, position, reached)
        return position
    time_us = microseconds_of(count.as_of_time)
    if time_us > now_us:
        raise InvalidField([Violation(field="as_of_time", description="must not be in the future")])
    return await authority.reader.ask(queries.position_at, segment, time_us)


async def _now_us(authority: Authority) -> int:
    """Returns the time now: by this server's clock, or by the segment's if that is ahead."""
    segments = await authority.reader.ask(queries.read_segments)
    clocks = [one.clock_us for one in segments if one.segment == authority.settings.segment]
    return max(int(time.time() * MICROSECONDS), *clocks)
