"""Linearizability of the counter of every SKU, with the ledger as the witness.

In general one searches for an order of all calls in which every answer is right and no call comes after one that began
when it had ended. Here nobody has to search: the authority itself says that the positions of the ledger are such an
order. So it is checked that they are, which is a stricter claim, and takes n log n:

- a mutation is at its position, which must fit between its beginning and its end;
- a read is at the position that it was answered with, and must say what the levels come to there;
- a refusal for want of stock says no position: there must be one, between what had ended when it began and what began
  when it had ended, at which one of its lines was short.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence

from robustness.books import Books
from robustness.history import Call, History

# Two clocks are compared nowhere, but a time is read after an answer came: so much may lie between.
_SLACK_SECONDS = 0.0005
SHORT = "INSUFFICIENT_STOCK"


class Counters:
    """What could be reserved of every SKU, at every position of the ledger."""

    def __init__(self, books: Books) -> None:
        self._positions: dict[str, list[int]] = defaultdict(lambda: [0])
        self._units: dict[str, list[int]] = defaultdict(lambda: [0])
        levels: dict[tuple[str, str], int] = defaultdict(int)
        totals: dict[str, int] = defaultdict(int)
        for movement in books.movements:
            key = movement.sku, movement.location
            before = max(0, levels[key])
            levels[key] += movement.sellable - movement.held - movement.committed - movement.backordered
            totals[movement.sku] += max(0, levels[key]) - before
            positions, units = self._positions[movement.sku], self._units[movement.sku]
            if positions[-1] == movement.position:
                units[-1] = totals[movement.sku]
            else:
                positions.append(movement.position)
                units.append(totals[movement.sku])

    def at(self, sku: str, position: int) -> int:
        """Returns the units after the operation at a position."""
        return self._units[sku][bisect.bisect_right(self._positions[sku], position) - 1]

    def least_between(self, sku: str, first: int, last: int) -> int:
        """Returns the least units after any operation from the first position to the last."""
        positions, units = self._positions[sku], self._units[sku]
        begin = bisect.bisect_right(positions, first) - 1
        return min(units[begin : max(begin + 1, bisect.bisect_right(positions, last))])


class Bounds:
    """The positions between which a call must lie, by what had ended before it and what began after it."""

    def __init__(self, mutations: Sequence[Call], head: int) -> None:
        self._head = head
        self._ends = sorted((call.ended, call.position) for call in mutations)
        self._begins = sorted((call.began, call.position) for call in mutations)
        highest, self._highest = 0, []
        for _, position in self._ends:
            highest = max(highest, position)
            self._highest.append(highest)
        lowest, lowest_from = head + 1, []
        for _, position in reversed(self._begins):
            lowest = min(lowest, position)
            lowest_from.append(lowest)
        self._lowest = lowest_from[::-1]

    def of(self, call: Call) -> tuple[int, int]:
        """Returns the least and the greatest position that a call may have."""
        ended = bisect.bisect_left(self._ends, (call.began - _SLACK_SECONDS, 0))
        begun = bisect.bisect_right(self._begins, (call.ended + _SLACK_SECONDS, self._head + 1))
        least = self._highest[ended - 1] if ended else 0
        return least, (self._lowest[begun] - 1 if begun < len(self._lowest) else self._head)


def order_violations(history: History, books: Books) -> Iterator[str]:
    """Yields every answer that is wrong where it stands in the order of the ledger."""
    counters = Counters(books)
    acknowledged = list(history.acknowledged)
    bounds = Bounds(acknowledged, books.head)
    for call in history.calls:
        least, greatest = bounds.of(call)
        if call.outcome == "done" and not least <= call.position <= greatest:
            yield (
                f"{call.method} {call.request_id} is at {call.position}: what ended before it goes up to {least}, "
                f"what began after it from {greatest + 1}"
            )
        if call.method == "read" and call.outcome == "done":
            for sku, units in call.available.items():
                there = counters.at(sku, call.position)
                if units != there:
                    yield f"a read at {call.position} said {units} of {sku}, there were {there}"
        if call.outcome == "refused" and call.reason == SHORT:
            wanted: dict[str, int] = defaultdict(int)
            for sku, units in call.lines:
                wanted[sku] += units
            if not any(counters.least_between(sku, least, greatest) < units for sku, units in wanted.items()):
                yield f"reserve {call.request_id} was refused; from {least} to {greatest} all its lines were there"
