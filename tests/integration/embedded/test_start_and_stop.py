"""A start gives two ready servers, a stop ends them, and the next start finds the data again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from holdfast_server.embedded import Supervisor
from holdfast_server.embedded.child import Child, Program
from holdfast_server.embedded.processes import (
    clean_environment,
    command_line,
    running,
    working_directory,
)
from integration.embedded.asking import postgres_answers, query, until, valkey_answers, valkey_setting

Supervise = Callable[..., Supervisor]


def test_data_and_addresses_survive_a_stop_and_a_start(data: Path, supervise: Supervise) -> None:
    first = supervise(data)
    endpoints = first.start()
    query(endpoints.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()

    second = supervise(data)
    assert second.start() == endpoints
    assert query(endpoints.postgres_url, "SELECT answer FROM kept") == [(42,)]


def test_stop_ends_both_servers_and_what_is_stopped_can_be_stopped_again(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    endpoints = supervisor.start()
    pids = (supervisor.postgres_pid, supervisor.valkey_pid)
    assert all(pid and command_line(pid) for pid in pids)

    supervisor.stop()
    supervisor.stop()
    supervisor.check()
    assert not any(pid and command_line(pid) for pid in pids)
    assert (supervisor.postgres_pid, supervisor.valkey_pid) == (None, None)
    assert not postgres_answers(endpoints.postgres_url)
    assert not valkey_answers(endpoints.redis_url)


def test_start_is_idempotent_and_the_supervisor_is_a_context(folder: Path, supervise: Supervise) -> None:
    with supervise(folder / "data", with_postgres=False) as supervisor:
        pid = supervisor.valkey_pid
        assert supervisor.start() == supervisor.start()
        assert supervisor.valkey_pid == pid
    assert supervisor.valkey_pid is None


def test_only_what_is_asked_for_is_run(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data, with_valkey=False)
    endpoints = supervisor.start()
    assert (supervisor.valkey_pid, endpoints.redis_url) == (None, "")
    assert postgres_answers(endpoints.postgres_url)
    supervisor.stop()

    supervisor = supervise(data, with_postgres=False)
    endpoints = supervisor.start()
    assert (supervisor.postgres_pid, endpoints.postgres_url) == (None, "")
    assert valkey_answers(endpoints.redis_url)


def test_what_is_acknowledged_is_on_disk_and_no_key_is_evicted(data: Path, supervise: Supervise) -> None:
    endpoints = supervise(data).start()
    # A weaker setting in the database itself changes nothing: ours are given on the command line.
    with psycopg.connect(endpoints.postgres_url, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    settings = dict(query(endpoints.postgres_url, "SELECT name, setting FROM pg_settings"))
    durable = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert {name: settings[name] for name in durable} == dict.fromkeys(durable, "on")
    assert (settings["max_connections"], settings["jit"]) == ("200", "off")

    assert valkey_setting(endpoints.redis_url, "maxmemory-policy") == "noeviction"
    assert valkey_setting(endpoints.redis_url, "save") == ""
    assert valkey_setting(endpoints.redis_url, "appendonly") == "no"


def test_strings_are_unicode_and_sort_by_code_point(data: Path, supervise: Supervise) -> None:
    endpoints = supervise(data, with_valkey=False).start()
    assert query(endpoints.postgres_url, "SHOW server_encoding") == [("UTF8",)]
    ordered = query(endpoints.postgres_url, "SELECT s FROM unnest(ARRAY['ä', 'b', 'B', 'a']) AS s ORDER BY s")
    assert [row[0] for row in ordered] == ["B", "a", "b", "ä"]
    assert query(endpoints.postgres_url, "SELECT upper('ä')") == [("Ä",)]


def test_nobody_gets_in_without_the_password(data: Path, supervise: Supervise) -> None:
    endpoints = supervise(data).start()
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(endpoints.postgres_url, password=password, connect_timeout=5)
    port = endpoints.redis_url.rpartition(":")[2].partition("/")[0]
    with (
        redis.Redis(port=int(port), retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        client.ping()


def test_passwords_are_in_private_files_and_nowhere_else(folder: Path, supervise: Supervise, lines: list[str]) -> None:
    supervisor = supervise(folder / "data")
    said = repr(supervisor.start()) + "".join(lines)
    for server, pid in (("postgres", supervisor.postgres_pid), ("valkey", supervisor.valkey_pid)):
        file = folder / "data" / f"{server}.password"
        password = file.read_text().strip()
        assert file.stat().st_mode & 0o077 == 0
        assert len(password) >= 32
        assert password not in said
        assert password not in (folder / "data" / f"{server}.log").read_text()
        assert pid is not None
        assert password not in " ".join(command_line(pid))


def test_a_very_deep_data_directory_works(folder: Path, supervise: Supervise) -> None:
    # A socket file in it would be far beyond what the operating system can bind.
    deep = folder.joinpath(*["a-folder-with-a-long-name-and spaces"] * 8)
    endpoints = supervise(deep).start()
    assert postgres_answers(endpoints.postgres_url)
    assert valkey_answers(endpoints.redis_url)


def test_the_servers_are_out_of_reach_of_ctrl_c(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    supervisor.start()
    for pid in (supervisor.postgres_pid, supervisor.valkey_pid):
        assert pid is not None
        # A terminal signals its foreground process group; each server has a session of its own.
        assert os.getsid(pid) == pid != os.getsid(0)


def test_the_callers_postgres_variables_do_not_reach_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGDATA", "PGOPTIONS", "PGDATESTYLE", "LC_MESSAGES", "LC_ALL"):
        monkeypatch.setenv(name, "what the caller has")
    assert "what the caller has" not in clean_environment().values()


def test_logs_are_bounded(folder: Path, supervise: Supervise) -> None:
    supervisor = supervise(folder / "data", with_postgres=False)
    supervisor.start()
    log = folder / "data" / "valkey.log"
    with log.open("a") as file:
        file.write("x" * (9 * 2**20))
    supervisor.check()
    assert log.stat().st_size < 2**20
    assert log.with_name("valkey.log.1").stat().st_size > 8 * 2**20


@pytest.mark.parametrize("sign", ["data/postgres.new-*/PG_VERSION", "data/postgres/postmaster.pid"])
def test_a_server_that_is_told_to_stop_while_it_starts_leaves_nothing_running(folder: Path, sign: str) -> None:
    command = [sys.executable, "-m", "holdfast_server", "--port", "0", "--data-directory", str(folder / "data")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: any(folder.glob(sign)))
            process.terminate()
            assert process.wait(timeout=60) == 128 + signal.SIGTERM
        finally:
            process.kill()
    assert [pid for pid in running() if (working_directory(pid) or "").startswith(str(folder))] == []


def test_a_signal_that_comes_while_a_server_is_born_waits_until_it_has_a_name() -> None:
    class Newborn:
        """Is told to end between the birth of its process and the moment when anybody knows of it."""

        name = "newborn"

        def choose_address(self) -> None:
            pass

        def spawn(self) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            signal.raise_signal(signal.SIGTERM)
            return process

    def end(number: int, _: object) -> None:
        raise SystemExit(number)

    before = signal.signal(signal.SIGTERM, end)
    child = Child(cast(Program, Newborn()), print)
    try:
        with pytest.raises(SystemExit):
            child.start()
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        assert signal.getsignal(signal.SIGTERM) is end
    finally:
        signal.signal(signal.SIGTERM, before)
    until(lambda: child.pid is None)
