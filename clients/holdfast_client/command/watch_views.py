"""How `holdfast watch` shows what it is told where there is no screen: as lines for programs and people, as tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Protocol

from holdfast.inventory.v1 import stock_pb2

from holdfast_client.command import asking
from holdfast_client.command.availability import OF_A_CHANNEL, OF_A_LOCATION, print_availabilities
from holdfast_client.watching.events import (
    AvailabilityGone,
    AvailabilityUpdate,
    ChangeCause,
    InStep,
    OutOfStep,
    WatchEvent,
    WatchReset,
)
from holdfast_client.watching.latest import LatestAvailability


class View(Protocol):
    """Shows a watch, event by event, for as long as its context lasts."""

    def shown(self) -> AbstractAsyncContextManager[None]:
        """Begin to show; at the end leave what was shown last."""
        ...

    def take(self, event: WatchEvent) -> None:
        """Show an event."""
        ...


class JsonLines:
    """One JSON object for each change, on a line."""

    def shown(self) -> AbstractAsyncContextManager[None]:
        """Nothing to begin or to leave."""
        return nullcontext()

    def take(self, event: WatchEvent) -> None:
        """Print a change. That nothing is heard is said on stderr."""
        match event:
            case AvailabilityUpdate():
                asking.print_json(_update_as_dict(event))
            case AvailabilityGone():
                gone = {"event": "gone", "sku": event.sku, "channel": event.channel, "location": event.location}
                asking.print_json(gone)
            case WatchReset():
                asking.print_json({"event": "reset", "reason": event.reason})
            case OutOfStep():
                complain_of(event)
            case InStep():
                pass


class PlainLines:
    """A line in words for each change."""

    def __init__(self) -> None:
        self._latest = LatestAvailability()

    def shown(self) -> AbstractAsyncContextManager[None]:
        """Nothing to begin or to leave."""
        return nullcontext()

    def take(self, event: WatchEvent) -> None:
        """Print a change."""
        match event:
            case AvailabilityUpdate():
                known = self._latest.get(event.sku, channel=event.channel, location=event.location)
                _print_now(_update_in_words(event, known))
            case AvailabilityGone():
                _print_now(f"{event.sku} {event.channel or event.location}: gone")
            case WatchReset():
                _print_now(f"the watch begins anew: {event.reason}")
            case InStep() if self._latest.revision is None:
                _print_now(f"in step with revision {asking.place_of(event.revision)}; changes follow")
            case OutOfStep():
                complain_of(event)
            case InStep():
                pass
        self._latest.take(event)


class Tables:
    """The numbers as `holdfast availability` shows them, once they are complete: in the order of the SKUs, if given."""

    def __init__(self, skus: Sequence[str]) -> None:
        self._latest = LatestAvailability()
        self._order = {sku: place for place, sku in enumerate(skus)}

    def shown(self) -> AbstractAsyncContextManager[None]:
        """Nothing to begin or to leave."""
        return nullcontext()

    def take(self, event: WatchEvent) -> None:
        """Gather the numbers, and print them when they are in step."""
        self._latest.take(event)
        if isinstance(event, InStep):
            numbers = sorted(self._latest, key=lambda number: (self._order.get(number.sku, 0), number.key))
            for columns, told in (
                (OF_A_CHANNEL, [_availability_of(number) for number in numbers if number.channel]),
                (OF_A_LOCATION, [_availability_of(number) for number in numbers if number.location]),
            ):
                if told:
                    print_availabilities(told, columns)
            _print_now(f"as of revision {asking.place_of(event.revision)}")


def complain_of(loss: OutOfStep) -> None:
    """Say on stderr that nothing is heard."""
    asking.complain(f"out of step, trying again: {loss.error}")


def cause_in_words(causes: tuple[ChangeCause, ...]) -> str:
    """What was done last, and what else."""
    if not causes:
        return ""
    last = max(causes, key=lambda cause: cause.revision.position)
    words = f"{last.operation} x{last.count}" if last.count > 1 else last.operation
    others = sum(cause.count for cause in causes) - last.count
    return f"{words} and {others} more" if others else words


def change_since(number: AvailabilityUpdate, known: AvailabilityUpdate | None) -> str:
    """The change of what is available; empty if nothing was known, or it did not change."""
    difference = 0 if known is None else number.available - known.available
    return f"{difference:+}" if difference else ""


def _update_in_words(number: AvailabilityUpdate, known: AvailabilityUpdate | None) -> str:
    words = [f"{number.sku} {number.channel or number.location}: {number.available} available"]
    change = change_since(number, known)
    if change:
        words[0] += f" ({change})"
    if number.backorder:
        words.append(f"{number.backorder} on backorder")
    if number.causes:
        words.append(cause_in_words(number.causes))
    return ", ".join(words)


def _update_as_dict(number: AvailabilityUpdate) -> dict[str, Any]:
    return {
        "event": "changed",
        "sku": number.sku,
        "channel": number.channel,
        "location": number.location,
        "available": number.available,
        "backorder": number.backorder,
        "level": None if number.level is None else asking.as_dict(number.level),
        "version": number.version,
        "causes": [
            {"operation": cause.operation, "count": cause.count, "revision": asking.place_of(cause.revision)}
            for cause in number.causes
        ],
        "skipped": number.skipped,
    }


def _availability_of(number: AvailabilityUpdate) -> stock_pb2.Availability:
    return stock_pb2.Availability(
        sku=number.sku,
        channel=number.channel,
        location=number.location,
        available_to_sell_quantity=number.available,
        backorder_quantity=number.backorder,
        stock_level=number.level,
    )


def _print_now(words: str) -> None:
    asking.print_words(words)
    sys.stdout.flush()
