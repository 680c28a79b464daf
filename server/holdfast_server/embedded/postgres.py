"""The running Postgres: its settings, when it is ready, how it is ended, and what an earlier one left."""

import os
import signal
import subprocess
from pathlib import Path

from holdfast_server.embedded.binaries import PostgresProgram
from holdfast_server.embedded.bounded_log import BoundedLog
from holdfast_server.embedded.cluster import DATABASE, ROLE
from holdfast_server.embedded.data_directory import DataDirectory
from holdfast_server.embedded.errors import EmbeddedError, PortTaken, StartFailed, names_full_disk
from holdfast_server.embedded.identity import Identity
from holdfast_server.embedded.processes import (
    Step,
    clean_environment,
    command_line,
    end_child,
    end_stranger,
    exists,
    working_directory,
    working_in,
)

# Replaying 2 GiB of log on a slow disk takes minutes; progress is reported meanwhile.
READY_TIMEOUT_SECONDS = 900.0

# Fast (ends sessions, writes a checkpoint), immediate (the next start replays the log), and then no more
# asking.
END_STEPS = (
    Step(signal=signal.SIGINT, patience_seconds=30.0),
    Step(signal=signal.SIGQUIT, patience_seconds=5.0),
    Step(signal=signal.SIGKILL, patience_seconds=5.0),
)

ORPHAN_STEPS = (Step(signal=signal.SIGKILL, patience_seconds=1.0),)

# Given on the command line, where no ALTER SYSTEM and no edited file can weaken them. The promise NoLoss
# rests on the first three.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    # The path of a socket file may have about 100 bytes, a data directory can be deeper; a port works
    # everywhere.
    "unix_socket_directories": "",
    "ssl": "off",
    "max_connections": "200",
    # After a checkpoint every page that changes is written to the log whole, once. To compress it costs more CPU than
    # all else that a reservation needs of Postgres, and where demand is spread over a large ledger nearly every change
    # is the first of its page. The log is larger for it, so checkpoints come after more of it.
    "wal_compression": "off",
    "max_wal_size": "4GB",
    "jit": "off",
    # Parallel queries need shared memory that containers give sparingly (64 MiB), and take CPU from
    # decisions.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
}

_BUFFER_SHARE = 8
_LEAST_BUFFER_MIB, _MOST_BUFFER_MIB = 128, 1024

# Lines of postmaster.pid, counted from 0.
_PID_LINE = 0
_STATUS_LINE = 7

_TELLING = ("PANIC:", "FATAL:", "could not bind")


class Postgres:
    """Postgres on one prepared database folder. Implements `child.Program`."""

    ready_timeout_seconds = READY_TIMEOUT_SECONDS

    def __init__(self, *, data: DataDirectory, program: PostgresProgram, identity: Identity, password: str) -> None:
        self._data = data
        self._program = program
        self._identity = identity
        self._password = password
        self._log = BoundedLog(data.log("postgres"))
        self._port = 0
        self._pid_file_before: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return "Postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{self._password}@127.0.0.1:{self._port}/{DATABASE}"

    def describe_address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def choose_address(self) -> None:
        self._port = self._data.choose_port("postgres")

    def spawn(self) -> subprocess.Popen[bytes]:
        self._end_orphans()
        self._clear_misleading_pid_file()
        self._pid_file_before = self._pid_file_identity()
        settings = {**SETTINGS, "shared_buffers": f"{_buffer_mib()}MB", "port": str(self._port)}
        output = self._log.open()
        try:
            return subprocess.Popen(
                [
                    self._program.postgres,
                    "-D",
                    self._data.postgres,
                    *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._data.postgres,
                env=clean_environment(),
                # Ctrl-C in the terminal reaches the supervisor only, which then ends the servers in order.
                start_new_session=True,
                **self._identity.spawn_arguments(),
            )
        finally:
            os.close(output)

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        # The file of an earlier run says "ready" too, and in a container even the pid can be the same.
        if self._pid_file_identity() in (None, self._pid_file_before):
            return False
        lines = _pid_file_lines(self._data.postgres)
        return (
            len(lines) > _STATUS_LINE
            and lines[_PID_LINE].strip() == str(process.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def explain_death(self, exit_code: int) -> EmbeddedError:
        lines = self._log.lines_of_this_run()
        telling = [line for line in lines if any(word in line for word in _TELLING)]
        if any("Address already in use" in line for line in telling):
            return PortTaken(self.name, self._port)
        if names_full_disk("\n".join(lines)):
            return self._data.describe_full_disk()
        said = (telling or lines or [f"exit code {exit_code}"])[-1]
        # Without the time and the pid that the log line begins with.
        said = said.partition("] ")[2] or said
        return StartFailed(f"Postgres ended at its start: {said.strip()} (see {self._log.path})")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        end_child(process, steps=END_STEPS)

    def trim_log(self) -> None:
        self._log.trim()

    def _end_orphans(self) -> None:
        """Ends the sessions of a postmaster that was killed.

        They end by themselves when they next look, but one in the middle of a long query looks late, and
        until then Postgres rightly refuses to start. Nothing is lost: after the death of the postmaster
        nothing can commit that the log does not hold.
        """
        for pid in working_in(self._data.postgres):
            end_stranger(pid, is_it=_is_session, steps=ORPHAN_STEPS)

    def _pid_file_identity(self) -> tuple[int, int] | None:
        try:
            status = (self._data.postgres / "postmaster.pid").stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _clear_misleading_pid_file(self) -> None:
        """Removes postmaster.pid if its pid now belongs to another program or to a zombie.

        Postgres only asks whether the pid exists and would refuse to start. In every other case the file
        stays, since Postgres also finds the orphans of a killed postmaster by it.
        """
        pid = _postmaster_pid(self._data.postgres)
        if pid is not None and exists(pid) and not _is_postmaster_of(pid, self._data.postgres):
            (self._data.postgres / "postmaster.pid").unlink(missing_ok=True)


def end_leftover_postgres(database: Path) -> bool:
    """Ends the postmaster that a killed supervisor left on this database. True if there was one.

    It is ended and not adopted: it may run with the settings or the program of an older version, and as a
    stranger its death would not be told to us.
    """
    pid = _postmaster_pid(database)
    if pid is None or not _is_postmaster_of(pid, database):
        return False
    if not end_stranger(pid, is_it=lambda each: _is_postmaster_of(each, database), steps=END_STEPS):
        raise StartFailed(f"a Postgres of an earlier run (process {pid}) does not end: end it and start again")
    return True


def _postmaster_pid(database: Path) -> int | None:
    lines = _pid_file_lines(database)
    # The single-user mode writes its pid with a minus.
    return abs(int(lines[_PID_LINE])) if lines and lines[_PID_LINE].strip().lstrip("-").isdecimal() else None


def _pid_file_lines(database: Path) -> list[str]:
    try:
        return (database / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _is_session(pid: int) -> bool:
    # Postgres writes what a process does over its arguments: "postgres: checkpointer".
    return "".join(command_line(pid)[:1]).startswith("postgres:")


def _is_postmaster_of(pid: int, database: Path) -> bool:
    arguments = command_line(pid)
    if not arguments or Path(arguments[0]).name != "postgres":
        return False
    # The arguments name the folder as it was called at the start; it may have been moved since.
    return str(database) in arguments or working_directory(pid) == str(database)


def _buffer_mib() -> int:
    """A part of the machine for pages that change: those that demand spreads over do not have to be read each time."""
    mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(max(mib // _BUFFER_SHARE, _LEAST_BUFFER_MIB), _MOST_BUFFER_MIB)
