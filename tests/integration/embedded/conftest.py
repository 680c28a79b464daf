"""Real servers in data directories of their own, and a guarantee that none of them outlives its test."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast_server.embedded import Supervisor
from integration.embedded.other_process import OtherProcess
from support.folders import new_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user can enter; pytest's own is closed to the user of the servers."""
    with new_folder() as path:
        yield path


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A data directory with an empty database, made once."""
    with new_folder() as path:
        with Supervisor(data_directory=path / "data", progress=lambda line: None):
            pass
        yield path / "data"


@pytest.fixture
def data(folder: Path, prepared: Path) -> Path:
    """A data directory of the test's own, whose database is made already: a second less than making one."""
    subprocess.run(["cp", "-a", str(prepared), str(folder / "data")], check=True)
    for port in (folder / "data").glob("*.port"):
        port.unlink()
    return folder / "data"


@pytest.fixture
def lines() -> list[str]:
    """What the supervisors of the test said."""
    return []


@pytest.fixture
def supervise(lines: list[str]) -> Iterator[Callable[..., Supervisor]]:
    """Makes supervisors, which are stopped after the test."""
    made: list[Supervisor] = []

    def make(data_directory: Path, *, with_postgres: bool = True, with_valkey: bool = True) -> Supervisor:
        supervisor = Supervisor(
            data_directory=data_directory,
            progress=lines.append,
            with_postgres=with_postgres,
            with_valkey=with_valkey,
        )
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.stop()


@pytest.fixture
def other_process() -> Iterator[Callable[..., OtherProcess]]:
    """Starts supervisors in other processes; they and their servers are ended after the test."""
    started: list[OtherProcess] = []

    def start(data_directory: Path, environment: dict[str, str] | None = None) -> OtherProcess:
        started.append(OtherProcess(data_directory, environment))
        return started[-1]

    yield start
    for other in started:
        other.end_servers()
