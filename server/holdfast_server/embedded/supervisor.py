"""The public face of the embedded servers: one Postgres and one Valkey for one data directory.

It promises: a start on whatever an earlier run left (also a killed one) succeeds in seconds or says in one
line why not; a server that dies comes back at the same address; whatever was started is ended by `stop`,
within a bound. Should this process itself be killed, the two servers go on running, and the next start on the
data directory ends them first.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast_server.embedded.binaries import find_postgres, find_valkey
from holdfast_server.embedded.child import Child
from holdfast_server.embedded.cluster import prepare_cluster
from holdfast_server.embedded.data_directory import DataDirectory
from holdfast_server.embedded.errors import StartFailed
from holdfast_server.embedded.identity import Identity
from holdfast_server.embedded.postgres import Postgres, end_leftover_postgres
from holdfast_server.embedded.relocation import reachable_postgres, reachable_valkey
from holdfast_server.embedded.valkey import Valkey, end_leftover_valkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the servers are. The URLs contain the passwords and so are left out when this is printed.

    The URL of a server that the supervisor does not run is empty.
    """

    postgres_url: str = field(repr=False)
    redis_url: str = field(repr=False)


class Supervisor:
    """Runs the embedded servers of one data directory. May be called from several threads."""

    def __init__(
        self,
        *,
        data_directory: Path,
        progress: Callable[[str], None],
        with_postgres: bool = True,
        with_valkey: bool = True,
    ) -> None:
        self._data = DataDirectory(data_directory)
        self._progress = progress
        self._with_postgres = with_postgres
        self._with_valkey = with_valkey
        self._postgres: Child | None = None
        self._valkey: Child | None = None
        self._endpoints: Endpoints | None = None
        self._turn = threading.Lock()

    def start(self) -> Endpoints:
        """Starts the servers and returns when both are ready. Called again while they run, it only returns.

        Raises a subclass of EmbeddedError, whose message is one line; nothing is left running then.
        """
        with self._turn:
            if self._endpoints is None:
                try:
                    self._endpoints = self._start()
                except OSError as error:
                    self._stop()
                    raise StartFailed(f"cannot run the servers of {self._data.path} ({error})") from error
                except BaseException:
                    self._stop()
                    raise
            return self._endpoints

    def check(self) -> None:
        """Restarts a server that died. To be called about once a second; takes milliseconds when all is well.

        A restart is waited for half a second; a longer one (Postgres replaying its log) goes on between the
        calls. A server that dies again and again is restarted ever later, up to a bound. Does nothing after
        `stop`.
        """
        with self._turn:
            for child in (self._postgres, self._valkey):
                if child is not None and self._endpoints is not None:
                    child.check()

    def stop(self) -> None:
        """Ends everything that was started: in a fraction of a second, within 50 seconds at worst."""
        with self._turn:
            self._stop()

    @property
    def postgres_pid(self) -> int | None:
        """The postmaster's pid, None while it is dead or not ours."""
        return None if self._postgres is None else self._postgres.pid

    @property
    def valkey_pid(self) -> int | None:
        """Valkey's pid, None while it is dead or not ours."""
        return None if self._valkey is None else self._valkey.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> Endpoints:
        identity = self._data.open()
        if self._data.place != self._data.path:
            self._progress(
                f"user {identity.name} cannot enter {self._data.path}: the database is kept in {self._data.place}"
            )
        postgres = self._start_postgres(identity) if self._with_postgres else None
        valkey = self._start_valkey(identity) if self._with_valkey else None
        for child in (self._valkey, self._postgres):
            if child is not None:
                child.wait_until_ready()
        return Endpoints(
            postgres_url="" if postgres is None else postgres.url,
            redis_url="" if valkey is None else valkey.url,
        )

    def _start_valkey(self, identity: Identity) -> Valkey:
        program = find_valkey()
        if end_leftover_valkey(self._data.valkey, self._data.remembered_port("valkey")):
            self._progress("Valkey: stopped the one that an earlier run left behind")
        program = reachable_valkey(program, identity, self._data.programs)
        valkey = Valkey(data=self._data, program=program, identity=identity)
        self._valkey = Child(valkey, self._progress)
        self._valkey.start()
        return valkey

    def _start_postgres(self, identity: Identity) -> Postgres:
        program = find_postgres(database_major=self._data.database_major())
        # Before the rest: it may run from the copy of the programs, and a lost password is set without it.
        if end_leftover_postgres(self._data.postgres):
            self._progress("Postgres: stopped the one that an earlier run left behind")
        self._data.check_room()
        program = reachable_postgres(program, identity, self._data.programs)
        password = prepare_cluster(self._data, program, identity, self._progress)
        postgres = Postgres(data=self._data, program=program, identity=identity, password=password)
        self._postgres = Child(postgres, self._progress)
        self._postgres.start()
        return postgres

    def _stop(self) -> None:
        self._endpoints = None
        # Valkey first: nothing may be decided any more that Postgres could not take.
        for child in (self._valkey, self._postgres):
            if child is not None:
                child.stop()
        self._valkey = None
        self._postgres = None
        self._data.close()
