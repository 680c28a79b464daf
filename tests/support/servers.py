"""A Postgres and a Valkey of a test's own, looked after as a server process would look after them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from holdfast_server.embedded.identity import Identity
from holdfast_server.embedded.supervisor import Supervisor

_CHECK_SECONDS = 0.2
_START_SECONDS = 30.0


class Servers:
    """Runs the bundled servers until closed, and restarts the one that a test kills."""

    def __init__(self, directory: Path, *, with_valkey: bool = True) -> None:
        self._supervisor = Supervisor(data_directory=directory, progress=lambda _: None, with_valkey=with_valkey)
        endpoints = self._supervisor.start()
        self.postgres_url = endpoints.postgres_url
        self.redis_url = endpoints.redis_url
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="servers-keeper", daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while not self._closed.wait(_CHECK_SECONDS):
            self._supervisor.check()

    def kill_valkey(self) -> None:
        """Kills Valkey at once. It comes back empty at the same address, the later the more often it was killed."""
        os.kill(self._pid_of(lambda: self._supervisor.valkey_pid), signal.SIGKILL)

    def kill_postgres(self) -> None:
        """Kills the postmaster at once; its children follow. It comes back at the same address and recovers."""
        os.kill(self._pid_of(lambda: self._supervisor.postgres_pid), signal.SIGKILL)

    @staticmethod
    def _pid_of(find: Callable[[], int | None]) -> int:
        """Returns the pid of a server, which may be about to be started again."""
        deadline = time.monotonic() + _START_SECONDS
        while (pid := find()) is None:
            assert time.monotonic() < deadline, "the server was not started again"
            time.sleep(0.02)
        return pid

    def postgres_binaries(self) -> tuple[Path, Identity]:
        """Returns the folder of the programs of Postgres, and the user that they run as."""
        child = self._supervisor._postgres
        assert child is not None
        running: Any = child._program
        return running._program.postgres.parent, running._identity

    def new_database(self, name: str) -> str:
        """Creates a database and returns its URL."""
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        base, _, query = self.postgres_url.partition("?")
        return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")

    def close(self) -> None:
        self._closed.set()
        self._keeper.join()
        self._supervisor.stop()
