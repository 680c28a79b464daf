"""The replay from end to end: plan, stock up, drive, read back, judge."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from holdfast_client.csv_import.patience import Patience
from holdfast_client.csv_import.reading import CsvFile
from holdfast_client.orders.account import Account
from holdfast_client.orders.authority import Authority
from holdfast_client.orders.driver import Driver, Pace
from holdfast_client.orders.ledger import read_histories, read_levels, verify_ledger
from holdfast_client.orders.mapping import OrderMapping
from holdfast_client.orders.names import RunNames
from holdfast_client.orders.opening import opening_stock
from holdfast_client.orders.outcomes import Outcomes
from holdfast_client.orders.plan import Plan, plan_replay
from holdfast_client.orders.reading import read_order_rows
from holdfast_client.orders.report import ReplayReport
from holdfast_client.orders.stocking import stock_up
from holdfast_client.orders.verdict import judge


class Stage(enum.Enum):
    """What a replay is doing."""

    WAITING = "waiting for the server"
    STOCKING = "stocking up"
    DRIVING = "replaying orders"
    READING_BACK = "reading levels and movements back"
    VERIFYING = "verifying the ledger"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How a replay is run."""

    names: RunNames
    stock_share: Fraction
    seed: int
    concurrency: int
    pace: Pace
    partial: bool


def plan_file(path: Path, *, mapping: OrderMapping, names: RunNames, limit: int | None) -> Plan:
    """Reads the file. Raises UnreadableFileError or TooManyRowsError."""
    file = CsvFile(path, delimiter=mapping.delimiter)
    return plan_replay(read_order_rows(file, mapping), mapping=mapping, names=names, limit=limit)


@dataclass(slots=True, kw_only=True)
class Replay:
    """One replay. `stage` and `outcomes` can be looked at while it runs."""

    plan: Plan
    settings: ReplaySettings
    patience: Patience
    stage: Stage = Stage.WAITING
    outcomes: Outcomes = field(default_factory=Outcomes)
    account: Account = field(default_factory=Account)

    async def run(self, authority: Authority) -> ReplayReport:
        """Runs it to the verdict.

        Raises what `stock_up` raises, and NoAnswerError if the service cannot be read from when all is over.
        """
        settings, names = self.settings, self.settings.names
        self.stage = Stage.STOCKING
        opening = opening_stock(
            self.plan.demand, share=settings.stock_share, locations=names.locations, seed=settings.seed
        )
        await stock_up(
            self.plan,
            opening,
            names=names,
            authority=authority,
            account=self.account,
            patience=self.patience,
        )
        self.stage = Stage.DRIVING
        begin = time.monotonic()
        driver = Driver(
            authority=authority,
            account=self.account,
            outcomes=self.outcomes,
            patience=self.patience,
            locations=names.locations,
            concurrency=settings.concurrency,
            pace=settings.pace,
            partial=settings.partial,
        )
        await driver.drive(self.plan.events)
        driven = time.monotonic()
        self.stage = Stage.READING_BACK
        skus = sorted(self.plan.demand)
        levels = await read_levels(skus, names.locations, authority=authority, patience=self.patience)
        histories = await read_histories(skus, authority=authority, patience=self.patience)
        self.stage = Stage.VERIFYING
        ledger = await verify_ledger(authority=authority, patience=self.patience)
        verdict = judge(
            tallies=self.account.levels,
            levels=levels,
            histories=histories,
            ledger=ledger,
            outcomes=self.outcomes,
        )
        self.stage = Stage.DONE
        return ReplayReport(
            run_id=names.run_id,
            counts=self.plan.counts,
            rejections=self.plan.rejections,
            skus=len(skus),
            channels=len(self.plan.channels),
            locations=len(names.locations),
            units_received=sum(line.quantity for line in opening),
            movements=sum(history.movements for history in histories.values()),
            outcomes=self.outcomes,
            verdict=verdict,
            duration_seconds=driven - begin,
            verification_seconds=time.monotonic() - driven,
            unavailable_retries=self.patience.repetitions,
        )
