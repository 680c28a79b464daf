"""Deliberate breaks of the code, each of which the suite must notice: `make mutants`.

A copy of the server is broken in one place, and a fault that should find it out is run against the copy. If a mutant
survives, nothing proves the line that it broke. Some guards matter only in an instant that chance does not meet, or
have others behind them: those are held against the tests of the engine, which force the instant at a named point.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import holdfast_server

RUN_SECONDS: Final = 200.0
_OPERATIONS: Final = 1_500
_SEED: Final = 3
_TESTS: Final = Path(__file__).parent.parent
_WRITER: Final = "ledger/sql/writer.sql"
_DECIDER: Final = "decide/decider.py"
_FRAME: Final = "decide/scripts/parts/frame.lua"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One break: in `file` of the server `old` becomes `new`, and one of the faults or tests finds it."""

    name: str
    file: str
    old: str
    new: str
    faults: tuple[int, ...] = ()
    tests: tuple[str, ...] = ()
    """Files of tests/integration."""


MUTANTS: Final = (
    Mutant(
        name="the cursor moves without a look at where it is",
        file=_WRITER,
        old="        AND position = %(position_before)s AND chain_hash = %(chain_hash_before)s AND state = %(state)s",
        new="        AND %(position_before)s >= 0 AND %(chain_hash_before)s <> '' AND %(state)s > 0",
        faults=(14,),
    ),
    Mutant(
        name="a level is written without a look at what it was",
        file=_WRITER,
        old="""        AND level.version = c.version_before AND level.sellable = c.sellable_before
        AND level.quality_hold = c.quality_hold_before AND level.damaged = c.damaged_before
        AND level.held = c.held_before AND level.committed = c.committed_before
    RETURNING level.backordered""",
        new="    RETURNING level.backordered",
        faults=(6,),
    ),
    Mutant(
        name="answers are given before the commit",
        file=_DECIDER,
        old="        self._gathering.tick_waits()\n        self._commits.when_committed(",
        new=(
            "        self._gathering.tick_waits()\n        return self._answer(ticked, None)\n"
            "        self._commits.when_committed("
        ),
        faults=(2, 4),
    ),
    Mutant(
        name="what wrote nothing is answered without proof that nothing is newer",
        file=_DECIDER,
        old="        proven = [(pending, result) for pending, result in decided if pending.seen_epoch == epoch]",
        new="        proven, decided = decided, []",
        tests=("engine/test_point_06_a_refusal_waits_too.py",),
    ),
    Mutant(
        name="a key that is cut short is not noticed",
        file=_FRAME,
        old="  local wrong = wrong_length()",
        new="  local wrong = nil",
        faults=(6,),
    ),
    Mutant(
        name="the chain of the journal is not followed",
        file="ledger/journal.py",
        old="hexdigest() == self.chain_hash",
        new="hexdigest() != ''",
        tests=("ledger/test_batch.py",),
    ),
    Mutant(
        name="an entry that cannot be read ends the writer",
        file="ledger/batch.py",
        old="        except Exception as error:\n            # Whatever it is",
        new="        except ZeroDivisionError as error:\n            # Whatever it is",
        faults=(17,),
    ),
    Mutant(
        name="outcomes are not remembered",
        file="decide/scripts/parts/outcomes.lua",
        old="  new_ids[#new_ids + 1] = id\n",
        new="  earlier_outcomes[id] = nil\n",
        # The ledger takes no request twice: so a segment that forgets is rebuilt from it, and then remembers.
        tests=("engine/test_point_13_once_in_two_tiers.py",),
    ),
    Mutant(
        name="a rebuild does not load the outcomes of the window",
        file="decide/loader.py",
        old="            self._put(keys.outcomes[0], fields)\n            count += len(fields)\n",
        new="            count += 0\n",
        faults=(2,),
    ),
    Mutant(
        name="a reading names the position of its tick",
        file=_DECIDER,
        old="        tag, *rest = unpack(reply)\n",
        new=(
            "        tag, *rest = unpack(reply)\n"
            "        if tag == 'DECIDED':\n"
            "            rest[3] = [[*one[:2], rest[0]] if one[0] == 'READ' else one for one in rest[3]]\n"
        ),
        faults=(2, 9, 12),
    ),
    Mutant(
        name="units are reserved that are not there",
        file="decide/scripts/parts/levels.lua",
        old="  return level[LEVEL.sellable] - level[LEVEL.held]",
        new="  return 5 + level[LEVEL.sellable] - level[LEVEL.held]",
        faults=(2, 9),
    ),
    Mutant(
        name="a basket is taken in part",
        file="decide/scripts/operations/reserve.lua",
        old="  if #short > 0 and (not partial or #basket.placements == 0) then",
        new="  if #short > 0 and #basket.placements == 0 then",
        faults=(1, 4, 7),
    ),
    Mutant(
        name="a release frees one unit too few",
        file="decide/scripts/parts/lines.lua",
        old="  line[LINE.open] = line[LINE.open] - units\n  line[counter]",
        new="  line[LINE.open] = line[LINE.open] - units + 0\n  units = math.max(units - 1, 0)\n  line[counter]",
        faults=(9, 2),
    ),
    Mutant(
        name="a place is given out that lies ahead of what was told",
        file="watch/group.py",
        old="        return self._told if self.waiting else head",
        new="        return head._replace(position=head.position + 3)",
        faults=(12, 9),
    ),
    Mutant(
        name="a watch that comes back is told nothing of what it missed",
        file="watch/hub.py",
        old="        if keys:\n            owed: dict[Key, Owed] = {}",
        new="        if not keys:\n            owed: dict[Key, Owed] = {}",
        faults=(12, 9),
    ),
    Mutant(
        name="the writer marks as committed what it has not committed",
        file="ledger/writer.py",
        old="                self._commit(connection, batch)\n",
        new=(
            "                self._journal.mark_committed(segment.epoch, batch.position)\n"
            "                batch.operations.clear()\n                self._commit(connection, batch)\n"
        ),
        faults=(2, 9),
    ),
)


def find_out(mutant: Mutant) -> str:
    """Returns what noticed a mutant; empty if nothing did."""
    with tempfile.TemporaryDirectory(prefix="holdfast-mutant-") as folder:
        package = Path(folder) / "holdfast_server"
        shutil.copytree(Path(holdfast_server.__file__).parent, package)
        file = package / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise SystemExit(f"the code has changed: {mutant.file} does not hold once {mutant.old!r}")
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        for number in mutant.faults:
            command = ["-m", "robustness", "run", "--only", str(number), "--seed", str(_SEED), "--patience", "20"]
            if not _passes([*command, "--operations", str(_OPERATIONS), "--report", f"{folder}/report.json"], folder):
                return f"fault {number}"
        for test in mutant.tests:
            if not _passes(
                ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(_TESTS / "integration" / test)], folder
            ):
                return test
    return ""


def _passes(command: list[str], folder: str) -> bool:
    """Runs Python on the copy of the server in a folder, and says whether it ends well."""
    ended = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((folder, str(_TESTS)))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=RUN_SECONDS,
        check=False,
    )
    return ended.returncode == 0
