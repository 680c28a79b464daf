"""Real servers in data directories of their own, and a guarantee that none of them outlives its test."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast_server.embedded import Supervisor
from integration.embedded.other_process import OtherProcess

# Making and copying databases is ten times faster in memory, where there is enough of it.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 * 2**30


def _new_folder() -> Path:
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    path = Path(tempfile.mkdtemp(prefix="holdfast-embedded-", dir=MEMORY if roomy else None))
    path.chmod(0o755)
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user can enter; pytest's own is closed to the user of the servers."""
    path = _new_folder()
    yield path
    for place in path.rglob("place"):
        shutil.rmtree(place.read_text().strip(), ignore_errors=True)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A data directory with an empty database, made once."""
    path = _new_folder()
    with Supervisor(data_directory=path / "data", progress=lambda line: None):
        pass
    yield path / "data"
    shutil.rmtree(path)


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
