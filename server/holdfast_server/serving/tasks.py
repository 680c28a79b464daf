"""The event loop of a process, and its tasks, which never end by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from holdfast_server.embedded.supervisor import Supervisor

log = structlog.get_logger("holdfast.server")

NamedTask = tuple[str, Coroutine[Any, Any, None]]

_CHECK_SECONDS: Final = 0.5
_CANCEL_SECONDS: Final = 3.0
_CANCEL_TRIES: Final = 3


def run_in_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs the main task of a process, on uvloop where it is installed."""
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        runner.run(main)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """Returns a loop of uvloop, which takes a tenth off the CPU of a call; of Python's own on a platform without it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def begin(named: list[NamedTask]) -> list[asyncio.Task[None]]:
    """Starts tasks."""
    return [asyncio.create_task(coroutine, name=name) for name, coroutine in named]


async def wait_for(stopped: asyncio.Task[Any], tasks: list[asyncio.Task[None]]) -> None:
    """Waits until the process is told to stop. Raises what ended a task before."""
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            # None of them ever ends by itself, so this raises what went wrong.
            await task


async def cancel_all(tasks: list[asyncio.Task[None]], *, seconds: float = _CANCEL_SECONDS) -> None:
    """Ends tasks. One that loses a cancellation, as a library in between may do, is cancelled again and named."""
    pending = set(tasks)
    for _ in range(_CANCEL_TRIES):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=seconds)
        if not pending:
            return
        for task in pending:
            where = [f"{frame.f_code.co_filename}:{frame.f_lineno}" for frame in task.get_stack(limit=3)]
            log.warning("task_does_not_end", task=task.get_name(), where=where)


async def check_embedded_for_ever(supervisor: Supervisor | None) -> None:
    """Has the bundled servers looked after; without them it only waits."""
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        if supervisor is not None:
            await asyncio.to_thread(supervisor.check)
