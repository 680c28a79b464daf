"""The authority under test: a server of the bench's own in a temporary data directory, and what its parts cost."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from holdfast_client.orders.server_process import embedded_server
from holdfast_loadtest.processes import authority_processes, cpu_seconds, cpu_seconds_of_tree, server_roots
from holdfast_loadtest.valkey_wire import CommandStats, ValkeyConnection

FREE_BYTES = 4 * 2**30
"""The room that a run may take: Postgres keeps up to 2 GiB of log, and as much again in tables."""

_POSTGRES_ROLE_AND_DATABASE = "holdfast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the parts of the authority have used so far: CPU seconds by process, and Valkey's own figures."""

    cpu: dict[str, float | None]
    commands: dict[str, CommandStats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A running authority with its embedded servers."""

    target: str
    data_directory: Path
    pids: dict[str, list[int]]

    def valkey(self) -> ValkeyConnection:
        """Connects to its Valkey."""
        return ValkeyConnection(self._port("valkey"), password=self._password("valkey"))

    def usage(self) -> Usage:
        with self.valkey() as valkey:
            commands = valkey.command_stats()
        cpu = {name: cpu_seconds(pids) for name, pids in self.pids.items()}
        if postgres := self.pids.get("postgres"):
            # Sessions come and go.
            cpu["postgres"] = cpu_seconds_of_tree(postgres[0])
        return Usage(cpu=cpu, commands=commands)

    @property
    def postgres_url(self) -> str:
        name = _POSTGRES_ROLE_AND_DATABASE
        return f"postgresql://{name}:{self._password('postgres')}@127.0.0.1:{self._port('postgres')}/{name}"

    @property
    def redis_url(self) -> str:
        return f"redis://:{self._password('valkey')}@127.0.0.1:{self._port('valkey')}/0"

    def versions(self) -> dict[str, str]:
        """Returns the versions of the embedded servers."""
        with self.valkey() as valkey:
            answer = valkey.call("INFO", "server")
        info = answer.decode() if isinstance(answer, bytes) else ""
        fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        major = (_place(self.data_directory) / "postgres" / "PG_VERSION").read_text().strip()
        return {"valkey": fields.get("valkey_version", fields.get("redis_version", "")), "postgres": major}

    def _port(self, server: str) -> int:
        return int((self.data_directory / f"{server}.port").read_text())

    def _password(self, server: str) -> str:
        return (self.data_directory / f"{server}.password").read_text().strip()


@contextmanager
def temporary_directory(free_bytes: int = FREE_BYTES) -> Iterator[Path]:
    """Makes a directory with enough room and removes it afterwards. Raises OSError if there is too little."""
    directory = Path(tempfile.mkdtemp(prefix="holdfast-loadtest-"))
    try:
        free = shutil.disk_usage(directory).free
        if free < free_bytes:
            raise OSError(f"{directory} has {free >> 20} MiB of free space; a run needs {free_bytes >> 20}")
        # Under root the embedded servers run as another user, who must get in.
        directory.chmod(0o755)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def authority(directory: Path, *, apart: bool = False) -> AsyncIterator[Authority]:
    """Starts an authority with its data below the directory, stops it, and removes its data.

    `apart` is that of `embedded_server`.
    """
    data_directory = directory / "data"
    try:
        async with started(data_directory, apart=apart) as running:
            yield running
    finally:
        remove_data(data_directory)


@asynccontextmanager
async def started(
    data_directory: Path, environment: Mapping[str, str] = MappingProxyType({}), *, apart: bool = False
) -> AsyncIterator[Authority]:
    """Starts an authority with the data that it left, if it was there before, and stops it."""
    async with embedded_server(data_directory, environment=environment, apart=apart) as target:
        roots = server_roots(data_directory)
        pids = authority_processes(roots[-1]) if roots else {}
        yield Authority(target=target, data_directory=data_directory, pids=pids)


def remove_data(data_directory: Path) -> None:
    """Removes the data of an authority that has stopped, wherever they stand."""
    shutil.rmtree(_place(data_directory), ignore_errors=True)


@asynccontextmanager
async def more_processes(running: Authority, count: int) -> AsyncIterator[Authority]:
    """Starts a host of so many server processes beside an authority, on its Postgres and its Valkey, and stops it."""
    before = set(server_roots())
    command = (sys.executable, "-m", "holdfast_server", "--processes", str(count))
    stores = {"HOLDFAST_POSTGRES_URL": running.postgres_url, "HOLDFAST_REDIS_URL": running.redis_url}
    async with embedded_server(running.data_directory, command=command, environment=stores) as target:
        pids = running.pids
        if new := [pid for pid in server_roots() if pid not in before]:
            # Its ledger writers wait for the lock; the work is done by the one of the authority.
            pids = {**running.pids, "server": authority_processes(new[0])["server"]}
        yield dataclasses.replace(running, target=target, pids=pids)


def _place(data_directory: Path) -> Path:
    """Returns where the database stands: elsewhere if its user cannot enter the data directory."""
    try:
        return Path((data_directory / "place").read_text().strip())
    except FileNotFoundError:
        return data_directory
