"""What a replay did and what its verdict is, for machines and in one sentence for people."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from holdfast_client.csv_import.reading import BrokenRecord
from holdfast_client.orders.outcomes import Outcomes
from holdfast_client.orders.plan import RowCounts
from holdfast_client.orders.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """The result of one replay. `duration_seconds` is that of the traffic alone, without stocking and
    verdict.
    """

    run_id: str
    counts: RowCounts
    rejections: tuple[BrokenRecord, ...]
    skus: int
    channels: int
    locations: int
    units_received: int
    movements: int
    outcomes: Outcomes
    verdict: Verdict
    duration_seconds: float
    verification_seconds: float
    unavailable_retries: int

    @property
    def orders_per_second(self) -> float:
        """Orders decided, whatever the answer, by the time of the traffic."""
        return self.outcomes.orders / self.duration_seconds if self.duration_seconds else 0.0

    def as_json(self) -> dict[str, object]:
        """The report as it is written to a file."""
        outcomes, verdict, counts = self.outcomes, self.verdict, self.counts
        return {
            "clean": verdict.clean,
            "run_id": self.run_id,
            "rows_read": counts.rows_read,
            "rows_rejected": counts.rows_rejected,
            "skipped_no_stock": counts.skipped_no_stock,
            "rows_by_kind": {kind.value: lines for kind, lines in counts.lines_by_kind.items()},
            "skus": self.skus,
            "channels": self.channels,
            "locations": self.locations,
            "orders": outcomes.orders,
            "lines": outcomes.lines,
            "reserved": outcomes.reserved,
            "reserved_in_part": outcomes.reserved_in_part,
            "committed": outcomes.committed,
            "expired": outcomes.expired,
            "refused": sum(outcomes.refused.values()),
            "refused_by_reason": dict(outcomes.refused),
            "commits_refused_by_reason": dict(outcomes.commits_refused),
            "cancellations": outcomes.cancellations,
            "cancellation_lines": outcomes.cancellation_lines,
            "released": outcomes.released,
            "released_in_part": outcomes.released_in_part,
            "releases_refused_by_reason": dict(outcomes.releases_refused),
            "cancellations_unmatched": sum(outcomes.cancellations_unmatched.values()),
            "cancellations_unmatched_by_cause": dict(outcomes.cancellations_unmatched),
            "adjustments": outcomes.adjustments,
            "adjusted": outcomes.adjusted,
            "adjustments_refused": sum(outcomes.adjustments_refused.values()),
            "adjustments_refused_by_reason": dict(outcomes.adjustments_refused),
            "units": {
                "received": self.units_received,
                "asked": outcomes.units_asked,
                "reserved": outcomes.units_reserved,
                "released": outcomes.units_released,
                "cancelled_unmatched": outcomes.units_cancelled_unmatched,
                "adjusted": outcomes.units_adjusted,
            },
            "unsettled": verdict.unsettled,
            "oversold": verdict.oversold,
            "leaked": verdict.leaked,
            "missing": verdict.missing,
            "uncovered": verdict.uncovered,
            "chain_verified": verdict.chain_verified,
            "levels_equal_movements": verdict.levels_equal_movements,
            "reserved_equals_open_lines": verdict.reserved_equals_open_lines,
            "ledger_oversold": verdict.ledger_oversold,
            "ledger_leaked": verdict.ledger_leaked,
            "ledger_uncovered": verdict.ledger_uncovered,
            "movements": self.movements,
            "findings_count": verdict.findings_count,
            "findings": [dataclasses.asdict(finding) for finding in verdict.findings],
            "orders_per_second": round(self.orders_per_second, 1),
            "duration_seconds": round(self.duration_seconds, 3),
            "verification_seconds": round(self.verification_seconds, 3),
            "unavailable_retries": self.unavailable_retries,
            "rejections": [dataclasses.asdict(broken) for broken in self.rejections],
        }

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        outcomes, verdict = self.outcomes, self.verdict
        decided = (
            f"{outcomes.orders:,} orders decided at {self.orders_per_second:,.0f} a second, "
            f"{outcomes.reserved:,} reserved and {sum(outcomes.refused.values()):,} refused"
        )
        if verdict.clean:
            return (
                f"Clean: {decided}; not one unit oversold, leaked or lost, "
                f"and all {self.movements:,} movements agree with the levels and with our own account."
            )
        return (
            f"NOT CLEAN: {decided}; {verdict.findings_count:,} findings, with {verdict.oversold:,} units "
            f"oversold, {verdict.leaked:,} leaked, {verdict.missing:,} missing and {verdict.unsettled:,} "
            "events unsettled."
        )

    def write(self, path: Path) -> None:
        """Writes the report as JSON, making the folder if there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
