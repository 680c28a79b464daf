"""A server of one's own is waited for, asked to end, and its last words are shown if it does not start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from holdfast_client.orders import server_process
from holdfast_client.orders.server_process import ServerNotStartedError, embedded_server

_SERVES = """
import pathlib, signal, sys, threading
directory = pathlib.Path(sys.argv[sys.argv.index("--data-directory") + 1])
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
print("starting")
print("holdfast: listening on 127.0.0.1:4711", flush=True)
for _ in range(5000):
    print("chatter that nobody waits for" * 10)
asked.wait()
(directory / "ended").write_text("in order")
"""

_ENDS = """
import sys
print("the database is gone", file=sys.stderr)
sys.exit(3)
"""

_IGNORES = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("holdfast: listening on 127.0.0.1:4711", flush=True)
time.sleep(600)
"""


def _command(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


async def test_the_target_is_read_from_the_line_that_says_so_and_the_server_ends_in_order(
    tmp_path: Path,
) -> None:
    async with embedded_server(tmp_path, command=_command(_SERVES)) as target:
        assert target == "127.0.0.1:4711"
    assert (tmp_path / "ended").read_text() == "in order"


async def test_a_server_of_ones_own_is_not_led_to_other_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_POSTGRES_URL", "postgresql://books")
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "redis://till")
    script = "import os, sys; sys.exit(40 + sum(name in os.environ for name in sys.argv[1].split()))"
    command = (*_command(script), "HOLDFAST_POSTGRES_URL HOLDFAST_REDIS_URL")
    with pytest.raises(ServerNotStartedError, match="code 40"):
        async with embedded_server(tmp_path, command=command):
            pass


async def test_a_temporary_data_directory_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with embedded_server(None, command=_command(_SERVES)):
        assert len(os.listdir(tmp_path)) == 1
    assert not os.listdir(tmp_path)


async def test_a_server_that_ends_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(ServerNotStartedError, match=r"code 3[\s\S]*the database is gone"):
        async with embedded_server(tmp_path, command=_command(_ENDS)):
            pass


async def test_a_server_that_does_not_say_where_it_listens_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "START_SECONDS", 0.0)
    with pytest.raises(ServerNotStartedError, match="did not say"):
        async with embedded_server(tmp_path, command=_command("import time; time.sleep(600)")):
            pass


async def test_a_server_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "STOP_SECONDS", 0.0)
    async with embedded_server(tmp_path, command=_command(_IGNORES)) as target:
        assert target
