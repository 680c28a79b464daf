"""A server that dies comes back at the same address."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from holdfast_server.embedded import Supervisor
from integration.embedded.asking import postgres_answers, query, until, valkey_answers

Supervise = Callable[..., Supervisor]


def _kill(pid: int | None) -> int:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_valkey_comes_back_at_the_same_address(folder: Path, supervise: Supervise, lines: list[str]) -> None:
    supervisor = supervise(folder / "data", with_postgres=False)
    endpoints = supervisor.start()
    killed = _kill(supervisor.valkey_pid)
    until(lambda: supervisor.valkey_pid is None)
    assert not valkey_answers(endpoints.redis_url)

    supervisor.check()
    until(lambda: valkey_answers(endpoints.redis_url), meanwhile=supervisor.check)
    assert supervisor.valkey_pid not in (None, killed)
    assert any("killed by signal 9" in line for line in lines)


def test_a_killed_postmaster_comes_back_at_the_same_address_with_all_that_was_committed(
    data: Path, supervise: Supervise, lines: list[str]
) -> None:
    supervisor = supervise(data, with_valkey=False)
    endpoints = supervisor.start()
    query(endpoints.postgres_url, "CREATE TABLE kept AS SELECT generate_series(1, 10000) AS number")
    killed = _kill(supervisor.postgres_pid)
    until(lambda: supervisor.postgres_pid is None)

    supervisor.check()
    until(lambda: postgres_answers(endpoints.postgres_url), meanwhile=supervisor.check)
    assert supervisor.postgres_pid not in (None, killed)
    assert query(endpoints.postgres_url, "SELECT count(*) FROM kept") == [(10000,)]
    assert any("killed by signal 9" in line for line in lines)


def test_a_session_that_outlives_its_postmaster_does_not_stand_in_the_way(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data, with_valkey=False)
    endpoints = supervisor.start()
    connected = threading.Event()

    def compute_for_long() -> None:
        with psycopg.connect(endpoints.postgres_url) as connection:
            connected.set()
            try:
                # Computes without ever looking whether the postmaster lives.
                connection.execute("SELECT sum(a * b) FROM generate_series(1, 1e5) a, generate_series(1, 1e5) b")
            except psycopg.OperationalError:
                return

    session = threading.Thread(target=compute_for_long, daemon=True)
    session.start()
    assert connected.wait(10)
    until(
        lambda: (
            query(endpoints.postgres_url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%1e5%'") >= [(2,)]
        )
    )
    _kill(supervisor.postgres_pid)
    until(lambda: supervisor.postgres_pid is None)
    until(lambda: postgres_answers(endpoints.postgres_url), meanwhile=supervisor.check)
    session.join(timeout=10)
    assert not session.is_alive()


def test_both_killed_at_once_come_back(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    endpoints = supervisor.start()
    for _ in range(3):
        _kill(supervisor.postgres_pid)
        _kill(supervisor.valkey_pid)
        until(lambda: supervisor.postgres_pid is None and supervisor.valkey_pid is None)
        until(
            lambda: postgres_answers(endpoints.postgres_url) and valkey_answers(endpoints.redis_url),
            meanwhile=supervisor.check,
        )


def test_a_port_that_was_taken_meanwhile_is_waited_for_with_growing_pauses(
    folder: Path, supervise: Supervise, lines: list[str]
) -> None:
    supervisor = supervise(folder / "data", with_postgres=False)
    endpoints = supervisor.start()
    _kill(supervisor.valkey_pid)
    until(lambda: supervisor.valkey_pid is None)
    port = int(endpoints.redis_url.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        until(lambda: len([line for line in lines if "is taken" in line]) >= 2, meanwhile=supervisor.check)
        pauses = [float(line.split(" in ")[1].split()[0]) for line in lines if "is taken" in line]
        assert pauses == sorted(pauses)
        assert pauses[-1] > pauses[0]
    until(lambda: valkey_answers(endpoints.redis_url), meanwhile=supervisor.check)


def test_check_finds_nothing_to_do_while_all_is_well(data: Path, supervise: Supervise, lines: list[str]) -> None:
    supervisor = supervise(data)
    supervisor.start()
    said, pids = list(lines), (supervisor.postgres_pid, supervisor.valkey_pid)
    for _ in range(3):
        supervisor.check()
        time.sleep(0.01)
    assert (supervisor.postgres_pid, supervisor.valkey_pid) == pids
    assert lines == said
