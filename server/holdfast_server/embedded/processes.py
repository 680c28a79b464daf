"""Processes of the operating system: is this pid that program, and how one is ended within a bound.

Knows nothing of Postgres or Valkey. Pids are reused, so no signal is sent to a process that is not our own
child before its command line was read.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02
PS_TIMEOUT_SECONDS = 5.0

_PROC = Path("/proc")
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# What the servers get to see of our environment. PG* and LC_* variables of the caller would change how
# Postgres behaves; the loader's variables are needed by some builds that were not made by a distribution.
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One escalation when a process is ended: a signal, and how long it may take to work."""

    signal: signal.Signals
    patience_seconds: float


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM take effect only at the end: else one could fall between a child's birth and its name."""
    if threading.current_thread() is not threading.main_thread():
        # Python has the main thread handle all signals.
        yield
        return
    held: list[int] = []
    before = {number: signal.signal(number, lambda caught, _: held.append(caught)) for number in _ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    for caught in held:
        signal.raise_signal(caught)


def clean_environment() -> dict[str, str]:
    """The environment of every child: messages in English, nothing inherited that changes a server."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def command_line(pid: int) -> list[str]:
    """The arguments of a live process; empty if there is none, if it is a zombie, or if it is hidden."""
    if pid <= 0:
        return []
    if _PROC.joinpath("self").exists():
        return _command_line_from_proc(pid)
    return _command_line_from_ps(pid)


def working_directory(pid: int) -> str | None:
    """The working directory of a process, under the name that it has now; None without /proc or the right to see it."""
    try:
        return os.readlink(_PROC / str(pid) / "cwd")
    except OSError:
        return None


def running() -> list[int]:
    """All processes of the machine, as far as we may see them."""
    return [int(entry.name) for entry in _PROC.glob("[0-9]*")]


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is this one."""
    return [pid for pid in running() if working_directory(pid) == str(folder)]


def exists(pid: int) -> bool:
    """Whether the pid is taken, be it by a zombie: what a server's own check of a stale pid file sees."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_stranger(pid: int, *, is_it: Callable[[int], bool], steps: Sequence[Step]) -> bool:
    """Ends a process that is not our child; `is_it` is asked before every signal. True if it is gone."""
    for step in steps:
        if not is_it(pid):
            return True
        try:
            os.kill(pid, step.signal)
        except ProcessLookupError:
            return True
        if _wait_until(lambda: not is_it(pid), step.patience_seconds):
            return True
    return not is_it(pid)


def end_child(process: subprocess.Popen[bytes], *, steps: Sequence[Step]) -> bool:
    """Ends and reaps a child of ours. True if it is gone at the end."""
    for step in steps:
        if process.poll() is not None:
            return True
        # Popen.send_signal polls first, so a pid that was reaped and reused is never hit.
        process.send_signal(step.signal)
        try:
            process.wait(timeout=step.patience_seconds)
        except subprocess.TimeoutExpired:
            continue
        return True
    return process.poll() is not None


def _command_line_from_proc(pid: int) -> list[str]:
    try:
        raw = _PROC.joinpath(str(pid), "cmdline").read_bytes()
    except OSError:
        return []
    # A zombie has an empty command line.
    return [part.decode(errors="surrogateescape") for part in raw.split(b"\0") if part]


def _command_line_from_ps(pid: int) -> list[str]:
    try:
        answer = subprocess.run(
            ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=PS_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    state, _, command = answer.stdout.strip().partition(" ")
    return [] if state.startswith("Z") else command.split()


def _wait_until(condition: Callable[[], bool], patience_seconds: float) -> bool:
    deadline = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
