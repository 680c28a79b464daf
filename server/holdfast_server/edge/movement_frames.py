"""Writes the messages of a stream of movements. Implements watch.ports.MovementFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast.inventory.v1 import watch_pb2 as pb

from holdfast_server.edge import conversion
from holdfast_server.edge.packed_fields import packed, packed_field, tag
from holdfast_server.records import Movement

_MOVEMENT: Final = tag(pb.MovementBatch, "movements")
_MOVEMENTS_EVENT: Final = tag(pb.WatchMovementsResponse, "movements")


def packed_movement(segment: str, value: Movement) -> bytes:
    """Returns a movement as a part of a batch."""
    return packed_field(_MOVEMENT, packed(conversion.movement(segment, value)))


class MovementFrames:
    """Writes the messages of the streams of one segment."""

    def __init__(self, segment: str) -> None:
        self._segment = segment

    def movements(self, batch: Sequence[bytes], token: str, position: int | None) -> bytes:
        """Returns the message of a batch of packed movements; no token and no position if an operation goes on."""
        end = pb.MovementBatch(resume_token=token)
        if position is not None:
            end.revision.CopyFrom(conversion.revision(self._segment, position))
        return packed_field(_MOVEMENTS_EVENT, b"".join((*batch, packed(end))))

    def bookmark(self, token: str, position: int) -> bytes:
        """Returns a bookmark."""
        bookmark = pb.WatchBookmark(resume_token=token, revision=conversion.revision(self._segment, position))
        return packed(pb.WatchMovementsResponse(bookmark=bookmark))

    def reset(self, reason: int, position: int) -> bytes:
        """Returns the message that says that, for a reason, the stream goes on after another place or otherwise."""
        reset = pb.MovementReset(
            reason=reason,  # type: ignore[arg-type]
            revision=conversion.revision(self._segment, position),
        )
        return packed(pb.WatchMovementsResponse(reset=reset))
