"""A start succeeds on whatever an earlier run left behind, and never hits a stranger."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast_server.embedded import Supervisor
from holdfast_server.embedded.binaries import PostgresProgram
from holdfast_server.embedded.data_directory import DataDirectory
from holdfast_server.embedded.postgres import Postgres
from holdfast_server.embedded.processes import command_line, exists
from integration.embedded.asking import postgres_answers, query, until, valkey_answers
from integration.embedded.other_process import RUNNER, OtherProcess

Supervise = Callable[..., Supervisor]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A program that has nothing to do with us, of the user that the servers run as."""
    user = "nobody" if os.geteuid() == 0 else None
    process = subprocess.Popen(["sleep", "60"], user=user)
    yield process
    process.kill()
    process.wait()


def _run_once(supervisor: Supervisor, data_directory: Path) -> str:
    """Starts and stops; returns the postmaster.pid of that run, which a clean stop removes."""
    supervisor.start()
    file = data_directory / "postgres" / "postmaster.pid"
    content = file.read_text() if file.exists() else ""
    supervisor.stop()
    return content


def _dead_pid() -> int:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not exists(gone.pid)
    return gone.pid


def _leave_pid_files(data_directory: Path, postmaster_pid_file: str, pid: int) -> None:
    """Leaves the pid files of a run whose servers had this pid."""
    _, _, rest = postmaster_pid_file.partition("\n")
    for folder, name, content in (
        (data_directory / "postgres", "postmaster.pid", f"{pid}\n{rest}"),
        (data_directory / "valkey", "valkey.pid", f"{pid}\n"),
    ):
        if folder.exists():
            (folder / name).write_text(content)
            owner = folder.stat()
            os.chown(folder / name, owner.st_uid, owner.st_gid)


def test_the_servers_of_a_killed_supervisor_are_ended_and_the_data_is_there(
    data: Path, supervise: Supervise, other_process: Callable[..., OtherProcess], lines: list[str]
) -> None:
    killed = other_process(data)
    query(killed.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed.kill()
    assert postgres_answers(killed.postgres_url)
    assert valkey_answers(killed.redis_url)

    supervisor = supervise(data)
    endpoints = supervisor.start()
    assert supervisor.postgres_pid != killed.postgres_pid
    assert supervisor.valkey_pid != killed.valkey_pid
    assert not command_line(killed.postgres_pid)
    assert not command_line(killed.valkey_pid)
    assert query(endpoints.postgres_url, "SELECT answer FROM kept") == [(42,)]
    assert sum("an earlier run left behind" in line for line in lines) == 2


def test_the_servers_of_a_killed_supervisor_are_ended_though_the_data_directory_was_moved(
    folder: Path,
    data: Path,
    supervise: Supervise,
    other_process: Callable[..., OtherProcess],
    lines: list[str],
) -> None:
    killed = other_process(data)
    query(killed.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed.kill()
    data.rename(folder / "moved")

    endpoints = supervise(folder / "moved").start()
    assert sum("an earlier run left behind" in line for line in lines) == 2
    assert not command_line(killed.postgres_pid)
    assert not command_line(killed.valkey_pid)
    assert query(endpoints.postgres_url, "SELECT answer FROM kept") == [(42,)]


def test_everything_killed_at_once_is_recovered(
    data: Path, supervise: Supervise, other_process: Callable[..., OtherProcess]
) -> None:
    killed = other_process(data)
    query(killed.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed.kill()
    for pid in (killed.postgres_pid, killed.valkey_pid):
        os.kill(pid, signal.SIGKILL)
    # Where nobody reaps orphans the pids stay as zombies, which Postgres takes for a running server.
    endpoints = supervise(data).start()
    assert query(endpoints.postgres_url, "SELECT answer FROM kept") == [(42,)]
    assert valkey_answers(endpoints.redis_url)


def test_pid_files_of_dead_processes_do_not_stand_in_the_way(data: Path, supervise: Supervise) -> None:
    content = _run_once(supervise(data), data)
    _leave_pid_files(data, content, _dead_pid())

    endpoints = supervise(data).start()
    assert postgres_answers(endpoints.postgres_url)
    assert valkey_answers(endpoints.redis_url)


def test_a_stranger_that_got_the_pid_of_a_server_is_left_alone(
    data: Path, supervise: Supervise, stranger: subprocess.Popen[bytes]
) -> None:
    content = _run_once(supervise(data), data)
    _leave_pid_files(data, content, stranger.pid)

    endpoints = supervise(data).start()
    assert stranger.poll() is None
    assert postgres_answers(endpoints.postgres_url)
    assert valkey_answers(endpoints.redis_url)


def test_a_zombie_that_got_the_pid_does_not_stand_in_the_way(data: Path, supervise: Supervise) -> None:
    content = _run_once(supervise(data), data)
    zombie = subprocess.Popen(["true"], user="nobody" if os.geteuid() == 0 else None)
    until(lambda: not command_line(zombie.pid))
    assert exists(zombie.pid)
    _leave_pid_files(data, content, zombie.pid)

    endpoints = supervise(data).start()
    assert postgres_answers(endpoints.postgres_url)
    zombie.wait()


def test_the_servers_of_another_data_directory_are_left_alone(folder: Path, data: Path, supervise: Supervise) -> None:
    neighbour = supervise(folder / "neighbour")
    neighbour_endpoints = neighbour.start()
    for pid in (neighbour.postgres_pid, neighbour.valkey_pid):
        assert pid is not None
        content = _run_once(supervise(data), data)
        _leave_pid_files(data, content, pid)
        supervisor = supervise(data)
        assert postgres_answers(supervisor.start().postgres_url)
        assert command_line(pid)
        supervisor.stop()
    assert postgres_answers(neighbour_endpoints.postgres_url)
    assert valkey_answers(neighbour_endpoints.redis_url)


def test_ready_of_an_earlier_run_with_the_same_pid_is_not_believed(
    folder: Path, data: Path, supervise: Supervise
) -> None:
    # In a container that is started again the servers get the same pids again.
    content = _run_once(supervise(data, with_valkey=False), data)
    _leave_pid_files(data, content, _dead_pid())
    file = data / "postgres" / "postmaster.pid"
    left_at_ns = file.stat().st_mtime_ns
    # Stands for a Postgres that has not yet come to write its own file.
    slow = folder / "postgres"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    program = PostgresProgram(folder=folder, version="18", major=18, bundle=None)
    opened = DataDirectory(data)
    postgres = Postgres(data=opened, program=program, identity=opened.open(), password="")
    process = postgres.spawn()
    try:
        file.write_text(content.replace(content.splitlines()[0], str(process.pid), 1))
        os.utime(file, ns=(left_at_ns, left_at_ns))
        assert not postgres.is_ready(process)
    finally:
        process.kill()
        process.wait()
        opened.close()


def test_a_half_made_database_is_made_again(folder: Path, supervise: Supervise) -> None:
    supervisor = supervise(folder / "data", with_postgres=False)
    supervisor.start()
    supervisor.stop()
    half_made = folder / "data" / "postgres.new-1234"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    (folder / "data" / "postgres.new-1234.password").write_text("left")

    endpoints = supervise(folder / "data").start()
    assert postgres_answers(endpoints.postgres_url)
    assert not list((folder / "data").glob("postgres.new*"))


def test_a_supervisor_killed_while_it_makes_the_database_is_recovered(folder: Path, supervise: Supervise) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(folder / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: any(folder.glob("data/postgres.new-*/PG_VERSION")))
    finally:
        process.kill()
        process.communicate()
    assert not (folder / "data" / "postgres").exists()

    endpoints = supervise(folder / "data").start()
    assert postgres_answers(endpoints.postgres_url)
    assert valkey_answers(endpoints.redis_url)


def test_lost_passwords_are_made_anew(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    before = supervisor.start()
    query(before.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    supervisor.stop()
    for file in (data).glob("*.password"):
        file.unlink()

    after = supervise(data).start()
    assert after.postgres_url != before.postgres_url
    assert query(after.postgres_url, "SELECT answer FROM kept") == [(42,)]
    assert not postgres_answers(before.postgres_url)
    assert valkey_answers(after.redis_url)
