"""What an import did: counts, and every row that stayed out by name."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from holdfast_client.csv_import.reading import BrokenRecord

MAX_NAMED_REJECTIONS = 100_000
"""The most rejected rows that a report names; all are counted."""


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """The state of an import while it runs, and its result afterwards.

    rows_read = rows_accepted + rows_repeated + rows_rejected once it is over. In a dry run rows_accepted
    counts those that would have been sent.
    """

    kind: str
    file: str
    content_hash: str
    dry_run: bool
    rows_read: int = 0
    rows_accepted: int = 0
    rows_replayed: int = 0
    """Of the accepted rows, those that were in before: by an earlier run of the same import, or by a try of this run
    whose answer was lost."""
    rows_repeated: int = 0
    """Rows that say what an earlier row of the file said."""
    rows_rejected: int = 0
    rows_unanswered: int = 0
    """Of the rejected rows, those that the service gave no answer about."""
    duration_seconds: float = 0.0
    unavailable_retries: int = 0
    rejections: list[BrokenRecord] = field(default_factory=list)

    def reject(self, broken: BrokenRecord) -> None:
        """Counts a row that stays out, and names it."""
        self.rows_rejected += 1
        if len(self.rejections) < MAX_NAMED_REJECTIONS:
            self.rejections.append(broken)

    @property
    def rejections_in_order(self) -> list[BrokenRecord]:
        """The named rejections in the order of the file."""
        return sorted(self.rejections, key=lambda broken: broken.line_number)

    @property
    def exit_code(self) -> int:
        """0 if all rows went in, 3 if some were rejected, 1 if none went in although there were some."""
        if not self.rows_rejected:
            return 0
        return 3 if self.rows_accepted or self.rows_repeated else 1

    def as_json(self) -> dict[str, object]:
        """The report as it is written to a file."""
        values = {
            entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self) if entry.name != "rejections"
        }
        values["rejections_not_named"] = self.rows_rejected - len(self.rejections)
        values["rejections"] = [dataclasses.asdict(broken) for broken in self.rejections_in_order]
        return values

    def write(self, path: Path) -> None:
        """Writes the report as JSON, making the folder if there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
