"""The Lua scripts: read from package data, put together, and run by their digest."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from holdfast_server import layouts

_INCLUDE: Final = "--include "


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


@functools.cache
def load_script(name: str) -> Script:
    """Returns the script of this file name with its includes put in place.

    A script with includes gets the constants of layouts.py in front, so that positions in records and numbers of
    states are said once.
    """
    text = _read(name)
    if _INCLUDE not in text:
        return Script(name, text)
    lines = [
        _read(line.removeprefix(_INCLUDE).strip()) if line.startswith(_INCLUDE) else line for line in text.splitlines()
    ]
    return Script(name, layouts.lua_constants() + "\n".join(lines) + "\n")


TICK: Final = "tick.lua"
COMMITTED: Final = "committed.lua"
OPEN: Final = "open.lua"
