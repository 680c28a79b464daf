"""Runs pieces of work side by side, as one piece."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


async def together(*works: Coroutine[object, object, None]) -> None:
    """Returns when all works are over.

    If one fails the others are cancelled, and its error is raised as it is: a caller need not know that the
    work was divided.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
