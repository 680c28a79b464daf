"""The faults: what is broken, how, and what must hold. Each is made by real means on real processes."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from robustness.traffic import Traffic
from robustness.world import World


@dataclass(slots=True)
class Strike:
    """A fault at work: the world, who trades in it, and chance."""

    world: World
    traffic: Traffic
    chance: random.Random
    folder: Path
    notes: list[str] = field(default_factory=list)
    closing: list[Callable[[], None]] = field(default_factory=list)

    def on_close(self, end: Callable[[], None]) -> None:
        """Has something ended once the run was judged."""
        self.closing.append(end)

    def note(self, text: str) -> None:
        """Writes something down for the report: what was seen, or how long it took."""
        self.notes.append(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One of the faults. `number` is its place in docs/faults.md."""

    number: int
    name: str
    must_hold: str
    strike: Callable[[Strike], Awaitable[None]]
    needs: tuple[str, ...] = ()
    """What the machine must have: the name of a program, or `root`."""
    environment: dict[str, str] = field(default_factory=dict)
    """Settings of the servers."""
    disk_mib: int = 0
    """The servers' data lies on a disk of this size."""
    only_on_cluster: bool = False
    """It is a fault of a cluster."""
    not_on_cluster: str = ""
    """Why a segment on a cluster cannot have it; empty if it can."""

    def why_skipped(self, *, on_cluster: bool) -> str:
        """Says why the fault cannot be run here, on one Valkey or on a cluster; empty if it can."""
        if on_cluster and self.not_on_cluster:
            return self.not_on_cluster
        if self.only_on_cluster and not on_cluster:
            return "it needs a cluster: --cluster"
        return f"it needs {self.missing}" if self.missing else ""

    @property
    def missing(self) -> str:
        """What the machine lacks; empty if nothing."""
        for need in self.needs:
            if need == "root":
                if os.geteuid() != 0:
                    return "the rights of root"
            elif shutil.which(need) is None:
                return need
        return ""


FAULTS: Final[dict[int, Fault]] = {}


def fault(
    number: int,
    name: str,
    *,
    must_hold: str,
    needs: tuple[str, ...] = (),
    disk_mib: int = 0,
    only_on_cluster: bool = False,
    not_on_cluster: str = "",
    **environment: str,
) -> Callable[[Callable[[Strike], Awaitable[None]]], Callable[[Strike], Awaitable[None]]]:
    """Enters a fault into the list."""

    def enter(strike: Callable[[Strike], Awaitable[None]]) -> Callable[[Strike], Awaitable[None]]:
        assert number not in FAULTS
        FAULTS[number] = Fault(
            number=number,
            name=name,
            must_hold=must_hold,
            strike=strike,
            needs=needs,
            environment=environment,
            disk_mib=disk_mib,
            only_on_cluster=only_on_cluster,
            not_on_cluster=not_on_cluster,
        )
        return strike

    return enter


def all_faults() -> list[Fault]:
    """Returns all faults, in the order of their numbers."""
    from robustness.faults import (  # noqa: F401
        of_clients,
        of_clusters,
        of_machines,
        of_sequencers,
        of_servers,
        of_the_ledger,
    )

    return [FAULTS[number] for number in sorted(FAULTS)]
