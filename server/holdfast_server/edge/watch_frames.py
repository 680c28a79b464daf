"""Writes the messages of a watch out of parts that are written once. Implements watch.ports.Frames.

A number that a thousand watchers are told is packed once and copied a thousand times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server import layouts
from holdfast_server.edge.conversion import revision
from holdfast_server.edge.packed_fields import packed, packed_field, tag
from holdfast_server.watch.changes import Causes

# Well below the 4 MiB that a gRPC client accepts unless told otherwise.
_MAX_MESSAGE_BYTES: Final = 1024 * 1024
_OPERATION_NAMES: Final = {number: name for name, number in layouts.OPERATION_KINDS.items()}

_AVAILABILITY: Final = tag(pb.AvailabilityChange, "availability")
_VALUES: Final = tag(pb.AvailabilitySnapshot, "values")
_CHANGES: Final = tag(pb.AvailabilityChanges, "changes")
_SNAPSHOT_EVENT: Final = tag(pb.WatchAvailabilityResponse, "snapshot")
_CHANGES_EVENT: Final = tag(pb.WatchAvailabilityResponse, "changes")


class WatchFrames:
    """Writes the messages of the watches of one segment."""

    def __init__(self, segment: str) -> None:
        self._segment = segment

    def change(self, number: bytes, version: int, causes: Causes | None, skipped: int) -> bytes:
        """Returns one number as a part of a snapshot or of changes."""
        rest = pb.AvailabilityChange(version=version, skipped_count=skipped)
        for kind, count, last in causes.rows() if causes else ():
            rest.causes.add(
                operation=_OPERATION_NAMES[kind], operation_count=count, revision=revision(self._segment, last)
            )
        return packed_field(_AVAILABILITY, number) + packed(rest)

    def snapshot(self, changes: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the messages of a snapshot, each as soon as it has its parts."""
        for values in _portions(_VALUES, changes):
            yield packed_field(_SNAPSHOT_EVENT, values)

    def synced(self, token: str, position: int) -> bytes:
        """Returns the message that ends a snapshot."""
        synced = pb.WatchSynced(resume_token=token, revision=revision(self._segment, position))
        return packed(pb.WatchAvailabilityResponse(synced=synced))

    def changes(self, changes: Sequence[bytes], token: str, position: int) -> list[bytes]:
        """Returns the messages of changes that belong together; the last one bears the token."""
        *others, last = list(_portions(_CHANGES, changes)) or [b""]
        end = pb.AvailabilityChanges(resume_token=token, revision=revision(self._segment, position))
        return [packed_field(_CHANGES_EVENT, part) for part in (*others, last + packed(end))]

    def bookmark(self, token: str, position: int) -> bytes:
        """Returns a bookmark."""
        bookmark = pb.WatchBookmark(resume_token=token, revision=revision(self._segment, position))
        return packed(pb.WatchAvailabilityResponse(bookmark=bookmark))

    def reset(self, reason: int) -> bytes:
        """Returns the message that says that the watch begins anew."""
        reset = pb.WatchReset(reason=reason)  # type: ignore[arg-type]
        return packed(pb.WatchAvailabilityResponse(reset=reset))


def _portions(of: bytes, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the elements of a repeated field, as many at a time as a message may have."""
    portion: list[bytes] = []
    size = 0
    for part in parts:
        element = packed_field(of, part)
        if portion and size + len(element) > _MAX_MESSAGE_BYTES:
            yield b"".join(portion)
            portion, size = [], 0
        portion.append(element)
        size += len(element)
    if portion:
        yield b"".join(portion)
