"""The processes of a run: starting helpers of our own, and what each process costs. Costs are known on Linux only."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

STOP_SECONDS = 10.0
"""How long a process of ours may take to end when asked; then it is killed."""

_PROC = Path("/proc")
_PARENT_FIELD = 1
# User and system time: of the process, and of its children that have ended.
_OWN_FIELDS = (11, 12)
_OF_DEAD_FIELDS = (13, 14)


class ProcessFailedError(Exception):
    """A process that the run needs did not start or ended early."""


@asynccontextmanager
async def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    line_bytes: int = 2**20,
    apart: bool = False,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs a process of ours with pipes to its standard input and output, and ends it. Lines may have `line_bytes`.

    With `apart` no signal to all processes of the terminal reaches it; it should end with its standard input.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=None if environment is None else {**os.environ, **environment},
        limit=line_bytes,
        process_group=0 if apart else None,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def line_from(process: asyncio.subprocess.Process, *, within_seconds: float) -> str:
    """Returns the next line of a process. Raises ProcessFailedError if it ends or takes too long."""
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), within_seconds)
    except TimeoutError:
        raise ProcessFailedError(f"process {process.pid} said nothing for {within_seconds:.0f} seconds") from None
    if not line:
        raise ProcessFailedError(f"process {process.pid} ended with code {await process.wait()}")
    return line.decode().strip()


def cpu_seconds(pids: Sequence[int]) -> float | None:
    """Returns the CPU time that processes have used so far, together; None if the system does not tell."""
    ticks = [_ticks_of(pid) for pid in pids]
    known = [one for one in ticks if one is not None]
    return sum(known) / os.sysconf("SC_CLK_TCK") if known else None


def cpu_seconds_of_tree(root: int) -> float | None:
    """Returns the CPU time of a process and all that it has started, those that have ended included."""
    ticks = [_ticks_of(pid, *_OF_DEAD_FIELDS) for pid in (root, *_descendants(root))]
    known = [one for one in ticks if one is not None]
    return sum(known) / os.sysconf("SC_CLK_TCK") if known else None


def _ticks_of(pid: int, *more_fields: int) -> int | None:
    fields = _stat_of(pid)
    return sum(int(fields[number]) for number in (*_OWN_FIELDS, *more_fields)) if fields else None


def _stat_of(pid: int) -> list[str]:
    """Returns what the system tells of a process, from its state on; nothing if it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command_line(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _descendants(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        fields = _stat_of(int(entry.name))
        if fields:
            children.setdefault(int(fields[_PARENT_FIELD]), []).append(int(entry.name))
    waiting = [root]
    while waiting:
        found = children.get(waiting.pop(), [])
        yield from found
        waiting.extend(found)


def server_roots(data_directory: Path | None = None) -> list[int]:
    """Returns the first process of every authority that we started, oldest first; of those on a data directory only.

    Empty where the system does not tell.
    """
    whose = "" if data_directory is None else f"--data-directory {data_directory} "
    commands = ((pid, _command_line(pid)) for pid in sorted(_descendants(os.getpid())))
    return [pid for pid, command in commands if "-m holdfast_server " in command and whose in command]


def authority_processes(root: int | None = None) -> dict[str, list[int]]:
    """Returns the processes of the authority that begins with a process, or with the first one that we started.

    By what they are; of Postgres the first process, which has started all others. Empty where the system does not tell.
    """
    roots = server_roots() if root is None else [root]
    if not roots:
        return {}
    found: dict[str, list[int]] = {"server": roots[:1], "ledger_writer": [], "valkey": [], "postgres": []}
    for pid in _descendants(roots[0]):
        command = _command_line(pid)
        program = Path(command.split(" ")[0]).name
        if "holdfast_server.writer_process" in command:
            found["ledger_writer"].append(pid)
        elif "holdfast_server." in command:
            found["server"].append(pid)
        elif program in ("valkey-server", "redis-server"):
            found["valkey"].append(pid)
        elif program == "postgres":
            found["postgres"].append(pid)
    return found
