"""How long a call may take and how often it is tried: plain values that the caller chooses."""

from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS = 32

MAX_DEADLINE_SECONDS: Final = 366 * 24 * 3600.0
"""The longest deadline: a year. gRPC counts nanoseconds since 1970 in 63 bits: what ends beyond the year 2262 it takes
for over already, and what never ends it does not take at all. Nobody waits for a year."""


def checked_deadline_seconds(seconds: float, *, name: str = "deadline_seconds") -> float:
    """Return how long a call may take, if that is a time that gRPC and the clock of a loop can count.

    Raises:
        ValueError: It is not; nothing was sent or queued.
    """
    if not 0 < seconds <= MAX_DEADLINE_SECONDS:
        raise ValueError(f"{name} must be above 0 and at most {MAX_DEADLINE_SECONDS:.0f}, a year; it is {seconds}")
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a call may take, in seconds, all of its tries and the waits between them included.

    Each kind of call has its own; a call's `deadline_seconds` overrides it for that call. Above 0 and at most a year.
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
            checked_deadline_seconds(getattr(self, name), name=name)


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
        return _doubled(self.initial_backoff_seconds, self.max_backoff_seconds, tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How reservations that are asked for at the same time travel together.

    What gathered while the batches before were under way goes out as one BatchCreateReservations; a call that finds
    none under way goes out at once. Each has its own deadline, tries, trace and answer, as if it went alone.
    """

    max_requests: int = 500
    """The requests of a batch. The authority takes 1,000."""

    max_lines: int = 10_000
    """The lines of a batch; a request that has more goes alone. The authority takes 10,000 unless set otherwise."""

    max_bytes: int = 1024 * 1024
    """The bytes of a batch; a request that has more goes alone. The authority takes 4 MiB unless set otherwise."""

    max_under_way: int = 2
    """The batches that are under way at the same time, without those that count as slow."""

    max_slow: int = 32
    """The slow batches that are under way besides. A batch is slow, and holds up the next no more, after a second, or
    sooner if a call that waits has a short deadline. With as many of them, what waits goes out when one ends."""

    max_waiting: int = 10_000
    """The calls of a client that wait for their answer at the same time; one more is refused with `Overloaded`."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")


DEFAULT_BATCHING: Final = Batching()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """How a watch goes on when its stream ends.

    It is begun again after UNAVAILABLE, after a silence, and after RESOURCE_EXHAUSTED with OVERLOADED or
    WATCHER_TOO_SLOW. The wait before that is drawn as `RetryPolicy` draws it.
    """

    max_silence_seconds: float = 30.0
    """The longest that nothing comes, before the stream is taken for dead. The server says something every 5."""

    initial_backoff_seconds: float = 0.25
    """The bound of the first wait."""

    max_backoff_seconds: float = 10.0
    """The bound that the doubling stops at."""

    max_tries: int | None = None
    """The streams in a row that may fail without having told anything; then the last error is raised. None: the watch
    goes on trying for as long as somebody watches."""

    def __post_init__(self) -> None:
        if not self.max_silence_seconds > 0:
            raise ValueError("max_silence_seconds must be above 0")
        if not 0 <= self.initial_backoff_seconds <= self.max_backoff_seconds:
            raise ValueError("initial_backoff_seconds must lie between 0 and max_backoff_seconds")
        if self.max_tries is not None and self.max_tries < 1:
            raise ValueError("max_tries must be at least 1")

    def backoff_bound_seconds(self, failures: int) -> float:
        """The longest drawn wait after so many failures in a row, in seconds."""
        return _doubled(self.initial_backoff_seconds, self.max_backoff_seconds, failures)


def _doubled(initial_seconds: float, max_seconds: float, times: int) -> float:
    doubled: float = initial_seconds * 2 ** min(times - 1, _MOST_DOUBLINGS)
    return min(max_seconds, doubled)
