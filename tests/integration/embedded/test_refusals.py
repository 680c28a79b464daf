"""Each thing that makes a start impossible is one clear line, and leaves nothing running."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast_server.embedded import EmbeddedError, Supervisor, binaries, data_directory
from holdfast_server.embedded.errors import (
    DataDirectoryBusy,
    DataDirectoryUnusable,
    DiskFull,
    OtherMajorVersion,
    ServerMissing,
    StartFailed,
    names_full_disk,
)
from integration.embedded.asking import postgres_answers, valkey_answers
from integration.embedded.other_process import OtherProcess

Supervise = Callable[..., Supervisor]


def _refusal(supervisor: Supervisor, kind: type[EmbeddedError]) -> str:
    with pytest.raises(kind) as refused:
        supervisor.start()
    message = str(refused.value)
    assert "\n" not in message
    assert (supervisor.postgres_pid, supervisor.valkey_pid) == (None, None)
    return message


def test_a_second_instance_is_refused_and_told_which_process_is_the_first(
    data: Path, supervise: Supervise, other_process: Callable[..., OtherProcess]
) -> None:
    first = other_process(data)
    assert f"process {first.process.pid}" in _refusal(supervise(data), DataDirectoryBusy)
    assert postgres_answers(first.postgres_url)
    assert valkey_answers(first.redis_url)

    first.kill()
    assert postgres_answers(supervise(data).start().postgres_url)


def test_a_second_instance_in_the_same_process_is_refused_too(folder: Path, supervise: Supervise) -> None:
    supervise(folder / "data", with_postgres=False).start()
    assert f"process {os.getpid()}" in _refusal(supervise(folder / "data"), DataDirectoryBusy)


def test_a_database_of_another_major_version_is_refused(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data, with_valkey=False)
    supervisor.start()
    supervisor.stop()
    (data / "postgres" / "PG_VERSION").write_text("12\n")
    message = _refusal(supervise(data), OtherMajorVersion)
    assert "Postgres 12" in message
    assert "pg_dump" in message


def test_a_database_is_run_by_the_major_version_that_made_it(
    folder: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = sorted(binaries._bundled_postgres(), key=lambda program: program.major)
    if len({program.major for program in bundled}) < 2:
        pytest.skip("the wheel has only one major version")
    with monkeypatch.context() as only_the_older:
        only_the_older.setattr(binaries, "_bundled_postgres", lambda: iter(bundled[:1]))
        only_the_older.setattr(binaries, "_installed_postgres", lambda: iter(()))
        supervisor = supervise(folder / "data", with_valkey=False)
        supervisor.start()
        supervisor.stop()
    supervise(folder / "data", with_valkey=False).start()
    assert (folder / "data" / "postgres" / "PG_VERSION").read_text().strip() == str(bundled[0].major)


@pytest.mark.parametrize(
    ("package", "variable"), [("postgres", "HOLDFAST_POSTGRES_URL"), ("valkey", "HOLDFAST_REDIS_URL")]
)
def test_a_missing_server_says_what_to_install_or_to_set(
    folder: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch, package: str, variable: str
) -> None:
    monkeypatch.setattr(binaries, f"_{package.upper()}_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_POSTGRES_PLACES", ())
    monkeypatch.setenv("PATH", str(folder))
    message = _refusal(supervise(folder / "data"), ServerMissing)
    assert variable in message
    assert "pip install 'holdfast[embedded]'" in message


def test_without_the_wheels_the_servers_of_the_machine_are_used(
    folder: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres = binaries.find_postgres(database_major=None)
    valkey = binaries.find_valkey()
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "postgres").symlink_to(postgres.postgres)
    (bin_folder / "valkey-server").symlink_to(valkey.executable)
    monkeypatch.setattr(binaries, "_POSTGRES_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_VALKEY_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_POSTGRES_PLACES", ())
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    endpoints = supervise(folder / "data").start()
    assert postgres_answers(endpoints.postgres_url)
    assert valkey_answers(endpoints.redis_url)


def test_a_port_that_was_taken_between_two_runs_is_given_up_for_another(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    before = supervisor.start()
    supervisor.stop()
    taken = [int(url.rpartition(":")[2].partition("/")[0]) for url in (before.postgres_url, before.redis_url)]
    with socket.create_server(("127.0.0.1", taken[0])), socket.create_server(("127.0.0.1", taken[1])):
        after = supervise(data).start()
        assert postgres_answers(after.postgres_url)
        assert valkey_answers(after.redis_url)
    assert after.postgres_url != before.postgres_url
    assert after.redis_url != before.redis_url


def test_a_port_that_is_taken_in_the_moment_of_the_start_is_given_up_for_another(
    data: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as postgres_port,
        socket.create_server(("127.0.0.1", 0)) as valkey_port,
    ):
        chosen = {"postgres": postgres_port.getsockname()[1], "valkey": valkey_port.getsockname()[1]}
        choose_port = data_directory.DataDirectory.choose_port

        def choose_badly_once(data: data_directory.DataDirectory, server: str) -> int:
            return chosen.pop(server, None) or choose_port(data, server)

        monkeypatch.setattr(data_directory.DataDirectory, "choose_port", choose_badly_once)
        endpoints = supervise(data).start()
        assert chosen == {}
        assert postgres_answers(endpoints.postgres_url)
        assert valkey_answers(endpoints.redis_url)


def test_a_folder_that_is_no_database_is_not_touched(folder: Path, supervise: Supervise) -> None:
    precious = folder / "data" / "postgres" / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    assert "PG_VERSION" in _refusal(supervise(folder / "data"), DataDirectoryUnusable)
    assert precious.read_text() == "mine"


def test_a_data_directory_that_is_a_file_is_refused(folder: Path, supervise: Supervise) -> None:
    (folder / "data").write_text("mine")
    assert str(folder / "data") in _refusal(supervise(folder / "data"), DataDirectoryUnusable)


def test_a_broken_database_is_refused_with_what_postgres_said(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    supervisor.start()
    supervisor.stop()
    (data / "postgres" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    message = _refusal(supervise(data), StartFailed)
    assert "postgres.log" in message
    assert "FATAL" in message


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system that holds one database and not much more."""
    mount_point = folder / "small"
    mount_point.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96m,mode=0755", "tmpfs", str(mount_point)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("making a small file system needs the right to mount")
    yield mount_point
    subprocess.run(["umount", "--lazy", str(mount_point)], check=True)


def _fill(disk: Path, *, but_bytes: int) -> None:
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - but_bytes))


def test_a_disk_with_too_little_room_is_refused_before_anything_is_made(
    small_disk: Path, supervise: Supervise, lines: list[str]
) -> None:
    message = _refusal(supervise(small_disk / "data"), DiskFull)
    assert "256 MiB" in message
    assert lines == []


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  could not extend file "base/1/2617": No space left on device\nHINT:  Check free disk space.',
        'FATAL:  could not write to file "base/4/2608_vm": No space left on device',
        'FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.',
    ],
)
def test_every_way_in_which_postgres_reports_a_full_disk_is_understood(said: str) -> None:
    assert names_full_disk(said)
    assert not names_full_disk("FATAL:  database files are incompatible with server")


def test_a_disk_that_gets_full_while_the_database_is_made_is_one_clear_line(
    small_disk: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "FREE_BYTES_TO_CREATE", 1)
    _fill(small_disk, but_bytes=20 * 2**20)
    assert "is full" in _refusal(supervise(small_disk / "data"), DiskFull)
    (small_disk / "filler").unlink()
    supervise(small_disk / "data").start()


def test_a_disk_that_is_full_at_a_later_start_is_one_clear_line(
    small_disk: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "FREE_BYTES_TO_CREATE", 1)
    monkeypatch.setattr(data_directory, "FREE_BYTES_TO_START", 0)
    supervisor = supervise(small_disk / "data", with_valkey=False)
    supervisor.start()
    supervisor.stop()
    _fill(small_disk, but_bytes=0)
    assert "is full" in _refusal(supervise(small_disk / "data", with_valkey=False), DiskFull)
    (small_disk / "filler").unlink()
    supervise(small_disk / "data", with_valkey=False).start()
