"""The database folder (PGDATA): made once, whole or not at all, and its password.

Only runs initdb and the single-user mode, both of which end by themselves; the running server is
`postgres.py`.
"""

import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast_server.embedded.binaries import PostgresProgram
from holdfast_server.embedded.data_directory import DataDirectory, sync_folder, write_private
from holdfast_server.embedded.errors import DataDirectoryUnusable, StartFailed, names_full_disk
from holdfast_server.embedded.identity import Identity
from holdfast_server.embedded.processes import clean_environment

ROLE = "holdfast"
DATABASE = "holdfast"

INITDB_TIMEOUT_SECONDS = 300.0

# The single-user mode first replays the log if the database crashed.
SINGLE_USER_TIMEOUT_SECONDS = 600.0

# From here on collation is a provider of its own and does not depend on the libc of the machine.
_FIRST_MAJOR_WITH_BUILTIN_LOCALE = 17

_HALF_MADE = "postgres.new"


def prepare_cluster(
    data: DataDirectory, program: PostgresProgram, identity: Identity, progress: Callable[[str], None]
) -> str:
    """Makes the database if there is none, and returns the password of its role.

    A crash half-way leaves `postgres.new-*`, which the next call throws away: only a complete database is
    ever called `postgres`. A lost password file is made anew and set in the database. Raises DiskFull,
    StartFailed or DataDirectoryUnusable.
    """
    password, is_new = data.password("postgres")
    if data.database_major() is None:
        progress(f"Postgres {program.version}: preparing a new database in {data.postgres}")
        _create(data, program, identity, password)
    else:
        _take_over(data.postgres, identity)
        if is_new:
            _single_user(data, program, data.postgres, identity, f"ALTER ROLE {ROLE} PASSWORD '{password}';\n")
    return password


def _create(data: DataDirectory, program: PostgresProgram, identity: Identity, password: str) -> None:
    if data.postgres.exists():
        raise DataDirectoryUnusable(
            f"{data.postgres} is not a database (it has no PG_VERSION): remove it if nothing in it is needed"
        )
    _remove_half_made(data.place)
    # A name of its own: an initdb that a killed supervisor left behind may still write below the last one.
    half_made = data.place / f"{_HALF_MADE}-{secrets.token_hex(4)}"
    data.make_folder(half_made, identity)
    with _password_file(data.place / f"{half_made.name}.password", identity, password) as password_file:
        _run(
            [program.initdb, *_initdb_arguments(program.major), "-D", half_made, "--pwfile", password_file],
            data=data,
            identity=identity,
            folder=half_made,
            timeout_seconds=INITDB_TIMEOUT_SECONDS,
        )
    _single_user(data, program, half_made, identity, f"CREATE DATABASE {DATABASE};\n")
    half_made.rename(data.postgres)
    sync_folder(data.place)


def _initdb_arguments(major: int) -> list[str]:
    # The same order of strings on every machine and libc: code points.
    locale = ["--locale=C"]
    if major >= _FIRST_MAJOR_WITH_BUILTIN_LOCALE:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [
        *locale,
        "--encoding=UTF8",
        "--data-checksums",
        f"--username={ROLE}",
        # Never `trust`: other users of the machine can connect to the port too.
        "--auth=scram-sha-256",
        "--no-instructions",
    ]


def _single_user(
    data: DataDirectory, program: PostgresProgram, folder: Path, identity: Identity, statement: str
) -> None:
    """Runs one statement on a database that no server runs on."""
    _run(
        [program.postgres, "--single", "-D", folder, "-c", "exit_on_error=true", "postgres"],
        data=data,
        identity=identity,
        folder=folder,
        timeout_seconds=SINGLE_USER_TIMEOUT_SECONDS,
        standard_input=statement,
    )


def _run(
    command: Sequence[str | Path],
    *,
    data: DataDirectory,
    identity: Identity,
    folder: Path,
    timeout_seconds: float,
    standard_input: str = "",
) -> None:
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            input=standard_input,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            cwd=folder,
            env=clean_environment(),
            start_new_session=True,
            check=False,
            **identity.spawn_arguments(),
        )
    except subprocess.TimeoutExpired as error:
        raise StartFailed(f"{name} did not end within {timeout_seconds:.0f} s in {folder}") from error
    except OSError as error:
        raise DataDirectoryUnusable(
            f"cannot run {name} as user {identity.name} ({error.strerror}): run holdfast as an ordinary user"
        ) from error
    if done.returncode != 0 and names_full_disk(done.stderr):
        raise data.describe_full_disk()
    if done.returncode != 0:
        raise StartFailed(f"{name} failed in {folder}: {_last_words(done.stderr)}")


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("error:", "ERROR:", "FATAL:", "PANIC:"))]
    return (telling or lines or ["it said nothing"])[-1]


def _take_over(database: Path, identity: Identity) -> None:
    # A database that root copied or restored belongs to root, and Postgres refuses to run on it.
    if identity.is_other and database.stat().st_uid != identity.uid:
        identity.own_tree(database)


@contextmanager
def _password_file(path: Path, identity: Identity, password: str) -> Iterator[Path]:
    """A file that initdb can read, for as long as it runs."""
    write_private(path, password)
    identity.own(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _remove_half_made(place: Path) -> None:
    for path in place.glob(f"{_HALF_MADE}-*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
