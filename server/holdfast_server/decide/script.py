"""The Lua scripts: read from package data, put together, and run by their digest."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from holdfast_server import layouts

_INCLUDE: Final = "--include "
_NUMBERS: Final = r"(?:\s*\w+ = \d+,?)+\s*"
_NUMBERED: Final = re.compile(
    rf"^local ([A-Z_]+) = \{{({_NUMBERS}|(?:\s*\w+ = \{{(?:{_NUMBERS}|\s*)\}},?)+\s*)\}}$", re.MULTILINE
)
_GROUP: Final = re.compile(r"(\w+) = \{([^{}]*)\}")
_FIELD: Final = re.compile(r"(\w+) = (\d+)")
_COMMENT: Final = re.compile(r"--.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script and its SHA-1, by which Redis knows it once it was loaded."""

    name: str
    source: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "digest", digest)


def _read(name: str) -> str:
    return resources.files("holdfast_server.decide").joinpath("scripts", name).read_text(encoding="utf-8")


def _numbers_of(fields: str) -> dict[str, str]:
    """Returns the numbers of a table by their names, with a dot in them where the table is one of tables."""
    groups = _GROUP.findall(fields)
    if not groups:
        return dict(_FIELD.findall(fields))
    return {f"{group}.{name}": number for group, inner in groups for name, number in _FIELD.findall(inner)}


def _with_numbers(source: str) -> str:
    """Returns the script with numbers in place of the names of fields and kinds, as a compiler would put them.

    Every tick runs the whole script. Tables of names would be made anew by it, caught by every function that uses them,
    and looked up by every statement, which together is much of what a tick costs. Lines keep their numbers.

    Raises:
        ValueError: A table has no such name.
    """
    tables = {table: _numbers_of(fields) for table, fields in _NUMBERED.findall(source)}

    def number(reference: re.Match[str]) -> str:
        table, name = reference[1], reference[2]
        if name not in tables[table]:
            raise ValueError(f"the scripts say {table}.{name}, which there is not")
        return str(tables[table][name])

    any_table = rf"(?<![.\w])({'|'.join(tables)})\b"
    source = re.sub(rf"{any_table}\.(\w+(?:\.\w+)?)", number, _COMMENT.sub("", source))
    named = set(re.findall(any_table, _NUMBERED.sub("", source)))
    return _NUMBERED.sub(lambda made: made[0] if made[1] in named else "\n" * made[0].count("\n"), source)


@functools.cache
def load_script(name: str) -> Script:
    """Returns the script of this file name with its includes put in place.

    A script with includes gets the constants of layouts.py, so that positions in records and numbers of states are said
    once.
    """
    text = _read(name)
    if _INCLUDE not in text:
        return Script(name, text)
    lines = [
        _read(line.removeprefix(_INCLUDE).strip()) if line.startswith(_INCLUDE) else line for line in text.splitlines()
    ]
    return Script(name, _with_numbers(layouts.lua_constants() + "\n".join(lines) + "\n"))


TICK: Final = "tick.lua"
COMMITTED: Final = "committed.lua"
OPEN: Final = "open.lua"
