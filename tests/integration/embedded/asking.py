"""Asks the running servers, as the product does: with psycopg and redis."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import redis

PATIENCE_SECONDS = 15.0


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Runs one statement and commits."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def postgres_answers(url: str) -> bool:
    try:
        return query(url, "SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False


def valkey_answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.exceptions.ConnectionError:
            return False


def valkey_setting(url: str, name: str) -> str:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        settings = client.config_get(name)
        assert isinstance(settings, dict)
        return str(settings[name])


def until(condition: Callable[[], bool], *, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Waits for something that happens in another process; the bound is no measure of speed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        meanwhile()
        time.sleep(0.02)
