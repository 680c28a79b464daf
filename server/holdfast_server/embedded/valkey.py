"""The running Valkey: its settings, when it is ready, how it is ended, and what an earlier one left.

It keeps nothing on disk by design: Postgres is the only truth, and Valkey is loaded from it after every
start.
"""

import os
import signal
import socket
import subprocess
from pathlib import Path

from holdfast_server.embedded.binaries import ValkeyProgram
from holdfast_server.embedded.bounded_log import BoundedLog
from holdfast_server.embedded.data_directory import DataDirectory
from holdfast_server.embedded.errors import EmbeddedError, PortTaken, StartFailed
from holdfast_server.embedded.identity import Identity
from holdfast_server.embedded.processes import (
    Step,
    clean_environment,
    command_line,
    end_child,
    end_stranger,
)

READY_TIMEOUT_SECONDS = 15.0
PROBE_TIMEOUT_SECONDS = 1.0

# There is nothing to save, so the first step takes milliseconds.
END_STEPS = (
    Step(signal=signal.SIGTERM, patience_seconds=3.0),
    Step(signal=signal.SIGKILL, patience_seconds=5.0),
)

_PROGRAM_NAMES = ("valkey-server", "redis-server")


class Valkey:
    """Valkey on one port. Implements `child.Program`."""

    ready_timeout_seconds = READY_TIMEOUT_SECONDS

    def __init__(self, *, data: DataDirectory, program: ValkeyProgram, identity: Identity) -> None:
        self._data = data
        self._program = program
        self._identity = identity
        self._password, _ = data.password("valkey")
        self._log = BoundedLog(data.log("valkey"))
        self._port = 0

    @property
    def name(self) -> str:
        return "Valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def describe_address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def choose_address(self) -> None:
        self._port = self._data.choose_port("valkey")

    def spawn(self) -> subprocess.Popen[bytes]:
        self._data.make_folder(self._data.valkey, self._identity)
        output = self._log.open()
        try:
            process = subprocess.Popen(
                # The configuration comes through standard input: the password is on no disk of the servers'
                # user and in no list of processes.
                [self._program.executable, "-"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self._data.valkey,
                env=clean_environment(),
                start_new_session=True,
                **self._identity.spawn_arguments(),
            )
        finally:
            os.close(output)
        if process.stdin is not None:
            try:
                with process.stdin as standard_input:
                    standard_input.write(self._configuration().encode())
            except BrokenPipeError:
                pass  # It ended at once; the caller sees that and reads its log.
        return process

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        request = _command("AUTH", self._password) + _command("PING")
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=PROBE_TIMEOUT_SECONDS) as connection:
                connection.sendall(request)
                answer = b""
                while answer.count(b"\n") < 2:
                    part = connection.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        # Another program on this port would not know the password.
        return answer == b"+OK\r\n+PONG\r\n" and process.poll() is None

    def explain_death(self, exit_code: int) -> EmbeddedError:
        lines = [line.strip() for line in self._log.lines_of_this_run() if line.strip()]
        if any("Address already in use" in line for line in lines):
            return PortTaken(self.name, self._port)
        said = (lines or [f"exit code {exit_code}"])[-1]
        return StartFailed(f"Valkey ended at its start: {said} (see {self._log.path})")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        end_child(process, steps=END_STEPS)

    def trim_log(self) -> None:
        self._log.trim()

    def _configuration(self) -> str:
        return "\n".join(
            (
                "bind 127.0.0.1",
                f"port {self._port}",
                "protected-mode yes",
                f"requirepass {self._password}",
                "daemonize no",
                'pidfile "valkey.pid"',
                'logfile ""',
                'save ""',
                "appendonly no",
                # Full is an error to the writer, never a key that disappears.
                "maxmemory-policy noeviction",
                f"maxmemory {_memory_limit_bytes()}",
                "",
            )
        )


def end_leftover_valkey(folder: Path, port: int | None) -> bool:
    """Ends the Valkey that a killed supervisor left behind. True if there was one."""
    try:
        pid = int((folder / "valkey.pid").read_text())
    except (OSError, ValueError):
        return False

    def is_ours(each: int) -> bool:
        # Valkey writes its address over its arguments: "valkey-server 127.0.0.1:20123".
        arguments = " ".join(command_line(each)).split()
        return bool(arguments) and Path(arguments[0]).name in _PROGRAM_NAMES and f"127.0.0.1:{port}" in arguments

    if not is_ours(pid):
        return False
    if not end_stranger(pid, is_it=is_ours, steps=END_STEPS):
        raise StartFailed(f"a Valkey of an earlier run (process {pid}) does not end: end it and start again")
    return True


def _memory_limit_bytes() -> int:
    """Half of the machine: beyond it writes are refused, where the kernel would kill some process instead."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _command(*parts: str) -> bytes:
    encoded = [part.encode() for part in parts]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in encoded)
