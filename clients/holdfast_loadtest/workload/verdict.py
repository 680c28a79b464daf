"""The verdict of a run, as the auditor finds it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from holdfast_client.orders.verdict import Finding

MAX_NAMED_FINDINGS: Final = 100
"""The most findings that a verdict names; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """What became of the requests that were sent once more on purpose."""

    sent: int
    replayed: int
    """Of these, answered with the first answer again."""
    refused: int
    """Of these, refused as the first time: nothing had taken effect."""
    applied: int
    """Requests of any kind that took effect more than once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Where the units are when all is over."""

    unsold: int = 0
    held: int = 0
    committed: int = 0
    fulfilled: int = 0
    released: int = 0
    """Units that came back because they were released; they may have been sold again since."""
    expired: int = 0
    """Units that came back because their hold was due; they may have been sold again since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the promises were kept. Units are those of this run."""

    demand: int
    """Units that were asked for, by requests that were answered."""
    not_begun: int
    """Buyers who were to come and never asked. The verdict says nothing about them."""
    stock: int
    sold: int
    """Units that were reserved, as the ledger has them; those that came back count each time."""
    exactly_predicted_skus: int
    at_least_predicted_skus: int
    refusals_checked: int
    """Refusals for want of stock, each held against what was there and what was asked for."""
    oversold: int
    leaked: int
    missing: int
    unknown: int
    late_effects: int
    duplicates: Duplicates
    left: Left
    movements: int
    ledger_verified: bool | None
    """What the authority's own check of its whole ledger said; None if it was not asked for."""
    findings_count: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Nothing is wrong, and nothing is unknown."""
        return not self.findings_count

    def to_json(self) -> dict[str, Any]:
        return {"sound": self.sound, **dataclasses.asdict(self)}

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        predicted = [f"each of {self.refusals_checked:,} refusals was right"] if self.refusals_checked else []
        if self.exactly_predicted_skus:
            predicted.append(f"of {_skus(self.exactly_predicted_skus)} exactly what was predicted was sold")
        if self.at_least_predicted_skus:
            predicted.append(f"of {_skus(self.at_least_predicted_skus)} no less than the stock")
        never_asked = f"{self.not_begun:,} who were to come never asked; " if self.not_begun else ""
        facts = (
            f"{self.sold:,} units sold of {self.stock:,}, with {self.demand:,} asked for; {never_asked}"
            f"oversold {self.oversold:,}, "
            f"leaked {self.leaked:,}, missing {self.missing:,}; of {self.duplicates.sent:,} requests sent twice "
            f"{self.duplicates.applied:,} took effect twice"
        )
        if self.sound:
            return f"Sound: {'; '.join((facts, *predicted))}."
        return f"NOT SOUND: {facts}; {self.findings_count:,} findings, {self.unknown:,} answers unknown."


def _skus(count: int) -> str:
    return f"{count:,} SKU{'' if count == 1 else 's'}"
