"""Further Valkey and Postgres servers, by hand: replicas, standbys, and one whose clock is told."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from holdfast_server.embedded.binaries import find_valkey
from holdfast_server.embedded.postgres import SETTINGS
from support.servers import Servers

_READY_SECONDS = 20.0
_POLL_SECONDS = 0.02


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ValkeyNode:
    """One more Valkey with the password of the world's."""

    def __init__(self, folder: Path, redis_url: str, *options: str, **environment: str) -> None:
        self.port = free_port()
        self._password = urlsplit(redis_url).password or ""
        command = [str(find_valkey().executable), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--requirepass", self._password, "--masterauth", self._password]
        command += ["--maxmemory-policy", "noeviction", *options]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"valkey-{self.port}.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment}, start_new_session=True
            )

        self.client = redis.Redis(port=self.port, password=self._password, protocol=2)

    async def ready(self) -> ValkeyNode:
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                try:
                    self.client.ping()
                except redis.RedisError:
                    await asyncio.sleep(_POLL_SECONDS)
                else:
                    return self

    async def in_step(self) -> None:
        """Waits until a replica has all that its master had when it was asked."""
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                said: Any = self.client.info("replication")
                if said.get("master_link_status") == "up" and not said.get("master_sync_in_progress"):
                    return
                await asyncio.sleep(_POLL_SECONDS)

    def promote(self) -> None:
        self.client.replicaof("NO", "ONE")

    def kill(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()


class PostgresStandby:
    """An asynchronous standby of the world's Postgres, made by pg_basebackup."""

    def __init__(self, folder: Path, servers: Servers, *, port_of_primary: int) -> None:
        self.port = free_port()
        self._folder = folder
        self._bin, self._identity = servers.postgres_binaries()
        self._login = urlsplit(servers.postgres_url)
        self._primary_port = port_of_primary
        self._process: subprocess.Popen[bytes] | None = None

    def copy(self) -> None:
        """Copies the primary as it is now, and notes where to follow it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o700)
        self._identity.own(self._folder)
        arguments = ["-D", self._folder, "-h", "127.0.0.1", "-p", str(self._primary_port), "-U", self._login.username]
        subprocess.run(
            [str(self._bin / "pg_basebackup"), *map(str, arguments), "-R", "-X", "stream", "-c", "fast"],
            check=True,
            env={**os.environ, "PGPASSWORD": self._login.password or ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            **self._identity.spawn_arguments(),
        )

    def start(self) -> None:
        settings = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "hot_standby=on",
            # A standby must take as many as its primary.
            f"max_connections={SETTINGS['max_connections']}",
        )
        with self._folder.with_suffix(".log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._folder, *(part for one in settings for part in ("-c", one))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity.spawn_arguments(),
            )

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
