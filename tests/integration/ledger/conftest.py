"""A migrated database of a test's own, without any Redis."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from holdfast_server.ledger.migrate import migrate
from integration.ledger.entries import Ledger
from support.servers import Servers

_TEMPLATE = "ledger_template"
_numbers = iter(range(1, 1_000_000))


@pytest.fixture(scope="session")
def ledger_template(servers: Servers) -> str:
    """The name of a database that has every migration and nobody connected."""
    migrate(servers.new_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def ledger(servers: Servers, ledger_template: str) -> Iterator[Ledger]:
    """An empty ledger, and a way to write to it as the ledger writer does."""
    name = f"ledger_{next(_numbers)}"
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {ledger_template}")
    base, _, query = servers.postgres_url.partition("?")
    url = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    opened = Ledger(postgres_url=url, redis_url=servers.redis_url)
    yield opened
    opened.close()
