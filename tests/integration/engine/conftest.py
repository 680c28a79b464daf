"""A segment of a test's own, in a database of its own that is copied from a migrated one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from holdfast_server.ledger.migrate import migrate
from holdfast_server.settings import Settings
from integration.engine.rig import Rig, open_rig
from support.servers import Servers

_TEMPLATE = "engine_template"
_numbers = itertools.count(1)

MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """The name of a database that has every migration and nobody connected."""
    migrate(servers.new_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def make_settings(servers: Servers, template: str) -> MakeSettings:
    """Returns settings for a segment and a database that no other test has."""

    def make(**options: Any) -> Settings:
        number = next(_numbers)
        name = f"engine_{number}"
        with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return settings_for(servers, database=name, segment=f"engine{number}", **options)

    return make


def settings_for(servers: Servers, *, database: str, segment: str, **options: Any) -> Settings:
    """Settings with a heart that beats fast, so that tests need not wait for it."""
    base, _, query = servers.postgres_url.partition("?")
    url = base.rsplit("/", 1)[0] + f"/{database}" + (f"?{query}" if query else "")
    known = {"heartbeat_seconds": 0.1} | options
    return Settings(postgres_url=url, redis_url=servers.redis_url, segment=segment, **known)


@pytest.fixture
async def rig(make_settings: MakeSettings) -> AsyncIterator[Rig]:
    """An open segment with one SKU, ten units of it, and one channel that sells them."""
    async with open_rig(make_settings()) as opened:
        await opened.open_trade(units=10)
        yield opened


@pytest.fixture
async def own_valkey_rig(fresh_servers: Servers) -> AsyncIterator[Rig]:
    """The same on servers of the test's own, which it may kill, flush or starve."""
    url = fresh_servers.new_database("own")
    migrate(url)
    async with open_rig(settings_for(fresh_servers, database="own", segment="own")) as opened:
        await opened.open_trade(units=10)
        yield opened
