"""The floor of a single durable answer: one Redis round trip and one Postgres commit of one row, one after the other.

Needs psycopg, which only the server's extra installs; without it there is no floor.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass

from holdfast_loadtest.figures import percentile
from holdfast_loadtest.valkey_wire import ValkeyConnection

_MILLISECONDS = 1000
_TABLE = "holdfast_loadtest_floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The medians of both parts."""

    redis_ms: float | None
    postgres_ms: float | None

    @property
    def together_ms(self) -> float | None:
        if self.redis_ms is None or self.postgres_ms is None:
            return None
        return self.redis_ms + self.postgres_ms


def can_measure() -> bool:
    """Says whether the Postgres driver is installed."""
    return importlib.util.find_spec("psycopg") is not None


def measure_floor(*, valkey_port: int, postgres_url: str, seconds: float) -> Floor:
    """Measures each part for half of the time."""
    import psycopg

    with ValkeyConnection(valkey_port) as valkey:
        redis_ms = _median_ms(lambda: valkey.call("PING"), seconds / 2)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (id bigserial PRIMARY KEY, sku text NOT NULL)")
        postgres_ms = _median_ms(
            lambda: connection.execute(f"INSERT INTO {_TABLE} (sku) VALUES ('FLOOR')"), seconds / 2
        )
        connection.execute(f"DROP TABLE {_TABLE}")
    return Floor(redis_ms=redis_ms, postgres_ms=postgres_ms)


def _median_ms(step: Callable[[], object], seconds: float) -> float | None:
    times = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        step()
        times.append((time.perf_counter() - started) * _MILLISECONDS)
    return percentile(times, 0.5)
