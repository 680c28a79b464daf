"""Holds the run's own account against the levels and the ledger, and says whether the promises were kept.

Pure: it is given everything and asks nobody.

What a write-off takes from a level may be reserved; then the level is uncovered although nobody was promised a
unit too many. So overselling is judged where it happens, at each reservation in the ledger, and uncovered units
are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from holdfast.inventory.v1 import audit_service_pb2, stock_pb2

from holdfast_client.orders.account import LevelKey, LevelTally
from holdfast_client.orders.ledger import LevelHistory
from holdfast_client.orders.outcomes import Outcomes

MAX_NAMED_FINDINGS = 100
"""The most findings that a verdict names; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it must be."""

    subject: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the promises were kept. Quantities are units of this run unless they are the ledger's."""

    chain_verified: bool
    levels_equal_movements: bool
    reserved_equals_open_lines: bool
    oversold: int
    """Units that reservations took beyond what was sellable when they were decided; the ledger's number if greater."""
    leaked: int
    """Units that are reserved without an acknowledged reservation behind them; the ledger's number if greater."""
    missing: int
    """Units of acknowledged reservations that are not reserved any more."""
    uncovered: int
    """Units that are reserved and were written off afterwards. Not a fault."""
    ledger_oversold: int
    ledger_leaked: int
    ledger_uncovered: int
    """The last three: the service's own numbers over its whole ledger."""
    unsettled: int
    findings_count: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Nothing is wrong, and nothing is unknown."""
        return not self.findings_count


def judge(
    *,
    tallies: Mapping[LevelKey, LevelTally],
    levels: Mapping[LevelKey, stock_pb2.StockLevel],
    histories: Mapping[LevelKey, LevelHistory],
    ledger: audit_service_pb2.LedgerVerdict,
    outcomes: Outcomes,
) -> Verdict:
    """Compares every level that any of the three knows."""
    findings: list[Finding] = list(_ledger_findings(ledger))
    leaked = missing = oversold = uncovered = 0
    for key in sorted({*tallies, *levels, *histories}):
        tally = tallies.get(key, LevelTally())
        level = levels.get(key, stock_pb2.StockLevel())
        history = histories.get(key, LevelHistory())
        reserved = level.held_quantity + level.committed_quantity
        leaked += max(0, reserved - tally.open)
        missing += max(0, tally.open - reserved)
        oversold += history.oversold
        uncovered += max(0, tally.open - tally.sellable)
        subject = f"{key[0]} at {key[1]}"
        findings.extend(Finding(subject=subject, what=what) for what in _faults(tally, level, history))
    if outcomes.unsettled:
        findings.append(
            Finding(subject="run", what=f"of {outcomes.unsettled} events it is not known what became of them")
        )
    if refused := sum(outcomes.commits_refused.values()):
        findings.append(Finding(subject="run", what=f"{refused} commits of granted reservations were refused"))
    if refused := sum(outcomes.releases_refused.values()):
        findings.append(Finding(subject="run", what=f"{refused} releases of open units were refused"))
    return Verdict(
        chain_verified=ledger.chain_verified,
        levels_equal_movements=ledger.levels_equal_movements,
        reserved_equals_open_lines=ledger.reserved_equals_open_lines,
        oversold=max(oversold, ledger.oversold_quantity),
        leaked=max(leaked, ledger.leaked_quantity),
        missing=missing,
        uncovered=uncovered,
        ledger_oversold=ledger.oversold_quantity,
        ledger_leaked=ledger.leaked_quantity,
        ledger_uncovered=ledger.uncovered_quantity,
        unsettled=outcomes.unsettled,
        findings_count=len(findings),
        findings=tuple(findings[:MAX_NAMED_FINDINGS]),
    )


def _ledger_findings(ledger: audit_service_pb2.LedgerVerdict) -> Iterator[Finding]:
    promises = (
        (ledger.chain_verified, "the chain over the ledger is broken"),
        (ledger.levels_equal_movements, "stock levels do not equal the sum of their movements"),
        (
            ledger.reserved_equals_open_lines,
            "reserved units do not equal the open units of live reservations",
        ),
        (not ledger.oversold_quantity, f"{ledger.oversold_quantity} units were sold twice"),
        (not ledger.leaked_quantity, f"{ledger.leaked_quantity} units are reserved for nobody"),
    )
    broken = [Finding(subject="ledger", what=what) for kept, what in promises if not kept]
    yield from broken
    if broken:
        yield from (Finding(subject=finding.row, what=finding.description) for finding in ledger.findings)


def _faults(tally: LevelTally, level: stock_pb2.StockLevel, history: LevelHistory) -> Iterator[str]:
    """What is wrong with one level, in words."""
    comparisons = (
        ("reserved", tally.open, "acknowledged", level.held_quantity + level.committed_quantity, "level"),
        ("sellable", tally.sellable, "acknowledged", level.sellable_quantity, "level"),
        ("sellable", level.sellable_quantity, "level", history.sellable, "ledger"),
        ("held", level.held_quantity, "level", history.held, "ledger"),
        ("committed", level.committed_quantity, "level", history.committed, "ledger"),
        ("units reserved", tally.reserved, "acknowledged", history.reserved, "ledger"),
        ("units released", tally.released, "acknowledged", history.released, "ledger"),
        ("units expired", tally.expired, "acknowledged", history.expired, "ledger"),
        ("units received", tally.received, "acknowledged", history.received, "ledger"),
        ("units adjusted", tally.adjusted, "acknowledged", history.adjusted, "ledger"),
    )
    for what, expected, expected_by, found, found_by in comparisons:
        if expected != found:
            yield f"{what}: {expected_by} {expected}, {found_by} {found}"
    if history.oversold:
        yield f"reservations took {history.oversold} units more than were sellable"
