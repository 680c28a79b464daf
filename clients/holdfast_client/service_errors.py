"""The refusals that say how the authority is: its limits, its segments, and what it remembers of requests."""

from holdfast_client.error_base import HoldfastError, LimitReached, NotFound


class UnknownSegment(NotFound):
    """No segment has this id."""

    @property
    def segment(self) -> str:
        """The segment that was asked for."""
        return self.metadata.get("segment", "")


class SpansSegments(HoldfastError):
    """What is decided together must lie in one segment, and does not: ask for it segment by segment."""

    @property
    def field(self) -> str:
        """The field that brings the segments together."""
        return self.metadata.get("field", "")

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments that it brings together."""
        return tuple(self.metadata.get("segments", "").split(","))


class RequestIdReused(HoldfastError):
    """The request_id took effect before, with another body: nothing was done now."""

    @property
    def field(self) -> str:
        """The first field that differs; "method" if the id was used for another RPC."""
        return self.metadata.get("field", "")


class RequestIdTooOld(HoldfastError):
    """The request_id is older than the authority's memory: whether it took effect is no longer known."""

    @property
    def retention_seconds(self) -> int:
        """How long the authority remembers."""
        return self._number("retention_seconds")


class StaleRevision(HoldfastError):
    """The segment has not reached the revision that was asked for: it comes from another history."""

    @property
    def expected(self) -> int:
        """The position that was asked for."""
        return self._number("expected")

    @property
    def actual(self) -> int:
        """The position that the segment is at."""
        return self._number("actual")


class HistoryRetired(HoldfastError):
    """What was asked for lies in the part of the history that was retired; only an archive can tell it."""

    @property
    def position(self) -> int:
        """The position that was asked for, or that at which a stream stood."""
        return self._number("position")

    @property
    def retired_position(self) -> int:
        """The last operation that is gone: what comes after it is there."""
        return self._number("retired_position")


class SegmentStopped(HoldfastError):
    """The segment waits for somebody to decide about operations that the ledger lost; see resume_segment."""


class SegmentNotStopped(HoldfastError):
    """The segment is not stopped, so it cannot be resumed."""


class Overloaded(LimitReached):
    """The authority has as much to do as it takes on; ask again after `retry_delay_seconds`."""


class BacklogFull(LimitReached):
    """Too many decisions wait for the ledger; ask again after `retry_delay_seconds`."""


class WatcherTooSlow(LimitReached):
    """Nothing was taken from a watch for too long. A watch of the client begins anew by itself, from its token."""


class LimitExceeded(LimitReached):
    """What is asked for would pass a named limit. Waiting does not help.

    A location would be in too many pools, a pool would serve too many channels, a reservation would have to be
    split over too many locations.
    """


class Unavailable(HoldfastError):
    """The authority could not be reached or could not answer. Whether the request took effect is not known.

    The client has tried as often as its policy and the deadline allowed. Asking again with `request_id` is
    safe.
    """


class SegmentLoading(Unavailable):
    """The sequencer is being loaded from the ledger."""


class SegmentQuarantined(Unavailable):
    """Sequencer and ledger were found to disagree; a rebuild follows by itself."""


class LedgerUnavailable(Unavailable):
    """Nothing was heard from the ledger for too long, or the decision was not committed in time."""


class SequencerUnavailable(Unavailable):
    """The sequencer cannot be reached."""


class WatchEnded(Unavailable):
    """A stream of a watch ends, because it is old or the server stops. The client goes on by itself."""

    @property
    def cause(self) -> str:
        """MAX_AGE, SHUTDOWN, or OTHER_LINEAGE if operations that the stream told of were given up."""
        return self.metadata.get("cause", "")


class DeadlineExceeded(HoldfastError):
    """No answer came in time. Whether the request took effect is not known: ask again with `request_id`."""


class InternalFault(HoldfastError):
    """A fault of the authority, which its log describes under the correlation id."""

    @property
    def correlation_id(self) -> str:
        """What to look for in the server's log."""
        return self.metadata.get("correlation_id", "")
