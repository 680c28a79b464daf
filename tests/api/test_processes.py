"""Several server processes on one port: they sell as one, and one that dies is replaced while the others go on."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api.calls import answer_or_refusal, patiently, stubs_of, together
from api.refusals import Refusal
from api.shop import Stubs, assert_ledger_is_sound, open_shop
from support.authority import ServerProcess, TestAuthority, wait_until
from support.servers import Servers

PROCESSES = 2
CONNECTIONS = 24
UNITS = 100
BUYERS = 300

_STARTED = re.compile(r"\bserver_started\s.*pid=(\d+)")


@pytest.fixture(scope="module")
def host(servers: Servers) -> Iterator[TestAuthority]:
    own = TestAuthority(servers, database="processes", segment="processes")
    own.start_server(HOLDFAST_PROCESSES=str(PROCESSES))
    yield own
    own.close()


@contextlib.asynccontextmanager
async def connections(target: str, count: int) -> AsyncIterator[list[Stubs]]:
    """Connections of their own, which the system spreads over the processes."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(stubs_of(target)) for _ in range(count)]


def server_pids(process: ServerProcess) -> list[int]:
    """The server processes that a host has started so far, those included that have died."""
    return [int(match[1]) for line in process.lines if (match := _STARTED.search(line))]


def connections_taken(pid: int, port: int) -> int:
    """The established connections of a process to that port, as the system tells."""
    own = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if (match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(link))) is not None:
                own.add(match[1])
    # gRPC listens on sockets of both families, whatever the address.
    tables = [Path(f"/proc/{pid}/net/{family}").read_text() for family in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    established = "01"
    return sum(row[1].endswith(f":{port:04X}") and row[3] == established and row[9] in own for row in rows)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_all_processes_serve_and_together_sell_each_unit_once(host: TestAuthority) -> None:
    async with connections(host.target, CONNECTIONS) as clients:
        shop = await open_shop(clients[0], units=UNITS)
        calls = [
            answer_or_refusal(clients[number % CONNECTIONS].inventory.CreateReservation(shop.one_unit()))
            for number in range(BUYERS)
        ]
        outcomes = await together(calls)
        pids = server_pids(host.processes[0])
        port = int(host.target.rpartition(":")[2])
        taken = [connections_taken(pid, port) for pid in pids]
        assert len(pids) == PROCESSES
        assert all(taken), f"every process has connections: {taken}"
        refused = [one for one in outcomes if isinstance(one, Refusal)]
        assert {one.reason for one in refused} == {"INSUFFICIENT_STOCK"}
        assert len(outcomes) - len(refused) == UNITS
        assert await shop.available() == 0
        await assert_ledger_is_sound(clients[0], uncovered=None)


async def test_a_process_that_dies_is_replaced_and_nothing_is_lost(host: TestAuthority) -> None:
    process = host.processes[0]
    async with connections(host.target, CONNECTIONS) as clients:
        shop = await open_shop(clients[0], units=UNITS)
        before = len(server_pids(process))
        victim = server_pids(process)[-1]
        first = together(
            patiently(clients[number % CONNECTIONS].inventory.CreateReservation, shop.one_unit())
            for number in range(UNITS // 2)
        )
        os.kill(victim, signal.SIGKILL)
        await first
        wait_until(lambda: len(server_pids(process)) > before, "another process is started")
        await together(
            patiently(clients[number % CONNECTIONS].inventory.CreateReservation, shop.one_unit())
            for number in range(UNITS // 2)
        )
        level = await shop.level()
        assert (level.held_quantity, level.net_quantity) == (UNITS, 0)
        await assert_ledger_is_sound(clients[0], uncovered=None)
    assert process.is_alive


def test_a_port_that_others_share_is_not_taken_by_mistake(host: TestAuthority) -> None:
    port = host.target.rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, "-m", "holdfast_server", "--port", port, "--processes", "2"],
        env={**os.environ, "HOLDFAST_POSTGRES_URL": host.postgres_url, "HOLDFAST_REDIS_URL": host.redis_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: is another server running there?" in ended.stdout


def test_a_host_that_is_stopped_or_killed_leaves_nobody_behind(servers: Servers) -> None:
    own = TestAuthority(servers, database="processes_end", segment="processesend")
    for end in (ServerProcess.stop, ServerProcess.kill):
        process = own.start_server(HOLDFAST_PROCESSES="2")
        pids = server_pids(process)
        assert process.writer_pid is not None
        pids.append(process.writer_pid)
        assert len(pids) == PROCESSES + 1
        assert all(map(is_running, pids))
        end(process)
        wait_until(lambda pids=pids: not any(map(is_running, pids)), "its processes end")  # type: ignore[misc]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", int(process.target.rpartition(":")[2])))
