"""The promises of the watch, one validator each, over what a recorder was told. Named as in the contract.

They need nothing but the record and, for Complete and Convergent, the ledger: so any traffic tests all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.inventory.v1 import watch_pb2 as watch
from holdfast.inventory.v1.inventory_service_pb2 import AvailabilityKey, BatchGetAvailabilityRequest
from holdfast.inventory.v1.stock_pb2 import Movement

from api.calls import patiently
from api.watching import Key, Recorder, key_of, positions_of


def _place_of(response: watch.WatchAvailabilityResponse) -> Any:
    return getattr(response, response.WhichOneof("event"))


def _values_of(response: watch.WatchAvailabilityResponse) -> Iterable[watch.AvailabilityChange]:
    return [*response.snapshot.values, *response.changes.changes]


def assert_ordered(recorder: Recorder) -> None:
    """On a stream no number goes back to an older version, and no place lies before an earlier one."""
    for stream in recorder.streams:
        versions: dict[Key, int] = {}
        positions: dict[str, int] = {}
        for response in stream:
            for change in _values_of(response):
                assert change.version >= versions.get(key_of(change), 0), change
                versions[key_of(change)] = change.version
            place = _place_of(response)
            if response.WhichOneof("event") not in ("snapshot", "reset") and place.resume_token:
                assert all(at >= positions.get(segment, 0) for segment, at in positions_of(place).items()), response
                positions |= positions_of(place)


def assert_begins_well(recorder: Recorder) -> None:
    """A stream without a token, or with one that is reset, tells a whole snapshot before any change."""
    for token, stream in zip(recorder.began_with, recorder.streams, strict=True):
        events = [str(response.WhichOneof("event")) for response in stream]
        if not events:
            continue
        rest = events[1:] if events[0] == "reset" else events
        if not token or events[0] == "reset":
            body = "".join("v" if event == "snapshot" else "s" if event == "synced" else "c" for event in rest)
            assert "s" not in body or body.index("s") == len(body) - len(body.lstrip("v")), events
            assert body.count("s") <= 1, events
        else:
            assert "snapshot" not in events, events
            assert "synced" not in events, events


def assert_complete(recorder: Recorder, movements: Iterable[Movement], *, location: str, start: int, end: int) -> None:
    """Every operation that moved a level at the location is counted exactly once, in the stretch (start, end]."""
    told: Counter[tuple[str, str]] = Counter()
    for stream in recorder.streams:
        for response in stream:
            for change in response.changes.changes:
                if change.availability.location == location:
                    for cause in change.causes:
                        if cause.operation not in ("PUT_ITEMS", "PUT_POOLS", "PUT_RULES", "MOVE_ALLOTMENT"):
                            told[change.availability.sku, ""] += cause.operation_count
    booked = Counter(
        (sku, "")
        for sku, _ in {
            (m.balance.sku, m.revision.position)
            for m in movements
            if m.balance.location == location and start < m.revision.position <= end
        }
    )
    assert told == booked


async def assert_convergent(recorder: Recorder, stubs: Any) -> None:
    """What the watcher holds to be true is what the authority says, for every number that passes the filter."""
    numbers = recorder.numbers
    keys = [
        AvailabilityKey(sku=sku, channel=channel) if channel else AvailabilityKey(sku=sku, location=location)
        for sku, channel, location in numbers
    ]
    for begin in range(0, len(keys), 1000):
        part = keys[begin : begin + 1000]
        answer = await patiently(stubs.inventory.BatchGetAvailability, BatchGetAvailabilityRequest(keys=part))
        for key, said in zip(part, answer.availabilities, strict=True):
            assert numbers[key.sku, key.channel, key.location].availability == said


def assert_resumable(recorder: Recorder, whole: Mapping[Key, watch.AvailabilityChange]) -> None:
    """A watcher that was cut off again and again holds the same to be true as one that never was."""
    assert {key: change.availability for key, change in recorder.numbers.items()} == {
        key: change.availability for key, change in whole.items()
    }


def assert_bookmarkable(recorder: Recorder) -> None:
    """No place lies ahead of what was told: whatever is told after it is of a later operation."""
    for stream in recorder.streams:
        positions: dict[str, int] = {}
        for response in stream:
            for change in response.changes.changes:
                for cause in change.causes:
                    position = positions.get(cause.revision.segment, 0)
                    assert cause.revision.position > position, f"told after a place at {position}: {change}"
            place = _place_of(response)
            if response.WhichOneof("event") in ("synced", "changes", "bookmark") and place.resume_token:
                positions |= positions_of(place)


def assert_durable(recorder: Recorder, committed: int) -> None:
    """Nothing was told that lies beyond what is committed."""
    for stream in recorder.streams:
        for response in stream:
            for change in _values_of(response):
                assert change.version <= committed
