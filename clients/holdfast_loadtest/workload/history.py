"""The history of a run: one record for each request, with when it was meant, sent and answered, and what was told.

Everything that is said about a run is made of it, figures and verdict alike. Moments are seconds from the start.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from holdfast.inventory.v1 import reservation_pb2

from holdfast_loadtest.workload.demand import LONG_SECONDS

Kind = Literal["reserve", "commit", "release", "fulfill", "adjust"]


class Outcome(enum.StrEnum):
    """What a request came to."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No answer, however often it was asked again."""


class State(enum.StrEnum):
    """The states of a reservation, as far as the audit tells them apart."""

    HELD = "held"
    COMMITTED = "committed"
    ENDED = "ended"


_STATES = {
    reservation_pb2.RESERVATION_STATE_HELD: State.HELD,
    reservation_pb2.RESERVATION_STATE_COMMITTED: State.COMMITTED,
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a reservation, as an answer showed it. Units, all counted from the beginning but `open`."""

    sku: str
    location: str
    quantity: int
    open: int
    released: int
    fulfilled: int
    expired: int


@dataclass(frozen=True, slots=True)
class Told:
    """A reservation, as an answer showed it."""

    reservation_id: str
    state: State
    position: int
    """The revision of the answer."""
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, reservation: reservation_pb2.Reservation, position: int) -> Self:
        return cls(
            reservation.reservation_id,
            _STATES.get(reservation.state, State.ENDED),
            position,
            tuple(
                Line(
                    line.sku,
                    line.location,
                    line.quantity,
                    line.open_quantity,
                    line.released_quantity,
                    line.fulfilled_quantity,
                    line.expired_quantity,
                )
                for line in reservation.lines
            ),
        )


@dataclass(slots=True)
class Record:
    """One request, whatever number of times it was sent."""

    kind: Kind
    channel: str
    request_id: str
    due: float
    """When it was meant to be sent: what latency is counted from."""
    sent: float = 0.0
    """When it was sent first."""
    answered: float = 0.0
    """When what came of it was known."""
    asked: tuple[tuple[str, int], ...] = ()
    """SKU and units of each line that was asked for; of an adjustment with a sign."""
    runs_out: bool = False
    """The hold that was asked for ends by itself within the run."""
    ttl_seconds: float = LONG_SECONDS
    """How long the hold that was asked for is to last."""
    outcome: Outcome = Outcome.UNKNOWN
    reason: str = ""
    """The reason of the refusal, or of the last try that was not answered."""
    short: tuple[str, ...] = ()
    """The SKUs that its refusals named as short."""
    told: Told | None = None
    """The reservation after it, if it was done."""
    unanswered: int = 0
    """The tries that were not answered: any of them may have had its effect."""
    again: int = 0
    """The tries that followed one that was not answered or came at a bad time."""
    copies: int = 0
    """How often it was sent once more, on purpose, under the same id."""
    effects: int = 0
    """The answers that said that the request took effect just now."""
    replays: int = 0
    """The answers that said that it had taken effect before."""
    refusals: tuple[str, ...] = ()
    """The reasons of the answers that refused it, in the order in which it was sent. Each answers one attempt."""
    denied: int = 0
    """The refusals of what was sent again after an answer had said that it took effect."""
    differing: int = 0
    """The answers that were not the first one again, its mark as a replay apart."""
    levels: tuple[tuple[str, str, int], ...] = ()
    """Of an adjustment that was done: SKU, location, and units with a sign."""

    @property
    def latency_seconds(self) -> float:
        """From when it was meant to be sent, whatever held it up."""
        return self.answered - self.due

    @property
    def late_seconds(self) -> float:
        """How late it was sent: the delay on the generator's side."""
        return self.sent - self.due


def write_history(records: Iterable[Record], path: Path) -> None:
    """Writes one JSON array a line."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(dataclasses.astuple(record), separators=(",", ":")) + "\n")


def read_history(path: Path) -> list[Record]:
    """Reads what `write_history` wrote."""
    with path.open(encoding="utf-8") as file:
        return [_record(json.loads(line)) for line in file]


def _record(values: list[object]) -> Record:
    record = Record(*values)  # type: ignore[arg-type]
    record.outcome = Outcome(record.outcome)
    record.asked = tuple((sku, units) for sku, units in record.asked)
    record.short = tuple(record.short)
    record.refusals = tuple(record.refusals)
    record.levels = tuple((sku, location, units) for sku, location, units in record.levels)
    told: object = record.told
    if isinstance(told, list):
        reservation_id, state, position, lines = told
        record.told = Told(reservation_id, State(state), position, tuple(Line(*line) for line in lines))
    return record
