"""The event loop of the load test's own processes: uvloop where it is installed.

It saves about a sixth of the CPU of a call, on the server's side and on the caller's.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Coroutine
from typing import Any, TypeVar

_Returned = TypeVar("_Returned")


def event_loop_name() -> str:
    """Returns the name of the event loop that `run_on_fastest_loop` takes."""
    return "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"


def run_on_fastest_loop(main: Coroutine[Any, Any, _Returned]) -> _Returned:
    """Runs a coroutine to its end, as asyncio.run does."""
    if event_loop_name() == "asyncio":
        return asyncio.run(main)
    import uvloop

    returned: _Returned = uvloop.run(main)
    return returned
