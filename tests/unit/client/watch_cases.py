"""What the scripted authority tells those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeAlias, TypeVar

import grpc
from google.rpc import status_pb2
from holdfast.inventory.v1 import revision_pb2, stock_pb2, watch_pb2

from holdfast_client import (
    AvailabilityGone,
    AvailabilityUpdate,
    HoldfastError,
    InStep,
    InvalidField,
    MemoryTokenStore,
    MovementEvent,
    MovementReset,
    OutOfStep,
    WatchEvent,
    WatchPolicy,
    WatchReset,
)
from unit.client.scripted import PATIENCE_SECONDS, Pause, status_of

Response = watch_pb2.WatchAvailabilityResponse
Change = watch_pb2.AvailabilityChange

AT_ONCE = WatchPolicy(initial_backoff_seconds=0.0, max_backoff_seconds=0.0)
"""Streams follow one another at once: the waits are judged by what is asked for, never by the clock."""


def at(position: int) -> revision_pb2.Revision:
    return revision_pb2.Revision(segment="main", position=position)


def number(
    sku: str, available: int, version: int, *, location: str = "", because: str = "", skipped: int = 0
) -> Change:
    """A number of a SKU for the channel WEB, or at a location."""
    level = stock_pb2.StockLevel(sku=sku, location=location, net_quantity=available) if location else None
    availability = stock_pb2.Availability(
        sku=sku,
        channel="" if location else "WEB",
        location=location,
        available_to_sell_quantity=available,
        stock_level=level,
    )
    causes = [watch_pb2.ChangeCause(operation=because, operation_count=1, revision=at(version))] if because else []
    return Change(availability=availability, version=version, causes=causes, skipped_count=skipped)


def snapshot(*numbers: Change) -> Response:
    return Response(snapshot=watch_pb2.AvailabilitySnapshot(values=numbers))


def synced(position: int) -> Response:
    return Response(synced=watch_pb2.WatchSynced(resume_token=f"token-{position}", revision=at(position)))


def changes(*numbers: Change, position: int = 0) -> Response:
    """Changes up to a position; without one, more follow that belong to them."""
    told = watch_pb2.AvailabilityChanges(changes=numbers)
    if position:
        told.resume_token = f"token-{position}"
        told.revision.CopyFrom(at(position))
    return Response(changes=told)


def bookmark(position: int) -> Response:
    return Response(bookmark=watch_pb2.WatchBookmark(resume_token=f"token-{position}", revision=at(position)))


def reset(reason: str = "OTHER_LINEAGE") -> Response:
    return Response(reset=watch_pb2.WatchReset(reason=watch_pb2.WatchResetReason.Value(f"WATCH_RESET_REASON_{reason}")))


def ended(cause: str = "MAX_AGE", token: str = "") -> status_pb2.Status:
    metadata = {"cause": cause, "resume_token": token}
    return status_of(grpc.StatusCode.UNAVAILABLE, "WATCH_ENDED", metadata=metadata)


REFUSED = status_of(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
"""What ends a watch for good, and so a script."""


Event = TypeVar("Event", WatchEvent, MovementEvent)
Said: TypeAlias = tuple[object, ...]


def said(event: WatchEvent | MovementEvent) -> Said:
    """An event in short, to be compared."""
    match event:
        case AvailabilityUpdate():
            return (event.sku, event.available, event.version)
        case AvailabilityGone():
            return ("gone", event.sku)
        case WatchReset():
            return ("reset", event.reason)
        case stock_pb2.Movement():
            return (event.revision.position, event.line_number)
        case MovementReset():
            return ("reset", event.reason, event.revision.position)
        case InStep():
            return ("in step", event.revision.position)
        case OutOfStep():
            return ("out of step", event.error.reason or event.error.message)


class RecordingStore(MemoryTokenStore):
    """Remembers every token that was saved."""

    def __init__(self, token: str = "") -> None:
        super().__init__(token)
        self.saved: list[str] = []

    async def save(self, token: str) -> None:
        await super().save(token)
        self.saved.append(token)


async def told_by(events: AsyncGenerator[Event, None], *pauses: Pause) -> tuple[list[Said], HoldfastError]:
    """What was told until the watch was refused, and the refusal. The pauses end once something was told."""
    told: list[Said] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for event in events:
                told.append(said(event))
                for pause in pauses:
                    pause.end()
    except HoldfastError as error:
        return told, error
    raise AssertionError("a watch has no end")


async def until_refused(events: AsyncGenerator[Event, None], *pauses: Pause) -> list[Said]:
    """What was told until the script ended with its refusal."""
    told, error = await told_by(events, *pauses)
    assert isinstance(error, InvalidField), error
    return told
