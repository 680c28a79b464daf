"""One supervised server: started, watched, restarted with a bounded back-off, ended.

Knows nothing of what the server is; `Program` is what it must be able to do.
"""

import subprocess
import time
from collections.abc import Callable
from typing import Protocol

from holdfast_server.embedded.errors import EmbeddedError, PortTaken, StartFailed
from holdfast_server.embedded.processes import POLL_SECONDS, signals_held_back

# The first restart is immediate; each further death soon after doubles the wait.
FIRST_BACK_OFF_SECONDS = 0.25
LAST_BACK_OFF_SECONDS = 8.0

# A server that was ready for so long has recovered: its next death is a first one again.
STABLE_SECONDS = 5.0

# A check waits so long for a server that it restarted; a longer recovery is looked at again by the next
# check.
HEAL_WAIT_SECONDS = 0.5

# While a start takes long (Postgres replays its log after a crash) it says so this often.
PATIENCE_LINE_SECONDS = 5.0

# Another program can take a port between the moment it was found free and the start.
PORT_ATTEMPTS = 5


class Program(Protocol):
    """A server that can be run as a child process."""

    @property
    def name(self) -> str: ...

    @property
    def ready_timeout_seconds(self) -> float: ...

    def choose_address(self) -> None:
        """Settles the address for good; called again only if the first start found it taken."""

    def spawn(self) -> subprocess.Popen[bytes]: ...

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool: ...

    def explain_death(self, exit_code: int) -> EmbeddedError: ...

    def end(self, process: subprocess.Popen[bytes]) -> None: ...

    def trim_log(self) -> None: ...

    def describe_address(self) -> str: ...


class Child:
    """The process of one server."""

    def __init__(self, program: Program, progress: Callable[[str], None]) -> None:
        self._program = program
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._spawned_at = 0.0
        self._ready_at: float | None = None
        self._deaths = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The pid while the process lives."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Starts the server without waiting for it."""
        self._program.choose_address()
        self._spawn()

    def wait_until_ready(self) -> None:
        """Waits for the first start. Raises StartFailed, PortTaken or DiskFull; the caller then stops."""
        attempts = 1
        next_line_at = self._spawned_at + PATIENCE_LINE_SECONDS
        while not self._note_ready():
            exit_code = self._living().poll()
            now = time.monotonic()
            if exit_code is not None:
                reason = self._program.explain_death(exit_code)
                if not isinstance(reason, PortTaken) or attempts == PORT_ATTEMPTS:
                    raise reason
                attempts += 1
                self._program.choose_address()
                self._spawn()
            elif self._age() > self._program.ready_timeout_seconds:
                bound_seconds = self._program.ready_timeout_seconds
                raise StartFailed(f"{self._program.name} did not get ready within {bound_seconds:.0f} s")
            elif now >= next_line_at:
                self._progress(f"{self._program.name}: still starting after {self._age():.0f} s")
                next_line_at = now + PATIENCE_LINE_SECONDS
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Restarts a dead server at the same address. A failed start raises nothing: it is tried again."""
        self._program.trim_log()
        if self._process is not None:
            exit_code = self._process.poll()
            if exit_code is None:
                self._look_at_the_living()
                return
            self._bury(exit_code)
        if time.monotonic() >= self._not_before:
            self._restart()

    def stop(self) -> None:
        if self._process is None:
            return
        self._program.end(self._process)
        self._process = None

    def _spawn(self) -> None:
        self._ready_at = None
        self._spawned_at = time.monotonic()
        with signals_held_back():
            self._process = self._program.spawn()

    def _restart(self) -> None:
        try:
            self._spawn()
        except (OSError, EmbeddedError) as error:
            self._back_off()
            self._progress(f"{self._program.name} could not be started ({error}); trying again{self._pause()}")
            return
        deadline = time.monotonic() + HEAL_WAIT_SECONDS
        while not self._note_ready() and self._living().poll() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _look_at_the_living(self) -> None:
        if self._ready_at is None:
            self._note_ready()
            if self._ready_at is None and self._age() > self._program.ready_timeout_seconds:
                self._progress(f"{self._program.name} does not get ready; it is ended and started again")
                self._program.end(self._living())
        elif self._deaths and time.monotonic() - self._ready_at > STABLE_SECONDS:
            self._deaths = 0

    def _bury(self, exit_code: int) -> None:
        was_ready = self._ready_at is not None
        reason = f"ended ({_how(exit_code)})" if was_ready else str(self._program.explain_death(exit_code))
        self._process = None
        self._back_off()
        self._progress(f"{self._program.name}: {reason}; starting it again{self._pause()}")

    def _back_off(self) -> None:
        if self._ready_at is not None and time.monotonic() - self._ready_at > STABLE_SECONDS:
            self._deaths = 0
        self._deaths += 1
        if self._deaths == 1:
            self._not_before = time.monotonic()
            return
        wait_seconds = min(FIRST_BACK_OFF_SECONDS * 2.0 ** min(self._deaths - 2, 16), LAST_BACK_OFF_SECONDS)
        self._not_before = time.monotonic() + wait_seconds

    def _pause(self) -> str:
        seconds = self._not_before - time.monotonic()
        return f" in {seconds:.2g} s" if seconds > 0 else ""

    def _note_ready(self) -> bool:
        if self._ready_at is None and self._program.is_ready(self._living()):
            self._ready_at = time.monotonic()
            address = self._program.describe_address()
            self._progress(f"{self._program.name} is ready on {address} after {self._age():.2f} s")
        return self._ready_at is not None

    def _age(self) -> float:
        return time.monotonic() - self._spawned_at

    def _living(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StartFailed(f"{self._program.name} was not started")
        return self._process


def _how(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
