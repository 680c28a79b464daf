"""`holdfast watch` shows what it is told: as a table, as lines, as JSON; and Ctrl-C ends it well."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from holdfast_client import AvailabilityGone, InStep, OutOfStep, WatchPolicy, WatchReset, command
from holdfast_client.command import watch as watch_command
from holdfast_client.command.watch_table import LiveTable
from holdfast_client.errors import unavailable
from holdfast_client.watching.events import update_of
from unit.client.scripted import PATIENCE_SECONDS, Pause, ScriptedAuthority, loading
from unit.client.watch_cases import REFUSED, at, bookmark, changes, number, reset, snapshot, synced

RPC = "WatchAvailability"
BEGINNING = (snapshot(number("A", 5, 3), number("B", 2, 3), number("A", 4, 3, location="LONDON")), synced(3))
# Whoever runs the tests in the background has them ignore Ctrl-C; the command of a person does not.
PROGRAM = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
from holdfast_client.command import main

main()
"""


def holdfast_watch(authority: ScriptedAuthority, *arguments: str) -> Result:
    return CliRunner().invoke(command.build(), ["watch", *arguments], env={"HOLDFAST_TARGET": authority.target})


def test_the_numbers_as_they_are_now_stand_in_tables(authority: ScriptedAuthority) -> None:
    authority.will_answer(RPC, [*BEGINNING, Pause()])
    result = holdfast_watch(authority, "--channel", "WEB", "--location", "LONDON", "--until-synced", "B", "A")
    assert result.exit_code == 0
    asked = authority.heard(RPC)[0].request.filter
    assert (asked.channels, asked.locations, asked.skus) == (["WEB"], ["LONDON"], ["B", "A"])
    rows = re.findall(r"│ (\w+) +│ (\w+) +│ +(\d+) │", result.stdout)
    assert rows == [("B", "WEB", "2"), ("A", "WEB", "5"), ("A", "LONDON", "4")]
    assert result.stdout.splitlines()[-1] == "as of revision main/3"


def test_a_token_file_has_the_next_watch_go_on(authority: ScriptedAuthority, tmp_path: Path) -> None:
    file = tmp_path / "token"
    authority.will_answer(RPC, [*BEGINNING, Pause()], [changes(number("B", 1, 4), position=4), Pause()])
    for _ in range(2):
        result = holdfast_watch(authority, "--channel", "WEB", "--until-synced", "--token-file", str(file))
        assert result.exit_code == 0
    assert [call.request.resume_token for call in authority.heard(RPC)] == ["", "token-3"]
    assert re.findall(r"│ (\w+) +│ WEB", result.stdout) == ["B"]
    assert file.read_text() == "token-4\n"


def test_every_change_is_a_line_of_json(authority: ScriptedAuthority) -> None:
    told = changes(number("A", 3, 4, because="RESERVE"), number("A", 2, 4, location="LONDON", skipped=1), position=4)
    authority.will_answer(RPC, [*BEGINNING, told, reset(), snapshot(number("B", 9, 1)), synced(1), REFUSED])
    result = holdfast_watch(authority, "--channel", "WEB", "--json")
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert json.loads(result.stderr)["error"]["reason"] == "INVALID_FIELD"
    changed = [line for line in lines if line["event"] == "changed"]
    # How many come together depends on the moment; the newest number of each key always comes.
    assert changed[-1] == {
        "event": "changed",
        "sku": "B",
        "channel": "WEB",
        "location": "",
        "available": 9,
        "backorder": 0,
        "level": None,
        "version": 1,
        "causes": [],
        "skipped": 0,
    }
    assert {"event": "reset", "reason": "OTHER_LINEAGE"} in lines
    assert {"event": "gone", "sku": "A", "channel": "", "location": "LONDON"} in lines


def test_elsewhere_than_on_a_terminal_every_change_is_a_line_of_words(authority: ScriptedAuthority) -> None:
    authority.will_answer(RPC, [snapshot(number("A", 5, 3)), synced(3), REFUSED])
    result = holdfast_watch(authority, "--channel", "WEB")
    assert result.stdout.splitlines() == ["A WEB: 5 available", "in step with revision main/3; changes follow"]
    authority.will_answer(RPC, [changes(number("A", 3, 4, because="RESERVE"), position=4), REFUSED])
    assert holdfast_watch(authority, "--channel", "WEB").stdout.splitlines()[0] == "A WEB: 3 available, RESERVE"


@pytest.mark.parametrize("arguments", [[], ["A"], ["--until-synced"]], ids=" ".join)
def test_without_a_channel_or_a_location_it_is_not_understood(
    authority: ScriptedAuthority, arguments: list[str]
) -> None:
    assert holdfast_watch(authority, *arguments).exit_code == 2
    assert authority.all_heard() == []


def test_a_token_file_that_cannot_be_is_said(authority: ScriptedAuthority, tmp_path: Path) -> None:
    file = tmp_path / "no-such-folder" / "token"
    result = holdfast_watch(authority, "--channel", "WEB", "--token-file", str(file))
    assert result.exit_code == 1
    assert result.stderr == f"holdfast: {file}: No such file or directory\n"


def test_a_script_does_not_wait_for_ever(authority: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = watch_command._OF_A_SCRIPT.max_tries
    assert tries is not None
    monkeypatch.setattr(
        watch_command,
        "_OF_A_SCRIPT",
        WatchPolicy(max_tries=tries, initial_backoff_seconds=0.0, max_backoff_seconds=0.0),
    )
    authority.will_answer(RPC, *([loading()] for _ in range(tries)))
    result = holdfast_watch(authority, "--channel", "WEB", "--until-synced")
    assert result.exit_code == 1
    assert "SEGMENT_LOADING" in result.stderr
    assert result.stdout == ""


# The table that keeps itself current.


class Screen:
    """A terminal that is read instead of seen, and a clock that stands."""

    def __init__(self, height: int = 40) -> None:
        self.console = Console(file=io.StringIO(), force_terminal=True, width=110, height=height)
        self.seconds = 0.0
        self.table = LiveTable(self.console, clock=lambda: self.seconds)

    def rows(self) -> list[list[str]]:
        return [[cell.strip() for cell in line.strip("│").split("│")] for line in self.lines() if line.startswith("│")]

    def lines(self) -> list[str]:
        with self.console.capture() as captured:
            self.console.print(self.table.drawn())
        return re.sub(r"\x1b\[[0-9;]*m", "", captured.get()).splitlines()


def in_step(position: int) -> InStep:
    return InStep(revision=at(position), resume_token=f"token-{position}")


def test_the_table_has_the_newest_numbers_with_their_last_change_and_its_cause() -> None:
    screen = Screen()
    assert screen.lines()[-1] == "waiting for the numbers"
    for event in (update_of(number("A", 5, 3)), update_of(number("A", 7, 3, location="LONDON")), in_step(3)):
        screen.table.take(event)
    screen.table.take(update_of(number("A", 2, 4, because="RESERVE")))
    screen.table.take(in_step(4))
    screen.seconds = 3.0
    assert screen.rows() == [["A", "LONDON", "7", "", "", ""], ["A", "WEB", "2", "", "-3", "RESERVE"]]
    assert screen.lines()[-1] == "in step with revision main/4 3 s ago"


def test_the_table_says_that_it_is_out_of_step_until_it_is_mended() -> None:
    screen = Screen()
    screen.table.take(OutOfStep(error=unavailable("away")))
    assert screen.lines()[-1] == "waiting for the numbers: UNAVAILABLE: away"
    screen.table.take(in_step(4))
    screen.table.take(OutOfStep(error=unavailable("away")))
    screen.seconds = 31.0
    assert screen.lines()[-1] == "in step with revision main/4 31 s ago; out of step, trying again: UNAVAILABLE: away"
    screen.table.take(in_step(5))
    assert screen.lines()[-1] == "in step with revision main/5 0 s ago"


def test_the_table_forgets_what_a_reset_took_away() -> None:
    screen = Screen()
    for event in (update_of(number("A", 5, 30)), update_of(number("B", 1, 30)), in_step(30)):
        screen.table.take(event)
    gone = AvailabilityGone(sku="B", channel="WEB", location="")
    for reset_event in (WatchReset(reason="OTHER_LINEAGE"), update_of(number("A", 6, 2)), gone, in_step(2)):
        screen.table.take(reset_event)
    assert screen.rows() == [["A", "WEB", "6", "", "+1", ""]]
    assert screen.lines()[-1] == "in step with revision main/2 0 s ago; began anew: OTHER_LINEAGE"


async def test_the_table_is_left_with_what_came_last() -> None:
    screen = Screen()
    async with screen.table.shown():
        screen.table.take(update_of(number("A", 5, 3)))
        screen.table.take(in_step(3))
    assert isinstance(screen.console.file, io.StringIO)
    assert "in step with revision main/3" in screen.console.file.getvalue()


def test_a_screen_with_too_few_lines_shows_those_that_changed_last() -> None:
    screen = Screen(height=12)
    for sku in "ABCDEFGH":
        screen.table.take(update_of(number(sku, 5, 3)))
    screen.table.take(in_step(3))
    screen.table.take(update_of(number("A", 4, 4)))
    assert [row[0] for row in screen.rows()] == ["A", "E", "F", "G", "H"]
    assert "3 more" in screen.lines()[-1]
    assert len(screen.lines()) <= 12


# Ctrl-C.


def interrupted_after(words: str, authority: ScriptedAuthority, output: tuple[int, int], *arguments: str) -> str:
    """Run the command until it has shown the words, interrupt it, see it end with 0, and return all that it showed."""
    ours, its = output
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "watch", "--channel", "WEB", "--target", authority.target, *arguments],
        stdout=its,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(its)
    shown = b""
    try:
        while words.encode() not in shown:
            shown += read_some(ours)
        process.send_signal(signal.SIGINT)
        while part := read_some(ours):
            shown += part
        assert process.wait(PATIENCE_SECONDS) == 0, shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"Traceback" not in shown
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def read_some(descriptor: int) -> bytes:
    """What can be read next; empty once the other end is closed."""
    assert select.select([descriptor], [], [], PATIENCE_SECONDS)[0], "nothing came"
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""  # How the end of a terminal shows.


def test_ctrl_c_ends_it_well(authority: ScriptedAuthority) -> None:
    pause = Pause()
    authority.will_answer(RPC, [*BEGINNING, bookmark(4), pause])
    shown = interrupted_after("LONDON", authority, os.pipe(), "--json")
    assert [json.loads(line)["event"] for line in shown.splitlines()] == ["changed"] * 3
    assert pause.left.wait(PATIENCE_SECONDS)


def test_ctrl_c_leaves_the_last_table_on_a_terminal(authority: ScriptedAuthority) -> None:
    authority.will_answer(RPC, [*BEGINNING, Pause()])
    shown = interrupted_after("in step with revision main/3", authority, pty.openpty())
    last_table = shown[shown.rindex("┏") :].splitlines()
    assert re.search(r"A +│ WEB", "\n".join(last_table))
    assert last_table[-1].startswith("in step with revision main/3")
