"""The data directory: its layout, its lock, and what is remembered in it between runs.

    lock                   held by the process that runs the servers; contains its pid
    postgres.log, .1       output of Postgres, bounded
    valkey.log, .1         output of Valkey, bounded
    postgres.password      0600; Postgres asks everybody for it, no address is trusted
    valkey.password        0600
    postgres.port          the port of the last run, taken again if it is free
    valkey.port
    place                  names the folder of the last three, if that is another one
    postgres/              the database (PGDATA), 0700
    valkey/                the pid file of Valkey, which keeps nothing else
    programs/              copies of the bundled programs, only if they cannot be reached where they are

The last three must be reached by the user that the servers run as. If we are root and that user cannot enter
the data directory (a clone below /root), they stand in a folder below /var/lib, and `place` says which.
Knows nothing of how either server is run.
"""

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast_server.embedded.errors import ELSEWHERE, DataDirectoryBusy, DataDirectoryUnusable, DiskFull
from holdfast_server.embedded.identity import Identity, choose_identity

# Where root puts a database that would be out of reach of an unprivileged user in the data directory.
ROOT_PLACES = Path("/var/lib")

# A new database takes 40 MiB, then the log that is replayed after a crash grows to 2 GiB under load.
FREE_BYTES_TO_CREATE = 256 * 2**20
FREE_BYTES_TO_START = 64 * 2**20

# Below the ports that Linux (32768) and macOS (49152) hand out for outgoing connections: one of those could
# take the port in the moment between the death of a server and its restart.
FIRST_PORT = 20_000
LAST_PORT = 32_000
PORT_ATTEMPTS = 50

PASSWORD_BYTES = 24


class DataDirectory:
    """One data directory, locked from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._locks: list[int] = []
        self._place = self.path

    def open(self) -> Identity:
        """Makes the directory, locks it, and decides where the database stands and who runs it.

        Raises DataDirectoryBusy, DataDirectoryUnusable or DiskFull. A crash half-way leaves nothing that the
        next call does not take over.
        """
        with _explaining(self.path):
            self._make(self.path)
            self._lock(self.path)
            self._place = self._remembered_place()
            if self._place != self.path and self._place.is_dir():
                self._lock(self._place)
            identity = choose_identity(self._database_owner_uid())
            self._settle(identity)
        return identity

    def close(self) -> None:
        while self._locks:
            os.close(self._locks.pop())

    @property
    def place(self) -> Path:
        """The folder of what the servers' user must reach: the data directory itself, as a rule."""
        return self._place

    @property
    def postgres(self) -> Path:
        return self._place / "postgres"

    @property
    def valkey(self) -> Path:
        return self._place / "valkey"

    @property
    def programs(self) -> Path:
        return self._place / "programs"

    def log(self, server: str) -> Path:
        return self.path / f"{server}.log"

    def database_major(self) -> int | None:
        """The major version of Postgres that made the database; None if there is no database yet."""
        try:
            return int((self.postgres / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataDirectoryUnusable(
                f"{self.postgres} is not a readable database ({error}): restore it, or {ELSEWHERE}"
            ) from error

    def check_room(self) -> None:
        """Raises DiskFull when there is not enough room to create or to start the database."""
        full = self.describe_full_disk()
        if shutil.disk_usage(self._place).free < full.required_bytes:
            raise full

    def describe_full_disk(self) -> DiskFull:
        """The error for a disk that turned out to be full, with what is free at this moment."""
        return DiskFull(
            self._place,
            free_bytes=shutil.disk_usage(self._place).free,
            required_bytes=FREE_BYTES_TO_START if self.postgres.exists() else FREE_BYTES_TO_CREATE,
        )

    def password(self, server: str) -> tuple[str, bool]:
        """The password of a server, and whether it had to be made now."""
        path = self.path / f"{server}.password"
        with _explaining(self.path):
            if path.exists() and (kept := path.read_text().strip()):
                return kept, False
            made = secrets.token_urlsafe(PASSWORD_BYTES)
            write_private(path, made)
            return made, True

    def remembered_port(self, server: str) -> int | None:
        try:
            port = int((self.path / f"{server}.port").read_text())
        except (OSError, ValueError):
            return None
        return port if 0 < port < 2**16 else None

    def choose_port(self, server: str) -> int:
        """A free port: the one of the last run if it is free, else a new one, which is remembered."""
        remembered = self.remembered_port(server)
        if remembered is not None and port_is_free(remembered):
            return remembered
        for _ in range(PORT_ATTEMPTS):
            port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
            if port_is_free(port):
                with _explaining(self.path):
                    write_private(self.path / f"{server}.port", str(port))
                return port
        raise DataDirectoryUnusable(
            f"no free port for {server}: tried {PORT_ATTEMPTS} of 127.0.0.1 from {FIRST_PORT} to {LAST_PORT}"
        )

    def make_folder(self, folder: Path, identity: Identity) -> None:
        """Makes a folder that only the servers' user can use."""
        with _explaining(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            identity.own(folder)

    def _make(self, path: Path) -> None:
        if path.is_dir():
            return
        path.mkdir(parents=True, exist_ok=True)
        # Root lets others in, since the servers run as another user; what is secret inside has its own mode.
        path.chmod(0o755 if os.geteuid() == 0 else 0o700)

    def _lock(self, folder: Path) -> None:
        # The kernel drops the lock when the holder dies, however it dies; the pid inside is only for the
        # message.
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise DataDirectoryBusy(self.path, int(holder) if holder.isdecimal() else None) from None
        self._locks.append(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def _remembered_place(self) -> Path:
        try:
            return Path((self.path / "place").read_text().strip())
        except FileNotFoundError:
            return self.path

    def _database_owner_uid(self) -> int | None:
        try:
            return self.postgres.stat().st_uid
        except FileNotFoundError:
            return None

    def _settle(self, identity: Identity) -> None:
        """Sees to it that the place can be entered by the servers' user."""
        if self._place == self.path:
            if identity.can_enter(self.path):
                return
            if self.postgres.exists():
                raise DataDirectoryUnusable(
                    f"user {identity.name}, to whom the database belongs, cannot enter {self.path}:"
                    " run holdfast as that user, or allow it in with chmod o+x on the folders above"
                )
            # The name is random and not made from the path: a data directory that was deleted and made anew
            # must not find the old database.
            self._place = ROOT_PLACES / f"holdfast-{secrets.token_hex(8)}"
            write_private(self.path / "place", str(self._place))
        if not self._place.is_dir():
            self._make(self._place)
            self._lock(self._place)
        if not identity.can_enter(self._place):
            raise DataDirectoryUnusable(
                f"user {identity.name} can enter neither {self.path} nor {self._place}:"
                f" run holdfast as an ordinary user, or {ELSEWHERE}"
            )


def write_private(path: Path, text: str) -> None:
    """Writes a file that only we can read; after a crash it is there whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections of an earlier run that still time out do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataDirectoryUnusable(f"cannot use {error.filename or path} ({error.strerror}): {ELSEWHERE}") from error
