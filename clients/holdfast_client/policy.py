"""How long a call may take and how often it is tried: plain values that the caller chooses."""

from dataclasses import dataclass

_MOST_DOUBLINGS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a call may take, in seconds, all of its tries and the waits between them included.

    Each kind of call has its own; a call's `deadline_seconds` overrides it for that call.
    """

    read_seconds: float = 10.0
    """A call that changes nothing, and each page of a listing."""

    mutation_seconds: float = 15.0
    """A call that changes something. Long enough to wait for a sequencer that is being loaded."""

    batch_seconds: float = 60.0
    """A batch of reservations."""

    stream_seconds: float = 3600.0
    """A whole stream of counts."""

    verification_seconds: float = 3600.0
    """The check of the whole ledger."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How a call is tried again after UNAVAILABLE, or after gRPC dropped it unseen. No other outcome is ever retried.

    The wait before the next try is drawn evenly between nothing and a bound that doubles with every try (full
    jitter), on top of the time that the authority asked for in its RetryInfo. A wait that would pass the
    deadline
    of the call is not begun: the last refusal is raised at once.
    """

    max_tries: int = 10
    """The tries altogether, the first included; 1 turns retrying off."""

    initial_backoff_seconds: float = 0.05
    """The bound of the first wait."""

    max_backoff_seconds: float = 2.0
    """The bound that the doubling stops at."""

    def __post_init__(self) -> None:
        if self.max_tries < 1:
            raise ValueError("max_tries must be at least 1")
        if not 0 <= self.initial_backoff_seconds <= self.max_backoff_seconds:
            raise ValueError("initial_backoff_seconds must lie between 0 and max_backoff_seconds")

    def backoff_bound_seconds(self, tries: int) -> float:
        """The longest drawn wait after so many tries, in seconds."""
        doubled: float = self.initial_backoff_seconds * 2 ** min(tries - 1, _MOST_DOUBLINGS)
        return min(self.max_backoff_seconds, doubled)
