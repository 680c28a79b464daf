"""A Postgres and a Valkey of a test's own, looked after as a server process would look after them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psycopg

from holdfast_server.embedded.identity import Identity
from holdfast_server.embedded.supervisor import Supervisor

_CHECK_SECONDS = 0.2


class Servers:
    """Runs the bundled servers until closed, and restarts the one that a test kills."""

    def __init__(self, directory: Path) -> None:
        self._supervisor = Supervisor(data_directory=directory, progress=lambda _: None)
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
        """Kills Valkey at once. It comes back empty at the same address."""
        pid = self._supervisor.valkey_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def kill_postgres(self) -> None:
        """Kills the postmaster at once; its children follow. It comes back at the same address and recovers."""
        pid = self._supervisor.postgres_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

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
