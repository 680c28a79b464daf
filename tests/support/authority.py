"""Real server processes for tests, with handles to kill them."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

from support.servers import Servers

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LISTENING = re.compile(r"listening on (\S+)")
_WRITER_STARTED = re.compile(r"writer_started\s.*pid=(\d+)")


class ServerProcess:
    """One `python -m holdfast_server`, started on servers that exist."""

    def __init__(self, *, postgres_url: str, redis_url: str, segment: str, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._listening: queue.Queue[str] = queue.Queue()
        self._writer_pid: int | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "holdfast_server", "--port", "0", "--segment", segment],
            env={
                **os.environ,
                "HOLDFAST_POSTGRES_URL": postgres_url,
                "HOLDFAST_REDIS_URL": redis_url,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self.target = self._wait_for_target()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.lines.append(line.rstrip())
                if match := _WRITER_STARTED.search(line):
                    self._writer_pid = int(match[1])
                if match := _LISTENING.search(line):
                    self._listening.put(match[1])

    def _wait_for_target(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                return self._listening.get(timeout=0.1)
            except queue.Empty:
                if self._process.poll() is not None:
                    break
        self.kill()
        raise AssertionError("the server did not start:\n" + "\n".join(self.lines[-50:]))

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def writer_pid(self) -> int | None:
        """The process id of the ledger writer that this server started last."""
        return self._writer_pid

    def kill_writer(self) -> None:
        """Kills the ledger writer at once. The server starts another."""
        assert self._writer_pid is not None
        os.kill(self._writer_pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kills the server at once. Its ledger writer ends by itself."""
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=_STOP_SECONDS)

    def stop(self) -> int:
        """Stops the server as an operator would, and returns its exit code."""
        self._process.terminate()
        try:
            code = self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not stop:\n" + "\n".join(self.lines[-50:])) from None
        self._reader.join(timeout=_STOP_SECONDS)
        return code


class TestAuthority:
    """An authority of a test's own: servers, a database, and any number of server processes."""

    __test__ = False

    def __init__(
        self,
        servers: Servers,
        *,
        segment: str,
        database: str = "",
        postgres_url: str = "",
        redis_url: str = "",
        environment: dict[str, str] | None = None,
    ) -> None:
        """It has a new database unless it shares that of `postgres_url`."""
        self.servers = servers
        self.segment = segment
        self.environment = dict(environment or {})
        self.redis_url = redis_url or servers.redis_url
        self.postgres_url = postgres_url or servers.new_database(database)
        self.processes: list[ServerProcess] = []

    def start_server(self, **environment: str) -> ServerProcess:
        """Starts one more server process and waits until it serves."""
        process = ServerProcess(
            postgres_url=self.postgres_url,
            redis_url=self.redis_url,
            segment=self.segment,
            environment=self.environment | environment,
        )
        self.processes.append(process)
        return process

    @property
    def target(self) -> str:
        """The address of the server process that was started last and is alive."""
        return self.targets[-1]

    @property
    def targets(self) -> list[str]:
        """The addresses of all server processes that are alive."""
        return [process.target for process in self.processes if process.is_alive]

    def kill_server(self) -> None:
        """Kills the server process that was started last."""
        self.processes.pop().kill()

    def kill_writer(self) -> None:
        """Kills the ledger writers of all server processes."""
        for process in self.processes:
            process.kill_writer()

    def kill_valkey(self) -> None:
        self.servers.kill_valkey()

    def kill_postgres(self) -> None:
        self.servers.kill_postgres()

    def close(self) -> None:
        for process in self.processes:
            if process.is_alive:
                process.stop()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Waits, bounded, for something that another process does by itself."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
