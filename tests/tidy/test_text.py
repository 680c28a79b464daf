"""Rules about the text itself: headers, lengths, and words that do not belong."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "server" / "holdfast_server" / "decide" / "scripts"
LUA_FILES = sorted(SCRIPTS.rglob("*.lua"))
MAX_LINES = 500
NOT_OURS = {".git", ".venv", "gen", "data", "build", "dist", "__pycache__", "node_modules"}
OUR_KINDS = {".py", ".lua", ".sql", ".proto", ".md", ".toml", ".yaml", ".yml", ".sh", ".html", ".css", ".js"}
OUR_NAMES = {"Makefile", "Dockerfile", "run"}

# Split, so that this file does not contain them.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
OF_A_MACHINE = re.compile(r"(?:^|[\s\"'`(=])/(?:wo" + r"rk|home|root|Users)/")
PACKAGE_INDEX = re.compile(r"(?:py" + r"pi\.org|files\.python" + r"hosted|index-" + r"url)", re.IGNORECASE)


def our_files() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        if any(part in NOT_OURS or part.endswith("_cache") for part in relative.parts):
            continue
        if path.is_file() and (path.suffix in OUR_KINDS or path.name in OUR_NAMES):
            yield path


OUR_FILES = list(our_files())


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in OUR_FILES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]


def test_our_files_are_found() -> None:
    kinds = {path.suffix for path in OUR_FILES}
    assert kinds >= {".py", ".lua", ".sql", ".proto", ".toml"}


def test_no_file_is_longer_than_a_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): length_of(path) for path in OUR_FILES}
    assert not {name: length for name, length in lengths.items() if length > MAX_LINES}


def length_of(path: Path) -> int:
    """Lines; of a proto those that are no comments, since there the comments are the contract."""
    lines = path.read_text().splitlines()
    return len([line for line in lines if path.suffix != ".proto" or not line.strip().startswith("//")])


def test_nothing_is_left_for_later() -> None:
    assert not lines_matching(UNFINISHED)


def test_no_path_of_a_single_machine_is_written_down() -> None:
    assert not lines_matching(OF_A_MACHINE)


def test_no_package_index_is_written_down() -> None:
    assert not lines_matching(PACKAGE_INDEX)


@pytest.mark.parametrize("path", LUA_FILES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_a_script_opens_with_its_purpose(path: Path) -> None:
    """A part says it in a line; an operation and a whole script have a header of named paragraphs."""
    header = "".join(f"{line}\n" for line in opening_comment(path.read_text().splitlines()))
    if path.parent.name == "parts":
        assert re.match(rf"-- {re.escape(path.name)}: \w.*[.,:]?\n", header)
    else:
        assert re.match(rf"-- {re.escape(path.name)}\n--\n-- Purpose   \w", header)


def opening_comment(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("--"):
            return
        yield line


def test_there_are_scripts_to_look_at() -> None:
    assert {"tick.lua", "reserve.lua"} <= {path.name for path in LUA_FILES}
