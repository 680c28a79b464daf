"""One run of one fault: a world, clients and watchers in it, the strike, recovery, and the judgement of all of it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from robustness.books import Books
from robustness.faults import Fault, Strike
from robustness.history import History
from robustness.promises import PROMISES, judge
from robustness.traffic import PATIENCE_SECONDS, PROFILES, Profile, Traffic
from robustness.watchers import Watchers
from robustness.world import open_world
from support.folders import new_folder

RUN_SECONDS: Final = 240.0
FIGURES: Final = (*PROMISES, "watch_violations")
_FEW: Final = 5


@dataclass(slots=True)
class Verdict:
    """What a run came to."""

    fault: int
    name: str
    seed: int
    profile: str
    operations: int = 0
    seconds: float = 0.0
    found: dict[str, list[str]] = field(default_factory=dict)
    broke_off: str = ""
    """Why the run did not come to its end; empty if it did."""
    notes: list[str] = field(default_factory=list)
    report: str = ""
    """Where the evidence of a failure lies."""

    @property
    def survived(self) -> bool:
        return not self.broke_off and not any(self.found.values())

    def count(self, figure: str) -> int:
        return len(self.found.get(figure, ()))


async def run_fault(
    fault: Fault,
    *,
    seed: int,
    operations: int,
    profile: Profile,
    reports: Path,
    patience_seconds: float = PATIENCE_SECONDS,
    on_cluster: bool = False,
) -> Verdict:
    """Runs one fault, and leaves a report folder if a promise was broken or the run broke off."""
    verdict = Verdict(fault=fault.number, name=fault.name, seed=seed, profile=profile.name)
    began = time.monotonic()
    with new_folder() as folder, _disk(folder, fault.disk_mib):
        evidence = _Evidence()
        try:
            async with asyncio.timeout(RUN_SECONDS):
                await _run(
                    fault,
                    verdict,
                    evidence,
                    folder,
                    profile=profile,
                    on_cluster=on_cluster,
                    operations=operations,
                    patience_seconds=patience_seconds,
                )
        except Exception as error:
            verdict.broke_off = "".join(traceback.format_exception(error))
        verdict.seconds = time.monotonic() - began
        if not verdict.survived:
            verdict.report = str(_write_report(reports, verdict, evidence))
    return verdict


@dataclass(slots=True)
class _Evidence:
    history: History | None = None
    books: Books | None = None
    logs: dict[str, list[str]] = field(default_factory=dict)


async def _run(
    fault: Fault,
    verdict: Verdict,
    evidence: _Evidence,
    folder: Path,
    *,
    profile: Profile,
    on_cluster: bool,
    **traffic_options: Any,
) -> None:
    async with open_world(folder, on_cluster=on_cluster, **fault.environment) as world:
        traffic = Traffic(world, profile, seed=verdict.seed, **traffic_options)
        evidence.history = traffic.history
        strike = Strike(world, traffic, random.Random(verdict.seed), folder)
        try:
            await traffic.open_shop()
            watchers = Watchers(world, seed=verdict.seed)
            await watchers.begin()
            start = min(recorder.position for recorder in watchers.recorders)
            traffic.start()
            await traffic.reached(0.1)
            await fault.strike(strike)
            await world.heal()
            await traffic.finish()
            await world.heal()
            evidence.books = books = await world.books()
            verdict.operations = len(traffic.history.calls)
            verdict.found = judge(traffic.history, books)
            await watchers.end(books.head)
            verdict.found["watch_violations"] = await watchers.violations(books, start)
        finally:
            verdict.notes = strike.notes
            await traffic.stop()
            evidence.logs = {f"server-{number}": process.lines for number, process in enumerate(world.processes)}
            for end in strike.closing:
                await asyncio.to_thread(end)


@contextmanager
def _disk(folder: Path, mib: int) -> Iterator[None]:
    """Puts the data of the servers on a disk of their own; needs root."""
    if not mib:
        yield
        return
    place = folder / "servers"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def _write_report(reports: Path, verdict: Verdict, evidence: _Evidence) -> Path:
    """Writes down what is needed to judge the run again: `python -m robustness judge FOLDER`."""
    reports.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"fault-{verdict.fault:02d}-seed-{verdict.seed}-", dir=reports))
    (folder / "verdict.json").write_text(json.dumps(as_row(verdict), indent=2) + "\n", encoding="utf-8")
    if evidence.history is not None:
        evidence.history.save(folder / "history.jsonl")
    if evidence.books is not None:
        evidence.books.save(folder / "books.json")
    for name, lines in evidence.logs.items():
        (folder / f"{name}.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def as_row(verdict: Verdict) -> dict[str, Any]:
    """Returns a verdict as it stands in a report: of every figure the count and the first of what was found."""
    return {
        "fault": verdict.fault,
        "name": verdict.name,
        "seed": verdict.seed,
        "profile": verdict.profile,
        "survived": verdict.survived,
        "operations": verdict.operations,
        "seconds": round(verdict.seconds, 1),
        **{figure: verdict.count(figure) for figure in FIGURES},
        "found": {figure: found[:_FEW] for figure, found in verdict.found.items() if found},
        "broke_off": verdict.broke_off,
        "notes": verdict.notes,
        "report": verdict.report,
    }


def judge_again(folder: Path) -> dict[str, list[str]]:
    """Judges a run of which the evidence was kept."""
    return judge(History.load(folder / "history.jsonl"), Books.load(folder / "books.json"))


def profile_of(number: int) -> Profile:
    """Returns the profile that a fault is run with: every one has its turn."""
    return PROFILES[number % len(PROFILES)]
