"""What clients asked and were told, with the times: the evidence that the validators read.

Kept as lines of JSON, so that a failure can be looked at, and judged again, long after it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Method = Literal["reserve", "commit", "release", "receive", "read"]
Outcome = Literal["done", "refused", "open"]


@dataclass(slots=True, kw_only=True)
class Call:
    """One request from its first sending to its last answer. Times are monotonic seconds of the clients."""

    method: Method
    request_id: str = ""
    began: float
    asked: float = 0.0
    """When it was sent for the last time."""
    ended: float = 0.0
    outcome: Outcome = "open"
    """`open`: nobody knows whether it took effect."""
    lines: list[tuple[str, int]] = field(default_factory=list)
    """SKU and units."""
    position: int = 0
    """The revision that it was answered with."""
    reservation_id: str = ""
    replayed: bool = False
    attempts: int = 0
    reason: str = ""
    available: dict[str, int] = field(default_factory=dict)
    """What a read was told, by SKU."""


class History:
    """The calls of all clients of one run, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def begin(self, call: Call) -> Call:
        self.calls.append(call)
        return call

    def of(self, *methods: Method) -> Iterator[Call]:
        return (call for call in self.calls if call.method in methods)

    @property
    def mutations(self) -> Iterator[Call]:
        return (call for call in self.calls if call.method != "read")

    @property
    def acknowledged(self) -> Iterator[Call]:
        """The mutations that were acknowledged."""
        return (call for call in self.mutations if call.outcome == "done")

    def save(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            for call in self.calls:
                file.write(json.dumps(dataclasses.asdict(call), separators=(",", ":")) + "\n")

    @classmethod
    def load(cls, path: Path) -> History:
        history = cls()
        for line in path.read_text(encoding="utf-8").splitlines():
            fields: dict[str, Any] = json.loads(line)
            fields["lines"] = [(sku, units) for sku, units in fields["lines"]]
            history.calls.append(Call(**fields))
        return history
