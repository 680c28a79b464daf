"""What comes between the stream of a watch and its caller, whatever it is that is watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from holdfast_client.error_base import HoldfastError

Event = TypeVar("Event")
_Response_contra = TypeVar("_Response_contra", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[Event]):
    """Events that are handed out together, and the token that is true once all of them are taken; empty for none."""

    events: tuple[Event, ...]
    resume_token: str


class Inbox(Protocol[_Response_contra, Event]):
    """Takes in the responses of one stream after another, and gives out what they come to.

    Knows nothing of connections. What it holds is bounded: it drops what was overtaken, or lets nothing more come in.
    """

    resume_token: str
    """Where the next stream goes on: the last token that came. The token in a refusal is not used: it may lie beyond
    messages that the connection lost."""

    def take(self, response: _Response_contra, /) -> bool:
        """Take in what a stream told. Returns whether it came with a token, and so made everything before it whole."""
        ...

    async def room(self) -> None:
        """Wait until there is room for another response."""
        ...

    def cut(self) -> None:
        """Take notice that the stream is over: what it told since its last token, the next one tells again."""
        ...

    def lose(self, error: HoldfastError, /) -> None:
        """Have the caller told that nothing is heard any more."""
        ...

    def batch(self) -> Batch[Event] | None:
        """Give out what is next; None if nothing waits."""
        ...

    def newest(self, event: Event, /) -> Event:
        """Return the event that is handed out in the place of one that was given out: itself, unless overtaken."""
        ...
