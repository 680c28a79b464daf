"""Makes the report of a run: plain data, ready for JSON. Pure. docs/loadtest.md says what every key means."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast_loadtest.workload.run import Result
from holdfast_loadtest.workload.scenarios import SCENARIOS


def make_report(result: Result, *, words: Sequence[str], machine: Mapping[str, Any], time: datetime) -> dict[str, Any]:
    """Returns the report. `words` are those of the command line, `time` is when the run ended."""
    return {
        "scenario": result.options.scenario,
        "sound": result.verdict.sound,
        "sentence": result.verdict.sentence,
        "command": shlex.join(words),
        "time": time.astimezone(UTC).isoformat(timespec="seconds"),
        "interrupted": result.interrupted,
        "options": result.options.of_the_scenario(SCENARIOS[result.options.scenario].defaults),
        "machine": dict(machine),
        "stages": result.stages,
        "authority_cpu_seconds": result.authority_cpu_seconds,
        "verdict": result.verdict.to_json(),
        "figures": result.figures,
    }


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Writes it as JSON."""
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
