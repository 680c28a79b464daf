"""The phases of a run, and what is kept of each measurement."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from holdfast_loadtest.baselines.floor import Floor
from holdfast_loadtest.baselines.row_lock_bench import CHECKED_FORM
from holdfast_loadtest.figures import median, microseconds_each
from holdfast_loadtest.pace import Pace
from holdfast_loadtest.task import MAX_CHANNELS, Kind, Outcome, Task
from holdfast_loadtest.valkey_wire import ScriptCost

Side = Literal["authority", "echo", "script", "row_lock", "row_lock_server"]
"""The authority, or one of the baselines."""

ROW_LOCK_CLIENTS: Final = 64
_CHANNELS_FOR_PROCESSES: Final = 32
"""The kernel gives each connection to one of the server processes by chance; of many, each gets about as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One kind of load on one side."""

    name: str
    side: Side
    kind: Kind
    in_flight: int
    batch_size: int = 1
    hot: bool = False
    pool_size: int = 1
    """The locations of the pool that is sold from; of the row lock server, the connections that it has."""
    channels: int = MAX_CHANNELS
    server_processes: int = 1
    rows: int = 1
    """The rows that pgbench draws from."""
    form: str = CHECKED_FORM
    """The form of the row lock that pgbench runs."""

    def task(self, pace: Pace, *, seed: int, target: str = "", port: int = 0) -> Task:
        return Task(
            kind=self.kind,
            in_flight=self.in_flight,
            warm_seconds=pace.warm_seconds,
            seconds=pace.seconds,
            target=target,
            batch_size=self.batch_size,
            hot=self.hot,
            pool_size=self.pool_size if self.side == "authority" else 1,
            channels=self.channels,
            port=port,
            seed=seed,
        )

    def with_in_flight(self, in_flight: int) -> Phase:
        return dataclasses.replace(self, in_flight=in_flight)

    def with_batch_size(self, batch_size: int) -> Phase:
        return dataclasses.replace(self, batch_size=batch_size)

    def with_pool_size(self, pool_size: int) -> Phase:
        return dataclasses.replace(self, pool_size=pool_size)

    def with_form(self, form: str) -> Phase:
        return dataclasses.replace(self, form=form)


ECHO_64: Final = Phase(name="echo_64", side="echo", kind="unary", in_flight=64)
ECHO_256: Final = Phase(name="echo_256", side="echo", kind="unary", in_flight=256)
UNARY_64: Final = Phase(name="unary_64", side="authority", kind="unary", in_flight=64)
UNARY_256: Final = Phase(name="unary_256", side="authority", kind="unary", in_flight=256)
UNARY_64_HOT: Final = Phase(name="unary_64_hot", side="authority", kind="unary", in_flight=64, hot=True)
SDK_256: Final = Phase(name="sdk_256", side="authority", kind="sdk", in_flight=256)
ROW_LOCK_SERVER: Final = Phase(
    name="row_lock_server", side="row_lock_server", kind="unary", in_flight=64, hot=True, pool_size=2
)
ROW_LOCK_HOT: Final = Phase(name="row_lock_hot", side="row_lock", kind="unary", in_flight=ROW_LOCK_CLIENTS)
ROW_LOCK_FEW: Final = Phase(name="row_lock_few", side="row_lock", kind="unary", in_flight=2)
ROW_LOCK_1000: Final = Phase(
    name="row_lock_1000", side="row_lock", kind="unary", in_flight=ROW_LOCK_CLIENTS, rows=1_000
)
ALONE: Final = Phase(name="alone", side="authority", kind="unary", in_flight=1)
SCRIPT: Final = Phase(name="script", side="script", kind="script", in_flight=1)
BATCH_100: Final = Phase(name="batch_100", side="authority", kind="batch", in_flight=3, batch_size=100)
BATCH_500: Final = Phase(name="batch_500", side="authority", kind="batch", in_flight=3, batch_size=500)
BATCH_100_HOT: Final = Phase(
    name="batch_100_hot", side="authority", kind="batch", in_flight=3, batch_size=100, hot=True
)
BATCH_500_HOT: Final = Phase(
    name="batch_500_hot", side="authority", kind="batch", in_flight=3, batch_size=500, hot=True
)
POOL_2: Final = Phase(name="pool_2", side="authority", kind="batch", in_flight=3, batch_size=500, pool_size=2)
POOL_2000: Final = Phase(name="pool_2000", side="authority", kind="batch", in_flight=3, batch_size=500, pool_size=2_000)

PROCESSES_1: Final = Phase(
    name="processes_1", side="authority", kind="unary", in_flight=256, channels=_CHANNELS_FOR_PROCESSES
)
PROCESSES_2: Final = dataclasses.replace(PROCESSES_1, name="processes_2", server_processes=2)

COMPARED_PHASES: Final = (
    ECHO_64,
    UNARY_64,
    UNARY_64_HOT,
    ROW_LOCK_SERVER,
    SDK_256,
    UNARY_256,
    ECHO_256,
    SCRIPT,
    BATCH_500,
    BATCH_500_HOT,
    ROW_LOCK_HOT,
    ROW_LOCK_FEW,
    ROW_LOCK_1000,
    BATCH_100,
    BATCH_100_HOT,
    ALONE,
)
"""In this order what is compared stands side by side. Every other round runs backwards, so drift cancels out."""

PROCESS_PHASES: Final = (PROCESSES_1, PROCESSES_2)
"""Compared with each other alone, in rounds after those: the other server processes start only then."""

POOL_PHASES: Final = (POOL_2, POOL_2000)
"""Compared with each other alone, in rounds after all others: what they leave behind must not weigh on those."""

PHASES: Final = (*COMPARED_PHASES, *PROCESS_PHASES, *POOL_PHASES)


def order_of_round(phases: Sequence[Phase], round_number: int) -> Iterator[Phase]:
    """Yields the phases forwards in the first round, backwards in the second, and so on."""
    yield from phases if round_number % 2 == 0 else reversed(phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement of one phase."""

    outcome: Outcome
    cpu_seconds: dict[str, float | None] = field(default_factory=dict)
    """What each process used, warming up and running out included."""
    script_cost: ScriptCost | None = None

    def costs_us(self) -> dict[str, float | None]:
        """Returns the CPU microseconds per reservation of each process."""
        count = self.outcome.acknowledged
        return {
            "client": microseconds_each(self.outcome.client_cpu_seconds, count),
            **{name: microseconds_each(seconds, count) for name, seconds in self.cpu_seconds.items()},
        }

    def script_us(self) -> float | None:
        """Returns the microseconds per reservation that Valkey's own figures give for scripts."""
        if self.script_cost is None:
            return None
        return microseconds_each(self.script_cost.microseconds / 1_000_000, self.outcome.acknowledged)

    def script_calls(self) -> float | None:
        """Returns the commands per reservation that ran within scripts or beside them."""
        if self.script_cost is None or not self.outcome.acknowledged:
            return None
        return self.script_cost.calls_within / self.outcome.acknowledged


@dataclass(slots=True, kw_only=True)
class Measurements:
    """All samples of a run, by phase, one per round; and the floor, one per round."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    floors: list[Floor] = field(default_factory=list)

    def add(self, phase: Phase, sample: Sample) -> None:
        self.samples.setdefault(phase.name, []).append(sample)

    def rates(self, phase: Phase) -> list[float | None]:
        return [sample.outcome.rate for sample in self.samples.get(phase.name, [])]

    def p50s_ms(self, phase: Phase) -> list[float | None]:
        return [sample.outcome.p50_ms for sample in self.samples.get(phase.name, [])]

    def p99s_ms(self, phase: Phase) -> list[float | None]:
        return [sample.outcome.p99_ms for sample in self.samples.get(phase.name, [])]

    def costs_us(self, phase: Phase) -> dict[str, float | None]:
        """Returns the median over the rounds of what each process used per reservation."""
        rounds = [sample.costs_us() for sample in self.samples.get(phase.name, [])]
        names = dict.fromkeys(name for one in rounds for name in one)
        return {name: median([one.get(name) for one in rounds]) for name in names}
